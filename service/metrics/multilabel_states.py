"""States of a multilabel task. Labels are positions in `Question.classes`, and a row has any number of them."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, reduce
from operator import add
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from service.metrics.averages import Average
from service.metrics.batch import Batch, Question
from service.metrics.binary_states import ProbabilityLosses
from service.metrics.class_states import Areas, ClassCounts, ClassTable, ColumnScores, scores_of
from service.metrics.exact import Bools, Floats, Rational, Total, exact_sum
from service.metrics.pooled import Pairs, pooled_areas
from service.metrics.states import (
    LabelState,
    Rows,
    State,
    blocks,
    joined_weights,
    total,
    total_of_squares,
)
from service.metrics.sums import MANTISSA_BITS, Sums, average, exponent_of, sums_with_squares
from service.metrics.sweep_states import Decisions
from service.metrics.undefined import Undefined


class LabelSets(Rows, LabelState):
    """The labels of each row, in the order the rows came in: none shows in what is made of them."""

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        return cls((batch.truth,), batch.weight, question.counts)

    @classmethod
    def sorted(cls, *columns: NDArray[Any], weights: Floats | None, counts: bool = False) -> Self:
        return cls(columns, weights, counts)

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
    def weight2(self) -> Total:
        return total_of_squares(self.weights, self.rows, counts=self.counts)

    @property
    def empty(self) -> int:
        """The number of rows that have no label."""
        found = [~self.truth[block].any(axis=1) for block in blocks(*self.truth.shape)]
        if self.counts and self.weights is not None:
            return int(exact_sum(self.weights, np.concatenate(found).astype(np.float64)))
        return sum(int(np.count_nonzero(part)) for part in found)

    def blind(self, question: Question) -> Batch:
        """The labels that most rows have as every prediction, the prevalence of each label as its score."""
        positive = LabelCells.counted(self.truth, self.truth, self.weights, counts=True).counts.truth.exact
        prevalence = np.array([float(part / self.weight) for part in positive])
        frequent = np.array([2 * part > self.weight for part in positive])
        shape = self.truth.shape
        return Batch(self.truth, np.broadcast_to(frequent, shape), np.broadcast_to(prevalence, shape), self.weights)


@dataclass(frozen=True)
class LabelCells(ClassTable):
    """Of each label the weights of true negatives, false positives, false negatives and hits, one after the other.

    `cells2` is what the same rows add to a variance.
    """

    cells: Sums
    cells2: Sums

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        return cls.counted(batch.truth, batch.predictions, batch.weight, counts=question.counts)

    @classmethod
    def counted(cls, truth: Bools, predicted: Bools, weights: Floats | None, *, counts: bool) -> Self:
        """The cells of labels and predictions."""
        rows, width = truth.shape
        parts = []
        for block in blocks(rows, width):
            groups = (2 * truth[block] + predicted[block] + 4 * np.arange(width)).ravel()
            by = None if weights is None else weights[block]
            parts.append(cls(*sums_with_squares(groups, 4 * width, by, counts=counts, repeats=width)))
        return reduce(add, parts)

    @cached_property
    def weight(self) -> Rational:
        return weight_of(self.cells)

    @cached_property
    def weight2(self) -> Rational:
        return weight_of(self.cells2)

    @cached_property
    def counts(self) -> ClassCounts:
        return class_counts(self.cells)

    @cached_property
    def squares(self) -> ClassCounts:
        return self.counts if self.cells2 is self.cells else class_counts(self.cells2)

    @property
    def sides(self) -> tuple[Sums, Sums]:
        """The weight of the rows without each label, and of those with it."""
        return cells_of(self.cells, 0, 1), cells_of(self.cells, 2, 3)


def cells_of(cells: Sums, *places: int) -> Sums:
    """The weight of each label in these of its cells."""
    first = np.arange(0, cells.size, 4)
    return reduce(add, (cells.at(first + place) for place in places))


def weight_of(cells: Sums) -> Rational:
    """The weight of all rows, which each label has in its cells."""
    return cells.at(np.arange(4)).total


def class_counts(cells: Sums) -> ClassCounts:
    """The weight of the hits, the labels and the predictions of each label."""
    missed, alarms, hits = (cells_of(cells, place) for place in (2, 1, 3))
    return ClassCounts(hits, truth=missed + hits, predicted=alarms + hits)


# A bit for the label and one for the prediction.
LABELS_IN_BYTE = 4


@dataclass(frozen=True, eq=False)
class LabelRows(State):
    """The labels and predictions of each row, in the order the rows came in: none shows in what is made of them."""

    truth: Bools
    predicted: Bools
    weights: Floats | None
    counts: bool

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        return cls(batch.truth, batch.predictions, batch.weight, question.counts)

    def __add__(self, other: Self) -> Self:
        weights = joined_weights((self.weights, len(self.truth)), (other.weights, len(other.truth)))
        truth, predicted = (
            np.concatenate(pair) for pair in ((self.truth, other.truth), (self.predicted, other.predicted))
        )
        return type(self)(truth, predicted, weights, self.counts)

    def square_sum(self, hits: Floats, truth: Floats, predicted: Floats, exponent: int) -> float:
        """The sum over rows, by what they add to a variance, of the square of what each gets for all its labels.

        That is a number for each hit, for each true and for each predicted label. Weights are in units of the power
        of two.
        """
        found = self.of_rows(hits, truth, predicted)
        if self.weights is None:
            return float(exact_sum(found * found)) * 4.0**-exponent
        weights = np.ldexp(self.weights, -exponent)
        squares = np.ldexp(weights, -exponent) if self.counts else weights * weights
        return float(exact_sum(found * found, squares))

    def of_rows(self, hits: Floats, truth: Floats, predicted: Floats) -> Floats:
        """What each row gets for all its labels."""
        tables = tables_of(*on_grid(np.array([truth, predicted, hits]), 3 * len(hits)))
        found = np.zeros(len(self.truth))
        for block in blocks(len(found), 8):
            for bits, table in zip(self._bits, tables, strict=True):
                found[block] += table[bits[block]]
        return found

    @cached_property
    def _bits(self) -> NDArray[np.uint8]:
        """Whether each label is true and whether it is predicted, four neighbours in a byte: a column for each row."""
        rows, width = self.truth.shape
        bits = np.empty((math.ceil(width / LABELS_IN_BYTE), rows), dtype=np.uint8)
        for block in blocks(rows, width):
            both = np.stack([self.truth[block], self.predicted[block]], axis=2)
            bits[:, block] = np.packbits(both.reshape(len(both), -1), axis=1).T
        return bits


def tables_of(truth: Floats, predicted: Floats, hits: Floats) -> Floats:
    """For each four neighbours the sums of the numbers that a byte picks, one for each byte."""
    bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)
    true, said = bits[:, ::2], bits[:, 1::2]
    padded = np.zeros((3, LABELS_IN_BYTE * math.ceil(len(hits) / LABELS_IN_BYTE)))
    padded[:, : len(hits)] = truth, predicted, hits
    parts = padded.reshape(3, -1, 1, LABELS_IN_BYTE)
    return np.asarray((true * parts[0] + said * parts[1] + (true & said) * parts[2]).sum(axis=2))


def on_grid(numbers: Floats, terms: int) -> Floats:
    """The numbers, rounded so that no sum of so many of them is rounded, in whatever order."""
    exponent = int(np.frexp(terms * np.abs(numbers).max(initial=0.0))[1]) - MANTISSA_BITS
    return np.asarray(np.ldexp(np.rint(np.ldexp(numbers, -exponent)), exponent))


@dataclass(frozen=True)
class SetMatches(State):
    """The weight of the rows with so many hits, predicted labels and true labels.

    `cells` is the table of the three numbers, `cells2` what the same rows add to a variance.
    """

    cells: Sums
    cells2: Sums

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        size = batch.truth.shape[1] + 1
        groups = np.ravel_multi_index(cls.of_rows(batch), (size,) * 3)
        return cls(*sums_with_squares(groups, size**3, batch.weight, counts=question.counts))

    @staticmethod
    def of_rows(batch: Batch) -> tuple[NDArray[np.intp], ...]:
        """Of each row the number of hits, predicted and true labels."""
        truth, predicted = batch.truth, batch.predictions
        rows, width = truth.shape
        numbers = np.empty((3, rows), dtype=np.intp)
        for block in blocks(rows, width):
            for place, side in enumerate((truth[block] & predicted[block], predicted[block], truth[block])):
                numbers[place, block] = np.count_nonzero(side, axis=1)
        return tuple(numbers)

    @property
    def labels(self) -> int:
        """The number of labels."""
        number: int = round(self.cells.size ** (1 / 3)) - 1
        return number

    @cached_property
    def numbers(self) -> tuple[Floats, Floats, Floats]:
        """Of each kind of row the number of hits, true and predicted labels."""
        hits, predicted, truth = np.unravel_index(self.cells.groups, (self.labels + 1,) * 3)
        return hits.astype(np.float64), truth.astype(np.float64), predicted.astype(np.float64)

    def mean(self, numbers: Floats) -> Average:
        """The mean over rows of a number for each kind of row."""
        return average(self.cells, self.cells2, numbers)

    def sum(self, numbers: Floats) -> float:
        """The sum over rows, by weight near the total as unit."""
        return float(self.cells.times(numbers) / self._scale)

    def square_sum(self, *numbers: Floats) -> float:
        """The sum over rows of products, by what rows add to a variance, in the square of that unit."""
        return float(self.cells2.times(*numbers) / self._scale**2)

    @cached_property
    def _scale(self) -> Fraction:
        return Fraction(2) ** exponent_of(self.cells.total)


@dataclass(frozen=True)
class LabelRanks(State):
    """What rows get for the order of their scores; of tied labels those that are not true come first."""

    precision: Average
    coverage: Average
    loss: Average

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        return cls(*averages_of_rows(cls.of_rows(batch), batch, question))

    @classmethod
    def of_rows(cls, batch: Batch) -> Floats:
        """What each row gets of each kind."""
        return row_numbers(cls._rows, 3, batch)

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
    """The mean log loss over the labels of a row, None once a score lies outside [0, 1]."""

    log: Average | None

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        scores = scores_of(batch)
        if scores.min() < 0 or scores.max() > 1:
            return cls(None)
        return cls(*averages_of_rows(cls.of_rows(batch), batch, question))

    @classmethod
    def of_rows(cls, batch: Batch) -> Floats:
        """The loss of each row."""
        return row_numbers(cls._rows, 1, batch)

    @staticmethod
    def _rows(truth: Bools, scores: Floats) -> list[Floats]:
        smallest = ProbabilityLosses.SMALLEST
        losses = -np.log(np.clip(np.where(truth, scores, 1 - scores), smallest, 1 - smallest))
        losses.sort(axis=1)  # the order of the labels changes no sum
        return [losses.mean(axis=1)]


def row_numbers(function: Callable[[Any, Any], list[Any]], count: int, batch: Batch) -> Floats:
    """The `count` numbers that the function gives each row of a block of labels and scores."""
    scores = scores_of(batch)
    values = np.empty((count, len(scores)))
    # Temporaries of a float for each pair stay below 128 KiB: larger ones come from the system anew each time.
    for block in blocks(len(scores), 5 * scores.shape[1]):
        values[:, block] = function(batch.truth[block], scores[block])
    return values


def averages_of_rows(values: Floats, batch: Batch, question: Question) -> Iterator[Average]:
    """The means of several numbers a row."""
    for numbers in values:
        yield Average.of(numbers, batch.weight, counts=question.counts)


class LabelScores(ColumnScores):
    """Labels and the scores of all labels."""

    def positive(self, position: int) -> Bools:
        return np.ascontiguousarray(self.truth[:, position])

    @cached_property
    def pairs(self) -> Pairs:
        """All pairs of a row and a label; of rows that a broadcast gave the same scores, two of each label for all."""
        weights = None if self.weights is None else np.ldexp(self.weights, -self.pair_exponent)
        if len(distinct(self.scores)) == len(self.scores):
            table = None if weights is None else np.broadcast_to(weights[:, None], self.truth.shape)
            return Pairs(self.scores, self.truth, table)
        cells = LabelCells.counted(self.truth, self.truth, weights, counts=True)
        sums = np.stack([part.floats for part in cells.sides])
        truth = np.broadcast_to(np.array([[False], [True]]), sums.shape)
        return Pairs(np.broadcast_to(self.scores[0], sums.shape), truth, sums)

    @property
    def pair_exponent(self) -> int:
        """The power of two that the weights of pairs are in units of, so that their products stay in range."""
        return 0 if self.weights is None else int(np.frexp(self.weights.max())[1])

    @cached_property
    def areas(self) -> list[Areas]:
        """The areas of each label."""
        return [pooled_areas(pairs) for pairs in self.pairs.by_label()]

    @cached_property
    def pooled(self) -> Areas:
        """The areas of all pairs of a row and a label."""
        return pooled_areas(self.pairs)


class LabelDecisions(LabelScores):
    """Predictions, in place of labels, and scores where both were sent: what no thresholds explain."""

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        if question.threshold is not None:
            raise Undefined("no_scores")
        return cls((scores_of(batch), batch.predictions), batch.weight, question.counts)

    @property
    def against(self) -> Floats:
        """The share of the weight that each label has against it, whatever its threshold."""
        columns = (
            Decisions.sorted(column, self.positive(position), weights=self.weights, counts=self.counts)
            for position, column in enumerate(self.by_class())
        )
        return np.array([column.against for column in columns])


def distinct(scores: Floats) -> Floats:
    """The scores of one row where a broadcast gave all rows the same, else of all rows."""
    return scores[:1] if scores.strides[0] == 0 else scores
