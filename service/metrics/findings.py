"""What a report says about its own numbers, in words."""

from typing import TypedDict

from service.metrics.batch import Question, Reading
from service.metrics.multiclass import accuracy
from service.metrics.multiclass_states import Confusion

# Each row has one label and one prediction, so hits, labels and predictions of all classes add up alike.
EQUAL_TO_ACCURACY = {"accuracy", "precision_micro", "recall_micro", "f1_micro", "f2_micro"}


class Finding(TypedDict):
    """Something to know when reading the report: a code for programs, a sentence, the numbers behind it, what to do."""

    code: str
    severity: str
    message: str
    evidence: dict[str, float]
    advice: str


def with_micro_averages(_: Question, reading: Reading) -> bool:
    """Reports that hold several of the metrics that are equal by definition hold the row."""
    return len(EQUAL_TO_ACCURACY.intersection(reading.metrics)) > 1


def findings(matrix: Confusion) -> list[Finding]:
    """What to know when reading the numbers."""
    return [
        {
            "code": "micro_equals_accuracy",
            "severity": "info",
            "message": "Micro averages of precision, recall and F-measure are the accuracy, by definition: every row "
            "has one label and one prediction.",
            "evidence": {"accuracy": float(accuracy(matrix).value)},
            "advice": "Read the macro averages and per_class to see how each class is served.",
        }
    ]
