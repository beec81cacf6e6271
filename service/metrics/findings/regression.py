"""What reports of a regression find in their own numbers: in each output by itself."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from service.metrics import regression
from service.metrics.batch import Question
from service.metrics.exact import Floats, exact_sum
from service.metrics.findings.rule import CERTAIN, Found, Rule
from service.metrics.intervals import Case, wilson_limits
from service.metrics.quantile_states import QuantileCoverage, QuantileRows
from service.metrics.regression_intervals import ROUNDING, of_error, of_pearson, of_r2
from service.metrics.regression_states import AbsoluteErrors, ErrorMagnitudes, Labels, Moments, Pairs
from service.metrics.row import INFINITY, with_quantiles
from service.metrics.sections import samples
from service.metrics.states import LabelState, effective, factors


def certain(function: Callable[[Moments], Any], moments: Moments) -> Case:
    """What the limits of a metric with an unbounded range are wanted of."""
    statistic = function(moments)
    return Case(function, {}, statistic, float(statistic), -INFINITY, INFINITY, 1.0, CERTAIN)


def worse_than_mean(moments: Moments, pairs: Pairs) -> Found:
    """r2 is below 0, with 99.9 %: the mean of the labels as every prediction would have smaller squared errors."""
    case = certain(regression.r2, moments)
    if case.value < 0 and of_r2(case, moments, pairs).high < 0:
        yield {
            "r2": case.value,
            "root_mean_squared_error": float(regression.root_mean_squared_error(moments)),
            "of_the_mean": moments.label_scale.deviation,
        }


def biased(moments: Moments, pairs: Pairs, least_share: float) -> Found:
    """The mean error is not 0, with 99.9 %, and more than {least_share} of the standard deviation of the labels."""
    case = certain(regression.mean_error, moments)
    regression.label_variation(moments)  # what is large is seen beside labels that vary
    by, spread = abs(case.value), moments.label_scale.deviation
    if by > least_share * spread:
        low, high, _ = of_error(case, moments, pairs)
        if low > 0 or high < 0:
            yield {"direction": "high" if case.value > 0 else "low", "by": by, "standard_deviation": spread}


def units_differ(
    moments: Moments, pairs: Pairs, low: float, least_error: float, most: float, most_left: float, no_offset: float
) -> Found:
    """Predictions are a factor times the labels and an offset: without both at most {most_left} of the errors is left.

    Looked for where the errors are more than {least_error} of the standard deviation of the labels, the root mean
    square of predictions or of labels is more than {most} times the other, and the correlation is above {low} with
    99.9 %. Both are of the line that gives predictions the mean and the deviation of the labels; an offset of less than
    {no_offset} deviations of the predictions is none.
    """
    if max(squares := (moments.truth_squared, moments.predicted_squared)) <= most**2 * min(squares):
        return
    labels, predictions = moments.label_scale, moments.prediction_scale
    error = float(regression.root_mean_squared_error(moments))
    if moments.covariation <= 0 or error <= least_error * labels.deviation:
        return
    case = certain(regression.pearson, moments)
    would_be = labels.deviation * math.sqrt(2 * max(1 - case.value, 0.0))
    if would_be <= most_left * error and of_pearson(case, moments, pairs).low > low:
        factor = predictions.deviation / labels.deviation
        offset = float(moments.predicted / moments.weight) - factor * float(moments.truth / moments.weight)
        if abs(offset) <= no_offset * predictions.deviation:
            factor, offset = float(moments.product / moments.truth_squared), 0.0
        yield {
            "factor": factor,
            "offset": offset,
            "pearson": case.value,
            "root_mean_squared_error": error,
            "would_be": would_be,
        }


def inverted_scores(moments: Moments, pairs: Pairs, high: float) -> Found:
    """The correlation of predictions and labels is below {high}, with 99.9 %: predictions rise where labels fall."""
    if moments.covariation >= 0:
        return
    case = certain(regression.pearson, moments)
    if case.value < high and of_pearson(case, moments, pairs).high < high:
        yield {"pearson": case.value}


def perfect_scores(errors: AbsoluteErrors, labels: Labels, question: Question, fewest: float) -> Found:
    """Every prediction is its label, in at least {fewest} effective rows whose labels vary."""
    if not errors.magnitude.high and labels.values[0] < labels.values[-1] and at_least(fewest, labels.effective):
        yield {"samples": samples(labels, question)}


def constant_predictions(moments: Moments, labels: Labels, question: Question, fewest: float) -> Found:
    """All predictions of at least {fewest} rows are the same, but labels vary."""
    if not moments.predicted_variation and moments.truth_variation and moments.rows >= fewest:
        yield {"prediction": float(moments.predicted / moments.weight), "samples": samples(labels, question)}


def outliers_dominate(magnitudes: ErrorMagnitudes, fewest: float, part: float, most: float) -> Found:
    """The rows with the largest errors, {part} of the weight, make up more than {most} of the squared error.

    Looked for from {fewest} effective rows on.
    """
    if not magnitudes.values[-1] or not at_least(fewest, effective(magnitudes.weight, magnitudes.weight2)):
        return
    squares = np.square(magnitudes.values / magnitudes.values[-1])
    weights = None if magnitudes.weights is None else magnitudes.relative_weights
    share = share_of_last(squares, weights, part)
    if share > most:
        yield {
            "part": part,
            "share": share,
            "max_error": float(magnitudes.values[-1]),
            "median_absolute_error": magnitudes.median,
        }


def share_of_last(terms: Floats, weights: Floats | None, part: float) -> float:
    """The share in the sum of the last terms, with this part of the weight; the row at its edge counts in part."""
    if weights is None:
        whole, rest = divmod(part * len(terms), 1)
        place = len(terms) - int(whole)
        last = terms[place:].sum() + rest * terms[place - 1]
        return float(last / terms.sum())
    above = np.cumsum(weights[::-1])
    wanted, terms = part * above[-1], terms[::-1]
    place = int(np.searchsorted(above, wanted))
    last = np.sum(weights[::-1][:place] * terms[:place]) + (wanted - (above[place - 1] if place else 0)) * terms[place]
    return float(last / np.sum(weights[::-1] * terms))


def labels_look_categorical(
    moments: Moments, errors: AbsoluteErrors, labels: Labels, fewest: float, most: float
) -> Found:
    """At least {fewest} rows have whole labels of at most {most} different values, and each error is 0 or 1.

    That is so where the largest is 1, and the mean absolute error is the mean squared error.
    """
    if errors.magnitude.high != 1 or errors.absolute != moments.squared_error or moments.rows < fewest:
        return
    values = 1 + int(np.count_nonzero(labels.values[1:] != labels.values[:-1]))
    if values <= most and np.array_equal(labels.values, np.rint(labels.values)):
        yield {"values": values, "mean_absolute_error": float(regression.mean_absolute_error(errors))}


def small_sample(labels: LabelState, fewest: float) -> Found:
    """There are fewer than {fewest} effective rows."""
    if not at_least(fewest, labels.effective):
        yield {"effective_samples": labels.effective}


def at_least(fewest: float, size: float) -> bool:
    """Whether an effective number of rows, which is rounded, is as large."""
    return size * (1 + ROUNDING) >= fewest


def miscalibrated(
    coverage: QuantileCoverage, rows: QuantileRows, labels: LabelState, question: Question, least_error: float
) -> Found:
    """The share of labels below a predicted quantile is off by more than {least_error}, and by chance in 0.1 % at most.

    That is of all quantiles together; the one that is most off is named. Labels at the prediction itself, such as
    counts, may lie on either side.
    """
    level = 1 - (1 - CERTAIN) / len(question.quantiles)
    off: list[tuple[float, float, float]] = []
    for place, quantile in enumerate(question.quantiles):
        at = rows.columns[0] == rows.columns[1 + place]
        among = exact_sum(at.astype(np.float64), *factors(rows.weights)) if at.any() else 0
        most = float(coverage.below[quantile] / coverage.weight)
        least = float((coverage.below[quantile] - among) / coverage.weight)
        share = min(max(quantile, least), most)
        low, high = wilson_limits(share, labels.effective, level)
        if abs(share - quantile) > least_error and not low <= quantile <= high:
            off.append((abs(share - quantile), quantile, share))
    if off:
        _, quantile, share = max(off)
        yield {
            "quantile": quantile,
            "share": share,
            "direction": "high" if share > quantile else "low",
            "quantiles_off": len(off),
        }


RULES: tuple[Rule, ...] = (
    Rule(
        units_differ,
        severity="error",
        tasks=("regression",),
        thresholds={"low": 0.9, "least_error": 0.7, "most": 1.25, "most_left": 0.25, "no_offset": 0.1},
        explains=("worse_than_mean", "biased", "outliers_dominate"),
        message="Predictions follow the labels closely, but on another scale: they are about {factor} times the "
        "labels, shifted by {offset}. On that of the labels errors would be typically {would_be}, not "
        "{root_mean_squared_error}.",
        advice="Send labels and predictions on the same scale: see whether one is in feet, percent, thousands or "
        "kelvins, or was scaled or centred for training.",
    ),
    Rule(
        inverted_scores,
        severity="error",
        tasks=("regression",),
        thresholds={"high": -0.1},
        explains=("worse_than_mean", "biased"),
        message="Predictions rise where labels fall: their correlation is {pearson:.3f}.",
        advice="See whether a sign was lost, or rows of labels and predictions are in different orders.",
    ),
    Rule(
        worse_than_mean,
        severity="error",
        tasks=("regression",),
        message="Always predicting the mean of the labels would be better: it would be off by typically {of_the_mean}, "
        "these predictions are by {root_mean_squared_error} (r2 is {r2:.3f}).",
        advice="See whether labels and predictions are of the same rows, in the same order and unit. If they are, the "
        "model has learnt nothing that holds for these rows: see on its training rows whether it overfits.",
    ),
    Rule(
        perfect_scores,
        severity="warning",
        tasks=("regression",),
        thresholds={"fewest": 50},
        message="Each of {samples} predictions is exactly its label. That is rare with honest data: the model may have "
        "seen the answers.",
        advice="See whether labels were sent as predictions, or a feature holds the label.",
    ),
    Rule(
        constant_predictions,
        severity="warning",
        tasks=("regression",),
        thresholds={"fewest": 20},
        explains=("biased",),
        message="All {samples} predictions are {prediction}, though labels vary: the model tells no row from another.",
        advice="See whether the model has learnt anything, and got its inputs.",
    ),
    Rule(
        biased,
        severity="warning",
        tasks=("regression",),
        thresholds={"least_share": 0.1},
        message="Predictions are too {direction}: by {by} on average, where labels typically lie {standard_deviation} "
        "from their mean.",
        advice="See whether the rows differ from those the model has learnt from. A constant added to predictions "
        "would mend the mean; choose it on other rows than you judge it by.",
    ),
    Rule(
        outliers_dominate,
        severity="warning",
        tasks=("regression",),
        thresholds={"fewest": 100, "part": 0.01, "most": 0.5},
        message="{part:.0%} of the rows make up {share:.1%} of the squared error: the largest error is {max_error}, "
        "half of the errors are at most {median_absolute_error}.",
        advice="See whether these rows are right. Read mean_absolute_error and median_absolute_error beside "
        "mean_squared_error and r2, which tell of few rows here.",
    ),
    Rule(
        miscalibrated,
        when=with_quantiles,
        severity="warning",
        tasks=("regression",),
        thresholds={"least_error": 0.05},
        message="The predicted quantile {quantile} is too {direction}: {share:.1%} of the labels lie below it.",
        advice="See quantile_calibration for every quantile. Recalibrate on other rows than you judge it by.",
    ),
    Rule(
        small_sample,
        severity="warning",
        tasks=("regression",),
        thresholds={"fewest": 10},
        message="There are only {effective_samples} effective rows to judge by: what is said of them is mostly chance.",
        advice="Read the intervals and not the values, and send more rows.",
    ),
    Rule(
        labels_look_categorical,
        severity="info",
        tasks=("regression",),
        thresholds={"fewest": 20, "most": 20},
        message="Labels and predictions are whole numbers, labels of only {values} different values, and no prediction "
        "is off by more than 1: they look like classes.",
        advice="If they are classes, ask for /v1/multiclass/report: the size of an error between classes says nothing.",
    ),
)
