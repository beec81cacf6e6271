"""Predicted quantiles: sections against brute force, the score against closed forms, and how a request is resolved."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError
from scipy import stats
from sklearn.metrics import mean_pinball_loss

from schemas.regression import RegressionReport
from service.evaluate import kinds_of, report, states_of
from service.metrics.batch import Batch, Question, Reading
from service.metrics.catalogue import TASKS
from service.metrics.quantiles import shares
from service.settings import Settings
from tests.cases import close, regression, whole
from tests.tasks.known import COUNTS, EXAMPLES, MODEST, WHOLE, rows_of
from tests.tasks.quantiles import LEVELS, quantile_batches, quantiles

SETTINGS = settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
KNOWN_AS = "regression of quantiles"
LEVEL = st.floats(0, 1, exclude_min=True, exclude_max=True)
LEVEL_SETS = st.lists(LEVEL | st.sampled_from([0.1, 0.5, 0.9]), min_size=1, max_size=6, unique=True)


def answer_of(truth, scores, levels, weight=None):
    """The report on quantiles of any levels."""
    columns = {"labels": truth, "predictions": scores, "quantiles": levels, "sample_weight": weight}
    given = {name: np.asarray(column, dtype=float) for name, column in columns.items() if column is not None}
    batch, question, reading = RegressionReport(Settings()).load(given)
    return report(states_of(batch, question, kinds_of(question, reading)), question, reading)


@SETTINGS
@given(quantile_batches(numbers=[COUNTS, MODEST], weights=[None, WHOLE]))
def test_sections_are_counts_of_the_rows(batch):
    answer = whole(KNOWN_AS, batch)
    rows = rows_of(batch, batch.truth, batch.scores)
    total = sum(row[0] for row in rows)
    highest, lowest, median = (2 + LEVELS.index(level) for level in (0.9, 0.1, 0.5))
    below = {
        level: sum(row[0] for row in rows if row[1] <= row[column])
        for level, column in ((0.1, lowest), (0.5, median), (0.9, highest))
    }
    assert close(
        answer["quantile_calibration"],
        [{"quantile": level, "fraction_below": float(part / total)} for level, part in below.items()],
    )
    inside = sum(row[0] for row in rows if row[lowest] <= row[1] <= row[highest])
    width = sum(row[0] * (row[highest] - row[lowest]) for row in rows)
    expected = {"low": 0.1, "high": 0.9, "nominal_coverage": 0.8}
    expected |= {"coverage": float(inside / total), "mean_width": float(width / total)}
    assert close(answer["prediction_intervals"], [expected])


@given(LEVEL_SETS)
@SETTINGS
def test_intervals_are_nested_and_every_level_is_calibrated_once(levels):
    answer = answer_of([1, 2], np.zeros((2, len(levels))), levels)
    ends = [(interval["low"], interval["high"]) for interval in answer["prediction_intervals"]]
    ordered = sorted(levels)
    assert ends == [(ordered[i], ordered[-1 - i]) for i in range(len(ordered) // 2)]
    assert [entry["quantile"] for entry in answer["quantile_calibration"]] == ordered
    for interval, (low, high) in zip(answer["prediction_intervals"], ends, strict=True):
        assert interval["nominal_coverage"] == pytest.approx(high - low, rel=1e-9, abs=1e-300)


def test_nominal_coverage_is_the_difference_as_written():
    levels = [0.05, 0.25, 0.75, 0.95]
    answer = answer_of([1], [[0, 1, 2, 3]], levels)
    assert [interval["nominal_coverage"] for interval in answer["prediction_intervals"]] == [0.9, 0.5]


@given(LEVEL_SETS)
@SETTINGS
def test_shares_fill_the_unit_interval_and_hold_what_is_nearest(levels):
    parts = shares(levels)
    assert sum(parts.values()) == 1
    assert all(part > 0 for part in parts.values())
    start = Fraction(0)
    for level in sorted(levels):
        for place in (start, start + parts[level]):
            assert abs(place - Fraction(level)) == min(abs(place - Fraction(other)) for other in levels)
        start += parts[level]


def test_crps_of_an_even_grid_is_twice_the_mean_pinball_loss():
    rng = np.random.default_rng(18)
    levels = (np.arange(8) + 0.5) / 8
    truth, scores, weight = rng.normal(size=50), np.sort(rng.normal(size=(50, 8))), rng.random(50)
    answer = answer_of(truth, scores, levels, weight)
    losses = [
        mean_pinball_loss(truth, scores[:, column], sample_weight=weight, alpha=level)
        for column, level in enumerate(levels)
    ]
    assert answer["metrics"]["crps"] == pytest.approx(2 * np.mean(losses), rel=1e-12)


def test_crps_of_a_dense_grid_nears_that_of_the_distribution():
    rng = np.random.default_rng(19)
    truth, mean, deviation = rng.normal(size=40), rng.normal(size=40), rng.uniform(0.5, 2, 40)
    z = (truth - mean) / deviation
    exact = np.mean(deviation * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / math.sqrt(math.pi)))
    errors = []
    for count in (10, 30, 90):
        levels = (np.arange(count) + 0.5) / count
        scores = mean[:, None] + deviation[:, None] * stats.norm.ppf(levels)
        errors.append(abs(answer_of(truth, scores, levels)["metrics"]["crps"] - exact))
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-3 * exact


def test_crps_of_the_median_alone_is_the_mean_absolute_error():
    truth, median = [1.5, 2.25, -3.0], [1.0, 4.5, -3.5]
    metrics = answer_of(truth, median, [0.5])["metrics"]
    assert metrics["crps"] == metrics["mean_absolute_error"]
    assert metrics["crossing_rate"] == 0
    plain = whole("regression", regression(truth, median), curves=False)["metrics"]
    assert {name: metrics[name] for name in plain} == plain


@SETTINGS
@given(quantile_batches(numbers=[COUNTS, MODEST], weights=[None, WHOLE]), st.permutations(range(len(LEVELS))))
def test_the_order_of_the_columns_changes_no_value(batch, order):
    levels = [LEVELS[column] for column in order]
    ours = answer_of(batch.truth, batch.scores[:, order], levels, batch.weight)
    theirs = answer_of(batch.truth, batch.scores, LEVELS, batch.weight)
    assert ours == theirs


@SETTINGS
@given(quantile_batches(numbers=[COUNTS, MODEST], weights=[None, WHOLE]))
def test_without_the_median_point_metrics_are_null_and_the_others_stay(batch):
    kept = [column for column, level in enumerate(LEVELS) if level != 0.5]
    answer = answer_of(batch.truth, batch.scores[:, kept], [LEVELS[column] for column in kept], batch.weight)
    of_points = {m.name for m in TASKS["regression"].metrics if "no_median" in m.reasons}
    assert {name for name, value in answer["metrics"].items() if value is None} == of_points
    assert {answer["undefined"][name]["reason"] for name in of_points} == {"no_median"}
    every = whole(KNOWN_AS, batch, curves=False)
    for name in ("pinball_loss_at_0_1", "pinball_loss_at_0_9"):
        assert answer["metrics"][name] == every["metrics"][name]
    assert answer["prediction_intervals"] == every["prediction_intervals"]
    assert not answer["baselines"].keys() & of_points


@SETTINGS
@given(quantile_batches(numbers=[COUNTS, MODEST], weights=[None, WHOLE]))
def test_no_constant_has_a_lower_pinball_loss_than_the_baseline(batch):
    base = whole(KNOWN_AS, batch, curves=False)["baselines"]
    assert base["crossing_rate"] == 0
    rows = rows_of(batch, batch.truth)
    for level in LEVELS:
        alpha = Fraction(level)
        losses = [
            sum(w * max(alpha * (y - constant), (alpha - 1) * (y - constant)) for w, y in rows) for _, constant in rows
        ]
        name = f"pinball_loss_at_{level}".replace(".", "_")
        assert base[name] == pytest.approx(float(min(losses) / sum(w for w, _ in rows)), rel=1e-12, abs=1e-12)


def test_reports_without_quantiles_have_nothing_of_them():
    answer = whole("regression", regression([1, 2], [1, 3]))
    of_quantiles = {"quantile_calibration", "prediction_intervals"}
    assert not of_quantiles & answer.keys()
    assert not {name for name in answer["metrics"] if name in ("crps", "crossing_rate") or "_at_" in name}


def test_widths_beyond_float64_are_null():
    batch = quantiles([0.0], [[1.7e308, -1.7e308, 0.0]])
    answer = whole(KNOWN_AS, batch)
    assert answer["prediction_intervals"] is None
    assert answer["undefined"]["prediction_intervals"]["reason"] == "overflow"
    assert answer["quantile_calibration"][0] == {"quantile": 0.1, "fraction_below": 0.0}


@pytest.mark.parametrize("name", ["crps", "crossing_rate", "pinball_loss_at_0_5"])
def test_metrics_of_quantiles_are_no_metrics_of_points(name):
    columns = {"labels": np.array([1.0, 2.0]), "predictions": np.array([1.0, 2.0])}
    with pytest.raises(ValidationError, match="No metric of this request"):
        RegressionReport(Settings()).load(columns | {"metrics": [name]})


def test_a_request_of_one_metric_reads_that_of_its_quantile():
    batch = Batch(np.array([1.0, 2.0]), None, np.array([[0.0, 3.0], [1.0, 4.0]]))
    question = Question("regression", quantiles=(0.25, 0.75))
    reading = Reading(("pinball_loss_at_0_75",))
    answer = report(states_of(batch, question, kinds_of(question, reading)), question, reading)
    assert answer["metrics"] == {"pinball_loss_at_0_75": 0.5}


def test_predictions_far_off_are_inf_in_no_answer():
    batch = quantiles([-1.7e308, 1.0], [[1.7e308, 0.0, 0.0], [0.0, 0.0, 0.0]])
    answer = whole(KNOWN_AS, replace(batch, weight=np.array([1.0, 1e-300])))
    assert answer["undefined"]["pinball_loss_at_0_9"]["reason"] == "overflow"
    assert answer["metrics"]["pinball_loss_at_0_1"] == pytest.approx(1.53e308)
