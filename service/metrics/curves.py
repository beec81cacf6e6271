"""Curves: the shape behind a number, thinned to a bounded number of points. Areas come from all points."""

from statistics import NormalDist
from typing import Any, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from service.metrics.area_intervals import dkw_reach, effective_sizes
from service.metrics.batch import Reading
from service.metrics.exact import Floats
from service.metrics.intervals import limits_of_shares
from service.metrics.ranking_states import RankedRows
from service.metrics.regression_states import Pairs
from service.metrics.sweep_states import Sweep
from service.metrics.undefined import Undefined

REGRESSION_BINS = 20
# 1 minus it is the largest float below 1.
NEXT_TO_0 = 2.0**-53


class Roc(TypedDict):
    """Points from nothing to everything predicted positive; the first threshold is null.

    With intervals, `tpr_low` to `fpr_high` are Wilson's limits of both rates at each threshold, one by one.
    `simultaneous_tpr` and `simultaneous_fpr` are how far all rates together may lie from the true ones: half the width
    of the bands of Dvoretzky, Kiefer and Wolfowitz, each with half of the error allowed.
    """

    fpr: list[float]
    tpr: list[float]
    thresholds: list[float | None]
    fpr_low: NotRequired[list[float]]
    fpr_high: NotRequired[list[float]]
    tpr_low: NotRequired[list[float]]
    tpr_high: NotRequired[list[float]]
    simultaneous_fpr: NotRequired[float]
    simultaneous_tpr: NotRequired[float]


class PrecisionRecall(TypedDict):
    """Points from the highest threshold to the lowest."""

    precision: list[float]
    recall: list[float]
    thresholds: list[float]


class CalibrationCurve(TypedDict):
    """Bins of scores that hold rows; with intervals also Wilson's limits of the fractions."""

    low: list[float]
    high: list[float]
    mean_score: list[float]
    fraction_positive: list[float]
    weight: list[float]
    fraction_low: NotRequired[list[float]]
    fraction_high: NotRequired[list[float]]


class PredictedAgainstActual(TypedDict):
    """Groups of rows by prediction, ascending."""

    mean_predicted: list[float]
    mean_actual: list[float]
    weight: list[float]


class Residuals(TypedDict):
    """A histogram: one more edge than weights."""

    edges: list[float]
    weight: list[float]


class Qq(TypedDict):
    """Points of ascending position: a quantile of the standard normal distribution, and that of the errors there."""

    theoretical: list[float]
    error: list[float]


class GainByRank(TypedDict):
    """Ranks from the first on."""

    rank: list[int]
    mean_relevance: list[float]
    ndcg: list[float]


def roc(sweep: Sweep, reading: Reading) -> Roc:
    """True against false positive rate, from nothing to everything predicted positive.

    The first threshold is null: there nothing is predicted positive. Points within a horizontal or vertical run
    are left out.
    """
    thresholds, tp, fp = sweep.steps
    if not tp[-1] or not fp[-1]:
        raise Undefined("single_class")
    kept = corners(fp, tp)
    fpr, tpr = fp[kept] / fp[-1], tp[kept] / tp[-1]
    chosen = thinned(fpr, tpr, reading.curve_points)
    kept, fpr, tpr = kept[chosen], fpr[chosen], tpr[chosen]
    curve: Roc = {
        "fpr": fpr.tolist(),
        "tpr": tpr.tolist(),
        "thresholds": [None, *thresholds[kept[1:] - 1].tolist()],
    }
    if reading.intervals:
        for rate, shares, hits, hits2, size in zip(
            ("tpr", "fpr"), (tpr, fpr), (tp, fp), sweep.squares, effective_sizes(sweep), strict=True
        ):
            above = (hits[kept], hits2[kept])
            below = (hits[-1] - above[0], hits2[-1] - above[1])
            low, high = limits_of_shares(above, below, reading.confidence_level)
            low, high = np.minimum(low, shares), np.maximum(high, shares)  # which may be rounded otherwise
            curve |= {f"{rate}_low": low.tolist(), f"{rate}_high": high.tolist()}  # type: ignore[misc]  # computed
            curve |= {f"simultaneous_{rate}": dkw_reach(size, reading.confidence_level)}  # type: ignore[misc]  # computed
    return curve


def precision_recall(sweep: Sweep, reading: Reading) -> PrecisionRecall:
    """Precision against recall at thresholds from the highest score to the lowest."""
    thresholds, tp, fp = sweep.steps
    if not tp[-1]:
        raise Undefined("no_positive_labels")
    precision, recall = tp[1:] / (tp[1:] + fp[1:]), tp[1:] / tp[-1]
    chosen = thinned(recall, precision, reading.curve_points)
    return {
        "precision": precision[chosen].tolist(),
        "recall": recall[chosen].tolist(),
        "thresholds": thresholds[chosen].tolist(),
    }


def calibration(sweep: Sweep, reading: Reading) -> CalibrationCurve:
    """Mean score and share of positives of each bin of `expected_calibration_error` that has rows."""
    bins = sweep.reliability
    curve: CalibrationCurve = {
        "low": bins.low.tolist(),
        "high": bins.high.tolist(),
        "mean_score": bins.mean_score.tolist(),
        "fraction_positive": bins.fraction_positive.tolist(),
        "weight": bins.weight.tolist(),
    }
    if reading.intervals:
        low, high = bins.limits(reading.confidence_level)
        curve |= {"fraction_low": low.tolist(), "fraction_high": high.tolist()}
    return curve


def predicted_against_actual(pairs: Pairs) -> PredictedAgainstActual:
    """Mean label and mean prediction in at most 20 groups of rows with similar predictions and about equal weight."""
    order = np.argsort(pairs.predicted, kind="stable")
    predicted, truth, share = pairs.predicted[order], pairs.truth[order], pairs.relative_weights[order]
    below = np.cumsum(share)
    cuts = np.searchsorted(below, below[-1] * np.arange(1, REGRESSION_BINS) / REGRESSION_BINS)
    # A group starts at the first row of its prediction, so that equal predictions stay together.
    starts = np.unique(np.searchsorted(predicted, predicted[np.concatenate([[0], cuts])]))
    shares = np.add.reduceat(share, starts)
    return {
        "mean_predicted": (np.add.reduceat(share * predicted, starts) / shares).tolist(),
        "mean_actual": (np.add.reduceat(share * truth, starts) / shares).tolist(),
        "weight": np.add.reduceat(pairs.weights_or_ones[order], starts).tolist(),
    }


def residuals(pairs: Pairs) -> Residuals:
    """Histogram of the errors (prediction minus label): at most 20 bins of equal width, the last one closed."""
    errors = pairs.predicted - pairs.truth
    low, high = errors.min(), errors.max()
    if not np.isfinite(high - low):
        raise Undefined("overflow")
    edges = np.unique(np.linspace(low, high, REGRESSION_BINS + 1))
    if len(edges) == 1:
        edges = np.repeat(edges, 2)
    bins = np.minimum(np.searchsorted(edges, errors, side="right"), len(edges) - 1) - 1
    return {"edges": edges.tolist(), "weight": np.bincount(bins, pairs.weights_or_ones).tolist()}


def qq(pairs: Pairs, reading: Reading) -> Qq:
    """Quantiles of the errors (prediction minus label) against those of a standard normal distribution.

    Normal errors lie on a line: its slope is their standard deviation. Each distinct error has a point, at the share
    of the weight below it and half of its own; where there would be too many, points lie at even steps of the weight.

    Reference: Wilk and Gnanadesikan, Biometrika 55, 1968
    """
    errors = pairs.predicted - pairs.truth
    if not np.isfinite(errors).all():
        raise Undefined("overflow")
    order = np.argsort(errors, kind="stable")
    errors, weights = errors[order], pairs.relative_weights[order]
    starts = np.flatnonzero(np.concatenate([[True], errors[1:] != errors[:-1]]))
    errors, weights = errors[starts], np.add.reduceat(weights, starts)
    below = np.cumsum(weights)
    points = reading.curve_points
    if len(errors) > points:
        positions = (np.arange(points) + 0.5) / points
        errors = errors[np.searchsorted(below, positions * below[-1])]
    else:
        positions = (below - weights / 2) / below[-1]
    # Beside very heavy rows the position of a light one may be rounded to an end, where normal quantiles are infinite.
    within = np.clip(positions, NEXT_TO_0, 1 - NEXT_TO_0).tolist()
    return {"theoretical": list(map(NormalDist().inv_cdf, within)), "error": errors.tolist()}


def gain_by_rank(ranked: RankedRows, reading: Reading) -> GainByRank:
    """Mean relevance of the documents at each rank, of the queries that have so many, and the mean NDCG cut there."""
    ranks, relevances, values = zip(*ranked.by_rank(reading.curve_points), strict=True)
    return {"rank": list(ranks), "mean_relevance": [*map(float, relevances)], "ndcg": [*map(float, values)]}


def corners(x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.intp]:
    """Positions of the points of a path that do not lie between their neighbours on a horizontal or vertical run."""
    flat = (np.diff(x) == 0, np.diff(y) == 0)
    within = (flat[0][1:] & flat[0][:-1]) | (flat[1][1:] & flat[1][:-1])
    return np.flatnonzero(np.concatenate([[True], ~within, [True]]))


def thinned(x: Floats, y: Floats, points: int) -> NDArray[np.intp]:
    """Positions of at most `points` points of a path, its ends and points at about equal steps of its length.

    The length is the sum of |dx| + |dy|, so no left out point is further from a kept one than
    length / (points - 1) along the path.
    """
    if len(x) <= points:
        return np.arange(len(x))
    length = np.concatenate([[0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    marks = np.linspace(0, length[-1], points)
    chosen = np.searchsorted(length, marks[:-1])
    return np.unique(np.concatenate([chosen, [len(x) - 1]]))
