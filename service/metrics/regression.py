"""Metrics of a regression: functions of the states of one output. An error is the prediction minus the label.

Names and definitions are those of scikit-learn's scorers, without `neg_` and without sign flips. Of several outputs
a report gives the mean of their values.
"""

import math
from typing import Any

import numpy as np

from service.metrics.exact import Total, exact_sum, root
from service.metrics.regression_states import (
    AbsoluteErrors,
    ErrorMagnitudes,
    Labels,
    Moments,
    Pairs,
    PositiveErrors,
    RelativeErrors,
    single,
)
from service.metrics.states import factors
from service.metrics.undefined import Undefined


def mean_squared_error(moments: Moments) -> Any:
    """Mean of the squared errors, in the squared unit of the labels.

    Formula: mean((p - y)^2)
    Reference: sklearn.metrics.mean_squared_error
    """
    return moments.squared_error / moments.weight


def root_mean_squared_error(moments: Moments) -> Any:
    """Square root of the mean squared error, in the unit of the labels.

    Formula: sqrt(mean((p - y)^2))
    Reference: sklearn.metrics.root_mean_squared_error
    """
    return root(moments.squared_error / moments.weight)


def mean_absolute_error(errors: AbsoluteErrors) -> Any:
    """Mean magnitude of the errors, in the unit of the labels.

    Formula: mean(|p - y|)
    Reference: sklearn.metrics.mean_absolute_error
    """
    return errors.absolute / errors.weight


def median_absolute_error(magnitudes: ErrorMagnitudes) -> float:
    """Median magnitude of the errors: half of the weight lies at or below it.

    Formula: median(|p - y|)
    Reference: sklearn.metrics.median_absolute_error
    """
    return magnitudes.median


def max_error(errors: AbsoluteErrors) -> float:
    """Largest magnitude of an error.

    Formula: max(|p - y|)
    Reference: sklearn.metrics.max_error
    """
    return errors.magnitude.high


def mean_error(moments: Moments) -> Any:
    """Mean error (bias): positive where the model predicts too much.

    Formula: mean(p - y)
    Reference: the first moment of the errors
    """
    return moments.error / moments.weight


def r2(moments: Moments) -> Any:
    """Share of the variance of the labels that the model explains; 0 is as good as always predicting their mean.

    Formula: 1 - sum((p - y)^2) / sum((y - mean(y))^2)
    Reference: sklearn.metrics.r2_score
    """
    return 1 - moments.weight * moments.squared_error / label_variation(moments)


def explained_variance(moments: Moments) -> Any:
    """Like r2, but a constant bias of the predictions costs nothing.

    Formula: 1 - Var(p - y) / Var(y)
    Reference: sklearn.metrics.explained_variance_score
    """
    return 1 - moments.error_variation / label_variation(moments)


def label_variation(moments: Moments) -> Total:
    """The variation of the labels; raises `Undefined` where there is none."""
    if moments.rows == 1:
        raise Undefined("single_row")
    if moments.truth_variation == 0:
        raise Undefined("constant_labels")
    return moments.truth_variation


def mean_absolute_percentage_error(errors: RelativeErrors) -> Any:
    """Mean magnitude of the error relative to the label, as a fraction: 0.1 is 10 %.

    Formula: mean(|p - y| / |y|)
    Reference: sklearn.metrics.mean_absolute_percentage_error
    """
    if errors.zero_labels:
        raise Undefined("zero_label", f"Labels that are 0: {errors.zero_labels}. Their relative error is infinite.")
    return errors.relative / errors.weight


def symmetric_mean_absolute_percentage_error(errors: RelativeErrors) -> Any:
    """Mean magnitude of the error relative to the mean magnitude of label and prediction; 0 where both are 0.

    Formula: mean(2 |p - y| / (|y| + |p|))
    Reference: Makridakis, International Journal of Forecasting 9, 1993
    """
    return errors.symmetric / errors.weight


def mean_squared_log_error(errors: PositiveErrors) -> Any:
    """Mean squared difference of the logarithms of 1 + prediction and 1 + label.

    Formula: mean((ln(1 + p) - ln(1 + y))^2)
    Reference: sklearn.metrics.mean_squared_log_error
    """
    if errors.truth.low <= -1:
        raise Undefined("labels_out_of_domain", "A label is -1 or less.")
    if errors.predicted.low <= -1:
        raise Undefined("predictions_out_of_domain", "A prediction is -1 or less.")
    return errors.squared_log / errors.weight


def mean_poisson_deviance(errors: PositiveErrors) -> Any:
    """Mean deviance of counts under a Poisson distribution; labels are 0 or more, predictions positive.

    Formula: 2 mean(y ln(y / p) - y + p)
    Reference: sklearn.metrics.mean_poisson_deviance
    """
    if errors.truth.low < 0:
        raise Undefined("labels_out_of_domain", "A label is negative.")
    return positive_predictions(errors).poisson / errors.weight


def mean_gamma_deviance(errors: PositiveErrors) -> Any:
    """Mean deviance of positive numbers under a gamma distribution: errors relative to the prediction count.

    Formula: 2 mean(ln(p / y) + y / p - 1)
    Reference: sklearn.metrics.mean_gamma_deviance
    """
    if errors.truth.low <= 0:
        raise Undefined("labels_out_of_domain", "A label is 0 or negative.")
    return positive_predictions(errors).gamma / errors.weight


def positive_predictions(errors: PositiveErrors) -> PositiveErrors:
    """The errors, if every prediction is positive; raises `Undefined` otherwise."""
    if errors.predicted.low <= 0:
        raise Undefined("predictions_out_of_domain", "A prediction is 0 or negative.")
    return errors


def mean_pinball_loss(errors: AbsoluteErrors) -> Any:
    """Mean pinball (quantile) loss of the predictions as medians: half the mean absolute error.

    Formula: mean(max(alpha (y - p), (alpha - 1) (y - p))) with alpha 0.5
    Reference: sklearn.metrics.mean_pinball_loss
    """
    return errors.absolute / (2 * errors.weight)


def pearson(moments: Moments) -> Any:
    """Linear correlation of labels and predictions.

    Formula: Cov(y, p) / sqrt(Var(y) Var(p))
    Reference: scipy.stats.pearsonr
    """
    variation = label_variation(moments) * moments.predicted_variation
    if variation == 0:
        raise Undefined("constant_predictions")
    return moments.covariation / root(variation)


def spearman(pairs: Pairs) -> float:
    """Correlation of the ranks of labels and predictions; tied values share their mean rank.

    With weights a rank is the weight below a value plus half of its own, so weights act as repetitions.

    Formula: Pearson correlation of ranks
    Reference: scipy.stats.spearmanr
    """
    if single(pairs):
        raise Undefined("single_row")
    if pairs.weights is not None and pairs.weights.max() > 2.0**53 * pairs.weights.min():
        raise Undefined("uneven_weights")
    truth, predicted = pairs.ranks
    if not truth.any():
        raise Undefined("constant_labels")
    if not predicted.any():
        raise Undefined("constant_predictions")
    by = 1.0 if pairs.masses is None else pairs.masses[0]
    # One root of the product: where both sums are equal it is one of them, and a perfect correlation is 1.
    scale = math.sqrt(math.prod(pairs.rank_squares))
    return max(-1.0, min(1.0, float(np.sum(by * truth * predicted) / scale)))


def d2_absolute_error(errors: AbsoluteErrors, labels: Labels) -> Any:
    """Share of the absolute deviation of the labels from their median that the model explains.

    Formula: 1 - sum(|p - y|) / sum(|y - median(y)|)
    Reference: sklearn.metrics.d2_absolute_error_score
    """
    if single(labels):
        raise Undefined("single_row")
    if labels.values[0] == labels.values[-1]:
        raise Undefined("constant_labels")
    deviation = exact_sum(np.abs(labels.values - labels.median), *factors(labels.weights))
    if isinstance(deviation, float):
        raise Undefined("overflow")
    return 1 - errors.absolute / deviation
