"""States that tell how much each row moves the areas of classes or labels, from the one sort that gives the areas.

Only intervals ask for them: without these, the states that they derive from do.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.metrics.area_intervals import (
    Estimate,
    Moves,
    effective_sizes,
    joined,
    precision_estimate,
    precision_moves,
    roc_estimate,
    roc_moves,
    sides,
    variances,
)
from service.metrics.binary_states import Sweep
from service.metrics.class_states import Areas, SortedColumn, attempted
from service.metrics.exact import Floats, canonical_order, exact_sum
from service.metrics.multiclass_states import ClassColumn, ClassScores, Judged
from service.metrics.multilabel_states import LabelScores
from service.metrics.pooled import Meeting, Path, Pool, Tally, tallied
from service.metrics.states import blocks
from service.metrics.sums import MANTISSA_BITS, Sums
from service.metrics.undefined import Undefined

# The most that a row of average precision does, over its share of the positives: a sum over ranks of 1 / rank.
MOST_MOVED = 2.0**11
# Shares of rows are whole numbers of a unit so small that their sums stay below 2**SHARE_BITS.
SHARE_BITS = 61


# So many columns of a block of rows are at work together.
BLOCK_COLUMNS = 4
Entries = NDArray[np.intp]


class Variation(NamedTuple):
    """What an area's variance is made of: effective numbers of positive and of negative rows, and the part of each."""

    sizes: tuple[float, float]
    of_rows: tuple[float, float]


# Of each score of positives, in a table of moves: rows above it, negative rows at it, positive rows at it.
KINDS = 3


class Moved(NamedTuple):
    """What more weight of a row does to an area, and what that makes of its variance.

    `table` holds three numbers for each score of positives, from the top, and for what lies below them: what a negative
    row does that scores less than the one before, but more than this; a negative row of this score; and a positive one.
    """

    table: Floats
    variation: Variation


def entries_of(column: SortedColumn) -> Entries:
    """Which entry of such a table each row has, in the order of the column."""
    places = column.sweep.descent.places
    scores = np.arange(0, KINDS * len(places), KINDS, dtype=np.intp)
    steps = np.repeat(scores, np.diff(places, prepend=-1))[:-1]
    steps[places[:-1]] += 1
    return np.asarray(column.at(steps) + column.sweep.truth)


def moved(sweep: Sweep, areas: Areas) -> tuple[Moved | Undefined, Moved | Undefined]:
    """What rows do to the ROC area and to the average precision; the reason where there is none."""
    if isinstance(areas.average_precision, Undefined):
        return Undefined("single_class"), areas.average_precision
    descent, (found, others) = sweep.descent, sides(sweep)
    precision = tabled(sweep, precision_moves(descent, areas.average_precision, found))
    if isinstance(areas.roc_auc, Undefined):
        return areas.roc_auc, precision
    return tabled(sweep, roc_moves(descent, areas.roc_auc, found, others)), precision


def tabled(sweep: Sweep, moves: Iterator[Moves]) -> Moved:
    """The moves of an area as a table."""
    whole = joined(len(sweep.descent.places), moves)
    of_rows = variances(sweep.descent_of_squares, iter([whole]))
    table = np.stack([whole.between, whole.tied, whole.positive], axis=1).ravel()
    return Moved(table, Variation(effective_sizes(sweep), of_rows))


def with_estimates(areas: Areas, roc: Moved | Undefined, precision: Moved | Undefined) -> Areas:
    """The areas with what their intervals are made of."""
    return replace(
        areas,
        roc_estimate=estimated(roc_estimate, areas.roc_auc, roc),
        precision_estimate=estimated(precision_estimate, areas.average_precision, precision),
    )


def estimated(estimate: Callable[..., Estimate], area: Any, found: Moved | Undefined) -> Estimate | Undefined:
    """The estimate of an area, or the reason why there is none."""
    if isinstance(found, Undefined):
        return found
    estimated: Estimate | Undefined = attempted(estimate, found.variation.sizes, area, found.variation.of_rows)
    return estimated


class RowMoves(NamedTuple):
    """What more weight of each row does to the areas of all classes, in the order the rows came in.

    `own`: to the ROC area of its class. `placed`: the sum over other classes of the share of their rows that it scores
    above, for its class. `others`: the sums over other classes of what it does to their ROC areas, each times 1, times
    the weight of that class, and times its square. `precision`: to the sum of the average precisions. `found` is what
    the variance of the ROC area of each class that has one is made of, `weight` the weight of the rows of each class.
    """

    own: Floats
    placed: Floats
    others: Floats
    precision: Floats
    found: list[Variation]
    weight: Floats


class ClassInfluences(ClassScores):
    """Labels and the probabilities of all classes."""

    @cached_property
    def judged(self) -> Judged:
        return self._passed[0]

    @property
    def moves(self) -> RowMoves:
        """What each row does to the areas."""
        return self._passed[1]

    @cached_property
    def _passed(self) -> tuple[Judged, RowMoves]:
        """One pass over the sorted columns."""
        count = len(self.truth)
        own, placed, precisions = np.zeros((3, count))
        others = np.zeros((3, count))
        entries = np.empty(count, dtype=np.intp)
        areas, versus, found = [], [], []
        for column in self.sorted_columns():
            mine, theirs = column.positive, column.order[column.positive]
            plain = Areas.of(column.sweep)
            roc, precision = moved(column.sweep, plain)
            areas.append(with_estimates(plain, roc, precision))
            versus.append(self.against_each(column))
            in_order = entries_of(column)
            entries[column.order] = in_order
            if isinstance(roc, Moved):
                found.append(roc.variation)
                own[theirs] = roc.table[in_order[mine]]
                placed[theirs] = self._placements(column)
                roc.table[KINDS - 1 :: KINDS] = 0  # what is left is done by rows of others
            inside = float(column.sweep.steps.tp[-1])
            for block in blocks(count, BLOCK_COLUMNS):
                entry = entries[block]
                if isinstance(precision, Moved):
                    precisions[block] += precision.table.take(entry)
                if isinstance(roc, Moved):
                    moves = roc.table.take(entry)
                    for place in range(len(others)):
                        others[place, block] += moves
                        moves *= inside
        return Judged(areas, np.array(versus)), RowMoves(own, placed, others, precisions, found, self._weight)

    @cached_property
    def _weight(self) -> Floats:
        """The weight of the rows of each class, in the unit of a sweep."""
        return Sums.of(self.truth, self.scores.shape[1], self.weights).floats_in(self.weight_exponent)

    @cached_property
    def _share(self) -> Floats:
        """What a row, or weight, is of its class."""
        return np.asarray(np.where(self._weight > 0, 1 / self._weight, 0.0))

    def _placements(self, column: ClassColumn) -> Floats:
        """For each row of the class, the sum over others of the share of rows that score less, ties counting half."""
        bits = SHARE_BITS - len(self._share).bit_length()
        if self.weights is None:
            each = whole_units(self._share, bits)[column.truth]
        else:
            each = whole_units(self._share[column.truth] * column.sweep.relative_weights, bits)
        mine = column.positive
        each[mine] = 0
        if len(column.sweep.steps.thresholds) == len(each):  # no two scores are equal
            between = np.add.reduceat(each, mine)
            until = each[: mine[0]].sum() + np.cumsum(between) - between
            return np.asarray(until * 2.0**-bits)
        scores, until = column.sweep.scores, np.cumsum(each)
        until = until[np.append(scores[1:] != scores[:-1], True)]
        until[1:] += until[:-1].copy()
        return column.at(until[::-1], mine) * 2.0 ** (-bits - 1)


def whole_units(shares: Floats, bits: int) -> NDArray[np.int64]:
    """Shares as whole numbers of 2**-bits, whose sums are exact in any order."""
    return np.rint(np.ldexp(shares, bits)).astype(np.int64)


class LabelMoves(NamedTuple):
    """What each row does to areas with all its labels together, in the order the rows came in, times its weight.

    `roc` and `precision`: to the sums of the areas of the labels; `pooled_roc` and `pooled_precision`: to those of all
    pairs of a row and a label.
    """

    roc: Floats
    precision: Floats
    pooled_roc: Floats
    pooled_precision: Floats


class LabelInfluences(LabelScores):
    """Labels and the scores of all labels."""

    @cached_property
    def areas(self) -> list[Areas]:
        return self._passed[0]

    @property
    def moves(self) -> LabelMoves:
        """What each row does to the areas."""
        return self._passed[1]

    @cached_property
    def pooled(self) -> Areas:
        return self._pool[0]

    def variance(self, moves: Floats) -> float:
        """The variance that these moves make."""
        if self.counts and self.weights is not None:
            return float(exact_sum(moves * moves, self.weights))
        return float(exact_sum(moves * moves))

    @cached_property
    def _pool(self) -> tuple[Areas, Pool | None]:
        """The areas of all pairs, and what more weight of a pair does to them; None where they are of one kind."""
        path = Path()
        tally = tallied(self.pairs, path.add)
        areas = tally.areas
        if isinstance(areas.roc_auc, Undefined):
            return areas, None
        return areas, Pool.of(path.kept, areas.roc_auc, float(tally.tp), float(tally.fp))

    @cached_property
    def _passed(self) -> tuple[list[Areas], LabelMoves]:
        """One pass over the sorted columns."""
        weights, pool = self.weights, self._pool[1]
        moves = np.zeros((4, len(self.truth)))
        areas = []
        for position, scores in enumerate(self.by_class()):
            order = np.argsort(scores) if weights is None else canonical_order(scores, -weights)
            truth = self.positive(position)[order]
            sweep = Sweep((scores[order], truth), None if weights is None else weights[order], self.counts)
            plain = tally_of(sweep).areas
            roc, precision = moved(sweep, plain)
            areas.append(with_estimates(plain, roc, precision))
            column = SortedColumn(order, sweep)
            entries = entries_of(column)
            for place, part in enumerate((roc, precision)):
                if isinstance(part, Moved):
                    self._move(moves[place], column, sweep.weight_exponent, part.table[entries])
            if pool is not None:
                for place, by_truth in enumerate(pool.at(sweep.steps.thresholds), 2):
                    each = np.where(truth, *(column.at(side) for side in by_truth))
                    self._move(moves[place], column, self.pair_exponent, each)
        return areas, LabelMoves(*np.ldexp(moves, self._grid))

    def _move(self, moves: Floats, column: SortedColumn, exponent: int, each: Floats) -> None:
        """Add what each row does by its score for one label, with weights in units of a power of two."""
        if column.sweep.weights is None or self.counts:
            each *= math.ldexp(1.0, -exponent - self._grid)
        else:
            each *= np.ldexp(column.sweep.weights, -exponent - self._grid)
        moves[column.order] += np.rint(each, out=each)

    @cached_property
    def _grid(self) -> int:
        """The power of two that moves are rounded to, so that their sums over labels do not depend on the order.

        A row's share of the weight of a side bounds what it does to an area, but for MOST_MOVED.
        """
        positive = np.count_nonzero(self.truth, axis=0)
        sides = np.concatenate([positive, len(self.truth) - positive])
        ratio = 1.0 if self.weights is None or self.counts else self.weights.max() / self.weights.min()
        bound = MOST_MOVED * min(1.0, ratio / sides[sides > 0].min())
        return int(np.frexp(bound * len(positive))[1]) - MANTISSA_BITS


def tally_of(sweep: Sweep) -> Tally:
    """The areas of a label, as those of all pairs are made."""
    *_, fp = sweep.steps
    (places, reached, above, passed), tally = sweep.descent, Tally()
    if len(places) > 1:
        tally.add(Meeting(places[:-1], reached[1:-1], above[:-1], passed[1:-1]))
    tally.fp = fp[-1]
    return tally
