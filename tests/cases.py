"""Reports of plain columns, whole or in parts: how the tests of the numeric core call it."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from service.evaluate import kinds_of, merged, report, states_of
from service.metrics.batch import Batch, Question, Reading, without_zero_weights
from service.metrics.catalogue import TASKS

QUESTIONS = {"binary": Question("binary", (0, 1), 1, 0.5), "regression": Question("regression")}


def binary(truth: Any, scores: Any = None, weight: Any = None, predicted: Any = None) -> Batch:
    """A binary batch; the predictions are the scores of 0.5 or more unless given."""
    truth = np.asarray(truth, dtype=bool)
    scores = None if scores is None else np.asarray(scores, dtype=float) + 0.0
    predicted = scores >= 0.5 if predicted is None else np.asarray(predicted, dtype=bool)
    return Batch(truth, predicted, scores, None if weight is None else np.asarray(weight, dtype=float))


def regression(truth: Any, predicted: Any, weight: Any = None) -> Batch:
    """A batch of a regression."""
    truth, predicted = np.asarray(truth, dtype=float) + 0.0, np.asarray(predicted, dtype=float) + 0.0
    return Batch(truth, predicted, None, None if weight is None else np.asarray(weight, dtype=float))


def reading(task: str, curve_points: int = 200, *, curves: bool = True) -> Reading:
    """All metrics of the task, and curves."""
    return Reading(tuple(metric.name for metric in TASKS[task].metrics), curves, curve_points)


def whole(task: str, batch: Batch, **options: Any) -> dict[str, Any]:
    """The report of one batch."""
    return in_parts(task, [batch], **options)


def in_parts(task: str, parts: Sequence[Batch], **options: Any) -> dict[str, Any]:
    """The report of several batches merged; parts without any weight are left out, as they have no rows."""
    question, read = QUESTIONS[task], reading(task, **options)
    kinds = kinds_of(question, read)
    kept = [without_zero_weights(part) for part in parts if part.weight is None or part.weight.any()]
    return report(merged([states_of(part, question, kinds) for part in kept]), question, read)


def take(batch: Batch, rows: Any) -> Batch:
    """The batch of these rows, in this order."""
    return replace(
        batch,
        truth=batch.truth[rows],
        predicted=batch.predicted[rows],
        scores=None if batch.scores is None else batch.scores[rows],
        weight=None if batch.weight is None else batch.weight[rows],
    )


def cut(batch: Batch, positions: Iterable[int]) -> list[Batch]:
    """The batch cut before each of these rows; no part is empty."""
    return [take(batch, rows) for rows in np.split(np.arange(len(batch.truth)), sorted(positions)) if len(rows)]


def joined(parts: Sequence[Batch]) -> Batch:
    """One batch with the rows of all parts, which have the same columns."""
    first = parts[0]
    return Batch(
        np.concatenate([part.truth for part in parts]),
        np.concatenate([part.predicted for part in parts]),
        None if first.scores is None else np.concatenate([part.scores for part in parts]),
        None if first.weight is None else np.concatenate([part.weight for part in parts]),
    )


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
