"""States: small frozen values that hold what metrics read of many rows, and merge with `+`.

Merging is exact, so the state of a whole equals the sum of the states of its parts, in any order. States come in
two sizes: counts and totals are bounded; `Rows` are sorted multisets that grow with the rows.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import cached_property, wraps
from typing import Any, Self, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from service.metrics.batch import Batch, Question
from service.metrics.exact import Floats, Total, canonical_order, exact_sum
from service.metrics.undefined import Undefined

BLOCK_NUMBERS = 1 << 16
Function = TypeVar("Function", bound=Callable[..., Any])


def once(function: Function) -> Function:
    """The function of a state and perhaps more, with what it gives kept as long as the state is.

    Intervals at several levels are made of the same.
    """

    @wraps(function)
    def known(*arguments: Any, **named: Any) -> Any:
        state, *others = (*arguments, *named.values())
        given = tuple(others)
        kept = vars(state).setdefault("_kept", {})
        if (function, given) not in kept:
            kept[function, given] = function(state, *given)
        return kept[function, given]

    return cast(Function, known)


@dataclass(frozen=True)
class Additive:
    """A value that merges field by field."""

    def __add__(self, other: Self) -> Self:
        names = [field.name for field in fields(self)]
        return type(self)(**{name: added(getattr(self, name), getattr(other, name)) for name in names})


class State(Additive, ABC):
    """A value that is made of a batch and merges."""

    @classmethod
    @abstractmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        """The state of a batch of one output. Raises `Undefined` where the batch lacks a column it needs."""


def added(left: Any, right: Any) -> Any:
    """The sum of two fields, None where one is. A float is infinite: what it meets may be too large to become one."""
    if left is None or right is None:
        return None
    return math.inf if isinstance(left, float) or isinstance(right, float) else left + right


class LabelState(State):
    """A state of the labels alone, which knows what a model without any knowledge would leave."""

    @property
    @abstractmethod
    def rows(self) -> int:
        """The number of rows."""

    @property
    def counted(self) -> int:
        """The number of rows where weights are counts."""
        return int(self.weight)

    @property
    @abstractmethod
    def weight(self) -> Total:
        """The total weight of the rows."""

    @property
    @abstractmethod
    def weight2(self) -> Total:
        """The total of what the rows add to a variance: of the squares of the weights, or of counts."""

    @property
    def effective(self) -> float:
        """The effective number of rows: that of equally weighted ones whose mean varies as much (Kish)."""
        return effective(self.weight, self.weight2)

    @abstractmethod
    def blind(self, question: Question) -> Batch:
        """A batch with these labels and the best constant for every prediction and score."""


@dataclass(frozen=True, eq=False)
class Rows(State):
    """Rows in an order that depends on their values alone: by the first column, ties by the next, then by weight.

    `weights` is None where every row counts once; `counts` says that a weight is a number of equal rows.
    """

    columns: tuple[NDArray[Any], ...]
    weights: Floats | None
    counts: bool = False

    @classmethod
    def sorted(cls, *columns: NDArray[Any], weights: Floats | None, counts: bool = False) -> Self:
        order = canonical_order(*columns, *factors(weights))
        return cls(tuple(column[order] for column in columns), None if weights is None else weights[order], counts)

    def __add__(self, other: Self) -> Self:
        columns = (np.concatenate(pair) for pair in zip(self.columns, other.columns, strict=True))
        parts = ((part.weights, len(part.columns[0])) for part in (self, other))
        return self.sorted(*columns, weights=joined_weights(*parts), counts=self.counts)

    @property
    def own(self) -> tuple[NDArray[Any], ...]:
        """The columns that make rows alike."""
        return self.columns

    @property
    def distinct_pairs(self) -> int:
        """The number of distinct rows where each comes an even number of times, else 0."""
        return distinct_pairs(self.own, self.weights, counts=self.counts)

    @property
    def weights_or_ones(self) -> Floats:
        return np.ones(len(self.columns[0])) if self.weights is None else self.weights

    @cached_property
    def relative_weights(self) -> Floats:
        """The weights times a power of two that puts them around 1: their products stay in the range of float64."""
        return np.ldexp(self.weights_or_ones, -self.weight_exponent)

    @property
    def relative_squares(self) -> Floats:
        """What each row adds to a variance, in the squared unit of the relative weights."""
        relative = self.relative_weights
        return np.ldexp(relative, -self.weight_exponent) if self.counts else relative * relative

    @cached_property
    def weight_exponent(self) -> int:
        """The power of two that the relative weights are in units of."""
        weights = self.weights_or_ones
        return int(np.frexp([weights.min(), weights.max()])[1].sum()) // 2 - 1


class Placed(Rows):
    """Rows whose last column tells at which place each came in."""

    @classmethod
    def sorted(cls, *columns: NDArray[Any], weights: Floats | None, counts: bool = False) -> Self:
        order = canonical_order(*columns, *factors(weights))
        taken = (*(column[order] for column in columns), order)
        return cls(taken, None if weights is None else weights[order], counts)

    def __add__(self, other: Self) -> Self:
        *pairs, places = zip(self.columns, other.columns, strict=True)
        weights = joined_weights(*((part.weights, len(part.columns[0])) for part in (self, other)))
        joined = self.sorted(*map(np.concatenate, pairs), weights=weights, counts=self.counts)
        *columns, order = joined.columns
        came = np.concatenate([places[0], places[1] + len(places[0])])
        return type(self)((*columns, came[order]), joined.weights, self.counts)

    @property
    def own(self) -> tuple[NDArray[Any], ...]:
        return self.columns[:-1]

    def as_they_came(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values of the rows, in the order these came in."""
        found = np.empty_like(values)
        found[self.columns[-1]] = values
        return found


def distinct_pairs(own: tuple[NDArray[Any], ...], weights: Floats | None, *, counts: bool) -> int:
    """The number of distinct rows where each comes an even number of times, else 0; alike ones are neighbours."""
    alike = own if counts else (*own, *factors(weights))
    if counts and weights is not None:
        starts = np.flatnonzero(np.concatenate([[True], changes(alike)]))
        return 0 if (np.add.reduceat(weights, starts) % 2).any() else len(starts)
    size = len(alike[0])
    if size % 2 or any(changes([column[part] for column in alike])[::2].any() for part in blocks(size, 2)):
        return 0
    return 1 + int(np.count_nonzero(changes([column[::2] for column in alike])))


def changes(columns: Sequence[NDArray[Any]]) -> NDArray[np.bool_]:
    """Where a row differs from the one before, from the second row on."""
    return np.asarray(np.logical_or.reduce([column[1:] != column[:-1] for column in columns]))


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


def squares_of(weights: Floats, *, counts: bool) -> Floats:
    """What each row adds to a variance, over the variance of one: the square of its weight, or a count itself."""
    return weights if counts else weights * weights


def total_of_squares(weights: Floats | None, rows: int, *, counts: bool) -> Total:
    """The exact sum of what rows add to a variance."""
    return total(None if weights is None else squares_of(weights, counts=counts), rows)


def effective(weight: Total, weight2: Total) -> float:
    """The effective number of rows with these totals of weights and of what they add to a variance.

    Raises `Undefined` where a total left the range of float64.
    """
    if isinstance(weight, float) or isinstance(weight2, float) or not weight2:
        raise Undefined("overflow")
    return float(weight * weight / weight2)


def factors(weights: Floats | None) -> tuple[Floats, ...]:
    """What weights add to the factors of a product."""
    return () if weights is None else (weights,)
