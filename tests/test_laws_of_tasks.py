"""Laws that one task alone knows: swapped classes, changed units, and the rows that leave each metric undefined."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.metrics.catalogue import TASKS
from service.metrics.regression_states import PositiveErrors
from service.metrics.sweep_states import Sweep
from service.metrics.undefined import NO_DIFFERENCE, NO_GAP, NO_INTERVAL, REASONS
from tests.cases import close, cut, in_parts, regression, rows_asked_for, text, whole
from tests.tasks import KNOWN
from tests.tasks.binary import binary_batches
from tests.tasks.known import COUNTS, EXAMPLES, GRID, REAL, WHOLE

SETTINGS = settings(max_examples=EXAMPLES, deadline=None, derandomize=True)

# What each metric becomes when the classes swap places: another one, or itself.
SWAPPED = {
    "precision": "negative_predictive_value",
    "negative_predictive_value": "precision",
    "recall": "specificity",
    "specificity": "recall",
    "false_positive_rate": "false_negative_rate",
    "false_negative_rate": "false_positive_rate",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced_accuracy",
    "matthews_corrcoef": "matthews_corrcoef",
    "cohen_kappa": "cohen_kappa",
    "roc_auc": "roc_auc",
    "ks_statistic": "ks_statistic",
    "log_loss": "log_loss",
    "brier_score": "brier_score",
    "expected_calibration_error": "expected_calibration_error",
    "maximum_calibration_error": "maximum_calibration_error",
    "root_mean_squared_calibration_error": "root_mean_squared_calibration_error",
    "spiegelhalter_z": "spiegelhalter_z",
    "calibration_slope": "calibration_slope",
}
OF_ONE_CLASS = {
    "false_discovery_rate": "becomes the false omission rate",
    "f1": "ignores true negatives",
    "f0_5": "ignores true negatives",
    "f2": "ignores true negatives",
    "jaccard": "ignores true negatives",
    "average_precision": "ignores true negatives",
    "positive_likelihood_ratio": "becomes 1 over the negative one",
    "negative_likelihood_ratio": "becomes 1 over the positive one",
    "calibration_intercept": "changes its sign",
    "partial_roc_auc": "leaves out the lower scores, which come first when the classes swap",
}


def test_every_metric_has_a_partner_or_belongs_to_one_class():
    assert {metric.name for metric in TASKS["binary"].metrics} == SWAPPED.keys() | OF_ONE_CLASS.keys()


# Odd sixteenths lie on no edge of a bin.
@SETTINGS
@given(binary_batches(scores=[st.integers(0, 7).map(lambda k: (2 * k + 1) / 16)], weights=[None, WHOLE, REAL]))
def test_swapping_the_classes_swaps_the_metrics(batch):
    scores = None if batch.scores is None else 1 - batch.scores
    swapped = replace(batch, truth=~batch.truth, predicted=~batch.predicted, scores=scores)
    ours, theirs = (whole("binary", part, curves=False)["metrics"] for part in (batch, swapped))
    assert close({SWAPPED[name]: ours[name] for name in SWAPPED}, {name: theirs[name] for name in SWAPPED})
    if ours["positive_likelihood_ratio"] and theirs["negative_likelihood_ratio"]:
        assert theirs["negative_likelihood_ratio"] == pytest.approx(1 / ours["positive_likelihood_ratio"], rel=1e-12)
    intercepts = [part["calibration_intercept"] for part in (ours, theirs)]
    assert intercepts == [None, None] or intercepts[0] == pytest.approx(-intercepts[1], rel=1e-12, abs=1e-12)


@SETTINGS
@given(binary_batches(weights=[None, WHOLE, REAL], scoreless=False), st.sampled_from([1.0, 1e-300, 1e300, 5e-324]))
def test_rank_metrics_read_the_order_of_the_scores_alone(batch, unit):
    _, ranks = np.unique(batch.scores, return_inverse=True)
    moved = replace(batch, scores=(ranks - (0 if unit == 5e-324 else 3)) * unit + 0.0)
    ours, theirs = whole("binary", batch), whole("binary", moved)
    ranked = [
        m for m in TASKS["binary"].metrics if m.states == (Sweep,) and "scores_not_probabilities" not in m.reasons
    ]
    assert len(ranked) >= 3
    for metric in ranked:
        assert ours["metrics"][metric.name] == theirs["metrics"][metric.name]
    for curve, axes in (("roc", ("fpr", "tpr")), ("precision_recall", ("precision", "recall"))):
        if ours["curves"][curve]:
            assert all(ours["curves"][curve][axis] == theirs["curves"][curve][axis] for axis in axes)


# The power of the unit that each metric carries; None where the unit is no mere factor.
DEGREE = {
    "mean_squared_error": 2,
    "root_mean_squared_error": 1,
    "mean_absolute_error": 1,
    "median_absolute_error": 1,
    "max_error": 1,
    "mean_error": 1,
    "r2": 0,
    "explained_variance": 0,
    "mean_absolute_percentage_error": 0,
    "symmetric_mean_absolute_percentage_error": 0,
    "mean_squared_log_error": None,
    "mean_poisson_deviance": 1,
    "mean_gamma_deviance": 0,
    "mean_pinball_loss": 1,
    "pearson": 0,
    "spearman": 0,
    "d2_absolute_error": 0,
    "pinball_loss_at_{quantile}": 1,
    "crps": 1,
    "crossing_rate": 0,
}
LOGARITHMIC = {m.name for m in TASKS["regression"].metrics if PositiveErrors in m.states}
POSITIVE = st.integers(1, 9).map(float)


def test_every_metric_of_a_regression_has_a_degree():
    assert DEGREE.keys() == {metric.name for metric in TASKS["regression"].metrics}


def moved(batch, by):
    """The batch with all numbers changed."""
    return replace(
        batch,
        truth=by(batch.truth),
        predicted=by(batch.predicted),
        scores=None if batch.scores is None else by(batch.scores),
    )


@pytest.mark.parametrize("known", ["regression", "regression of quantiles"])
@SETTINGS
@given(
    st.data(),
    st.sampled_from([0.25, 0.5, 2.0, 2.0**40]) | st.integers(3, 99).map(float),
    st.sampled_from([None, WHOLE]),
)
def test_a_change_of_unit_scales_each_metric_by_its_power(known, data, unit, weights):
    batch = data.draw(KNOWN[known].batches(numbers=[COUNTS, POSITIVE], weights=[weights]))
    scaled = moved(batch, lambda numbers: unit * numbers)
    ours, theirs = (whole(known, part, curves=False)["metrics"] for part in (batch, scaled))
    degrees = {name: DEGREE[row] for known_as, name, row in rows_asked_for("regression") if known_as == known}
    for name, degree in degrees.items():
        if degree is not None and ours[name] is not None:
            if np.frexp(unit)[0] == 0.5 and name not in LOGARITHMIC:
                assert theirs[name] == ours[name] * unit**degree, name
            assert theirs[name] == pytest.approx(ours[name] * unit**degree, rel=1e-12, abs=1e-12), name


@pytest.mark.parametrize("known", ["regression", "regression of quantiles"])
@SETTINGS
@given(st.data(), st.integers(-9, 9))
def test_a_shift_of_labels_and_predictions_changes_no_error_and_no_share(known, data, shift):
    batch = data.draw(KNOWN[known].batches(numbers=[COUNTS], weights=[None, WHOLE]))
    shifted = moved(batch, lambda numbers: numbers + shift)
    ours, theirs = (whole(known, part)["metrics"] for part in (batch, shifted))
    relative = {"mean_absolute_percentage_error", "symmetric_mean_absolute_percentage_error", "mean_squared_log_error"}
    relative |= {"mean_poisson_deviance", "mean_gamma_deviance"}
    assert close(*({name: part[name] for name in ours.keys() - relative} for part in (ours, theirs)))


@SETTINGS
@given(binary_batches(scores=[GRID], scoreless=False), st.booleans())
def test_one_class_leaves_null_and_no_exception(batch, positive):
    answer = whole("binary", replace(batch, truth=np.full(len(batch.truth), positive)))
    for metric in TASKS["binary"].metrics:
        if "single_class" in metric.reasons and metric.name != "cohen_kappa":
            assert answer["undefined"][metric.name]["reason"] == "single_class"
    assert answer["curves"]["roc"] is None


@pytest.mark.parametrize("part", [[1.7e308, -1.7e308], [1e200, 0], [1e-200, 3]])
@pytest.mark.parametrize("other", [[-1.7e308, 1.7e308], [0, 1e200], [1.7e308, 1.7e308]])
@pytest.mark.parametrize("weight", [None, [1.0, 1e300]])
def test_numbers_at_the_ends_of_float64_leave_overflow_and_no_exception(part, other, weight):
    batch = regression(part, other, weight)
    assert text(in_parts("regression", cut(batch, [1]))) == text(whole("regression", batch))
    two = regression(np.array([part, other]), np.array([other, part]), weight)
    assert text(in_parts("regression", cut(two, [1]))) == text(whole("regression", two))


@pytest.mark.parametrize("task", TASKS)
def test_every_declared_reason_can_be_provoked(task):
    names = {known for known in KNOWN if KNOWN[known].question.task == task}
    undefined = {known: [whole(known, batch)["undefined"] for batch in KNOWN[known].provoking] for known in names}
    seen = {
        (row, answer[name]["reason"])
        for known, name, row in rows_asked_for(task)
        for answer in undefined[known]
        if name in answer
    }
    declared = {(metric.name, reason) for metric in TASKS[task].metrics for reason in metric.reasons}
    assert declared - seen == set()


@pytest.mark.parametrize("task", TASKS)
def test_a_name_that_a_question_makes_of_a_row_fits_the_pattern_of_that_row_alone(task):
    for _, name, asked in rows_asked_for(task):
        assert [row.name for row in TASKS[task].metrics if re.fullmatch(row.pattern, name)] == [asked]


def test_every_reason_is_said_in_words_and_used():
    declared = {reason for task in TASKS.values() for row in task.rows for reason in row.reasons}
    assert declared | NO_INTERVAL | NO_GAP | NO_DIFFERENCE == REASONS.keys()
    assert all(words.endswith(".") for words in REASONS.values())
    assert {known.question.task for known in KNOWN.values()} == TASKS.keys()
