"""What a bootstrap draws from: the units of a batch, rows or queries, in an order that their values alone decide."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from service.metrics.batch import Batch, Question
from service.metrics.exact import Floats
from service.metrics.states import State


@dataclass(frozen=True, eq=False)
class Sample(State):
    """The rows of a batch."""

    batch: Batch
    counts: bool

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        return cls(batch, question.counts)

    def __add__(self, other: Self) -> Self:
        ours, theirs = (
            part if part.weight is not None else replace(part, weight=np.ones(len(part.truth)))
            for part in (self.batch, other.batch)
        )
        return type(self)(ours.joined(theirs), self.counts)

    @cached_property
    def units(self) -> "Units":
        """Distinct rows, or queries. Equal rows with counts are one unit, of the sum of their counts."""
        weight = np.ones(len(self.batch.truth)) if self.batch.weight is None else self.batch.weight
        rows = replace(self.batch, weight=weight)
        rows = rows.rows(np.lexsort(list(columns_of(rows))[::-1]))
        heads = np.zeros(len(weight), dtype=np.bool_)
        heads[0] = True
        told_apart = replace(rows, weight=None) if self.counts else rows
        for column in [rows.query] if rows.query is not None else columns_of(told_apart):
            heads[1:] |= column[1:] != column[:-1]
        unit = np.cumsum(heads) - 1
        weights = np.asarray(rows.weight)
        if rows.query is None:
            many = np.bincount(unit, weights if self.counts else None).astype(np.float64)
            rows, weights, unit = rows.rows(heads), weights[heads], np.arange(len(many))
        else:
            many = weights[heads] if self.counts else np.ones(int(heads.sum()))
        return Units(rows, np.ones(len(weights)) if self.counts else weights, unit, many)


def columns_of(batch: Batch) -> Iterator[NDArray[Any]]:
    """The columns of a batch, the queries first."""
    for column in (batch.query, batch.truth, batch.predicted, batch.scores, batch.weight):
        if column is not None:
            yield from (column,) if column.ndim == 1 else column.T


@dataclass(frozen=True, eq=False)
class Units:
    """Rows in canonical order with their weights, the unit that each belongs to, and how many units are alike."""

    rows: Batch
    weights: Floats
    unit: NDArray[np.intp]
    many: Floats

    def weighted(self, draws: Floats) -> Batch | None:
        """The batch whose units have so many times their weight; None where all have none."""
        weights = self.weights * draws[self.unit]
        kept = weights > 0
        return replace(self.rows, weight=weights).rows(kept) if kept.any() else None

    def repeated(self, draws: Floats) -> Batch | None:
        """The batch with each unit, a row, so many times; None where there is none."""
        rows = np.repeat(self.unit, draws.astype(np.intp))
        if not len(rows):
            return None
        weights = None if np.all(self.weights == 1) else self.weights
        return replace(self.rows, weight=weights).rows(rows)
