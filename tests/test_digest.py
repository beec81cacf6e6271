"""Few rows in the place of many: what depends smoothly on score and label has the same sums."""

import math

import numpy as np
import pytest
from scipy import special

from service.metrics.binary_states import log_losses, squared_errors
from service.metrics.digest import GROUPS, MANY, NARROW, digest_of
from tests.cases import binary, whole

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


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("kind", ["even", "skewed", "every magnitude", "extreme", "narrow", "narrower"])
def test_no_row_is_left_out_of_the_fit_of_many_rows(kind, weights):
    rng = np.random.default_rng(23)
    rows, middle = 30_000, 0.3
    scores = {
        "even": lambda: rng.uniform(0, 1, rows),
        "skewed": lambda: rng.beta(0.3, 4, rows),
        "every magnitude": lambda: 10 ** rng.uniform(-15, 0, rows),
        "extreme": lambda: special.expit(rng.normal(0, 8, rows)),
        "narrow": lambda: middle * (1 + 1e-5 * rng.normal(0, 1, rows)),
        "narrower": lambda: middle * (1 + 1e-10 * rng.uniform(-1, 1, rows)),
    }[kind]()
    inside = np.clip(scores, 2.0**-52, 1 - 2.0**-52)
    # Near each other by the difference of the scores, which their logits would round.
    odds = (inside - middle) / (middle * (1 - inside))
    apart = np.where(np.abs(odds) < 0.5, np.log1p(odds), special.logit(inside) - special.logit(middle))
    spread = apart.std()
    truth = rng.random(rows) < special.expit(1.3 * (apart - apart.mean()) / spread)
    mass = rng.integers(1, 9, rows).astype(float) if weights else np.ones(rows)
    answer = whole("binary", binary(truth, scores, mass if weights else None), curves=False)
    slope, intercept = (answer["metrics"][name] for name in ("calibration_slope", "calibration_intercept"))
    likelihood = special.expit(intercept + slope * special.logit(middle) + slope * apart)
    pull, curvature = mass * (truth - likelihood), mass * likelihood * (1 - likelihood)
    x = apart - np.average(apart, weights=curvature)
    # How far each line is from the maximum, in its standard errors; rounding of the intercept alone shifts all logits.
    assert abs(math.fsum(pull * x)) / math.sqrt(math.fsum(curvature * x * x)) < 1e-8
    rounding = 1e-15 * max(1.0, abs(intercept))
    assert abs(math.fsum(pull)) < 1e-8 * math.sqrt(math.fsum(curvature)) + rounding * math.fsum(curvature)
