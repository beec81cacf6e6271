"""The sections of a report on groups of its rows: the metrics of each group, and how far groups are apart.

The groups of a partition share no row, so that their states add up to those of the whole.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any, cast

import numpy as np

from service.evaluate import (
    Found,
    Outputs,
    States,
    analytic,
    inputs_of,
    interval,
    interval_or_reason,
    rows_of,
    states_of,
    value_of,
)
from service.metrics import sections
from service.metrics.batch import Batch, Label, Partition, Question, Reading, by_group
from service.metrics.catalogue import TASKS
from service.metrics.exact import Floats
from service.metrics.findings import Finding
from service.metrics.findings.groups import RULES, Apart
from service.metrics.gaps import (
    FEWEST_UNITS,
    Fairness,
    Gap,
    GroupMetrics,
    homogeneity,
    limits_of_differences,
    limits_of_range,
    simultaneous,
)
from service.metrics.row import Metric, Task, arguments_of, kinds_among
from service.metrics.states import LabelState, State
from service.metrics.undefined import Undefined

# The states of each group of a partition, None of one without rows.
Groups = Sequence[States | None]
# Counts effective rows, or queries, in states.
Count = Callable[..., float]


@dataclass(frozen=True)
class Asked:
    """What is asked of each group."""

    question: Question
    reading: Reading

    @cached_property
    def task(self) -> Task:
        return TASKS[self.question.task]

    @cached_property
    def metrics(self) -> list[Metric]:
        """The metrics of each group: those of the report, and those that groups alone have."""
        asked = [row for row in rows_of(self.question, self.reading) if isinstance(row, Metric)]
        return [*asked, *self.task.of_groups]

    @property
    def compared(self) -> list[Metric]:
        """Those in which groups are compared: what grows with the rows is no size."""
        return [metric for metric in self.metrics if not metric.test_statistic]

    @cached_property
    def read(self) -> dict[str, Metric]:
        """By name these, and those whose differences are reported as fairness."""
        fair = {name for of in self.task.fairness.values() for name in of}
        others = [metric for metric in self.task.metrics_of(self.question, self.reading) if metric.name in fair]
        return {metric.name: metric for metric in (*self.metrics, *others)}

    @cached_property
    def counts(self) -> dict[str, list[Count]]:
        """What counts the units that each is a mean of: those whose absence it has as a reason, else all rows."""
        by_reason = self.task.denominators
        found = {
            name: [by_reason[of] for of in metric.reasons if of in by_reason] for name, metric in self.read.items()
        }
        return {name: counts or [sections.effective_samples] for name, counts in found.items()}

    @cached_property
    def kinds(self) -> list[type[State]]:
        """The kinds of states that are read."""
        intervals = self.reading.intervals
        read: list[Any] = [LabelState]
        for name, metric in self.read.items():
            read += [*metric.states, *(metric.interval_states if intervals else ())]
            read += [kind for count in self.counts[name] for kind in kinds_among(arguments_of(count))]
        return list(dict.fromkeys(self.task.kind(kind, intervals=intervals) for kind in read))


@dataclass
class Group:
    """A group of rows: the names and values it goes by, what is read of it, and by metric what it has of it.

    `units` are the effective rows, or queries, that a metric is a mean of: the fewest where there are several kinds.
    """

    by: dict[str, Label]
    outputs: Outputs
    units: dict[str, float] = field(default_factory=dict)
    found: dict[str, Found] = field(default_factory=dict)
    intervals: dict[str, Any] = field(default_factory=dict)
    no_intervals: dict[str, Any] = field(default_factory=dict)


def sections_of(batch: Batch, question: Question, reading: Reading) -> dict[str, Any]:
    """The sections on the groups of a batch; none where the reading has no partitions."""
    return reported(states_by_group(batch, question, reading), question, reading) if reading.partitions else {}


def states_by_group(batch: Batch, question: Question, reading: Reading) -> Iterator[Groups]:
    """The states of the groups of each partition, one partition at a time."""
    kinds = Asked(question, reading).kinds
    for place, partition in enumerate(reading.partitions):
        parts = by_group(batch, place, len(partition.groups))
        yield [None if part is None else states_of(part, question, kinds) for part in parts]


def reported(parts: Iterable[Groups], question: Question, reading: Reading) -> dict[str, Any]:
    """The sections on the groups of each partition."""
    asked = Asked(question, reading)
    groups, gaps, fairness, found = [], [], [], []
    with np.errstate(all="ignore"):
        for partition, states in zip(reading.partitions, parts, strict=True):
            named = zip(partition.named, states, strict=True)
            groups_of = [Group(by, inputs_of(part, question, reading)) for by, part in named if part is not None]
            present = known(groups_of, asked)
            groups += [entry(group, asked) for group in present]
            apart = [(metric, gap(metric, partition, present, asked)) for metric in asked.compared]
            gaps += [each for _, each in apart]
            found += findings(apart, present)
            fairness.append(disparities(partition, present, asked))
    every = {"groups": groups, "gaps": gaps, "findings": found}
    return every | ({"fairness": fairness} if asked.task.fairness else {})


def known(groups: list[Group], asked: Asked) -> list[Group]:
    """These groups with all that they have of the metrics.

    One metric of all groups after the other: what one is made with stays in the processor's cache.
    """
    for name, metric in asked.read.items():
        for group in groups:
            group.found[name] = value_of(metric, group.outputs)
    for group in groups:
        group.units |= units_of(group, asked)
    for metric in asked.metrics if asked.reading.intervals else ():
        for group in groups:
            own = group.found[metric.name]
            group.intervals[metric.name], reason = interval_or_reason(metric, own, group.outputs, analytic)
            if reason:
                group.no_intervals[metric.name] = reason
    return groups


def units_of(group: Group, asked: Asked) -> dict[str, float]:
    """The units that each metric with a value is a mean of."""
    counts = {name: asked.counts[name] for name, own in group.found.items() if own.reason is None}
    sizes = {
        count: min(count(**output.arguments(arguments_of(count))) for output in group.outputs)
        for count in dict.fromkeys(chain.from_iterable(counts.values()))
    }
    return {name: min(sizes[count] for count in of) for name, of in counts.items()}


def entry(group: Group, asked: Asked) -> GroupMetrics:
    """What a report says of a group."""
    labels = cast(LabelState, group.outputs[0][asked.task.kind(LabelState)])
    found = {metric.name: group.found[metric.name] for metric in asked.metrics}
    undefined = {name: own.reason.explanation for name, own in found.items() if own.reason}
    undefined |= {f"intervals.{name}": reason for name, reason in group.no_intervals.items()}
    said: GroupMetrics = {
        "by": group.by,
        "samples": sections.samples(labels, asked.question),
        "small": labels.effective < FEWEST_UNITS,
        "metrics": {name: own.value for name, own in found.items()},
        "undefined": undefined,
    }
    return said | {"intervals": group.intervals} if asked.reading.intervals else said


def compared(name: str, groups: Sequence[Group]) -> list[Group]:
    """The groups that are compared in a metric: which have a value that enough rows bear."""
    return [group for group in groups if group.units.get(name, 0) >= FEWEST_UNITS]


def gap(metric: Metric, partition: Partition, groups: Sequence[Group], asked: Asked) -> Gap:
    """How far the groups of a partition are apart in a metric."""
    of = compared(metric.name, groups)
    found: Gap = {
        "by": list(partition.by),
        "metric": metric.name,
        "groups": len(of),
        "group": None,
        "reference": None,
        "difference": None,
        "ratio": None,
        "undefined": {},
    }
    if asked.reading.intervals:
        found |= {"interval": None, "p_value": None}
    values = [group.found[metric.name].value for group in of]
    if len(of) < 2 or not math.isfinite(max(values) - min(values)):
        found["undefined"]["difference"] = Undefined("overflow" if values[1:] else "too_few_groups").explanation
        return found
    two = len(of) == 2
    reference, group = (0, 1) if two else (values.index(min(values)), values.index(max(values)))
    found |= {"group": of[group].by, "reference": of[reference].by, "difference": values[group] - values[reference]}
    if min(values) > 0:
        found["ratio"] = min(values) / max(values)
    else:
        found["undefined"]["ratio"] = Undefined("no_ratio").explanation
    if asked.reading.intervals:
        try:
            found["interval"], found["p_value"] = limits_of(metric, of, asked)
        except Undefined as reason:
            found["undefined"]["interval"] = reason.explanation
    return found


def findings(gaps: Iterable[tuple[Metric, Gap]], groups: Sequence[Group]) -> list[Finding]:
    """What to know of the gaps of a partition."""
    found_in = {str(group.by): group.found for group in groups}
    apart = []
    for metric, made in gaps:
        if made["difference"] is not None:
            value, other = (found_in[str(by)][metric.name].value for by in (made["group"], made["reference"]))
            apart.append(Apart(made, (value, other), metric))
    return [each for rule in RULES for each in rule.findings({"apart": apart})]


def limits_of(metric: Metric, groups: Sequence[Group], asked: Asked) -> tuple[dict[str, float | str], float]:
    """The interval of how far groups are apart in a metric, and the p-value of the test that they are alike.

    Raises `Undefined` where a group has no interval.
    """
    values = np.array([group.found[metric.name].value for group in groups])
    for group in groups:
        if metric.name in group.no_intervals:
            raise Undefined(**group.no_intervals[metric.name])
    lows, highs = sides([group.intervals[metric.name] for group in groups])
    level = asked.reading.confidence_level
    p_value = homogeneity(values, lows, highs, level)
    if len(groups) == 2:
        low, high = (float(limits[1, 0]) for limits in limits_of_differences(values, lows, highs))
    else:
        wider = [limits_at(simultaneous(level, len(groups)), metric, group) for group in groups]
        low, high = limits_of_range(values, *sides(wider))
    span = metric.high - metric.low
    low, high = max(low, -span), min(high, span)
    if not math.isfinite(high - low):
        raise Undefined("overflow")
    return {
        "low": low + 0.0,
        "high": high + 0.0,
        "method": "mover" if len(groups) == 2 else "mover_bonferroni",
    }, p_value


def limits_at(level: float, metric: Metric, group: Group) -> dict[str, float | str]:
    """The interval of a metric of a group at a level. Raises `Undefined` where there is none."""
    outputs = tuple(output.at_level(level) for output in group.outputs)
    return interval(metric, group.found[metric.name], outputs, analytic)


def sides(limits: Iterable[Mapping[str, Any]]) -> tuple[Floats, Floats]:
    """The lower and the upper limits of groups."""
    lows, highs = np.array([(each["low"], each["high"]) for each in limits]).T
    return lows, highs


def disparities(partition: Partition, groups: Sequence[Group], asked: Asked) -> Fairness:
    """The measures of fairness of a partition: the largest difference of groups in some metrics."""
    found: dict[str, Any] = {"by": list(partition.by)}
    undefined: dict[str, Any] = {}
    for name, of in asked.task.fairness.items():
        every = [compared(each, groups) for each in of]
        if any(len(some) < 2 for some in every):
            found[name], undefined[name] = None, Undefined("too_few_groups").explanation
            continue
        values = [[group.found[each].value for group in some] for each, some in zip(of, every, strict=True)]
        found[name] = max(max(some) - min(some) for some in values)
    return cast(Fairness, found | {"undefined": undefined})
