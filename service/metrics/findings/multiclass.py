"""What reports of a multiclass task find in their own numbers."""

from service.metrics import multiclass
from service.metrics.batch import Question, Reading
from service.metrics.findings.rule import Found, Rule
from service.metrics.multiclass_states import Confusion

# Each row has one label and one prediction, so hits, labels and predictions of all classes add up alike.
EQUAL_TO_ACCURACY = {"accuracy", "precision_micro", "recall_micro", "f1_micro", "f2_micro"}


def with_micro_averages(_: Question, reading: Reading) -> bool:
    """Reports that hold several of the metrics that are equal by definition look for the finding."""
    return len(EQUAL_TO_ACCURACY.intersection(reading.metrics)) > 1


def micro_equals_accuracy(matrix: Confusion) -> Found:
    """Several of accuracy and the micro averages are asked for."""
    yield {"accuracy": float(multiclass.accuracy(matrix).value)}


RULES: tuple[Rule, ...] = (
    Rule(
        micro_equals_accuracy,
        when=with_micro_averages,
        severity="info",
        tasks=("multiclass",),
        message="Micro averages of precision, recall and F-measure are the accuracy, {accuracy:.4g}, by definition: "
        "every row has one label and one prediction.",
        advice="Read the macro averages and per_class to see how each class is served.",
    ),
)
