"""The page that says what came out of the study: README.md beside this module."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from tests.coverage_study.rules import HIGHEST, LOWEST, WITHOUT
from tests.coverage_study.study import Cell

README = Path(__file__).parent / "README.md"
HEADER = ("metric", "design", "n", "coverage", "missed", "width", "null", "demand", "met")

INTRODUCTION = """# Coverage of the intervals

How often the 95 % intervals of a report hold the true value. `make coverage-study` draws the samples, asks the core for
its report of each, and writes this page; `make test` runs a few of the cells.

- binary: normal evidence in either class, as far apart as the AUC says. Scores are the probabilities that it leaves
  (overconfident: with twice the logits), and the threshold is the prevalence.
- multiclass: a normal for each class that it raises, and the probabilities these leave. Class 0 is the rarest.
- multilabel: correlated normals beyond a bound; regression: errors of the law, independent of the labels; ranking:
  5 to 20 documents with grades 0 to 3, scored by the grade and normal noise.

Samples are drawn with replacement from populations of finitely many rows, in which every metric has one exact value;
only the target of `spiegelhalter_z`, which grows with the rows, is its mean over other samples of the size. Weights are
independent of the rows, so that the target remains the unweighted value.

- *coverage*: percent of the intervals that hold the true value, and its standard error from the number of samples.
- *missed*: percent of the intervals that lie above the true value, and below it.
- *width*: mean width of the intervals. *null*: percent of the samples without an interval, by reason.
- *demand*: at least 93 where every count that the metric reads is expected to be 5 or more (in a metric of ranks 10
  rows a class, those of the negative class within `max_fpr` where it has one, in a mean loss 20, and of a pinball loss
  so many on either side of the quantile; there 92 from 10 on), weighted rows counted as the equal ones they are worth.
  Empty where nothing is demanded: counts are smaller, or the law has heavy tails.
- *met*: whether coverage + 3 standard errors reach the demand, and at most 5 % of the values lack an interval.

In every sample, whatever its size, each interval lies within the range of its metric, holds the value, is wider than 0,
or is null with a reason.
"""


@dataclass(frozen=True)
class Family:
    """The cells of a task where coverage is demanded whose metrics have intervals of one kind."""

    task: str
    name: str
    cells: Sequence[Cell]

    @property
    def mean(self) -> float:
        return float(np.mean([cell.coverage for cell in self.cells]))

    @property
    def error(self) -> float:
        """The standard error of the mean."""
        return float(np.sqrt(np.sum(np.square([cell.error for cell in self.cells]))) / len(self.cells))

    @property
    def met(self) -> bool:
        """Whether the mean lies where it should; conservative intervals may cover more."""
        low = self.mean + 3 * self.error >= LOWEST
        return low and (all(cell.conservative for cell in self.cells) or self.mean - 3 * self.error <= HIGHEST)


def families(cells: Iterable[Cell]) -> list[Family]:
    """The families of all tasks that have a cell where coverage is demanded."""
    found: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        if cell.judged and cell.intervals:
            found.setdefault((cell.design.task, cell.family), []).append(cell)
    return [Family(*key, members) for key, members in found.items()]


def broken(cells: Iterable[Cell]) -> list[str]:
    """What is demanded and does not hold, a line each."""
    kept = list(cells)
    lines = []
    for cell in kept:
        where = f"{cell.design.task}, {cell.metric}, {cell.design.name}, n {cell.size}"
        lines += [f"{where}: {number} x {what}" for what, number in cell.violations.items() if number]
        if not cell.met:
            lines.append(f"{where}: {coverage(cell)} of {cell.intervals} intervals, {cell.defined} values")
    lines += [
        f"{family.task}, {family.name}: mean {percent(family.mean)} +- {percent(family.error, 2)}"
        for family in families(kept)
        if not family.met
    ]
    return lines


def percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f}"


def coverage(cell: Cell) -> str:
    return f"{percent(cell.coverage)} ± {percent(cell.error)}" if cell.intervals else ""


def row(cell: Cell) -> tuple[str, ...]:
    """A row of the table."""
    some = cell.intervals
    return (
        cell.metric,
        cell.design.name,
        str(cell.size),
        coverage(cell),
        f"{percent(cell.missed_low / some)}, {percent(cell.missed_high / some)}" if some else "",
        f"{cell.width / some:.3g}" if some else "",
        ", ".join(f"{reason} {percent(number / cell.samples)}" for reason, number in sorted(cell.nulls.items())),
        "" if cell.demand is None else percent(cell.demand, 0),
        ("yes" if cell.met else "no") if cell.judged else "",
    )


def table(rows: Iterable[Sequence[str]], header: Sequence[str]) -> Iterator[str]:
    yield from ("|" + "|".join(row) + "|" for row in (header, ["---"] * len(header), *rows))
    yield ""


def tabled(cell: Cell) -> bool:
    """Whether the cell has a row: not that of a metric without interval, nor of another class than the first."""
    _, _, position = cell.metric.partition(" of class ")
    return bool(cell.family) and position in {"", "0"}


def page(cells: Sequence[Cell]) -> str:
    """The whole page."""
    lines = [INTRODUCTION, *summary(cells)]
    order = {metric: i for i, metric in enumerate(dict.fromkeys(cell.metric for cell in cells))}
    for task, members in groupby(cells, lambda cell: cell.design.task):
        shown = sorted(filter(tabled, members), key=lambda cell: order[cell.metric])
        lines += [f"## {task}", "", *table(map(row, shown), HEADER)]
    return "\n".join(lines).rstrip() + "\n"


def summary(cells: Sequence[Cell]) -> Iterator[str]:
    """Each family in a row, and what has no interval."""
    violations = sum(cell.violations.total() for cell in cells)
    samples = sum({(cell.design, cell.size): cell.samples for cell in cells}.values())
    judged = [cell for cell in cells if cell.judged]
    met = sum(cell.met for cell in judged)
    yield (
        f"{samples:,} samples, {sum(cell.intervals for cell in cells):,} intervals, {violations:,} violations of what "
        f"holds in every sample. Coverage is demanded in {len(judged):,} cells and met in {met:,}."
    )
    yield ""
    rows = [
        (
            family.task,
            family.name,
            str(len(family.cells)),
            str(sum(cell.met for cell in family.cells)),
            percent(min(cell.coverage for cell in family.cells)),
            percent(family.mean),
            "yes" if family.met else "no",
        )
        for family in families(cells)
    ]
    header = ("task", "family", "cells", "met", "lowest coverage", "mean coverage", "mean between 94 and 98")
    yield from table(rows, header)
    yield "Of conservative intervals the mean may be larger. Without interval, always null with a reason:"
    yield ""
    yield from (f"- `{metric}`: {reason}." for metric, reason in WITHOUT.items())
    yield ""
