"""What a data scientist does without Assay: scikit-learn in-process, for the report's own list of metrics.

Each metric is one call on ready arrays, the way its documentation shows it. The few that scikit-learn lacks are
written in numpy as briefly as they can be.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats
from sklearn import metrics as sk


def ks_statistic(y: Any, s: Any) -> float:
    fpr, tpr, _ = sk.roc_curve(y, s)
    return float(np.max(np.abs(tpr - fpr)))


def calibration_error(y: Any, s: Any) -> float:
    bins = np.minimum((s * 10).astype(int), 9)
    return float(np.abs(np.bincount(bins, y, 10) - np.bincount(bins, s, 10)).sum() / len(y))


Peer = Callable[[Any, Any, Any], Any]

# Each takes labels, scores and predictions.
BINARY: dict[str, Peer] = {
    "accuracy": lambda y, _, p: sk.accuracy_score(y, p),
    "balanced_accuracy": lambda y, _, p: sk.balanced_accuracy_score(y, p),
    "precision": lambda y, _, p: sk.precision_score(y, p),
    "recall": lambda y, _, p: sk.recall_score(y, p),
    "specificity": lambda y, _, p: sk.recall_score(y, p, pos_label=0),
    "negative_predictive_value": lambda y, _, p: sk.precision_score(y, p, pos_label=0),
    "false_positive_rate": lambda y, _, p: 1 - sk.recall_score(y, p, pos_label=0),
    "false_negative_rate": lambda y, _, p: 1 - sk.recall_score(y, p),
    "f1": lambda y, _, p: sk.f1_score(y, p),
    "f0_5": lambda y, _, p: sk.fbeta_score(y, p, beta=0.5),
    "f2": lambda y, _, p: sk.fbeta_score(y, p, beta=2),
    "jaccard": lambda y, _, p: sk.jaccard_score(y, p),
    "matthews_corrcoef": lambda y, _, p: sk.matthews_corrcoef(y, p),
    "cohen_kappa": lambda y, _, p: sk.cohen_kappa_score(y, p),
    "positive_likelihood_ratio": lambda y, _, p: sk.class_likelihood_ratios(y, p)[0],
    "negative_likelihood_ratio": lambda y, _, p: sk.class_likelihood_ratios(y, p)[1],
    "roc_auc": lambda y, s, _: sk.roc_auc_score(y, s),
    "average_precision": lambda y, s, _: sk.average_precision_score(y, s),
    "ks_statistic": lambda y, s, _: ks_statistic(y, s),
    "log_loss": lambda y, s, _: sk.log_loss(y, s),
    "brier_score": lambda y, s, _: sk.brier_score_loss(y, s),
    "expected_calibration_error": lambda y, s, _: calibration_error(y, s),
}
REGRESSION: dict[str, Peer] = {
    "mean_squared_error": lambda y, _, p: sk.mean_squared_error(y, p),
    "root_mean_squared_error": lambda y, _, p: sk.root_mean_squared_error(y, p),
    "mean_absolute_error": lambda y, _, p: sk.mean_absolute_error(y, p),
    "median_absolute_error": lambda y, _, p: sk.median_absolute_error(y, p),
    "max_error": lambda y, _, p: sk.max_error(y, p),
    "mean_error": lambda y, _, p: np.mean(p - y),
    "r2": lambda y, _, p: sk.r2_score(y, p),
    "explained_variance": lambda y, _, p: sk.explained_variance_score(y, p),
    "mean_absolute_percentage_error": lambda y, _, p: sk.mean_absolute_percentage_error(y, p),
    "symmetric_mean_absolute_percentage_error": lambda y, _, p: np.mean(2 * np.abs(p - y) / (np.abs(y) + np.abs(p))),
    "mean_squared_log_error": lambda y, _, p: sk.mean_squared_log_error(y, p),
    "mean_poisson_deviance": lambda y, _, p: sk.mean_poisson_deviance(y, p),
    "mean_gamma_deviance": lambda y, _, p: sk.mean_gamma_deviance(y, p),
    "mean_pinball_loss": lambda y, _, p: sk.mean_pinball_loss(y, p),
    "pearson": lambda y, _, p: stats.pearsonr(y, p).statistic,
    "spearman": lambda y, _, p: stats.spearmanr(y, p).statistic,
    "d2_absolute_error": lambda y, _, p: sk.d2_absolute_error_score(y, p),
}
PEERS = {"binary": BINARY, "regression": REGRESSION}
