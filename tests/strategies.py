"""Hypothesis strategies: small batches of each task with labels, scores and weights of every kind."""

import numpy as np
from hypothesis import strategies as st

from service.metrics.batch import Batch
from tests.cases import binary, regression

SMALLEST, LARGEST = 5e-324, 1.7976931348623157e308

GRID = st.integers(0, 8).map(lambda k: k / 8)
TENTHS = st.integers(0, 10).map(lambda k: k / 10)
UNIT = st.floats(0, 1)
UNIT_32 = st.floats(0, 1, width=32)
ENDS = st.sampled_from([0.0, 1.0, SMALLEST, 2.0**-52, 1 - 2.0**-53, 0.5])
FINITE = st.floats(allow_nan=False, allow_infinity=False)
EXTREME = st.sampled_from([0.0, 1.0, -1.0, SMALLEST, -SMALLEST, 1e-200, 1e200, -1e200, LARGEST, -LARGEST])
COUNTS = st.integers(-3, 6).map(float)
MODEST = st.floats(-1e6, 1e6).map(lambda x: round(x, 3))

SCORES = [GRID, TENTHS, UNIT, UNIT_32, ENDS, COUNTS, FINITE | EXTREME]
NUMBERS = [COUNTS, MODEST, st.floats(-100, 100, width=32), FINITE | EXTREME]
TAME_NUMBERS = NUMBERS[:-1]

WHOLE = st.integers(1, 5).map(float)
SOME_ZERO = st.integers(0, 3).map(float)
REAL = st.floats(1e-3, 1e3)
WILD = st.floats(1e-12, 1e12) | st.just(1.0)


def columns(draw, kinds, weights):
    """Rows of the drawn kinds, and their weights or None; the weights have a positive sum."""
    kind = draw(st.sampled_from(weights))
    rows = draw(st.lists(st.tuples(*kinds, st.none() if kind is None else kind), min_size=1, max_size=9))
    *values, weight = zip(*rows, strict=True)
    if kind is None:
        return [*values, None]
    return [*values, weight if any(weight) else [1.0] * len(rows)]


@st.composite
def binary_batches(draw, scores=SCORES, weights=(None, WHOLE, SOME_ZERO, REAL, WILD), *, scoreless=True) -> Batch:
    truth, drawn, weight = columns(draw, [st.booleans(), draw(st.sampled_from(scores))], weights)
    if scoreless and draw(st.integers(0, 5)) == 0:
        return binary(truth, None, weight, np.array(drawn) >= 0.5)
    return binary(truth, drawn, weight)


@st.composite
def regression_batches(draw, numbers=NUMBERS, weights=(None, WHOLE, SOME_ZERO, REAL, WILD), outputs=(1, 1, 2)) -> Batch:
    kind, width = draw(st.sampled_from(numbers)), draw(st.sampled_from(outputs))
    cell = kind if width == 1 else st.lists(kind, min_size=width, max_size=width)
    truth, predicted, weight = columns(draw, [cell, cell], weights)
    return regression(truth, predicted, weight)


# Everything a request may hold, by task; and rows whose sums stay far from the ends of float64.
BATCHES = {"binary": binary_batches, "regression": regression_batches}
TAME = {
    "binary": lambda **options: binary_batches(scores=SCORES[:-1], **options),
    "regression": lambda **options: regression_batches(numbers=TAME_NUMBERS, **options),
}
