"""How well scores serve as probabilities."""

import math
from typing import TypedDict

import numpy as np

from service.metrics.binary_states import BINS, Sweep


class Calibration(TypedDict):
    """The bins of expected_calibration_error, and about what chance makes of it for a calibrated model."""

    bins: int
    expected_if_calibrated: float


def calibration(sweep: Sweep) -> Calibration:
    """What `expected_calibration_error` is measured with, and about what a calibrated model would get.

    `expected_if_calibrated` sums sqrt(2 / pi * sum of p (1 - p)) over the bins, per row: the mean magnitude of a
    normal deviation. A value of the metric near it is no sign of miscalibration. Weights are taken as reliabilities:
    the variance of a row counts by the square of its weight, so that a constant factor changes nothing.
    """
    bins = sweep.reliability
    deviations = np.sqrt(2 / math.pi * bins.variance)
    return {"bins": BINS, "expected_if_calibrated": float(math.fsum(deviations) / math.fsum(bins.weight))}
