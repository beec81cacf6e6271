"""What reports of a regression find in their own numbers."""

from dataclasses import replace

import numpy as np
import pytest

from service.metrics.findings import OF_REPORTS
from tests.cases import cut, in_parts, regression, take, whole
from tests.test_findings import body, found, plain

UNIT = np.random.default_rng(0)
LABELS = np.round(UNIT.normal(50, 10, 1000), 6)
NOISE = np.round(UNIT.normal(0, 4, 1000), 6)
ONE_WILD = np.where(np.arange(1000) == 7, 400.0, NOISE)
CLASSES = np.arange(1000) % 5.0
STEPS = np.arange(1000) % 3 - 1.0
QUANTILES = {"quantiles": [0.1, 0.5, 0.9]}


def honest(rows, seed):
    """Labels, and predictions with errors that are theirs by chance alone."""
    rng = np.random.default_rng(seed)
    labels = rng.normal(50, 10, rows)
    return labels, labels + rng.normal(0, 4, rows)


def quantiles_of(labels, noise, shift=0.0):
    """Quantiles of normal labels around predictions, all too high by a shift."""
    return np.add.outer(labels + noise + shift, 4 * np.array([-1.2815515655446004, 0, 1.2815515655446004]))


# Code: labels, predictions, more of the request, some evidence, and what the sentence says.
CASES = {
    "units_differ": (
        LABELS,
        3.25 * LABELS,
        {},
        {"factor": 3.25, "offset": 0.0},
        "about 3.25 times the labels, shifted by 0.",
    ),
    "inverted_scores": (LABELS, -LABELS, {}, {"pearson": -1.0}, "their correlation is -1.000"),
    "worse_than_mean": (
        np.tile([1.0, 3.0], 50),
        np.tile([3.0, 1.0, 1.0, 3.0, 5.0], 20),
        {},
        {"of_the_mean": 1.0},
        "off by typically 1,",
    ),
    "perfect_scores": (LABELS, LABELS, {}, {"samples": 1000}, "Each of 1,000 predictions is exactly its label"),
    "constant_predictions": (LABELS, 0 * LABELS + 51.5, {}, {"prediction": 51.5}, "All 1,000 predictions are 51.5"),
    "biased": (LABELS, LABELS + NOISE - 3, {}, {"direction": "low"}, "Predictions are too low: by "),
    "outliers_dominate": (LABELS, LABELS + ONE_WILD, {}, {"max_error": 400.0}, "1% of the rows make up 91."),
    "miscalibrated": (
        LABELS,
        quantiles_of(LABELS, NOISE, 3),
        QUANTILES,
        {"direction": "high", "quantiles_off": 3, "quantile": 0.5},
        "The predicted quantile 0.5 is too high",
    ),
    "small_sample": (LABELS[:9], (LABELS + NOISE)[:9], {}, {"effective_samples": 9.0}, "only 9 effective rows"),
    "labels_look_categorical": (CLASSES, CLASSES + STEPS, {}, {"values": 5}, "only 5 different values"),
    "duplicated_rows": ([*LABELS] * 2, [*(LABELS + NOISE)] * 2, {}, {"distinct": 1000}, "2,000 rows"),
}


def asked(labels, predictions, **more):
    return found("regression", plain(body(labels, predictions=predictions, **more)))


def approximately(evidence):
    return {name: pytest.approx(value, abs=1e-9) if isinstance(value, float) else value for name, value in evidence}


@pytest.mark.parametrize("code", CASES)
def test_a_finding_has_the_right_figures_and_says_them(code):
    labels, predictions, more, evidence, sentence = CASES[code]
    finding = asked(labels, predictions, **more)[code]
    assert {name: finding["evidence"][name] for name in evidence} == approximately(evidence.items())
    assert sentence in finding["message"]


def test_a_model_that_is_worse_than_the_mean_may_have_learnt_nothing():
    labels, predictions, *_ = CASES["worse_than_mean"]
    advice = asked(labels, predictions)["worse_than_mean"]["advice"]
    assert "learnt nothing" in advice
    assert "overfits" in advice


def test_every_rule_of_a_regression_has_a_case():
    assert {rule.name for rule in OF_REPORTS if "regression" in rule.tasks} == CASES.keys()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("rows", [100, 1000, 20_000])
def test_an_honest_payload_has_none(rows, seed):
    labels, predictions = honest(rows, seed)
    assert asked(labels, predictions) == {}
    assert asked(predictions, quantiles_of(labels, 0), **QUANTILES) == {}
    rng = np.random.default_rng(seed)
    assert asked(labels, 50 + rng.normal(0, 0.1, rows)) == {}
    counts = asked(rng.poisson(1, rows), np.tile([0.0, 1.0, 2.0], (rows, 1)), quantiles=[0.3, 0.5, 0.9])
    assert "miscalibrated" not in counts


@pytest.mark.parametrize("factor", [0.01, 0.3048, 3.28084, 1000.0])
def test_another_unit_is_named_by_its_factor(factor):
    finding = asked(LABELS, factor * (LABELS + NOISE / 4))["units_differ"]
    assert finding["evidence"]["factor"] == pytest.approx(factor, rel=1e-2)


@pytest.mark.parametrize(("factor", "offset"), [(1, 273.15), (1, -273.15), (1.8, 32), (0.1, -5), (1 / 60, -0.3)])
def test_another_scale_is_named_by_its_factor_and_offset(factor, offset):
    finding = asked(LABELS, factor * (LABELS + NOISE / 8) + offset)["units_differ"]
    assert finding["evidence"]["factor"] == pytest.approx(factor, rel=1e-2)
    assert finding["evidence"]["offset"] == pytest.approx(offset, abs=0.5 * factor)
    assert "times the labels, shifted by" in finding["message"]


def test_predictions_that_are_shrunk_or_off_by_little_are_in_the_same_unit():
    assert "units_differ" not in asked(LABELS, 50 + 0.5 * (LABELS - 50) + NOISE)
    for predictions in (1.01 * LABELS, 0.97 * LABELS, LABELS + 1.5 + NOISE / 10, 1.2 * LABELS):
        assert "units_differ" not in asked(LABELS, predictions)


def test_what_follows_from_a_wrong_scale_or_sign_is_not_said_beside_it():
    assert asked(LABELS, 1000 * (LABELS + NOISE / 4)).keys() == {"units_differ"}
    assert asked(LABELS, 60 - LABELS).keys() == {"inverted_scores"}
    assert asked(LABELS, 0 * LABELS + 55).keys() == {"constant_predictions", "worse_than_mean"}


def test_the_largest_errors_are_those_of_a_part_of_the_weight():
    errors = np.concatenate([np.ones(197), [20.0, 20, 20]])
    share = asked(np.arange(200) % 7, np.arange(200) % 7 + errors)["outliers_dominate"]["evidence"]["share"] * 1397
    assert share == pytest.approx(800)
    weights = {"sample_weight": [197, 1, 2], "weights_are": "counts"}
    labels, predictions = [0, 1, 2], [1.0, 21.0, 22.0]
    evidence = asked(labels, predictions, **weights)["outliers_dominate"]["evidence"]
    assert evidence["share"] * 1397 == pytest.approx(800)


def test_each_output_has_its_own():
    labels = np.stack([LABELS, LABELS], axis=1)
    finding = asked(labels, np.stack([LABELS + NOISE, -LABELS], axis=1))["inverted_scores"]
    assert finding["message"].startswith("Output 1: ")


@pytest.mark.parametrize("code", [code for code in CASES if code != "miscalibrated"])
def test_neither_order_nor_parts_nor_the_unit_of_weights_show(code):
    labels, predictions, *_ = CASES[code]
    batch = regression(labels, predictions, np.tile([1.0, 3.0], len(labels))[: len(labels)])
    order = np.random.default_rng(1).permutation(len(labels))
    once = whole("regression", batch)["findings"]
    assert once
    assert in_parts("regression", cut(take(batch, order), [3]))["findings"] == once
    scaled = whole("regression", replace(batch, weight=0.1 * batch.weight))["findings"]
    assert [each["code"] for each in scaled] == [each["code"] for each in once]


def test_errors_of_0_and_1_beside_fractional_labels_are_no_sign_of_classes():
    labels = np.arange(30) / 2
    assert "labels_look_categorical" not in asked(labels, labels + np.arange(30) % 2)


def test_numbers_whose_squares_are_beyond_all_bounds_are_found_no_fault_with():
    labels = np.array([1e200, -1e200, 3e200, 2e200])
    assert asked(labels, -labels).keys() <= {"small_sample", "inverted_scores", "worse_than_mean"}
