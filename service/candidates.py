"""Candidates, and pairs of them: from states to differences of metrics."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from itertools import chain
from typing import Any, NamedTuple, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from service.by_group import sections_of
from service.compare_resampling import paired_replicates, unpaired_replicates
from service.evaluate import (
    Found,
    analytic,
    case_of,
    inputs_of,
    interval,
    kinds_of,
    report,
    states_of,
    value_of,
)
from service.metrics import binary, multiclass
from service.metrics.batch import Batch, Question, Reading
from service.metrics.catalogue import TASKS
from service.metrics.differences import IDENTICAL, Bounds, Difference, mcnemar_exact, mcnemar_mid_p
from service.metrics.influences import Influence
from service.metrics.joint import JointCells, Part, Shares
from service.metrics.row import Metric
from service.metrics.undefined import Undefined
from service.resampling import Replicates, bootstrap_interval

# Shares of the rows of some labels, or of all, that are right: what McNemar's test is of.
RIGHT: Mapping[Callable[..., Any], tuple[int, ...] | None] = {
    binary.accuracy: None,
    multiclass.accuracy: None,
    binary.recall: (1,),
    binary.false_negative_rate: (1,),
    binary.specificity: (0,),
    binary.false_positive_rate: (0,),
}


class SignificanceTest(TypedDict):
    """A test of no difference. `p_value_adjusted` is Holm's, for all candidates."""

    name: str
    statistic: float | None
    p_value: float
    p_value_adjusted: float


class MetricDifference(TypedDict):
    """A candidate against the reference by a metric.

    `difference` is positive where the candidate is better, on the `scale` that is named: of logarithms for ratios. Of
    metrics whose best value lies within their range it is that of the values. `better` is who is better, null where
    the `interval` holds 0; `identical` says that both predict the same. Of several candidates `simultaneous_interval`
    holds with those of all others. `non_inferior` and `samples_to_settle` are of the primary metric where `margin` and
    `min_difference` ask for them.
    """

    candidate: str
    metric: str
    scale: str
    difference: float | None
    interval: dict[str, Any] | None
    tests: list[SignificanceTest]
    better: str | None
    identical: bool
    simultaneous_interval: NotRequired[dict[str, Any]]
    detectable_difference: float | None
    non_inferior: NotRequired[bool | None]
    samples_to_settle: NotRequired[int | None]
    undefined: dict[str, Any]


class Candidate:
    """A candidate with its states and its report."""

    def __init__(self, name: str, batch: Batch, question: Question, reading: Reading) -> None:
        self.name, self.batch, self.question, self.reading = name, batch, question, reading
        self.request = (batch, question, reading)
        states = states_of(batch, question, kinds_of(question, reading, compared=True))
        self.outputs = inputs_of(states, question, reading)
        self._found: dict[str, Found] = {}
        self._last_influence: dict[str, Influence] = {}
        self.report = report(states, question, reading, sections_of(batch, question, reading))

    @property
    def metrics(self) -> list[Metric]:
        """The metrics that are compared: what grows with the rows is no size."""
        metrics = TASKS[self.question.task].metrics_of(self.question, self.reading)
        return [metric for metric in metrics if metric.name in self.reading.metrics and not metric.test_statistic]

    @cached_property
    def shares(self) -> Shares:
        """The share of each row in the total weight."""
        return Shares.of(self.batch, self.question)

    def found(self, metric: Metric) -> Found:
        """What the metric has in the report."""
        if metric.name not in self._found:
            self._found[metric.name] = value_of(metric, self.outputs)
        return self._found[metric.name]

    def value(self, metric: Metric) -> float:
        """The metric's value. Raises `Undefined`, with the candidate's name, where it has none."""
        found = self.found(metric)
        if found.reason:
            raise Undefined(found.reason.reason, f"Of {self.name}: {found.reason.detail}")
        value: float = found.value
        return value

    def influence(self, metric: Metric) -> Influence:
        """What rows do to the metric, or to its logarithm where it is a ratio; of several outputs to their mean.

        That of the last metric is kept: it is compared with one candidate after the other.
        """
        if metric.name not in self._last_influence:
            self._last_influence.clear()
            self._last_influence[metric.name] = self._influence(metric)
        return self._last_influence[metric.name]

    def _influence(self, metric: Metric) -> Influence:
        found = self.found(metric)
        influences = []
        for statistic, output in zip(found.statistics, self.outputs, strict=True):
            value = float(getattr(statistic, "value", statistic))
            case = case_of(metric, statistic, value, self.reading)
            given = output.arguments(metric.influence_needs, case)
            influences.append(metric.influence(**given))  # type: ignore[misc]  # the caller saw that there is one
        first: Influence = influences[0]
        values = sum(influence.values for influence in influences) / len(influences)
        values = values / found.value if metric.ratio else values
        return first._replace(values=np.asarray(values))

    def limits(self, metric: Metric, level: float) -> tuple[float, float]:
        """The metric's own limits at a level. Raises `Undefined` where there are none."""
        outputs = tuple(output.at_level(level) for output in self.outputs)
        limits = interval(metric, self.found(metric), outputs, analytic)
        return float(limits["low"]), float(limits["high"])


class Pair:
    """A candidate and the reference; `paired` where both are of the same rows."""

    def __init__(self, candidate: Candidate, reference: Candidate, *, paired: bool) -> None:
        self.candidate, self.reference, self.paired = candidate, reference, paired

    @property
    def rows(self) -> int:
        """The rows that differences are made of."""
        own: int = self.candidate.report["samples"]
        return own if self.paired else own + int(self.reference.report["samples"])

    def difference(self, metric: Metric) -> "Judged":
        """The difference by a metric. Raises `Undefined` where one of the two has no value."""
        value, other = self.candidate.value(metric), self.reference.value(metric)
        try:
            apart = metric.lead(value, other)
        except Undefined as reason:
            return Judged((metric.towards or 1) * (value - other), "plain", reason.again(), "")
        scale = "log" if metric.ratio else "plain"
        if self.identical:
            return Judged(apart, scale, IDENTICAL, "identical")
        try:
            return Judged(apart, scale, *self.found(metric, apart))
        except Undefined as reason:
            return Judged(apart, scale, reason.again(), "")
        except (OverflowError, ZeroDivisionError):
            return Judged(apart, scale, Undefined("overflow"), "")

    @cached_property
    def identical(self) -> bool:
        """Whether both predict the same for the same rows."""
        ours, theirs = self.candidate.batch, self.reference.batch
        same = alike(ours.predicted, theirs.predicted) and alike(ours.scores, theirs.scores)
        return self.paired and same

    def found(self, metric: Metric, apart: float) -> tuple[Difference | Bounds, str]:
        """What the limits of a difference come from, and the name of the test of it.

        Where rows do not tell how it varies, as where neither makes a mistake, it is known by the limits of both.
        """
        if self.candidate.reading.resamples:
            return self.resampled(metric, apart), "bootstrap"
        if metric.influence is not None:
            try:
                return self.varying(metric, apart)
            except Undefined:
                if metric.ratio:
                    raise
        return self.bounds(metric, apart), "intervals"

    def varying(self, metric: Metric, apart: float) -> tuple[Difference, str]:
        """The difference with the variance that the influences of rows give. Raises `Undefined` where they do not."""
        ours, theirs = self.candidate.influence(metric), self.reference.influence(metric)
        size = 1.0
        if not metric.ratio:
            size = max(abs(self.candidate.value(metric)), abs(self.reference.value(metric)))
        parts = [list(side) for side in self.parts(ours, theirs)]
        for side in parts:
            Difference.of(apart, size, side)  # where one side alone says nothing, both together do not either
        return Difference.of(apart, size, chain.from_iterable(parts)), self.test_of(ours)

    def resampled(self, metric: Metric, apart: float) -> Bounds:
        """The difference by the bootstrap."""
        if not metric.interval_needs:  # it says why no interval is honest
            metric.uncertainty()
        drawn = self.replicates[metric.name]
        bootstrap_interval(metric, apart, drawn, self.candidate.reading.confidence_level)

        def limits(level: float) -> tuple[float, float]:
            try:
                low, high, _ = bootstrap_interval(metric, apart, drawn, level)
            except Undefined:  # so low a level leaves nothing between the limits
                return apart, apart
            return low, high

        return Bounds(apart, limits, 1 / len(drawn.values))

    @cached_property
    def replicates(self) -> Mapping[str, Replicates]:
        """The differences of all metrics on rows drawn anew."""
        metrics = [metric for metric in self.candidate.metrics if metric.interval_needs]
        sides = (self.candidate.request, self.reference.request)
        return (paired_replicates if self.paired else unpaired_replicates)(metrics, *sides)

    def bounds(self, metric: Metric, apart: float) -> Bounds:
        """The difference by the limits of both, which hold together however the two depend on each other."""

        def at(level: float) -> tuple[float, float]:
            half = (1 + level) / 2
            (low, high), (least, most) = (side.limits(metric, half) for side in (self.candidate, self.reference))
            return (least - high, most - low) if metric.towards < 0 else (low - most, high - least)

        def limits(level: float) -> tuple[float, float]:
            try:
                return at(level)
            except (Undefined, OverflowError):  # so high a level leaves no limits
                return -math.inf, math.inf

        at(self.candidate.reading.confidence_level)
        return Bounds(apart, limits)

    def parts(self, ours: Influence, theirs: Influence) -> Iterator[Iterable[Part]]:
        """The independent parts of the variance of the difference, those of other rows apart."""
        cells = ours.values.ndim > 1
        if self.paired:
            yield (self.joint if cells else self.candidate.shares).parts(ours, theirs)
            return
        for side, influence in ((self.candidate, ours), (self.reference, theirs)):
            alone = JointCells.of(side.batch, side.batch, side.question) if cells else side.shares
            parts = list(alone.parts(influence, None))
            too_small = math.fsum(part.variance for part in parts) < influence.floor
            yield [Part(influence.floor, min(part.freedom for part in parts))] if too_small else parts

    @property
    def same_labels(self) -> bool:
        """Whether both have the same labels in the same order."""
        ours, theirs = self.candidate, self.reference
        return ours.question.classes == theirs.question.classes and alike(ours.batch.truth, theirs.batch.truth)

    @cached_property
    def joint(self) -> JointCells:
        """The rows by label and both predictions."""
        return JointCells.of(self.candidate.batch, self.reference.batch, self.candidate.question)

    def test_of(self, influence: Influence) -> str:
        """The name of the test that goes with the influences."""
        if influence.positive is not None:
            return "delong"
        if influence.values.ndim > 1:
            return "delta"
        return "paired_t" if self.paired else "welch_t"

    def mcnemar(self, metric: Metric) -> Iterator[tuple[str, float | None, float]]:
        """McNemar's tests, where the metric is a share of rows that count once or by whole numbers."""
        question, batch = self.candidate.question, self.candidate.batch
        whole = batch.weight is None or question.counts
        if metric.function not in RIGHT or not self.paired or not whole:
            return
        labels = RIGHT[metric.function]
        ours, theirs = self.joint.discordant(range(self.joint.size) if labels is None else labels)
        for test in (mcnemar_exact, mcnemar_mid_p):
            yield test.__name__, float(min(ours, theirs)), test(ours, theirs)


def alike(first: NDArray[Any] | None, second: NDArray[Any] | None) -> bool:
    """Whether two columns hold the same, or both are missing."""
    if first is None or second is None:
        return first is second
    return np.array_equal(first, second)


class Judged(NamedTuple):
    """A difference that is positive where the candidate is better; what its limits and its p-value come from."""

    value: float
    scale: str
    found: Difference | Bounds | Undefined
    test: str
