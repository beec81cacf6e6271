"""Intervals of metrics of the binary confusion matrix, by the delta method.

The gradient is that of the metric's own function: a complex step over the cells, so that no formula is written twice
(W. Squire, G. Trapp, SIAM Review 40, 1998). Cells are in effective numbers of rows.
"""

import math
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import compress
from typing import Any, NamedTuple

from service.metrics.averages import share_size
from service.metrics.binary import jaccard
from service.metrics.binary_states import Cells
from service.metrics.distributions import normal_critical
from service.metrics.intervals import (
    Case,
    Interval,
    Scale,
    Strategy,
    documented,
    mover_limits,
    on_scale,
    wilson_limits,
)
from service.metrics.states import once

Function = Callable[[Any], Any]
# So small that its square is nothing beside any cell.
STEP = 1e-100
# What is added to cells so that none is empty: half a row.
HALF = 0.5


class Numbers(NamedTuple):
    """The cells that a function reads, of any type."""

    tp: Any
    fp: Any
    fn: Any
    tn: Any


def linearised(function: Function, cells: Iterable[float]) -> tuple[float, list[float]]:
    """A function's value, and its slope by each cell."""
    tp, fp, fn, tn = cells
    step = STEP * 1j
    moved = (
        Numbers(tp + step, fp, fn, tn),
        Numbers(tp, fp + step, fn, tn),
        Numbers(tp, fp, fn + step, tn),
        Numbers(tp, fp, fn, tn + step),
    )
    values = [complex(function(numbers)) for numbers in moved]
    return values[0].real, [value.imag / STEP for value in values]


@lru_cache
def sides(share: Function) -> tuple[list[bool], list[bool]]:
    """Which cells are hits of a share, and which are misses: more of these makes it larger, or smaller, anywhere."""
    _, slopes = linearised(share, (1.0, 1.0, 1.0, 1.0))
    return [slope > 0 for slope in slopes], [slope < 0 for slope in slopes]


@once
def share_of(cells: Cells, function: Function) -> tuple[float, float]:
    """A share, and the effective number of the rows that it is a share of."""
    weights, squares = cells.effective
    hits, misses = (
        (math.fsum(compress(weights, side)), math.fsum(compress(squares, side))) for side in sides(function)
    )
    return float(function(cells)), share_size(hits, misses)


def share_limits(function: Function, cells: Cells, level: float) -> tuple[float, float, float]:
    """A share, and Wilson's limits of it."""
    share, size = share_of(cells, function)
    return share, *wilson_limits(share, size, level)


def wilson(case: Case, cells: Cells) -> Interval:
    """Wilson's, with the effective number of the rows that it is a share of."""
    _, low, high = share_limits(case.function, cells, case.level)
    return Interval(low, high, "wilson")


def wilson_of_f1(case: Case, cells: Cells) -> Interval:
    """Wilson's of the share J of true positives among rows positive in labels or predictions: f1 is 2 J / (1 + J)."""
    _, *limits = share_limits(jaccard, cells, case.level)
    low, high = (2 * limit / (1 + limit) for limit in limits)
    return Interval(low, high, "wilson")


def mover(*shares: Function) -> Strategy:
    """Of the mean of shares of different rows, from Wilson's limits of each."""

    def strategy(case: Case, cells: Cells) -> Interval:
        parts = [share_limits(share, cells, case.level) for share in shares]
        return Interval(*mover_limits(parts, len(parts)), "mover_wilson")

    return documented(
        strategy, "From Wilson's limits of each class by MOVER, the method of variance estimates recovery."
    )


@once
def estimate_of(cells: Cells, function: Function, more: tuple[float, ...]) -> tuple[float, float]:
    """A function of the cells and so many more rows in each, and its variance."""
    weights, squares = ([part + row for part, row in zip(side, more, strict=True)] for side in cells.effective)
    centre, slopes = linearised(function, weights)
    return centre, sum(square * slope * slope for square, slope in zip(squares, slopes, strict=True))


def delta(scale: Scale, tp: float = HALF, fp: float = HALF, fn: float = HALF, tn: float = HALF) -> Strategy:
    """On a scale, with so many rows added to the cells."""
    more = (tp, fp, fn, tn)

    def strategy(case: Case, cells: Cells) -> Interval:
        centre, variance = estimate_of(cells, case.function, more)
        return Interval(*on_scale(scale, centre, variance, normal_critical(case.level)), f"delta_{scale.name}")

    where = "each cell" if tn else "TP, FP and FN"
    return documented(strategy, f"The delta method on the {scale.name} scale, with half a row added to {where}.")
