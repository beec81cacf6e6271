"""Metrics of a multiclass task: functions of its states.

Names and definitions are those of scikit-learn's scorers with all classes of the question as `labels`: a class without
a label counts in every average over classes.
"""

from collections.abc import Callable, Iterable
from itertools import accumulate
from typing import Any

import numpy as np

from service.metrics.averages import Average
from service.metrics.classes import averaged, mean_area, of_recall
from service.metrics.exact import Floats, Rational, exact_sum, root
from service.metrics.multiclass_states import ClassLosses, ClassScores, Confusion, Support, TrueRanks
from service.metrics.undefined import Undefined, ratio


def accuracy(matrix: Confusion) -> Average:
    """Share of all rows that are predicted right.

    Formula: sum of hits / all rows
    Reference: sklearn.metrics.accuracy_score
    """
    return matrix.right


def balanced_accuracy(matrix: Confusion) -> Any:
    """Mean of the recalls of all classes: accuracy as if all classes were equally frequent.

    Formula: mean over classes of hits / labels
    Reference: sklearn.metrics.balanced_accuracy_score
    """
    if not all(matrix.counts.truth.exact):
        raise Undefined("absent_class")
    return averaged(of_recall, matrix.counts, "macro", "absent_class").value


def top_k_accuracy(ranks: TrueRanks, k: int) -> Average:
    """Share of the rows whose true class is among the {k} with the largest probabilities; 1 where there are no more.

    Of classes that are tied around the end of the {k} each is taken equally often, whatever the order of columns.

    Formula: mean(min(1, max(0, ({k} - classes above) / classes tied)))
    Reference: sklearn.metrics.top_k_accuracy_score, which takes tied classes in the order of columns
    """
    return ranks.among_first(k)


def matthews_corrcoef(matrix: Confusion) -> Any:
    """Correlation of labels and predictions: 1 is perfect, 0 is chance.

    Formula: (c s - sum p_k t_k) / sqrt((s^2 - sum p_k^2) (s^2 - sum t_k^2)), c hits of s rows
    Reference: sklearn.metrics.matthews_corrcoef
    """
    truth, predicted = matrix.counts.truth.exact, matrix.counts.predicted.exact
    by_chance, same_truth, same_predicted = (
        products(*pair) for pair in ((truth, predicted), (truth, truth), (predicted, predicted))
    )
    return correlation(matrix.counts.hits.total, matrix.weight, by_chance, same_truth, same_predicted)


def correlation(hits: Any, whole: Any, by_chance: Any, same_truth: Any, same_predicted: Any) -> Any:
    """The correlation, of the hits, of all rows, and of the sums of products of the weights of each class."""
    of_truth = whole * whole - same_truth
    if of_truth == 0:
        raise Undefined("single_class")
    agreement = hits * whole - by_chance
    return ratio(agreement, root(of_truth * (whole * whole - same_predicted)), "constant_predictions")


def products(left: Iterable[Rational], right: Iterable[Rational]) -> Any:
    """The sum of the products."""
    return sum(a * b for a, b in zip(left, right, strict=True))


def cohen_kappa(matrix: Confusion) -> Any:
    """Agreement of labels and predictions beyond what their class frequencies give by chance.

    It is 0 where the labels or the predictions alone are of one class, and undefined where both are of the same.

    Formula: 1 - observed / expected share of rows that disagree
    Reference: sklearn.metrics.cohen_kappa_score
    """
    truth, predicted = matrix.counts.truth.exact, matrix.counts.predicted.exact
    return kappa(matrix, apart, matrix.weight**2 - products(truth, predicted))


def cohen_kappa_linear(matrix: Confusion) -> Any:
    """Kappa of ordered classes: a prediction two classes off disagrees twice as much as one that is next to the label.

    Formula: 1 - observed / expected mean of |i - j|, i and j the places of label and prediction among the classes
    Reference: sklearn.metrics.cohen_kappa_score with weights="linear"
    """
    whole = matrix.weight
    cuts = zip(*(accumulate(side.exact) for side in (matrix.counts.truth, matrix.counts.predicted)), strict=True)
    by_chance = sum(truth * (whole - predicted) + predicted * (whole - truth) for truth, predicted in cuts)
    return kappa(matrix, steps_apart, by_chance)


def cohen_kappa_quadratic(matrix: Confusion) -> Any:
    """Kappa of ordered classes: a prediction two classes off disagrees four times as much as one next to the label.

    Formula: 1 - observed / expected mean of (i - j)^2, i and j the places of label and prediction among the classes
    Reference: sklearn.metrics.cohen_kappa_score with weights="quadratic"
    """
    places, squares = range(matrix.size), [place * place for place in range(matrix.size)]
    truth, predicted = matrix.counts.truth.exact, matrix.counts.predicted.exact
    squared = matrix.weight * (products(squares, truth) + products(squares, predicted))
    return kappa(matrix, squares_apart, squared - 2 * products(places, truth) * products(places, predicted))


def apart(distance: Any) -> Any:
    """How much classes disagree whose places differ by a distance: any two as much."""
    return distance > 0


def steps_apart(distance: Any) -> Any:
    """How much classes disagree: by the places between them."""
    return distance


def squares_apart(distance: Any) -> Any:
    """How much classes disagree: by the square of the places between them."""
    return distance * distance


def kappa(matrix: Confusion, disagreement: Callable[[Any], Any], by_chance: Any) -> Any:
    """Kappa with the disagreement of classes at a distance; `by_chance` is what to expect, times the total weight."""
    observed = products(map(disagreement, range(matrix.size)), matrix.distances.exact)
    return beyond_chance(matrix.weight, observed, by_chance)


def beyond_chance(whole: Any, observed: Any, by_chance: Any) -> Any:
    """Kappa, of the weight of all rows and of the disagreements."""
    return 1 - ratio(whole * observed, by_chance, "single_class")


def log_loss(losses: ClassLosses) -> Average:
    """Mean negative logarithm of the probability given to the true class, which is clipped to [2^-52, 1 - 2^-52].

    Formula: -mean(ln p_true)
    Reference: sklearn.metrics.log_loss
    """
    return losses.log


def brier_score(losses: ClassLosses) -> Average:
    """Mean over rows of the squared differences of probability and outcome, summed over the classes and not halved.

    Formula: mean(sum over classes of (p_k - y_k)^2)
    Reference: sklearn.metrics.brier_score_loss with scale_by_half=False
    """
    return losses.squared


def roc_auc_ovr(scores: ClassScores) -> Any:
    """Mean over classes of roc_auc of the class against all others, by its own probability.

    Formula: mean over classes of the area under the ROC curve
    Reference: sklearn.metrics.roc_auc_score with multi_class="ovr"
    """
    return mean_area([area.roc_auc for area in scores.judged.areas])


def roc_auc_ovr_weighted(scores: ClassScores, support: Support) -> Any:
    """Mean over classes, by the weight of their labels, of roc_auc of the class against all others.

    Formula: weighted mean over classes of the area under the ROC curve
    Reference: sklearn.metrics.roc_auc_score with multi_class="ovr", average="weighted"
    """
    return mean_area([area.roc_auc for area in scores.judged.areas], support.classes.floats)


def average_precision_macro(scores: ClassScores) -> Any:
    """Mean over classes of average_precision of the class against all others, by its own probability.

    Formula: mean over classes of the sum of (R_i - R_(i-1)) P_i
    Reference: sklearn.metrics.average_precision_score of each class
    """
    return mean_area([area.average_precision for area in scores.judged.areas])


def roc_auc_ovo(scores: ClassScores, support: Support) -> Any:
    """Mean over pairs of classes of roc_auc among their rows, each pair judged by both its probabilities.

    Pairs with a class that has no label are left out.

    Formula: mean over pairs i < j of (A(i | j) + A(j | i)) / 2
    Reference: sklearn.metrics.roc_auc_score with multi_class="ovo"
    """
    seen = support.classes.floats > 0
    return of_pairs(scores, seen, seen.astype(np.float64))


def roc_auc_ovo_weighted(scores: ClassScores, support: Support) -> Any:
    """Mean over pairs of classes, by the weight of their rows, of roc_auc among these rows.

    Pairs with a class that has no label are left out.

    Formula: weighted mean over pairs i < j of (A(i | j) + A(j | i)) / 2
    Reference: sklearn.metrics.roc_auc_score with multi_class="ovo", average="weighted"
    """
    weight = support.classes.floats
    return of_pairs(scores, weight > 0, weight)


def of_pairs(scores: ClassScores, seen: Any, weight: Floats) -> Any:
    """The mean over pairs of classes that are seen, by the sum of their weights."""
    versus = scores.judged.versus[np.ix_(seen, seen)]
    first, second = np.triu_indices(len(versus), 1)
    if not len(first):
        raise Undefined("single_class")
    by = np.tile(weight[seen][first] + weight[seen][second], 2)
    areas = np.concatenate([versus[first, second], versus[second, first]])
    return exact_sum(areas, by) / exact_sum(by)
