"""Means over the rows, with what their variances are read from: exact sums that merge."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import lcm
from typing import Any, NamedTuple, cast

from numpy.typing import NDArray

from service.metrics.batch import Batch, Question
from service.metrics.exact import Floats, Product, Rational, Total, exact_sums
from service.metrics.states import Additive, squares_of, total, total_of_squares
from service.metrics.undefined import Undefined

Terms = Callable[..., Mapping[str, Floats]]
# The weight of some rows, and what they add to a variance: numbers or arrays.
Masses = tuple[Any, Any]
# So many rows of mean weight are added to hits and to misses where the effective number of rows of a share is read.
ADDED = 2


def share_size(hits: Masses, misses: Masses, between: Masses = (0, 0)) -> Any:
    """The number of equally weighted rows whose share of hits varies as much.

    A row that is a hit by x between 0 and 1 counts by x and by 1 - x, and between them by x (1 - x). Few hits among
    uneven weights show too little of how uneven these are, so rows of mean weight are added to both sides. The number
    is Kish's where all are hits or all are misses, and that of the rows where weights are equal.
    """
    weight, weight2 = hits[0] + misses[0], hits[1] + misses[1]
    kish, mean = weight * weight / weight2, weight2 / weight
    whole, added2 = weight + 2 * ADDED * mean, ADDED * mean * mean
    share = (hits[0] + ADDED * mean) / whole
    spread = share * (1 - share) - between[0] / whole
    spread2 = (hits[1] + added2) * (1 - share) ** 2 + (misses[1] + added2) * share**2 - between[1]
    return spread * whole * whole / spread2 * kish / (kish + 2 * ADDED)


def exact_share_size(hits: Masses, misses: Masses, between: Masses) -> float:
    """The same of integers, rounded once: multiplied out, since fractions take most of their time to be reduced."""
    weight, weight2 = hits[0] + misses[0], hits[1] + misses[1]
    square, added2 = weight * weight, ADDED * weight2
    whole = square + 2 * added2
    right, wrong = hits[0] * weight + added2, misses[0] * weight + added2
    spread = right * wrong - between[0] * weight * whole
    of_hits, of_misses = (part[1] * square + added2 * weight2 for part in (hits, misses))
    spread2 = of_hits * wrong * wrong + of_misses * right * right - between[1] * square * whole * whole
    return spread * whole * square / spread2  # type: ignore[no-any-return]  # masses are integers here


@dataclass(frozen=True)
class Average(Additive):
    """The weighted mean of one number x a row.

    `weight`, `total` and `square` are the sums of w, w x and w x^2; `weight2`, `total2` and `square2` the same with
    what a row adds to a variance in place of w: w^2, and w itself where weights are counts.
    """

    weight: Total
    total: Total
    square: Total
    weight2: Total
    total2: Total
    square2: Total

    @classmethod
    def of(cls, numbers: Floats, weights: Floats | None, *, counts: bool) -> "Average":
        """The mean of these numbers, one a row."""
        return averages(lambda x: {"x": x}, numbers, weights=weights, counts=counts)["x"]

    @property
    def value(self) -> Any:
        """The mean."""
        return self.total / self.weight

    @property
    def variance(self) -> float:
        """The variance of the mean, linearised: sum(w^2 (x - mean)^2) / sum(w)^2. Raises `Undefined` on overflow."""
        weight, *_, spread2 = self.deviations
        return spread2 / (weight * weight)

    @property
    def size(self) -> float:
        """The number of equally weighted rows whose mean varies as much; of equal numbers Kish's, sum(w)^2 / sum(w^2).

        Raises `Undefined` on overflow.
        """
        weight, _, spread, _, _, spread2 = self.deviations
        return weight * spread / spread2 if spread2 else weight

    @cached_property
    def deviations(self) -> tuple[float, ...]:
        """Sums of w, w (x - mean) and w (x - mean)^2, then the same of what rows add to a variance.

        In units that make the sum of w the effective number of rows. Raises `Undefined` on overflow.
        """
        weight, total, square, weight2, total2, square2 = self._integers
        return (
            weight * weight / weight2,
            0.0,
            (weight * square - total * total) / weight2,
            weight * weight / weight2,
            weight * (weight * total2 - total * weight2) / (weight2 * weight2),
            (square2 * weight * weight - 2 * total * total2 * weight + total * total * weight2) / (weight2 * weight2),
        )

    @property
    def share_size(self) -> float:
        """The effective number of rows of a mean of numbers from 0 to 1, as `share_size` gives it.

        Raises `Undefined` on overflow.
        """
        weight, total, square, weight2, total2, square2 = self._integers
        if (self.weight, self.total, self.square) == (self.weight2, self.total2, self.square2):
            return float(self.weight)  # what the formula gives where all weights are 1
        return exact_share_size((total, total2), (weight - total, weight2 - total2), (total - square, total2 - square2))

    @property
    def _integers(self) -> tuple[int, ...]:
        """The sums as integers: in a unit of weight, and in its square. Raises `Undefined` on overflow."""
        linear, squared = (self.weight, self.total, self.square), (self.weight2, self.total2, self.square2)
        if any(isinstance(part, float) for part in linear + squared) or not self.weight2:
            raise Undefined("overflow")
        parts = cast(tuple[Rational, ...], linear + squared)
        unit = lcm(*(part.denominator for part in parts))
        units = (unit,) * 3 + (unit * unit,) * 3
        return tuple(each // part.denominator * part.numerator for part, each in zip(parts, units, strict=True))

    def mapped(self, function: Callable[[Any], Any]) -> "Mapped":
        """An increasing function of the mean."""
        return Mapped(self, function)


class Mapped(NamedTuple):
    """An increasing function of a mean."""

    average: Average
    function: Callable[[Any], Any]

    @property
    def value(self) -> Any:
        """The function at the mean."""
        return self.function(self.average.value)


def averages_of(terms: Terms, batch: Batch, question: Question, *columns: NDArray[Any]) -> dict[str, Average]:
    """Means over the rows of a batch, as `averages` gives them."""
    return averages(terms, *columns, weights=batch.weight, counts=question.counts)


def averages(terms: Terms, *columns: NDArray[Any], weights: Floats | None, counts: bool) -> dict[str, Average]:
    """Means of several numbers a row. `terms` takes a block of each column and names the numbers of each mean."""
    given, rows = len(columns), len(columns[0])
    factors: list[Floats] = []
    if weights is not None:
        factors = [weights] if counts else [weights, squares_of(weights, counts=counts)]

    def products(*block: NDArray[Any]) -> dict[Any, Product]:
        by: list[Product] = [(factor,) for factor in block[given:]] or [()]
        numbers = terms(*block[:given])
        return {
            (name, power, place): (x,) * power + factor
            for name, x in numbers.items()
            for power in (1, 2)
            for place, factor in enumerate(by)
        }

    sums = exact_sums(products, *columns, *factors)
    weight, weight2 = total(weights, rows), total_of_squares(weights, rows, counts=counts)
    last = max(place for _, _, place in sums)
    return {
        name: Average(weight, sums[name, 1, 0], sums[name, 2, 0], weight2, sums[name, 1, last], sums[name, 2, last])
        for name, power, place in sums
        if (power, place) == (1, 0)
    }
