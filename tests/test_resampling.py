"""The bootstrap against analytic intervals, scipy's, and its parts written out."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score

from service.evaluate import kinds_of, report, states_of
from service.metrics.batch import Batch, Reading
from service.metrics.undefined import Undefined
from service.resampling import Replicates, acceleration, bootstrap_interval
from tests.by_rows import WEIGHTS, drawn, kish
from tests.cases import binary, close, cut, in_parts, metrics_of, take, text, whole
from tests.tasks import KNOWN
from tests.tasks.regression import regression

# Of cells, with limits that both ways should agree on.
OF_CELLS = ("accuracy", "balanced_accuracy", "precision", "f1", "f2", "matthews_corrcoef", "cohen_kappa")
OF_CELLS += ("negative_predictive_value", "jaccard", "positive_likelihood_ratio")
OF_ROWS = ("roc_auc", "average_precision", "brier_score", "spiegelhalter_z")
# Why there may be no interval of a value, by whether it is drawn at all.
NO_VALUE = {False: ("biased_statistic", "extreme_value"), True: ("unstable_resampling", "no_variation")}
METRICS = {metric.name: metric for metric in metrics_of("binary")}


def few(task, batch, names, resamples=200, *, counts=False, classes=None, **options):
    """The report of some metrics, by a bootstrap unless `resamples` is 0."""
    question = replace(KNOWN[task].question, counts=counts)
    question = question if classes is None else replace(question, classes=classes)
    read = Reading(tuple(names), resamples=resamples, **options)
    return report(states_of(batch, question, kinds_of(question, read)), question, read)


def both(found):
    return np.array([found["low"], found["high"]])


def apart(ours, theirs):
    """The larger distance of two limits, in widths of the second interval."""
    return np.abs(both(ours) - both(theirs)).max() / np.ptp(both(theirs))


@pytest.fixture
def replicates(monkeypatch):
    """What the last report drew, by metric."""
    seen = {}

    def noted(metric, value, drawn, level):
        seen[metric.name] = drawn
        return bootstrap_interval(metric, value, drawn, level)

    monkeypatch.setattr("service.evaluate.bootstrap_interval", noted)
    return seen


@pytest.mark.parametrize("known", KNOWN)
def test_one_seed_gives_the_same_bytes_whatever_the_order_and_the_split(known):
    rng, other = np.random.default_rng(1), 0
    for batch in list(KNOWN[known].random(3))[1:]:
        options = {"curves": False, "resamples": 15, "seed": 7}
        ours = text(whole(known, batch, **options))
        assert text(whole(known, take(batch, rng.permutation(len(batch.truth))), **options)) == ours
        parts = cut(batch, sorted(rng.integers(0, len(batch.truth) + 1, 3)))
        assert text(in_parts(known, parts[::-1], **options)) == ours
        other += text(whole(known, batch, **options | {"seed": 8})) != ours
    assert other


@pytest.mark.parametrize("known", KNOWN)
def test_every_interval_is_drawn_or_says_why_there_is_none(known):
    metrics, found_of = {metric.name: metric for metric in metrics_of(known)}, set()
    for batch in KNOWN[known].random(4):
        answer = whole(known, batch, curves=False, resamples=20)
        for name, found in answer["intervals"].items():
            if found:
                assert found["method"].startswith("bootstrap_")
                low, high = both(found)
                assert metrics[name].low <= low <= answer["metrics"][name] <= high <= metrics[name].high
                assert low < high
                found_of.add(name)
            elif answer["metrics"][name] is not None:
                reason = answer["undefined"][f"intervals.{name}"]["reason"]
                drawn_from = bool(metrics[name].interval_needs)
                assert reason in NO_VALUE[drawn_from], name
    assert len(found_of) > len(metrics) / 2


@pytest.mark.parametrize(("rows", "weights"), [(60, "none"), (150, "real"), (400, "none"), (250, "real")])
def test_limits_of_cells_lie_near_the_analytic_ones(rows, weights):
    batch = drawn(rows, weights, seed=rows)
    ours, analytic = (few("binary", batch, OF_CELLS, resamples)["intervals"] for resamples in (2000, 0))
    for name in OF_CELLS:
        assert ours[name]["method"] == "bootstrap_bca"
        assert apart(ours[name], analytic[name]) < 0.15, name


@pytest.mark.parametrize(("rows", "weights"), [(80, "none"), (120, "real"), (250, "none")])
def test_limits_of_rows_lie_near_the_analytic_ones(rows, weights):
    batch = drawn(rows, weights, seed=rows, digits=9)
    ours, analytic = (few("binary", batch, OF_ROWS, resamples)["intervals"] for resamples in (600, 0))
    for name in OF_ROWS:
        assert ours[name]["method"] == "bootstrap_bca"
        assert apart(ours[name], analytic[name]) < 0.2, name


def test_limits_of_many_classes_lie_near_the_analytic_ones():
    """A hundred cells get two rows more together, and not half a row each."""
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 10, 300)
    batch = Batch(truth, np.where(rng.random(300) < 0.85, truth, rng.integers(0, 10, 300)))
    names = ("accuracy", "f1_macro", "precision_weighted", "matthews_corrcoef")
    ours, analytic = (
        few("multiclass", batch, names, resamples, classes=tuple(range(10)))["intervals"] for resamples in (200, 0)
    )
    for name in names:
        assert ours[name]["method"] == "bootstrap_bca"
        assert apart(ours[name], analytic[name]) < 0.3, name


def scipys(statistic, *columns, level=0.9):
    """Its limits, of rows drawn together."""
    found = stats.bootstrap(
        columns, statistic, n_resamples=1500, paired=True, vectorized=False, confidence_level=level, method="BCa", rng=5
    ).confidence_interval
    return {"low": found.low, "high": found.high}


def area(truth, scores):
    ranks, positive = stats.rankdata(scores), truth.sum()
    return (ranks[truth > 0].sum() - positive * (positive + 1) / 2) / (positive * (len(truth) - positive))


def test_limits_lie_near_those_of_scipy():
    batch = drawn(90, seed=2, digits=9)
    ours = few("binary", batch, ("roc_auc", "brier_score"), 1500, confidence_level=0.9)["intervals"]
    assert apart(ours["roc_auc"], scipys(area, batch.truth * 1.0, batch.scores)) < 0.15
    squares = (batch.truth - batch.scores) ** 2
    assert apart(ours["brier_score"], scipys(np.mean, squares)) < 0.15


def test_limits_of_a_skewed_mean_lie_near_those_of_scipy():
    errors = np.random.default_rng(8).exponential(size=40) ** 2
    ours = few("regression", regression(np.zeros(40), errors), ("mean_absolute_error",), 2000, confidence_level=0.9)
    theirs = scipys(np.mean, errors)
    assert apart(ours["intervals"]["mean_absolute_error"], theirs) < 0.15
    # A wrong sign of the acceleration or of the bias moves them below the percentiles.
    drawn_means = np.mean(np.random.default_rng(9).choice(errors, (4000, 40)), axis=1)
    assert (both(ours["intervals"]["mean_absolute_error"]) > np.quantile(drawn_means, [0.05, 0.95])).all()


def ranking(queries, *, seed=0):
    """Queries of four documents, and the mean reciprocal rank of each."""
    rng = np.random.default_rng(seed)
    truth = (rng.random((queries, 4)) < 0.4) | (np.arange(4) == 0)
    scores = rng.permuted(np.tile(np.arange(4.0), (queries, 1)), axis=1) + truth
    scores += rng.random((queries, 4)) / 100
    order = np.argsort(-scores, axis=1)
    reciprocal = 1 / (1 + np.argmax(np.take_along_axis(truth, order, axis=1), axis=1))
    batch = Batch(truth.ravel() * 1.0, scores=scores.ravel(), query=np.repeat(np.arange(queries), 4))
    return batch, reciprocal


def test_queries_are_the_units_of_a_ranking(replicates):
    batch, reciprocal = ranking(50)
    answer = few("ranking", batch, ("mrr",), 1500, confidence_level=0.9)
    assert answer["metrics"]["mrr"] == pytest.approx(reciprocal.mean())
    assert apart(answer["intervals"]["mrr"], scipys(np.mean, reciprocal)) < 0.15
    assert replicates["mrr"].many.tolist() == [1] * 50
    left_out = (reciprocal.sum() - reciprocal) / 49
    assert sorted(replicates["mrr"].without) == pytest.approx(sorted(left_out))


@pytest.mark.parametrize("weights", WEIGHTS)
def test_the_units_left_out_are_distinct_rows(replicates, weights):
    batch = drawn(60, weights)
    few("binary", batch, ("roc_auc",))
    found = replicates["roc_auc"]
    assert len(found.many) < 60 if weights != "real" else len(found.many) == 60
    assert found.many.sum() == 60
    by_row = []
    for row in range(60):
        weight = None if batch.weight is None else np.delete(batch.weight, row)
        truth, scores = np.delete(batch.truth, row), np.delete(batch.scores, row)
        by_row.append(roc_auc_score(truth, scores, sample_weight=weight))
    repeated = np.repeat(found.without, found.many.astype(int))
    assert np.sort(repeated) == pytest.approx(np.sort(by_row), rel=1e-12)
    assert acceleration(found) == pytest.approx(jackknife(by_row), rel=1e-9)


def jackknife(left_out):
    """A sixth of the skewness of what leaving out each row does."""
    change = np.mean(left_out) - np.array(left_out)
    return (change**3).sum() / (6 * (change**2).sum() ** 1.5)


@pytest.mark.parametrize("name", ["roc_auc", "average_precision", "recall", "f2"])
@pytest.mark.parametrize("level", [0.5, 0.95])
def test_limits_are_those_of_efron(replicates, name, level):
    """B. Efron, Journal of the American Statistical Association 82, 1987, equation 2.3."""
    answer = few("binary", drawn(80, seed=5), (name,), 400, confidence_level=level)
    found, value = replicates[name], answer["metrics"][name]
    draws = np.array(found.values)
    bias = stats.norm.ppf((draws < value).mean() + (draws == value).mean() / 2)
    skew = acceleration(found)
    assert bias != 0 != skew
    moved = bias + stats.norm.ppf([(1 - level) / 2, (1 + level) / 2])
    ends = stats.norm.cdf(bias + moved / (1 - skew * moved))
    assert both(answer["intervals"][name]) == pytest.approx(np.quantile(draws, ends), rel=1e-9)
    assert answer["intervals"][name]["method"] == "bootstrap_bca"


def test_draws_of_rows_have_poisson_numbers_of_each():
    """The mean of draws with the row itself as value: their variance is that of so many rows."""
    errors = np.repeat([1.0, 2.0, 4.0], [5, 10, 25])
    width = []
    for seed in range(3):
        answer = few("regression", regression(np.zeros(40), errors), ("mean_absolute_error",), 1000, seed=seed)
        width.append(np.ptp(both(answer["intervals"]["mean_absolute_error"])))
    assert np.mean(width) == pytest.approx(2 * 1.96 * errors.std() / math.sqrt(40), rel=0.08)


def test_percentiles_serve_where_the_value_jumps_or_lies_far_from_its_draws(replicates):
    answer = few("binary", drawn(60), ("ks_statistic",), 100)
    found = answer["intervals"]["ks_statistic"]
    assert found["method"] == "bootstrap_percentile"
    assert both(found) == pytest.approx(np.quantile(replicates["ks_statistic"].values, [0.025, 0.975]), rel=1e-12)
    perfect = few("binary", binary([1] * 20 + [0] * 20, [0.9] * 20 + [0.1] * 20), ("recall",), 100)
    assert perfect["intervals"]["recall"]["method"] == "bootstrap_percentile"
    draws = np.array(replicates["recall"].values)
    assert both(perfect["intervals"]["recall"]) == pytest.approx([np.quantile(draws, 0.025), 1], rel=1e-12)


@pytest.mark.parametrize(("below", "method"), [(0.84, "bootstrap_bc"), (0.85, "bootstrap_percentile")])
def test_a_median_more_than_one_deviation_away_is_no_bias(below, method):
    """The normal distribution has .8413 below 1."""
    for draws in (np.arange(1000), np.arange(1000)[::-1]):
        many = Replicates(draws.tolist(), [], np.ones(2000))
        value = 1000 * below - 0.5
        assert bootstrap_interval(METRICS["recall"], value, many, 0.9).method == method
        assert bootstrap_interval(METRICS["recall"], 999 - value, many, 0.9).method == method


def test_draws_that_equal_the_value_lie_half_below_it():
    many = Replicates(np.repeat([0.0, 1.0, 2.0, 3.0, 4.0], [50, 250, 400, 250, 50]).tolist(), [], np.ones(2000))
    found = bootstrap_interval(METRICS["spiegelhalter_z"], 2.0, many, 0.92)
    assert found == (0, 4, "bootstrap_bc")


def test_percentiles_serve_where_the_acceleration_leads_past_all_draws():
    left_out = [0.0] * 999 + [1.0]
    many = Replicates(np.linspace(0, 1, 1001).tolist(), left_out, np.ones(1000))
    assert abs(jackknife(left_out)) > 0.16
    assert bootstrap_interval(METRICS["roc_auc"], 0.5, many, 0.95).method == "bootstrap_bca"
    far = bootstrap_interval(METRICS["roc_auc"], 0.5, many, 1 - 1e-12)
    assert far.method == "bootstrap_percentile"
    assert (far.low, far.high) == pytest.approx((0, 1))


def test_without_acceleration_where_units_are_more_than_draws(replicates):
    batch = drawn(150, digits=9, seed=4)
    answer = few("binary", batch, ("roc_auc", "accuracy"), 100)
    assert answer["intervals"]["roc_auc"]["method"] == "bootstrap_bc"
    assert answer["intervals"]["accuracy"]["method"] == "bootstrap_bca"
    draws = np.array(replicates["roc_auc"].values)
    bias = stats.norm.ppf((draws < answer["metrics"]["roc_auc"]).mean())
    ends = stats.norm.cdf(2 * bias + stats.norm.ppf([0.025, 0.975]))
    assert both(answer["intervals"]["roc_auc"]) == pytest.approx(np.quantile(draws, ends), rel=1e-9)
    assert few("binary", batch, ("roc_auc",), 150)["intervals"]["roc_auc"]["method"] == "bootstrap_bca"


def test_draws_without_a_value_leave_no_interval():
    few_positives = binary([1, 1, 1] + [0] * 30, np.linspace(1, 0, 33) ** 2)
    answer = few("binary", few_positives, ("average_precision", "accuracy"))
    assert answer["intervals"]["average_precision"] is None
    assert answer["undefined"]["intervals.average_precision"]["reason"] == "unstable_resampling"
    assert answer["intervals"]["accuracy"]


@pytest.mark.parametrize(("missing", "stands"), [(0, True), (2, True), (3, False), (200, False)])
def test_one_draw_in_a_hundred_may_be_without_a_value(missing, stands):
    values = [None] * missing + np.linspace(0, 1, 200 - missing).tolist()
    many = Replicates(values, [], np.ones(3))
    if stands:
        assert bootstrap_interval(METRICS["recall"], 0.5, many, 0.5)[:2] == pytest.approx((0.25, 0.75), abs=0.01)
    else:
        with pytest.raises(Undefined, match="unstable_resampling"):
            bootstrap_interval(METRICS["recall"], 0.5, many, 0.5)


def test_biased_and_extreme_statistics_have_no_interval_by_a_bootstrap_either():
    answer = whole("binary", drawn(40), curves=False, resamples=10)
    for kind in ("expected", "maximum", "root_mean_squared"):
        name = f"{kind}_calibration_error"
        assert answer["intervals"][name] is None
        assert answer["undefined"][f"intervals.{name}"]["reason"] == "biased_statistic"
    answer = whole("regression", regression([1, 2, 3], [1, 3, 5]), curves=False, resamples=10)
    assert answer["undefined"]["intervals.max_error"]["reason"] == "extreme_value"


def test_counts_are_repetitions_in_a_bootstrap():
    batch = drawn(40, "whole", digits=2)
    repeated = KNOWN["binary"].repeated(batch)
    names = ("accuracy", "f1", "roc_auc", "average_precision", "brier_score")
    ours = few("binary", batch, names, counts=True)["intervals"]
    assert close(ours, few("binary", repeated, names)["intervals"], 1e-9)
    reliable = few("binary", batch, names)["intervals"]
    for name in names:
        assert np.ptp(both(reliable[name])) > 1.3 * np.ptp(both(ours[name]))


@pytest.mark.parametrize("rows", [100, 20_000])
@pytest.mark.parametrize("weights", WEIGHTS)
def test_the_units_of_cells_are_four_whatever_the_number_of_rows(replicates, rows, weights):
    batch = drawn(rows, weights)
    few("binary", batch, ("accuracy", "recall"), 20)
    found = replicates["accuracy"]
    size = rows if batch.weight is None else kish(batch.weight)
    assert len(found.many) == len(found.without) == 4
    assert found.many.sum() == pytest.approx(size, rel=1e-9)
    if weights == "none":
        hits = np.count_nonzero(batch.truth == batch.predicted)
        assert sorted(set(found.without)) == pytest.approx([(hits - 1) / (rows - 1), hits / (rows - 1)])


def test_half_a_row_is_added_to_each_of_four_cells(replicates):
    """The draws of recall are of a beta distribution."""
    few("binary", binary([1] * 12 + [0] * 5, predicted=[1] * 9 + [0] * 8), ("recall",), 2000)
    assert stats.kstest(replicates["recall"].values, stats.beta(9.5, 3.5).cdf).pvalue > 0.01


@pytest.mark.parametrize("power", [-600, -40, 600])
def test_no_power_of_two_on_all_weights_shows_in_a_bootstrap(power):
    batch = drawn(50, "real")
    names = ("accuracy", "f2", "cohen_kappa", "roc_auc", "average_precision")
    scaled = replace(batch, weight=np.ldexp(batch.weight, power))
    assert text(few("binary", scaled, names, 50)["intervals"]) == text(few("binary", batch, names, 50)["intervals"])


def test_the_draws_of_weighted_rows_keep_their_weights(replicates):
    """Ten heavy rows and a hundred light ones: the draws vary as the heavy ones do."""
    truth = np.arange(110) % 2 == 0
    scores = np.random.default_rng(6).normal(0.4 + 0.2 * truth, 0.2)
    weight = np.where(np.arange(110) < 40, 100.0, 1.0)
    few("binary", binary(truth, scores, weight), ("roc_auc", "average_precision"), 800)
    first = slice(0, 40)
    alone = few("binary", binary(truth[first], scores[first]), ("roc_auc", "average_precision"), 0)["intervals"]
    for name in ("roc_auc", "average_precision"):
        deviation = np.std(replicates[name].values)
        assert 4 * deviation == pytest.approx(np.ptp(both(alone[name])), rel=0.25), name
    value = average_precision_score(truth, scores, sample_weight=weight)
    assert np.median(replicates["average_precision"].values) == pytest.approx(value, abs=0.05)


def test_outputs_of_a_regression_are_drawn_each():
    rng = np.random.default_rng(7)
    truth = rng.normal(size=(50, 2))
    predicted = truth + rng.normal(size=(50, 2)) * [1, 3]
    name = "mean_absolute_error"
    ours, *each = (
        both(few("regression", regression(truth[:, place], predicted[:, place]), (name,))["intervals"][name])
        for place in (slice(None), 0, 1)
    )
    assert ours == pytest.approx(np.mean(each, axis=0), rel=1e-12)


def test_losses_that_differ_by_rounding_alone_do_not_vary():
    truth = np.arange(40) >= 20
    answer = few("binary", binary(truth, np.where(truth, 0.9, 0.1)), ["brier_score", "log_loss"])
    assert {reason["reason"] for reason in answer["undefined"].values()} == {"no_variation"}
    assert answer["intervals"] == {"brier_score": None, "log_loss": None}
