"""States: small frozen values that hold what metrics read of many rows, and merge with `+`.

Merging is exact, so the state of a whole equals the sum of the states of its parts, in any order. States come in
two sizes: counts and totals are bounded; `Rows` are sorted multisets that grow with the rows.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from service.metrics.batch import Batch, Question
from service.metrics.exact import Floats, Total, canonical_order, exact_sum

BLOCK_NUMBERS = 1 << 16


@dataclass(frozen=True)
class State(ABC):
    """A value that merges field by field."""

    @classmethod
    @abstractmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        """The state of a batch of one output. Raises `Undefined` where the batch lacks a column it needs."""

    def __add__(self, other: Self) -> Self:
        names = [field.name for field in fields(self)]
        return type(self)(**{name: added(getattr(self, name), getattr(other, name)) for name in names})


def added(left: Any, right: Any) -> Any:
    """The sum of two fields. A float among them is infinite, and what it meets may be too large to become one."""
    return math.inf if isinstance(left, float) or isinstance(right, float) else left + right


class LabelState(State):
    """A state of the labels alone, which knows what a model without any knowledge would leave."""

    @property
    @abstractmethod
    def rows(self) -> int:
        """The number of rows."""

    @property
    @abstractmethod
    def weight(self) -> Total:
        """The total weight of the rows."""

    @abstractmethod
    def blind(self, question: Question) -> Batch:
        """A batch with these labels and the best constant for every prediction and score."""


@dataclass(frozen=True, eq=False)
class Rows(State):
    """Rows in an order that depends on their values alone: by the first column, ties by the next, then by weight.

    `weight` is None where every row counts once.
    """

    columns: tuple[NDArray[Any], ...]
    weights: Floats | None

    @classmethod
    def sorted(cls, *columns: NDArray[Any], weights: Floats | None) -> Self:
        order = canonical_order(*columns, *factors(weights))
        return cls(tuple(column[order] for column in columns), None if weights is None else weights[order])

    def __add__(self, other: Self) -> Self:
        columns = (np.concatenate(pair) for pair in zip(self.columns, other.columns, strict=True))
        parts = ((part.weights, len(part.columns[0])) for part in (self, other))
        return self.sorted(*columns, weights=joined_weights(*parts))

    @property
    def weights_or_ones(self) -> Floats:
        return np.ones(len(self.columns[0])) if self.weights is None else self.weights

    @property
    def relative_weights(self) -> Floats:
        """The weights times a power of two that puts the largest near 1: their products stay in range."""
        weights = self.weights_or_ones
        return np.ldexp(weights, -int(np.frexp(weights.max())[1]))


@dataclass(frozen=True)
class Range:
    """The smallest and largest of some numbers; `+` gives those of both."""

    low: float
    high: float

    @classmethod
    def of(cls, values: Floats) -> "Range":
        return cls(float(values.min()), float(values.max()))

    def __add__(self, other: "Range") -> "Range":
        return Range(min(self.low, other.low), max(self.high, other.high))


def joined_weights(*parts: tuple[Floats | None, int]) -> Floats | None:
    """The weights of several parts with so many rows; None if no part has any, else 1 for the rows of one without."""
    if all(weights is None for weights, _ in parts):
        return None
    return np.concatenate([np.ones(rows) if weights is None else weights for weights, rows in parts])


def blocks(rows: int, width: int) -> Iterator[slice]:
    """Slices of the rows of a table so many numbers wide; what is made of one stays in the processor's cache."""
    step = max(1, BLOCK_NUMBERS // width)
    yield from (slice(start, start + step) for start in range(0, rows, step))


def total(weights: Floats | None, rows: int) -> Total:
    """The exact sum of the weights; the number of rows where there are none."""
    return Fraction(rows) if weights is None else exact_sum(weights)


def factors(weights: Floats | None) -> tuple[Floats, ...]:
    """What weights add to the factors of a product."""
    return () if weights is None else (weights,)
