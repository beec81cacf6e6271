"""Reports of plain columns, whole or in parts: how the tests of the numeric core call it."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from service.evaluate import kinds_of, merged, report, states_of
from service.metrics.batch import Batch, Reading, without_zero_weights
from service.metrics.catalogue import TASKS
from service.metrics.row import Metric
from tests.tasks import KNOWN
from tests.tasks.binary import binary
from tests.tasks.known import joined
from tests.tasks.regression import regression

__all__ = [
    "at_thresholds",
    "binary",
    "close",
    "cut",
    "in_parts",
    "joined",
    "metrics_of",
    "reading",
    "regression",
    "rows_asked_for",
    "take",
    "text",
    "whole",
]


def reading(task: str, *, curves: bool = True, **options: Any) -> Reading:
    """All metrics of the task, and curves."""
    read = Reading(tuple(metric.name for metric in metrics_of(task)), curves=curves)
    return replace(read, **{**KNOWN[task].options, **options})


def metrics_of(task: str) -> list[Metric]:
    """The metrics that reports of these batches have."""
    question = KNOWN[task].question
    return TASKS[question.task].metrics_of(question, Reading((), **KNOWN[task].options))


def rows_asked_for(task: str) -> Iterator[tuple[str, str, str]]:
    """Each metric that the tests ask the task for: what it is known under, its name, and that of its row."""
    for known in KNOWN:
        if KNOWN[known].question.task == task:
            names = {metric.name for metric in metrics_of(known)}
            for row in TASKS[task].metrics:
                yield from ((known, m.name, row.name) for m in row.asked(KNOWN[known].question) if m.name in names)


def whole(task: str, batch: Batch, **options: Any) -> dict[str, Any]:
    """The report of one batch."""
    return in_parts(task, [batch], **options)


def in_parts(task: str, parts: Sequence[Batch], *, counts: bool = False, **options: Any) -> dict[str, Any]:
    """The report of several batches merged; parts without any weight are left out, as they have no rows."""
    question, read = replace(KNOWN[task].question, counts=counts), reading(task, **options)
    kinds = kinds_of(question, read)
    kept = [without_zero_weights(part) for part in parts if part.weight is None or part.weight.any()]
    return report(merged([states_of(part, question, kinds) for part in kept]), question, read)


def take(batch: Batch, rows: Any) -> Batch:
    """The batch of these rows, in this order."""
    return batch.rows(np.asarray(rows))


def cut(batch: Batch, positions: Iterable[int]) -> list[Batch]:
    """The batch cut before each of these rows; no part is empty."""
    return [take(batch, rows) for rows in np.split(np.arange(len(batch.truth)), sorted(positions)) if len(rows)]


def text(value: Any) -> str:
    """The bytes of a report: the shortest digits of each float, and neither infinity nor NaN."""
    return json.dumps(value, allow_nan=False)


def close(ours: Any, theirs: Any, tolerance: float = 1e-12) -> bool:
    """Whether two parts of reports have one shape and their numbers agree relative to max(1, magnitude)."""
    if isinstance(ours, dict):
        return ours.keys() == theirs.keys() and all(close(ours[key], theirs[key], tolerance) for key in ours)
    if isinstance(ours, list):
        return len(ours) == len(theirs) and all(close(*pair, tolerance) for pair in zip(ours, theirs, strict=True))
    if isinstance(ours, int | float) and isinstance(theirs, int | float):
        return abs(ours - theirs) <= tolerance * max(1.0, abs(theirs))
    return bool(ours == theirs)


def at_thresholds(batch: Batch) -> Iterator[tuple[float, int, int]]:
    """True and false positives at each distinct score as threshold, descending, counted row by row."""
    weight = [1] * len(batch.truth) if batch.weight is None else batch.weight.astype(int).tolist()
    rows = list(zip(batch.scores.tolist(), batch.truth.tolist(), weight, strict=True))
    for threshold in sorted(set(batch.scores.tolist()), reverse=True):
        hit = [(y, w) for s, y, w in rows if s >= threshold]
        yield threshold, sum(w for y, w in hit if y), sum(w for y, w in hit if not y)
