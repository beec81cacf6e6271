"""States that tell how much each row moves the areas of classes or labels, from the one sort that gives the areas.

Only intervals ask for them: without these, the states that they derive from do.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

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
from service.metrics.sums import MANTISSA_BITS, Sums
from service.metrics.undefined import Undefined

# The most that a row of average precision does, over its share of the positives: a sum over ranks of 1 / rank.
MOST_MOVED = 2.0**11
# Shares of rows are whole numbers of a unit so small that their sums stay below 2**SHARE_BITS.
SHARE_BITS = 61


class Variation(NamedTuple):
    """What an area's variance is made of: effective numbers of positive and of negative rows, and the part of each."""

    sizes: tuple[float, float]
    of_rows: tuple[float, float]


class Moved(NamedTuple):
    """What more weight of a positive and of a negative row does to an area at each step of a sweep."""

    positive: Floats
    negative: Floats
    variation: Variation


def moved(sweep: Sweep, areas: Areas) -> tuple[Moved | Undefined, Moved | Undefined]:
    """What rows do to the ROC area and to the average precision; the reason where there is none."""
    if isinstance(areas.average_precision, Undefined):
        return Undefined("single_class"), areas.average_precision
    descent, (found, others) = sweep.descent, sides(sweep)
    precision = spread(sweep, precision_moves(descent, areas.average_precision, found))
    if isinstance(areas.roc_auc, Undefined):
        return areas.roc_auc, precision
    return spread(sweep, roc_moves(descent, areas.roc_auc, found, others)), precision


def spread(sweep: Sweep, moves: Iterator[Moves]) -> Moved:
    """What moves of an area do at each step of a sweep."""
    places, steps = sweep.descent.places, len(sweep.steps.thresholds)
    whole = joined(len(places), moves)
    positive, negative = np.zeros(steps), np.repeat(whole.between, np.diff(places, prepend=-1))[:steps]
    positive[places[:-1]], negative[places[:-1]] = whole.positive[:-1], whole.tied[:-1]
    of_rows = variances(sweep.descent_of_squares, iter([whole]))
    return Moved(positive, negative, Variation(effective_sizes(sweep), of_rows))


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
    the weight of that class, times that of all rows that are not of it, and times both. `precision`: to the sum of the
    average precisions. `found` is what the variance of the ROC area of each class that has one is made of, `weight` the
    weight of the rows of each class.
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
        own, placed, precisions, spread, scaled = np.zeros((5, count))
        others = np.zeros((4, count))
        areas, versus, found = [], [], []
        for column in self.sorted_columns():
            sweep, order = column.sweep, column.order
            mine, theirs = column.positive, order[column.positive]
            plain = Areas.of(sweep)
            roc, precision = moved(sweep, plain)
            areas.append(with_estimates(plain, roc, precision))
            versus.append(self.against_each(column))
            if isinstance(roc, Moved):
                found.append(roc.variation)
                own[theirs] = column.at(roc.positive, mine)
                placed[theirs] = self._placements(column)
                spread[order], spread[theirs] = column.at(roc.negative), 0.0
                inside, outside = sweep.steps.tp[-1], sweep.steps.fp[-1]
                for place, by in enumerate((1.0, inside, outside, inside * outside)):
                    others[place] += np.multiply(spread, by, out=scaled)
            if isinstance(precision, Moved):
                spread[order], spread[theirs] = column.at(precision.negative), column.at(precision.positive, mine)
                precisions += spread
        return Judged(areas, np.array(versus)), RowMoves(own, placed, others, precisions, found, self._weight)

    @cached_property
    def _weight(self) -> Floats:
        """The weight of the rows of each class, in the unit of a sweep."""
        return Sums.of(self.truth, self.scores.shape[1], self.weights).floats_in(self.weight_exponent)

    @cached_property
    def _share(self) -> tuple[Any, float]:
        """What a row, or weight, is of its class, in units; without weights a whole number, so that sums are exact."""
        share = np.divide(1.0, self._weight, out=np.zeros(len(self._weight)), where=self._weight > 0)
        if self.weights is not None:
            return share, 1.0
        bits = SHARE_BITS - len(share).bit_length()
        return np.rint(np.ldexp(share, bits)).astype(np.int64), 2.0**-bits

    def _placements(self, column: ClassColumn) -> Floats:
        """For each row of the class, the sum over others of the share of rows that score less, ties counting half."""
        share, unit = self._share
        each = share[column.truth]
        if self.weights is not None:
            each = each * column.sweep.relative_weights
        each[column.positive] = 0
        until = np.cumsum(each)
        scores = column.sweep.scores
        ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))
        if len(ends) == len(scores):
            return until[column.positive] * unit
        until = until[ends]
        until[1:] += until[:-1].copy()
        return column.at(until[::-1], column.positive) * (unit / 2)


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
            for place, part in enumerate((roc, precision)):
                if isinstance(part, Moved):
                    self._move(moves[place], column, sweep.weight_exponent, *part[:2])
            if pool is not None:
                for place, sides in enumerate(pool.at(sweep.steps.thresholds), 2):
                    self._move(moves[place], column, self.pair_exponent, *sides)
        return areas, LabelMoves(*np.ldexp(moves, self._grid))

    def _move(self, moves: Floats, column: SortedColumn, exponent: int, positive: Floats, negative: Floats) -> None:
        """Add what rows do by their score for one label, with weights in units of a power of two."""
        each = np.where(column.sweep.truth, column.at(positive), column.at(negative))
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
