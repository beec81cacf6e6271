"""Metrics and sections of predicted quantiles. A level is the probability with which a quantile is not exceeded."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any, TypedDict

from service.metrics.averages import Average
from service.metrics.quantile_states import QuantileCoverage, QuantileErrors


class QuantileCalibration(TypedDict):
    """A level, and the share of the labels at or below its predictions: the level itself, if they are calibrated."""

    quantile: float
    fraction_below: float


class PredictionInterval(TypedDict):
    """The interval between the predictions of two levels: what it should cover, what it covers, its mean width."""

    low: float
    high: float
    nominal_coverage: float
    coverage: float
    mean_width: float


def pinball_loss_at(errors: QuantileErrors, quantile: float) -> Any:
    """Mean pinball loss of the predicted quantile {quantile}: the true quantile has the lowest in expectation.

    Formula: mean(max(alpha (y - p), (alpha - 1) (y - p))) with alpha {quantile}
    Reference: sklearn.metrics.mean_pinball_loss
    """
    level = Fraction(quantile)
    return ((1 - level) * errors.over[quantile] + level * errors.under[quantile]) / errors.weight


def crps(errors: QuantileErrors) -> Any:
    """Continuous ranked probability score, approximated from the predicted quantiles; in the unit of the labels.

    Each level stands for the levels nearer to it than to the others, so that evenly spread levels count alike. Of the
    median alone it is the mean absolute error. Compare it between predictions of the same levels only.

    Formula: 2 sum(c pinball loss of the level) with c the length of the part of [0, 1] that is nearest to the level
    Reference: Laio and Tamea, Hydrology and Earth System Sciences 11, 2007: twice the integral of the pinball loss
    """
    return 2 * sum(share * pinball_loss_at(errors, level) for level, share in shares(errors.over.by).items())


def shares(levels: Iterable[float]) -> dict[float, Fraction]:
    """The length of the part of [0, 1] that is nearest to each level."""
    ordered = sorted(levels)
    exact = [Fraction(level) for level in ordered]
    ends = [Fraction(0), *((low + high) / 2 for low, high in pairwise(exact)), Fraction(1)]
    return {level: end - start for level, (start, end) in zip(ordered, pairwise(ends), strict=True)}


def crossing_rate(coverage: QuantileCoverage) -> Average:
    """Share of the rows whose predicted quantiles cross: one of a higher level lies below one of a lower level.

    Formula: mean(1 where p_i > p_j for some levels i < j, else 0)
    Reference: He, Quantile curves without crossing, The American Statistician 51, 1997
    """
    return coverage.crossing


def quantile_calibration(coverage: QuantileCoverage) -> list[QuantileCalibration]:
    """For each level, ascending, the share of the labels at or below the predicted quantile."""
    return [
        {"quantile": level, "fraction_below": float(coverage.below[level] / coverage.weight)}
        for level in sorted(coverage.below.by)
    ]


def prediction_intervals(coverage: QuantileCoverage) -> list[PredictionInterval]:
    """The intervals between the lowest and the highest level, the second lowest and the second highest, and so on.

    A label at an end is covered. The width is negative where the quantiles cross.
    """
    return [
        {
            "low": low,
            "high": high,
            "nominal_coverage": float(Decimal(str(high)) - Decimal(str(low))),
            "coverage": float(covered / coverage.weight),
            "mean_width": float((coverage.predicted[high] - coverage.predicted[low]) / coverage.weight),
        }
        for (low, high), covered in coverage.inside.by.items()
    ]
