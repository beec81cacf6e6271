"""States of predicted quantiles: of each row one prediction for each level of `Question.quantiles`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from service.metrics.averages import Average, averages_of
from service.metrics.batch import Batch, Question
from service.metrics.exact import Floats, Total, exact_sum, exact_sums
from service.metrics.influences import Influences
from service.metrics.states import State, added, total

# What totals belong to: a level, or the lower and the upper level of an interval.
Key = float | tuple[float, float]


@dataclass(frozen=True)
class Totals:
    """Exact totals by level or by interval; `+` adds those of the same key."""

    by: Mapping[Any, Total]

    @classmethod
    def of(cls, batch: Batch, columns: Mapping[Any, tuple[int, ...]], term: Callable[..., Floats]) -> "Totals":
        """For each key the weighted sum of a term of the label and of the predictions in these columns."""
        sums = exact_sums(
            lambda y, q: {str(key): (term(y, *(q[:, column] for column in of)),) for key, of in columns.items()},
            batch.truth,
            predicted_quantiles(batch),
            weights=batch.weight,
        )
        return cls(dict(zip(columns, sums.values(), strict=True)))

    def __add__(self, other: "Totals") -> "Totals":
        return Totals({key: added(sum_, other.by[key]) for key, sum_ in self.by.items()})

    def __getitem__(self, key: Key) -> Total:
        return self.by[key]


def predicted_quantiles(batch: Batch) -> Floats:
    """A column of predictions for each level of the question."""
    return np.asarray(batch.scores)


@dataclass(frozen=True)
class QuantileErrors(State):
    """For each level the totals by which predictions lie over and under the label."""

    weight: Total
    over: Totals
    under: Totals

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        columns = {level: (column,) for column, level in enumerate(question.quantiles)}
        over = Totals.of(batch, columns, lambda y, p: np.maximum(p - y, 0))
        under = Totals.of(batch, columns, lambda y, p: np.maximum(y - p, 0))
        return cls(total(batch.weight, len(batch.truth)), over, under)


@dataclass(frozen=True)
class QuantileCoverage(State):
    """The weight of the labels that predicted quantiles cover, and totals of the predictions.

    For each level `below` is the weight of the labels at or below the prediction, `predicted` the total of the
    predictions. For each interval of two levels, the lowest with the highest, the second lowest with the second
    highest and so on, `inside` is the weight of the labels within, both ends included. `crossing` is the share of the
    rows whose predictions do not ascend with the level.
    """

    weight: Total
    below: Totals
    predicted: Totals
    inside: Totals
    crossing: Average

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        column = {level: position for position, level in enumerate(question.quantiles)}
        single = {level: (position,) for level, position in column.items()}
        levels = sorted(column)
        pairs = zip(levels[: len(levels) // 2], levels[::-1], strict=False)
        ascending = [column[level] for level in levels]
        return cls(
            weight=total(batch.weight, len(batch.truth)),
            below=Totals.of(batch, single, lambda y, p: (y <= p).astype(np.float64)),
            predicted=Totals.of(batch, single, lambda _, p: p),
            inside=Totals.of(
                batch,
                {(low, high): (column[low], column[high]) for low, high in pairs},
                lambda y, low, high: ((low <= y) & (y <= high)).astype(np.float64),
            ),
            crossing=averages_of(
                lambda q: {"rate": crosses(q[:, ascending])}, batch, question, predicted_quantiles(batch)
            )["rate"],
        )


def crosses(ascending: Floats) -> Floats:
    """1 for the rows that hold a number below the one before it, 0 for others."""
    return np.asarray(np.any(ascending[:, 1:] < ascending[:, :-1], axis=1), dtype=np.float64)


class QuantileRows(Influences):
    """Label and predicted quantiles of each row, in any order: exact sums do not tell."""

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        columns = predicted_quantiles(batch).T
        return cls.sorted(batch.truth, *columns, weights=batch.weight, counts=question.counts)

    @classmethod
    def sorted(cls, *columns: NDArray[Any], weights: Floats | None, counts: bool = False) -> Self:
        return cls(columns, weights, counts)

    @staticmethod
    def total_of(terms: Floats) -> Any:
        return exact_sum(terms)

    def loss(self, level: float, place: int, block: slice) -> Floats:
        """The pinball loss of a block of rows of a level, the one at this place."""
        under = self.columns[0][block] - self.columns[1 + place][block]
        return np.asarray(np.maximum(level * under, (level - 1) * under))
