"""States that several tasks share which have a column of scores for each class or label."""

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from service.metrics import binary
from service.metrics.batch import Batch, Question
from service.metrics.binary_states import Bools, Cells, Sweep
from service.metrics.exact import Floats, Total
from service.metrics.states import State, joined_weights
from service.metrics.sums import Sums
from service.metrics.undefined import Undefined

# Columns of the scores that are copied at a time: those of a cache line.
COLUMNS = 8


def scores_of(batch: Batch) -> Floats:
    """The scores. Raises `Undefined` where only predictions were sent."""
    if batch.scores is None:
        raise Undefined("no_scores")
    return batch.scores


class ClassCounts(NamedTuple):
    """For each class the weight of its hits, its labels and its predictions."""

    hits: Sums
    truth: Sums
    predicted: Sums


class ClassTable(State):
    """A state that knows of each class how often it is labelled, predicted, and both."""

    @property
    @abstractmethod
    def weight(self) -> Total:
        """The total weight of the rows."""

    @property
    @abstractmethod
    def counts(self) -> ClassCounts:
        """What averages over classes are made of."""

    def one_vs_rest(self) -> Iterator[Cells]:
        """For each class the confusion matrix of being this class or another."""
        for tp, truth, predicted in zip(*(sums.exact for sums in self.counts), strict=True):
            yield Cells(tp, predicted - tp, truth - tp, self.weight - truth - predicted + tp)


@dataclass(frozen=True)
class Areas:
    """The areas under the curves of one class against all others, or why there are none."""

    roc_auc: float | Undefined
    average_precision: float | Undefined

    @classmethod
    def of(cls, sweep: Sweep) -> Self:
        return cls(attempted(binary.roc_auc, sweep), attempted(binary.average_precision, sweep))


def attempted(metric: Callable[[Sweep], float], sweep: Sweep) -> float | Undefined:
    """The metric's value, or the reason why there is none."""
    try:
        return metric(sweep)
    except Undefined as reason:
        return reason


@dataclass(frozen=True, eq=False)
class ColumnScores(State):
    """The scores of all classes, a column each, and the weights, in the order the rows came in.

    Only columns are sorted, one at a time and when they are read: no order of the rows shows in what is made of them.
    """

    scores: Floats
    weights: Floats | None
    truth: NDArray[Any]

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        return cls(scores_of(batch), batch.weight, batch.truth)

    def __add__(self, other: Self) -> Self:
        weights = joined_weights((self.weights, len(self.scores)), (other.weights, len(other.scores)))
        scores, truth = np.concatenate([self.scores, other.scores]), np.concatenate([self.truth, other.truth])
        return type(self)(scores, weights, truth)

    @property
    @abstractmethod
    def areas(self) -> list[Areas]:
        """The areas of each class."""

    @abstractmethod
    def positive(self, position: int) -> Bools:
        """The rows that belong to the class at a position."""

    def columns(self) -> Iterator[Floats]:
        """The scores of each class."""
        for start in range(0, self.scores.shape[1], COLUMNS):
            yield from np.ascontiguousarray(self.scores[:, start : start + COLUMNS].T)

    def sweep(self, position: int) -> Sweep:
        """The rows by their score for the class at a position: the class against all others."""
        column = np.ascontiguousarray(self.scores[:, position])
        return Sweep.sorted(column, self.positive(position), weights=self.weights)
