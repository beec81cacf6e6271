"""How scores compare with outcomes, bin by bin."""

import math
from itertools import pairwise
from typing import NamedTuple, TypedDict

import numpy as np

from service.metrics.binary_states import Sweep
from service.metrics.exact import Floats
from service.metrics.undefined import Undefined

BINS = 10


class Reliability(NamedTuple):
    """Bins of equal width over [0, 1]; bin k is [edges[k], edges[k + 1]), the last one closed.

    For each bin the total weight of its rows, of its positive rows, and the weighted sums of its scores p and of
    p (1 - p), what a calibrated model would leave as variance.
    """

    edges: Floats
    weight: Floats
    positive: Floats
    score: Floats
    variance: Floats


def reliability(sweep: Sweep) -> Reliability:
    """The reliability bins of scores. Raises `Undefined` where a score lies outside [0, 1].

    Edges are the floats nearest to k / 10, so that 0.3 lies in [0.3, 0.4).
    """
    scores = sweep.scores
    if scores[0] < 0 or scores[-1] > 1:
        raise Undefined("scores_not_probabilities")
    edges = np.arange(BINS + 1) / BINS
    cuts = [*np.searchsorted(scores, edges[:-1]).tolist(), len(scores)]
    rows = []
    for low, high in pairwise(cuts):
        score, truth = scores[low:high], sweep.truth[low:high]
        variance = score * (1 - score)
        if sweep.weights is None:
            rows.append((float(high - low), float(np.count_nonzero(truth)), score.sum(), variance.sum()))
        else:
            weight = sweep.weights[low:high]
            rows.append((weight.sum(), weight[truth].sum(), (weight * score).sum(), (weight * variance).sum()))
    return Reliability(edges, *np.array(rows).T)


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
    bins = reliability(sweep)
    deviations = np.sqrt(2 / math.pi * bins.variance)
    return {"bins": BINS, "expected_if_calibrated": float(math.fsum(deviations) / math.fsum(bins.weight))}
