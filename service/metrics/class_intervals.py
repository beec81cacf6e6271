"""Intervals of what is read from the predictions of several classes or labels, by the delta method.

Gradients are those of the metrics' own functions, by a complex step over the few numbers that each is made of. Weights
are in effective numbers of rows.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.metrics.cell_intervals import HALF, STEP
from service.metrics.class_states import ClassTable
from service.metrics.classes import Counts, of_jaccard
from service.metrics.distributions import normal_critical, t_critical
from service.metrics.exact import Floats
from service.metrics.intervals import (
    ATANH,
    LOGIT,
    Case,
    Interval,
    Strategy,
    documented,
    limits_of_shares,
    mover_limits,
    on_scale,
    wilson_limits,
)
from service.metrics.multiclass import beyond_chance, correlation
from service.metrics.multiclass_states import Confusion
from service.metrics.multilabel_states import LabelCells, LabelRows, SetMatches
from service.metrics.states import blocks
from service.metrics.undefined import Undefined

# So many rows are added to the cells of a confusion matrix, the same to each, so that none is empty.
ADDED_ROWS = 2.0
# What a row does in the cells of some labels, which are so far from the predictions.
OfCells = Callable[[slice, Any], Floats]


class Influences(NamedTuple):
    """What a row does to a metric by its label, by its prediction and, where they agree, by its hit: of each class."""

    hits: Floats
    truth: Floats
    predicted: Floats

    @property
    def of_kinds(self) -> tuple[Floats, Floats, Floats]:
        """What a true positive, a false positive and a false negative of each class do."""
        return self.hits + self.truth + self.predicted, self.predicted, self.truth

    @property
    def added(self) -> float:
        """The variance that half a row of each kind makes."""
        return HALF * math.fsum(np.sum(np.square(self.of_kinds), axis=0))

    def freedom(self, table: ClassTable) -> float:
        """Satterthwaite's degrees of freedom over classes, each with one less than the effective number of its rows."""
        truth = table.effective(table.counts.truth)
        hits2, truth2, predicted2 = (table.effective_squares(sums) for sums in table.squares)
        kinds = zip((hits2, predicted2 - hits2, truth2 - hits2), self.of_kinds, strict=True)
        alone = np.sum([(squares + HALF) * slope * slope for squares, slope in kinds], axis=0)
        rows = np.divide(truth * truth, truth2, out=np.zeros(len(truth)), where=truth2 > 0)
        return math.fsum(alone) ** 2 / math.fsum(alone * alone / np.maximum(rows - 1, 1))


def slopes(function: Callable[..., Any], numbers: tuple[Any, ...]) -> list[Any]:
    """The slope of a function by each of its numbers, or arrays of numbers."""
    moved = ((*numbers[:place], number + STEP * 1j, *numbers[place + 1 :]) for place, number in enumerate(numbers))
    return [np.imag(function(*step)) / STEP for step in moved]


def influences(table: ClassTable, ratio_of: Counts, *, weighted: bool, more: float = HALF) -> Influences:
    """Influences on the average over classes of a ratio, at counts with half a row more of each kind, or so many.

    A class that never occurs is a constant, and so is one whose ratio divides nothing.
    """
    hits, truth, predicted = (table.effective(sums) for sums in table.counts)
    seen = (truth + predicted > 0).astype(np.float64)
    share = truth / math.fsum(truth) if weighted else seen / len(seen)
    numbers = (hits + more, truth + 2 * more, predicted + 2 * more)
    divided = ratio_of(*numbers)[1] > 0

    def value(*counts: Any) -> Any:
        part, whole = ratio_of(*counts)
        return np.where(divided, part / np.where(divided, whole, 1), 0)

    by_hits, by_truth, by_predicted = (share * slope for slope in slopes(value, numbers))
    if weighted:
        values = np.real(value(*numbers))
        by_truth += seen * (values - math.fsum(share * values)) / math.fsum(truth)
    return Influences(by_hits, by_truth, by_predicted)


def over_classes(*, weighted: bool = False) -> Strategy:
    """Of a macro or a weighted average over classes: the whole confusion matrix is one multinomial draw."""

    def strategy(case: Case, matrix: Confusion) -> Interval:
        found = influences(matrix, case.statistic.ratio_of, weighted=weighted)
        return on_logit(case, matrix, found, matrix_variance(matrix, found))

    return documented(strategy, "The delta method on the logit scale: the confusion matrix is one multinomial draw.")


def matrix_variance(matrix: Confusion, found: Influences) -> float:
    """The variance of a metric by its influences."""
    truth, predicted = np.divmod(matrix.cells2.groups, matrix.size)
    influence = found.truth[truth] + found.predicted[predicted]
    right = truth == predicted
    influence[right] += found.hits[truth[right]]
    squares = matrix.effective_squares(matrix.cells2)[matrix.cells2.groups]
    return math.fsum(squares * influence * influence)


def on_logit(case: Case, table: ClassTable, found: Influences, variance: float) -> Interval:
    """Of an average over classes, on the logit scale: from no nearer to 0 or 1 than its spread allows, with t.

    Raises `Undefined` where no class ever occurs, so that nothing varies.
    """
    variance += found.added
    if not variance:
        raise Undefined("no_variation")
    margin = min(HALF, math.sqrt(variance / 2))
    centre = min(max(case.value, margin), 1 - margin)
    critical = t_critical(case.level, found.freedom(table))
    return Interval(*on_scale(LOGIT, centre, variance, critical), "delta_logit")


def over_labels(*, weighted: bool = False) -> Strategy:
    """Of a macro or a weighted average over labels: a row counts with all its labels together."""

    def strategy(case: Case, cells: LabelCells, rows: LabelRows) -> Interval:
        found = influences(cells, case.statistic.ratio_of, weighted=weighted)
        variance = rows.square_sum(*found, cells.exponent) * cells.unit * cells.unit
        return on_logit(case, cells, found, variance)

    return documented(strategy, "The delta method on the logit scale, with the row and all its labels as the unit.")


def of_pooled_labels(case: Case, matches: SetMatches) -> Interval:
    """Wilson's of the pairs of a row and a label, with the effective number that rows as units leave."""
    return Interval(*pooled_share(case.statistic.ratio_of, matches, case.level), "wilson")


def of_pooled_f1(case: Case, matches: SetMatches) -> Interval:
    """That of jaccard's micro average J, as f1 is 2 J / (1 + J)."""
    low, high = (2 * limit / (1 + limit) for limit in pooled_share(of_jaccard, matches, case.level))
    return Interval(low, high, "wilson")


def pooled_share(ratio_of: Counts, matches: SetMatches, level: float) -> tuple[float, float]:
    """Wilson's limits of a share of pairs of a row and a label, where the pairs of a row may depend on each other.

    The effective number of pairs is that of the share, at most what independent ones would have; where the rows do not
    vary, that of rows.
    """
    totals = tuple(map(matches.sum, matches.numbers))

    def value(*counts: Any) -> Any:
        part, whole = ratio_of(*counts)
        return part / whole

    share = value(*totals)
    influence = sum(slope * numbers for slope, numbers in zip(slopes(value, totals), matches.numbers, strict=True))
    pairs = ratio_of(*matches.numbers)[1]
    whole, variance = matches.sum(pairs) ** 2, matches.square_sum(influence, influence)
    size = whole / matches.square_sum(pairs, pairs)
    if variance and 0 < share < 1:
        size = min(share * (1 - share) / variance, whole / matches.square_sum(pairs))
    return wilson_limits(share, size, level)


def of_pooled(case: Case, matrix: Confusion) -> Interval:
    """Wilson's of the accuracy, which it is a function of: every row has one label and one prediction."""
    right = matrix.right
    limits = wilson_limits(float(right.value), right.share_size, case.level)
    parts = [case.statistic.ratio_of(limit, 1.0, 1.0) for limit in limits]
    low, high = (part / whole for part, whole in parts)
    return Interval(low, high, "wilson")


def of_balanced_accuracy(case: Case, matrix: Confusion) -> Interval:
    """From Wilson's limits of the recall of each class by MOVER, the method of variance estimates recovery."""
    hits, truth, _ = (matrix.effective(sums) for sums in matrix.counts)
    hits2, truth2, _ = (matrix.effective_squares(sums) for sums in matrix.squares)
    lows, highs = limits_of_shares((hits, hits2), (truth - hits, truth2 - hits2), case.level)
    parts = zip((hits / truth).tolist(), lows.tolist(), highs.tolist(), strict=True)
    return Interval(*mover_limits(parts, matrix.size), "mover_wilson")


def of_correlation(case: Case, matrix: Confusion) -> Interval:
    """The delta method on the atanh scale, with two rows in all added to the cells."""
    return on_atanh(case, matrix, *of_correlation_cells(matrix, added_rows(matrix)))


def of_correlation_cells(matrix: Confusion, added: float) -> tuple[Any, OfCells]:
    """The correlation with so many rows added to each cell, and what a row in each cell does to it."""
    hits, truth, predicted = smoothed(matrix, added)
    products = (truth * predicted, truth * truth, predicted * predicted)
    numbers = (math.fsum(hits), math.fsum(truth), *map(math.fsum, products))
    by_hits, by_whole, by_both, by_truth, by_predicted = slopes(correlation, numbers)
    of_truth = by_whole + by_both * predicted + 2 * by_truth * truth
    of_predicted = by_both * truth + 2 * by_predicted * predicted

    def of_cells(rows: slice, distance: Any) -> Floats:
        return np.asarray(of_truth[rows, None] + of_predicted + by_hits * (distance == 0))

    return correlation(*numbers), of_cells


def of_kappa(disagreement: Callable[[Any], Any]) -> Strategy:
    """Of kappa, with the disagreement of classes at a distance."""

    def strategy(case: Case, matrix: Confusion) -> Interval:
        return on_atanh(case, matrix, *of_kappa_cells(matrix, disagreement, added_rows(matrix)))

    return documented(strategy, "The delta method on the atanh scale, with two rows in all added to the cells.")


def of_kappa_cells(matrix: Confusion, disagreement: Callable[[Any], Any], added: float) -> tuple[Any, OfCells]:
    """Kappa with so many rows added to each cell, and what a row in each cell does to it."""
    _, truth, predicted = smoothed(matrix, added)
    apart = 1.0 * disagreement(np.arange(matrix.size))
    by_distance = matrix.effective(matrix.distances) + added * cells_at(matrix.size)
    expected = [
        np.concatenate([(apart[away] * side).sum(axis=1) for _, away in distances(matrix.size)])
        for side in (predicted, truth)
    ]
    numbers = (math.fsum(truth), math.fsum(apart * by_distance), math.fsum(truth * expected[0]))
    by_whole, by_observed, by_chance = slopes(beyond_chance, numbers)

    def of_cells(rows: slice, distance: Any) -> Floats:
        of_chance = expected[0][rows, None] + expected[1]
        return np.asarray(by_whole + by_observed * apart[distance] + by_chance * of_chance)

    return beyond_chance(*numbers), of_cells


def on_atanh(case: Case, matrix: Confusion, centre: float, of_cells: OfCells) -> Interval:
    """Of a correlation, around its value with the rows that are added, from the influence of a row in each cell."""
    squares = matrix.effective_squares(matrix.cells2).reshape(matrix.size, matrix.size)
    parts = [
        np.sum((squares[rows] + added_rows(matrix)) * of_cells(rows, distance) ** 2)
        for rows, distance in distances(matrix.size)
    ]
    limits = on_scale(ATANH, float(centre), math.fsum(parts), normal_critical(case.level))
    return Interval(*limits, "delta_atanh")


def smoothed(matrix: Confusion, added: float) -> tuple[Floats, Floats, Floats]:
    """The hits, labels and predictions of each class, with so much added to each cell."""
    hits, truth, predicted = (matrix.effective(sums) for sums in matrix.counts)
    return hits + added, truth + matrix.size * added, predicted + matrix.size * added


def added_rows(matrix: Confusion) -> float:
    """What is added to each cell."""
    return ADDED_ROWS / matrix.cells.size


def distances(size: int) -> Iterator[tuple[slice, NDArray[np.intp]]]:
    """How far apart two classes are, for some classes and all others."""
    places = np.arange(size)
    for rows in blocks(size, size):
        yield rows, np.abs(places[rows, None] - places)


def cells_at(size: int) -> NDArray[np.intp]:
    """The number of cells at each distance from the diagonal."""
    return np.where(np.arange(size) > 0, 2, 1) * (size - np.arange(size))
