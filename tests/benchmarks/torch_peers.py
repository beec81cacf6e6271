"""The same lists by torchmetrics, as far as it has them: one functional call a metric, of queries its module.

Only imported where torch is installed.
"""

from functools import partial
from typing import Any

import torch
from torchmetrics import functional as tm
from torchmetrics.functional import classification as of
from torchmetrics.retrieval import RetrievalNormalizedDCG

from tests.benchmarks.batches import CLASSES
from tests.benchmarks.peers import AVERAGES, Columns, Peer, candidates_of


def scored(metric: Any, **options: Any) -> Peer:
    """A metric of scores and labels."""
    return lambda y, s, _: metric(s, y, **options)


def ndcg(y: Any, s: Any, queries: Any) -> Any:
    return RetrievalNormalizedDCG(top_k=10)(s, y, indexes=queries)


BINARY: dict[str, Peer] = {
    "accuracy": scored(of.binary_accuracy),
    "precision": scored(of.binary_precision),
    "recall": scored(of.binary_recall),
    "specificity": scored(of.binary_specificity),
    "negative_predictive_value": scored(of.binary_negative_predictive_value),
    "f1": scored(of.binary_f1_score),
    "f0_5": scored(of.binary_fbeta_score, beta=0.5),
    "f2": scored(of.binary_fbeta_score, beta=2.0),
    "jaccard": scored(of.binary_jaccard_index),
    "matthews_corrcoef": scored(of.binary_matthews_corrcoef),
    "cohen_kappa": scored(of.binary_cohen_kappa),
    "roc_auc": scored(of.binary_auroc),
    "average_precision": scored(of.binary_average_precision),
    "brier_score": scored(tm.mean_squared_error),
    "expected_calibration_error": scored(of.binary_calibration_error, n_bins=10, norm="l1"),
    "maximum_calibration_error": scored(of.binary_calibration_error, n_bins=10, norm="max"),
    "root_mean_squared_calibration_error": scored(of.binary_calibration_error, n_bins=10, norm="l2"),
}
REGRESSION: dict[str, Peer] = {
    name: lambda y, _, p, metric=metric: metric(p, y)
    for name, metric in {
        "mean_squared_error": tm.mean_squared_error,
        "root_mean_squared_error": partial(tm.mean_squared_error, squared=False),
        "mean_absolute_error": tm.mean_absolute_error,
        "r2": tm.r2_score,
        "explained_variance": tm.explained_variance,
        "mean_absolute_percentage_error": tm.mean_absolute_percentage_error,
        "symmetric_mean_absolute_percentage_error": tm.symmetric_mean_absolute_percentage_error,
        "mean_squared_log_error": tm.mean_squared_log_error,
        "mean_poisson_deviance": partial(tm.tweedie_deviance_score, power=1.0),
        "mean_gamma_deviance": partial(tm.tweedie_deviance_score, power=2.0),
        "pearson": tm.pearson_corrcoef,
        "spearman": tm.spearman_corrcoef,
    }.items()
}


def classes(metric: Any, **options: Any) -> Peer:
    """A metric of probabilities and labels of several classes."""
    return scored(metric, num_classes=CLASSES, **options)


MULTICLASS: dict[str, Peer] = {
    "accuracy": classes(of.multiclass_accuracy, average="micro"),
    "balanced_accuracy": classes(of.multiclass_accuracy, average="macro"),
    **{f"top_{k}_accuracy": classes(of.multiclass_accuracy, average="micro", top_k=k) for k in (2, 3, 5)},
    **{f"precision_{a}": classes(of.multiclass_precision, average=a) for a in AVERAGES},
    **{f"recall_{a}": classes(of.multiclass_recall, average=a) for a in AVERAGES},
    **{f"f1_{a}": classes(of.multiclass_f1_score, average=a) for a in AVERAGES},
    **{f"f2_{a}": classes(of.multiclass_fbeta_score, beta=2.0, average=a) for a in AVERAGES},
    **{f"jaccard_{a}": classes(of.multiclass_jaccard_index, average=a) for a in AVERAGES},
    "matthews_corrcoef": classes(of.multiclass_matthews_corrcoef),
    "cohen_kappa": classes(of.multiclass_cohen_kappa),
    "cohen_kappa_linear": classes(of.multiclass_cohen_kappa, weights="linear"),
    "cohen_kappa_quadratic": classes(of.multiclass_cohen_kappa, weights="quadratic"),
    "expected_calibration_error": classes(of.multiclass_calibration_error, n_bins=10, norm="l1"),
    "maximum_calibration_error": classes(of.multiclass_calibration_error, n_bins=10, norm="max"),
    "root_mean_squared_calibration_error": classes(of.multiclass_calibration_error, n_bins=10, norm="l2"),
    "roc_auc_ovr": classes(of.multiclass_auroc, average="macro"),
    "roc_auc_ovr_weighted": classes(of.multiclass_auroc, average="weighted"),
    "average_precision_macro": classes(of.multiclass_average_precision, average="macro"),
}
TORCH = {
    "binary": BINARY,
    "multiclass": MULTICLASS,
    "regression": REGRESSION,
    "ranking": {"ndcg_at_10": ndcg},
    "compare": BINARY,
}


def computed(task: str, columns: Columns) -> list[dict[str, float]]:
    """The metrics of each candidate."""
    reports = []
    for candidate in candidates_of(columns):
        tensors = {name: torch.from_numpy(column) for name, column in candidate.items()}
        given = tensors["labels"], tensors.get("scores"), tensors.get("predictions", tensors.get("queries"))
        reports.append({name: float(metric(*given)) for name, metric in TORCH[task].items()})
    return reports
