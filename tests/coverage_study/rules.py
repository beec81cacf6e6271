"""What is demanded of the interval of each metric, and where.

Where every count that a metric reads is expected to be 5 or more, its interval holds the true value at least 93 % of
the time. Of metrics of ranks the counts are the rows of each class, 10 or more; of mean losses 20 or more, and 92 %
from 10. The classes of a pinball loss are the labels above and below the predicted quantile: a row of the rarer one
weighs most. Over the cells of a family where this is demanded the mean lies between 94 and 98 %.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.coverage_study.expected import Expected

Levels = tuple[tuple[float, float], ...]
Reads = Callable[[Expected], tuple[Any, ...]]

LOWEST, HIGHEST = 0.94, 0.98
# Of the values of a cell where coverage is demanded, so many may lack an interval.
FEW = 0.05
COUNTS: Levels = ((5, 0.93),)
RANKS: Levels = ((10, 0.93),)
LOSSES: Levels = ((20, 0.93), (10, 0.92))

# Metrics without an interval, each with the reason.
WITHOUT: dict[str, str] = {
    "max_error": "the largest error of a sample says little of the largest there is",
    "expected_calibration_error": "biased: a calibrated model does not get 0 on finitely many rows",
    "maximum_calibration_error": "biased: a calibrated model does not get 0 on finitely many rows",
    "root_mean_squared_calibration_error": "biased: a calibrated model does not get 0 on finitely many rows",
}
# New metrics, whose rows of the page are made when the whole study is run next: a release waits for it.
AWAITED: frozenset[str] = frozenset()
# Bands that hold for all thresholds at once cover too often by design.
CONSERVATIVE = {"ks_statistic"}


@dataclass(frozen=True)
class Rule:
    """The family that a metric is judged with, the counts it reads, and from where on which coverage is demanded.

    `also` are counts that have to be 5 in any case.
    """

    family: str
    levels: Levels
    reads: Reads
    also: Reads = lambda _: ()

    def demand(self, expected: Expected) -> float | None:
        """The coverage demanded of samples like these; None where nothing is."""
        if any(np.min(count) < COUNTS[0][0] for count in self.also(expected)):
            return None
        least = min(float(np.min(count)) for count in self.reads(expected))
        return next((coverage for count, coverage in self.levels if least >= count - 1e-9), None)


def right(e: Expected) -> tuple[Any, ...]:
    return e.right, e.rows - e.right


def both_classes(e: Expected) -> tuple[Any, ...]:
    return e.truth, e.rows - e.truth


def rows(e: Expected) -> tuple[Any, ...]:
    return (e.rows,)


def four_cells(e: Expected) -> tuple[Any, ...]:
    return e.tp, e.fp, e.fn, e.tn


def margins(e: Expected) -> tuple[Any, ...]:
    return *right(e), e.truth, e.predicted


OF_CLASS: dict[str, Reads] = {
    "precision": lambda e: (e.tp, e.fp),
    "recall": lambda e: (e.tp, e.fn),
    "specificity": lambda e: (e.tn, e.fp),
    "negative_predictive_value": lambda e: (e.tn, e.fn),
    "false_positive_rate": lambda e: (e.tn, e.fp),
    "false_negative_rate": lambda e: (e.tp, e.fn),
    "false_discovery_rate": lambda e: (e.tp, e.fp),
    "f1": lambda e: (e.tp, e.fp + e.fn),
    "f0_5": lambda e: (e.tp, e.fp, e.fn),
    "f2": lambda e: (e.tp, e.fp, e.fn),
    "jaccard": lambda e: (e.tp, e.fp + e.fn),
}
FAMILIES = {"f1": "f1, jaccard", "jaccard": "f1, jaccard", "f0_5": "f-beta", "f2": "f-beta"}

BINARY: dict[str, Rule] = {
    **{name: Rule(FAMILIES.get(name, "proportions"), COUNTS, reads) for name, reads in OF_CLASS.items()},
    "accuracy": Rule("proportions", COUNTS, right),
    "balanced_accuracy": Rule("balanced accuracy", COUNTS, four_cells),
    "matthews_corrcoef": Rule("MCC, kappa", COUNTS, four_cells),
    "cohen_kappa": Rule("MCC, kappa", COUNTS, four_cells),
    "positive_likelihood_ratio": Rule("likelihood ratios", COUNTS, four_cells),
    "negative_likelihood_ratio": Rule("likelihood ratios", COUNTS, four_cells),
    "roc_auc": Rule("roc_auc", RANKS, both_classes),
    "average_precision": Rule("average_precision", RANKS, both_classes),
    "partial_roc_auc": Rule("partial_roc_auc", RANKS, lambda e: (e.truth, e.outlying["partial_roc_auc"])),
    "ks_statistic": Rule("ks_statistic", RANKS, both_classes),
    "log_loss": Rule("mean losses", LOSSES, both_classes),
    "brier_score": Rule("mean losses", LOSSES, both_classes),
    "spiegelhalter_z": Rule("calibration", LOSSES, both_classes),
    "calibration_slope": Rule("calibration", LOSSES, both_classes),
    "calibration_intercept": Rule("calibration", LOSSES, both_classes),
}

MULTICLASS: dict[str, Rule] = {
    "accuracy": Rule("proportions", COUNTS, right),
    **{f"top_{k}_accuracy": Rule("proportions", COUNTS, right) for k in (2, 3, 5)},
    "balanced_accuracy": Rule("macro averages", COUNTS, OF_CLASS["recall"]),
    "matthews_corrcoef": Rule("MCC, kappa", COUNTS, margins),
    **{f"cohen_kappa{kind}": Rule("MCC, kappa", COUNTS, margins) for kind in ("", "_linear", "_quadratic")},
    "log_loss": Rule("mean losses", LOSSES, both_classes),
    "brier_score": Rule("mean losses", LOSSES, both_classes),
    **{name: Rule("calibration", LOSSES, right) for name in BINARY if BINARY[name].family == "calibration"},
    **{
        name: Rule("areas over classes", RANKS, both_classes)
        for name in (
            "average_precision_macro",
            *(f"roc_auc_{of}{by}" for of in ("ovr", "ovo") for by in ("", "_weighted")),
        )
    },
}

MULTILABEL: dict[str, Rule] = {
    "subset_accuracy": Rule("row means", COUNTS, right),
    "hamming_loss": Rule("row means", COUNTS, lambda e: (e.pooled.fp + e.pooled.fn, e.pooled.tp + e.pooled.tn)),
    **{
        f"{name}_{of}": Rule("areas over labels", RANKS, both_classes)
        for name in ("roc_auc", "average_precision")
        for of in ("macro", "micro")
    },
    "label_ranking_average_precision": Rule("row means", LOSSES, rows),
    "coverage_error": Rule("row means", LOSSES, rows),
    "label_ranking_loss": Rule("row means", LOSSES, rows),
    "log_loss": Rule("row means", LOSSES, both_classes),
}

REGRESSION: dict[str, Rule] = {
    "crossing_rate": Rule("proportions", COUNTS, right),
    "mean_error": Rule("signed means", LOSSES, rows),
    "median_absolute_error": Rule("medians", LOSSES, rows),
    **{name: Rule("explained shares", LOSSES, rows) for name in ("r2", "explained_variance", "d2_absolute_error")},
    **{name: Rule("correlations", LOSSES, rows) for name in ("pearson", "spearman")},
    **{
        name: Rule("mean losses", LOSSES, rows)
        for name in (
            "mean_squared_error",
            "root_mean_squared_error",
            "mean_absolute_error",
            "mean_absolute_percentage_error",
            "symmetric_mean_absolute_percentage_error",
            "mean_squared_log_error",
            "mean_poisson_deviance",
            "mean_gamma_deviance",
            "mean_pinball_loss",
            "crps",
        )
    },
}


OF_TASK = {
    "binary": BINARY,
    "multiclass": MULTICLASS,
    "multilabel": MULTILABEL,
    "regression": REGRESSION,
    "ranking": {},
}


def rule_of(task: str, metric: str) -> Rule:
    """The rule of a metric of a report. Raises KeyError for one that the study does not know."""
    if metric in OF_TASK[task]:
        return OF_TASK[task][metric]
    if task == "ranking" and re.fullmatch(r"mrr|(ndcg|precision|recall|hit_rate|map)_at_\d+", metric):
        return Rule("ranking", LOSSES, rows, lambda e: (e.outlying[metric],))
    if task == "regression" and metric.startswith("pinball_loss_at_"):
        return Rule("mean losses", LOSSES, lambda e: (e.outlying[metric],))
    base, _, average = metric.rpartition("_")
    if task == "multilabel" and average == "samples":
        return Rule("row means", LOSSES, rows)
    if task in {"multiclass", "multilabel"} and average in {"macro", "micro", "weighted"}:
        return of_average(OF_CLASS[base], average)
    raise KeyError(metric)


def of_average(reads: Reads, average: str) -> Rule:
    """Of an average over classes: pooled the counts are those of all, else every class has to have its own."""
    if average == "micro":
        return Rule("micro averages", COUNTS, lambda e: reads(e.pooled))
    return Rule(f"{average} averages", COUNTS, reads)
