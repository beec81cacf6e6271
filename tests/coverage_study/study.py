"""The runs: samples of a design through the core, and what their intervals hold."""

import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np

from service.evaluate import kinds_of, report, states_of
from service.metrics.batch import Batch, Question, Reading
from service.metrics.catalogue import TASKS
from service.metrics.row import Metric, Table
from tests.coverage_study.designs import WEIGHTS, WORTH, Design
from tests.coverage_study.expected import Expected, per_row
from tests.coverage_study.rules import CONSERVATIVE, FEW, WITHOUT, rule_of

Report = dict[str, Any]
Answer = Callable[[Batch, Question, Reading], Report]

# Rows that are drawn to find the mean of a statistic that is no property of the population alone.
DRAWN = 4_000_000


def answered(batch: Batch, question: Question, reading: Reading) -> Report:
    """The core's report."""
    return report(states_of(batch, question, kinds_of(question, reading)), question, reading)


class Held(NamedTuple):
    """What a report says of one metric. `limits` are None, and `reason` says why, where it has no interval."""

    name: str
    value: float | None
    limits: dict[str, Any] | None
    reason: str | None


def held(answer: Report, of_class: Iterable[str]) -> Iterator[Held]:
    """Each metric of a report, and of each class and output."""
    names = list(answer["metrics"])
    yield from of_part("", names, answer["metrics"], answer)
    for what, read in (("class", of_class), ("output", names)):
        for position, entry in enumerate(answer.get(f"per_{what}", [])):
            yield from of_part(f" of {what} {position}", read, entry, entry)


def of_part(where: str, names: Iterable[str], values: Report, part: Report) -> Iterator[Held]:
    """Each metric of a part of a report."""
    undefined = part["undefined"]
    for name in names:
        why = undefined.get(f"intervals.{name}") or (undefined.get(name) if values[name] is None else None)
        yield Held(name + where, values[name], part["intervals"].get(name), why and why["reason"])


@dataclass
class Cell:
    """What the samples of one design and size hold of one metric, whose true value is `true`."""

    metric: str
    design: Design
    size: int
    true: float | None
    demand: float | None
    family: str
    samples: int = 0
    defined: int = 0
    covered: int = 0
    missed_low: int = 0
    missed_high: int = 0
    width: float = 0.0
    nulls: Counter[str] = field(default_factory=Counter)
    violations: Counter[str] = field(default_factory=Counter)
    methods: Counter[str] = field(default_factory=Counter)

    def add(self, found: Held, metric: Metric) -> None:
        """One more sample."""
        self.samples += 1
        if found.value is not None:
            self.defined += 1
        if found.limits is None:
            self.nulls[found.reason or "no reason"] += 1
            self.violations["null without a reason"] += found.reason is None
            self.violations["overflow of ordinary numbers"] += found.value is not None and found.reason == "overflow"
            return
        self.violations["an interval where none is honest"] += not self.family
        low, high = found.limits["low"], found.limits["high"]
        self.methods[found.limits["method"]] += 1
        self.width += high - low
        self.violations["out of range"] += not (
            np.isfinite([low, high]).all() and metric.low <= low and high <= metric.high
        )
        self.violations["zero width"] += not low < high
        self.violations["not holding the value"] += found.value is None or not low <= found.value <= high
        if self.true is not None:
            self.missed_low += self.true < low
            self.missed_high += high < self.true
            self.covered += low <= self.true <= high

    @property
    def intervals(self) -> int:
        return self.methods.total()

    @property
    def coverage(self) -> float:
        return self.covered / self.intervals

    @property
    def error(self) -> float:
        """The standard error of the coverage; above 0 also where all are covered."""
        share = (self.covered + 1) / (self.intervals + 2)
        return float(np.sqrt(share * (1 - share) / self.intervals))

    @property
    def judged(self) -> bool:
        """Whether coverage is demanded."""
        return self.demand is not None and self.defined > 0

    @property
    def met(self) -> bool:
        """Whether the intervals cover as often as demanded, by the error of the study, and few are missing."""
        if not self.judged:
            return True
        if self.defined - self.intervals > FEW * self.defined:
            return False
        return self.coverage + 3 * self.error >= self.demand

    @property
    def conservative(self) -> bool:
        """Whether it may cover too often."""
        return self.metric in CONSERVATIVE or any("conservative" in method for method in self.methods)


@dataclass(frozen=True)
class Population:
    """What a design draws from."""

    design: Design

    @cached_property
    def batch(self) -> Batch:
        return self.design.population()

    @cached_property
    def reading(self) -> Reading:
        """What is read of each sample."""
        names = self.design.metrics or tuple(TASKS[self.design.task].names(self.design.question))
        return Reading(names, max_fpr=self.design.max_fpr)

    @cached_property
    def whole(self) -> Report:
        """The report of the whole population."""
        reading = replace(self.reading, intervals=False, per_query=self.design.task == "ranking")
        return answered(self.batch, self.design.question, reading)

    @cached_property
    def per_row(self) -> Expected:
        return per_row(self.batch, self.design.question, self.reading, self.whole.get("per_query"))

    @cached_property
    def starts(self) -> np.ndarray:
        """Where each query starts, and the last one ends."""
        return np.searchsorted(self.batch.query, np.arange(self.batch.query[-1] + 2))

    def sample(self, size: int, rng: np.random.Generator) -> Batch:
        """So many rows or queries, and their weights."""
        if self.batch.query is None:
            batch = self.batch.rows(rng.integers(0, len(self.batch.truth), size))
            units = np.arange(size)
        else:
            taken = rng.integers(0, len(self.starts) - 1, size)
            lengths = np.diff(self.starts)[taken]
            units = np.repeat(np.arange(size), lengths)
            ends = np.cumsum(lengths)
            batch = self.batch.rows(np.arange(ends[-1]) + np.repeat(self.starts[taken] - ends + lengths, lengths))
            batch = replace(batch, query=units)
        if not self.design.weights:
            return batch
        return replace(batch, weight=WEIGHTS[self.design.weights](rng, size)[units])

    def true(self, metric: str, size: int) -> float | None:
        """The true value of a metric, of a class or output where it is named so."""
        base, _, where = metric.partition(" of ")
        if base == "spiegelhalter_z":
            return self.mean_z(size)
        if not where:
            return self.whole["metrics"][base]
        what, position = where.split()
        return self.whole[f"per_{what}"][int(position)][base]

    def expected(self, metric: str, size: int) -> Expected:
        """What samples hold on average, as rows of equal weight."""
        _, _, where = metric.partition(" of class ")
        per_one = self.per_row.of_class(int(where)) if where else self.per_row
        return per_one.times(size * WORTH[self.design.weights])

    def mean_z(self, size: int) -> float:
        """The mean of Spiegelhalter's z over samples, which measures evidence and grows with the rows."""
        rng = np.random.default_rng(size)
        scores, truth = self.batch.scores, self.batch.truth
        if scores.ndim == 2:
            scores, truth = scores.max(axis=1), scores.argmax(axis=1) == truth
        excess = (truth - scores) * (1 - 2 * scores)
        variance = (1 - 2 * scores) ** 2 * scores * (1 - scores)
        found = []
        for _ in range(20):
            taken = rng.integers(0, len(scores), (DRAWN // 20 // size, size))
            weight = WEIGHTS[self.design.weights](rng, taken.size).reshape(taken.shape) if self.design.weights else 1.0
            found.append((weight * excess[taken]).sum(axis=1) / np.sqrt((weight**2 * variance[taken]).sum(axis=1)))
        return float(np.mean(found))


@lru_cache(maxsize=2)
def population_of(design: Design) -> Population:
    """The population, made once a process."""
    return Population(design)


def class_metrics(task: str) -> dict[str, Metric]:
    """The metrics of each class, by name."""
    tables = (row for row in TASKS[task].rows if isinstance(row, Table) and row.key == "per_class")
    return {row.name: row for table in tables for row in table.rows if isinstance(row, Metric)}


def run(design: Design, size: int, times: int, answer: Answer = answered) -> list[Cell]:
    """The cells of so many samples of a size, a metric each."""
    population = population_of(design)
    of_class = class_metrics(design.task)
    read = TASKS[design.task].metrics_of(design.question, population.reading)
    metrics = of_class | {metric.name: metric for metric in read}
    rng = np.random.default_rng([zlib.crc32(design.title.encode()), size])
    cells: dict[str, Cell] = {}
    for _ in range(times):
        for found in held(answer(population.sample(size, rng), design.question, population.reading), of_class):
            if found.name not in cells:
                cells[found.name] = cell_of(population, found.name, size)
            cells[found.name].add(found, metrics[found.name.partition(" of ")[0]])
    return list(cells.values())


def cell_of(population: Population, name: str, size: int) -> Cell:
    """An empty cell."""
    base, _, where = name.partition(" of ")
    design = population.design
    if base in WITHOUT:
        return Cell(name, design, size, None, None, "")
    rule = rule_of("binary" if where.startswith("class") else design.task, base)
    demand = None if base in design.heavy else rule.demand(population.expected(name, size))
    return Cell(name, design, size, population.true(name, size), demand, rule.family)
