"""Metrics of a multilabel task: functions of its states.

Names and definitions are those of scikit-learn, with all labels of the question: one that no row has counts in every
average over labels.
"""

import numpy as np

from service.metrics.averages import Average, Mapped
from service.metrics.batch import Question
from service.metrics.classes import Counts, known, mean_area, of_f, of_jaccard, of_precision, of_recall
from service.metrics.multilabel_states import LabelLosses, LabelRanks, LabelScores, LabelSets, SetMatches
from service.metrics.undefined import Undefined


def rows_without_labels(labels: LabelSets) -> int:
    """Number of rows that have no label."""
    return labels.empty


def subset_accuracy(matches: SetMatches) -> Average:
    """Share of the rows whose labels are predicted all and no others.

    Formula: mean(labels = predictions)
    Reference: sklearn.metrics.accuracy_score
    """
    hits, truth, predicted = matches.numbers
    return matches.mean((truth + predicted == 2 * hits).astype(np.float64))


def hamming_loss(matches: SetMatches) -> Mapped:
    """Share of the pairs of a row and a label that are predicted wrong.

    Formula: (sum of FP + FN over labels) / (rows times labels)
    Reference: sklearn.metrics.hamming_loss
    """
    hits, truth, predicted = matches.numbers
    labels = matches.labels
    return matches.mean(truth + predicted - 2 * hits).mapped(lambda wrong: wrong / labels)


def precision_samples(matches: SetMatches) -> Average:
    """Mean over rows of the share of the predicted labels that are true; 0 for a row without predictions.

    Formula: mean(hits / predictions of each row)
    Reference: sklearn.metrics.precision_score with average="samples"
    """
    return mean_over_rows(matches, of_precision)


def recall_samples(matches: SetMatches) -> Average:
    """Mean over rows of the share of the true labels that are predicted; 0 for a row without labels.

    Formula: mean(hits / labels of each row)
    Reference: sklearn.metrics.recall_score with average="samples"
    """
    return mean_over_rows(matches, of_recall)


def f1_samples(matches: SetMatches) -> Average:
    """Mean over rows of the harmonic mean of precision and recall; 0 for a row without labels and predictions.

    Formula: mean(2 hits / (labels + predictions) of each row)
    Reference: sklearn.metrics.f1_score with average="samples"
    """
    return mean_over_rows(matches, of_f(1))


def jaccard_samples(matches: SetMatches) -> Average:
    """Mean over rows of hits as a share of what is true or predicted; 0 for a row without labels and predictions.

    Formula: mean(hits / (labels + predictions - hits) of each row)
    Reference: sklearn.metrics.jaccard_score with average="samples"
    """
    return mean_over_rows(matches, of_jaccard)


def mean_over_rows(matches: SetMatches, ratio_of: Counts) -> Average:
    """The mean over rows of a ratio of their labels, 0 where nothing is divided."""
    part, whole = ratio_of(*matches.numbers)
    return matches.mean(part / np.maximum(whole, 1))


def roc_auc_macro(scores: LabelScores, question: Question) -> float:
    """Mean over labels of the probability that a row with the label scores above one without it, ties counting half.

    Formula: mean over labels of the area under the ROC curve
    Reference: sklearn.metrics.roc_auc_score with average="macro"
    """
    return mean_over_labels([areas.roc_auc for areas in scores.areas], question)


def average_precision_macro(scores: LabelScores, question: Question) -> float:
    """Mean over labels of average_precision of the label.

    Formula: mean over labels of the sum of (R_i - R_(i-1)) P_i
    Reference: sklearn.metrics.average_precision_score with average="macro"
    """
    return mean_over_labels([areas.average_precision for areas in scores.areas], question)


def mean_over_labels(areas: list[float | Undefined], question: Question) -> float:
    """The mean of the areas; raises `Undefined` for the first label without one and names it."""
    for area, label in zip(areas, question.classes, strict=True):
        if isinstance(area, Undefined):
            raise Undefined(area.reason, f"Label {label}: {area.detail}")
    mean: float = mean_area(areas)
    return mean


def roc_auc_micro(scores: LabelScores) -> float:
    """Probability that a pair of a row and a label it has scores above one it has not, ties counting half.

    Formula: area under the ROC curve of all pairs of a row and a label
    Reference: sklearn.metrics.roc_auc_score with average="micro"
    """
    return known(scores.pooled.roc_auc)


def average_precision_micro(scores: LabelScores) -> float:
    """Precision at each distinct score of all pairs of a row and a label, weighted by the recall gained there.

    Formula: sum of (R_i - R_(i-1)) P_i over all pairs of a row and a label
    Reference: sklearn.metrics.average_precision_score with average="micro"
    """
    return known(scores.pooled.average_precision)


def label_ranking_average_precision(ranks: LabelRanks) -> Average:
    """Mean over rows of the mean, over true labels, of the share of true ones among labels that score as much or more.

    A row without labels gets 1.

    Formula: mean over rows and their labels of (labels that score as much) / (all that score as much)
    Reference: sklearn.metrics.label_ranking_average_precision_score
    """
    return ranks.precision


def coverage_error(ranks: LabelRanks) -> Average:
    """How far down the labels by score one must go, on average over rows, to have met all true ones.

    At best it is the mean number of true labels. A row without labels counts 0.

    Formula: mean over rows of the number of labels that score as much as the lowest true one
    Reference: sklearn.metrics.coverage_error
    """
    return ranks.coverage


def label_ranking_loss(ranks: LabelRanks) -> Average:
    """Mean over rows of the share of pairs of a true and another label where the other scores as much or more.

    A row without labels, or with all of them, counts 0.

    Formula: mean over rows of (wrong pairs) / (pairs)
    Reference: sklearn.metrics.label_ranking_loss
    """
    return ranks.loss


def log_loss(losses: LabelLosses) -> Average:
    """Mean over rows and labels of the negative logarithm of the probability given to what is true.

    Probabilities are clipped to [2^-52, 1 - 2^-52].

    Formula: -mean(y ln p + (1 - y) ln(1 - p))
    Reference: sklearn.metrics.log_loss of each label
    """
    if losses.log is None:
        raise Undefined("scores_not_probabilities")
    return losses.log
