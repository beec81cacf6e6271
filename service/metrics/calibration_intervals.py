"""Intervals of what tells how well scores serve as probabilities."""

import math

import numpy as np

from service.metrics.calibration_states import VARIANCE_UNIT
from service.metrics.distributions import normal_critical
from service.metrics.intervals import PLAIN, Case, Interval, on_scale
from service.metrics.states import blocks
from service.metrics.sweep_states import Sweep


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
    runs, weights = sweep.runs, sweep.weights
    exponent = int(runs.exponents.max())
    relative = runs.exponents - exponent
    weight, departure = np.ldexp(runs.linear[[0, 6]], relative)
    mean = float(departure.sum()) / float(weight.sum())
    spread = []
    for block in blocks(len(sweep.scores), 1):
        score = sweep.scores[block]
        square = (sweep.truth[block] - score) * (1 - 2 * score) - mean
        square *= square
        if weights is not None:
            mass = np.ldexp(weights[block], -exponent)
            square *= mass * (math.ldexp(1.0, -exponent) if sweep.counts else mass)
        spread.append(float(square.sum()))
    calibrated = float(np.ldexp(runs.square[2], 2 * relative).sum())
    return wald(case, max(1.0, math.fsum(spread) * VARIANCE_UNIT / calibrated))
