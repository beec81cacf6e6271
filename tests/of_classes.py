"""Batches of several classes and labels, and their reports: what the tests of their intervals share."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import expit

from service.evaluate import kinds_of, merged, report, states_of
from service.metrics.batch import Batch, Question, Reading
from service.metrics.catalogue import TASKS
from tests.tasks.multiclass import multiclass
from tests.tasks.multilabel import multilabel


def question_of(batch: Batch, **options: Any) -> Question:
    """The question that a batch with scores answers."""
    task = "multilabel" if batch.truth.ndim > 1 else "multiclass"
    return Question(task, tuple(range(batch.scores.shape[1])), threshold=0.5, **options)


def reported(*parts: Batch, metrics: tuple[str, ...] = (), intervals: bool = True, **options: Any) -> dict[str, Any]:
    """The report of some parts."""
    question = question_of(parts[0], **options)
    names = metrics or tuple(TASKS[question.task].names(question))
    reading = Reading(names, intervals=intervals)
    kinds = kinds_of(question, reading)
    return report(merged([states_of(part, question, kinds) for part in parts]), question, reading)


def value_of(batch: Batch, metric: str) -> float:
    value: float = reported(batch, metrics=(metric,), intervals=False)["metrics"][metric]
    return value


def of_classes(rows: int, classes: int, seed: int, *, decimals: int = 9, weighted: bool = False) -> Batch:
    """Rows of all classes, the more frequent the later, with scores that tell them apart more or less."""
    rng = np.random.default_rng(seed)
    truth = np.concatenate([np.arange(classes)] * 2 + [rng.integers(0, classes, rows) | rng.integers(0, classes, rows)])
    truth = np.minimum(truth[:rows], classes - 1)
    evidence = np.exp(np.round(rng.normal(size=(rows, classes)) + 1.2 * np.eye(classes)[truth], decimals))
    return multiclass(
        truth, evidence / evidence.sum(axis=1, keepdims=True), rng.random(rows) + 0.3 if weighted else None
    )


def of_labels(rows: int, labels: int, seed: int, *, decimals: int = 9, weighted: bool = False) -> Batch:
    """Rows with correlated labels, some of all labels and some of none."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(rows, labels)) + rng.normal(size=(rows, 1)) > np.linspace(0, 1, labels)
    truth[0], truth[1] = True, False
    scores = np.round(expit(rng.normal(size=(rows, labels)) + 2.0 * truth - 1), decimals)
    return multilabel(truth, scores, rng.random(rows) + 0.3 if weighted else None)


MADE: dict[str, Callable[..., Batch]] = {"multiclass": of_classes, "multilabel": of_labels}
