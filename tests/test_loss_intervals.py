"""Intervals of log_loss and brier_score: Student's on the logarithm, open from above for a mistake not yet made."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from service.evaluate import kinds_of, merged, report, states_of
from service.metrics.batch import Batch, Question, Reading
from tests.cases import binary, close, cut, take, text
from tests.coverage_study import populations

LOSSES = ("log_loss", "brier_score")
EPSILON = 2.0**-52
LARGEST = {"log_loss": 52 * math.log(2), "brier_score": 1.0}


def answered(*parts: Batch, counts: bool = False, **options) -> dict:
    """The report of both losses of these parts together."""
    question, reading = Question("binary", (0, 1), 1, 0.5, counts=counts), Reading(LOSSES, **options)
    kinds = kinds_of(question, reading)
    return report(merged([states_of(part, question, kinds) for part in parts]), question, reading)


def limits_of(*parts: Batch, **options) -> dict:
    """The intervals of both losses."""
    return answered(*parts, **options)["intervals"]


def drawn(rows: int, seed: int, *, weights: bool = False) -> Batch:
    """Well separated classes, with scores that are too sure."""
    rng = np.random.default_rng(seed)
    truth = rng.random(rows) < 0.4
    scores = 1 / (1 + np.exp(-rng.normal(8 * truth - 4, 4)))
    return binary(truth, scores, rng.uniform(0.2, 3, rows) if weights else None)


def losses_by_hand(name: str, truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The loss of each row."""
    if name == "brier_score":
        return (truth - scores) ** 2
    clipped = np.clip(np.where(truth, scores, 1 - scores), EPSILON, 1 - EPSILON)
    return -np.log(clipped)


def moments(x: np.ndarray, w: np.ndarray) -> tuple[float, float, float]:
    """The weighted mean, its standard error, and t with the degrees of freedom of its effective rows."""
    mean = np.average(x, weights=w)
    variance = np.sum(w**2 * (x - mean) ** 2) / np.sum(w) ** 2
    size = np.average((x - mean) ** 2, weights=w) / variance
    return mean, math.sqrt(variance * size / (size - 1)), stats.t.ppf(0.975, size - 1)


def by_hand(name: str, batch: Batch) -> tuple[float, float, float]:
    """Both limits, and the upper one that t on the logarithm has without one more row."""
    weight = np.ones(len(batch.truth)) if batch.weight is None else batch.weight
    losses = losses_by_hand(name, batch.truth, batch.scores)
    mistake = np.average(losses_by_hand(name, ~batch.truth, batch.scores), weights=weight)
    mean, error, t = moments(losses, weight)
    low, high = mean * np.exp(np.array([-1, 1]) * t * error / mean)
    at_most, mistaken = (with_one_more(losses, weight, loss, t) for loss in (LARGEST[name], mistake))
    moves = at_most > high + (high - low) / 20
    return low, max(high, mistaken) if moves else high, high


def with_one_more(losses: np.ndarray, weight: np.ndarray, loss: float, t: float) -> float:
    """The upper limit, on the scale of square roots, of these rows and one more."""
    mean, error, _ = moments(np.append(losses, loss), np.append(weight, np.sum(weight**2) / np.sum(weight)))
    return (math.sqrt(mean) + t * error / (2 * math.sqrt(mean))) ** 2


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("rows", [2, 7, 40, 500])
def test_limits_are_those_of_the_rows_and_one_more(name, weights, rows):
    for seed in range(5):
        batch = drawn(rows, seed, weights=weights)
        low, high, _ = by_hand(name, batch)
        found = limits_of(batch)[name]
        assert found["low"] == pytest.approx(low, rel=1e-9)
        assert found["high"] == pytest.approx(min(high, LARGEST[name]), rel=1e-9)
        assert found["method"] == "t_log_mistake"


# With one or two mistakes the limit is that of t on the logarithm, which is wider.
@pytest.mark.parametrize(("mistakes", "wider"), [(0, 1.1), (1, 1.3), (2, 1.15), (5, 1.1), (10, 1.1)])
def test_sure_scores_have_about_the_exact_upper_limit_of_a_share_of_mistakes(mistakes, wider):
    """Then the Brier score is that share, and the limit of Clopper and Pearson covers whatever the share is."""
    rows = 300
    truth = np.arange(rows) < rows // 2
    wrong = np.arange(rows) < mistakes
    scores = np.where(truth ^ wrong, 1 - 1e-6 * np.arange(1, rows + 1), 1e-6 * np.arange(1, rows + 1))
    exact = stats.binomtest(mistakes, rows).proportion_ci(method="exact")
    assert 1 < limits_of(binary(truth, scores))["brier_score"]["high"] / exact.high < wider


@pytest.mark.parametrize("sharpness", [1.0, 2.0])
def test_well_separated_classes_are_covered_where_t_on_the_logarithm_fails(sharpness):
    population = populations.binormal(0.99, 0.5, sharpness)
    true = answered(population, intervals=False)["metrics"]
    rng = np.random.default_rng(1)
    held, plain = [], []
    for _ in range(400):
        batch = population.rows(rng.integers(0, len(population.truth), 40))
        found = limits_of(batch)
        for name in LOSSES:
            held.append(found[name]["low"] <= true[name] <= found[name]["high"])
            plain.append(true[name] <= by_hand(name, batch)[2])
    assert np.mean(held) >= 0.94
    assert np.mean(plain) < 0.9


@pytest.mark.parametrize("name", LOSSES)
def test_limits_are_close_to_t_on_the_logarithm_where_classes_overlap(name):
    population = populations.binormal(0.75, 0.5)
    rng = np.random.default_rng(2)
    ratios = []
    for _ in range(50):
        batch = population.rows(rng.integers(0, len(population.truth), 100))
        found = limits_of(batch)[name]
        low, _, high = by_hand(name, batch)
        ratios.append((found["high"] - found["low"]) / (high - low))
    assert min(ratios) > 1 - 1e-12
    assert np.mean(ratios) < 1.05


@pytest.mark.parametrize(
    ("truth", "scores"),
    [
        ([0, 1, 1, 0], [0, 1, 1, 0]),
        ([0, 1, 1, 0], [1, 0, 0, 1]),
        ([0, 1, 1, 0], [0, 1, 1, 1]),
        ([1], [0.3]),
        ([1], [1]),
        ([0], [0.5]),
        ([1, 1, 1], [0.5, 0.7, 0.9]),
        ([0, 0, 0], [0, 0, 0]),
        ([0, 1, 0, 1, 1], [0.5] * 5),
        ([0, 1] * 10, [1e-300, 1] * 10),
        ([0, 1] * 10, [0.5, 0.5 + 1e-9] * 10),
    ],
)
@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_degenerate_rows_have_limits_around_the_value(truth, scores, level):
    for weight in (None, np.full(len(truth), 0.3), 1 + np.arange(len(truth))):
        answer = answered(binary(truth, scores, weight), confidence_level=level)
        for name, largest in zip(LOSSES, (52 * math.log(2), 1), strict=True):
            value, found = answer["metrics"][name], answer["intervals"][name]
            assert 0 <= found["low"] <= value <= found["high"] <= largest
            assert found["low"] < found["high"]


def test_rows_that_differ_by_a_rounding_have_the_limits_of_equal_rows():
    equal, rounded = (limits_of(binary([0, 1] * 10, [0.5, score] * 10)) for score in (0.5, np.nextafter(0.5, 1)))
    for name in LOSSES:
        assert rounded[name]["method"] == equal[name]["method"] == "wilson"
        assert rounded[name]["high"] == pytest.approx(equal[name]["high"], rel=1e-12)


def test_scores_that_are_no_probabilities_have_neither_value_nor_limits():
    answer = answered(binary([0, 1, 1], [-1, 0.5, 3]))
    assert answer["intervals"] == dict.fromkeys(LOSSES)
    assert {answer["undefined"][name]["reason"] for name in LOSSES} == {"scores_not_probabilities"}


@pytest.mark.parametrize("factor", [2.0**-40, 0.5, 2.0**70])
def test_a_power_of_two_on_all_weights_changes_no_byte(factor):
    batch = drawn(60, 7, weights=True)
    assert text(limits_of(replace(batch, weight=batch.weight * factor))) == text(limits_of(batch))


@pytest.mark.parametrize("weights", [False, True])
def test_neither_order_nor_split_changes_a_byte(weights):
    batch = drawn(200, 3, weights=weights)
    once = text(limits_of(batch))
    rng = np.random.default_rng(4)
    for _ in range(5):
        shuffled = take(batch, rng.permutation(200))
        assert text(limits_of(*cut(shuffled, rng.integers(0, 200, 3)))) == once


def test_counts_are_repetitions_and_reliabilities_are_not():
    batch = drawn(50, 5)
    many = np.random.default_rng(6).integers(1, 5, 50)
    weighted = replace(batch, weight=many.astype(float))
    assert close(limits_of(weighted, counts=True), limits_of(take(batch, np.repeat(np.arange(50), many))))
    wide, narrow = limits_of(weighted), limits_of(weighted, counts=True)
    for name in LOSSES:
        assert wide[name]["high"] - wide[name]["low"] > narrow[name]["high"] - narrow[name]["low"]
