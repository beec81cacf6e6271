"""How well scores serve as probabilities."""

import math
from typing import TypedDict

import numpy as np

from service.metrics.binary_states import BINS, Sweep


class Calibration(TypedDict):
    """How the expected calibration error is measured, and what chance alone makes of it."""

    bins: int
    expected_if_calibrated: float


def calibration(sweep: Sweep) -> Calibration:
    """What `expected_calibration_error` is measured with, and what a perfectly calibrated model would get on average.

    `expected_if_calibrated` sums sqrt(2 / pi * sum of p (1 - p)) over the bins, per row: the mean magnitude of a
    normal deviation. A value of the metric near it is no sign of miscalibration. With weights each row's variance
    counts by its weight, as if the weights were repetitions.
    """
    bins = sweep.reliability
    deviations = np.sqrt(2 / math.pi * bins.variance)
    return {"bins": BINS, "expected_if_calibrated": float(math.fsum(deviations) / math.fsum(bins.weight))}
