"""What a request asks, resolved: the rows, what shapes their states, and what is read from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.metrics.exact import Floats
from service.metrics.grouping import Grouping, grouped
from service.metrics.requirements import Requirement
from service.metrics.undefined import Undefined

Label = int | bool | str


class Partition(NamedTuple):
    """The groups that the rows fall into by a column of the request, or by two that are crossed.

    `by` names these, `groups` are the values of each group there, in order.
    """

    by: tuple[str, ...]
    groups: tuple[tuple[Label, ...], ...]

    @property
    def named(self) -> list[dict[str, Label]]:
        """The value by name of each group."""
        return [dict(zip(self.by, values, strict=True)) for values in self.groups]


@dataclass(frozen=True)
class Question:
    """What shapes the states: states of different batches merge only if their questions are equal.

    `classes` are (negative, positive) in a binary task, the negative None when it was never seen; elsewhere the
    columns of the scores, in their order. `threshold` is None where the predictions were given and not derived from
    scores. `k` are the ranks at which a ranking is cut, `quantiles` what the quantile predictions of a regression are.
    `counts` says that a weight is a number of equal rows, and not how far a row can be relied on.
    """

    task: str
    classes: tuple[Label | None, ...] = ()
    pos_label: Label | None = None
    threshold: float | None = None
    k: tuple[int, ...] = ()
    quantiles: tuple[float, ...] = ()
    counts: bool = False


class Costs(NamedTuple):
    """What a false positive and a false negative cost, in one unit."""

    false_positive: float
    false_negative: float


EVEN_COSTS = Costs(1.0, 1.0)


@dataclass(frozen=True)
class Reading:
    """What is read from the states: metric names, curves and their largest number of points, metadata to echo.

    `per_query` asks for the metrics of each query of a ranking, `intervals` for an interval beside each metric that
    covers the true value with a probability of `confidence_level`: by a bootstrap that draws the rows `resamples` times
    from a `seed`, or by formulas where that is 0. `requirements` are what the verdict is about, if there are any.
    `partitions` are the groups that are reported, too. Operating points weigh `costs`, and reach `target_precision` or
    `target_recall`; below 1, `max_fpr` asks for the area under the ROC curve up to this false positive rate.
    """

    metrics: tuple[str, ...]
    curves: bool = False
    curve_points: int = 200
    per_query: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)
    intervals: bool = True
    confidence_level: float = 0.95
    resamples: int = 0
    seed: int = 0
    requirements: tuple[Requirement, ...] = ()
    partitions: tuple[Partition, ...] = ()
    costs: Costs = EVEN_COSTS
    target_precision: float = 0.9
    target_recall: float = 0.9
    max_fpr: float = 1.0

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of the metrics, to look them up."""
        return frozenset(self.metrics)


@dataclass(frozen=True)
class Comparison:
    """What is asked of several candidates: whether any is better than the `reference` by the `primary_metric`.

    `pairs` is the number of candidates beside it. With `paired` all predict the same rows. A candidate is not inferior
    where it is not worse by `margin`, and `min_difference` is worth to be found: both as differences of the primary
    metric are, None where not asked for.
    `requirements` are what the verdict is about, if there are any.
    """

    reference: str
    primary_metric: str
    paired: bool
    pairs: int = 1
    margin: float | None = None
    min_difference: float | None = None
    requirements: tuple[Requirement, ...] = ()


class Layout(NamedTuple):
    """How the columns came: labels one-hot, scores in pairs of both classes."""

    one_hot: bool = False
    pairs: bool = False


ONE_VALUE_A_ROW = Layout()


@dataclass(frozen=True, eq=False)
class Batch:
    """Columns of n rows, none of weight 0.

    ============ ============== ======================= ============================
    task         truth          predicted               scores
    ============ ============== ======================= ============================
    binary       n booleans     n booleans              n floats or None
    multiclass   n positions    n positions             n x K probabilities or None
    multilabel   n x L booleans n x L booleans          n x L floats or None
    regression   n or n x m     like truth, or None     n x q quantiles or None
    ranking      n relevances   None                    n floats
    ============ ============== ======================= ============================

    Positions are those of `Question.classes`, as intp; the other numbers are float64. `weight` is float64, or None
    where every row counts once. `query` is what the rows of a ranking belong to: int64, or variable-length strings.
    `groups` is n x p, the position of the row's group in each of `Reading.partitions`, or None where there are none.
    `layout` is how the columns came.
    """

    truth: NDArray[Any]
    predicted: NDArray[Any] | None = None
    scores: Floats | None = None
    weight: Floats | None = None
    query: NDArray[Any] | None = None
    groups: NDArray[np.uint16] | None = None
    layout: Layout = ONE_VALUE_A_ROW

    @property
    def columns(self) -> dict[str, NDArray[Any]]:
        """The columns there are, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: column for name, column in values.items() if isinstance(column, np.ndarray)}

    def rows(self, which: NDArray[Any] | slice) -> "Batch":
        """The batch of these rows: positions, a boolean for each row, or a slice."""
        taken: dict[str, Any] = {name: column[which] for name, column in self.columns.items()}
        return replace(self, **taken)

    def joined(self, other: "Batch") -> "Batch":
        """The batch of the rows of both, which have the same columns."""
        theirs = other.columns
        both: dict[str, Any] = {name: np.concatenate([ours, theirs[name]]) for name, ours in self.columns.items()}
        return replace(self, **both)

    @property
    def predictions(self) -> NDArray[Any]:
        """What the model predicted. Raises `Undefined` where it gave quantiles and the median is not among them."""
        if self.predicted is None:
            raise Undefined("no_median")
        return self.predicted

    @cached_property
    def by_query(self) -> Grouping:
        """The rows of a ranking by query: a single one where none are named."""
        return grouped(np.zeros(len(self.truth), dtype=np.int64) if self.query is None else self.query)


def without_zero_weights(batch: Batch) -> Batch:
    """The batch without its rows of weight 0; without weights where all that remain are 1."""
    if batch.weight is None:
        return batch
    kept = np.asarray(batch.weight != 0)
    if not kept.all():
        batch = batch.rows(kept)
    return replace(batch, weight=None) if np.all(batch.weight == 1) else batch


def by_group(batch: Batch, place: int, number: int) -> list[Batch | None]:
    """The rows of each of so many groups in the partition at this place; None for a group without any."""
    codes = np.ascontiguousarray(np.asarray(batch.groups)[:, place])
    rows = replace(batch, groups=None).rows(np.argsort(codes, kind="stable"))
    ends = np.cumsum(np.bincount(codes, minlength=number)).tolist()
    cuts = pairwise([0, *ends])
    return [without_zero_weights(rows.rows(slice(*cut))) if cut[0] < cut[1] else None for cut in cuts]


def outputs(batch: Batch) -> tuple[Batch, ...]:
    """One batch for each output of a regression: this one, unless the truth has columns."""
    if batch.truth.ndim == 1 or batch.predicted is None:
        return (batch,)
    return tuple(
        replace(batch, truth=np.ascontiguousarray(truth), predicted=np.ascontiguousarray(predicted))
        for truth, predicted in zip(batch.truth.T, batch.predicted.T, strict=True)
    )
