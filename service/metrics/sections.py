"""The parts of a report that are no metrics: what was asked, how many rows, and the confusion matrix."""

from typing import TypedDict

from service.metrics.batch import Label, Question, Reading
from service.metrics.binary_states import Cells, ClassTotals
from service.metrics.exact import Total
from service.metrics.states import LabelState, effective


class ConfusionMatrix(TypedDict):
    """Total weight, without weights the number, of each kind of row."""

    tp: int | float
    fp: int | float
    fn: int | float
    tn: int | float


def task(question: Question) -> str:
    """The task of this report."""
    return question.task


def samples(labels: LabelState, question: Question) -> int:
    """Number of rows with a weight above 0; the sum of weights that are counts."""
    return labels.counted if question.counts else labels.rows


def effective_samples(labels: LabelState) -> float:
    """Effective number of rows: of equally weighted ones whose mean varies as much, (sum w)^2 / sum w^2.

    Reference: L. Kish, Survey Sampling, 1965
    """
    return labels.effective


def confidence_level(reading: Reading) -> float:
    """How often the intervals are to cover the true value."""
    return reading.confidence_level


def class_effective_samples(labels: ClassTotals) -> list[float]:
    """Effective number of rows of the negative and of the positive class; 0 where there are none."""
    sides = ((labels.negative, labels.negative2), (labels.positive, labels.positive2))
    return [effective(weight, weight2) if weight else 0.0 for weight, weight2 in sides]


def total_weight(labels: LabelState) -> float:
    """Sum of the weights; the number of rows where none were sent."""
    return float(labels.weight)


def classes(question: Question) -> list[Label | None]:
    """The negative and the positive class; the negative is null when it was never seen."""
    return list(question.classes)


def pos_label(question: Question) -> Label | None:
    """The positive class."""
    return question.pos_label


def prevalence(labels: ClassTotals) -> float:
    """Share of the positive labels in the total weight."""
    return labels.prevalence


def threshold(question: Question) -> float | None:
    """Rows with this score or more are predicted positive; null when predictions were sent."""
    return question.threshold


def max_fpr(reading: Reading) -> float:
    """The false positive rate up to which the partial area under the ROC curve is taken."""
    return reading.max_fpr


def confusion_matrix(cells: Cells) -> ConfusionMatrix:
    """Total weight, without weights the number, of true and false positives and negatives."""
    return {"tp": plain(cells.tp), "fp": plain(cells.fp), "fn": plain(cells.fn), "tn": plain(cells.tn)}


def metadata(reading: Reading) -> dict[str, str]:
    """What the request sent along, unread."""
    return dict(reading.metadata)


def plain(value: Total) -> int | float:
    """The number as JSON has it: an integer where it is one that a float holds too, else a float."""
    return int(value) if value < 2**53 and value == int(value) else float(value)
