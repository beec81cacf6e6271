"""Curves against brute force: exact points, bounded in number, and areas that do not depend on the number."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from service.metrics.curves import thinned
from service.metrics.sweep_states import Sweep
from tests.cases import at_thresholds, binary, regression, text, whole
from tests.tasks import KNOWN
from tests.tasks.binary import SCORES, binary_batches
from tests.tasks.known import COUNTS, EXAMPLES, GRID, MODEST, TENTHS, UNIT, WHOLE
from tests.tasks.regression import NUMBERS, regression_batches

SETTINGS = settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
SCORED = binary_batches(scores=SCORES[:-1], weights=[None, WHOLE], scoreless=False)


def wide(rows: int, *, weights: bool):
    """More distinct scores than points, some of them tied."""
    rng = np.random.default_rng(9)
    truth = rng.random(rows) < 0.4
    scores = np.round(np.clip(rng.normal(0.4 + 0.2 * truth, 0.2), 0, 1), 3)
    return binary(truth, scores, rng.integers(1, 9, rows) if weights else None)


def exact_points(batch):
    """(FPR, TPR, precision) at each distinct score."""
    table = list(at_thresholds(batch))
    _, positive, negative = table[-1]
    return {t: (Fraction(fp, negative or 1), Fraction(tp, positive), Fraction(tp, tp + fp)) for t, tp, fp in table}


def check_curves(batch, points):
    answer = whole("binary", batch, curve_points=points)
    curves, exact = answer["curves"], exact_points(batch) if batch.truth.any() else {}
    assert (curves["precision_recall"] is None) == (not batch.truth.any())
    assert (curves["roc"] is None) == (batch.truth.all() or not batch.truth.any())
    if roc := curves["roc"]:
        assert len({len(axis) for axis in roc.values() if isinstance(axis, list)}) == 1
        assert len(roc["fpr"]) <= max(points, 2)
        assert (roc["fpr"][0], roc["tpr"][0], roc["thresholds"][0]) == (0, 0, None)
        assert (roc["fpr"][-1], roc["tpr"][-1]) == (1, 1)
        assert roc["thresholds"][1:] == sorted(set(roc["thresholds"][1:]), reverse=True)
        for fpr, tpr, threshold in list(zip(roc["fpr"], roc["tpr"], roc["thresholds"], strict=True))[1:]:
            assert (fpr, tpr) == tuple(map(float, exact[threshold][:2]))
    if curve := curves["precision_recall"]:
        assert len({len(curve[axis]) for axis in curve}) == 1
        assert len(curve["recall"]) <= max(points, 2)
        assert curve["recall"][-1] == 1
        assert curve["thresholds"][0] == max(exact)
        assert curve["thresholds"] == sorted(set(curve["thresholds"]), reverse=True)
        for threshold, recall, precision in zip(curve["thresholds"], curve["recall"], curve["precision"], strict=True):
            assert (recall, precision) == tuple(map(float, exact[threshold][1:]))
    return answer


@SETTINGS
@given(SCORED)
def test_small_curves_hold_exact_points_and_their_area_is_the_metric(batch):
    answer = check_curves(batch, 200)
    if roc := answer["curves"]["roc"]:
        assert np.trapezoid(roc["tpr"], roc["fpr"]) == pytest.approx(answer["metrics"]["roc_auc"], abs=1e-12)
    if curve := answer["curves"]["precision_recall"]:
        area = np.sum(np.diff(curve["recall"], prepend=0) * curve["precision"])
        assert area == pytest.approx(answer["metrics"]["average_precision"], abs=1e-12)


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("points", [10, 57, 200, 2000])
def test_long_curves_are_thinned_to_exact_points_and_keep_the_shape(points, weights):
    batch = wide(2000, weights=weights)
    answer = check_curves(batch, points)
    roc = answer["curves"]["roc"]
    assert len(roc["fpr"]) > 0.5 * min(points, 1000)
    assert np.trapezoid(roc["tpr"], roc["fpr"]) == pytest.approx(answer["metrics"]["roc_auc"], abs=0.5 / points)


def test_no_metric_depends_on_the_number_of_points():
    batch = wide(2000, weights=True)
    assert len({text(whole("binary", batch, curve_points=points)["metrics"]) for points in (10, 11, 200, 2000)}) == 1


def test_points_on_a_straight_run_are_left_out_of_the_roc():
    answer = whole("binary", binary([1, 1, 1, 0, 0, 0], [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]), intervals=False)
    assert answer["curves"]["roc"] == {"fpr": [0, 0, 1], "tpr": [0, 1, 1], "thresholds": [None, 0.7, 0.4]}


@SETTINGS
@given(st.lists(st.tuples(UNIT, UNIT), min_size=2, max_size=30), st.integers(2, 12))
def test_thinning_keeps_the_ends_and_at_most_the_points_asked_for(path, points):
    x, y = (np.sort(column) for column in zip(*path, strict=True))
    kept = thinned(x, y, points)
    assert kept[0] == 0
    assert kept[-1] == len(x) - 1
    assert len(kept) <= max(points, 2)
    assert (np.diff(kept) > 0).all()
    length = (x - x[0]) + (y - y[0])
    nearest = np.abs(length[:, None] - length[kept]).min(axis=1)
    assert nearest.max() <= length[-1] / (points - 1) + 1e-12


@SETTINGS
@given(binary_batches(scores=[GRID, TENTHS, UNIT], weights=[None, WHOLE], scoreless=False))
def test_the_calibration_curve_holds_the_bins_of_the_metric(batch):
    answer = whole("binary", batch)
    curve = answer["curves"]["calibration"]
    weight = np.ones(len(batch.truth)) if batch.weight is None else batch.weight
    assert sum(curve["weight"]) == weight.sum()
    assert min(curve["weight"]) > 0
    gaps = np.abs(np.subtract(curve["fraction_positive"], curve["mean_score"]))
    assert np.average(gaps, weights=curve["weight"]) == pytest.approx(
        answer["metrics"]["expected_calibration_error"], abs=1e-12
    )
    for low, high, share, total in zip(
        *(curve[k] for k in ("low", "high", "fraction_positive", "weight")), strict=True
    ):
        inside = (batch.scores >= low) & ((batch.scores < high) | (high == 1))
        assert weight[inside].sum() == total
        assert share == pytest.approx(weight[inside & batch.truth].sum() / total, rel=1e-12)


def test_a_score_at_an_edge_belongs_to_the_bin_that_it_starts():
    edges = [k / 10 for k in range(11)]
    sweep = Sweep.sorted(np.array(edges), np.ones(11, dtype=bool), weights=None)
    assert sweep.reliability.weight.tolist() == [1] * 9 + [2]
    below = Sweep.sorted(np.nextafter(edges[1:], 0), np.ones(10, dtype=bool), weights=None)
    assert below.reliability.weight.tolist() == [1] * 10


def weights_of(batch):
    return np.ones(len(batch.truth)) if batch.weight is None else batch.weight


@SETTINGS
@given(regression_batches(numbers=[COUNTS, MODEST], weights=[None, WHOLE], outputs=[1]))
def test_predicted_against_actual_groups_every_row_once(batch):
    curve = whole("regression", batch)["curves"]["predicted_against_actual"]
    weight, means = weights_of(batch), np.array(curve["mean_predicted"])
    assert len(means) <= 20
    assert sum(curve["weight"]) == weight.sum()
    assert (np.diff(means) > 0).all()
    for axis, column in (("mean_predicted", batch.predicted), ("mean_actual", batch.truth)):
        assert np.dot(curve["weight"], curve[axis]) == pytest.approx(np.dot(weight, column), rel=1e-9, abs=1e-6)
    if len(set(batch.predicted.tolist())) == len(batch.truth) and batch.weight is None:
        assert len(means) == len(batch.truth)


def test_predicted_against_actual_has_twenty_groups_of_equal_weight():
    rng = np.random.default_rng(10)
    predicted = rng.permutation(2000) / 7
    curve = whole("regression", regression(predicted + 1, predicted))["curves"]["predicted_against_actual"]
    assert max(abs(weight - 100) for weight in curve["weight"]) <= 1
    assert len(curve["weight"]) == 20
    assert np.subtract(curve["mean_actual"], curve["mean_predicted"]) == pytest.approx(1)


@SETTINGS
@given(regression_batches(numbers=NUMBERS, weights=[None, WHOLE], outputs=[1]))
def test_residuals_are_a_histogram_of_every_error(batch):
    answer = whole("regression", batch)
    histogram = answer["curves"]["residuals"]
    with np.errstate(over="ignore"):
        errors = batch.predicted - batch.truth
        spread = errors.max() - errors.min()
    if histogram is None:
        assert answer["undefined"]["curves.residuals"]["reason"] == "overflow"
        assert not np.isfinite(spread)
        return
    edges, weight = histogram["edges"], histogram["weight"]
    assert len(edges) == len(weight) + 1 <= 21
    assert edges == sorted(edges)
    assert edges[0] <= min(errors)
    assert max(errors) <= edges[-1]
    assert sum(weight) == weights_of(batch).sum()


def test_residuals_count_the_errors_between_their_edges():
    rng = np.random.default_rng(11)
    errors = rng.normal(size=500)
    histogram = whole("regression", regression(np.zeros(500), errors))["curves"]["residuals"]
    weight, edges = np.histogram(errors, bins=20)
    assert histogram["weight"] == weight.tolist()
    assert histogram["edges"] == pytest.approx(edges)


@pytest.mark.parametrize("errors", [[1, 1 + 2**-52], [0, 5e-324], [1e20, 1e20], [1e300, 1e300], [0.5, 0.5]])
def test_residuals_of_errors_too_close_for_twenty_bins(errors):
    histogram = whole("regression", regression([0, 0], errors))["curves"]["residuals"]
    assert sum(histogram["weight"]) == 2


def test_a_constant_bias_has_residuals():
    labels = np.random.default_rng(12).normal(size=100)
    histogram = whole("regression", regression(labels, labels + 0.1))["curves"]["residuals"]
    assert sum(histogram["weight"]) == 100


@SETTINGS
@given(regression_batches(numbers=[COUNTS, MODEST], weights=[None, WHOLE], outputs=[1]))
def test_qq_points_lie_in_the_middle_of_the_weight_of_each_distinct_error(batch):
    curve = whole("regression", batch)["curves"]["qq"]
    errors, weight = batch.predicted - batch.truth, weights_of(batch)
    assert curve["error"] == sorted(set(errors.tolist()))
    positions = [(weight[errors < e].sum() + weight[errors == e].sum() / 2) / weight.sum() for e in curve["error"]]
    assert curve["theoretical"] == pytest.approx(stats.norm.ppf(positions), abs=1e-12)


@pytest.mark.parametrize("points", [10, 57, 200])
@pytest.mark.parametrize("weights", [False, True])
def test_long_qq_curves_have_points_at_even_steps_of_the_weight(points, weights):
    rng = np.random.default_rng(20)
    errors = rng.normal(3, 2, 1000)
    batch = regression(np.zeros(1000), errors, rng.integers(1, 9, 1000) if weights else None)
    curve = whole("regression", batch, curve_points=points)["curves"]["qq"]
    positions = [Fraction(2 * i + 1, 2 * points) for i in range(points)]
    assert curve["theoretical"] == pytest.approx(stats.norm.ppf([float(p) for p in positions]), abs=1e-12)
    rows = sorted(zip(errors.tolist(), weights_of(batch).astype(int).tolist(), strict=True))
    total, below, at = sum(w for _, w in rows), 0, []
    for error, w in rows:
        at += [error] * sum(below < p * total <= below + w for p in positions)
        below += w
    assert curve["error"] == at
    slope, middle = np.polyfit(curve["theoretical"], curve["error"], 1)
    assert slope == pytest.approx(2, abs=0.2)
    assert middle == pytest.approx(3, abs=0.3)


def test_qq_points_of_rows_of_hardly_any_weight_are_finite():
    batch = regression([0, 0, 0], [-1, 0, 1], [1e-300, 1, 1e-300])
    curve = whole("regression", batch)["curves"]["qq"]
    assert curve["error"] == [-1, 0, 1]
    assert curve["theoretical"] == pytest.approx([-8.2095, 0, 8.2095], abs=1e-3)


def test_qq_points_beyond_float64_are_null():
    answer = whole("regression", regression([-1.7e308, 1], [1.7e308, 1]))
    assert answer["curves"]["qq"] is None
    assert answer["undefined"]["curves.qq"]["reason"] == "overflow"


def test_no_curves_unless_asked():
    assert "curves" not in whole("binary", replace(wide(10, weights=False)), curves=False)


PARTS = [1e-300, 1e-9, 0.05, 0.1, 0.25, 1 / 3, 0.7, 0.9, 1 - 2.0**-53]


@pytest.mark.parametrize("max_fpr", PARTS)
def test_a_partial_area_is_that_of_scikit_learn(max_fpr):
    seen = 0
    for batch in (*KNOWN["binary"].random(100), *KNOWN["binary"].degenerate()):
        value = whole("binary", batch, intervals=False, max_fpr=max_fpr)["metrics"]["partial_roc_auc"]
        if batch.scores is None or batch.truth.all() or not batch.truth.any():
            assert value is None
            continue
        expected = roc_auc_score(batch.truth, batch.scores, max_fpr=max_fpr, sample_weight=batch.weight)
        assert value == pytest.approx(expected, rel=1e-12)
        seen += 1
    assert seen > 100


def test_a_part_of_a_chance_curve_is_a_half_and_the_worst_part_is_its_least_value():
    rows = np.arange(40)
    for max_fpr in PARTS:
        chance = whole("binary", binary(rows % 2, np.full(40, 0.5)), max_fpr=max_fpr)["metrics"]["partial_roc_auc"]
        worst, best = (
            whole("binary", binary(truth, rows / 40), max_fpr=max_fpr)["metrics"]["partial_roc_auc"]
            for truth in (rows < 20, rows >= 20)
        )
        assert chance == pytest.approx(0.5, rel=1e-14)
        assert worst == pytest.approx((1 - max_fpr) / (2 - max_fpr), rel=1e-14)
        assert best == 1
