"""Exact sums by group against rational arithmetic."""

import math
from fractions import Fraction
from operator import mul

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.metrics import sums
from service.metrics.exact import FEW_ROWS
from service.metrics.sums import Sums
from tests.tasks.known import EXAMPLES

SETTINGS = settings(max_examples=3 * EXAMPLES // 2, deadline=None, derandomize=True)
SIZE = 4
EVERY_MAGNITUDE = st.floats(5e-324, 2.0**1000) | st.sampled_from(
    [5e-324, 2.2250738585072014e-308, 2.0**-1000, 2.0**-27, 1.0, 1 - 2.0**-53, 2.0**26, 2.0**53 - 1, 2.0**1000]
)
WEIGHTS = st.sampled_from([EVERY_MAGNITUDE, st.integers(1, 2**53).map(float), st.floats(1e-3, 1e3), st.just(1.0)])
ROWS = WEIGHTS.flatmap(lambda kind: st.lists(st.tuples(st.integers(0, SIZE - 1), kind), min_size=1, max_size=12))


def summed(rows, *, weighted=True):
    groups, weights = (np.array(column) for column in zip(*rows, strict=True))
    with np.errstate(over="ignore", invalid="ignore"):  # as in reports
        return Sums.of(groups, SIZE, weights if weighted else None)


def reference(rows):
    totals = [Fraction(0)] * SIZE
    for group, weight in rows:
        totals[group] += Fraction(weight)
    return totals


def everything(found):
    """All that is read of sums."""
    return found.exact, found.floats.tolist(), found.total


@SETTINGS
@given(ROWS)
def test_sums_are_exact_and_floats_the_nearest(rows):
    found, expected = summed(rows), reference(rows)
    assert found.exact == expected
    assert found.floats.tolist() == [float(value) for value in expected]
    assert found.total == sum(expected)
    assert all(isinstance(value, int) for value in found.exact if value.denominator == 1)


@SETTINGS
@given(ROWS)
def test_without_weights_rows_are_counted(rows):
    assert everything(summed(rows, weighted=False)) == everything(summed([(group, 1.0) for group, _ in rows]))


@SETTINGS
@given(ROWS, st.data())
def test_no_order_and_no_split_shows(rows, data):
    moved = data.draw(st.permutations(rows))
    cuts = sorted(data.draw(st.lists(st.integers(1, len(rows) - 1), max_size=4, unique=True))) if len(rows) > 1 else []
    first, *others = (summed(moved[i:j]) for i, j in zip([0, *cuts], [*cuts, len(rows)], strict=True))
    for part in others:
        first = part + first
    assert everything(first) == everything(summed(rows))


@SETTINGS
@given(ROWS, st.booleans(), st.integers(0, SIZE), st.data())
def test_some_groups_and_sums_of_groups(rows, weighted, size, data):
    rows = rows if weighted else [(group, 1.0) for group, _ in rows]
    found, expected = summed(rows, weighted=weighted), reference(rows)
    chosen = data.draw(st.lists(st.integers(0, SIZE - 1), min_size=1, max_size=6))
    assert found.at(np.array(chosen)).exact == [expected[group] for group in chosen]
    owner = data.draw(st.lists(st.integers(0, size), min_size=SIZE, max_size=SIZE))
    fewer = found.by(np.array(owner), size + 1)
    exact = [sum(v for v, of in zip(expected, owner, strict=True) if of == group) for group in range(size + 1)]
    assert fewer.exact == exact
    assert fewer.floats.tolist() == [float(value) for value in exact]


NUMBER = st.floats(-1e6, 1e6) | st.sampled_from([5e-324, -(2.0**-1000), 2.0**1000, 0.0])


@SETTINGS
@given(ROWS, st.integers(1, 2), st.data())
def test_sums_times_numbers_are_exact_for_few_groups_and_for_many(rows, width, data):
    found = summed([*rows, *((group, weight) for group, (_, weight) in zip(range(SIZE), rows, strict=False))])
    for many, times in ((found, 1), (found.at(np.tile(found.groups, 3 * FEW_ROWS)), FEW_ROWS)):
        size = len(many.groups) // times
        numbers = [data.draw(st.lists(NUMBER, min_size=size, max_size=size)) * times for _ in range(width)]
        products = [math.prod(map(Fraction, row)) for row in zip(*numbers, strict=True)]
        totals = [many.exact[group] for group in many.groups]
        assert many.times(*map(np.array, numbers)) == sum(map(mul, totals, products))
        infinite = [np.array([math.inf, *part[1:]]) for part in numbers]
        assert not math.isfinite(many.times(*infinite))


@SETTINGS
@given(ROWS, st.integers(2, 1000))
def test_carries_after_many_additions(rows, times):
    found, total = summed(rows), None
    for bit in f"{times:b}":
        total = found if total is None else total + total + found if bit == "1" else total + total
    assert total.exact == [times * value for value in reference(rows)]
    assert total.by(np.zeros(SIZE, dtype=int), 1).exact == [times * sum(reference(rows))]


def test_groups_too_many_for_a_table_of_all_are_sorted(monkeypatch):
    monkeypatch.setattr(sums, "MOST_DENSE", SIZE - 1)
    rows = [(3, 0.5), (1, 2.0**-60), (3, 1.0), (0, 2.0**70)]
    assert summed(rows).exact == reference(rows)


def test_full_digits_carry_into_a_place_that_no_weight_has():
    found = summed([(1, 2.0**52 - 1)] * 2**12)
    assert max(found.carried) > max(found.digits)
    assert found.exact == [0, (2**52 - 1) * 2**12, 0, 0]
    assert (found + found).floats.tolist() == [0, float((2**52 - 1) * 2**13), 0, 0]


@pytest.mark.parametrize("rows", [[(0, 1.0), (0, 2.0**-53)], [(0, 1.0), (0, 2.0**-53), (0, 2.0**-1000)]])
def test_floats_are_rounded_once_to_even_or_away_from_what_lies_below(rows):
    assert summed(rows).floats[0] == (1.0 if len(rows) == 2 else 1 + 2.0**-52)


@pytest.mark.parametrize("step", [2.0**-1074, 3 * 2.0**-1074])
def test_subnormal_sums_are_rounded_once(step):
    rows = [(0, 2.0**-1022), (0, step), (1, 2.0**-1060), (1, step)]
    assert summed(rows).floats.tolist() == [2.0**-1022 + step, 2.0**-1060 + step, 0, 0]


def test_a_power_of_two_moves_the_floats_and_nothing_else():
    rng = np.random.default_rng(20)
    groups, weights = rng.integers(0, SIZE, 1000), rng.random(1000) + 0.01
    plain = Sums.of(groups, SIZE, weights)
    for exponent in (-900, -332, -26, 1, 25, 332, 900):
        scaled = Sums.of(groups, SIZE, np.ldexp(weights, exponent))
        assert scaled.floats.tolist() == np.ldexp(plain.floats, exponent).tolist()


def test_digits_are_whole_and_below_the_base_once_carried():
    rng = np.random.default_rng(21)
    found = Sums.of(rng.integers(0, SIZE, 5000), SIZE, 10.0 ** rng.uniform(-30, 30, 5000))
    assert len(found.carried) >= len(found.digits) > 5
    for digits in found.carried.values():
        assert digits.min() >= 0
        assert digits.max() < sums.BASE
