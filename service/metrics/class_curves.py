"""Curves of several classes, each against all others."""

from collections.abc import Iterator
from typing import Any

from service.metrics.batch import Question
from service.metrics.class_states import ColumnScores
from service.metrics.sweep_states import Sweep
from service.metrics.undefined import Undefined

MOST_CLASSES = 50


def per_class(scores: ColumnScores, question: Question) -> Iterator[tuple[dict[str, Any], dict[type[Any], Any]]]:
    """The curves of each class against all others, of 50 classes at most."""
    if len(question.classes) > MOST_CLASSES:
        raise Undefined("too_many_classes")
    for position, label in enumerate(question.classes):
        yield {"class": label}, {Sweep: scores.sweep(position)}
