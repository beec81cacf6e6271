"""Intervals of areas under curves, from the influence of each row on them: one sort gives both.

The influence of a row is what a little more weight of it does to the area. Rows of one label at one score share it.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from service.metrics.binary_states import Sweep
from service.metrics.distributions import t_critical
from service.metrics.exact import Floats
from service.metrics.intervals import LOGIT, Case, Interval, on_scale
from service.metrics.states import blocks
from service.metrics.undefined import Undefined

# A class of fewer effective rows does not tell how much its rows vary.
FEWEST_ROWS = 2
# A variance below this share of its floor is rounding: all rows of a class have the same placement.
ROUNDING = 1e-9


class Influence(NamedTuple):
    """Of a positive and of a negative row at each of some steps of the scores."""

    steps: slice
    positive: Floats
    negative: Floats


class Estimate(NamedTuple):
    """An area with what its interval is made of: the centre on the logit scale, and the degrees of freedom of t.

    `plain` is the variance that the influences of the rows give, `variance` the same corrected for few rows, and
    `floor` the least that is believed.
    """

    centre: float
    plain: float
    variance: float
    floor: float
    freedom: float

    @property
    def believed(self) -> float:
        """The variance that limits are made with."""
        return max(self.variance, self.floor)

    def limits(self, level: float) -> tuple[float, float]:
        """The limits that cover the area with this probability."""
        return on_scale(LOGIT, self.centre, self.believed, t_critical(level, self.freedom))


def roc_influences(sweep: Sweep, area: float) -> Iterator[Influence]:
    """Influences on the area under the ROC curve: placements among the rows of the other class."""
    _, tp, fp = sweep.steps
    positive, negative = tp[-1], fp[-1]
    for steps in blocks(len(tp) - 1, 1):
        later = slice(steps.start + 1, steps.stop + 1)
        below = 1 - (fp[:-1][steps] + fp[later]) / (2 * negative)
        above = (tp[:-1][steps] + tp[later]) / (2 * positive)
        yield Influence(steps, (below - area) / positive, (above - area) / negative)


def precision_influences(sweep: Sweep, area: float) -> Iterator[Influence]:
    """Influences on the average precision, from the lowest scores to the highest.

    A row takes part in the precision at its own and at every lower score that positive rows have.
    """
    _, tp, fp = sweep.steps
    found = tp[-1]
    gained = lost = 0.0
    for steps in reversed(list(blocks(len(tp) - 1, 1))):
        later = slice(steps.start + 1, steps.stop + 1)
        true, all_ = tp[later], tp[later] + fp[later]
        weight = (true - tp[:-1][steps]) / all_
        precision = true / all_
        lower_gained = gained + np.cumsum(weight[::-1])[::-1]
        lower_lost = lost + np.cumsum((weight * precision)[::-1])[::-1]
        gained, lost = lower_gained[0], lower_lost[0]
        yield Influence(steps, (precision - area + lower_gained - lower_lost) / found, -lower_lost / found)


def variances(sweep: Sweep, influences: Iterator[Influence]) -> tuple[float, float]:
    """The variances of an area that its positive and its negative rows make."""
    tp2, fp2 = sweep.squares
    sums = []
    for steps, *sides in influences:
        later = slice(steps.start + 1, steps.stop + 1)
        sums.append(
            [
                float(np.sum((squares[later] - squares[:-1][steps]) * side * side))
                for squares, side in zip((tp2, fp2), sides, strict=True)
            ]
        )
    of_positive, of_negative = map(math.fsum, zip(*sums, strict=True))
    return of_positive, of_negative


def effective_sizes(sweep: Sweep) -> tuple[float, float]:
    """The effective numbers of positive and of negative rows; 0 where there are none."""
    _, tp, fp = sweep.steps
    tp2, fp2 = sweep.squares
    m, n = (float(sums[-1]) ** 2 / float(squares[-1] or 1) for sums, squares in ((tp, tp2), (fp, fp2)))
    return m, n


def roc_estimate(sizes: tuple[float, float], area: float, of_rows: tuple[float, float]) -> Estimate:
    """The area under the ROC curve, of the effective numbers of rows and the two parts of its variance by DeLong.

    The variance is at least half of that of Hanley and McNeil at the centre, which DeLong's leaves out near an area
    of 1; alone it serves a class of one row. The degrees of freedom are Satterthwaite's.

    Reference: E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Biometrics 44, 1988; J. A. Hanley, B. J. McNeil,
    Radiology 143, 1982
    """
    m, n = sizes
    centre = (area * m * n + 0.5) / (m * n + 1)
    half = (m + n) / 2 - 1
    spread = 1 + half * ((1 - centre) / (2 - centre) + centre / (1 + centre))
    floor = centre * (1 - centre) * spread / (2 * m * n)
    freedom = max(1.0, min(m, n) - 1)
    if min(m, n) < FEWEST_ROWS:
        return Estimate(centre, sum(of_rows), 0.0, floor, freedom)
    parts = [(variance * size / (size - 1), size - 1) for variance, size in zip(of_rows, (m, n), strict=True)]
    variance = sum(part for part, _ in parts)
    if variance > ROUNDING * floor:
        freedom = max(freedom, variance * variance / sum(part * part / df for part, df in parts))
    return Estimate(centre, sum(of_rows), variance, floor, freedom)


def precision_estimate(sizes: tuple[float, float], area: float, of_rows: tuple[float, float]) -> Estimate:
    """The average precision, of the effective numbers of rows and two parts of its variance.

    Raises `Undefined` where there is no negative row, or effectively one positive row.
    """
    m, n = sizes
    if not n:
        raise Undefined("single_class")
    if m < FEWEST_ROWS:
        raise Undefined("single_positive")
    centre = min(area, 1 - 0.5 / (m + 1) ** 1.5)
    variance = sum(of_rows)
    return Estimate(centre, variance, variance, 0.25 * centre * (1 - centre) / (m + 1), m - 1)


def delong(case: Case, sweep: Sweep) -> Interval:
    """Student's t on the logit scale with DeLong's variance, at least half of that of Hanley and McNeil."""
    of_rows = variances(sweep, roc_influences(sweep, case.value))
    return Interval(*roc_estimate(effective_sizes(sweep), case.value, of_rows).limits(case.level), "delong_logit")


def of_average_precision(case: Case, sweep: Sweep) -> Interval:
    """Student's t on the logit scale with the variance of the influences of the rows."""
    of_rows = variances(sweep, precision_influences(sweep, case.value))
    return Interval(
        *precision_estimate(effective_sizes(sweep), case.value, of_rows).limits(case.level), "influence_logit"
    )


def dkw(case: Case, sweep: Sweep) -> Interval:
    """What bands around the scores of both classes leave open (Dvoretzky, Kiefer, Wolfowitz): wider than claimed.

    Reference: P. Massart, The Annals of Probability 18, 1990 (the constant of Dvoretzky, Kiefer and Wolfowitz)
    """
    reach = sum(dkw_reach(size, case.level) for size in effective_sizes(sweep))
    return Interval(case.value - reach, case.value + reach, "dkw_conservative")


def dkw_reach(size: float, level: float) -> float:
    """How far a distribution of so many rows may lie from the true one anywhere, with half of the error of a level.

    With the other half for a second distribution, both hold together with this probability.
    """
    return math.sqrt(math.log(4 / (1 - level)) / (2 * size))
