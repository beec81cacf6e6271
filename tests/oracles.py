"""For each metric of the catalogue a reference: scikit-learn, scipy, or rational arithmetic row by row.

A reference returns a float, NaN where the library answers so, or None where it refuses or has no definition.
"""

import math
from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import stats
from sklearn import metrics as sk

from service.metrics.batch import Batch

Oracle = Callable[[Batch], float | None]


def answer_of(function: Callable[..., Any], *columns: Any, **options: Any) -> Any:
    """A library's answer; None where it refuses the rows."""
    try:
        return function(*columns, **options)
    except ValueError:
        return None


def of_predictions(function: Callable[..., Any], **options: Any) -> Oracle:
    """A function of labels and predictions."""

    def oracle(batch: Batch) -> float | None:
        truth, predicted = (column * 1 for column in (batch.truth, batch.predicted))
        value = answer_of(function, truth, predicted, sample_weight=batch.weight, **options)
        return None if value is None else float(value)

    return oracle


def of_scores(function: Callable[..., Any], **options: Any) -> Oracle:
    """A function of labels and scores."""

    def oracle(batch: Batch) -> float | None:
        if batch.scores is None:
            return None
        value = answer_of(function, batch.truth * 1, batch.scores, sample_weight=batch.weight, **options)
        return None if value is None else float(value)

    return oracle


@lru_cache(maxsize=8)
def likelihood_ratios(batch: Batch) -> tuple[float, float]:
    return answer_of(
        sk.class_likelihood_ratios, batch.truth, batch.predicted, labels=[False, True], sample_weight=batch.weight
    )


@lru_cache(maxsize=8)
def class_scores(batch: Batch, beta: float) -> Any:
    """Rows precision, recall and F-beta; columns the negative and the positive class."""
    options = {"labels": [False, True], "beta": beta, "sample_weight": batch.weight}
    return answer_of(sk.precision_recall_fscore_support, batch.truth, batch.predicted, **options)


def class_score(row: int, column: int = 1, beta: float = 1) -> Oracle:
    """One number of scikit-learn's table of the classes."""
    return lambda batch: float(class_scores(batch, beta)[row][column])


def rows_of(batch: Batch, *columns: Any) -> list[tuple[Fraction, ...]]:
    """Each row as fractions, its weight first."""
    weight = np.ones(len(batch.truth)) if batch.weight is None else batch.weight
    return [tuple(map(Fraction, row)) for row in np.column_stack((weight, *columns)).astype(float).tolist()]


def share_predicted(*, positive: bool, wrongly_as: bool) -> Oracle:
    """The share of one class that is predicted as one class, counted row by row."""

    def oracle(batch: Batch) -> float | None:
        rows = rows_of(batch, batch.truth, batch.predicted)
        whole = sum(w for w, y, _ in rows if y == positive)
        part = sum(w for w, y, p in rows if y == positive and p == wrongly_as)
        return float(part / whole) if whole else None

    return oracle


def ks_statistic(batch: Batch) -> float | None:
    """Take scipy's without weights, else the largest distance over every score as a threshold."""
    if batch.scores is None or batch.truth.all() or not batch.truth.any():
        return None
    if batch.weight is None:
        positive, negative = batch.scores[batch.truth], batch.scores[~batch.truth]
        return float(answer_of(stats.ks_2samp, positive, negative, method="asymp").statistic)
    rows = rows_of(batch, batch.truth, batch.scores)
    totals = [sum(w for w, y, _ in rows if y == side) for side in (0, 1)]
    distances = []
    for _, _, cut in rows:
        below = [sum(w for w, y, s in rows if y == side and s <= cut) / totals[side] for side in (0, 1)]
        distances.append(abs(below[0] - below[1]))
    return float(max(distances))


def expected_calibration_error(batch: Batch) -> float | None:
    """Bins [k/10, (k+1)/10), an edge the float nearest to k/10, the last bin closed."""
    if batch.scores is None or batch.scores.min() < 0 or batch.scores.max() > 1:
        return None
    rows = rows_of(batch, batch.truth, batch.scores)
    bins: dict[int, Fraction] = {}
    for weight, label, score in rows:
        number = max(k for k in range(10) if score >= Fraction(k / 10))
        bins[number] = bins.get(number, Fraction(0)) + weight * (label - score)
    return float(sum(map(abs, bins.values())) / sum(row[0] for row in rows))


def mean_of(loss: Callable[[Fraction, Fraction], Fraction]) -> Oracle:
    """The mean of a loss of label and prediction, exactly."""

    def oracle(batch: Batch) -> float:
        rows = rows_of(batch, batch.truth, batch.predicted)
        return float(sum(w * loss(y, p) for w, y, p in rows) / sum(w for w, _, _ in rows))

    return oracle


def symmetric_error(y: Fraction, p: Fraction) -> Fraction:
    return 2 * abs(p - y) / (abs(y) + abs(p)) if y or p else Fraction(0)


def deviance(refuses: Callable[..., Any], unit: Callable[[Decimal, Decimal], Decimal]) -> Oracle:
    """The mean of a deviance in 50 digits, of the rows that scikit-learn takes: its own differences cancel."""

    def oracle(batch: Batch) -> float | None:
        if answer_of(refuses, batch.truth, batch.predicted) is None:
            return None
        weight = np.ones(len(batch.truth)) if batch.weight is None else batch.weight
        with localcontext(prec=50):
            rows = [
                tuple(map(Decimal, row)) for row in np.column_stack((weight, batch.truth, batch.predicted)).tolist()
            ]
            return float(sum(w * 2 * unit(y, p) for w, y, p in rows) / sum(w for w, _, _ in rows))

    return oracle


def poisson(y: Decimal, p: Decimal) -> Decimal:
    return (y * (y / p).ln() if y else y) - y + p


def gamma(y: Decimal, p: Decimal) -> Decimal:
    return (p / y).ln() + y / p - 1


def median_absolute_error(batch: Batch) -> float:
    """The middle magnitude; the mean of the two where half of the weight lies on each side."""
    rows = sorted((abs(e), w) for w, e in rows_of(batch, batch.predicted - batch.truth))
    half = sum(w for _, w in rows) / 2
    low = next(e for i, (e, _) in enumerate(rows) if sum(w for _, w in rows[: i + 1]) >= half)
    high = next(e for i, (e, _) in enumerate(rows) if sum(w for _, w in rows[: i + 1]) > half)
    return float((low + high) / 2)


def correlation(rows: list[tuple[Fraction, Fraction, Fraction]]) -> float:
    """Weighted linear correlation; NaN where a side is constant, as scipy has it."""
    total = sum(w for w, _, _ in rows)
    x_mean, y_mean = (sum(row[0] * row[side] for row in rows) / total for side in (1, 2))
    product = sum(w * (x - x_mean) * (y - y_mean) for w, x, y in rows)
    scale = sum(w * (x - x_mean) ** 2 for w, x, _ in rows) * sum(w * (y - y_mean) ** 2 for w, _, y in rows)
    if not scale:
        return math.nan
    sign = -1 if product < 0 else 1
    return sign * math.sqrt(product * product / scale)


def pearson(batch: Batch) -> float | None:
    """Take scipy's without weights."""
    if len(batch.truth) < 2:
        return None
    if batch.weight is None:
        return float(answer_of(stats.pearsonr, batch.truth, batch.predicted).statistic)
    return correlation(rows_of(batch, batch.truth, batch.predicted))


def spearman(batch: Batch) -> float | None:
    """Take scipy's without weights, else with ranks counted row by row."""
    if len(batch.truth) < 2:
        return None
    if batch.weight is None:
        return float(answer_of(stats.spearmanr, batch.truth, batch.predicted).statistic)
    rows = rows_of(batch, batch.truth, batch.predicted)

    def rank(side: int, value: Fraction) -> Fraction:
        at = sum(row[0] for row in rows if row[side] == value)
        return sum((row[0] for row in rows if row[side] < value), Fraction(0)) + at / 2

    return correlation([(w, rank(1, y), rank(2, p)) for w, y, p in rows])


ORACLES: dict[str, dict[str, Oracle]] = {
    "binary": {
        "accuracy": of_predictions(sk.accuracy_score),
        "balanced_accuracy": of_predictions(sk.balanced_accuracy_score),
        "precision": class_score(0),
        "recall": class_score(1),
        "specificity": class_score(1, column=0),
        "negative_predictive_value": class_score(0, column=0),
        "false_positive_rate": share_predicted(positive=False, wrongly_as=True),
        "false_negative_rate": share_predicted(positive=True, wrongly_as=False),
        "false_discovery_rate": lambda batch: 1 - class_score(0)(batch) if batch.predicted.any() else None,
        "f1": class_score(2),
        "f0_5": class_score(2, beta=0.5),
        "f2": class_score(2, beta=2),
        "jaccard": of_predictions(sk.jaccard_score),
        "matthews_corrcoef": of_predictions(sk.matthews_corrcoef),
        "cohen_kappa": of_predictions(sk.cohen_kappa_score),
        "positive_likelihood_ratio": lambda batch: float(likelihood_ratios(batch)[0]),
        "negative_likelihood_ratio": lambda batch: float(likelihood_ratios(batch)[1]),
        "roc_auc": of_scores(sk.roc_auc_score),
        "average_precision": of_scores(sk.average_precision_score),
        "ks_statistic": ks_statistic,
        "log_loss": of_scores(sk.log_loss, labels=[0, 1]),
        "brier_score": of_scores(sk.brier_score_loss, labels=[0, 1], pos_label=1),
        "expected_calibration_error": expected_calibration_error,
    },
    "regression": {
        "mean_squared_error": of_predictions(sk.mean_squared_error),
        "root_mean_squared_error": of_predictions(sk.root_mean_squared_error),
        "mean_absolute_error": of_predictions(sk.mean_absolute_error),
        "median_absolute_error": median_absolute_error,
        "max_error": lambda batch: float(sk.max_error(batch.truth, batch.predicted)),
        "mean_error": mean_of(lambda y, p: p - y),
        "r2": of_predictions(sk.r2_score),
        "explained_variance": of_predictions(sk.explained_variance_score),
        "mean_absolute_percentage_error": of_predictions(sk.mean_absolute_percentage_error),
        "symmetric_mean_absolute_percentage_error": mean_of(symmetric_error),
        "mean_squared_log_error": of_predictions(sk.mean_squared_log_error),
        "mean_poisson_deviance": deviance(sk.mean_poisson_deviance, poisson),
        "mean_gamma_deviance": deviance(sk.mean_gamma_deviance, gamma),
        "mean_pinball_loss": of_predictions(sk.mean_pinball_loss),
        "pearson": pearson,
        "spearman": spearman,
        "d2_absolute_error": of_predictions(sk.d2_absolute_error_score),
    },
}

# Metrics without a reference, each with the reason.
WITHOUT_ORACLE: dict[str, dict[str, str]] = {}
