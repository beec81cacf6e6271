"""Exact sums of floats and canonical orders of rows: why order and chunking change no byte of a report.

A float is an integer times a power of two, so a sum of floats, or of products of floats, is a rational number that
can be held without rounding. Adding such sums is associative and commutative, and a variance formed from them before
the one rounding cannot cancel.
"""

import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rational = int | Fraction

# The product of three doubles is an integer times 2**-3222; the two halves of a mantissa reach 54 bits below it.
UNIT_BITS = 3300
LARGEST_EXPONENT = 3 * 1024
BINS = UNIT_BITS + LARGEST_EXPONENT
# A block's temporaries stay in the processor's cache.
BLOCK_ROWS = 1 << 13
# A half mantissa is below 2**27, so 2**22 rows of at most 4 partial products sum below 2**53, exactly.
FLUSH_ROWS = 1 << 22
SPLITTER = 134217729.0  # 2**27 + 1, for Veltkamp's splitting


def exact_sum(values: Floats, *factors: Floats) -> Rational | float:
    """Sum of `values[i] * factors[0][i] * ...` without any rounding.

    `values` and at most two `factors` are 1-d arrays of one length. The result is a rational number, or positive
    infinity where an element is infinite or not a number: the sum then has no value in float64.

    Mantissas are split in halves whose sums by exponent are exact in float64, and these are folded into one integer;
    products go through Dekker's error-free product first (T. J. Dekker, Numerische Mathematik 18, 1971).
    """
    units = 0
    for start in range(0, len(values), FLUSH_ROWS):
        stop = min(start + FLUSH_ROWS, len(values))
        halves = np.zeros((2, BINS))
        for begin in range(start, stop, BLOCK_ROWS):
            block = slice(begin, min(begin + BLOCK_ROWS, stop))
            columns = [column[block] for column in (values, *factors)]
            if not all(np.isfinite(column).all() for column in columns):
                return math.inf
            for part, exponents in _products(columns):
                _add_by_exponent(halves, part, exponents)
        units += _folded(halves)
    return rational(units)


def rational(units: int) -> Rational:
    """The rational number `units * 2**-UNIT_BITS`, as an integer where it is one."""
    if not units:
        return 0
    zeros = min((units & -units).bit_length() - 1, UNIT_BITS)
    if zeros == UNIT_BITS:
        return units >> UNIT_BITS
    return Fraction(units >> zeros, 1 << (UNIT_BITS - zeros))


def _products(columns: list[Floats]) -> Iterator[tuple[Floats, NDArray[np.int32]]]:
    """Parts and exponents whose sum over all pairs of `part * 2**exponent` is the product of the columns."""
    mantissas, exponents = np.frexp(columns[0])
    parts = [mantissas]
    for column in columns[1:]:
        mantissas, more = np.frexp(column)
        exponents = exponents + more
        parts = [half for part in parts for half in _two_product(part, mantissas)]
    for part in parts:
        yield part, exponents


def _two_product(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The rounded product and its rounding error, both exact, of values below 1 in magnitude."""
    product = a * b
    scaled_a, scaled_b = SPLITTER * a, SPLITTER * b
    high_a = scaled_a - (scaled_a - a)
    high_b = scaled_b - (scaled_b - b)
    low_a, low_b = a - high_a, b - high_b
    error = low_a * low_b - (((product - high_a * high_b) - low_a * high_b) - high_a * low_b)
    return product, error


def _add_by_exponent(halves: Floats, part: Floats, exponents: NDArray[np.int32]) -> None:
    mantissas, own = np.frexp(part)
    bins = own + exponents + UNIT_BITS
    scaled = mantissas * 2.0**27
    high = np.trunc(scaled)
    halves[0] += np.bincount(bins, weights=high, minlength=BINS)
    halves[1] += np.bincount(bins, weights=(scaled - high) * 2.0**26, minlength=BINS)


def _folded(halves: Floats) -> int:
    units = 0
    for position in np.flatnonzero(halves.any(axis=0)).tolist():
        high, low = (int(half) for half in halves[:, position])
        units += ((high << 26) + low) << position
    # Bin p holds units of 2**(p - UNIT_BITS - 53).
    return units >> 53


def root(value: Rational | float) -> float | Fraction:
    """Square root that neither overflows nor underflows: of a number near the ends of float64's range, a fraction."""
    try:
        narrow = float(value)
    except OverflowError:
        narrow = math.inf
    if 1e-290 < narrow < 1e290 or not value:
        return math.sqrt(narrow)
    wide = Fraction(value)
    shift = (wide.denominator.bit_length() - wide.numerator.bit_length()) // 2 + 64
    square = wide * Fraction(2) ** (2 * shift)
    return Fraction(math.isqrt(square.numerator // square.denominator)) / Fraction(2) ** shift


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
