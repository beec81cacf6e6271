"""Intervals of metrics of a regression, from the influence of each row: what a little more weight of it does."""

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from service.metrics.batch import Question
from service.metrics.distributions import sign_rank, t_critical
from service.metrics.exact import Floats
from service.metrics.influences import Influences, Spread, Standard
from service.metrics.intervals import SMALLEST_ERROR, Case, Interval, Strategy, documented, enough, wilson_limits
from service.metrics.quantile_states import QuantileRows
from service.metrics.quantiles import shares
from service.metrics.regression_states import (
    AbsoluteErrors,
    ErrorMagnitudes,
    Labels,
    Moments,
    Pairs,
)
from service.metrics.states import effective
from service.metrics.undefined import Undefined

# Of so many effective rows or fewer a correlation tells nothing.
FREE_ROWS = 3
# Effective numbers of rows are whole but for rounding.
ROUNDING = 1e-9
# What a block of rows contributes to either side of a quotient, each over its mean.
Sides = Callable[[slice], tuple[Floats, Floats]]


def critical_of(case: Case, spread: Spread) -> float:
    """The t of the rows that make an estimate up: where few hold most of it, they tell little of its variance."""
    return t_critical(case.level, max(1.0, math.floor(spread.carriers * (1 + ROUNDING)) - 1.0))


def whole_size(rows: Influences | Spread) -> float:
    """The effective number of rows, no less for rounding; raises `Undefined` where it is too small."""
    return enough(rows.size * (1 + ROUNDING))


def error_of(spread: Spread, lost: int = 1) -> float:
    """The standard error of an estimate; so many of the rows are lost to what it is made of."""
    size = whole_size(spread)
    error = math.sqrt(spread.variance * size / (size - lost))
    if not math.isfinite(error):
        raise Undefined("overflow")
    return error


def of_loss(loss: Callable[[Floats, Floats], Floats], power: float = 1.0) -> Strategy:
    """Of the mean of a loss of label and prediction, or a power of it."""

    def strategy(case: Case, pairs: Pairs) -> Interval:
        return of_losses(case, pairs, lambda block: loss(pairs.truth[block], pairs.predicted[block]), power)

    return documented(strategy, "Student's t of the rows on the log scale.")


def of_pinball_loss(case: Case, rows: QuantileRows, question: Question) -> Interval:
    """Student's t of the rows on the log scale."""
    level = case.options["quantile"]
    return of_losses(case, rows, lambda block: rows.loss(level, question.quantiles.index(level), block))


def of_crps(case: Case, rows: QuantileRows, question: Question) -> Interval:
    """Student's t of the rows on the log scale."""
    parts = [(float(share), level) for level, share in shares(question.quantiles).items()]

    def losses(block: slice) -> Floats:
        levels = ((share, rows.loss(level, question.quantiles.index(level), block)) for share, level in parts)
        return np.asarray(2 * sum(share * loss for share, loss in levels))

    return of_losses(case, rows, losses)


def of_losses(case: Case, rows: Influences, losses: Callable[[slice], Floats], power: float = 1.0) -> Interval:
    """Of the mean of losses, or a power of it: Student's t on the logarithm.

    Losses that do not vary have Wilson's interval as a share of the metric's range, and none where that is not bounded.
    """
    mean = case.value ** (1 / power)

    def parts(block: slice) -> tuple[Floats, Floats]:
        share = losses(block) / mean
        return share - 1, share

    size = whole_size(rows)
    if mean:
        spread = rows.spread(parts)
        error = error_of(spread)
        if error > SMALLEST_ERROR:
            factor = math.exp(power * critical_of(case, spread) * error)
            return Interval(case.value / factor, case.value * factor, "t_log")
    if math.isinf(case.high):
        raise Undefined("no_variation")
    low, high = wilson_limits(case.value / case.high, size, case.level)
    return Interval(case.high * low, case.high * high, "wilson")


def of_error(case: Case, moments: Moments, pairs: Pairs) -> Interval:
    """Student's t of the rows."""
    scale = moments.error_scale
    if whole_size(pairs) and not scale.deviation:
        raise Undefined("no_variation")
    spread = pairs.spread(lambda block: (scale.scores(pairs.predicted[block] - pairs.truth[block]),))
    error = scale.deviation * error_of(spread)
    if error <= SMALLEST_ERROR * abs(case.value):
        raise Undefined("no_variation")
    reach = critical_of(case, spread) * error
    return Interval(case.value - reach, case.value + reach, "t_plain")


def of_median(case: Case, magnitudes: ErrorMagnitudes) -> Interval:
    """The values that a sign test does not reject.

    Reference: W. J. Conover, Practical Nonparametric Statistics, 3rd edition, 1999, section 3.2
    """
    rows = math.floor(effective(magnitudes.weight, magnitudes.weight2) * (1 + ROUNDING))
    rank = sign_rank(case.level, rows)
    if rank in {0, rows}:
        raise Undefined("too_few_rows")
    share = Fraction(rank, rows)
    return Interval(magnitudes.around(share)[0], magnitudes.around(1 - share)[1], "sign_test")


def of_r2(case: Case, moments: Moments, pairs: Pairs) -> Interval:
    """Student's t of the influences of the rows, on the logarithm of 1 less the metric."""
    return of_lack(case, pairs, squared_sides(moments, pairs, around_zero(moments)))


def around_zero(moments: Moments) -> Standard:
    """The scale of errors around 0."""
    return Standard.of(Fraction(0), moments.weight * moments.squared_error, moments.weight)


def of_explained_variance(case: Case, moments: Moments, pairs: Pairs) -> Interval:
    """Student's t of the influences of the rows, on the logarithm of 1 less the metric."""
    return of_lack(case, pairs, squared_sides(moments, pairs, moments.error_scale))


def of_d2(case: Case, errors: AbsoluteErrors, labels: Labels, pairs: Pairs) -> Interval:
    """Student's t of the influences of the rows, on the logarithm of 1 less the metric."""
    return of_lack(case, pairs, absolute_sides(case, errors, labels, pairs))


def squared_sides(moments: Moments, pairs: Pairs, errors: Standard) -> Sides:
    """The squares of the errors on a scale, and of the labels."""

    def sides(block: slice) -> tuple[Floats, Floats]:
        truth, predicted = pairs.truth[block], pairs.predicted[block]
        return np.square(errors.scores(predicted - truth)), np.square(moments.label_scale.scores(truth))

    return sides


def absolute_sides(case: Case, errors: AbsoluteErrors, labels: Labels, pairs: Pairs) -> Sides:
    """The magnitudes of the errors, and of what the labels are off their median."""
    mean_error, lack, median = errors.absolute / errors.weight, 1 - case.statistic, labels.median
    deviation = float(mean_error / lack) if lack else math.inf

    def sides(block: slice) -> tuple[Floats, Floats]:
        truth = pairs.truth[block]
        return np.abs(pairs.predicted[block] - truth) / float(mean_error), np.abs(truth - median) / deviation

    return sides


def of_lack(case: Case, pairs: Pairs, sides: Sides) -> Interval:
    """Of 1 less a quotient: Student's t on its logarithm. The difference of its sides is the influence on that."""
    lack = float(1 - case.statistic)
    if not lack:
        raise Undefined("no_variation")

    def parts(block: slice) -> tuple[Floats, ...]:
        above, below = sides(block)
        return above - below, above, below

    spread = pairs.spread(parts)
    error = error_of(spread)
    if error < SMALLEST_ERROR:
        raise Undefined("no_variation")
    factor = math.exp(critical_of(case, spread) * error)
    return Interval(1 - lack * factor, 1 - lack / factor, "t_log_lack")


def of_pearson(case: Case, moments: Moments, pairs: Pairs) -> Interval:
    """Student's t of the influences of the rows, on the atanh scale.

    Reference: the influence of S. J. Devlin, R. Gnanadesikan, J. R. Kettenring, Biometrika 62, 1975
    """
    return of_correlation(case, pairs.spread(pearson_parts(case, moments, pairs)), 1.0)


def pearson_parts(case: Case, moments: Moments, pairs: Pairs) -> Sides:
    """Of a block of rows the influence on the atanh of the magnitude, and the part of each in it."""
    sign, size = math.copysign(1.0, case.value), abs(case.value)
    lack = float(1 - case.statistic * case.statistic) or 1.0

    def parts(block: slice) -> tuple[Floats, Floats]:
        labels = moments.label_scale.scores(pairs.truth[block])
        predicted = sign * moments.prediction_scale.scores(pairs.predicted[block])
        apart, both = labels - predicted, (labels * labels + predicted * predicted) / 2
        # (labels * predicted - size * both) / (1 - size^2), without a difference of nearly equal numbers.
        return both / (1 + size) - apart * apart / (2 * lack), both

    return parts


def of_spearman(case: Case, pairs: Pairs) -> Interval:
    """Student's t on the atanh scale of the influences of the rows, each of which moves the ranks above it, too.

    Reference: the influence of C. Croux, C. Dehon, Statistical Methods and Applications 19, 2010
    """
    r, moved = case.value, spearman_moved(case, pairs)
    return of_correlation(case, pairs.spread(lambda block: (moved(block) / (1 - r * r or 1.0),)), 1 + r * r / 2)


def spearman_moved(case: Case, pairs: Pairs) -> Callable[[slice], Floats]:
    """The influence of a block of rows."""
    r, order, (labels, predicted) = case.value, pairs.by_prediction, pairs.ranks
    by_label, by_prediction = (math.sqrt(pairs.totals[0] / square) for square in pairs.rank_squares)

    def apart(ranks: Floats, by: float, others: Floats, by_others: float) -> Floats:
        terms = others * by_others
        terms -= ranks * (r * by)
        return terms if pairs.masses is None else np.multiply(terms, pairs.masses[0], out=terms)

    ties, other_ties = pairs.ties
    above_label = ties.above(apart(labels, by_label, predicted, by_prediction))
    above_prediction = np.empty(len(order))
    above_prediction[order] = other_ties.above(apart(predicted, by_prediction, labels, by_label)[order])

    def moved(block: slice) -> Floats:
        one, other = labels[block] * by_label, predicted[block] * by_prediction
        own = one * other - r / 2 * (one * one + other * other)
        return np.asarray(own + above_label[block] * by_label + above_prediction[block] * by_prediction)

    return moved


def of_correlation(case: Case, spread: Spread, normal: float) -> Interval:
    """Of a correlation with this spread on the scale of its inverse hyperbolic tangent: Student's t.

    One that does not vary has a centre below 1, and the variance of normal rows: `normal` over the number of free ones.

    Reference: D. G. Bonett, T. A. Wright, Psychometrika 65, 2000
    """
    if spread.size * (1 + ROUNDING) < FREE_ROWS + 1:
        raise Undefined("too_few_rows")
    centre, error = case.value, error_of(spread, FREE_ROWS)
    if abs(centre) == 1 or error < SMALLEST_ERROR:
        most = 1 - 0.5 / (spread.size + 1) ** 1.5
        centre, error = max(-most, min(most, centre)), math.sqrt(normal / (spread.size - FREE_ROWS))
    middle, reach = math.atanh(centre), critical_of(case, spread) * error
    return Interval(math.tanh(middle - reach), math.tanh(middle + reach), "t_atanh")
