"""States that tell how much each row moves the areas of classes or labels, from the one sort that gives the areas.

Only intervals ask for them: without these, the states that they derive from do.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.metrics.area_intervals import (
    Moves,
    effective_sizes,
    precision_estimate,
    precision_moves,
    roc_estimate,
    roc_moves,
    sides,
    variances,
)
from service.metrics.class_states import Areas, SortedColumn, attempted
from service.metrics.exact import Floats, canonical_order, exact_sum
from service.metrics.multiclass_states import ClassColumn, ClassScores, Judged
from service.metrics.multilabel_states import LabelScores
from service.metrics.pooled import Meeting, Path, Pool, Tally, tallied
from service.metrics.states import blocks
from service.metrics.sums import MANTISSA_BITS, Sums
from service.metrics.sweep_states import Sweep
from service.metrics.undefined import Undefined

# The most that a row of average precision does, over its share of the positives: a sum over ranks of 1 / rank.
MOST_MOVED = 2.0**11
# Shares of rows are whole numbers of a unit so small that their sums stay below 2**SHARE_BITS.
SHARE_BITS = 61


Entries = NDArray[np.int32]


class Variation(NamedTuple):
    """What an area's variance is made of: effective numbers of positive and of negative rows, and the part of each."""

    sizes: tuple[float, float]
    of_rows: tuple[float, float]


class Moved(NamedTuple):
    """What more weight of a row does to both areas of a class or label, and what that makes of their variances.

    `table` has a column for the ROC area and one for the average precision, and three parts, each with a row for each
    score of positives, from the top, and for what lies below them: what a positive row of this score does; a negative
    row of this score; and a negative row that scores less than the one before, but more than this. Nearly all rows read
    the last part, which is small enough for the processor's cache.
    """

    table: Floats
    roc: Variation
    precision: Variation


def entries_of(column: SortedColumn) -> Entries:
    """Which row of such a table each row has, in the order of the column."""
    places = column.sweep.descent.places
    size = np.int32(len(places))
    steps = np.repeat(np.arange(2 * size, 3 * size, dtype=np.int32), np.diff(places, prepend=-1))[:-1]
    steps[places[:-1]] -= size
    entries = np.ascontiguousarray(column.at(steps))
    entries[column.positive] -= size
    return entries


def moved(sweep: Sweep, areas: Areas) -> Moved | None:
    """What rows do to the areas; None where all rows are of one kind."""
    if isinstance(areas.roc_auc, Undefined) or isinstance(areas.average_precision, Undefined):
        return None
    descent, (found, others) = sweep.descent, sides(sweep)
    kinds = (
        roc_moves(descent, areas.roc_auc, found, others),
        precision_moves(descent, areas.average_precision, found),
    )
    table = np.empty((3, len(descent.places), 2))
    variations = [
        Variation(effective_sizes(sweep), variances(sweep.descent_of_squares, written(moves, table[:, :, place])))
        for place, moves in enumerate(kinds)
    ]
    return Moved(table.reshape(-1, 2), *variations)


def written(moves: Iterator[Moves], table: Floats) -> Iterator[Moves]:
    """The moves, each of them once it stands in such a table of one area, a line for each kind of row."""
    for part in moves:
        for line, numbers in zip(table, part[1:], strict=True):
            line[part.block] = numbers
        yield part


def with_estimates(areas: Areas, found: Moved | None) -> Areas:
    """The areas with what their intervals are made of, or the reason why there is nothing."""
    if found is None:
        roc, precision = Undefined("single_class"), areas.average_precision
        return replace(
            areas, roc_estimate=roc, precision_estimate=precision if isinstance(precision, Undefined) else roc
        )
    return replace(
        areas,
        roc_estimate=attempted(roc_estimate, found.roc.sizes, areas.roc_auc, found.roc.of_rows),
        precision_estimate=attempted(
            precision_estimate, found.precision.sizes, areas.average_precision, found.precision.of_rows
        ),
    )


class RowMoves(NamedTuple):
    """What more weight of each row does to the areas of all classes, in the order the rows came in.

    `both`: to the sums of the ROC areas and of the average precisions, a column each. `by_weight`: to the sum of the
    ROC areas times the weight of their class; `by_sides`: times that and the weight of all others. `met`: the sum over
    other classes of the share of their rows that it scores above, for its class, and of the share of theirs that score
    above it, for theirs, less their ROC area. `found` is what the variance of the ROC area of each class that has one
    is made of, `weight` the weight of the rows of each class, `share` what a weight of 1 is of it.
    """

    both: Floats
    by_weight: Floats
    by_sides: Floats
    met: Floats
    found: list[Variation]
    weight: Floats
    share: Floats

    def add(self, table: Floats, entries: Entries, inside: float, outside: float) -> None:
        """Add what each row does to the areas of a class of so much weight, beside so much of all others."""
        for block in blocks(len(entries), 1):
            moves = table.take(entries[block], axis=0)
            self.both[block] += moves
            weighted = inside * moves[:, 0]
            self.by_weight[block] += weighted
            weighted *= outside
            self.by_sides[block] += weighted


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
        count, weight = len(self.truth), self._weight
        both, by_weight, by_sides, met = np.zeros((count, 2)), *np.zeros((3, count))
        moves = RowMoves(both, by_weight, by_sides, met, [], weight, self._share)
        entries = np.empty(count, dtype=np.int32)
        areas, versus = [], []
        for column in self.sorted_columns():
            versus.append(self.against_each(column))
            areas.append(self._added(moves, column, entries))
        met += math.fsum(weight) * both[:, 0] - by_weight
        return Judged(areas, np.array(versus)), moves

    def _added(self, moves: RowMoves, column: ClassColumn, entries: Entries) -> Areas:
        """The areas of a class, once what rows do to them is added; `entries` is room for a number a row."""
        areas, mine, (inside, outside) = Areas.of(column.sweep), column.positive, sides(column.sweep)
        below, in_order = self._placements(column), entries_of(column)
        entries[column.order] = in_order
        found = moved(column.sweep, areas)  # last, so that the cache still holds the table
        if found is not None:
            moves.found.append(found.roc)
            moves.add(found.table, entries, inside, outside)
            moves.met[column.order[mine]] = below - outside * found.table[in_order[mine], 0]
        return with_estimates(areas, found)

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
            each = whole_units(self._share, bits).take(column.truth)
        else:
            each = whole_units(self._share[column.truth] * column.sweep.relative_weights, bits)
        mine, scores = column.positive, column.sweep.scores
        each[mine] = 0
        until = np.cumsum(each, out=each)
        if len(column.sweep.steps.thresholds) == len(each):  # no two scores are equal
            return np.asarray(until[mine] * 2.0**-bits)
        until = until[np.append(scores[1:] != scores[:-1], True)]
        until[1:] += until[:-1].copy()
        return np.asarray(column.at(until[::-1], mine) * 2.0 ** (-bits - 1))


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
            found = moved(sweep, plain)
            areas.append(with_estimates(plain, found))
            column = SortedColumn(order, sweep)
            if found is not None:
                for place, each in enumerate(found.table.take(entries_of(column), axis=0).T):
                    self._move(moves[place], column, sweep.weight_exponent, each)
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
