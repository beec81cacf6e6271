"""Few rows in the place of many: what depends smoothly on score and label has the same sums."""

import math

import numpy as np
import pytest
from scipy import special

from service.metrics.binary_states import log_losses, squared_errors
from service.metrics.digest import GROUPS, MANY, NARROW, digest_of

ROWS = 40_000
SCORES = {
    "even": lambda rng: rng.uniform(0, 1, ROWS),
    "skewed": lambda rng: rng.beta(0.2, 5, ROWS),
    "every magnitude": lambda rng: 10 ** rng.uniform(-15, 0, ROWS),
    "extreme": lambda rng: special.expit(rng.normal(0, 8, ROWS)),
    "narrow": lambda rng: 0.3 * (1 + 1e-10 * rng.uniform(-1, 1, ROWS)),
    "tied": lambda rng: rng.integers(0, 101, ROWS) / 100,
    "ends": lambda rng: rng.choice([0.0, 5e-324, 2.0**-52, 0.5, 1 - 2.0**-53, 1.0], ROWS),
}
# Of label and score.
SMOOTH = {
    "rows": lambda _, scores: np.ones(len(scores)),
    "log loss": log_losses,
    "its square": lambda truth, scores: log_losses(truth, scores) ** 2,
    "squared error": squared_errors,
    "its square again": lambda truth, scores: squared_errors(truth, scores) ** 2,
    "a flat fit": lambda truth, scores: truth - special.expit(0.3 + 0.5 * scores),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smooth", SMOOTH)
@pytest.mark.parametrize("kind", SCORES)
def test_sums_of_what_is_smooth_are_those_of_all_rows(kind, smooth, weighted):
    rng = np.random.default_rng(31)
    scores = np.sort(SCORES[kind](rng))
    truth = rng.random(ROWS) < scores
    weights = rng.uniform(0, 2, ROWS) ** 8 if weighted else None
    value = SMOOTH[smooth]
    terms = value(truth, scores) * (1 if weights is None else weights)
    parts = digest_of(scores, truth, weights, NARROW)
    found = math.fsum(math.fsum(part.mass * value(part.truth, part.scores)) for part in parts)
    assert found == pytest.approx(math.fsum(terms), rel=1e-12, abs=1e-14 * math.fsum(np.abs(terms)))


def test_a_digest_is_small_where_the_rows_are_many():
    scores = np.sort(np.random.default_rng(32).random(1_000_000))
    truth = scores > 0.5
    parts = digest_of(scores, truth, None, NARROW)
    assert sum(len(part.mass) for part in parts) < 4 * GROUPS + 100_000


def test_few_rows_stand_for_themselves():
    scores = np.linspace(0, 1, MANY - 1)
    (part,) = digest_of(scores, scores > 0.5, None, NARROW)
    assert part.scores.tolist() == scores.tolist()
    assert part.mass.tolist() == [1.0] * len(scores)
