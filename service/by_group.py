"""The sections of a report on groups of its rows: the metrics of each group, and how far groups are apart.

The groups of a partition share no row, so that their states add up to those of the whole.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, cast

import numpy as np

from service.evaluate import Found, States, analytic, arguments, intervals, rows_of, states_of, value_of
from service.metrics import sections
from service.metrics.batch import Batch, Label, Partition, Question, Reading, by_group
from service.metrics.catalogue import TASKS
from service.metrics.exact import Floats
from service.metrics.gaps import FEWEST_UNITS, Gap, homogeneity, limits_of_differences, limits_of_range, simultaneous
from service.metrics.row import Metric, arguments_of, kinds_among
from service.metrics.states import LabelState
from service.metrics.undefined import Undefined

# The states of each group of a partition, None of one without rows.
Groups = Sequence[States | None]


class Group(NamedTuple):
    """A group of rows: the names and values it goes by, its states, and by metric what it has of it."""

    by: dict[str, Label]
    states: States
    found: dict[str, Found]
    intervals: dict[str, Any]
    no_intervals: dict[str, Any]


def sections_of(batch: Batch, question: Question, reading: Reading) -> dict[str, Any]:
    """The sections on the groups of a batch; none where the reading has no partitions."""
    return reported(states_by_group(batch, question, reading), question, reading) if reading.partitions else {}


def states_by_group(batch: Batch, question: Question, reading: Reading) -> Iterator[Groups]:
    """The states of the groups of each partition, one partition at a time."""
    task = TASKS[question.task]
    metrics = [*shown(question, reading), *fair(question)]
    counts = (count for metric in metrics for count in denominators(metric, question))
    read = [kind for metric in metrics for kind in (*metric.states, *metric.interval_states)]
    read += [kind for count in counts for kind in kinds_among(arguments_of(count))]
    kinds = list(dict.fromkeys(task.kind(kind, intervals=reading.intervals) for kind in [LabelState, *read]))
    for place, partition in enumerate(reading.partitions):
        parts = by_group(batch, place, len(partition.groups))
        yield [None if part is None else states_of(part, question, kinds) for part in parts]


def shown(question: Question, reading: Reading) -> list[Metric]:
    """The metrics of each group: those of the report, and those that groups alone have."""
    asked = [row for row in rows_of(question, reading) if isinstance(row, Metric)]
    return [*asked, *TASKS[question.task].of_groups]


def fair(question: Question) -> list[Metric]:
    """The metrics whose differences are reported as fairness."""
    task = TASKS[question.task]
    names = {name for of in task.fairness.values() for name in of}
    return [metric for metric in (*task.metrics_of(question), *task.of_groups) if metric.name in names]


def reported(parts: Iterable[Groups], question: Question, reading: Reading) -> dict[str, Any]:
    """The sections on the groups of each partition."""
    metrics, groups, gaps, fairness = shown(question, reading), [], [], []
    with np.errstate(all="ignore"):
        for partition, states in zip(reading.partitions, parts, strict=True):
            present = [
                made(by, part, question, reading)
                for by, part in zip(partition.named, states, strict=True)
                if part is not None
            ]
            groups += [entry(group, metrics, question, reading) for group in present]
            of_size = (metric for metric in metrics if not metric.test_statistic)
            gaps += [gap(metric, partition, present, question, reading) for metric in of_size]
            fairness.append(disparities(partition, present, question, reading))
    return {"groups": groups, "gaps": gaps} | ({"fairness": fairness} if TASKS[question.task].fairness else {})


def made(by: dict[str, Label], states: States, question: Question, reading: Reading) -> Group:
    """A group with these states."""
    metrics = shown(question, reading)
    found = {metric.name: value_of(metric, states, question, reading) for metric in (*metrics, *fair(question))}
    if not reading.intervals:
        return Group(by, states, found, {}, {})
    limits = intervals([(metric, found[metric.name]) for metric in metrics], states, analytic(question, reading))
    return Group(by, states, found, *limits)


def entry(group: Group, metrics: Iterable[Metric], question: Question, reading: Reading) -> dict[str, Any]:
    """What a report says of a group."""
    labels = cast(LabelState, group.states[0][TASKS[question.task].kind(LabelState)])
    found = {metric.name: group.found[metric.name] for metric in metrics}
    undefined = {name: own.reason.explanation for name, own in found.items() if own.reason}
    undefined |= {f"intervals.{name}": reason for name, reason in group.no_intervals.items()}
    return {
        "by": group.by,
        "samples": sections.samples(labels, question),
        "small": labels.effective < FEWEST_UNITS,
        "metrics": {name: own.value for name, own in found.items()},
        **({"intervals": group.intervals} if reading.intervals else {}),
        "undefined": undefined,
    }


def denominators(metric: Metric, question: Question) -> list[Any]:
    """The functions that count what a metric is a mean of: whose absence it names as a reason, else the rows."""
    counts = TASKS[question.task].denominators
    return [counts[reason] for reason in metric.reasons if reason in counts] or [sections.effective_samples]


def units(metric: Metric, states: States, question: Question, reading: Reading) -> float:
    """The fewest effective rows, or queries, that a metric is a mean of."""
    sizes: list[float] = [
        count(**arguments(arguments_of(count), output, question, reading))
        for count in denominators(metric, question)
        for output in states
    ]
    return min(sizes)


def compared(metric: Metric, groups: Sequence[Group], question: Question, reading: Reading) -> list[Group]:
    """The groups that are compared in a metric: which have a value that enough rows bear."""
    defined = (group for group in groups if group.found[metric.name].reason is None)
    return [group for group in defined if units(metric, group.states, question, reading) >= FEWEST_UNITS]


def gap(metric: Metric, partition: Partition, groups: Sequence[Group], question: Question, reading: Reading) -> Gap:
    """How far the groups of a partition are apart in a metric."""
    of = compared(metric, groups, question, reading)
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
    if reading.intervals:
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
    if reading.intervals:
        try:
            found["interval"], found["p_value"] = limits_of(metric, of, question, reading)
        except Undefined as reason:
            found["undefined"]["interval"] = reason.explanation
    return found


def limits_of(
    metric: Metric, groups: Sequence[Group], question: Question, reading: Reading
) -> tuple[dict[str, float | str], float]:
    """The interval of how far groups are apart in a metric, and the p-value of the test that they are alike.

    Raises `Undefined` where a group has no interval.
    """
    values = np.array([group.found[metric.name].value for group in groups])
    lows, highs = sides([(group.intervals, group.no_intervals) for group in groups], metric)
    level = reading.confidence_level
    p_value = homogeneity(values, lows, highs, level)
    if len(groups) == 2:
        low, high = (float(limits[1, 0]) for limits in limits_of_differences(values, lows, highs))
    else:
        make = analytic(question, replace(reading, confidence_level=simultaneous(level, len(groups))))
        wider = [intervals([(metric, group.found[metric.name])], group.states, make) for group in groups]
        low, high = limits_of_range(values, *sides(wider, metric))
    span = metric.high - metric.low
    low, high = max(low, -span), min(high, span)
    if not math.isfinite(high - low):
        raise Undefined("overflow")
    return {
        "low": low + 0.0,
        "high": high + 0.0,
        "method": "mover" if len(groups) == 2 else "mover_bonferroni",
    }, p_value


def sides(found: Iterable[tuple[dict[str, Any], dict[str, Any]]], metric: Metric) -> tuple[Floats, Floats]:
    """The lower and the upper limits of groups. Raises `Undefined` where one has none."""
    limits = []
    for made, reasons in found:
        if metric.name in reasons:
            raise Undefined(**reasons[metric.name])
        limits.append((made[metric.name]["low"], made[metric.name]["high"]))
    lows, highs = np.array(limits).T
    return lows, highs


def disparities(partition: Partition, groups: Sequence[Group], question: Question, reading: Reading) -> dict[str, Any]:
    """The measures of fairness of a partition: the largest difference of groups in some metrics."""
    metrics = {metric.name: metric for metric in fair(question)}
    found: dict[str, Any] = {"by": list(partition.by)}
    undefined: dict[str, Any] = {}
    for name, of in TASKS[question.task].fairness.items():
        every = [compared(metrics[each], groups, question, reading) for each in of]
        if any(len(some) < 2 for some in every):
            found[name], undefined[name] = None, Undefined("too_few_groups").explanation
            continue
        values = [[group.found[each].value for group in some] for each, some in zip(of, every, strict=True)]
        found[name] = max(max(some) - min(some) for some in values)
    return found | {"undefined": undefined}
