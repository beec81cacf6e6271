"""Exact sums of weights by group: the cells of a confusion matrix, and whatever else is counted.

A sum is held in digits to the base 2**26, each a whole number that numpy adds without rounding.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.metrics.averages import Average
from service.metrics.exact import FEW_ROWS, Floats, Rational, Total, exact_sum, sum_of_few

DIGIT_BITS = 26
BASE = 2.0**DIGIT_BITS
MANTISSA_BITS = 53
# Whole numbers below 2**1023, and powers from 2**-1022 on, are floats of full precision.
LOWEST_EXPONENT, HIGHEST_EXPONENT = -1022, 1023
# Of more groups no table is made: those with rows are found by sorting.
MOST_DENSE = 1 << 21
Digits = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sums:
    """Exact sums of weights by group 0 .. size - 1.

    Only `groups`, ascending, have rows: a large matrix has few of its cells. `digits[place]` counts units of
    2**(26 place) for each of them.
    """

    size: int
    groups: NDArray[np.intp]
    digits: Mapping[int, Digits]

    @classmethod
    def of(cls, groups: NDArray[Any], size: int, weights: Floats | None = None) -> "Sums":
        """The total weight of the rows of each group; their number where there are no weights.

        At most 2**27 rows: their digits add up below 2**53.
        """
        if weights is None:
            seen, within = places_of(groups, size)
            return cls(size, seen, {0: np.bincount(within)})
        return cls.counted(groups, size, digits_of(*np.frexp(weights)))

    @classmethod
    def counted(cls, groups: NDArray[Any], size: int, digits: Iterable[tuple[int, NDArray[Any]]]) -> "Sums":
        """The sums of digits, each of a group that may come several times."""
        seen, within = places_of(groups, size)
        added = {place: np.bincount(within, part, len(seen)).astype(np.int64) for place, part in digits}
        return cls(size, seen, added)

    def __add__(self, other: "Sums") -> "Sums":
        groups = np.union1d(self.groups, other.groups)
        digits = {place: np.zeros(len(groups), dtype=np.int64) for place in self.digits.keys() | other.digits.keys()}
        for part in (self, other):
            within = np.searchsorted(groups, part.groups)
            for place, own in part.digits.items():
                digits[place][within] += own
        return Sums(self.size, groups, digits)

    def at(self, groups: NDArray[Any]) -> "Sums":
        """The sums of these groups, in this order."""
        within = np.minimum(np.searchsorted(self.groups, groups), len(self.groups) - 1)
        seen = np.flatnonzero(self.groups[within] == groups)
        return Sums(len(groups), seen, {place: digits[within[seen]] for place, digits in self.digits.items()})

    def by(self, groups: NDArray[Any], size: int) -> "Sums":
        """The sums of fewer groups; `groups` names the one that each of these belongs to."""
        return Sums.counted(groups[self.groups], size, self.carried.items())

    @cached_property
    def carried(self) -> dict[int, Digits]:
        """The digits below the base, which write these sums in one way only."""
        places: dict[int, Digits] = {}
        carry = np.zeros(len(self.groups), dtype=np.int64)
        place, last = min(self.digits), max(self.digits)
        while place <= last or carry.any():
            whole = carry + self.digits.get(place, 0)
            places[place], carry = whole & (2**DIGIT_BITS - 1), whole >> DIGIT_BITS
            place += 1
        return places

    @cached_property
    def unit(self) -> Fraction:
        """What `units` count."""
        return Fraction(2) ** (DIGIT_BITS * min(self.digits))

    @cached_property
    def units(self) -> NDArray[Any]:
        """The sum of each of `groups` as an integer of Python, in units of `unit`."""
        lowest = min(self.carried)
        units = np.zeros(len(self.groups), dtype=object)
        for place, digits in self.carried.items():
            units += digits.astype(object) << (DIGIT_BITS * (place - lowest))
        return units

    @cached_property
    def floats(self) -> Floats:
        """The sum of each group as the nearest float."""
        return self.floats_in(0)

    def floats_in(self, exponent: int) -> Floats:
        """The sum of each group, in units of this power of two, as the nearest float."""
        sums = np.zeros(self.size)
        low, high = DIGIT_BITS * min(self.carried), DIGIT_BITS * (max(self.carried) + 1)
        if self.digits.keys() == {0} and self.digits[0].max(initial=0) < 2**MANTISSA_BITS:
            sums[self.groups] = np.ldexp(self.digits[0].astype(np.float64), -exponent)
        elif low - exponent >= LOWEST_EXPONENT and high - low <= HIGHEST_EXPONENT:
            sums[self.groups] = np.ldexp(self.units.astype(np.float64), low - exponent)
        else:
            unit = self.unit / Fraction(2) ** exponent
            sums[self.groups] = [float(value * unit) for value in self.units.tolist()]
        return sums

    @cached_property
    def exact(self) -> list[Rational]:
        """The sum of each group."""
        sums: list[Rational] = [0] * self.size
        for group, units in zip(self.groups.tolist(), self.units.tolist(), strict=True):
            sums[group] = self._counted(units)
        return sums

    @cached_property
    def total(self) -> Rational:
        """The sum of all groups."""
        return self._counted(sum(self.units.tolist()))

    def _counted(self, units: int) -> Rational:
        """So many units: an integer where they make one."""
        bits = DIGIT_BITS * min(self.digits)
        if bits >= 0:
            return units << bits
        value = Fraction(units, 1 << -bits)
        return int(value) if value.denominator == 1 else value

    def times(self, *numbers: Floats) -> Total:
        """The exact sum of the products of these sums with one or two numbers for each of `groups`."""
        if len(self.groups) <= FEW_ROWS:
            found = sum_of_few((self.units, *numbers))
            return found if isinstance(found, float) else self.unit * found
        places = self.carried.items()
        parts = [(place, exact_sum(digits.astype(np.float64), *numbers)) for place, digits in places]
        return sum((Fraction(2) ** (DIGIT_BITS * place) * part for place, part in parts), Fraction(0))


def places_of(groups: NDArray[Any], size: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The groups that there are, ascending, and the place of each of these among them."""
    if size > MOST_DENSE:
        return np.unique(groups, return_inverse=True)
    seen = np.flatnonzero(np.bincount(groups, minlength=size))
    place_of = np.zeros(size, dtype=np.intp)
    place_of[seen] = np.arange(len(seen))
    return seen, place_of[groups]


def sums_with_squares(
    groups: NDArray[Any], size: int, weights: Floats | None, *, counts: bool, repeats: int = 1
) -> tuple[Sums, Sums]:
    """The total weight of the rows of each group, and what they add to a variance.

    Each weight is that of as many neighbours in `groups` as `repeats` says.
    """
    if weights is None:
        sums = Sums.of(groups, size)
        return sums, sums
    mantissas, exponents = np.frexp(weights)
    # The square of a weight is rounded to a float whose exponent has no end.
    squares, more = np.frexp(mantissas * mantissas)
    factors = [(mantissas, exponents), (squares, 2 * exponents + more)][: 1 if counts else 2]
    found = [
        Sums.counted(groups, size, ((place, np.repeat(part, repeats)) for place, part in digits_of(*factor)))
        for factor in factors
    ]
    return found[0], found[-1]


def average(sums: Sums, squares: Sums, numbers: Floats) -> Average:
    """The mean of a number for each of `groups`, of these sums and of what their rows add to a variance."""
    kinds = (sums,) if squares is sums else (sums, squares)
    parts = [(kind.total, kind.times(numbers), kind.times(numbers, numbers)) for kind in kinds]
    return Average(*parts[0], *parts[-1])


def exponent_of(total: Rational) -> int:
    """The power of two just above or below a number above 0."""
    return Fraction(total).numerator.bit_length() - Fraction(total).denominator.bit_length()


def digits_of(mantissas: Floats, exponents: NDArray[Any]) -> Iterator[tuple[int, Floats]]:
    """The places at which some number has a digit, and the digits of all numbers there, which are below 1 times 2^e."""
    lowest = (int(exponents.min()) - MANTISSA_BITS) // DIGIT_BITS
    for place in range(lowest, int(exponents.max()) // DIGIT_BITS + 1):
        shifted = np.floor(np.ldexp(mantissas, exponents - DIGIT_BITS * place))
        digits = shifted - BASE * np.floor(shifted / BASE)
        digits[np.isinf(shifted)] = 0  # the digits of a weight so large all lie above
        if digits.any():
            yield place, digits
