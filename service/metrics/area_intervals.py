"""Intervals of areas under curves, from what a little more weight of each row does to them: one sort gives both.

Positives of one score do the same, and so do the negatives between two scores of positives.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from service.metrics.batch import Reading
from service.metrics.binary import mean_hit_rate, standardised
from service.metrics.distributions import t_critical
from service.metrics.exact import Floats
from service.metrics.intervals import FEWEST, LOGIT, Case, Interval, on_scale, wilson_limits
from service.metrics.states import blocks, once
from service.metrics.sweep_states import Descent, Sweep
from service.metrics.undefined import Undefined

# The least variance of a partial area, over that of a share of as many rows: by simulation.
PARTIAL_FLOOR = 0.4
# A variance below this share of its floor is rounding: all rows of a class have the same placement.
ROUNDING = 1e-9


class Moves(NamedTuple):
    """What more weight of one row does to an area, at a block of the scores that positives have.

    `positive` is that of a positive row, `tied` of a negative row of the same score, `between` of a negative row that
    scores more than this, but less than the score before.
    """

    block: slice
    positive: Floats
    tied: Floats
    between: Floats


class Estimate(NamedTuple):
    """An area with what its interval is made of: the centre on the logit scale, and the degrees of freedom of t.

    `plain` is the variance that the influences of the rows give, `variance` the same corrected for few rows, and
    `floor` the least that is believed. No area varies more than a share of `rows` rows.
    """

    area: float
    rows: float
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
        """The limits that cover the area with this probability, no wider than those of such a share."""
        low, high = on_scale(LOGIT, self.centre, self.believed, t_critical(level, self.freedom))
        least, most = wilson_limits(self.area, self.rows, level)
        return max(low, least), min(high, most)


def roc_moves(descent: Descent, area: float, found: float, others: float) -> Iterator[Moves]:
    """On the area under the ROC curve, of so many positives and negatives: placements among those of the other kind."""
    for block in blocks(len(descent.above), 1):
        before, reached, _, above, passed = descent.at(block)
        below = 1 - area - (above + passed) / (2 * others)
        tied = (before + reached) / (2 * found) - area
        yield Moves(block, below / found, tied / others, (before / found - area) / others)


def precision_moves(descent: Descent, area: float, found: float) -> Iterator[Moves]:
    """On the average precision, of so many positives, from the lowest scores to the highest.

    A row takes part in the precision at its own and at every lower score that positive rows have.
    """
    lower = 0j  # what lower scores gain and lose: as one complex number, so that one running sum serves both
    for block in reversed(list(blocks(len(descent.above), 1))):
        before, reached, *_, passed = descent.at(block)
        share = 1 / (reached + passed)
        precision = reached * share
        changes = np.empty(len(share), dtype=np.complex128)
        changes.real = (reached - before) * share
        changes.imag = changes.real * precision
        changes.real -= changes.imag
        below = np.cumsum(changes[::-1])[::-1] + lower
        lower = below[0]
        negative = below.imag / -found
        yield Moves(block, (precision - area + below.real) / found, negative, negative)


def joined(size: int, moves: Iterator[Moves]) -> Moves:
    """The moves of all blocks as one."""
    columns = np.empty((3, size))
    for block, *parts in moves:
        columns[:, block] = parts
    return Moves(slice(0, size), *columns)


def variances(squares: Descent, moves: Iterator[Moves]) -> tuple[float, float]:
    """The variances of an area that its positive and its negative rows make."""
    sums = []
    for block, positive, tied, between in moves:
        reached_before, reached, passed_before, above, passed = squares.at(block)
        of_positive = (reached - reached_before) * positive * positive
        of_negative = (above - passed_before) * between * between
        ties = passed - above
        if ties.any():
            of_negative += ties * tied * tied
        sums.append((float(of_positive.sum()), float(of_negative.sum())))
    positives, negatives = map(math.fsum, zip(*sums, strict=True))
    return positives, negatives


def sides(sweep: Sweep) -> tuple[float, float]:
    """The weights of the positive and of the negative rows."""
    _, tp, fp = sweep.steps
    return float(tp[-1]), float(fp[-1])


def effective_sizes(sweep: Sweep) -> tuple[float, float]:
    """The effective numbers of positive and of negative rows; 0 where there are none."""
    _, tp, fp = sweep.steps
    tp2, fp2 = sweep.squares
    m, n = (float(sums[-1]) ** 2 / float(squares[-1] or 1) for sums, squares in ((tp, tp2), (fp, fp2)))
    return m, n


def roc_estimate(sizes: tuple[float, float], area: float, of_rows: tuple[float, float]) -> Estimate:
    """The area under the ROC curve, of the effective numbers of rows and the two parts of its variance by DeLong.

    The variance is at least half of that of Hanley and McNeil at the centre, which DeLong's leaves out near an area
    of 1; alone it serves a class of one row. The degrees of freedom are Satterthwaite's. Whatever the scores, the area
    varies no more than a share of as many rows as the smaller class has.

    Reference: E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Biometrics 44, 1988; J. A. Hanley, B. J. McNeil,
    Radiology 143, 1982; Z. W. Birnbaum, O. M. Klose, Annals of Mathematical Statistics 28, 1957 (the largest variance)
    """
    m, n = sizes
    centre = (area * m * n + 0.5) / (m * n + 1)
    half = (m + n) / 2 - 1
    spread = 1 + half * ((1 - centre) / (2 - centre) + centre / (1 + centre))
    floor = centre * (1 - centre) * spread / (2 * m * n)
    freedom = max(1.0, min(m, n) - 1)
    if min(m, n) < FEWEST:
        return Estimate(area, min(m, n), centre, sum(of_rows), 0.0, floor, freedom)
    parts = [(variance * size / (size - 1), size - 1) for variance, size in zip(of_rows, (m, n), strict=True)]
    variance = sum(part for part, _ in parts)
    if variance > ROUNDING * floor:
        freedom = max(freedom, variance * variance / sum(part * part / df for part, df in parts))
    return Estimate(area, min(m, n), centre, sum(of_rows), variance, floor, freedom)


def precision_estimate(sizes: tuple[float, float], area: float, of_rows: tuple[float, float]) -> Estimate:
    """The average precision, of the effective numbers of rows and two parts of its variance.

    A few negatives above all positives cost it their number times the logarithm of the positives, over these: a share
    of so many fewer rows varies more.

    Raises `Undefined` where there is no negative row, or effectively one positive row.
    """
    m, n = sizes
    if not n:
        raise Undefined("single_class")
    if m < FEWEST:
        raise Undefined("single_positive")
    centre = min(area, 1 - 0.5 / (m + 1) ** 1.5)
    variance = sum(of_rows)
    floor = 0.25 * centre * (1 - centre) / (m + 1)
    return Estimate(area, m / (1 + math.log(m)), centre, variance, variance, floor, m - 1)


def delong(case: Case, sweep: Sweep) -> Interval:
    """Student's t on the logit scale with DeLong's variance, at least half of that of Hanley and McNeil."""
    return Interval(*roc_estimate_of(sweep, case.value).limits(case.level), "delong_logit")


@once
def roc_estimate_of(sweep: Sweep, area: float) -> Estimate:
    """The area under the ROC curve of rows."""
    of_rows = variances(sweep.descent_of_squares, roc_moves(sweep.descent, area, *sides(sweep)))
    return roc_estimate(effective_sizes(sweep), area, of_rows)


def partial_delong(case: Case, sweep: Sweep, reading: Reading) -> Interval:
    """Student's t on the logit scale with DeLong's variance of placements cut off at `max_fpr`, and a floor of it.

    Only so many negative rows count as lie within `max_fpr`. As the placements of a few positives are all but equal
    near 1, the variance is at least 0.4 times that of a share of as many rows as the smaller side has.
    """
    max_fpr = reading.max_fpr
    rate = mean_hit_rate(sweep, max_fpr)
    m, n = effective_sizes(sweep)
    of_rows = variances(sweep.descent_of_squares, partial_moves(sweep, rate, max_fpr))
    found = roc_estimate((m, n * max_fpr), rate, of_rows)
    floor = PARTIAL_FLOOR * found.centre * (1 - found.centre) / found.rows
    low, high = on_scale(LOGIT, found.centre, max(found.believed, floor), t_critical(case.level, found.freedom))
    return Interval(standardised(low, max_fpr), standardised(high, max_fpr), "delong_logit")


def partial_moves(sweep: Sweep, rate: float, max_fpr: float) -> Iterator[Moves]:
    """On the mean true positive rate up to `max_fpr`: placements among those of the other kind, cut off there.

    Reference: L. E. Dodd, M. S. Pepe, Biometrics 59, 2003
    """
    descent, (found, others) = sweep.descent, sides(sweep)
    _, reached_there = sweep.at_false_positive_rate(max_fpr)
    mean = max_fpr * rate + (1 - max_fpr) * reached_there
    for block in blocks(len(descent.above), 1):
        before, reached, _, above, passed = descent.at(block)
        tied = (passed - above) / others
        left = np.maximum(max_fpr - above / others, 0)
        within = np.minimum(left, tied)
        # How much of a negative row of this score lies within: its part of the way to the next score.
        part = np.where(tied > 0, within / np.where(tied > 0, tied, 1), 1.0)
        placed = left - within + within * part / 2
        slope = (reached - before) / found
        low = before / found
        negative = part * (low + part * slope / 2) + (1 - part) * reached_there
        yield Moves(
            block,
            (placed / max_fpr - rate) / found,
            (negative - mean) / (max_fpr * others),
            (np.minimum(low, reached_there) - mean) / (max_fpr * others),
        )


def of_average_precision(case: Case, sweep: Sweep) -> Interval:
    """Student's t on the logit scale with the variance of the influences of the rows."""
    return Interval(*precision_estimate_of(sweep, case.value).limits(case.level), "influence_logit")


@once
def precision_estimate_of(sweep: Sweep, area: float) -> Estimate:
    """The average precision of rows."""
    of_rows = variances(sweep.descent_of_squares, precision_moves(sweep.descent, area, sides(sweep)[0]))
    return precision_estimate(effective_sizes(sweep), area, of_rows)


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
