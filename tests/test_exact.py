"""Exact sums, roots and orders against rational arithmetic."""

import math
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import reduce
from operator import mul

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.metrics import exact
from service.metrics.exact import canonical_order, dense_codes, exact_sum, root
from service.metrics.losses import minus_log1p
from tests.tasks.known import EXAMPLES

SETTINGS = settings(max_examples=3 * EXAMPLES // 2, deadline=None, derandomize=True)
LARGEST, SMALLEST = 1.7976931348623157e308, 5e-324
FINITE = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(
    [0.0, SMALLEST, -SMALLEST, 2.2250738585072014e-308, 1.0, LARGEST, -LARGEST, math.nextafter(1, 0)]
)
ROWS = st.integers(1, 3).flatmap(lambda width: st.lists(st.tuples(*[FINITE] * width), min_size=1, max_size=12))


def columns_of(rows: list[tuple[float, ...]]) -> list[np.ndarray]:
    return [np.array(column, dtype=float) for column in zip(*rows, strict=True)]


def reference(*columns: np.ndarray) -> Fraction:
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return sum((reduce(mul, map(Fraction, row)) for row in rows), Fraction(0))


def many_times(columns: list[np.ndarray]) -> list[np.ndarray]:
    """The rows so often that they are not added one by one."""
    return [np.tile(column, exact.FEW_ROWS + 1) for column in columns]


def any_floats(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Floats with every exponent and both signs, from random bits."""
    values = rng.integers(0, 2**64, rows, dtype=np.uint64).view(np.float64)
    return np.where(np.isfinite(values), values, 1.5)


@SETTINGS
@given(ROWS)
def test_sums_of_products_are_exact_over_the_whole_range(rows):
    columns = columns_of(rows)
    assert exact_sum(*columns) == reference(*columns)
    assert exact_sum(*many_times(columns)) == (exact.FEW_ROWS + 1) * reference(*columns)


@SETTINGS
@given(ROWS, st.sampled_from([math.inf, -math.inf, math.nan]), st.data())
def test_an_element_without_a_value_makes_the_sum_infinite(rows, special, data):
    columns = columns_of(rows)
    column = data.draw(st.integers(0, len(columns) - 1))
    columns[column][data.draw(st.integers(0, len(rows) - 1))] = special
    assert exact_sum(*columns) == exact_sum(*many_times(columns)) == math.inf


@pytest.mark.parametrize("width", [1, 2, 3])
def test_no_rows_sum_to_zero(width):
    assert exact_sum(*[np.array([])] * width) == 0


def test_zeros_do_not_widen_what_is_added():
    values = np.array([-3.0, 2.0**-40])
    assert exact.Span.of(np.append(values, [0.0, -0.0])) == exact.Span.of(values)


@pytest.mark.parametrize("bits", [2, 3, 4])
@pytest.mark.parametrize("width", [1, 2, 3])
def test_no_row_is_lost_or_counted_twice_at_the_edges_of_blocks(monkeypatch, bits, width):
    monkeypatch.setattr(exact, "BLOCK_BITS", bits)
    monkeypatch.setattr(exact, "FEW_ROWS", 1)
    rng = np.random.default_rng(1)
    for rows in range(3 * 2**bits + 2):
        wild = [any_floats(rng, rows) for _ in range(width)]
        for columns in (wild, [np.frexp(column)[0] for column in wild]):
            assert exact_sum(*columns) == reference(*columns)


@pytest.mark.parametrize("scale", [1.0, 2.0**300, 2.0**-300])
@pytest.mark.parametrize("width", [1, 2, 3])
def test_full_blocks_of_the_largest_mantissas_are_exact(width, scale):
    value = math.nextafter(1, 0) * scale
    rows = 3 * 2**exact.BLOCK_BITS + 3
    assert exact_sum(*[np.full(rows, value)] * width) == rows * Fraction(value) ** width


def test_agrees_with_fsum_on_many_rows():
    rng = np.random.default_rng(2)
    values = rng.normal(size=50_000) * 10.0 ** rng.integers(-30, 30, 50_000)
    assert float(exact_sum(values)) == math.fsum(values.tolist())


def test_variance_from_exact_sums_does_not_cancel():
    x = np.array([1e7 + 0.2, *[1e7 + 0.1, 1e7 + 0.3] * 500]) * 1e6
    n, mean = len(x), reference(x) / len(x)
    assert n * exact_sum(x, x) - exact_sum(x) ** 2 == n * sum((Fraction(v) - mean) ** 2 for v in x.tolist())


@SETTINGS
@given(st.fractions(min_value=0, max_denominator=10**9), st.integers(-2400, 2400))
def test_a_root_is_right_to_the_last_bit_and_beyond_the_range_of_floats(value, exponent):
    value = value * Fraction(2) ** exponent
    found = Fraction(root(value))
    assert abs(found * found - value) <= value * Fraction(1, 2**51)


@pytest.mark.parametrize("exponent", [-600, -291, 291, 600])
@pytest.mark.parametrize("digit", [1, 3, 7])
def test_a_root_at_the_ends_is_a_fraction_of_more_bits_than_a_float(digit, exponent):
    value = digit * Fraction(10) ** exponent
    found = root(value)
    assert isinstance(found, Fraction)
    assert abs(found * found - value) <= value / 2**60
    assert abs(root(value**2) - value) <= value / 2**60


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (Fraction(1, 4), 0.5), (144, 12), (2, math.sqrt(2))])
def test_a_root_in_the_middle_is_that_of_math(value, expected):
    assert float(root(value)) == expected


COLUMN = st.sampled_from(["few", "float", "bool"])
COLUMNS = st.tuples(st.integers(0, 12), st.lists(COLUMN, min_size=1, max_size=4), st.integers(0, 2**32))


def drawn_columns(shape):
    rows, kinds, seed = shape
    rng = np.random.default_rng(seed)
    make = {
        "few": lambda: rng.choice([-1.0, 0.0, 1e-300, 2.0], rows),
        "float": lambda: any_floats(rng, rows),
        "bool": lambda: rng.random(rows) < 0.5,
    }
    return [make[kind]() for kind in kinds], rng.permutation(rows)


@SETTINGS
@given(COLUMNS)
def test_the_canonical_order_is_lexicographic_whatever_order_the_rows_came_in(shape):
    columns, shuffle = drawn_columns(shape)
    expected = np.lexsort(columns[::-1])
    order = canonical_order(*columns)
    moved = [column[shuffle] for column in columns]
    again = canonical_order(*moved)
    assert sorted(order.tolist()) == list(range(len(columns[0])))
    for column, other in zip(columns, moved, strict=True):
        assert column[order].tolist() == column[expected].tolist() == other[again].tolist()


def test_dense_codes_number_the_distinct_values():
    assert dense_codes(np.array([0.5, 0.5, 0.7, 0.9, 0.9])).tolist() == [0, 0, 1, 2, 2]
    assert dense_codes(np.array([])).tolist() == []


NEAR = st.floats(-0.5, 0.5).filter(lambda u: abs(u) > 1e-150)


@SETTINGS
@given(NEAR | st.sampled_from([-0.5, 0.5, 1e-9, -1e-9]))
def test_minus_log1p_has_full_precision(u):
    with localcontext(prec=400):
        wide = Decimal(u) - (1 + Decimal(u)).ln()
        error = abs(Decimal(minus_log1p(np.array([u])).item()) - wide)
    assert error <= Decimal("1e-15") * wide
