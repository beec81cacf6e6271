"""States of a multilabel task. Labels are positions in `Question.classes`, and a row has any number of them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import add
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from service.metrics.batch import Batch, Question
from service.metrics.binary_states import Bools, ProbabilityLosses
from service.metrics.class_states import Areas, ClassCounts, ClassTable, ColumnScores, scores_of
from service.metrics.exact import Floats, Rational, Total, exact_sum
from service.metrics.pooled import Pairs, pooled_areas
from service.metrics.states import LabelState, Range, Rows, State, blocks, factors, total
from service.metrics.sums import Sums


class LabelSets(Rows, LabelState):
    """The labels of each row, in the order the rows came in: none shows in what is made of them."""

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        return cls((batch.truth,), batch.weight)

    @classmethod
    def sorted(cls, *columns: NDArray[Any], weights: Floats | None) -> Self:
        return cls(columns, weights)

    @property
    def truth(self) -> Bools:
        return self.columns[0]

    @property
    def rows(self) -> int:
        return len(self.truth)

    @cached_property
    def weight(self) -> Total:
        return total(self.weights, self.rows)

    @property
    def empty(self) -> int:
        """The number of rows that have no label."""
        return sum(int(np.count_nonzero(~self.truth[block].any(axis=1))) for block in blocks(*self.truth.shape))

    def blind(self, question: Question) -> Batch:
        """The labels that most rows have as every prediction, the prevalence of each label as its score."""
        positive = LabelCells.counted(self.truth, self.truth, self.weights).counts.truth.exact
        prevalence = np.array([float(part / self.weight) for part in positive])
        frequent = np.array([2 * part > self.weight for part in positive])
        shape = self.truth.shape
        return Batch(self.truth, np.broadcast_to(frequent, shape), np.broadcast_to(prevalence, shape), self.weights)


@dataclass(frozen=True)
class LabelCells(ClassTable):
    """Of each label the weights of true negatives, false positives, false negatives and hits, one after the other."""

    cells: Sums

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        return cls.counted(batch.truth, batch.predictions, batch.weight)

    @classmethod
    def counted(cls, truth: Bools, predicted: Bools, weights: Floats | None) -> Self:
        """The cells of labels and predictions."""
        rows, width = truth.shape
        parts = []
        for block in blocks(rows, width):
            groups = 2 * truth[block] + predicted[block] + 4 * np.arange(width)
            repeated = None if weights is None else np.repeat(weights[block], width)
            parts.append(Sums.of(groups.ravel(), 4 * width, repeated))
        return cls(reduce(Sums.__add__, parts))

    @cached_property
    def weight(self) -> Total:
        return self._of(0, 1, 2, 3).exact[0]

    @cached_property
    def counts(self) -> ClassCounts:
        return ClassCounts(hits=self._of(3), truth=self._of(2, 3), predicted=self._of(1, 3))

    @property
    def labels(self) -> int:
        """The number of labels."""
        return self.cells.size // 4

    @property
    def sides(self) -> tuple[Sums, Sums]:
        """The weight of the rows without each label, and of those with it."""
        return self._of(0, 1), self._of(2, 3)

    @property
    def wrong(self) -> Rational:
        """The weight of all false positives and false negatives."""
        return self._of(1, 2).total

    def _of(self, *places: int) -> Sums:
        """The weight of each label in these of its cells."""
        first = np.arange(0, self.cells.size, 4)
        return reduce(add, (self.cells.at(first + place) for place in places))


@dataclass(frozen=True)
class SetMatches(State):
    """Totals of what rows get for their set of predictions; a row's share of nothing is 0."""

    weight: Total
    exact: Total
    precision: Total
    recall: Total
    f1: Total
    jaccard: Total

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        return cls(total(batch.weight, len(batch.truth)), *row_totals(cls._rows, 5, batch, batch.predictions))

    @staticmethod
    def _rows(truth: Bools, predicted: Bools) -> list[Floats]:
        hits, true, said = (np.count_nonzero(side, axis=1) for side in (truth & predicted, truth, predicted))
        either = true + said - hits
        shares = ((hits, said), (hits, true), (2 * hits, true + said), (hits, either))
        return [either == hits, *(part / np.maximum(whole, 1) for part, whole in shares)]


@dataclass(frozen=True)
class LabelRanks(State):
    """Totals of what rows get for the order of their scores; of tied labels those that are not true come first."""

    weight: Total
    precision: Total
    coverage: Total
    loss: Total

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        scores = scores_of(batch)
        return cls(total(batch.weight, len(batch.truth)), *row_totals(cls._rows, 3, batch, scores))

    @staticmethod
    def _rows(truth: Bools, scores: Floats) -> list[Floats]:
        rows, width = truth.shape
        ranked = distinct(scores)
        order = np.argsort(np.negative(ranked), axis=1)
        ranked = ranked.ravel()[order + width * np.arange(len(order))[:, None]]
        ordered = truth.ravel()[order + width * np.arange(rows)[:, None]].ravel()
        # Ties end where the next score differs: there stands how many labels, true ones among them, score as much.
        ends = np.ones(truth.shape, dtype=np.bool_)
        np.not_equal(ranked[:, 1:], ranked[:, :-1], out=ends[:, :-1])
        true = np.count_nonzero(truth, axis=1)
        row, places = np.repeat(np.arange(rows), true), np.flatnonzero(ordered)
        last = np.flatnonzero(ends)[(np.cumsum(ends) - ends.ravel())[places]]
        rank = last + 1 - row * width
        reached = np.cumsum(ordered)[last] - np.repeat(np.cumsum(true) - true, true)
        coverage = np.zeros(rows)
        coverage[row] = rank  # the last of a row stays
        pairs = true * (width - true)
        return [
            np.where(true > 0, np.bincount(row, reached / rank, rows) / np.maximum(true, 1), 1.0),
            coverage,
            np.bincount(row, rank - reached, rows) / np.maximum(pairs, 1),
        ]


@dataclass(frozen=True)
class LabelLosses(State):
    """Totals of the weight and of the rows' mean log loss over the labels, and the range of the scores.

    The loss holds nothing once a score lies outside [0, 1]: `range` tells.
    """

    weight: Total
    log: Total
    range: Range

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        weight, scores = total(batch.weight, len(batch.truth)), Range.of(scores_of(batch))
        if scores.low < 0 or scores.high > 1:
            return cls(weight, 0, scores)
        (log,) = row_totals(cls._rows, 1, batch, scores_of(batch))
        return cls(weight, log, scores)

    @staticmethod
    def _rows(truth: Bools, scores: Floats) -> list[Floats]:
        smallest = ProbabilityLosses.SMALLEST
        losses = -np.log(np.clip(np.where(truth, scores, 1 - scores), smallest, 1 - smallest))
        losses.sort(axis=1)  # the order of the labels changes no sum
        return [losses.mean(axis=1)]


def row_totals(
    function: Callable[[Any, Any], list[Any]], count: int, batch: Batch, column: NDArray[Any]
) -> list[Total]:
    """The exact totals of `count` numbers that the function gives each row of a block of labels and of a column."""
    values = np.empty((count, len(batch.truth)))
    # Temporaries of a float for each pair stay below 128 KiB: larger ones come from the system anew each time.
    for block in blocks(len(batch.truth), 5 * batch.truth.shape[1]):
        values[:, block] = function(batch.truth[block], column[block])
    return [exact_sum(numbers, *factors(batch.weight)) for numbers in values]


@dataclass(frozen=True, eq=False)
class LabelScores(ColumnScores):
    """Labels and the scores of all labels."""

    truth: Bools

    def positive(self, position: int) -> Bools:
        return np.ascontiguousarray(self.truth[:, position])

    @cached_property
    def pairs(self) -> Pairs:
        """All pairs of a row and a label; of rows that a broadcast gave the same scores, two of each label for all."""
        weights = self.weights
        if weights is not None:  # their products stay in range
            weights = np.ldexp(weights, -int(np.frexp(weights.max())[1]))
        if len(distinct(self.scores)) == len(self.scores):
            table = None if weights is None else np.broadcast_to(weights[:, None], self.truth.shape)
            return Pairs(self.scores, self.truth, table)
        sums = np.stack([part.floats for part in LabelCells.counted(self.truth, self.truth, weights).sides])
        truth = np.broadcast_to(np.array([[False], [True]]), sums.shape)
        return Pairs(np.broadcast_to(self.scores[0], sums.shape), truth, sums)

    @cached_property
    def areas(self) -> list[Areas]:
        """The areas of each label."""
        return [pooled_areas(pairs) for pairs in self.pairs.by_label()]

    @cached_property
    def pooled(self) -> Areas:
        """The areas of all pairs of a row and a label."""
        return pooled_areas(self.pairs)


def distinct(scores: Floats) -> Floats:
    """The scores of one row where a broadcast gave all rows the same, else of all rows."""
    return scores[:1] if scores.strides[0] == 0 else scores
