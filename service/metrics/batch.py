"""What a request asks, resolved: the rows, what shapes their states, and what is read from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.metrics.exact import Floats

Label = int | bool | str


@dataclass(frozen=True)
class Question:
    """What shapes the states: states of different batches merge only if their questions are equal.

    `classes` are (negative, positive) in a binary task, the negative None when it was never seen. `threshold` is
    None where the predictions were given and not derived from scores.
    """

    task: str
    classes: tuple[Label | None, ...] = ()
    pos_label: Label | None = None
    threshold: float | None = None


@dataclass(frozen=True)
class Reading:
    """What is read from the states: metric names, curves and their largest number of points, metadata to echo."""

    metrics: tuple[str, ...]
    curves: bool = False
    curve_points: int = 200
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Batch:
    """Columns of n rows, none of weight 0.

    `truth` is boolean in a binary task (positive or not) and float64 in regression, there n or n x m for m outputs,
    like `predicted`. `scores` are float64 or None. `weight` is float64, or None where every row counts once.
    """

    truth: NDArray[Any]
    predicted: NDArray[Any]
    scores: Floats | None = None
    weight: Floats | None = None

    def outputs(self) -> tuple["Batch", ...]:
        """One batch for each output: this one, unless the truth has columns."""
        if self.truth.ndim == 1:
            return (self,)
        return tuple(
            replace(self, truth=np.ascontiguousarray(truth), predicted=np.ascontiguousarray(predicted))
            for truth, predicted in zip(self.truth.T, self.predicted.T, strict=True)
        )


def without_zero_weights(batch: Batch) -> Batch:
    """The batch without its rows of weight 0; without weights where all that remain are 1."""
    if batch.weight is None:
        return batch
    kept = np.asarray(batch.weight != 0)
    if not kept.all():
        batch = Batch(
            truth=batch.truth[kept],
            predicted=batch.predicted[kept],
            scores=None if batch.scores is None else batch.scores[kept],
            weight=batch.weight[kept],
        )
    return replace(batch, weight=None) if np.all(batch.weight == 1) else batch
