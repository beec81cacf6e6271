"""Baselines, outputs and calibration against brute force and simulation."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.evaluate import blind_states, inputs_of, kinds_of, states_of, value_of
from service.metrics.batch import without_zero_weights
from tests import cases
from tests.cases import binary, metrics_of, regression, whole
from tests.tasks import KNOWN
from tests.tasks.binary import binary_batches
from tests.tasks.known import COUNTS, EXAMPLES, MODEST, REAL, UNIT, WHOLE
from tests.tasks.regression import regression_batches

SETTINGS = settings(max_examples=EXAMPLES, deadline=None, derandomize=True)


@SETTINGS
@given(binary_batches(scores=[UNIT], weights=[None, WHOLE, REAL], scoreless=False))
def test_binary_baselines_are_those_of_the_majority_and_the_prevalence(batch):
    answer = whole("binary", batch)
    base, share = answer["baselines"], answer["prevalence"]
    weight = np.ones(len(batch.truth)) if batch.weight is None else batch.weight
    assert share == pytest.approx(np.average(batch.truth, weights=weight), rel=1e-12)
    entropy = -sum(p * math.log(p) for p in (share, 1 - share) if p)
    assert base["accuracy"] == pytest.approx(max(share, 1 - share), rel=1e-12)
    assert base["log_loss"] == pytest.approx(entropy, rel=1e-12, abs=1e-15)
    assert base["brier_score"] == pytest.approx(share * (1 - share), rel=1e-12, abs=1e-15)
    if 0 < share < 1:
        assert base["roc_auc"] == base["balanced_accuracy"] == 0.5
        assert base["ks_statistic"] == 0
    if share:
        assert base["average_precision"] == pytest.approx(share, rel=1e-12)


@SETTINGS
@given(regression_batches(numbers=[COUNTS, MODEST], weights=[None, WHOLE, REAL], outputs=[1]))
def test_regression_baselines_are_those_of_the_mean_label(batch):
    base = whole("regression", batch)["baselines"]
    weight = [Fraction(w) for w in (np.ones(len(batch.truth)) if batch.weight is None else batch.weight).tolist()]
    labels = [Fraction(y) for y in batch.truth.tolist()]
    mean = sum(w * y for w, y in zip(weight, labels, strict=True)) / sum(weight)
    variance = sum(w * (y - mean) ** 2 for w, y in zip(weight, labels, strict=True)) / sum(weight)
    deviation = sum(w * abs(y - mean) for w, y in zip(weight, labels, strict=True)) / sum(weight)
    # The mean is rounded once, so that constant labels may leave its rounding error.
    tiny = float(abs(mean)) * 2**-52
    assert base["mean_squared_error"] == pytest.approx(float(variance), rel=1e-12, abs=tiny**2)
    assert base["mean_absolute_error"] == pytest.approx(float(deviation), rel=1e-12, abs=tiny)
    assert base.get("r2", 0) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("task", KNOWN)
@SETTINGS
@given(data=st.data())
def test_what_a_blind_model_always_has_is_what_it_has_here(task, data):
    batch = without_zero_weights(data.draw(KNOWN[task].batches()))
    question, read = KNOWN[task].question, cases.reading(task)
    states = states_of(batch, question, kinds_of(question, read))
    constant = [metric for metric in metrics_of(task) if metric.blind is not None]
    blind = inputs_of(blind_states(states, question, constant), question, read)
    for metric in constant:
        with np.errstate(all="ignore"):
            value = value_of(metric, blind).value
        assert value is None or value == pytest.approx(metric.blind, abs=1e-9), metric.name


@pytest.mark.parametrize("task", KNOWN)
def test_no_baseline_where_the_metric_is_undefined(task):
    for batch in KNOWN[task].provoking:
        answer = whole(task, batch)
        assert answer["undefined"]
        assert not answer["baselines"].keys() & answer["undefined"].keys()


@SETTINGS
@given(regression_batches(numbers=[COUNTS], weights=[None, REAL], outputs=[2, 3]))
def test_several_outputs_give_the_mean_and_each_value(batch):
    answer = whole("regression", batch)
    width = batch.truth.shape[1]
    assert [entry["output"] for entry in answer["per_output"]] == list(range(width))
    alone = [
        whole("regression", replace(batch, truth=batch.truth[:, i], predicted=batch.predicted[:, i]))
        for i in range(width)
    ]
    for metric in metrics_of("regression"):
        values = [part["metrics"][metric.name] for part in alone]
        assert [entry[metric.name] for entry in answer["per_output"]] == values
        if None in values:
            assert answer["metrics"][metric.name] is None
            detail = answer["undefined"][metric.name]["detail"]
            assert detail.startswith(f"Output {values.index(None)}: ")
        else:
            assert answer["metrics"][metric.name] == pytest.approx(sum(map(Fraction, values)) / width, rel=1e-15)


def test_one_output_has_no_list_of_outputs():
    assert "per_output" not in whole("regression", regression([1, 2], [1, 2]))


@pytest.mark.parametrize("rows", [200, 5000])
def test_expected_if_calibrated_is_the_mean_error_of_a_calibrated_model(rows):
    rng = np.random.default_rng(8)
    scores = rng.beta(0.7, 2, rows)
    expected = whole("binary", binary(rng.random(rows) < scores, scores))["calibration"]
    inside = np.eye(10)[np.floor(10 * scores).astype(int)]
    errors = []
    for _ in range(1500):
        labels = rng.random(rows) < scores
        errors.append(np.abs(inside.T @ (labels - scores)).sum() / rows)
    assert expected["bins"] == 10
    assert expected["expected_if_calibrated"] == pytest.approx(np.mean(errors), rel=0.04)


def test_weights_count_as_reliabilities_in_what_a_calibrated_model_would_get():
    scores, weights = np.array([0.12, 0.17, 0.62, 0.88]), np.array([1.0, 3, 2, 0.5])
    deviations = weights**2 * scores * (1 - scores)
    expected = sum(np.sqrt(2 / np.pi * part) for part in (deviations[:2].sum(), *deviations[2:])) / weights.sum()
    answer = whole("binary", binary([0, 1, 1, 0], scores, weights))
    assert answer["calibration"]["expected_if_calibrated"] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("weight", [0.1, 0.2, 0.7, 1 / 3, 1e-100, 3e99])
def test_equal_weights_leave_the_median_where_it_is(weight):
    errors = np.arange(1.0, 11)
    report = whole("regression", regression(np.zeros(10), errors, np.full(10, weight)))
    assert report["metrics"]["median_absolute_error"] == 5.5


def test_exact_sums_decide_where_half_of_the_weight_is_reached():
    assert 0.7 + 0.3 == 1
    assert Fraction(0.7) + Fraction(0.3) < 1
    report = whole("regression", regression([0, 0, 0], [1, 2, 3], [0.7, 0.3, 1]), intervals=False)
    assert report["metrics"]["median_absolute_error"] == 3


def test_a_denominator_beyond_float64_is_no_perfect_model():
    report = whole("regression", regression([-1.7e308, -1.7e308, 1.7e308], [-0.7e308, -0.7e308, 0.7e308]))
    assert report["undefined"]["d2_absolute_error"]["reason"] == "overflow"


def test_the_mean_of_outputs_fits_where_their_sum_does_not():
    report = whole("regression", regression([[0.0, 0.0]], [[1.7e308, 1.7e308]]))
    assert report["metrics"]["max_error"] == 1.7e308


def test_each_output_says_why_a_metric_is_null():
    report = whole("regression", regression([[1.0, 0.0], [1.0, 2.0]], [[1.0, 1.0], [2.0, 2.0]]), intervals=False)
    first, second = report["per_output"]
    assert first["r2"] is None
    assert first["undefined"]["r2"]["reason"] == "constant_labels"
    assert second["undefined"].keys() == {"mean_absolute_percentage_error", "mean_gamma_deviance"}
    assert report["undefined"]["r2"]["detail"].startswith("Output 0: ")


def test_sections_of_the_question_and_the_labels():
    answer = whole("binary", binary([0, 1, 1], [0.2, 0.7, 0.4], [0.5, 1.5, 2]))
    assert (answer["task"], answer["samples"], answer["total_weight"]) == ("binary", 3, 4.0)
    assert (answer["classes"], answer["pos_label"], answer["threshold"]) == ([0, 1], 1, 0.5)
    assert answer["prevalence"] == 0.875
    assert answer["confusion_matrix"] == {"tp": 1.5, "fp": 0, "fn": 2, "tn": 0.5}
