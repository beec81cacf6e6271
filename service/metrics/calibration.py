"""How well scores serve as probabilities.

In a multiclass task the score of a row is its largest probability, and the row is positive where that class is right.
"""

import math
from typing import NotRequired, TypedDict, cast

import numpy as np

from service.metrics.batch import Reading
from service.metrics.calibration_states import BINS, VARIANCE_UNIT, Bins
from service.metrics.sweep_states import Sweep
from service.metrics.undefined import Undefined


class Bin(TypedDict):
    """Rows with scores in [low, high), in the last bin [low, high]; the means are weighted.

    With intervals, `fraction_low` and `fraction_high` are Wilson's limits of `fraction_positive`.
    """

    low: float
    high: float
    mean_score: float
    fraction_positive: float
    weight: float
    fraction_low: NotRequired[float]
    fraction_high: NotRequired[float]


class BrierDecomposition(TypedDict):
    """The mean of (y - p)^2 is reliability - resolution + uncertainty + within_bins."""

    reliability: float
    resolution: float
    uncertainty: float
    within_bins: float


class HosmerLemeshow(TypedDict):
    """A chi-square test of calibration."""

    statistic: float
    degrees_of_freedom: int
    p_value: float


class Calibration(TypedDict):
    """Bins of scores, and what they say of the scores as probabilities."""

    bins: int
    expected_if_calibrated: float
    uniform: list[Bin]
    quantile: list[Bin]
    brier_decomposition: BrierDecomposition
    hosmer_lemeshow: HosmerLemeshow | None


def maximum_calibration_error(sweep: Sweep) -> float:
    """Largest distance of the mean score and the share of positives in a bin of `expected_calibration_error`.

    Formula: max over bins of |mean(y) - mean(p)|
    Reference: Naeini, Cooper, Hauskrecht, AAAI 2015
    """
    return float(np.abs(sweep.reliability.gap).max())


def root_mean_squared_calibration_error(sweep: Sweep) -> float:
    """Root of the mean squared distance of the mean score and the share of positives in a bin.

    The bins are those of `expected_calibration_error`.

    Formula: sqrt(sum over bins of (weight / total weight) (mean(y) - mean(p))^2)
    Reference: Kumar, Liang, Ma, NeurIPS 2019
    """
    bins = sweep.reliability
    return math.sqrt(bins.mean(np.square(bins.gap)))


def spiegelhalter_z(sweep: Sweep) -> float:
    """Deviation of the Brier score from its mean if the scores are calibrated, in its standard deviations.

    It is then about standard normal; above 0 the scores are worse than they claim. Undefined where every score is 0,
    0.5 or 1. Weights are taken as reliabilities.

    Formula: sum(w (y - p) (1 - 2p)) / sqrt(sum(w^2 (1 - 2p)^2 p (1 - p)))
    Reference: Spiegelhalter, Statistics in Medicine 5, 1986
    """
    runs = sweep.runs
    departure, variance = runs.linear[6], runs.square[2]
    varied = variance > 0
    if not varied.any():
        raise Undefined("scores_without_variance")
    relative = runs.exponents - runs.exponents[varied].max()
    whole = math.fsum(np.ldexp(variance, 2 * relative))
    # Of the rows that are heavier than all with a variance, every departure is positive or 0.
    return float(np.sum(np.ldexp(departure, relative))) / math.sqrt(whole) * math.sqrt(VARIANCE_UNIT)


def calibration_slope(sweep: Sweep) -> float:
    """Slope of the logistic regression of the labels on the logits of the scores: below 1 they are too extreme.

    The scores are clipped to [2^-52, 1 - 2^-52] as in `log_loss`. Undefined where the likelihood has no finite maximum.

    Formula: b of the a, b that maximise the likelihood of P(y = 1) = 1 / (1 + exp(-a - b ln(p / (1 - p))))
    Reference: Cox, Biometrika 45, 1958
    """
    return sweep.recalibration.slope


def calibration_intercept(sweep: Sweep) -> float:
    """Intercept of the logistic regression of the labels on the logits of the scores.

    It is fitted together with `calibration_slope`: the log-odds of a positive label where the score is 0.5.

    Formula: a of the a, b that maximise the likelihood of P(y = 1) = 1 / (1 + exp(-a - b ln(p / (1 - p))))
    Reference: Cox, Biometrika 45, 1958
    """
    return sweep.recalibration.intercept


def calibration(sweep: Sweep, reading: Reading) -> Calibration:
    """Bins of scores, and what they say: what a calibrated model would get, the parts of the Brier score, a test.

    `expected_if_calibrated` is about the `expected_calibration_error` of a calibrated model: the sum over the bins of
    sqrt(2 / pi * sum of p (1 - p)), per row, the mean magnitude of a normal deviation. A value of the metric near it is
    no sign of miscalibration. Weights are taken as reliabilities: the variance of a row counts by the square of its
    weight, so that a constant factor changes nothing.

    `uniform` holds the bins of that metric, [k/10, (k+1)/10) with the floats nearest to k/10 as edges; `quantile` the
    groups between the deciles of the scores, interpolated linearly (quantiles of type 7, numpy's default), with unequal
    weights the averaged inverse of their distribution (type 2). A score that equals an inner edge belongs to the group
    above, equal edges are one, and bins without rows are left out.

    `brier_decomposition` is Murphy's of the uniform bins (Journal of Applied Meteorology 12, 1973), with what the
    scores vary within the bins (Stephenson, Coelho, Jolliffe, Weather and Forecasting 23, 2008). `hosmer_lemeshow` is
    the test on the quantile groups (Communications in Statistics 9, 1980), null where a group's mean score allows no
    deviation and there is one. It has as many degrees of freedom as groups, since the scores come from elsewhere: had
    the model been fitted on these very rows there would be two less.
    """
    bins = sweep.reliability
    return {
        "bins": BINS,
        "expected_if_calibrated": expected_error(bins),
        "uniform": listed(bins, reading),
        "quantile": listed(sweep.quantile_bins, reading),
        "brier_decomposition": decomposed(bins),
        "hosmer_lemeshow": hosmer_lemeshow(sweep.quantile_bins),
    }


def expected_error(bins: Bins) -> float:
    """About the `expected_calibration_error` of a calibrated model."""
    return math.sqrt(2 / math.pi) * math.fsum(bins.deviation) / math.fsum(bins.relative_weight)


def mean_score_z(bins: Bins) -> float:
    """How far the share of positives is above the mean score, in standard deviations that a calibrated model leaves."""
    return bins.mean(bins.gap) * math.fsum(bins.relative_weight) / math.hypot(*bins.deviation)


def listed(bins: Bins, reading: Reading) -> list[Bin]:
    """The bins as a report has them."""
    columns = {
        "low": bins.low,
        "high": bins.high,
        "mean_score": bins.mean_score,
        "fraction_positive": bins.fraction_positive,
        "weight": bins.weight,
    }
    if reading.intervals:
        columns["fraction_low"], columns["fraction_high"] = bins.limits(reading.confidence_level)
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [cast(Bin, dict(zip(columns, row, strict=True))) for row in rows]


def decomposed(bins: Bins) -> BrierDecomposition:
    """The parts of the Brier score."""
    positive, squared = bins.fraction_positive, np.square(bins.gap)
    prevalence = bins.mean(positive)
    return {
        "reliability": bins.mean(squared),
        "resolution": bins.mean(np.square(positive - prevalence)),
        "uncertainty": prevalence * (1 - prevalence),
        "within_bins": bins.mean(bins.squared_error - squared - positive * (1 - positive)),
    }


def hosmer_lemeshow(bins: Bins) -> HosmerLemeshow | None:
    """The test of Hosmer and Lemeshow on these groups; None where it has no value."""
    groups = len(bins.low)
    gap, squared_weight = bins.runs.linear[4], bins.runs.square[0]
    variance = squared_weight * bins.mean_score * bins.mean_miss
    # No deviation is none, whatever the variance.
    parts = np.divide(np.square(gap), variance, out=np.zeros(groups), where=gap != 0)
    statistic = math.fsum(parts) if np.isfinite(parts).all() else math.inf
    if not math.isfinite(statistic):
        return None
    return {
        "statistic": statistic,
        "degrees_of_freedom": groups,
        "p_value": chi_square_tail(statistic, groups),
    }


def chi_square_tail(statistic: float, freedom: int) -> float:
    """The probability that a chi-square number with so many degrees of freedom is larger.

    A finite sum for a whole number of degrees: M. Abramowitz, I. A. Stegun, Handbook of Mathematical Functions, 26.4.4
    and 26.4.5.
    """
    half = statistic / 2
    odd = freedom % 2
    tail = math.erfc(math.sqrt(half)) if odd else 0.0
    term = math.exp(-half) * (math.sqrt(half / math.pi) * 2 if odd else 1.0)
    for step in range(freedom // 2):
        tail += term
        term *= half / (step + 1 + odd / 2)
    return min(1.0, tail)
