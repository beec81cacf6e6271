"""Intervals of binary reports: published figures, textbook formulas, brute force with weights, and degenerate rows."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from service.metrics.averages import Average, share_size
from service.metrics.catalogue import TASKS
from service.metrics.distributions import normal_critical, sign_rank, t_critical
from service.metrics.undefined import REASONS
from tests.by_rows import drawn, kish, weight_of, wilson
from tests.cases import binary, close, metrics_of, text, whole
from tests.tasks import KNOWN
from tests.tasks.binary import SCORES, binary_batches
from tests.tasks.known import EXAMPLES, SMALLEST, WHOLE, WILD

SETTINGS = settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
LEVELS = (0.001, 0.01, 0.3, 0.5, 0.683, 0.9, 0.95, 0.99, 0.9999, 1 - 1e-6, 1 - 1e-9)
FREEDOMS = (0.3, 0.7, 1, 1.5, 2, 3.3, 4, 9.9, 30, 250.5, 1000, 4999.9, 5000, 1e4, 1e9, 1e100, 1e300)
# The interval that no strategy gives, and why.
WITHOUT = {
    "max_error": "extreme_value",
    "expected_calibration_error": "biased_statistic",
    "maximum_calibration_error": "biased_statistic",
    "root_mean_squared_calibration_error": "biased_statistic",
}
TP, FP, FN, TN = range(4)
# The cells that each share counts, and those that it is a share of besides.
PROPORTIONS = {
    "accuracy": ([TP, TN], [FP, FN]),
    "precision": ([TP], [FP]),
    "recall": ([TP], [FN]),
    "specificity": ([TN], [FP]),
    "negative_predictive_value": ([TN], [FN]),
    "false_positive_rate": ([FP], [TN]),
    "false_negative_rate": ([FN], [TP]),
    "false_discovery_rate": ([FP], [TP]),
    "jaccard": ([TP], [FP, FN]),
}


def intervals(batch, level=0.95, **options):
    return whole("binary", batch, curves=False, confidence_level=level, **options)["intervals"]


def limits(interval):
    return pytest.approx((interval["low"], interval["high"]), rel=1e-9, abs=1e-12)


def of_cells(tp, fp, fn, tn):
    """As many rows of each kind, without scores."""
    return binary(np.repeat([1, 0, 1, 0], [tp, fp, fn, tn]), predicted=np.repeat([1, 1, 0, 0], [tp, fp, fn, tn]))


def drawn_cells(count, least):
    """Small and large, with cells of so many rows or more, and a confidence level of each."""
    rng = np.random.default_rng(21)
    for size in np.resize([3, 12, 80], count):
        yield rng.integers(least, least + size, 4), rng.choice(LEVELS)


def cell_of(batch):
    """The cell of each row."""
    return np.where(batch.truth, np.where(batch.predicted, TP, FN), np.where(batch.predicted, FP, TN))


def share_limits(batch, name, level):
    """The share, and its limits."""
    hits, misses = PROPORTIONS[name]
    rows = np.isin(cell_of(batch), hits + misses)
    return wilson(np.isin(cell_of(batch), hits)[rows], weight_of(batch)[rows], level)


@pytest.mark.parametrize("level", LEVELS)
def test_critical_values_are_those_of_scipy(level):
    tail = (1 - level) / 2
    assert normal_critical(level) == pytest.approx(stats.norm.isf(tail), rel=1e-10)
    for freedom in FREEDOMS:
        assert t_critical(level, freedom) == pytest.approx(stats.t.isf(tail, freedom), rel=1e-12), freedom


@pytest.mark.parametrize("tosses", [*range(1, 40), 500, 1999, 2000])
def test_the_rank_of_a_sign_test_is_the_largest_that_its_tail_allows(tosses):
    for level in (0.5, 0.9, 0.95, 0.999):
        rank = sign_rank(level, tosses)
        assert rank == 0 or stats.binom.cdf(rank - 1, tosses, 0.5) <= (1 - level) / 2
        assert stats.binom.cdf(rank, tosses, 0.5) > (1 - level) / 2


def test_the_rank_of_many_tosses_is_that_of_the_normal_distribution():
    for tosses in (2001, 10_000, 123_457):
        exact = stats.binom.ppf(0.025, tosses, 0.5)
        assert sign_rank(0.95, tosses) == pytest.approx(exact, abs=1)


@pytest.mark.parametrize(
    ("hits", "rows", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_limits_are_the_published_ones(hits, rows, low, high):
    """R. G. Newcombe, Statistics in Medicine 17, 1998, table I."""
    found = intervals(of_cells(hits, 0, rows - hits, 0))
    for name in ("recall", "accuracy", "jaccard"):
        assert (round(found[name]["low"], 4), round(found[name]["high"], 4)) == (low, high)
        assert found[name]["method"] == "wilson"


def test_shares_have_the_wilson_limits_of_statsmodels():
    for cells, level in drawn_cells(60, 0):
        found = intervals(of_cells(*cells), level)
        for name, (hits, misses) in PROPORTIONS.items():
            if rows := cells[hits + misses].sum():
                expected = proportion_confint(cells[hits].sum(), rows, 1 - level, method="wilson")
                assert expected == limits(found[name]), name
            else:
                assert found[name] is None


@pytest.mark.parametrize("weights", ["real", "whole"])
def test_weighted_shares_have_the_effective_rows_of_their_variance(weights):
    for seed in range(12):
        batch = drawn(8 + 3 * seed, weights, seed=seed)
        found = intervals(batch, 0.9)
        for name in PROPORTIONS:
            assert share_limits(batch, name, 0.9)[1:] == limits(found[name]), name


@pytest.mark.parametrize("weights", ["none", "real"])
def test_f1_maps_the_limits_of_jaccard(weights):
    for seed in range(20):
        batch = drawn(12 + seed, weights, seed=seed)
        mapped = [2 * limit / (1 + limit) for limit in share_limits(batch, "jaccard", 0.95)[1:]]
        assert mapped == limits(intervals(batch)["f1"])


@pytest.mark.parametrize("weights", ["none", "real"])
def test_balanced_accuracy_has_the_limits_recovered_from_both_recalls(weights):
    for seed in range(20):
        batch = drawn(12 + seed, weights, seed=seed)
        sides = [share_limits(batch, name, 0.95) for name in ("recall", "specificity")]
        (a, a_low, a_high), (b, b_low, b_high) = sides
        below, above = math.hypot(a - a_low, b - b_low) / 2, math.hypot(a_high - a, b_high - b) / 2
        assert ((a + b) / 2 - below, (a + b) / 2 + above) == limits(intervals(batch)["balanced_accuracy"])


def test_likelihood_ratios_have_the_limits_of_simel():
    """D. L. Simel, G. P. Samsa, D. B. Matchar, Journal of Clinical Epidemiology 44, 1991, with half a row a cell."""
    for cells, level in drawn_cells(40, 1):
        batch = of_cells(*cells)
        found, metrics = intervals(batch, level), whole("binary", batch)["metrics"]
        tp, fp, fn, tn = cells + 0.5
        for name, hits, alarms in (("positive", tp, fp), ("negative", fn, tn)):
            error = math.sqrt(1 / hits - 1 / (tp + fn) + 1 / alarms - 1 / (fp + tn))
            centre, reach = hits / (tp + fn) / (alarms / (fp + tn)), math.exp(stats.norm.isf((1 - level) / 2) * error)
            value = metrics[f"{name}_likelihood_ratio"]
            expected = min(centre / reach, value), max(centre * reach, value)
            assert expected == limits(found[f"{name}_likelihood_ratio"])


def correlation(tp, fp, fn, tn):
    return (tp * tn - fp * fn) / math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))


def kappa(tp, fp, fn, tn):
    total = tp + fp + fn + tn
    chance = ((tp + fp) * (tp + fn) + (tn + fp) * (tn + fn)) / total**2
    return ((tp + tn) / total - chance) / (1 - chance)


def f_measure(beta):
    def function(tp, fp, fn, _):
        precision, recall = tp / (tp + fp), tp / (tp + fn)
        return (1 + beta**2) * precision * recall / (beta**2 * precision + recall)

    return function


def logit(x):
    return math.log(x / (1 - x))


def expit(x):
    return 1 / (1 + math.exp(-x))


# Formula, scale and its inverse, and what is added to true negatives; half a row is added to the other cells.
DELTA = {
    "matthews_corrcoef": (correlation, math.atanh, math.tanh, 0.5),
    "cohen_kappa": (kappa, math.atanh, math.tanh, 0.5),
    "f0_5": (f_measure(0.5), logit, expit, 0),
    "f2": (f_measure(2), logit, expit, 0),
}


def slopes(function, cells):
    """By central differences."""
    steps = 1e-4 * np.maximum(cells, 0.1) * np.eye(4)
    return np.array([(function(*(cells + step)) - function(*(cells - step))) / (2 * step.sum()) for step in steps])


@pytest.mark.parametrize("name", DELTA)
def test_functions_of_all_cells_have_the_limits_of_a_multinomial_draw(name):
    function, scale, back, more = DELTA[name]
    for cells, level in drawn_cells(40, 1):
        batch = of_cells(*cells)
        smoothed = cells + np.array([0.5, 0.5, 0.5, more])
        rows, shares = smoothed.sum(), smoothed / smoothed.sum()
        of_scale = slopes(lambda *cells: scale(function(*cells)), smoothed) * rows
        covariance = (np.diag(shares) - np.outer(shares, shares)) / rows
        middle = scale(function(*smoothed))
        reach = stats.norm.isf((1 - level) / 2) * math.sqrt(of_scale @ covariance @ of_scale)
        value, found = function(*cells), intervals(batch, level)[name]
        expected = min(back(middle - reach), value), max(back(middle + reach), value)
        assert expected == pytest.approx((found["low"], found["high"]), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("name", DELTA)
def test_functions_of_weighted_cells_have_the_variance_of_their_rows(name):
    """In units that make the total weight Kish's number of rows."""
    function, scale, back, more = DELTA[name]
    for seed in range(10):
        batch = drawn(30, "real", seed=seed)
        weight = batch.weight * batch.weight.sum() / (batch.weight**2).sum()
        added = np.array([0.5, 0.5, 0.5, more])
        smoothed = np.bincount(cell_of(batch), weight, 4) + added
        of_scale = slopes(lambda *cells: scale(function(*cells)), smoothed)
        variance = (
            sum((w * of_scale[c]) ** 2 for w, c in zip(weight, cell_of(batch), strict=True)) + added @ of_scale**2
        )
        middle, reach = scale(function(*smoothed)), 1.959963984540054 * math.sqrt(variance)
        found = intervals(batch)[name]
        expected = back(middle - reach), back(middle + reach)
        assert expected == pytest.approx((found["low"], found["high"]), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("resamples", [0, 20])
def test_a_factor_on_all_weights_changes_no_interval(resamples):
    batch = drawn(40, "real")
    ours = intervals(batch, resamples=resamples)
    fourfold = replace(batch, weight=batch.weight * 4)
    assert text(intervals(fourfold, resamples=resamples)) == text(ours)
    threefold = replace(batch, weight=batch.weight * 3)
    assert close(intervals(threefold, resamples=resamples), ours, 1e-9)


@pytest.mark.parametrize("level", [0.3, 0.95])
def test_counts_are_repetitions_in_the_whole_report(level):
    for seed in range(5):
        batch = drawn(60, "whole", seed=seed)
        counted = whole("binary", batch, counts=True, confidence_level=level)
        assert close(counted, whole("binary", KNOWN["binary"].repeated(batch), confidence_level=level), 1e-9)
        assert not close(counted["intervals"], intervals(batch, level), 1e-3)


def test_effective_samples_are_those_of_kish():
    batch = drawn(50, "real")
    answer = whole("binary", batch)
    assert answer["effective_samples"] == pytest.approx(kish(batch.weight), rel=1e-12)
    sides = [kish(batch.weight[~batch.truth]), kish(batch.weight[batch.truth])]
    assert answer["class_effective_samples"] == pytest.approx(sides, rel=1e-12)
    assert whole("binary", binary([1, 1], [0.1, 0.2]))["class_effective_samples"] == [0, 2]
    counted = whole("binary", binary([1, 1, 0], [0.1, 0.2, 0.3], [2, 3, 4]), counts=True)
    assert counted["effective_samples"] == 9
    assert counted["class_effective_samples"] == [4, 5]


def holds(low, share, high):
    """Whether all shares lie between their limits, and these in [0, 1]."""
    low, share, high = map(np.array, (low, share, high))
    return bool(((low >= 0) & (low <= share) & (share <= high) & (high <= 1)).all())


def check(answer):
    """Every interval lies in the range, holds the value and has a width, or says why there is none."""
    text(answer)
    for metric in metrics_of("binary"):
        value, interval = answer["metrics"][metric.name], answer["intervals"][metric.name]
        reason = answer["undefined"].get(f"intervals.{metric.name}")
        assert (reason is None) == (value is None or interval is not None), metric.name
        if reason:
            assert REASONS.keys() >= {reason["reason"]}
        if interval:
            assert metric.low <= interval["low"] <= value <= interval["high"] <= metric.high, metric.name
            assert interval["low"] < interval["high"], metric.name
    if roc := answer.get("curves", {}).get("roc"):
        for rate in ("tpr", "fpr"):
            assert holds(roc[f"{rate}_low"], roc[rate], roc[f"{rate}_high"])
            assert roc[f"simultaneous_{rate}"] > 0
    for kind in ("uniform", "quantile") if answer["calibration"] else ():
        for found in answer["calibration"][kind]:
            assert holds(found["fraction_low"], found["fraction_positive"], found["fraction_high"])


HUGE = st.floats(-100, 100).map(lambda power: 10**power)
NEAR_0 = st.sampled_from([0.0, SMALLEST, 2 * SMALLEST, 3 * SMALLEST])
ANY_LEVEL = st.floats(0, 1, exclude_min=True, exclude_max=True)
EXTREME_LEVEL = st.sampled_from([SMALLEST, 1e-16, 1e-15, 0.001, 0.95, 1 - 1e-12, 1 - 2.0**-53])


@SETTINGS
@given(binary_batches(scores=[*SCORES, NEAR_0], weights=(None, WHOLE, WILD, HUGE)), ANY_LEVEL | EXTREME_LEVEL)
def test_any_rows_at_any_level_have_sound_intervals_or_reasons(batch, level):
    check(whole("binary", batch, confidence_level=level))


@settings(SETTINGS, max_examples=max(1, EXAMPLES // 4))
@given(binary_batches(scores=[*SCORES, NEAR_0], weights=(None, WHOLE, WILD, HUGE)), ANY_LEVEL | EXTREME_LEVEL)
def test_a_bootstrap_of_any_rows_at_any_level_has_sound_intervals_or_reasons(batch, level):
    check(whole("binary", batch, curves=False, confidence_level=level, resamples=10))


@pytest.mark.parametrize("level", [SMALLEST, 0.95, 1 - 2.0**-53])
def test_degenerate_and_ordinary_rows_have_sound_intervals_or_reasons(level):
    for batch in (*KNOWN["binary"].degenerate(), *KNOWN["binary"].random(60)):
        check(whole("binary", batch, confidence_level=level))


@pytest.mark.parametrize(
    ("truth", "predicted", "values"),
    [([1], [1], (1,)), ([0] * 5, [0] * 5, (1,)), ([0, 1], [0, 1], (1,)), ([1, 0, 0], [0, 1, 1], (0,))],
)
def test_rows_that_are_all_right_or_all_wrong_leave_a_width(truth, predicted, values):
    answer = whole("binary", binary(truth, np.array(predicted) * 0.8 + 0.1))
    assert (answer["metrics"]["accuracy"],) == values
    for name in ("accuracy", "f1", "balanced_accuracy", "matthews_corrcoef", "roc_auc"):
        if answer["metrics"][name] is not None:
            assert answer["intervals"][name]["high"] - answer["intervals"][name]["low"] > 0.3


@pytest.mark.parametrize("known", KNOWN)
def test_every_metric_has_an_interval_but_those_that_cannot_have_an_honest_one(known):
    seen, reasons = set(), {}
    for batch in KNOWN[known].random(50):
        answer = whole(known, batch, curves=False)
        for part in (answer, *answer.get("per_class", []), *answer.get("per_output", [])):
            seen |= {name for name, interval in part["intervals"].items() if interval}
            for name, undefined in part["undefined"].items():
                if name.startswith("intervals."):
                    reasons.setdefault(name.removeprefix("intervals."), set()).add(undefined["reason"])
    task = KNOWN[known].question.task
    names = {metric.name for metric in metrics_of(known)}
    names |= {row.name for table in TASKS[task].rows for row in getattr(table, "rows", ()) if hasattr(row, "best")}
    assert names - seen == names & WITHOUT.keys()
    assert {name: reasons[name] for name in names & WITHOUT.keys()} == {
        name: {WITHOUT[name]} for name in names & WITHOUT.keys()
    }


@pytest.mark.parametrize("numbers", [[0.0, 1.0, 1.0], [0.25, 0.5, 1.0, 0.0, 0.3], [0.0, 0.0], [0.5]])
def test_rows_of_weight_1_are_as_many_as_the_formula_of_a_share_says(numbers):
    average = Average.of(np.array(numbers), None, counts=False)
    rows, hits, square = len(numbers), average.total, average.square
    formula = share_size((hits, hits), (rows - hits, rows - hits), (hits - square, hits - square))
    assert average.share_size == formula == rows
