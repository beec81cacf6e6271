"""From a batch to a report: states, their sums, and one loop over the rows of the catalogue."""

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import reduce
from typing import Any, cast

import numpy as np

from service.metrics.batch import Batch, Question, Reading
from service.metrics.catalogue import TASKS, Metric, Row
from service.metrics.states import LabelState, State
from service.metrics.undefined import Undefined

# The states of one output by kind; a kind that the batch could not give holds the reason.
Output = Mapping[type[State], State | Undefined]
States = tuple[Output, ...]


def kinds_of(question: Question, reading: Reading) -> list[type[State]]:
    """The kinds of states that a report with this question and reading needs, each once."""
    labels = label_state(question)
    wanted = (kind for row in TASKS[question.task].rows if row.wanted(reading) for kind in row.states)
    return list(dict.fromkeys([labels, *(labels if kind is LabelState else kind for kind in wanted)]))


def states_of(batch: Batch, question: Question, kinds: Iterable[type[State]]) -> States:
    """The states of each output of a batch."""
    with np.errstate(all="ignore"):  # a value beyond float64 is infinite and reported as `overflow`
        return tuple({kind: attempt(kind, output, question) for kind in kinds} for output in batch.outputs())


def attempt(kind: type[State], batch: Batch, question: Question) -> State | Undefined:
    """A state of the batch, or the reason why there is none."""
    try:
        return kind.of(batch, question)
    except Undefined as reason:
        return reason


def merged(parts: Sequence[States]) -> States:
    """The states of all parts together, which must stem from one question. Exact: no order or split shows.

    Neighbours are merged first, so that a row is copied log2(parts) times and not once a part.
    """
    while len(parts) > 1:
        parts = [reduce(both, parts[i : i + 2]) for i in range(0, len(parts), 2)]
    return parts[0]


def both(left: States, right: States) -> States:
    """The states of two parts together."""
    return tuple({kind: added(a[kind], b[kind]) for kind in a} for a, b in zip(left, right, strict=True))


def added(left: State | Undefined, right: State | Undefined) -> State | Undefined:
    """The sum of two states; the reason where one is missing."""
    if isinstance(left, Undefined):
        return left
    return right if isinstance(right, Undefined) else left + right


def report(states: States, question: Question, reading: Reading) -> dict[str, Any]:
    """The report: every wanted row of the task's catalogue, `null` where it is undefined, with the reason.

    With several outputs a metric is the mean of their values, undefined where one of them is, and `per_output` holds
    those of each.
    """
    parts: dict[str, Any] = {}
    undefined: dict[str, Any] = {}
    with np.errstate(all="ignore"):
        for row in TASKS[question.task].rows:
            if not row.wanted(reading):
                continue
            place = parts.setdefault(row.group, {}) if row.group else parts
            place[row.name], reason = value_of(row, states, question, reading)
            if reason:
                undefined[row.key] = reason.explanation
            if isinstance(row, Metric):  # what belongs to the metrics comes next to them
                parts["undefined"] = undefined
                parts.setdefault("baselines", {})
        parts["baselines"] = baselines(states, question, reading, undefined)
        if len(states) > 1:
            parts["per_output"] = [
                {"output": position} | of_output(output, question, reading) for position, output in enumerate(states)
            ]
    return parts


def metrics_of(question: Question, reading: Reading) -> list[Metric]:
    """The metrics that a report holds."""
    return [metric for metric in TASKS[question.task].metrics if metric.wanted(reading)]


def baselines(states: States, question: Question, reading: Reading, undefined: Mapping[str, Any]) -> dict[str, float]:
    """The metrics of a model that knows nothing but the labels, where they and the metrics themselves have a value."""
    metrics = [
        metric
        for metric in metrics_of(question, reading)
        if metric.name not in undefined and not metric.undefined_blind
    ]
    blind = blind_states(states, question, metrics)
    values = {metric.name: value_of(metric, blind, question, reading)[0] for metric in metrics}
    return {name: value for name, value in values.items() if value is not None}


def of_output(output: Output, question: Question, reading: Reading) -> dict[str, Any]:
    """The metrics of one output of several, and why some are undefined."""
    values: dict[str, Any] = {}
    undefined: dict[str, Any] = {}
    for metric in metrics_of(question, reading):
        values[metric.name], reason = value_of(metric, (output,), question, reading)
        if reason:
            undefined[metric.name] = reason.explanation
    return values | {"undefined": undefined}


def value_of(row: Row, states: States, question: Question, reading: Reading) -> tuple[Any, Undefined | None]:
    """The row's value, or None and the reason. A section of several outputs is that of the first."""
    try:
        if not isinstance(row, Metric):
            value = row.function(**arguments(row, states[0], question, reading))
        else:
            values = [number(row, position, states, question, reading) for position in range(len(states))]
            value = float(sum(map(Fraction, values)) / len(values))
    except Undefined as undefined:
        return None, undefined
    except OverflowError:  # of a rational beyond the range of float64
        return None, Undefined("overflow")
    return (value, None) if finite(value) else (None, Undefined("overflow"))


def number(metric: Metric, position: int, states: States, question: Question, reading: Reading) -> float:
    """The metric's value of one output in float64; `Undefined` says which output where there are several."""
    try:
        given = arguments(metric, states[position], question, reading)
        return float(metric.function(**given, **metric.options)) + 0.0  # no negative zero
    except Undefined as undefined:
        where = f"Output {position}: " if len(states) > 1 else ""
        raise Undefined(undefined.reason, where + undefined.detail) from None


def finite(value: Any) -> bool:
    """Whether all floats of a value are finite."""
    if isinstance(value, dict):
        return all(map(finite, value.values()))
    if isinstance(value, list):
        return all(map(finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def arguments(row: Row, output: Output, question: Question, reading: Reading) -> dict[str, Any]:
    """What the row's function takes, found by the types it names. Raises `Undefined` for a state that is missing."""
    given: dict[str, Any] = {}
    for name, kind in row.needs.items():
        if kind is Question:
            given[name] = question
        elif kind is Reading:
            given[name] = reading
        else:
            state = output[label_state(question) if kind is LabelState else kind]
            if isinstance(state, Undefined):
                raise state
            given[name] = state
    return given


def blind_states(states: States, question: Question, metrics: Iterable[Metric]) -> States:
    """The states that a model leaves which knows nothing but the labels of these."""
    labels = label_state(question)
    kinds = {kind for metric in metrics for kind in metric.states} - {labels}
    known = [cast(LabelState, output[labels]) for output in states]
    return tuple({labels: state, **states_of(state.blind(), question, kinds)[0]} for state in known)


def label_state(question: Question) -> type[LabelState]:
    """The kind of state that knows the labels of this task."""
    return TASKS[question.task].labels
