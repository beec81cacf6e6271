"""What the catalogue is made of: rows that name a function and say what cannot be read from it."""

import inspect
import math
import re
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, lru_cache, partial
from typing import Any, get_args, get_type_hints

import numpy as np

from service.metrics.batch import Batch, Question, Reading
from service.metrics.influences import Influence
from service.metrics.intervals import Strategy
from service.metrics.states import State
from service.metrics.undefined import Undefined

INFINITY = math.inf
# Why a metric is undefined where all predictions, or all scores, are alike.
CONSTANT = {"constant_predictions", "constant_scores"}
# Asks for nothing but the metrics that all reports have.
PLAIN = Reading(metrics=())


def always(_: Question, __: Reading) -> bool:
    """Every report holds the row."""
    return True


def with_curves(_: Question, reading: Reading) -> bool:
    """Reports that ask for curves hold the row."""
    return reading.curves


def with_intervals(_: Question, reading: Reading) -> bool:
    """Reports that ask for intervals hold the row."""
    return reading.intervals


def with_metadata(_: Question, reading: Reading) -> bool:
    """Reports whose request sent metadata hold the row."""
    return bool(reading.metadata)


def with_max_fpr(_: Question, reading: Reading) -> bool:
    """Reports that ask for a part of the ROC curve hold the row."""
    return reading.max_fpr < 1


def with_quantiles(question: Question, _: Reading) -> bool:
    """Reports on predicted quantiles hold the row."""
    return bool(question.quantiles)


@cache
def arguments_of(function: Callable[..., Any]) -> dict[str, tuple[type[Any], bool]]:
    """The type of each argument, and whether a reason may stand for it."""
    hints = get_type_hints(function)
    kinds = {name: get_args(hints[name]) or (hints[name],) for name in inspect.signature(function).parameters}
    return {name: (kind, bool(or_reason)) for name, (kind, *or_reason) in kinds.items()}


def kinds_among(needs: Mapping[str, tuple[type[Any], bool]]) -> tuple[type[State], ...]:
    """The states among the arguments of a function."""
    return tuple(kind for kind, _ in needs.values() if issubclass(kind, State))


def summary_of(function: Callable[..., Any]) -> str:
    """The first paragraph of a docstring, on one line."""
    return inspect.cleandoc(function.__doc__ or "").split("\n\n")[0].replace("\n", " ")


@dataclass(frozen=True, eq=False)
class Row:
    """A named part of a report: a function of states, of the question or of the reading, as its annotations say.

    An argument annotated `State | Undefined` takes the reason where there is no such state. `group` is the object of
    the report that holds the row, the report itself where empty. `when` says which reports do, `reasons` why it may be
    null there.
    """

    function: Callable[..., Any]
    group: str = ""
    when: Callable[[Question, Reading], bool] = always
    reasons: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def key(self) -> str:
        """The row's key in `undefined`."""
        return f"{self.group}.{self.name}" if self.group else self.name

    @property
    def bound(self) -> Mapping[str, Any]:
        """The arguments that the row itself binds."""
        return {}

    @cached_property
    def needs(self) -> dict[str, tuple[type[Any], bool]]:
        """The type of each argument that comes from outside the row, and whether a reason may stand for it."""
        return {name: need for name, need in arguments_of(self.function).items() if name not in self.bound}

    @cached_property
    def states(self) -> tuple[type[State], ...]:
        """The kinds of states the row reads."""
        return kinds_among(self.needs)

    @property
    def interval_states(self) -> tuple[type[State], ...]:
        """The kinds of states that the intervals of the row read."""
        return ()

    @property
    def influence_states(self) -> tuple[type[State], ...]:
        """The kinds of states that the influences of rows on this one are read from."""
        return ()

    def wanted(self, question: Question, reading: Reading) -> bool:
        """Whether a report with this question and reading holds the row."""
        return self.when(question, reading)

    def asked(self, _: Question) -> Iterator["Row"]:
        """The rows that a question makes of this one."""
        yield self

    def documentation(self) -> dict[str, str]:
        """Summary, formula and reference, from the docstring."""
        lines = inspect.cleandoc(self.function.__doc__ or "").format(**self.bound).splitlines()
        tagged = dict(line.split(": ", 1) for line in lines if line.startswith(("Formula: ", "Reference: ")))
        return {
            "summary": summary_of(self.function).format(**self.bound),
            "formula": tagged.get("Formula", ""),
            "reference": tagged.get("Reference", ""),
        }


@dataclass(frozen=True, eq=False)
class Metric(Row):
    """A number of a report. `low` and `high` are its range, `best` its best value, `uncertainty` makes its interval.

    `options` are bound arguments of the function and fill the braces of `title`, which is the name where the
    function's own will not do. `each` names another argument and the field of the question whose values it takes:
    the question makes a metric of each. A `test_statistic` measures evidence and not size: it grows with the rows, and
    takes weights as reliabilities. One that is not `smooth` jumps where a row moves a little. `influence` gives what
    each row does to it, None where that does not tell how it varies. A `ratio` is compared by its logarithm. `blind` is
    the value for a model that knows nothing but the labels, where that is the same for all labels.
    """

    group: str = "metrics"
    best: float = 1.0
    low: float = 0.0
    high: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""
    each: tuple[str, str] | None = None
    test_statistic: bool = False
    smooth: bool = True
    uncertainty: Strategy = field(kw_only=True)
    influence: Callable[..., Influence] | None = None
    ratio: bool = False
    blind: float | None = None

    @cached_property
    def with_options(self) -> Callable[..., Any]:
        """The function with its options bound."""
        return partial(self.function, **self.options) if self.options else self.function

    @cached_property
    def interval_needs(self) -> dict[str, tuple[type[Any], bool]]:
        """The type of each argument of the strategy."""
        return arguments_of(self.uncertainty)

    @cached_property
    def interval_states(self) -> tuple[type[State], ...]:
        return kinds_among(self.interval_needs)

    @cached_property
    def influence_needs(self) -> dict[str, tuple[type[Any], bool]]:
        """The type of each argument of its influence."""
        return arguments_of(self.influence) if self.influence else {}

    @cached_property
    def influence_states(self) -> tuple[type[State], ...]:
        return kinds_among(self.influence_needs)

    @property
    def towards(self) -> int:
        """The sign of a change for the better; 0 where the best value lies within the range."""
        return int(self.best >= self.high) - int(self.best <= self.low)

    def lead(self, value: float, other: float) -> float:
        """By how much a value is better than another: their difference, that of the logarithms of ratios.

        Of a metric whose best value lies within its range by how much it is larger. Raises `Undefined` where a ratio is
        0.
        """
        sign = self.towards or 1
        if not self.ratio:
            return sign * (value - other)
        if not value or not other:
            raise Undefined("zero_ratio")
        return sign * math.log(value / other)

    @property
    def interval(self) -> str:
        """How its interval is made, or why there is none."""
        return summary_of(self.uncertainty)

    @cached_property
    def name(self) -> str:
        return self.title.format(**self.bound).replace(".", "_") or self.function.__name__

    @property
    def key(self) -> str:
        return self.name

    @cached_property
    def bound(self) -> Mapping[str, Any]:
        """The options as text, and the name of what the question gives in braces."""
        options = {name: written(value) for name, value in self.options.items()}
        return options | ({self.each[0]: f"{{{self.each[0]}}}"} if self.each else {})

    @property
    def pattern(self) -> str:
        """What the names match that the question makes of this one."""
        return f"^{re.sub('{.*}', '[0-9_]+', self.name)}$"

    @property
    def undefined_blind(self) -> bool:
        """Whether a model that knows nothing has no value: it predicts a constant, by a constant score."""
        return not CONSTANT.isdisjoint(self.reasons)

    def wanted(self, question: Question, reading: Reading) -> bool:
        return self.name in reading.names and super().wanted(question, reading)

    def asked(self, question: Question) -> Iterator["Metric"]:
        if self.each is None:
            yield self
            return
        argument, source = self.each
        for value in getattr(question, source):
            yield bound_to(self, argument, value)


@lru_cache(maxsize=1024)
def bound_to(metric: Metric, argument: str, value: Any) -> Metric:
    """The metric of one value of the question; what is known of it is known for the next report, too."""
    return replace(metric, options={**metric.options, argument: value}, each=None)


def written(value: Any) -> str:
    """An option in a name: a number without exponent."""
    return np.format_float_positional(value, trim="-") if isinstance(value, float) else str(value)


@dataclass(frozen=True, eq=False)
class Table(Row):
    """A list of objects: `function` gives for each what it starts with, and the states that `rows` read there."""

    rows: tuple[Row, ...] = ()


@dataclass(frozen=True)
class Task:
    """A kind of question about a model. `rows` are in the order of the report.

    `kinds` are the states that stand for a more general kind in this task: always `LabelState`, which knows the
    labels. `outputs` are the batches that a batch consists of, each with states of its own. `with_intervals` are the
    kinds that stand for others in reports with intervals, as they also hold what these are made of; `compared` are
    those that stand for others where candidates are compared.

    `of_groups` are metrics that groups of rows have beside those of the whole. `denominators` count the units that a
    metric is a mean of, by a reason for which it is undefined without any. `fairness` names differences of groups: the
    largest of those of some metrics.
    """

    name: str
    kinds: Mapping[Any, type[State]]
    rows: tuple[Row, ...]
    outputs: Callable[[Batch], tuple[Batch, ...]] = lambda batch: (batch,)
    with_intervals: Mapping[Any, type[State]] = field(default_factory=dict)
    compared: Mapping[Any, type[State]] = field(default_factory=dict)
    of_groups: tuple[Metric, ...] = ()
    denominators: Mapping[str, Callable[..., float]] = field(default_factory=dict)
    fairness: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics; one that the question makes several of stands once, with braces in its name."""
        return tuple(row for row in self.rows if isinstance(row, Metric))

    def asked(self, question: Question) -> list[Row]:
        """The rows of reports that answer this question."""
        return [row for template in self.rows for row in template.asked(question)]

    def metrics_of(self, question: Question, reading: Reading = PLAIN) -> list[Metric]:
        """The metrics that a report with this question may have, and with the options of this reading."""
        return [row for row in self.asked(question) if isinstance(row, Metric) and row.when(question, reading)]

    def names(self, question: Question, reading: Reading = PLAIN) -> list[str]:
        """Their names."""
        return [metric.name for metric in self.metrics_of(question, reading)]

    def kind(self, annotation: Any, *, intervals: bool = False, compared: bool = False) -> type[State]:
        """The kind of state that an annotation means in this task."""
        kind: type[State] = self.kinds.get(annotation, annotation)
        kind = self.with_intervals.get(kind, kind) if intervals else kind
        return self.compared.get(kind, kind) if compared else kind

    def among(self, annotation: Any, kinds: Container[type[State]]) -> type[State]:
        """The one of these kinds of states that an annotation means."""
        if annotation not in self._meanings:
            ways = ((intervals, compared) for intervals in (False, True) for compared in (False, True))
            meant = [self.kind(annotation, intervals=intervals, compared=compared) for intervals, compared in ways]
            self._meanings[annotation] = tuple(dict.fromkeys([annotation, *meant]))
        return next(kind for kind in self._meanings[annotation] if kind in kinds)

    @cached_property
    def _meanings(self) -> dict[Any, tuple[type[State], ...]]:
        """All that an annotation may mean, once it was asked for."""
        return {}


def share(function: Callable[..., Any], uncertainty: Strategy, *reasons: str, best: float = 1.0, **rest: Any) -> Metric:
    """A metric in [0, 1]."""
    return Metric(function, best=best, reasons=reasons, uncertainty=uncertainty, **rest)


def loss(
    function: Callable[..., Any], uncertainty: Strategy, *reasons: str, high: float = INFINITY, **rest: Any
) -> Metric:
    """A metric that is 0 at best."""
    return Metric(function, best=0.0, high=high, reasons=reasons, uncertainty=uncertainty, **rest)


def score(function: Callable[..., Any], uncertainty: Strategy, *reasons: str, low: float = -1.0, **rest: Any) -> Metric:
    """A metric that is 1 at best and may be negative."""
    return Metric(function, low=low, reasons=reasons, uncertainty=uncertainty, **rest)


def number(
    function: Callable[..., Any], uncertainty: Strategy, *reasons: str, best: float = 0.0, **rest: Any
) -> Metric:
    """A metric that may be any number."""
    return Metric(function, best=best, low=-INFINITY, high=INFINITY, reasons=reasons, uncertainty=uncertainty, **rest)
