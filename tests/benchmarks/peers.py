"""What a data scientist does without Assay: scikit-learn in-process, for the report's own list of metrics.

Each metric is one call on ready arrays, the way its documentation shows it. The few that scikit-learn lacks are
written in numpy as briefly as they can be.
"""

import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import special, stats
from sklearn import metrics as sk
from sklearn.linear_model import LogisticRegression


def ks_statistic(y: Any, s: Any) -> float:
    fpr, tpr, _ = sk.roc_curve(y, s)
    return float(np.max(np.abs(tpr - fpr)))


def calibration_error(y: Any, s: Any) -> float:
    bins = np.minimum((s * 10).astype(int), 9)
    return float(np.abs(np.bincount(bins, y, 10) - np.bincount(bins, s, 10)).sum() / len(y))


def bin_errors(y: Any, s: Any) -> tuple[Any, Any]:
    bins = np.minimum((s * 10).astype(int), 9)
    weight = np.bincount(bins, minlength=10)
    return weight, np.abs(np.bincount(bins, y, 10) - np.bincount(bins, s, 10)) / np.maximum(weight, 1)


def rms_calibration_error(y: Any, s: Any) -> float:
    weight, errors = bin_errors(y, s)
    return float(np.sqrt(np.average(errors**2, weights=weight)))


def spiegelhalter_z(y: Any, s: Any) -> float:
    return float(np.sum((y - s) * (1 - 2 * s)) / np.sqrt(np.sum((1 - 2 * s) ** 2 * s * (1 - s))))


def recalibration(y: Any, s: Any) -> LogisticRegression:
    p = np.clip(s, 2.0**-52, 1 - 2.0**-52)
    return LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10).fit(special.logit(p)[:, None], y)


Peer = Callable[[Any, Any, Any], Any]
AVERAGES = ("macro", "micro", "weighted")

# Each takes labels, scores and predictions, in a ranking queries.
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
    "maximum_calibration_error": lambda y, s, _: bin_errors(y, s)[1].max(),
    "root_mean_squared_calibration_error": lambda y, s, _: rms_calibration_error(y, s),
    "spiegelhalter_z": lambda y, s, _: spiegelhalter_z(y, s),
    # The intercept comes with it, so that it is not measured twice.
    "calibration_slope": lambda y, s, _: recalibration(y, s).coef_[0, 0],
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


OF_TOP_LABEL = (
    "expected_calibration_error",
    "maximum_calibration_error",
    "root_mean_squared_calibration_error",
    "spiegelhalter_z",
    "calibration_slope",
)


def of_top_label(metric: Peer) -> Peer:
    """A binary metric of the largest probability, and whether its class is right."""
    return lambda y, s, p: metric(y == p, s.max(axis=1), p)


MULTICLASS: dict[str, Peer] = {
    "accuracy": lambda y, _, p: sk.accuracy_score(y, p),
    "balanced_accuracy": lambda y, _, p: sk.balanced_accuracy_score(y, p),
    **{f"top_{k}_accuracy": (lambda y, s, _, k=k: sk.top_k_accuracy_score(y, s, k=k)) for k in (2, 3, 5)},
    **{f"precision_{a}": (lambda y, _, p, a=a: sk.precision_score(y, p, average=a)) for a in AVERAGES},
    **{f"recall_{a}": (lambda y, _, p, a=a: sk.recall_score(y, p, average=a)) for a in AVERAGES},
    **{f"f1_{a}": (lambda y, _, p, a=a: sk.f1_score(y, p, average=a)) for a in AVERAGES},
    **{f"f2_{a}": (lambda y, _, p, a=a: sk.fbeta_score(y, p, beta=2, average=a)) for a in AVERAGES},
    **{f"jaccard_{a}": (lambda y, _, p, a=a: sk.jaccard_score(y, p, average=a)) for a in AVERAGES},
    "matthews_corrcoef": lambda y, _, p: sk.matthews_corrcoef(y, p),
    "cohen_kappa": lambda y, _, p: sk.cohen_kappa_score(y, p),
    "cohen_kappa_linear": lambda y, _, p: sk.cohen_kappa_score(y, p, weights="linear"),
    "cohen_kappa_quadratic": lambda y, _, p: sk.cohen_kappa_score(y, p, weights="quadratic"),
    "log_loss": lambda y, s, _: sk.log_loss(y, s),
    "brier_score": lambda y, s, _: sk.brier_score_loss(y, s),
    **{name: of_top_label(BINARY[name]) for name in OF_TOP_LABEL},
    "roc_auc_ovr": lambda y, s, _: sk.roc_auc_score(y, s, multi_class="ovr"),
    "roc_auc_ovr_weighted": lambda y, s, _: sk.roc_auc_score(y, s, multi_class="ovr", average="weighted"),
    "roc_auc_ovo": lambda y, s, _: sk.roc_auc_score(y, s, multi_class="ovo"),
    "roc_auc_ovo_weighted": lambda y, s, _: sk.roc_auc_score(y, s, multi_class="ovo", average="weighted"),
    "average_precision_macro": lambda y, s, _: sk.average_precision_score(y, s, average="macro"),
}


def ndcg_a_query_at_a_time(y: Any, s: Any, queries: Any) -> float:
    order = np.argsort(queries, kind="stable")
    cuts = np.flatnonzero(np.diff(queries[order])) + 1
    pairs = zip(np.split(y[order], cuts), np.split(s[order], cuts), strict=True)
    return float(np.mean([sk.ndcg_score([truth], [scores], k=10) for truth, scores in pairs if truth.any()]))


RANKING: dict[str, Peer] = {"ndcg_at_10": ndcg_a_query_at_a_time}
PEERS = {
    "binary": BINARY,
    "multiclass": MULTICLASS,
    "regression": REGRESSION,
    "ranking": RANKING,
    "compare": BINARY,
}

Columns = Mapping[str, Any]


def third_of(columns: Columns) -> Any:
    """What metrics read beside labels and scores: the queries of a ranking, else predictions."""
    for name in ("predictions", "queries"):
        if name in columns:
            return columns[name]
    scores = columns["scores"]
    return (scores >= 0.5).astype(np.int64) if scores.ndim == 1 else scores.argmax(axis=1)


def candidates_of(columns: Columns) -> list[Columns]:
    """The columns of each candidate; of a report's request its own."""
    return [{"labels": columns["labels"], **each} for each in columns.get("candidates", {}).values()] or [columns]


def computed(task: str, columns: Columns) -> list[dict[str, float | None]]:
    """Every metric of the report of each candidate, one call each; None where one is not finite."""
    reports = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of scikit-learn, where a metric is undefined
        for candidate in candidates_of(columns):
            given = candidate["labels"], candidate.get("scores"), third_of(candidate)
            values = {name: float(metric(*given)) for name, metric in PEERS[task].items()}
            reports.append({name: value if math.isfinite(value) else None for name, value in values.items()})
    return reports
