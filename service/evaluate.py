"""From a batch to a report: states, their sums, and one loop over the rows of the catalogue."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import reduce
from types import MappingProxyType
from typing import Any, NamedTuple, cast

import numpy as np

from service.deadline import check_time
from service.inputs import Inputs, Output
from service.metrics.averages import Average, Mapped
from service.metrics.batch import Batch, Question, Reading
from service.metrics.catalogue import TASKS
from service.metrics.classes import ClassAverage
from service.metrics.findings import OF_REPORTS, Finding, Rule, by_severity
from service.metrics.intervals import Case, Interval
from service.metrics.requirements import verdict
from service.metrics.row import Metric, Row, Table
from service.metrics.samples import Sample
from service.metrics.states import LabelState, State
from service.metrics.undefined import Undefined
from service.resampling import Values, bootstrap, bootstrap_interval

# What functions of metrics give in place of a number.
MEANS = (Average, Mapped, ClassAverage)
# Makes an interval of a metric from its statistic and value, and the inputs of one output.
Maker = Callable[[Metric, Any, float, Inputs], Interval]
# Of each output.
States = tuple[Output, ...]
Outputs = tuple[Inputs, ...]


def rows_of(question: Question, reading: Reading) -> list[Row]:
    """The rows of a report with this question and reading."""
    return [row for row in TASKS[question.task].asked(question) if row.wanted(question, reading)]


def rules_of(question: Question, reading: Reading) -> list[Rule]:
    """The rules by which a report with this question and reading looks for findings."""
    return [rule for rule in OF_REPORTS if question.task in rule.tasks and rule.wanted(question, reading)]


def kinds_of(question: Question, reading: Reading, *, compared: bool = False) -> list[type[State]]:
    """The kinds of states that a report with this question and reading needs, each once.

    With those that influences of rows are read from where the report is compared with others.
    """
    task = TASKS[question.task]
    wanted: list[Any] = [LabelState]
    for row in rows_of(question, reading):
        wanted += row.states
        wanted += row.interval_states if reading.intervals else ()
        wanted += row.influence_states if compared else ()
    for rule in rules_of(question, reading):
        wanted += rule.states
    wanted += [Sample] if reading.intervals and reading.resamples else []
    several = dict.fromkeys(wanted)
    return list(dict.fromkeys(task.kind(kind, intervals=reading.intervals, compared=compared) for kind in several))


def states_of(batch: Batch, question: Question, kinds: Iterable[type[State]]) -> States:
    """The states of each output of a batch."""
    with np.errstate(all="ignore"):  # a value beyond float64 is infinite and reported as `overflow`
        outputs = TASKS[question.task].outputs(batch)
        return tuple({kind: attempt(kind, output, question) for kind in kinds} for output in outputs)


def attempt(kind: type[State], batch: Batch, question: Question) -> State | Undefined:
    """A state of the batch, or the reason why there is none. Raises `Overdue` where the time is over."""
    check_time()
    try:
        return kind.of(batch, question)
    except Undefined as reason:
        return reason.again()


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


class Found(NamedTuple):
    """What a row has in a report: the value, None where there is a reason. Of a metric also the statistic it is of."""

    value: Any
    reason: Undefined | None = None
    statistics: Sequence[Any] = ()


def report(
    states: States, question: Question, reading: Reading, on_groups: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Any]:
    """The report: every wanted row of the task's catalogue, `null` where it is undefined, with the reason.

    With several outputs a metric is the mean of their values, undefined where one of them is, and `per_output` holds
    those of each. `on_groups` are the sections on groups, with findings of their own.
    """
    rows = rows_of(question, reading)
    outputs = inputs_of(states, question, reading)
    parts: dict[str, Any] = {}
    undefined: dict[str, Any] = {}
    with np.errstate(all="ignore"):
        found: list[tuple[Metric, Found]] = []
        for row in rows:
            place = parts.setdefault(row.group, {}) if row.group else parts
            own = value_of(row, outputs)
            place[row.name] = own.value
            if own.reason:
                undefined[row.key] = own.reason.explanation
            if isinstance(row, Metric):  # what belongs to the metrics comes next to them
                found.append((row, own))
                parts["undefined"] = undefined
                if reading.intervals:
                    parts.setdefault("intervals", {})
                parts.setdefault("baselines", {})
        if reading.intervals:
            make = bootstrapped(found, outputs) if reading.resamples else analytic
            parts["intervals"], reasons = intervals(found, outputs, make)
            undefined |= {f"intervals.{name}": reason for name, reason in reasons.items()}
        defined = [metric for metric, own in found if own.reason is None]
        parts["baselines"] = baselines(outputs, defined)
        if len(outputs) > 1:
            parts["per_output"] = [
                entry({"output": position}, [metric for metric, _ in found], output)
                for position, output in enumerate(outputs)
            ]
        parts |= on_groups
        parts["findings"] = by_severity([*findings(outputs), *on_groups.get("findings", ())])
        if reading.requirements:
            parts["verdict"] = verdict(reading.requirements, parts)
    return parts


def inputs_of(states: States, question: Question, reading: Reading) -> Outputs:
    """What functions take of each output."""
    return tuple(Inputs(output, question, reading) for output in states)


def intervals(
    found: Iterable[tuple[Metric, Found]], outputs: Outputs, make: Maker
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The interval of each metric, and why there is none, as `interval_or_reason` gives them."""
    made: dict[str, Any] = {}
    reasons: dict[str, Any] = {}
    for metric, own in found:
        made[metric.name], reason = interval_or_reason(metric, own, outputs, make)
        if reason:
            reasons[metric.name] = reason
    return made, reasons


def interval_or_reason(
    metric: Metric, found: Found, outputs: Outputs, make: Maker
) -> tuple[dict[str, float | str] | None, dict[str, str] | None]:
    """The interval of a metric, None where there is none, and why where the metric itself has a value."""
    if found.reason is not None:
        return None, None
    try:
        return interval(metric, found, outputs, make), None
    except Undefined as undefined:
        return None, undefined.explanation


def interval(metric: Metric, found: Found, outputs: Outputs, make: Maker) -> dict[str, float | str]:
    """The interval of a metric; of several outputs the mean of theirs, which may be too wide but not too narrow.

    It holds the value and lies in the metric's range. Raises `Undefined` where there is none.
    """
    try:
        low, high, method = limits(metric, found, outputs, make)
    except (OverflowError, ZeroDivisionError):
        raise Undefined("overflow") from None
    if not math.isfinite(high - low):
        raise Undefined("overflow")
    if low == high:
        raise Undefined("no_variation")
    return {"low": low + 0.0, "high": high + 0.0, "method": method}


def limits(metric: Metric, found: Found, outputs: Outputs, make: Maker) -> Interval:
    """The limits of a metric in its range, around its value, and the method that gave them."""
    lows, highs = [], []
    for statistic, output in zip(found.statistics, outputs, strict=True):
        value = found.value if len(outputs) == 1 else as_float(statistic)
        low, high, method = make(metric, statistic, value, output)
        lows.append(max(metric.low, min(low, value)))
        highs.append(min(metric.high, max(high, value)))
    if len(outputs) == 1:
        return Interval(lows[0], highs[0], method)
    low = min(math.fsum(lows) / len(lows), found.value)
    return Interval(low, max(math.fsum(highs) / len(highs), found.value), method)


def analytic(metric: Metric, statistic: Any, value: float, output: Inputs) -> Interval:
    """The interval of a metric of one output, by the strategy of its row."""
    case = case_of(metric, statistic, value, output[Reading])
    made: Interval = metric.uncertainty(**output.arguments(metric.interval_needs, case))
    return made


def case_of(metric: Metric, statistic: Any, value: float, reading: Reading) -> Case:
    """What is known of a metric of one output."""
    bounds = (metric.low, metric.high, metric.best)
    return Case(metric.with_options, metric.options, statistic, value, *bounds, reading.confidence_level)


def bootstrapped(found: Iterable[tuple[Metric, Found]], outputs: Outputs) -> Maker:
    """Makes the interval of a metric of one output by a bootstrap, which is the same for all metrics."""
    metrics = [metric for metric, own in found if own.reason is None and metric.interval_needs]
    question, reading = outputs[0][Question], outputs[0][Reading]

    def values_of(wanted: Sequence[Metric]) -> Values:
        kinds = dict.fromkeys(TASKS[question.task].kind(kind) for metric in wanted for kind in metric.states)

        def values(batch: Batch) -> list[float | None]:
            output = Inputs({kind: attempt(kind, batch, question) for kind in kinds}, question, reading)
            return [value_of(metric, (output,)).value for metric in wanted]

        return values

    replicates = {
        id(output): bootstrap(metrics, cast(Sample, output[Sample]).units, question, reading, values_of)
        for output in outputs
    }

    def make(metric: Metric, _: Any, value: float, output: Inputs) -> Interval:
        if not metric.interval_needs:  # it says why no interval is honest
            metric.uncertainty()
        drawn = replicates[id(output)][metric.name]
        return bootstrap_interval(metric, value, drawn, reading.confidence_level)

    return make


def baselines(outputs: Outputs, metrics: Iterable[Metric]) -> dict[str, float]:
    """The metrics of a model that knows nothing but the labels, where they have a value."""
    known = [metric for metric in metrics if not metric.undefined_blind]
    question, reading = outputs[0][Question], outputs[0][Reading]
    states = blind_states(outputs, question, [metric for metric in known if metric.blind is None])
    blind = inputs_of(states, question, reading)
    values = {metric.name: value_of(metric, blind).value if metric.blind is None else metric.blind for metric in known}
    return {name: value for name, value in values.items() if value is not None}


def findings(outputs: Outputs) -> list[Finding]:
    """What to know when reading the numbers, without what follows from other findings."""
    every: list[Finding] = []
    rules = rules_of(outputs[0][Question], outputs[0][Reading])
    for position, output in enumerate(outputs):
        where = f"Output {position}: " if len(outputs) > 1 else ""
        found: list[tuple[Rule, Finding]] = []
        for rule in rules:
            try:
                given = output.arguments(rule.needs)
                found += [(rule, each) for each in rule.findings(given, where) if finite(each["evidence"])]
            except (Undefined, OverflowError, ZeroDivisionError):
                continue  # what it looks at has no value, as the report says
        explained = {code for rule, _ in found for code in rule.explains}
        every += [each for rule, each in found if rule.name not in explained]
    return every


def entry(head: Mapping[str, Any], rows: Iterable[Row], output: Inputs) -> dict[str, Any]:
    """One of a list of objects: what it starts with, rows of states of its own, and why some are undefined."""
    found = [(row, value_of(row, (output,))) for row in rows]
    values = {row.name: own.value for row, own in found}
    undefined = {row.name: own.reason.explanation for row, own in found if own.reason}
    metrics = [(row, own) for row, own in found if isinstance(row, Metric)]
    if not metrics or not output[Reading].intervals:
        return {**head, **values, "undefined": undefined}
    made, reasons = intervals(metrics, (output,), analytic)
    undefined |= {f"intervals.{name}": reason for name, reason in reasons.items()}
    return {**head, **values, "intervals": made, "undefined": undefined}


def value_of(row: Row, outputs: Outputs) -> Found:
    """The row's value, or None and the reason. A section of several outputs is that of the first."""
    value: Any
    found: list[Any] = []
    try:
        if isinstance(row, Metric):
            found = [statistic(row, position, outputs) for position in range(len(outputs))]
            values = list(map(as_float, found))
            value = values[0] if len(values) == 1 else float(sum(map(Fraction, values)) / len(values))
        else:
            first = outputs[0]
            value = row.function(**first.arguments(row.needs))
            if isinstance(row, Table):
                asked = first[Question], first[Reading]
                value = [entry(head, row.rows, Inputs(part, *asked)) for head, part in value]
    except Undefined as undefined:
        return Found(None, undefined.again())
    except OverflowError:  # of a rational beyond the range of float64
        return Found(None, Undefined("overflow"))
    return Found(value, None, found) if finite(value) else Found(None, Undefined("overflow"))


def statistic(metric: Metric, position: int, outputs: Outputs) -> Any:
    """What the metric's function gives of one output; `Undefined` says which output where there are several."""
    try:
        return metric.with_options(**outputs[position].arguments(metric.needs))
    except Undefined as undefined:
        where = f"Output {position}: " if len(outputs) > 1 else ""
        raise Undefined(undefined.reason, where + undefined.detail) from None


def as_float(statistic: Any) -> float:
    """A number, or the value of a mean, in float64 without a negative zero."""
    value = statistic.value if isinstance(statistic, MEANS) else statistic
    return float(value) + 0.0


def finite(value: Any) -> bool:
    """Whether all floats of a value are finite."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(finite, value.values()))
    if isinstance(value, list):
        plain = {float, int}.issuperset(map(type, value))
        return all(map(math.isfinite if plain else finite, value))
    return True


def blind_states(states: States, question: Question, metrics: Iterable[Metric]) -> States:
    """The states that a model leaves which knows nothing but the labels of these."""
    task = TASKS[question.task]
    labels = task.kind(LabelState)
    kinds = {task.kind(kind) for metric in metrics for kind in metric.states} - {labels}
    known = [cast(LabelState, output[labels]) for output in states]
    return tuple({labels: state, **states_of(state.blind(question), question, kinds)[0]} for state in known)
