"""From a batch to a report: states, their sums, and one loop over the rows of the catalogue."""

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import reduce
from typing import Any, cast

import numpy as np

from service.metrics.batch import Batch, Question, Reading
from service.metrics.catalogue import TASKS
from service.metrics.row import Metric, Row, Table
from service.metrics.states import LabelState, State
from service.metrics.undefined import Undefined

# The states of one output by kind; a kind that the batch could not give holds the reason.
Output = Mapping[type[Any], Any]
States = tuple[Output, ...]


def rows_of(question: Question, reading: Reading) -> list[Row]:
    """The rows of a report with this question and reading."""
    return [row for row in TASKS[question.task].asked(question) if row.wanted(question, reading)]


def kinds_of(question: Question, reading: Reading) -> list[type[State]]:
    """The kinds of states that a report with this question and reading needs, each once."""
    task = TASKS[question.task]
    wanted = (kind for row in rows_of(question, reading) for kind in row.states)
    return list(dict.fromkeys(map(task.kind, [LabelState, *wanted])))


def states_of(batch: Batch, question: Question, kinds: Iterable[type[State]]) -> States:
    """The states of each output of a batch."""
    with np.errstate(all="ignore"):  # a value beyond float64 is infinite and reported as `overflow`
        outputs = TASKS[question.task].outputs(batch)
        return tuple({kind: attempt(kind, output, question) for kind in kinds} for output in outputs)


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
    rows = rows_of(question, reading)
    parts: dict[str, Any] = {}
    undefined: dict[str, Any] = {}
    with np.errstate(all="ignore"):
        for row in rows:
            place = parts.setdefault(row.group, {}) if row.group else parts
            place[row.name], reason = value_of(row, states, question, reading)
            if reason:
                undefined[row.key] = reason.explanation
            if isinstance(row, Metric):  # what belongs to the metrics comes next to them
                parts["undefined"] = undefined
                parts.setdefault("baselines", {})
        metrics = [row for row in rows if isinstance(row, Metric)]
        parts["baselines"] = baselines(states, question, reading, [m for m in metrics if m.name not in undefined])
        if len(states) > 1:
            parts["per_output"] = [
                entry({"output": position}, metrics, output, question, reading)
                for position, output in enumerate(states)
            ]
    return parts


def baselines(states: States, question: Question, reading: Reading, metrics: Iterable[Metric]) -> dict[str, float]:
    """The metrics of a model that knows nothing but the labels, where they have a value."""
    read = [metric for metric in metrics if not metric.undefined_blind]
    blind = blind_states(states, question, read)
    values = {metric.name: value_of(metric, blind, question, reading)[0] for metric in read}
    return {name: value for name, value in values.items() if value is not None}


def entry(
    head: Mapping[str, Any], rows: Iterable[Row], output: Output, question: Question, reading: Reading
) -> dict[str, Any]:
    """One of a list of objects: what it starts with, rows of states of its own, and why some are undefined."""
    values = dict(head)
    undefined: dict[str, Any] = {}
    for row in rows:
        values[row.name], reason = value_of(row, (output,), question, reading)
        if reason:
            undefined[row.name] = reason.explanation
    return values | {"undefined": undefined}


def value_of(row: Row, states: States, question: Question, reading: Reading) -> tuple[Any, Undefined | None]:
    """The row's value, or None and the reason. A section of several outputs is that of the first."""
    value: Any
    try:
        if isinstance(row, Metric):
            values = [number(row, position, states, question, reading) for position in range(len(states))]
            value = values[0] if len(values) == 1 else float(sum(map(Fraction, values)) / len(values))
        else:
            value = row.function(**arguments(row, states[0], question, reading))
            if isinstance(row, Table):
                value = [entry(head, row.rows, part, question, reading) for head, part in value]
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
        plain = {float, int}.issuperset(map(type, value))
        return all(map(math.isfinite if plain else finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def arguments(row: Row, output: Output, question: Question, reading: Reading) -> dict[str, Any]:
    """What the row's function takes, found by the types it names. Raises `Undefined` for a state that is missing."""
    given: dict[str, Any] = {}
    for name, (kind, takes_reason) in row.needs.items():
        if kind is Question:
            given[name] = question
        elif kind is Reading:
            given[name] = reading
        else:
            state = output[kind if kind in output else TASKS[question.task].kind(kind)]
            if isinstance(state, Undefined) and not takes_reason:
                raise state
            given[name] = state
    return given


def blind_states(states: States, question: Question, metrics: Iterable[Metric]) -> States:
    """The states that a model leaves which knows nothing but the labels of these."""
    task = TASKS[question.task]
    labels = task.kind(LabelState)
    kinds = {task.kind(kind) for metric in metrics for kind in metric.states} - {labels}
    known = [cast(LabelState, output[labels]) for output in states]
    return tuple({labels: state, **states_of(state.blind(question), question, kinds)[0]} for state in known)
