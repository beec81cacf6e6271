"""States of two candidates on the same rows, and what the influences of rows make of a difference between them.

One candidate alone is compared with one on which no row has an influence.
"""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from service.metrics.batch import Batch, Question
from service.metrics.exact import Floats, exact_sum
from service.metrics.influences import Influence
from service.metrics.ranking_states import weights_of
from service.metrics.states import Additive, squares_of
from service.metrics.sums import Sums, exponent_of, sums_with_squares

# So many rows that only the first candidate has right are added to the cells, and as many that only the second has.
ADDED_ROWS = 1.0


class Part(NamedTuple):
    """A part of a variance, and the degrees of freedom that it is estimated with."""

    variance: float
    freedom: float


@dataclass(frozen=True, eq=False)
class Shares:
    """The share of each row, or query, in the total weight, and what it adds to a variance."""

    shares: Floats
    squares: Floats

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        """Those of the rows of a batch in their order, of the queries of a ranking."""
        weights, rows = batch.weight, len(batch.truth)
        if batch.query is not None:
            weights, rows = weights_of(batch, batch.by_query), len(batch.by_query.ids)
        if weights is None:
            return cls(np.broadcast_to(1 / rows, rows), np.broadcast_to(1 / rows**2, rows))
        relative = np.ldexp(weights, -int(np.frexp(weights.max())[1]))
        shares = relative / float(exact_sum(relative))
        return cls(shares, squares_of(shares, counts=False) if not question.counts else shares / float(weights.sum()))

    def parts(self, first: Influence, second: Influence | None) -> Iterator[Part]:
        """The parts of the variance of the difference: of all rows, or of the rows of each of two samples."""
        values = first.values - second.values if second else first.values
        if first.positive is None:
            sizes = [each.size for each in (first, second) if each and each.size is not None]
            yield self._part(values, self.shares, self.squares, min(sizes, default=None))
            return
        for side in (first.positive, ~first.positive):
            yield self._part(values[side], self.shares[side], self.squares[side], None)

    def _part(self, values: Floats, shares: Floats, squares: Floats, size: float | None) -> Part:
        """The variance of a mean of these rows; each counts as far as it departs from their mean."""
        weight = float(exact_sum(shares))
        rows = weight * weight / float(exact_sum(squares)) if size is None else size
        apart = values - float(exact_sum(values, shares)) / weight
        variance = float(exact_sum(apart, apart, squares))
        return Part(variance * rows / (rows - 1) if rows >= 2 else math.inf, max(1.0, rows - 1))


@dataclass(frozen=True)
class JointCells(Additive):
    """The weight of the rows of each label that the first and the second candidate predict so.

    `cells` is a table of three sides, `cells2` what the same rows add to a variance.
    """

    cells: Sums
    cells2: Sums

    @classmethod
    def of(cls, first: Batch, second: Batch, question: Question) -> Self:
        """The table of two batches of the same rows."""
        size = len(question.classes)
        groups = (first.truth.astype(np.intp) * size + first.predictions) * size + second.predictions
        return cls(*sums_with_squares(groups, size**3, first.weight, counts=question.counts))

    @property
    def size(self) -> int:
        """The number of classes."""
        size: int = round(self.cells.size ** (1 / 3))
        return size

    def parts(self, first: Influence, second: Influence | None) -> Iterator[Part]:
        """The parts of the variance of the difference: of the rows of each label.

        A row more that only the first candidate has right, and one that only the second has, spread over the labels,
        stand for what few rows do not show (D. G. Bonett, R. M. Price, Journal of Educational and Behavioral Statistics
        37, 2012).
        """
        truth, ours, theirs = self._sides
        a = first.values
        b = second.values if second else np.zeros_like(a)
        apart = a[truth, ours] - b[truth, theirs]
        variances = np.bincount(truth, self._squares * apart * apart, self.size)
        others = max(1, self.size - 1)
        ahead, behind = np.square(np.diag(a)[:, None] - b), np.square(a - np.diag(b)[:, None])
        added = (ahead.sum(axis=1) - np.diag(ahead) + behind.sum(axis=1) - np.diag(behind)) / others
        variances += ADDED_ROWS / self.size / self.rows**2 * added
        for label in np.unique(truth).tolist():
            yield Part(float(variances[label]), max(1.0, float(self._rows_of_labels[label]) - 1))

    def discordant(self, labels: Collection[int]) -> tuple[int, int]:
        """The numbers of rows of these labels that only the first, and only the second candidate has right."""
        truth, ours, theirs = self._sides
        numbers = self._seen(self.cells, 0) * np.isin(truth, [*labels])
        right, other = ours == truth, theirs == truth
        return int(numbers[right & ~other].sum()), int(numbers[other & ~right].sum())

    @cached_property
    def rows(self) -> float:
        """The effective number of rows."""
        return float(Fraction(self.cells.total**2) / self.cells2.total)

    @cached_property
    def _sides(self) -> tuple[NDArray[np.intp], ...]:
        """Of each cell that has rows the label and both predictions."""
        return np.unravel_index(self.cells.groups, (self.size,) * 3)

    @cached_property
    def _shares(self) -> Floats:
        """The share of each of these cells in the total weight."""
        exponent = exponent_of(self.cells.total)
        whole = float(self.cells.total / Fraction(2) ** exponent)
        return np.asarray(self._seen(self.cells, exponent) / whole)

    @cached_property
    def _squares(self) -> Floats:
        """What their rows add to a variance, over the square of the total weight."""
        exponent = exponent_of(self.cells.total)
        whole = float(self.cells.total / Fraction(2) ** exponent)
        return np.asarray(self._seen(self.cells2, 2 * exponent) / (whole * whole))

    @staticmethod
    def _seen(cells: Sums, exponent: int) -> Floats:
        """The cells that have rows, in units of a power of two."""
        seen: Floats = cells.at(cells.groups).floats_in(exponent)
        return seen

    @cached_property
    def _rows_of_labels(self) -> Floats:
        """The effective number of rows of each label."""
        truth = self._sides[0]
        shares, squares = (np.bincount(truth, parts, self.size) for parts in (self._shares, self._squares))
        return np.asarray(np.divide(shares * shares, squares, out=np.zeros(self.size), where=squares > 0))
