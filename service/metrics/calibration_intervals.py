"""Intervals of what tells how well scores serve as probabilities."""

import math

import numpy as np

from service.metrics.binary_states import Sweep
from service.metrics.calibration_states import VARIANCE_UNIT
from service.metrics.distributions import normal_critical
from service.metrics.intervals import PLAIN, Case, Interval, on_scale
from service.metrics.states import blocks, squares_of


def of_slope(case: Case, sweep: Sweep) -> Interval:
    """Wald's, with the information of the fit."""
    return wald(case, sweep.recalibration.slope_variance)


def of_intercept(case: Case, sweep: Sweep) -> Interval:
    """Wald's, with the information of the fit."""
    return wald(case, sweep.recalibration.intercept_variance)


def wald(case: Case, variance: float) -> Interval:
    """Normal limits."""
    return Interval(*on_scale(PLAIN, case.value, variance, normal_critical(case.level)), "wald")


def of_spiegelhalter_z(case: Case, sweep: Sweep) -> Interval:
    """Normal, with the variance of the rows, at least that of calibrated ones."""
    runs = sweep.runs
    weights = np.broadcast_to(1.0, len(sweep.scores)) if sweep.weights is None else sweep.weights
    exponent = int(np.frexp(weights.max())[1])
    weight, departure = np.ldexp(runs.linear[[0, 6]], runs.exponents - runs.exponents.max())
    mean = math.fsum(departure) / math.fsum(weight)
    spread, calibrated = [], []
    for block in blocks(len(weights), 1):
        score, square = sweep.scores[block], squares_of(np.ldexp(weights[block], -exponent), counts=sweep.counts)
        slant = 1 - 2 * score
        deviation = (sweep.truth[block] - score) * slant - mean
        spread.append((square * deviation * deviation).sum())
        calibrated.append((square * (VARIANCE_UNIT * slant * slant * score * (1 - score))).sum())
    return wald(case, max(1.0, math.fsum(spread) * VARIANCE_UNIT / math.fsum(calibrated)))
