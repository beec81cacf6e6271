"""Metrics of several classes, for the tasks that have them: averages over classes, and areas of each class."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from service.metrics.class_states import Areas, ClassCounts, ClassTable
from service.metrics.exact import Floats, Rational, exact_sum
from service.metrics.undefined import Undefined, ratio

# What a class is judged by: from its hits, its labels and its predictions to the parts of a ratio.
Counts = Callable[[Any, Any, Any], tuple[Any, Any]]

FIXED_BITS = 128
AVERAGES = ("macro", "micro", "weighted")


def of_precision(hits: Any, truth: Any, predicted: Any) -> tuple[Any, Any]:  # noqa: ARG001  # one of a family
    """Hits among the predictions."""
    return hits, predicted


def of_recall(hits: Any, truth: Any, predicted: Any) -> tuple[Any, Any]:  # noqa: ARG001  # one of a family
    """Hits among the labels."""
    return hits, truth


def of_f(beta: float) -> Counts:
    """The weighted harmonic mean of both, where recall counts `beta` times as much."""
    recall, precision = (beta * beta).as_integer_ratio()
    return lambda hits, truth, predicted: ((recall + precision) * hits, recall * truth + precision * predicted)


def of_jaccard(hits: Any, truth: Any, predicted: Any) -> tuple[Any, Any]:
    """Hits among what is labelled or predicted."""
    return hits, truth + predicted - hits


class ClassAverage(NamedTuple):
    """An average over classes, and the ratio that it is the average of."""

    value: Any
    ratio_of: Counts


def averaged(ratio_of: Counts, counts: ClassCounts, average: str, reason: str) -> ClassAverage:
    """The average over classes of a ratio.

    `macro` is the plain mean, `weighted` that by the weight of the labels, `micro` the ratio of all counts together.
    A class whose ratio has no value counts 0 in the mean. Raises `Undefined` where nothing is divided: with the reason
    of the ratio, or where no row has a label.
    """
    if average == "micro":
        return ClassAverage(ratio(*ratio_of(*(sums.total for sums in counts)), reason), ratio_of)
    ratios = [fixed(*ratio_of(*of_class)) for of_class in zip(*(sums.exact for sums in counts), strict=True)]
    if average == "macro":
        return ClassAverage(Fraction(sum(ratios), len(ratios) << FIXED_BITS), ratio_of)
    weighted = sum(weight * value for weight, value in zip(counts.truth.exact, ratios, strict=True))
    return ClassAverage(ratio(weighted, counts.truth.total * 2**FIXED_BITS, "no_positive_labels"), ratio_of)


def fixed(part: Rational, whole: Rational) -> int:
    """The ratio in units of 2**-FIXED_BITS, far below what a float shows; 0 where nothing is divided.

    The common denominator of a thousand exact ratios would have a hundred thousand digits.
    """
    whole = whole or 1
    return (part.numerator * whole.denominator << FIXED_BITS) // (part.denominator * whole.numerator)


def precision(table: ClassTable, average: str) -> ClassAverage:
    """Share of the rows predicted as a class that are of it, {average} average.

    Formula: hits / predictions of each class
    Reference: sklearn.metrics.precision_score with average="{average}"
    """
    return averaged(of_precision, table.counts, average, "no_predicted_positives")


def recall(table: ClassTable, average: str) -> ClassAverage:
    """Share of the rows of a class that are predicted as it, {average} average.

    Formula: hits / labels of each class
    Reference: sklearn.metrics.recall_score with average="{average}"
    """
    return averaged(of_recall, table.counts, average, "no_positive_labels")


def f_beta(table: ClassTable, beta: float, average: str) -> ClassAverage:
    """Weighted harmonic mean of precision and recall, where recall counts {beta} times as much, {average} average.

    Formula: (1 + {beta}^2) hits / ({beta}^2 labels + predictions) of each class
    Reference: sklearn.metrics.fbeta_score with average="{average}"
    """
    return averaged(of_f(beta), table.counts, average, "no_positives")


def jaccard(table: ClassTable, average: str) -> ClassAverage:
    """Rows of a class in labels and predictions as a share of those in either, {average} average.

    Formula: hits / (labels + predictions - hits) of each class
    Reference: sklearn.metrics.jaccard_score with average="{average}"
    """
    return averaged(of_jaccard, table.counts, average, "no_positives")


def mean_area(areas: list[float | Undefined], weights: Floats | None = None) -> Any:
    """The mean of the areas; raises `Undefined` where one is missing: all are where the rows are of one class."""
    missing = [isinstance(area, Undefined) for area in areas]
    if any(missing):
        raise Undefined("single_class" if all(missing) else "absent_class")
    by = np.ones(len(areas)) if weights is None else weights
    return exact_sum(np.array(areas), by) / exact_sum(by)


def class_roc_auc(areas: Areas) -> float:
    """Probability that a random row of the class scores above a random other one, ties counting half.

    Formula: area under the ROC curve by trapezoids over all distinct scores
    Reference: sklearn.metrics.roc_auc_score
    """
    return known(areas.roc_auc)


def class_average_precision(areas: Areas) -> float:
    """Precision at each distinct score of the class, weighted by the recall gained there.

    Formula: sum of (R_i - R_(i-1)) P_i
    Reference: sklearn.metrics.average_precision_score
    """
    return known(areas.average_precision)


def known(area: float | Undefined) -> float:
    """The area; raises the reason where there is none."""
    if isinstance(area, Undefined):
        raise area.again()
    return area
