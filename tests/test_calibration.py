"""Calibration in depth: bins, the parts of the Brier score, tests and the logistic fit, against brute force."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from service.metrics.calibration import chi_square_tail
from service.metrics.calibration_states import type_7_edges
from tests.cases import binary, joined, text, whole
from tests.tasks.binary import binary_batches, cox
from tests.tasks.known import ENDS, EXAMPLES, GRID, REAL, SMALLEST, TENTHS, UNIT, WHOLE, rows_of

SETTINGS = settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
FIT = ("calibration_slope", "calibration_intercept")
PROBABILITIES = binary_batches(scores=[GRID, TENTHS, UNIT, ENDS], weights=[None, WHOLE, REAL], scoreless=False)


def section(batch):
    return whole("binary", batch, curves=False)["calibration"]


def drawn(rng, rows, *, weights=False):
    """Labels drawn with their scores as probabilities."""
    scores = rng.beta(0.8, 1.5, rows)
    return binary(rng.random(rows) < scores, scores, rng.uniform(0.2, 3, rows) if weights else None)


def groups_of(batch, edges):
    """The rows of each group between these inner edges, exactly: weight, label and score."""
    groups = {}
    for weight, label, score in rows_of(batch, batch.truth, batch.scores):
        groups.setdefault(sum(score >= edge for edge in edges), []).append((weight, label, score))
    return {place: groups[place] for place in sorted(groups)}


def inner_deciles(batch):
    """Type 7 where the weights are equal; else, of the scores by cumulative weight, the mean of those that qualify."""
    rows = sorted((Fraction(p), w) for w, p in rows_of(batch, batch.scores))
    total = sum(w for _, w in rows)
    edges = []
    for k in range(1, 10):
        if len({w for _, w in rows}) == 1:
            place = Fraction((len(rows) - 1) * k, 10)
            below, above = rows[math.floor(place)][0], rows[math.ceil(place)][0]
            edges.append(float(below + (above - below) * (place - math.floor(place))))
        else:
            below = [sum(w for _, w in rows[: i + 1]) for i in range(len(rows))]
            first = next(p for (p, _), b in zip(rows, below, strict=True) if b * 10 >= k * total)
            second = next(p for (p, _), b in zip(rows, below, strict=True) if b * 10 > k * total)
            edges.append(float((first + second) / 2))
    return sorted(set(edges))


def check_bins(bins, batch, edges, low, high):
    groups = groups_of(batch, edges)
    assert len(bins) == len(groups)
    for found, (place, rows) in zip(bins, groups.items(), strict=True):
        weight = sum(w for w, _, _ in rows)
        assert (found["low"], found["high"]) == ([low, *edges][place], [*edges, high][place])
        assert found["weight"] == pytest.approx(float(weight), rel=1e-12)
        assert found["fraction_positive"] == pytest.approx(float(sum(w * y for w, y, _ in rows) / weight), abs=1e-12)
        assert found["mean_score"] == pytest.approx(float(sum(w * p for w, _, p in rows) / weight), abs=1e-12)


@SETTINGS
@given(PROBABILITIES)
def test_uniform_bins_start_at_the_floats_nearest_to_tenths(batch):
    check_bins(section(batch)["uniform"], batch, [k / 10 for k in range(1, 10)], 0.0, 1.0)


# With real weights a cumulative weight may be rounded to either side of a tenth; whole ones are exact.
@SETTINGS
@given(binary_batches(scores=[GRID, TENTHS], weights=[None, WHOLE], scoreless=False))
def test_quantile_bins_lie_between_the_deciles(batch):
    bins = section(batch)["quantile"]
    edges, low, high = inner_deciles(batch), batch.scores.min(), batch.scores.max()
    # Interpolated edges are rounded, and a score next to one would be on either side.
    near = {edge for edge in edges for score in batch.scores if 0 < abs(score - edge) < 1e-12}
    if not near:
        assert [b["low"] for b in bins] == pytest.approx([[low, *edges][k] for k in groups_of(batch, edges)], abs=1e-15)
        exact = [next(s for s in [*edges, low] if abs(s - b["low"]) <= 1e-15) for b in bins]
        assert len(set(exact)) == len(bins)
        counted = [float(sum(w for w, _, _ in rows)) for rows in groups_of(batch, edges).values()]
        assert [b["weight"] for b in bins] == counted
        assert bins[-1]["high"] == high or edges[-1] == bins[-1]["high"]


@pytest.mark.parametrize("rows", [1, 2, 9, 10, 11, 100, 997])
def test_the_edges_are_the_quantiles_of_numpy(rows):
    scores = np.sort(np.random.default_rng(rows).random(rows))
    assert type_7_edges(scores) == pytest.approx(np.quantile(scores, np.arange(1, 10) / 10), rel=1e-14)


def test_a_hundred_distinct_scores_make_ten_groups_of_ten_whatever_their_equal_weight():
    scores = (np.arange(100) + 0.5) / 100
    for weight in (None, np.full(100, 0.1), np.full(100, 3e50)):
        bins = section(binary(np.arange(100) % 3 == 0, scores, weight))["quantile"]
        assert [b["mean_score"] for b in bins] == pytest.approx([(10 * k + 5) / 100 for k in range(10)], rel=1e-12)


def test_a_score_at_a_decile_belongs_to_the_group_above_and_equal_deciles_are_one():
    bins = section(binary([0, 0, 0, 1, 1], [0.0, 0.0, 0.0, 1.0, 1.0]))["quantile"]
    # The deciles are 0 (five times), 0.4, 0.8 (interpolated between 0 and 1) and 1.
    assert [(b["mean_score"], b["weight"]) for b in bins] == [(0.0, 3.0), (1.0, 2.0)]
    assert bins[0]["low"] == 0.0
    assert bins[-1]["low"] == bins[-1]["high"] == 1.0


@SETTINGS
@given(PROBABILITIES)
def test_the_parts_of_the_brier_score_are_exact_and_add_up(batch):
    answer = whole("binary", batch, curves=False)
    parts = answer["calibration"]["brier_decomposition"]
    groups = groups_of(batch, [k / 10 for k in range(1, 10)]).values()
    total = sum(w for rows in groups for w, _, _ in rows)
    prevalence = sum(w * y for rows in groups for w, y, _ in rows) / total
    expected = dict.fromkeys(parts, Fraction(0)) | {"uncertainty": prevalence * (1 - prevalence)}
    for rows in groups:
        weight = sum(w for w, _, _ in rows)
        label, score = (sum(w * row[k] for w, *row in rows) / weight for k in (0, 1))
        expected["reliability"] += weight * (label - score) ** 2 / total
        expected["resolution"] += weight * (label - prevalence) ** 2 / total
        deviations = [(w, y - label, p - score) for w, y, p in rows]
        expected["within_bins"] += sum(w * (p * p - 2 * y * p) for w, y, p in deviations) / total
    assert parts == pytest.approx({name: float(value) for name, value in expected.items()}, rel=1e-12, abs=1e-14)
    brier = parts["reliability"] - parts["resolution"] + parts["uncertainty"] + parts["within_bins"]
    assert brier == pytest.approx(answer["metrics"]["brier_score"], abs=1e-12)


@SETTINGS
@given(PROBABILITIES)
def test_the_calibration_errors_are_ordered(batch):
    values = whole("binary", batch, curves=False)["metrics"]
    names = ("expected", "root_mean_squared", "maximum")
    errors = [values[f"{name}_calibration_error"] for name in names]
    assert errors[0] <= errors[1] + 1e-15
    assert errors[1] <= errors[2] + 1e-15


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("rows", [40, 1000])
def test_hosmer_lemeshow_is_the_textbook_statistic(rows, weights):
    batch = drawn(np.random.default_rng(rows), rows, weights=weights)
    answer = section(batch)
    found = answer["hosmer_lemeshow"]
    statistic = 0.0
    for b in answer["quantile"]:
        last = b is answer["quantile"][-1]
        inside = (batch.scores >= b["low"]) & ((batch.scores <= b["high"]) if last else (batch.scores < b["high"]))
        w = np.ones(rows)[inside] if batch.weight is None else batch.weight[inside]
        y, p = batch.truth[inside], batch.scores[inside]
        mean = (w * p).sum() / w.sum()
        if batch.weight is None:
            n = len(p)
            statistic += (y.sum() - n * mean) ** 2 / (n * mean * (1 - mean))
        else:
            statistic += ((w * y).sum() - (w * p).sum()) ** 2 / ((w * w).sum() * mean * (1 - mean))
    assert found["statistic"] == pytest.approx(statistic, rel=1e-11)
    assert found["degrees_of_freedom"] == 10
    assert found["p_value"] == pytest.approx(stats.chi2.sf(statistic, 10), rel=1e-10)


def test_hosmer_lemeshow_is_null_where_no_deviation_is_allowed_and_there_is_one():
    two = section(binary([0, 1, 0, 1], [0.2, 0.2, 0.8, 0.8]))["hosmer_lemeshow"]
    assert two["statistic"] == pytest.approx(0.6**2 / 0.32 * 2, rel=1e-12)
    assert two["degrees_of_freedom"] == 2
    certain = [0.0, 0.0, 0.3, 0.3, 0.6, 0.6, 1.0, 1.0]
    assert section(binary([0, 0, 0, 1, 1, 1, 1, 1], certain))["hosmer_lemeshow"] is not None
    assert section(binary([0, 1, 0, 1, 1, 1, 1, 1], certain))["hosmer_lemeshow"] is None


@pytest.mark.parametrize("freedom", range(1, 13))
def test_the_tail_of_chi_square_is_that_of_scipy(freedom):
    for statistic in [0.0, 5e-324, 1e-300, 1e-9, *np.geomspace(1e-3, 1400, 200).tolist()]:
        assert chi_square_tail(statistic, freedom) == pytest.approx(stats.chi2.sf(statistic, freedom), rel=1e-11)
    assert chi_square_tail(1.7e308, freedom) == 0


@SETTINGS
@given(PROBABILITIES, st.sampled_from([3.0, 0.1, 1e-100, 2.0**900]))
def test_spiegelhalters_z_grows_with_the_rows_and_not_with_the_unit_of_the_weights(batch, factor):
    once = whole("binary", batch, curves=False)["metrics"]["spiegelhalter_z"]
    weight = np.ones(len(batch.truth)) if batch.weight is None else batch.weight
    scaled = whole("binary", replace(batch, weight=weight * factor), curves=False)["metrics"]["spiegelhalter_z"]
    twice = whole("binary", joined([batch, batch]), curves=False)["metrics"]["spiegelhalter_z"]
    if once is None:
        assert scaled is twice is None
        assert set(batch.scores.tolist()) <= {0.0, 0.5, 1.0}
    else:
        assert scaled == pytest.approx(once, rel=1e-12, abs=1e-12)
        assert twice == pytest.approx(math.sqrt(2) * once, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("score", [0.0, 0.5, 1.0])
def test_rows_without_departure_or_variance_do_not_hide_the_others_however_heavy(score):
    light = binary([1, 0], [0.3, 0.2])
    heavy = binary([1, 0, score == 1], [0.3, 0.2, score], [1e-300, 1e-300, 1e300])
    values = [whole("binary", batch, curves=False)["metrics"]["spiegelhalter_z"] for batch in (light, heavy)]
    assert values[1] == pytest.approx(values[0], rel=1e-12)


def separated(batch):
    """Whether some score has all rows of one class at or below it and all of the other at or above."""
    p = np.clip(batch.scores, 2.0**-52, 1 - 2.0**-52)
    sides = p[batch.truth], p[~batch.truth]
    return any((a <= cut).all() and (b >= cut).all() for cut in p for a, b in (sides, sides[::-1]))


@SETTINGS
@given(PROBABILITIES)
def test_the_fit_is_undefined_exactly_where_the_likelihood_has_no_finite_maximum(batch):
    answer = whole("binary", batch, curves=False)
    reasons = {answer["undefined"].get(name, {}).get("reason") for name in FIT}
    if len(set(batch.truth.tolist())) == 1:
        assert reasons == {"single_class"}
    elif len(set(np.clip(batch.scores, 2.0**-52, 1 - 2.0**-52).tolist())) == 1:
        assert reasons == {"constant_scores"}
    else:
        assert reasons == ({"separable"} if separated(batch) else {None})


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("kind", ["bulk", "extreme", "inverted", "heavy", "hard"])
def test_the_fit_of_many_rows_is_the_maximum(kind, weights):
    rng = np.random.default_rng(20)
    scores = rng.integers(1, 256, 100_000) / 256
    if kind == "extreme":
        scores = rng.choice([0.0, 2.0**-60, 1e-9, 0.01, 0.4, 0.9, 1 - 2.0**-50, 1.0], 100_000)
    share = {"inverted": 1 - scores, "heavy": np.where(scores < 0.5, 1e-3, 0.999)}.get(kind, scores)
    truth = rng.random(100_000) < (0.05 + 0.9 * share if kind == "extreme" else share)
    if kind == "hard":
        scores = np.where(truth ^ (rng.random(100_000) < 0.1), 0.9, 0.2)
    weight = rng.integers(1, 9, 100_000).astype(float) if weights else None
    batch = binary(truth, scores, weight)
    # Rows that agree in score and label, as one with their weight: the same likelihood.
    pairs, place = np.unique(np.column_stack((scores, truth)), axis=0, return_inverse=True)
    few = binary(pairs[:, 1], pairs[:, 0], np.bincount(place.ravel(), weight))
    values = whole("binary", batch, curves=False)["metrics"]
    expected = cox(few)
    assert [values[name] for name in FIT] == pytest.approx(expected[::-1], rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("centre", [1e-9, 0.1, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("width", [1e-3, 1e-6, 1e-10])
def test_scores_that_differ_little_keep_their_difference(centre, width):
    rng = np.random.default_rng(21)
    offsets = rng.uniform(-1, 1, 40)
    batch = binary(rng.random(40) < 0.5 + 0.3 * offsets, centre * (1 + width * offsets))
    intercept, slope = cox(batch)
    values = whole("binary", batch, curves=False)["metrics"]
    assert values["calibration_slope"] == pytest.approx(slope, rel=1e-12)
    assert values["calibration_intercept"] == pytest.approx(intercept, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("weights", [None, [1e-12, 1e12, 1e-12, 1e12], [1e12, 1e-12, 1e-12, 1e12]])
def test_weights_of_every_magnitude_leave_the_maximum(weights):
    batch = binary([0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4], weights)
    values = whole("binary", batch, curves=False)["metrics"]
    intercept, slope = cox(batch)
    assert [values[name] for name in FIT] == pytest.approx([slope, intercept], rel=1e-12, abs=1e-12)


@SETTINGS
@given(
    binary_batches(
        scores=[ENDS, st.sampled_from([SMALLEST, 1e-300, 2.0**-52, 0.1, 0.5, 1 - 2.0**-53, 1.0, 0.0])],
        weights=[st.floats(-300, 300).map(lambda power: 10.0**power), st.floats(-12, 12).map(lambda p: 10.0**p)],
        scoreless=False,
    )
)
def test_extreme_scores_and_weights_leave_numbers_or_reasons(batch):
    answer = whole("binary", batch)
    text(answer)
    assert answer["calibration"] is not None


def test_classes_that_only_rounding_separates_leave_a_reason_and_no_number():
    scores = [1e-3, 0.9, np.nextafter(0.9, 1), 0.99]
    batch = binary([0, 1, 0, 1], scores, [1, 1e-40, 1e-40, 1])
    for value, reason in [(batch, "no_convergence"), (replace(batch, truth=~batch.truth), "no_convergence")]:
        answer = whole("binary", value, curves=False)
        for name in FIT:
            assert answer["metrics"][name] is None
            assert answer["undefined"][name]["reason"] == reason


@pytest.mark.parametrize(
    ("truth", "scores", "weights"),
    [
        pytest.param([0, 1, 1, 0], [0.0, 0.1, 0.9, 0.99], [1e157, 1e-140, 1e85, 1e-153], id="a step beyond float64"),
        pytest.param([1, 0, 1], [1e-3, 0.4, 0.99], [1e-26, 1e-6, 1e10], id="no step that is short enough"),
    ],
)
def test_weights_too_far_apart_for_the_fit_leave_a_reason_and_no_number(truth, scores, weights):
    answer = whole("binary", binary(truth, scores, weights), curves=False)
    for name in FIT:
        assert answer["metrics"][name] is None
        assert answer["undefined"][name]["reason"] == "no_convergence"


def test_a_model_that_knows_nothing_is_calibrated_and_has_no_slope():
    rng = np.random.default_rng(22)
    base = whole("binary", drawn(rng, 500), curves=False)["baselines"]
    assert base["spiegelhalter_z"] == pytest.approx(0, abs=1e-12)
    assert base["maximum_calibration_error"] == pytest.approx(0, abs=1e-15)
    assert not base.keys() & set(FIT)


@pytest.fixture(scope="module")
def calibrated():
    """Reports of 800 calibrated models of 400 rows."""
    rng = np.random.default_rng(23)
    return [whole("binary", drawn(rng, 400), curves=False) for _ in range(800)]


@pytest.mark.long
def test_z_of_calibrated_models_is_standard_normal(calibrated):
    z = [answer["metrics"]["spiegelhalter_z"] for answer in calibrated]
    assert abs(np.mean(z)) < 3.3 / math.sqrt(800)
    assert abs(np.std(z) - 1) < 3.3 / math.sqrt(1600)
    assert stats.kstest(z, "norm").pvalue > 1e-3


@pytest.mark.long
def test_calibrated_models_have_slope_one_and_intercept_zero(calibrated):
    slopes, intercepts = ([answer["metrics"][name] for answer in calibrated] for name in FIT)
    assert np.median(slopes) == pytest.approx(1, abs=3.3 * 1.2533 * np.std(slopes) / math.sqrt(800))
    assert np.median(intercepts) == pytest.approx(0, abs=3.3 * 1.2533 * np.std(intercepts) / math.sqrt(800))


@pytest.mark.long
def test_scores_from_elsewhere_have_as_many_degrees_of_freedom_as_groups(calibrated):
    found = [answer["calibration"]["hosmer_lemeshow"] for answer in calibrated]
    assert stats.kstest([test["p_value"] for test in found], "uniform").pvalue > 1e-3
    assert stats.kstest([test["statistic"] for test in found], stats.chi2(8).cdf).pvalue < 1e-3


@pytest.mark.long
def test_scores_fitted_on_the_same_rows_leave_two_degrees_of_freedom_less():
    rng = np.random.default_rng(26)
    values = []
    for _ in range(400):
        batch = drawn(rng, 400)
        fit = whole("binary", batch, curves=False)["metrics"]
        logits = np.log(batch.scores / (1 - batch.scores))
        fitted = 1 / (1 + np.exp(-(fit["calibration_intercept"] + fit["calibration_slope"] * logits)))
        values.append(section(replace(batch, scores=fitted))["hosmer_lemeshow"]["statistic"])
    assert stats.kstest(values, stats.chi2(8).cdf).pvalue > 1e-3


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_the_slope_says_how_much_too_extreme_the_scores_are(factor):
    rng = np.random.default_rng(24)
    logits = rng.normal(-0.5, 1.5, 40_000)
    truth = rng.random(40_000) < 1 / (1 + np.exp(-logits))
    values = whole("binary", binary(truth, 1 / (1 + np.exp(-(factor * logits + 0.7)))), curves=False)["metrics"]
    assert values["calibration_slope"] == pytest.approx(1 / factor, rel=0.04)
    assert values["calibration_intercept"] == pytest.approx(-0.7 / factor, abs=0.06)


@pytest.mark.parametrize(("factor", "sign"), [(0.5, -1), (2.0, 1)])
def test_z_is_positive_where_scores_are_too_extreme_and_negative_where_they_are_too_timid(factor, sign):
    rng = np.random.default_rng(25)
    logits = rng.normal(0, 1.5, 40_000)
    truth = rng.random(40_000) < 1 / (1 + np.exp(-logits))
    values = whole("binary", binary(truth, 1 / (1 + np.exp(-factor * logits))), curves=False)["metrics"]
    assert sign * values["spiegelhalter_z"] > 3.3
