"""Metrics of a binary task: functions of its states.

Functions of `Cells` are algebraic in the four totals and exact until their last division. Names and definitions are
those of scikit-learn's scorers, all of them of the positive class.
"""

import math
from typing import Any

import numpy as np

from service.metrics.batch import Reading
from service.metrics.binary_states import Cells, ProbabilityLosses
from service.metrics.exact import Total, root
from service.metrics.states import blocks, once
from service.metrics.sweep_states import Sweep
from service.metrics.undefined import Undefined, ratio


def accuracy(cells: Cells) -> Any:
    """Share of all rows that are predicted right.

    Formula: (TP + TN) / (TP + FP + FN + TN)
    Reference: sklearn.metrics.accuracy_score
    """
    return (cells.tp + cells.tn) / (cells.tp + cells.fp + cells.fn + cells.tn)


def balanced_accuracy(cells: Cells) -> Any:
    """Mean of recall and specificity: accuracy as if both classes were equally frequent.

    Formula: (TP / (TP + FN) + TN / (TN + FP)) / 2
    Reference: sklearn.metrics.balanced_accuracy_score
    """
    positive = ratio(cells.tp, cells.tp + cells.fn, "single_class")
    return (positive + ratio(cells.tn, cells.tn + cells.fp, "single_class")) / 2


def precision(cells: Cells) -> Any:
    """Share of the rows predicted positive that are positive (positive predictive value).

    Formula: TP / (TP + FP)
    Reference: sklearn.metrics.precision_score
    """
    return ratio(cells.tp, cells.tp + cells.fp, "no_predicted_positives")


def recall(cells: Cells) -> Any:
    """Share of the positive rows that are predicted positive (sensitivity, true positive rate).

    Formula: TP / (TP + FN)
    Reference: sklearn.metrics.recall_score
    """
    return ratio(cells.tp, cells.tp + cells.fn, "no_positive_labels")


def specificity(cells: Cells) -> Any:
    """Share of the negative rows that are predicted negative (true negative rate).

    Formula: TN / (TN + FP)
    Reference: sklearn.metrics.recall_score with the negative class as pos_label
    """
    return ratio(cells.tn, cells.tn + cells.fp, "no_negative_labels")


def negative_predictive_value(cells: Cells) -> Any:
    """Share of the rows predicted negative that are negative.

    Formula: TN / (TN + FN)
    Reference: sklearn.metrics.precision_score with the negative class as pos_label
    """
    return ratio(cells.tn, cells.tn + cells.fn, "no_predicted_negatives")


def false_positive_rate(cells: Cells) -> Any:
    """Share of the negative rows that are predicted positive (fall-out).

    Formula: FP / (FP + TN)
    Reference: 1 - specificity
    """
    return ratio(cells.fp, cells.fp + cells.tn, "no_negative_labels")


def false_negative_rate(cells: Cells) -> Any:
    """Share of the positive rows that are predicted negative (miss rate).

    Formula: FN / (FN + TP)
    Reference: 1 - recall
    """
    return ratio(cells.fn, cells.fn + cells.tp, "no_positive_labels")


def false_discovery_rate(cells: Cells) -> Any:
    """Share of the rows predicted positive that are negative.

    Formula: FP / (FP + TP)
    Reference: 1 - precision
    """
    return ratio(cells.fp, cells.fp + cells.tp, "no_predicted_positives")


def selection_rate(cells: Cells) -> Any:
    """Share of all rows that are predicted positive.

    Formula: (TP + FP) / (TP + FP + FN + TN)
    Reference: fairlearn.metrics.selection_rate
    """
    return (cells.tp + cells.fp) / (cells.tp + cells.fp + cells.fn + cells.tn)


def f_beta(cells: Cells, beta: float) -> Any:
    """Weighted harmonic mean of precision and recall, where recall counts {beta} times as much.

    Formula: (1 + {beta}^2) TP / ((1 + {beta}^2) TP + {beta}^2 FN + FP)
    Reference: sklearn.metrics.fbeta_score
    """
    # Multiplied by the denominator of beta^2, so that counts stay integers.
    recall_weight, precision_weight = (beta * beta).as_integer_ratio()
    hits = (recall_weight + precision_weight) * cells.tp
    return ratio(hits, hits + recall_weight * cells.fn + precision_weight * cells.fp, "no_positives")


def jaccard(cells: Cells) -> Any:
    """Rows positive in labels and predictions, as a share of those positive in either (intersection over union).

    Formula: TP / (TP + FP + FN)
    Reference: sklearn.metrics.jaccard_score
    """
    return ratio(cells.tp, cells.tp + cells.fp + cells.fn, "no_positives")


def matthews_corrcoef(cells: Cells) -> Any:
    """Correlation of labels and predictions (phi): 1 is perfect, 0 is chance, -1 is always wrong.

    Formula: (TP TN - FP FN) / sqrt((TP + FP) (TP + FN) (TN + FP) (TN + FN))
    Reference: sklearn.metrics.matthews_corrcoef
    """
    truth = (cells.tp + cells.fn) * (cells.tn + cells.fp)
    predicted = (cells.tp + cells.fp) * (cells.tn + cells.fn)
    if truth == 0:
        raise Undefined("single_class")
    return ratio(cells.tp * cells.tn - cells.fp * cells.fn, root(truth * predicted), "constant_predictions")


def cohen_kappa(cells: Cells) -> Any:
    """Agreement of labels and predictions beyond what their class frequencies give by chance.

    It is 0 where the labels or the predictions alone are of one class, and undefined where both are of the same.

    Formula: 2 (TP TN - FP FN) / ((TP + FP) (FP + TN) + (TP + FN) (FN + TN))
    Reference: sklearn.metrics.cohen_kappa_score
    """
    by_chance = (cells.tp + cells.fp) * (cells.fp + cells.tn) + (cells.tp + cells.fn) * (cells.fn + cells.tn)
    if by_chance == 0:
        raise Undefined("single_class", "Labels and predictions are all of one and the same class.")
    return ratio(2 * (cells.tp * cells.tn - cells.fp * cells.fn), by_chance, "single_class")


def positive_likelihood_ratio(cells: Cells) -> Any:
    """How many times as often a positive row is predicted positive as a negative row is.

    Formula: recall / (1 - specificity)
    Reference: sklearn.metrics.class_likelihood_ratios
    """
    hit_rate = ratio(cells.tp, cells.tp + cells.fn, "single_class")
    return ratio(hit_rate, ratio(cells.fp, cells.fp + cells.tn, "single_class"), "no_false_positives")


def negative_likelihood_ratio(cells: Cells) -> Any:
    """How many times as often a positive row is predicted negative as a negative row is.

    Formula: (1 - recall) / specificity
    Reference: sklearn.metrics.class_likelihood_ratios
    """
    miss_rate = ratio(cells.fn, cells.fn + cells.tp, "single_class")
    return ratio(miss_rate, ratio(cells.tn, cells.tn + cells.fp, "single_class"), "no_true_negatives")


@once
def roc_auc(sweep: Sweep) -> float:
    """Probability that a random positive row scores above a random negative one, ties counting half.

    Formula: area under the ROC curve by trapezoids over all distinct scores
    Reference: sklearn.metrics.roc_auc_score
    """
    _, tp, fp = sweep.steps
    both = tp[-1].item() * fp[-1].item()
    if not both:
        raise Undefined("single_class")
    return min(1.0, float(twice_area(tp, fp) / (2 * both)))  # sums of weights are rounded


def twice_area(tp: Any, fp: Any) -> Any:
    """Twice the area under steps, in whole pairs of rows where there are no weights: exact below 2**63."""
    twice = 0
    for block in blocks(len(tp) - 1, 1):
        later = slice(block.start + 1, block.stop + 1)
        before = slice(block.start, min(block.stop, len(tp) - 1))
        twice += ((fp[later] - fp[before]) * (tp[later] + tp[before])).sum().item()
    return twice


def partial_roc_auc(sweep: Sweep, reading: Reading) -> float:
    """Area under the ROC curve up to the false positive rate `max_fpr` of the request, scaled as McClish does.

    It is 1 at best and 0.5 for scores that say nothing, as `roc_auc` is, and at least (1 - f) / (2 - f).

    Formula: (1 + (A - f^2 / 2) / (f - f^2 / 2)) / 2, where A is the area up to f = max_fpr
    Reference: sklearn.metrics.roc_auc_score with max_fpr (D. K. McClish, Medical Decision Making 9, 1989)
    """
    return standardised(mean_hit_rate(sweep, reading.max_fpr), reading.max_fpr)


def standardised(rate: float, max_fpr: float) -> float:
    """The partial area with this mean true positive rate up to `max_fpr`, scaled as McClish does."""
    lowest = (1 - max_fpr) / (2 - max_fpr)
    return lowest + (1 - lowest) * rate


def mean_hit_rate(sweep: Sweep, max_fpr: float) -> float:
    """The mean true positive rate over all false positive rates up to `max_fpr`."""
    _, tp, fp = sweep.steps
    found, others = tp[-1].item(), fp[-1].item()
    if not found * others:
        raise Undefined("single_class")
    last, hit_rate = sweep.at_false_positive_rate(max_fpr)
    within = twice_area(tp[: last + 1], fp[: last + 1]) / (2 * found * others) / max_fpr
    beyond = 1 - fp[last].item() / others / max_fpr
    rate = within + beyond * (tp[last].item() / found + hit_rate) / 2
    return min(1.0, float(rate))  # sums of weights are rounded


def average_precision(sweep: Sweep) -> float:
    """Precision at each distinct score, weighted by the recall gained there (a sum of steps, not trapezoids).

    Formula: sum of (R_i - R_(i-1)) P_i
    Reference: sklearn.metrics.average_precision_score
    """
    _, tp, _ = sweep.steps
    if not tp[-1]:
        raise Undefined("no_positive_labels")
    descent, sums = sweep.descent, []
    for block in blocks(len(descent.above), 1):
        before, reached, *_, passed = descent.at(block)
        sums.append(float(((reached - before) * (reached / (reached + passed))).sum()))
    return min(1.0, math.fsum(sums) / float(tp[-1]))  # sums are rounded


def ks_statistic(sweep: Sweep) -> float:
    """Largest distance between the score distributions of the two classes (Kolmogorov-Smirnov).

    Formula: max of |TPR - FPR| over all thresholds
    Reference: scipy.stats.ks_2samp
    """
    _, tp, fp = sweep.steps
    both = tp[-1].item() * fp[-1].item()
    if not both:
        raise Undefined("single_class")
    _, distance = sweep.best_step(lambda tp, fp: np.abs(sweep.apart(tp, fp)))
    return min(1.0, float(distance.item() / both))  # sums of weights are rounded


def log_loss(losses: ProbabilityLosses) -> Any:
    """Mean negative logarithm of the probability given to the true class, which is clipped to [2^-52, 1 - 2^-52].

    Formula: -mean(y ln p + (1 - y) ln(1 - p))
    Reference: sklearn.metrics.log_loss
    """
    return of_probabilities(losses.log) / losses.weight


def brier_score(losses: ProbabilityLosses) -> Any:
    """Mean squared difference of probability and outcome.

    Formula: mean((y - p)^2)
    Reference: sklearn.metrics.brier_score_loss
    """
    return of_probabilities(losses.squared) / losses.weight


def of_probabilities(total: Total | None) -> Total:
    """The total of a loss, if every score is a probability; raises `Undefined` otherwise."""
    if total is None:
        raise Undefined("scores_not_probabilities")
    return total


def expected_calibration_error(sweep: Sweep) -> float:
    """Mean distance of the mean score and the share of positives in ten bins of equal width, [k/10, (k+1)/10).

    A calibrated model does not get 0 on finitely many rows: `calibration.expected_if_calibrated` says what it gets.

    Formula: sum over bins of (weight / total weight) |mean(y) - mean(p)|
    Reference: Naeini, Cooper, Hauskrecht, AAAI 2015
    """
    bins = sweep.reliability
    return float(math.fsum(np.abs(bins.positive - bins.score)) / math.fsum(bins.weight))
