"""Intervals of what tells how well scores serve as probabilities."""

import numpy as np

from service.metrics.calibration_states import VARIANCE_UNIT
from service.metrics.distributions import normal_critical
from service.metrics.intervals import PLAIN, Case, Interval, on_scale
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
    runs = sweep.runs
    relative = runs.exponents - int(runs.exponents.max())
    weight, departure = np.ldexp(runs.linear[[0, 6]], relative).sum(axis=1)
    mean = departure / weight
    rows, _, calibrated, _, first, second = np.ldexp(runs.square, 2 * relative).sum(axis=1)
    spread = float(second - 2 * mean * first + mean * mean * rows)
    return wald(case, max(1.0, spread * VARIANCE_UNIT / float(calibrated)))
