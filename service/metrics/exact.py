"""Exact sums of floats and canonical orders of rows: why order and chunking change no byte of a report.

A float is an integer times a power of two, so a sum of floats, or of products of floats, is a rational number that
can be held without rounding. Adding such sums is associative and commutative, and a variance formed from them before
the one rounding cannot cancel.
"""

import cmath
import math
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rational = int | Fraction
# A sum that left the range of float64 on its way is infinite.
Total = Rational | float
# Factors whose product is summed over the rows.
Product = tuple[Floats, ...]

# The product of three doubles is an integer times 2**-3222; the parts that sums are made of reach a little below it.
UNIT_BITS = 3300
BINS = UNIT_BITS + 3 * 1024 + 1
MANTISSA_BITS = 53
# A block's temporaries stay in the processor's cache. Slices need blocks of 4 rows or more.
BLOCK_BITS = 14
# A half mantissa is below 2**27, so that many parts of 2**BLOCK_BITS rows add up below 2**53.
MOST_PARTS = 1 << (53 - 27 - BLOCK_BITS)
# So few rows are sooner added one by one than by slices.
FEW_ROWS = 32
SPLITTER = 134217729.0  # 2**27 + 1, for Veltkamp's splitting
# Three factors within these magnitudes have products, and rounding errors of products, that are normal numbers.
SMALLEST, LARGEST = 2.0**-250, 2.0**250


def exact_sum(*factors: Floats) -> Total:
    """Sum over the rows of the product of one to three 1-d arrays of one length, without any rounding.

    The result is a rational number, or positive infinity where an element is infinite or not a number: the sum then
    has no value in float64.
    """
    if len(factors[0]) <= FEW_ROWS:
        return sum_of_few(factors)
    return exact_sums(lambda *columns: {"sum": columns}, *factors)["sum"]


def exact_sums(
    products: Callable[..., Mapping[Any, Product]], *columns: NDArray[np.generic], weights: Floats | None = None
) -> dict[Any, Total]:
    """Several exact sums over the rows of some columns, each as `exact_sum` gives it.

    `products` takes a block of each column and names the factors, at most three with the weights, of each sum.
    """
    if len(columns[0]) <= FEW_ROWS:
        by = () if weights is None else (weights,)
        return {name: sum_of_few((*factors, *by)) for name, factors in products(*columns).items()}
    sums: dict[Any, _Sum] = {}
    for start in range(0, len(columns[0]), 1 << BLOCK_BITS) or [0]:
        block = slice(start, start + (1 << BLOCK_BITS))
        by = () if weights is None else (weights[block],)
        spans: dict[int, Span] = {}
        for name, factors in products(*(column[block] for column in columns)).items():
            sums.setdefault(name, _Sum()).add((*factors, *by), spans)
    return {name: total.value() for name, total in sums.items()}


def sum_of_few(factors: Product) -> Total:
    """The exact sum of the products of a few rows."""
    try:
        columns = [[number.as_integer_ratio() for number in factor.tolist()] for factor in factors]
    except (OverflowError, ValueError):  # of what is infinite or no number
        return math.inf
    terms = []
    for row in zip(*columns, strict=True):
        numerator, bits = 1, 0
        for part, power in row:
            numerator *= part
            bits += power.bit_length() - 1
        terms.append((numerator, bits))
    most = max((bits for _, bits in terms), default=0)
    return Fraction(sum(numerator << (most - bits) for numerator, bits in terms), 1 << most)


class Span(NamedTuple):
    """Whether some numbers are finite, and whether products of three of them are normal numbers or 0.

    If they are moderate, they are multiples of 2**lowest below 2**highest.
    """

    finite: bool
    moderate: bool = False
    lowest: int = 0
    highest: int = 0

    @classmethod
    def of(cls, values: Floats) -> "Span":
        """The span of these numbers."""
        magnitudes = np.abs(values)
        largest = magnitudes.max(initial=0.0)
        if not largest < LARGEST:
            return cls(bool(np.isfinite(largest)))
        smallest = magnitudes.min(initial=LARGEST)
        if smallest == 0:
            smallest = magnitudes.min(initial=LARGEST, where=magnitudes > 0)
        lowest = math.frexp(smallest)[1] - MANTISSA_BITS
        return cls(finite=True, moderate=bool(smallest > SMALLEST), lowest=lowest, highest=math.frexp(largest)[1])


class _Sum:
    """A sum of products that grows block by block, in units of 2**-UNIT_BITS."""

    def __init__(self) -> None:
        self.units = 0
        self.finite = True
        self.halves: Floats | None = None
        self.parts = 0

    def add(self, factors: Product, spans: dict[int, Span]) -> None:
        """Add the products of a block's rows; `spans` are those of factors that other sums have, too."""
        for factor in factors:
            if id(factor) not in spans:
                spans[id(factor)] = Span.of(factor)
        if not all(spans[id(factor)].finite for factor in factors):
            self.finite = False
        elif all(spans[id(factor)].moderate for factor in factors):
            parts = [factors[0]]
            for factor in factors[1:]:
                parts = [half for part in parts for half in _two_product(part, factor)]
            lowest = sum(spans[id(factor)].lowest for factor in factors)
            highest = sum(spans[id(factor)].highest for factor in factors)
            # Half of the parts are rounding errors of products, a quarter those of products of rounding errors.
            for place, part in enumerate(parts):
                self.units += _by_slices(part, lowest, highest - MANTISSA_BITS * place.bit_count())
        else:
            for part, exponents in _mantissa_products(factors):
                self._add_by_exponent(part, exponents)

    def _add_by_exponent(self, part: Floats, exponents: NDArray[np.int32]) -> None:
        """Add `part * 2**exponents`: the halves of the mantissas add up exactly in float64, exponent by exponent."""
        if self.halves is None or self.parts == MOST_PARTS:
            self._fold()
            self.halves, self.parts = np.zeros((2, BINS)), 0
        mantissas, own = np.frexp(part)
        bins = own + exponents + UNIT_BITS
        scaled = mantissas * 2.0**27
        high = np.trunc(scaled)
        low, span = int(bins.min(initial=BINS)), int(bins.max(initial=0)) + 1
        for half, sums in zip((high, (scaled - high) * 2.0**26), self.halves, strict=True):
            sums[low:span] += np.bincount(bins - low, half, max(span - low, 0))
        self.parts += 1

    def _fold(self) -> None:
        """Add what stands by exponent to the units."""
        if self.halves is None:
            return
        units = 0
        for position in np.flatnonzero(self.halves.any(axis=0)).tolist():
            upper, lower = (int(half) for half in self.halves[:, position])
            units += ((upper << 26) + lower) << position
        self.units += units >> 53  # bin p holds units of 2**(p - UNIT_BITS - 53)

    def value(self) -> Total:
        """The sum so far."""
        self._fold()
        self.halves = None
        return rational(self.units) if self.finite else math.inf


def _by_slices(values: Floats, lowest: int, highest: int) -> int:
    """Sum of multiples of 2**lowest up to 2**highest, in slices of so many bits that each adds up exactly in float64.

    Adding and subtracting a large constant rounds every value to a multiple of one unit (S. M. Rump, T. Ogita,
    S. Oishi, SIAM Journal on Scientific Computing 31, 2008).
    """
    sums = []
    rest, exponent = values, highest
    while exponent - lowest > MANTISSA_BITS - BLOCK_BITS and np.logical_or.reduce(rest):
        rounder = math.ldexp(1.5, exponent + BLOCK_BITS - 1)
        slice_ = (rest + rounder) - rounder
        rest = rest - slice_
        sums.append(np.add.reduce(slice_))
        exponent -= MANTISSA_BITS - BLOCK_BITS - 1
    sums.append(np.add.reduce(rest))
    parts = map(math.frexp, sums)
    return sum(int(mantissa * 2.0**MANTISSA_BITS) << (shift - MANTISSA_BITS + UNIT_BITS) for mantissa, shift in parts)


def _mantissa_products(factors: Product) -> Iterator[tuple[Floats, NDArray[np.int32]]]:
    """Parts and exponents with the products as sums of `part * 2**exponent`, whatever the range of the factors."""
    mantissas, exponents = np.frexp(factors[0])
    parts = [mantissas]
    for factor in factors[1:]:
        mantissas, more = np.frexp(factor)
        exponents = exponents + more
        parts = [half for part in parts for half in _two_product(part, mantissas)]
    for part in parts:
        yield part, exponents


def _two_product(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The rounded product and its rounding error (T. J. Dekker, Numerische Mathematik 18, 1971)."""
    product = a * b
    high_a, low_a = _halves(a)
    high_b, low_b = (high_a, low_a) if a is b else _halves(b)
    error = low_a * low_b - (((product - high_a * high_b) - low_a * high_b) - high_a * low_b)
    return product, error


def _halves(values: Floats) -> tuple[Floats, Floats]:
    """Two numbers of half as many bits whose sum is each value (G. W. Veltkamp)."""
    scaled = SPLITTER * values
    high = scaled - (scaled - values)
    return high, values - high


def rational(units: int) -> Fraction:
    """The rational number `units * 2**-UNIT_BITS`."""
    zeros = min((units & -units).bit_length() - 1, UNIT_BITS) if units else UNIT_BITS
    return Fraction(units >> zeros, 1 << (UNIT_BITS - zeros))


def whole(value: Total) -> Total:
    """The same number, as an integer where it is one: they are much faster."""
    return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value


def root(value: Any) -> Any:
    """Square root of a rational number to at least 64 bits, whatever its size, or of a complex number.

    A quotient by the root of a square is then the quotient by its side once it is rounded to float64.
    """
    if isinstance(value, complex):
        return cmath.sqrt(value)
    square = Fraction(value)
    shift = max(0, (square.denominator.bit_length() - square.numerator.bit_length()) // 2 + 66)
    whole = (square.numerator << (2 * shift)) // square.denominator
    return Fraction(math.isqrt(whole), 1 << shift)


def canonical_order(*columns: NDArray[np.generic]) -> NDArray[np.intp]:
    """The order that sorts rows by their first column, ties by the second, and so on.

    Rows that stay tied are equal in every column, so the sorted rows do not depend on the order they came in.
    Only columns that ties reach are sorted.
    """
    order = np.argsort(columns[0])
    codes = dense_codes(columns[0][order])
    for column in columns[1:]:
        if codes.size == 0 or codes[-1] == codes.size - 1:
            break
        moved = column[order]
        by_value = np.argsort(moved)
        ranks = np.empty(codes.size, dtype=np.uint64)
        ranks[by_value] = dense_codes(moved[by_value])
        keys = (codes << np.uint64(32)) | ranks
        again = np.argsort(keys)
        order = order[again]
        codes = dense_codes(keys[again])
    return order


def dense_codes(ascending: NDArray[np.generic]) -> NDArray[np.uint64]:
    """0, 1, 2, ... for the distinct values of a sorted array, in order."""
    codes = np.zeros(len(ascending), dtype=np.uint64)
    np.cumsum(ascending[1:] != ascending[:-1], out=codes[1:])
    return codes
