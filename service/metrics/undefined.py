"""Metrics without a value: raised where the definition breaks down, caught in one place, reported with the reason."""

from fractions import Fraction
from typing import Any

REASONS: dict[str, str] = {
    "absent_class": "A class has no label, so that nothing can be said of it.",
    "biased_statistic": "The value is too large on average, by an unknown amount, so that no interval is honest.",
    "constant_labels": "All labels are equal, so there is no variation to explain.",
    "constant_predictions": "All predictions are equal, so they cannot vary with the labels.",
    "constant_scores": "All scores are equal, so they cannot be scaled to fit the labels.",
    "extreme_value": "A largest value does not tell how much larger the next may be, so that no interval is honest.",
    "labels_out_of_domain": "A label lies outside the domain of this metric.",
    "no_convergence": "The largest likelihood cannot be told apart from its neighbours in 64-bit floats.",
    "no_false_positives": "No negative row is predicted positive, so the ratio would be infinite.",
    "no_median": "Quantiles were predicted, and 0.5, which would serve as the prediction, is not among them.",
    "no_negative_labels": "No label is negative.",
    "no_positive_labels": "No label is positive.",
    "no_positives": "No row is positive, neither in the labels nor in the predictions.",
    "no_predicted_negatives": "No row is predicted negative.",
    "no_predicted_positives": "No row is predicted positive.",
    "no_ratio": "The lowest value is 0 or below, so that its ratio to the highest says nothing.",
    "no_relevant_documents": "No query has a document with a relevance above 0.",
    "no_scores": "This needs scores, and only predictions were sent.",
    "no_true_negatives": "No negative row is predicted negative, so the ratio would be infinite.",
    "no_variation": "Rows do not differ in what is measured, as where all errors are equal: its variation is unknown.",
    "one_outcome": "Every top label is right, or every one is wrong, so that nothing can be fitted to tell them apart.",
    "overflow": "The value is too large for a 64-bit float.",
    "predictions_out_of_domain": "A prediction lies outside the domain of this metric.",
    "scores_not_probabilities": "A score lies outside [0, 1], so the scores are not probabilities. Send probabilities.",
    "scores_without_variance": "Every score is 0, 0.5 or 1, where the statistic has no variance.",
    "separable": "Some score separates the classes, so that the fit that maximises the likelihood is infinite.",
    "single_class": "All labels are of one class.",
    "single_positive": "There is effectively one positive row, which does not show how much positive rows vary.",
    "single_row": "One row has no variation.",
    "too_few_groups": "Fewer than two groups have a value that 10 effective rows, or queries, or more bear.",
    "too_few_rows": "There are too few rows, by their effective number, to show how much they vary.",
    "too_many_classes": "Curves are drawn of 50 classes at most.",
    "unreachable": "No threshold reaches the precision that was asked for.",
    "uneven_weights": "Weights differ by more than 2^53, so that ranks of light rows are lost in those of heavy ones.",
    "unstable_resampling": "Too many of the resampled batches leave the metric without a value.",
    "zero_ratio": "A ratio of 0 has no logarithm, so that no interval of its difference is known.",
    "zero_label": "Labels are 0, so their relative error is infinite.",
}

# Why a metric with a value may have no interval.
NO_INTERVAL = {
    "biased_statistic",
    "extreme_value",
    "no_variation",
    "overflow",
    "single_class",
    "single_positive",
    "too_few_rows",
    "unstable_resampling",
}

# Why a difference of groups, or a ratio, may have no value.
NO_GAP = {"no_ratio", "too_few_groups"}
# Why differences between candidates may have no interval, beside these.
NO_DIFFERENCE = {"zero_ratio"}

RATIONAL = {int, Fraction}


class Undefined(Exception):
    """A metric or section has no value on these rows.

    `reason` is a key of `REASONS`, stable for programs; `detail` says it in words.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail or REASONS[reason]
        super().__init__(self.reason)

    def again(self) -> "Undefined":
        """The same, to be kept or raised, not both: a raised one refers to frames it went through, and their rows."""
        return Undefined(self.reason, self.detail)

    @property
    def explanation(self) -> dict[str, str]:
        """The reason as a report gives it."""
        return {"reason": self.reason, "detail": self.detail}


def ratio(part: Any, whole: Any, reason: str) -> Any:
    """`part / whole`; raises `Undefined` with the reason where `whole` is 0. Not rounded where both are rational."""
    if whole == 0:
        raise Undefined(reason)
    exact = type(part) in RATIONAL and type(whole) in RATIONAL
    return Fraction(part, whole) if exact else part / whole
