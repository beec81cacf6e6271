"""Few rows in the place of many: what depends smoothly on score and label has the same sums."""

import itertools
import math

import numpy as np
import pytest
from scipy import special

from service.metrics.binary_states import log_losses, squared_errors
from service.metrics.calibration_states import VARIANCE_UNIT
from service.metrics.digest import MANY, NARROW
from service.metrics.recalibration import recalibration
from service.metrics.sweep_states import Sweep
from tests.cases import binary, whole

ROWS = 40_000
SCORES = {
    "even": lambda rng: rng.uniform(0, 1, ROWS),
    "skewed": lambda rng: rng.beta(0.2, 5, ROWS),
    "every magnitude": lambda rng: 10 ** rng.uniform(-15, 0, ROWS),
    "extreme": lambda rng: special.expit(rng.normal(0, 8, ROWS)),
    "narrow": lambda rng: 0.3 * (1 + 1e-10 * rng.uniform(-1, 1, ROWS)),
    "tied": lambda rng: rng.integers(0, 101, ROWS) / 100,
    "sparse": lambda _: np.concatenate([np.geomspace(1e-15, 0.5, ROWS // 2), 1 - np.geomspace(1e-15, 0.5, ROWS // 2)]),
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
    scores = SCORES[kind](rng)
    truth = rng.random(ROWS) < scores
    weights = rng.uniform(0, 2, ROWS) ** 8 if weighted else None
    value = SMOOTH[smooth]
    sweep = Sweep.sorted(scores, truth, weights=weights)
    terms = value(sweep.truth, sweep.scores) * sweep.relative_weights
    parts = sweep.digests(NARROW)[0]
    found = math.fsum(math.fsum(part.mass * value(part.truth, part.scores)) for part in parts)
    assert found == pytest.approx(math.fsum(terms), rel=1e-12, abs=1e-14 * math.fsum(np.abs(terms)))


@pytest.mark.parametrize("kind", SCORES)
def test_a_digest_is_small_where_the_rows_are_many(kind):
    scores = np.tile(SCORES[kind](np.random.default_rng(32)), 25)
    (parts,) = Sweep.sorted(scores, scores > 0.5, weights=None).digests(NARROW)
    assert sum(len(part.mass) for part in parts) < 60_000


def test_few_rows_stand_for_themselves():
    scores = np.linspace(0, 1, MANY - 1)
    ((part,),) = Sweep.sorted(scores, scores > 0.5, weights=None).digests(NARROW)
    assert part.scores.tolist() == scores.tolist()
    assert part.mass.tolist() == [1.0] * len(scores)


def test_narrow_groups_are_all_that_a_fit_of_many_rows_needs():
    rng = np.random.default_rng(34)
    scores = SCORES["even"](rng)
    sweep = Sweep.sorted(scores, rng.random(ROWS) < scores, weights=None)
    asked = []
    fit = recalibration(
        sweep.scores, sweep.truth, None, lambda narrow: asked.append(narrow) or sweep.digests(narrow), sweep.middle
    )
    assert fit == sweep.recalibration
    assert asked == [NARROW]


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("kind", ["even", "skewed", "every magnitude", "extreme", "narrow", "narrower"])
def test_no_row_is_left_out_of_the_fit_of_many_rows(kind, weights):
    rng = np.random.default_rng(23)
    rows, middle = ROWS, 0.3
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


@pytest.mark.parametrize("unit", [None, 1.0, 2.0**-1050])
@pytest.mark.parametrize("kind", [*SCORES, "near a half"])
def test_runs_hold_the_sums_over_all_their_rows(kind, unit):
    rng = np.random.default_rng(33)
    scores = 0.5 + rng.normal(0, 1e-4, ROWS) if kind == "near a half" else SCORES[kind](rng)
    truth = rng.random(ROWS) < scores
    weights = None if unit is None else unit * rng.uniform(0, 2, ROWS) ** 8
    sweep = Sweep.sorted(scores, truth, weights=weights)
    runs, p, y = sweep.runs, sweep.scores, sweep.truth
    w = np.ones(ROWS) if weights is None else sweep.weights
    gap, slant, variance = y - p, 1 - 2 * p, p * (1 - p)
    linear = [np.ones(ROWS), y, p, 1 - p, gap, variance, gap * slant]
    informative = variance * VARIANCE_UNIT * slant * slant
    square = [np.ones(ROWS), variance, informative, y, gap * slant, np.square(gap * slant)]
    scales = np.ldexp(1.0, -runs.exponents)
    for row, (first, last) in enumerate(itertools.pairwise([*runs.starts.tolist(), ROWS])):
        here, scale = slice(first, last), scales[row]
        for found, power, terms in ((runs.linear, 1, linear), (runs.square, 2, square)):
            for value, term in zip(found[:, row], terms, strict=True):
                parts = (w[here] * scale) ** power * term[here]
                rounding = 1e-12 * math.fsum(np.abs(parts)) + 1e-300  # which subnormal products need
                assert abs(value - math.fsum(parts)) <= rounding
