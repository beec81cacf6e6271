"""Differences between candidates by the bootstrap: rows, or queries, drawn anew for both."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.evaluate import inputs_of, states_of, value_of
from service.metrics.batch import Batch, Question, Reading
from service.metrics.catalogue import TASKS
from service.metrics.row import Metric
from service.metrics.samples import Sample, Units
from service.metrics.undefined import Undefined
from service.resampling import Replicates, Scheme, drawn, poisson

# A request as the core takes it.
Request = tuple[Batch, Question, Reading]


class Piece(NamedTuple):
    """Where a column of a candidate stands among the columns of both."""

    field: str
    columns: slice
    single: bool
    kind: Any


class SideBySide:
    """Two batches of the same rows as one, whose scores are the predictions and scores of both."""

    def __init__(self, first: Batch, second: Batch) -> None:
        columns: list[NDArray[Any]] = []
        self.pieces: list[list[Piece]] = []
        width = 0
        for batch in (first, second):
            self.pieces.append([])
            for field in ("predicted", "scores"):
                column = getattr(batch, field)
                if column is not None:
                    table = column.reshape(len(column), -1).astype(np.float64)
                    place = slice(width, width + table.shape[1])
                    self.pieces[-1].append(Piece(field, place, column.ndim == 1, column.dtype))
                    columns.append(table)
                    width = place.stop
        self.batch = replace(first, predicted=None, scores=np.hstack(columns))

    def apart(self, joint: Batch) -> list[Batch]:
        """The two batches of such rows."""
        table = np.asarray(joint.scores)
        batches = []
        for pieces in self.pieces:
            own: dict[str, Any] = {"predicted": None, "scores": None}
            for field, columns, single, kind in pieces:
                part = np.ascontiguousarray(table[:, columns]).astype(kind)
                own[field] = part[:, 0] if single else part
            batches.append(replace(joint, **own))
        return batches


def paired_replicates(metrics: Sequence[Metric], first: Request, second: Request) -> Mapping[str, Replicates]:
    """Differences of metrics on the same rows drawn anew, of the first less the second request."""
    both = SideBySide(first[0], second[0])
    _, question, reading = first

    def values(joint: Batch) -> list[float | None]:
        sides = zip(both.apart(joint), (first, second), strict=True)
        ours, theirs = (values_of(metrics, batch, *request[1:]) for batch, request in sides)
        return [difference(metric, *pair) for metric, *pair in zip(metrics, ours, theirs, strict=True)]

    return drawn(scheme_of(question, both.batch), metrics, units_of(both.batch, question), reading, values)


def unpaired_replicates(metrics: Sequence[Metric], first: Request, second: Request) -> Mapping[str, Replicates]:
    """Differences of metrics on rows of their own, each drawn anew; the second from the next seed."""
    sides = []
    for place, (batch, question, reading) in enumerate((first, second)):
        seeded = replace(reading, seed=reading.seed + place)
        units = units_of(batch, question)

        def values(rows: Batch, question: Question = question, reading: Reading = reading) -> list[float | None]:
            return values_of(metrics, rows, question, reading)

        sides.append(drawn(scheme_of(question, batch), metrics, units, seeded, values))
    found = {}
    for metric in metrics:
        pairs = zip(*(side[metric.name].values for side in sides), strict=True)
        found[metric.name] = Replicates([difference(metric, *pair) for pair in pairs], [], np.array([]))
    return found


def units_of(batch: Batch, question: Question) -> Units:
    """What is drawn anew."""
    return Sample(batch, question.counts).units


def scheme_of(question: Question, batch: Batch) -> Scheme:
    """Draws a number of each row, or query."""
    return Scheme(poisson, Units.weighted if question.counts or batch.query is not None else Units.repeated)


def values_of(metrics: Sequence[Metric], batch: Batch, question: Question, reading: Reading) -> list[float | None]:
    """The value of each metric of a batch, None where it has none."""
    task = TASKS[question.task]
    states = states_of(batch, question, dict.fromkeys(task.kind(kind) for each in metrics for kind in each.states))
    outputs = inputs_of(states, question, reading)
    return [value_of(each, outputs).value for each in metrics]


def difference(metric: Metric, first: float | None, second: float | None) -> float | None:
    """By how much the first is better; None where that has no value."""
    if first is None or second is None:
        return None
    try:
        return metric.lead(first, second)
    except Undefined:
        return None
