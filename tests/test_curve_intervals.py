"""Intervals of what is read from scores: areas by their definitions, fits by statsmodels, and bands of curves."""

import math
from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import special, stats
from sklearn.metrics import average_precision_score, roc_auc_score
from statsmodels.stats.proportion import proportion_confint

from service.metrics.area_intervals import partial_moves, roc_moves, sides, variances
from service.metrics.sweep_states import Sweep
from tests.by_rows import WEIGHTS, drawn, kish, weight_of, wilson
from tests.cases import at_thresholds, binary, whole
from tests.tasks import KNOWN


def interval(batch, name, level=0.95, **options):
    return whole("binary", batch, curves=False, confidence_level=level, **options)["intervals"][name]


def both(found):
    return found["low"], found["high"]


def on_logit(centre, variance, critical, value):
    """The limits that are even on the logit scale, widened to hold the value."""
    reach = critical * math.sqrt(variance) / (centre * (1 - centre))
    low, high = special.expit(special.logit(centre) + np.array([-reach, reach]))
    return min(low, value), max(high, value)


def as_a_share(limits, area, size, level):
    """The limits, no wider than Wilson's of a share of so many rows."""
    least, most = proportion_confint(area * size, size, 1 - level, method="wilson")
    return max(limits[0], least), min(limits[1], max(most, area))


def delong(batch, level):
    """By the definition: placements of each row among all of the other class; without weights all weights are 1."""
    weight = weight_of(batch)
    sides = [(batch.scores[side], weight[side]) for side in (batch.truth, ~batch.truth)]
    (positive, u), (negative, v) = sides
    wins = np.array([[(x > y) + (x == y) / 2 for y in negative] for x in positive])
    area = sum(a * b * win for a, row in zip(u, wins, strict=True) for b, win in zip(v, row, strict=True))
    area /= u.sum() * v.sum()
    placements = (wins * v).sum(axis=1) / v.sum(), (wins.T * u).sum(axis=1) / u.sum()
    m, n = kish(u), kish(v)
    parts = [
        size / (size - 1) * ((w / w.sum()) ** 2 * (placed - area) ** 2).sum() if size > 1 else 0
        for placed, w, size in zip(placements, (u, v), (m, n), strict=True)
    ]
    centre = (area * m * n + 0.5) / (m * n + 1)
    h = (m + n) / 2 - 1
    spread = 1 + h * (1 - centre) / (2 - centre) + h * centre / (1 + centre)
    floor = centre * (1 - centre) * spread / (m * n) / 2
    freedom, variance = max(1, min(m, n) - 1), 0
    if min(m, n) >= 2:
        variance = sum(parts)
        if variance > 1e-12 * floor:
            freedom = max(freedom, variance**2 / (parts[0] ** 2 / (m - 1) + parts[1] ** 2 / (n - 1)))
    critical = stats.t.isf((1 - level) / 2, freedom)
    limits = on_logit(centre, max(variance, floor), critical, area)
    return as_a_share(limits, area, min(m, n), level), variance > floor


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("digits", [1, 9])
def test_roc_auc_has_the_limits_of_the_definition_of_delong(weights, digits):
    used = 0
    for seed in range(15):
        batch = drawn(10 + 3 * seed, weights, seed=seed, digits=digits)
        expected, by_rows = delong(batch, 0.9)
        assert both(interval(batch, "roc_auc", 0.9)) == pytest.approx(expected, rel=1e-10)
        used += by_rows
    assert 8 < used < 15


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("order", [[0, 0, 0, 1, 1], [1, 1, 0, 0, 0], [0] * 9 + [1], [1] * 6 + [0], [0, 0, 0, 1, 0, 0]])
def test_roc_auc_near_its_ends_and_of_one_row_has_at_least_the_variance_of_hanley_and_mcneil(weights, order):
    rows = len(order)
    weight = {"none": None, "real": np.linspace(0.8, 1.2, rows), "whole": 2 + np.arange(rows) % 2}[weights]
    batch = binary(order, np.arange(rows) / rows, weight)
    expected, by_rows = delong(batch, 0.95)
    assert both(interval(batch, "roc_auc")) == pytest.approx(expected, rel=1e-10)
    assert not by_rows


def test_the_limits_of_a_perfect_roc_auc_do_not_hang_on_the_rounding_of_weights():
    rng = np.random.default_rng(13)
    for rows in range(8, 30):
        truth = np.arange(rows) < rows // 3 + 1
        batch = binary(truth, 0.5 * truth + rng.random(rows) / 2.1, rng.uniform(0.2, 3, rows))
        expected, _ = delong(batch, 0.95)
        assert both(interval(batch, "roc_auc")) == pytest.approx(expected, rel=1e-9)


def precision_limits(batch, level):
    """From what a little more weight of each row does to scikit-learn's average precision."""
    weight = weight_of(batch)

    def value(weight):
        return average_precision_score(batch.truth, batch.scores, sample_weight=weight)

    slopes = []
    for row in range(len(weight)):
        more, less = weight.copy(), weight.copy()
        step = 1e-4 * weight[row]
        more[row] += step
        less[row] -= step
        slopes.append((value(more) - value(less)) / (2 * step))
    area, size = value(weight), kish(weight[batch.truth])
    centre = min(area, 1 - 0.5 / (size + 1) ** 1.5)
    by_rows = sum((w * slope) ** 2 for w, slope in zip(weight, slopes, strict=True))
    variance = max(by_rows, 0.25 * centre * (1 - centre) / (size + 1))
    critical = stats.t.isf((1 - level) / 2, size - 1)
    limits = on_logit(centre, variance, critical, area)
    return as_a_share(limits, area, size / (1 + math.log(size)), level), by_rows == variance


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("digits", [1, 9])
def test_average_precision_has_the_variance_of_what_each_row_does_to_it(weights, digits):
    used = 0
    for seed in range(6):
        batch = drawn(12 + 4 * seed, weights, seed=seed, digits=digits, lift=0.1)
        expected, by_rows = precision_limits(batch, 0.9)
        assert both(interval(batch, "average_precision", 0.9)) == pytest.approx(expected, rel=1e-6)
        used += by_rows
    assert used > 2


def test_a_perfect_average_precision_has_the_least_variance():
    batch = binary([0, 0, 0, 1, 1, 1], np.arange(6) / 6)
    (low, high), by_rows = precision_limits(batch, 0.95)
    assert both(interval(batch, "average_precision")) == pytest.approx((low, high), rel=1e-9)
    assert high == 1
    assert not by_rows


@pytest.mark.parametrize("metric", ["roc_auc", "average_precision"])
def test_more_rows_that_a_model_separates_make_it_surer(metric):
    lows = []
    for rows in (5, 20, 100, 500, 5000, 50_000):
        truth = np.arange(2 * rows) >= rows
        lows.append(interval(binary(truth, (truth + np.linspace(0, 0.9, 2 * rows)) / 2), metric)["low"])
    assert lows == sorted(lows)
    assert lows[0] > 0.5
    assert lows[-1] > 0.999


@pytest.mark.parametrize(
    ("truth", "weight", "reason"),
    [
        ([1, 0, 0, 0], None, "single_positive"),
        ([1, 1, 0, 0], [1, 1e-9, 1, 1], "single_positive"),
        ([1, 1, 1, 1], None, "single_class"),
    ],
)
def test_average_precision_says_why_it_has_no_interval(truth, weight, reason):
    answer = whole("binary", binary(truth, [0.4, 0.3, 0.2, 0.1], weight))
    assert answer["metrics"]["average_precision"] == 1
    assert answer["intervals"]["average_precision"] is None
    assert answer["undefined"]["intervals.average_precision"]["reason"] == reason


def partial_limits(batch, max_fpr, level):
    """From what a little more weight of each row does to scikit-learn's partial area."""
    weight = weight_of(batch)

    def rate(weight):
        area = roc_auc_score(batch.truth, batch.scores, sample_weight=weight, max_fpr=max_fpr)
        lowest = (1 - max_fpr) / (2 - max_fpr)
        return (area - lowest) / (1 - lowest)

    squares = []
    for row, step in enumerate(1e-5 * weight):
        more, less = (weight + sign * step * (np.arange(len(weight)) == row) for sign in (1, -1))
        squares.append((weight[row] * (rate(more) - rate(less)) / (2 * step)) ** 2)
    m, n = kish(weight[batch.truth]), kish(weight[~batch.truth]) * max_fpr
    parts = [
        size / (size - 1) * sum(square for square, side in zip(squares, batch.truth, strict=True) if side == positive)
        for positive, size in ((True, m), (False, n))
    ]
    area = rate(weight)
    centre = (area * m * n + 0.5) / (m * n + 1)
    h = (m + n) / 2 - 1
    spread = 1 + h * (1 - centre) / (2 - centre) + h * centre / (1 + centre)
    floor = centre * (1 - centre) * max(spread / (m * n) / 2, 0.4 / min(m, n))
    variance = sum(parts)
    freedom = max(1, min(m, n) - 1, variance**2 / (parts[0] ** 2 / (m - 1) + parts[1] ** 2 / (n - 1)))
    limits = on_logit(centre, max(variance, floor), stats.t.isf((1 - level) / 2, freedom), area)
    return [0.5 + (limit - max_fpr / 2) / (2 - max_fpr) for limit in limits], variance > floor


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("digits", [1, 9])
@pytest.mark.parametrize("max_fpr", [0.377, 0.801])
def test_a_partial_roc_auc_has_the_variance_of_what_each_row_does_to_it(weights, digits, max_fpr):
    used = 0
    for seed in range(6):
        batch = drawn(24 + 6 * seed, weights, seed=seed, digits=digits, lift=0.1)
        expected, by_rows = partial_limits(batch, max_fpr, 0.9)
        assert both(interval(batch, "partial_roc_auc", 0.9, max_fpr=max_fpr)) == pytest.approx(expected, rel=1e-6)
        used += by_rows
    assert used > 1


def test_the_whole_roc_curve_has_the_placements_of_a_part_up_to_1():
    batch = drawn(60, "real", digits=1)
    sweep = Sweep.of(batch, KNOWN["binary"].question)
    area = whole("binary", batch)["metrics"]["roc_auc"]
    of_all = variances(sweep.descent_of_squares, roc_moves(sweep.descent, area, *sides(sweep)))
    part = variances(sweep.descent_of_squares, partial_moves(sweep, area, 1 - 1e-12))
    assert part == pytest.approx(of_all, rel=1e-9)
    almost = interval(batch, "partial_roc_auc", max_fpr=1 - 1e-12), interval(batch, "roc_auc")
    assert almost[0]["low"] <= almost[1]["low"] + 1e-9


@pytest.mark.parametrize("max_fpr", [5e-324, 1e-300, 1e-9, 0.1, 0.5, 1 - 2.0**-53])
def test_limits_of_a_partial_area_lie_between_its_least_value_and_1(max_fpr):
    for batch in KNOWN["binary"].random(60):
        answer = whole("binary", batch, curves=False, max_fpr=max_fpr)
        found = answer["intervals"]["partial_roc_auc"]
        value = answer["metrics"]["partial_roc_auc"]
        assert (value is None) == (batch.scores is None or batch.truth.all() or not batch.truth.any())
        if found:
            lowest = (1 - max_fpr) / (2 - max_fpr)
            assert lowest - 1e-15 <= found["low"] <= value <= found["high"] <= 1


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("level", [0.3, 0.95, 1 - 2.0**-53])
def test_the_ks_statistic_is_as_sure_as_the_bands_around_both_distributions(weights, level):
    batch = drawn(400, weights, lift=0.2)
    sizes = [kish(weight_of(batch)[side]) for side in (batch.truth, ~batch.truth)]
    # Massart's 2 exp(-2 n reach^2) is half of 1 - level for each.
    reach = sum(math.sqrt(math.log(4 / (1 - level)) / (2 * size)) for size in sizes)
    value = whole("binary", batch)["metrics"]["ks_statistic"]
    found = interval(batch, "ks_statistic", level)
    assert both(found) == pytest.approx((max(0, value - reach), min(1, value + reach)), rel=1e-12)
    assert found["method"] == "dkw_conservative"


def calibrated(rows, weights, seed):
    """Labels drawn from scores that are a little too extreme."""
    rng = np.random.default_rng(seed)
    scores = rng.beta(0.9, 1.4, rows)
    truth = rng.random(rows) < special.expit(0.2 + 0.8 * special.logit(scores))
    weight = {"none": None, "real": rng.uniform(0.2, 3, rows), "whole": rng.integers(1, 5, rows)}[weights]
    return binary(truth, scores, weight)


def fitted(batch, **options):
    line = np.column_stack([np.ones(len(batch.scores)), special.logit(batch.scores)])
    model = sm.GLM(batch.truth * 1.0, line, family=sm.families.Binomial(), **options)
    return line, model.fit(tol=1e-14, maxiter=200)


FIT = ("calibration_intercept", "calibration_slope")


@pytest.mark.parametrize("weights", ["none", "whole"])
@pytest.mark.parametrize("level", [0.3, 0.95, 0.999])
def test_slope_and_intercept_are_those_of_statsmodels(weights, level):
    for seed in range(4):
        batch = calibrated(60 + 100 * seed, weights, seed)
        _, fit = fitted(batch, freq_weights=batch.weight)
        answer = whole("binary", batch, confidence_level=level, counts=weights == "whole")
        assert [answer["metrics"][name] for name in FIT] == pytest.approx(fit.params, rel=1e-8)
        found = [both(answer["intervals"][name]) for name in FIT]
        assert np.array(found) == pytest.approx(fit.conf_int(1 - level), rel=1e-6)


def test_slope_and_intercept_with_reliabilities_have_a_sandwich_as_variance():
    for seed in range(4):
        batch = calibrated(60 + 100 * seed, "real", seed)
        line, fit = fitted(batch, freq_weights=batch.weight)
        curve = fit.fittedvalues * (1 - fit.fittedvalues)
        bread, meat = np.zeros((2, 2)), np.zeros((2, 2))
        for x, w, c in zip(line, batch.weight, curve, strict=True):
            bread += w * c * np.outer(x, x)
            meat += w**2 * c * np.outer(x, x)
        variance = np.linalg.inv(bread) @ meat @ np.linalg.inv(bread)
        for place, name in enumerate(FIT):
            reach = stats.norm.isf(0.025) * math.sqrt(variance[place, place])
            expected = fit.params[place] - reach, fit.params[place] + reach
            assert both(interval(batch, name)) == pytest.approx(expected, rel=1e-6)


def spiegelhalter(batch, level, *, counts=False):
    """The variance of the rows over the one that they have if calibrated, at least 1."""
    weight, p = weight_of(batch), batch.scores
    squares = weight if counts else weight**2
    departure = (batch.truth - p) * (1 - 2 * p)
    mean = (weight * departure).sum() / weight.sum()
    calibrated = (squares * (1 - 2 * p) ** 2 * p * (1 - p)).sum()
    ratio = (squares * (departure - mean) ** 2).sum() / calibrated
    value = (weight * departure).sum() / math.sqrt(calibrated)
    reach = stats.norm.isf((1 - level) / 2) * math.sqrt(max(1, ratio))
    return (value - reach, value + reach), ratio > 1


@pytest.mark.parametrize("weights", WEIGHTS)
def test_spiegelhalters_z_has_the_variance_of_its_rows(weights):
    more = []
    for seed in range(12):
        batch = calibrated(40 + 20 * seed, weights, seed)
        counts = weights == "whole"
        expected, above = spiegelhalter(batch, 0.9, counts=counts)
        assert both(interval(batch, "spiegelhalter_z", 0.9, counts=counts)) == pytest.approx(expected, rel=1e-9)
        more.append(above)
    assert {*more} == {False, True}


@pytest.mark.parametrize("power", [10, 50, 100])
def test_rows_of_no_weight_beside_the_others_change_no_interval(power):
    batch, light = calibrated(60, "none", 1), calibrated(60, "none", 2)
    batch = replace(batch, scores=1 - batch.scores)  # so that z varies more than it would if calibrated
    weight = np.repeat([10.0**power, 10.0**-power], 60)
    joined = binary([*batch.truth, *light.truth], [*batch.scores, *light.scores], weight)
    for name in ("spiegelhalter_z", *FIT, "roc_auc", "average_precision", "ks_statistic"):
        assert both(interval(joined, name)) == pytest.approx(both(interval(batch, name)), rel=1e-6), name


@pytest.mark.parametrize("weights", WEIGHTS)
def test_each_rate_of_a_roc_has_wilson_limits(weights):
    batch = drawn(60, weights)
    roc = whole("binary", batch, confidence_level=0.9)["curves"]["roc"]
    assert len(roc["thresholds"]) > 5
    for place, threshold in enumerate(roc["thresholds"]):
        predicted = batch.scores >= (math.inf if threshold is None else threshold)
        for rate, side in (("tpr", batch.truth), ("fpr", ~batch.truth)):
            _, *expected = wilson(predicted[side], weight_of(batch)[side], 0.9)
            assert (roc[f"{rate}_low"][place], roc[f"{rate}_high"][place]) == pytest.approx(expected, abs=1e-9)


def test_counted_rates_of_a_roc_have_the_wilson_limits_of_as_many_rows():
    batch = drawn(30, "whole")
    roc = whole("binary", batch, counts=True)["curves"]["roc"]
    table = {threshold: (tp, fp) for threshold, tp, fp in at_thresholds(batch)}
    positive, negative = table[min(table)]
    for place, threshold in list(enumerate(roc["thresholds"]))[1:]:
        for rate, hits, rows in zip(("tpr", "fpr"), table[threshold], (positive, negative), strict=True):
            expected = proportion_confint(hits, rows, method="wilson")
            assert (roc[f"{rate}_low"][place], roc[f"{rate}_high"][place]) == pytest.approx(expected, abs=1e-12)
    for rate, rows in (("tpr", positive), ("fpr", negative)):
        assert roc[f"simultaneous_{rate}"] == pytest.approx(math.sqrt(math.log(80) / (2 * rows)), rel=1e-12)


@pytest.mark.parametrize("weights", WEIGHTS)
def test_the_bands_of_a_roc_are_those_of_effective_rows(weights):
    batch = drawn(60, weights)
    roc = whole("binary", batch, confidence_level=0.8)["curves"]["roc"]
    for rate, side in (("tpr", batch.truth), ("fpr", ~batch.truth)):
        reach = math.sqrt(math.log(2 / 0.1) / (2 * kish(weight_of(batch)[side])))
        assert roc[f"simultaneous_{rate}"] == pytest.approx(reach, rel=1e-12)


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_the_simultaneous_bands_hold_the_whole_true_curve_as_often_as_they_say(level):
    """Positives are normal about 1, negatives about 0; a rate is farthest from the true one at a row or just above."""
    rng, runs, truth = np.random.default_rng(4), 20_000, np.arange(90) < 40
    roc = whole("binary", binary(truth, rng.normal(truth * 1.0)), confidence_level=level)["curves"]["roc"]
    held = np.ones(runs, dtype=bool)
    for rate, rows, mean in (("tpr", 40, 1), ("fpr", 50, 0)):
        true = stats.norm.sf(-np.sort(-rng.normal(mean, 1, (runs, rows)), axis=1), mean)
        found = np.arange(rows + 1) / rows
        farthest = np.maximum(np.abs(found[1:] - true), np.abs(found[:-1] - true)).max(axis=1)
        held &= farthest <= roc[f"simultaneous_{rate}"]
    assert level < held.mean() < level + (1 - level) / 3


@pytest.mark.parametrize("weights", WEIGHTS)
def test_bins_have_wilson_limits(weights):
    batch = drawn(80, weights, digits=2)
    answer = whole("binary", batch, confidence_level=0.9)
    curve, section = answer["curves"]["calibration"], answer["calibration"]
    listed = [dict(zip(curve, column, strict=True)) for column in zip(*curve.values(), strict=True)]
    assert listed == section["uniform"]
    for bins in (section["uniform"], section["quantile"]):
        assert len(bins) > 5
        for found in bins:
            closed = found is bins[-1]
            inside = (batch.scores >= found["low"]) & (batch.scores < found["high"] + closed)
            _, *expected = wilson(batch.truth[inside], weight_of(batch)[inside], 0.9)
            assert (found["fraction_low"], found["fraction_high"]) == pytest.approx(expected, abs=1e-9)


def test_counted_bins_have_the_wilson_limits_of_as_many_rows():
    batch = drawn(50, "whole")
    bins = whole("binary", batch, counts=True)["calibration"]["uniform"]
    repeated = whole("binary", KNOWN["binary"].repeated(batch))["calibration"]["uniform"]
    for ours, theirs in zip(bins, repeated, strict=True):
        expected = proportion_confint(ours["weight"] * ours["fraction_positive"], ours["weight"], method="wilson")
        for found in (ours, theirs):
            assert (found["fraction_low"], found["fraction_high"]) == pytest.approx(expected, abs=1e-9)


def test_no_bands_unless_intervals_are_asked_for():
    answer = whole("binary", drawn(20, "none"), intervals=False)
    assert answer["curves"]["roc"].keys() == {"fpr", "tpr", "thresholds"}
    assert not any("fraction_low" in found for found in answer["calibration"]["uniform"])
    assert "intervals" not in answer
