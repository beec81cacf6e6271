"""States that several tasks share which have a column of scores for each class or label."""

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from service.metrics import binary
from service.metrics.area_intervals import Estimate
from service.metrics.batch import Batch, Question
from service.metrics.binary_states import Cells
from service.metrics.exact import Bools, Floats, Rational, canonical_order
from service.metrics.states import Rows, State, blocks, distinct_pairs, factors, once
from service.metrics.sums import Sums, exponent_of
from service.metrics.sweep_states import Sweep
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
    def weight(self) -> Rational:
        """The total weight of the rows."""

    @property
    @abstractmethod
    def weight2(self) -> Rational:
        """The total of what the rows add to a variance: of the squares of the weights, or of counts."""

    @property
    @abstractmethod
    def counts(self) -> ClassCounts:
        """What averages over classes are made of."""

    @property
    @abstractmethod
    def squares(self) -> ClassCounts:
        """What the same rows add to a variance."""

    def one_vs_rest(self) -> Iterator[Cells]:
        """For each class the confusion matrix of being this class or another."""
        sides = (four_cells(self.counts, self.weight), four_cells(self.squares, self.weight2))
        for weights, squares in zip(*sides, strict=True):
            yield Cells(*weights, *squares)

    @once
    def effective(self, sums: Sums) -> Floats:
        """Weights in units that make their sum over all rows the effective number of these."""
        return sums.floats_in(self.exponent) * self.unit

    @once
    def effective_squares(self, squares: Sums) -> Floats:
        """What rows add to a variance, in the square of that unit."""
        return squares.floats_in(2 * self.exponent) * self.unit * self.unit

    @cached_property
    def exponent(self) -> int:
        """The power of two near the total weight."""
        return exponent_of(self.weight)

    @cached_property
    def unit(self) -> float:
        """What is multiplied with weights, divided by that power, to make their sum the effective number of rows."""
        scale = Fraction(2) ** self.exponent
        return float(self.weight / scale) / float(self.weight2 / (scale * scale))


def four_cells(counts: ClassCounts, weight: Rational) -> Iterator[tuple[Rational, Rational, Rational, Rational]]:
    """Of each class the true and false positives and negatives."""
    for tp, truth, predicted in zip(*(sums.exact for sums in counts), strict=True):
        yield tp, predicted - tp, truth - tp, weight - truth - predicted + tp


@dataclass(frozen=True)
class Areas:
    """The areas under the curves of one class against all others, or why there are none.

    The estimates are what their intervals are made of, or why there are none; None where no interval is wanted.
    """

    roc_auc: float | Undefined
    average_precision: float | Undefined
    roc_estimate: Estimate | Undefined | None = None
    precision_estimate: Estimate | Undefined | None = None

    @classmethod
    def of(cls, sweep: Sweep) -> Self:
        return cls(attempted(binary.roc_auc, sweep), attempted(binary.average_precision, sweep))


def attempted(function: Callable[..., Any], *given: Any) -> Any:
    """What the function gives, or the reason why there is nothing."""
    try:
        return function(*given)
    except Undefined as reason:
        return reason.again()


class ColumnScores(Rows):
    """Labels and the scores of all classes, a column each, in the order the rows came in.

    Only columns of scores are sorted, one at a time and when they are read: no order of the rows shows in what is made
    of them.
    """

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        return cls((scores_of(batch), batch.truth), batch.weight, question.counts)

    @classmethod
    def sorted(cls, *columns: NDArray[Any], weights: Floats | None, counts: bool = False) -> Self:
        return cls(columns, weights, counts)

    @property
    def scores(self) -> Floats:
        return self.columns[0]

    @property
    def truth(self) -> NDArray[Any]:
        """The labels."""
        return self.columns[1]

    @cached_property
    def ends(self) -> tuple[Floats, Floats]:
        """The smallest and the largest score of each class."""
        return self.scores.min(axis=0), self.scores.max(axis=0)

    @property
    def constant(self) -> bool:
        """Whether all rows have the same scores."""
        return np.array_equal(self.scores[0], self.scores[-1]) and np.array_equal(*self.ends)

    @property
    def hard(self) -> bool:
        """Whether there are no scores but the smallest and the largest."""
        parts = [self.scores[block] for block in blocks(*self.scores.shape)]
        return (
            between(parts[0], parts[0].min(), parts[0].max())
            == 0
            == sum(between(part, self.ends[0].min(), self.ends[1].max()) for part in parts)
        )

    @property
    def distinct_pairs(self) -> int:
        if not self.counts or self.weights is None:
            first = np.sort(self.scores[:, 0])  # of most rows the first scores differ
            if len(first) % 2 or (first[::2] != first[1::2]).any():
                return 0
        digests = self.digests
        order = canonical_order(digests, *factors(self.weights))
        return distinct_pairs(
            (digests[order],), None if self.weights is None else self.weights[order], counts=self.counts
        )

    @property
    def digests(self) -> NDArray[np.uint64]:
        """A number for each row that stands for its scores and labels: unlike rows hardly ever have the same."""
        labels = self.truth.reshape(len(self.truth), -1)
        odd = np.random.default_rng(0).integers(0, 2**63, self.scores.shape[1] + labels.shape[1], dtype=np.uint64) | 1
        digests = np.empty(len(labels), dtype=np.uint64)
        for block in blocks(len(labels), len(odd)):
            columns = np.concatenate([self.scores[block].view(np.uint64).T, labels[block].T.astype(np.uint64)])
            columns ^= columns >> np.uint64(32)  # or products would lose what scores of few digits differ by
            columns *= odd[:, None]
            digests[block] = columns.sum(axis=0)
        return digests

    @property
    @abstractmethod
    def areas(self) -> list[Areas]:
        """The areas of each class."""

    @abstractmethod
    def positive(self, position: int) -> Bools:
        """The rows that belong to the class at a position."""

    def by_class(self) -> Iterator[Floats]:
        """The scores of each class."""
        for start in range(0, self.scores.shape[1], COLUMNS):
            yield from np.ascontiguousarray(self.scores[:, start : start + COLUMNS].T)

    def sweep(self, position: int) -> Sweep:
        """The rows by their score for the class at a position: the class against all others."""
        column = np.ascontiguousarray(self.scores[:, position])
        return Sweep.sorted(column, self.positive(position), weights=self.weights, counts=self.counts)


def between(scores: Floats, low: float, high: float) -> int:
    """The number of scores between two others."""
    return int(np.count_nonzero((low < scores) & (scores < high)))


@dataclass(frozen=True, eq=False)
class SortedColumn:
    """The rows by their score for one class: their order, and this class against all others."""

    order: NDArray[np.intp]
    sweep: Sweep

    @cached_property
    def positive(self) -> NDArray[np.intp]:
        """The rows that belong to the class, by their places in the order."""
        return np.flatnonzero(self.sweep.truth)

    def at(self, steps: Any, rows: NDArray[np.intp] | None = None) -> NDArray[Any]:
        """What each row, or each of these, has of what belongs to the steps of the sweep, from the top."""
        if len(steps) == len(self.order):
            return np.asarray(steps[::-1] if rows is None else steps[len(steps) - 1 - rows])
        return np.asarray(steps[self._step if rows is None else self._step[rows]])

    @cached_property
    def _step(self) -> NDArray[np.intp]:
        steps = np.zeros(len(self.order), dtype=np.intp)
        np.cumsum(self.sweep.scores[1:] != self.sweep.scores[:-1], out=steps[1:])
        return np.asarray(np.subtract(steps[-1], steps, out=steps))
