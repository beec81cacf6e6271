"""How far groups are apart: limits, the test that they are alike, and fairness."""

import math
from dataclasses import replace
from itertools import combinations

import fairlearn.metrics
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from service.app import create_app
from service.by_group import sections_of
from service.metrics.batch import Batch, Partition, Question
from service.metrics.catalogue import TASKS
from service.metrics.distributions import chi_square_tail
from service.metrics.gaps import Fairness, homogeneity
from service.settings import Settings
from tests.cases import close, metrics_of, reading, take, text, whole
from tests.of_groups import drawn, gap_of, grouped, of_counts, randomly, sections
from tests.tasks import KNOWN
from tests.tasks.binary import binary
from tests.tasks.known import EXAMPLES
from tests.tasks.regression import regression

SETTINGS = settings(max_examples=max(5, EXAMPLES // 4), deadline=None, derandomize=True)


@pytest.mark.parametrize("level", [0.8, 0.95, 0.999])
@pytest.mark.parametrize(
    ("one", "other"), [((8, 4), (15, 25)), ((20, 0), (13, 0)), ((0, 12), (30, 0)), ((50, 50), (50, 50))]
)
def test_a_gap_of_two_shares_is_that_of_newcombe(one, other, level):
    found = sections("binary", of_counts((*one, 1, 1), (*other, 1, 1)), confidence_level=level)
    gap = gap_of(found, "recall")
    limits = confint_proportions_2indep(other[0], sum(other), one[0], sum(one), method="newcomb", alpha=1 - level)
    difference = other[0] / sum(other) - one[0] / sum(one)
    assert (gap["reference"], gap["group"], gap["groups"]) == ({"g0": 0}, {"g0": 1}, 2)
    assert gap["difference"] == pytest.approx(difference, abs=1e-15)
    assert [gap["interval"]["low"], gap["interval"]["high"]] == pytest.approx(limits, abs=1e-12)
    assert gap["interval"]["method"] == "mover"
    assert (gap["p_value"] < 1 - level) == (not limits[0] < 0 < limits[1])
    shares = sorted((one[0] / sum(one), other[0] / sum(other)))
    assert gap["ratio"] == (pytest.approx(shares[0] / shares[1]) if shares[0] else None)
    assert gap["undefined"].keys() == (set() if shares[0] else {"ratio"})


def test_a_gap_of_more_groups_is_the_largest_and_all_pairs_hold_together():
    counts = [(18, 12), (33, 9), (20, 22), (11, 6), (5, 4)]
    gap = gap_of(sections("binary", of_counts(*((*of, 3, 3) for of in counts))), "recall")
    shares = [hits / (hits + misses) for hits, misses in counts[:4]]  # the last has fewer than 10 positives
    limits = [proportion_confint(hits, hits + misses, 0.05 / 6, method="wilson") for hits, misses in counts[:4]]
    lows, highs = [], []
    for i, j in combinations(range(4), 2):
        for a, b in ((i, j), (j, i)):
            apart = shares[a] - shares[b]
            lows.append(apart - math.hypot(shares[a] - limits[a][0], limits[b][1] - shares[b]))
            highs.append(apart + math.hypot(limits[a][1] - shares[a], shares[b] - limits[b][0]))
    assert (gap["reference"], gap["group"], gap["groups"]) == ({"g0": 2}, {"g0": 1}, 4)
    assert gap["difference"] == pytest.approx(max(shares) - min(shares), abs=1e-15)
    expected = [max(0, *lows), max(highs)]
    assert [gap["interval"]["low"], gap["interval"]["high"]] == pytest.approx(expected, abs=1e-12)
    assert gap["interval"]["method"] == "mover_bonferroni"


@pytest.mark.parametrize("weights", ["none", "real"])
def test_limits_of_more_groups_are_made_of_those_of_reports_on_their_rows(weights):
    batch = randomly("binary", drawn(300, weights), 4)
    rows = [np.flatnonzero(batch.groups[:, 0] == number) for number in range(4)]
    reports = [whole("binary", take(batch, of), confidence_level=1 - 0.1 / 6) for of in rows]
    for gap in sections("binary", batch, confidence_level=0.9)["gaps"]:
        if gap["metric"] == "selection_rate" or gap["interval"] is None:
            continue
        values = [each["metrics"][gap["metric"]] for each in reports]
        limits = [each["intervals"][gap["metric"]] for each in reports]
        above = [limit["high"] - value for value, limit in zip(values, limits, strict=True)]
        below = [value - limit["low"] for value, limit in zip(values, limits, strict=True)]
        ordered = [(a, b) for a in range(4) for b in range(4) if a != b]
        low = max(values[a] - values[b] - math.hypot(below[a], above[b]) for a, b in ordered)
        high = max(values[a] - values[b] + math.hypot(above[a], below[b]) for a, b in ordered)
        span = metrics_of("binary")
        most = next(metric.high - metric.low for metric in span if metric.name == gap["metric"])
        assert gap["interval"]["low"] == pytest.approx(max(0, low), abs=1e-12)
        assert gap["interval"]["high"] == pytest.approx(min(most, high), rel=1e-12)


@pytest.mark.parametrize("task", KNOWN)
@SETTINGS
@given(st.data(), st.sampled_from([5e-324, 1e-16, 0.5, 0.95, 1 - 2.0**-53]), st.integers(1, 4), st.integers(1, 30))
def test_any_gap_is_sound_or_says_why_there_is_none(task, data, level, number, times):
    batch = data.draw(KNOWN[task].batches())
    batch = replace(batch, weight=None if batch.weight is None else np.where(batch.weight > 0, batch.weight, 1))
    if batch.query is None:
        batch = batch.rows(np.tile(np.arange(len(batch.truth)), times))
    batch = randomly(task, batch, number)
    found = sections(task, batch, confidence_level=level)
    text(found)
    metrics = {metric.name: metric for metric in TASKS[KNOWN[task].question.task].metrics_of(KNOWN[task].question)}
    assert not {gap["metric"] for gap in found["gaps"]} & {name for name in metrics if metrics[name].test_statistic}
    for gap in found["gaps"]:
        assert ("difference" in gap["undefined"]) == (gap["difference"] is None) == (gap["group"] is None)
        lacks = {"ratio", "interval"} & gap["undefined"].keys()
        if gap["difference"] is None:
            assert not lacks
            continue
        assert lacks == {name for name in ("ratio", "interval") if gap[name] is None}
        assert (gap["p_value"] is None) == (gap["interval"] is None)
        if gap["interval"]:
            assert gap["interval"]["low"] <= gap["difference"] <= gap["interval"]["high"]
            assert gap["interval"]["low"] < gap["interval"]["high"]
            assert 0 <= gap["p_value"] <= 1
        assert gap["difference"] >= 0 or gap["groups"] == 2


def test_gaps_say_why_they_have_no_value():
    found = sections("binary", of_counts((5, 4, 9, 9), (6, 6, 20, 20), (0, 12, 0, 12)))
    recall, precision = gap_of(found, "recall"), gap_of(found, "precision")
    assert (recall["groups"], recall["ratio"]) == (2, None)  # of 9 positives one is not compared
    assert recall["undefined"]["ratio"]["reason"] == "no_ratio"
    assert precision["groups"] == 2
    alone = gap_of(sections("binary", of_counts((5, 4, 0, 9), (6, 6, 20, 20))), "precision")
    assert (alone["groups"], alone["difference"], alone["ratio"], alone["interval"]) == (1, None, None, None)
    assert alone["undefined"].keys() == {"difference"}
    assert alone["undefined"]["difference"]["reason"] == "too_few_groups"


def test_a_gap_has_no_interval_where_a_group_has_none():
    labels = np.tile(np.arange(20.0), 2)
    errors = np.concatenate([np.ones(20), np.linspace(1, 3, 20)])
    batch = grouped(regression(labels, labels + errors), np.repeat([0, 1], 20))
    found = sections("regression", batch)
    assert gap_of(found, "max_error")["undefined"]["interval"]["reason"] == "extreme_value"
    assert gap_of(found, "mean_error")["undefined"]["interval"]["reason"] == "no_variation"
    assert gap_of(found, "mean_error")["difference"] == pytest.approx(1)
    assert gap_of(found, "mean_error")["p_value"] is None


def test_numbers_at_the_ends_of_float64_overflow_in_gaps_and_their_limits():
    labels = np.linspace(0.9, 1.1, 20)
    far = grouped(
        regression(np.zeros(40), np.concatenate([labels * 1.5e308, labels * -1.5e308])), np.repeat([0, 1], 20)
    )
    assert gap_of(sections("regression", far), "mean_error")["undefined"]["difference"]["reason"] == "overflow"
    wide = np.concatenate([np.tile([-1e308, 1e308], 10), np.tile([-8e307, 9e307], 10), np.tile([-8e307, 9e307], 10)])
    near = grouped(regression(np.zeros(60), wide), np.repeat([0, 1, 2], 20))
    gap = gap_of(sections("regression", near, confidence_level=1 - 1e-12), "mean_error")
    assert gap["difference"] is not None
    assert gap["undefined"]["interval"]["reason"] == "overflow"


# What bears a metric


@pytest.mark.parametrize(
    ("metric", "counts", "more"),
    [  # true positives, false negatives, false positives, true negatives: all but one group of 9 or 10 units
        ("accuracy", (3, 2, 2, 2), (0, 1, 0, 0)),
        ("recall", (5, 4, 20, 20), (0, 1, 0, 0)),
        ("false_negative_rate", (5, 4, 20, 20), (1, 0, 0, 0)),
        ("specificity", (20, 20, 4, 5), (0, 0, 1, 0)),
        ("false_positive_rate", (20, 20, 4, 5), (0, 0, 0, 1)),
        ("precision", (5, 20, 4, 20), (1, 0, 0, 0)),
        ("false_discovery_rate", (5, 20, 4, 20), (0, 0, 1, 0)),
        ("negative_predictive_value", (20, 4, 20, 5), (0, 1, 0, 0)),
        ("f1", (4, 3, 2, 40), (0, 0, 1, 0)),
        ("jaccard", (4, 3, 2, 40), (0, 1, 0, 0)),
        ("balanced_accuracy", (5, 4, 10, 20), (1, 0, 0, 0)),
        ("matthews_corrcoef", (20, 10, 5, 4), (0, 0, 1, 0)),
        ("positive_likelihood_ratio", (20, 10, 5, 4), (0, 0, 0, 1)),
        ("selection_rate", (3, 2, 2, 2), (0, 0, 1, 0)),
    ],
)
def test_a_group_is_compared_where_ten_rows_bear_the_metric(metric, counts, more):
    others = [(30, 30, 30, 30)] * 2
    enough = tuple(np.add(counts, more).tolist())
    assert gap_of(sections("binary", of_counts(counts, *others)), metric)["groups"] == 2
    assert gap_of(sections("binary", of_counts(enough, *others)), metric)["groups"] == 3


@pytest.mark.parametrize(("metric", "few"), [("roc_auc", 9), ("average_precision", 9), ("brier_score", None)])
def test_metrics_of_ranks_need_rows_of_a_class(metric, few):
    for positives in (9, 10):
        truth = np.repeat([True, False, True, False], [positives, 40, 30, 30])
        scores = np.random.default_rng(0).random(len(truth))
        batch = grouped(binary(truth, scores), np.repeat([0, 1], [positives + 40, 60]))
        assert gap_of(sections("binary", batch), metric)["groups"] == (1 if positives == few else 2)


@pytest.mark.parametrize(("weight", "groups"), [(0.1, 2), (3e-5, 2)])
def test_equal_weights_of_ten_rows_are_ten(weight, groups):
    rows = 20
    truth, predicted = np.ones(rows), np.arange(rows) % 3 > 0
    batch = grouped(binary(truth, None, np.full(rows, weight), predicted), np.repeat([0, 1], 10))
    found = sections("binary", batch)
    assert gap_of(found, "recall")["groups"] == groups
    assert not any(group["small"] for group in found["groups"])
    uneven = replace(batch, weight=np.linspace(1, 2, rows))
    assert gap_of(sections("binary", uneven), "recall")["groups"] == 0
    assert all(group["small"] for group in sections("binary", uneven)["groups"])


def test_classes_of_several_are_counted_too():
    question = Question("multiclass", ("a", "b", "c"))
    read = reading("multiclass", partitions=(Partition(("g",), (("x",), ("y",))),))
    for fewest, balanced, correlated in (
        ((9, 10, 30), 1, 2),
        ((10, 10, 30), 2, 2),
        ((4, 5, 30), 1, 1),
        ((4, 6, 30), 1, 2),
    ):
        truth = np.concatenate([np.repeat(range(3), fewest), np.repeat(range(3), (20, 20, 20))])
        predicted = np.random.default_rng(1).integers(0, 3, len(truth))
        batch = grouped(Batch(truth, predicted), np.repeat([0, 1], [sum(fewest), 60]))
        found = sections_of(batch, question, read)
        assert gap_of(found, "balanced_accuracy")["groups"] == balanced
        assert gap_of(found, "matthews_corrcoef")["groups"] == correlated
        assert gap_of(found, "f1_macro")["groups"] == 2


@pytest.mark.parametrize("judged", [9, 10])
def test_queries_without_a_relevant_document_bear_nothing(judged):
    rng = np.random.default_rng(2)
    query = np.repeat(np.arange(40), 3)
    truth = np.where(query < 20 + judged, rng.integers(0, 2, 120), 0.0)
    truth[::3] = query[::3] < 20 + judged
    batch = grouped(Batch(truth, scores=rng.random(120), query=query), query >= 20)
    found = sections("ranking", batch)
    assert gap_of(found, "mrr")["groups"] == (1 if judged == 9 else 2)
    assert [group["samples"] for group in found["groups"]] == [60, 60]


# The test that all groups are alike


def test_tails_of_chi_square_are_those_of_scipy():
    for freedom in (1, 2, 3, 4, 7, 30, 99, 100, 998, 999):
        for value in (0.0, 1e-9, 0.3, 1.0, freedom / 2, freedom, 2.0 * freedom, 5.0 * freedom + 40):
            assert chi_square_tail(value, freedom) == pytest.approx(stats.chi2.sf(value, freedom), rel=1e-10)
    assert chi_square_tail(math.inf, 3) == 0


def random_limits(number: int, *, even: bool) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(number)
    values, below, above = rng.normal(0, 1, number), *rng.uniform(0.3, 3, (2, number))
    return values, values - below, values + (below if even else above)


@pytest.mark.parametrize("number", [2, 3, 10, 60])
def test_homogeneity_of_even_limits_is_that_of_cochran(number):
    values, lows, highs = random_limits(number, even=True)
    weight = (stats.norm.ppf(0.95) / (highs - values)) ** 2
    statistic = np.sum(weight * (values - np.average(values, weights=weight)) ** 2)
    assert homogeneity(values, lows, highs, 0.9) == pytest.approx(stats.chi2.sf(statistic, number - 1), rel=1e-9)


@pytest.mark.parametrize("number", [2, 3, 10, 60])
def test_homogeneity_of_uneven_limits_is_at_the_common_value_that_explains_most(number):
    values, lows, highs = random_limits(number, even=False)

    def statistic(common: float) -> float:
        error = np.where(common > values, highs - values, values - lows) / stats.norm.ppf(0.95)
        return float(np.sum(((values - common) / error) ** 2))

    least = optimize.minimize_scalar(statistic, (values.min(), values.max()), tol=1e-12).fun
    assert homogeneity(values, lows, highs, 0.9) == pytest.approx(stats.chi2.sf(least, number - 1), rel=1e-7)
    assert homogeneity(values[::-1], lows[::-1], highs[::-1], 0.9) == homogeneity(values, lows, highs, 0.9)


def test_homogeneity_of_equal_values_and_of_values_at_the_end_of_their_range():
    ones = np.ones(3)
    assert homogeneity(ones, ones - 0.1, ones, 0.95) == 1
    values, lows = np.array([0.9, 1.0, 1.0]), np.array([0.85, 0.97, 0.98])
    assert 0 < homogeneity(values, lows, np.array([0.94, 1.0, 1.0]), 0.95) < 0.01


@pytest.mark.parametrize(("number", "share"), [(2, 0.8), (2, 0.95), (4, 0.8)])
def test_groups_that_are_alike_are_rarely_told_apart(number, share):
    """Of 500 samples at most 6.5 % of the tests, as demanded of comparisons, with 3 standard errors of the study."""
    rng, times = np.random.default_rng(0), 500
    tests, covered = [], []
    for _ in range(times):
        hits = rng.binomial(80, share, number)
        batch = of_counts(*((int(hit), 80 - int(hit), 1, 1) for hit in hits))
        gap = gap_of(sections("binary", batch, metrics=("recall",)), "recall")
        tests.append(gap["p_value"] < 0.05)
        covered.append(gap["interval"]["low"] <= 0)
    assert 0.01 < np.mean(tests) < 0.065 + 3 * math.sqrt(0.065 * 0.935 / times)
    assert np.mean(covered) > 0.93 - 3 * math.sqrt(0.93 * 0.07 / times)


@pytest.mark.parametrize("metric", ["roc_auc", "f1", "log_loss"])
def test_intervals_of_gaps_hold_the_true_difference(metric):
    """Two groups whose scores are of one quality, in 300 samples."""
    rng, times, held = np.random.default_rng(1), 300, 0
    for _ in range(times):
        truth = rng.random(300) < 0.5
        score = 1 / (1 + np.exp(-rng.normal(2 * truth - 1, 2**0.5)))
        batch = grouped(binary(truth, score), np.repeat([0, 1], [100, 200]))
        interval = gap_of(sections("binary", batch, metrics=(metric,)), metric)["interval"]
        held += interval["low"] <= 0 <= interval["high"]
    assert 0.93 - 3 * math.sqrt(0.93 * 0.07 / times) < held / times <= 1


# Fairness


def fairness(batch: Batch) -> dict[str, float]:
    """As fairlearn defines the measures, row by row."""
    rates: dict[str, list[float]] = {"selected": [], "hit": [], "false": []}
    for number in np.unique(batch.groups):
        rows = batch.groups[:, 0] == number
        truth, predicted = batch.truth[rows], batch.predicted[rows]
        weight = np.ones(rows.sum()) if batch.weight is None else batch.weight[rows]
        for name, among in (("selected", np.ones_like(truth)), ("hit", truth), ("false", ~truth)):
            rates[name].append(float(np.average(predicted[among], weights=weight[among])))
    widest = {name: max(values) - min(values) for name, values in rates.items()}
    return {
        "demographic_parity_difference": widest["selected"],
        "equal_opportunity_difference": widest["hit"],
        "equalized_odds_difference": max(widest["hit"], widest["false"]),
    }


@pytest.mark.parametrize("weights", ["none", "real"])
@pytest.mark.parametrize("number", [2, 5])
def test_fairness_is_as_fairlearn_defines_it(number, weights):
    for seed in range(10):
        batch = randomly("binary", drawn(number * 100, weights, seed), number, seed)
        (found,) = sections("binary", batch, metrics=("accuracy",))["fairness"]
        assert found.keys() == Fairness.__annotations__.keys()
        assert close({name: found[name] for name in found if name.endswith("difference")}, fairness(batch))
        assert (found["by"], found["undefined"]) == (["g0"], {})


def test_fairness_needs_two_groups_that_can_be_compared():
    (found,) = sections("binary", of_counts((5, 4, 20, 20), (8, 8, 20, 20)))["fairness"]
    names = ["equal_opportunity_difference", "equalized_odds_difference"]
    assert [found[name] for name in names] == [None, None]
    assert {name: lack["reason"] for name, lack in found["undefined"].items()} == dict.fromkeys(names, "too_few_groups")
    assert found["demographic_parity_difference"] == pytest.approx(25 / 49 - 28 / 56)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("number", [2, 4])
def test_differences_of_groups_are_those_of_fairlearn(number, weighted):
    rng = np.random.default_rng(number)
    truth, group = rng.random(400) < 0.4, rng.integers(0, number, 400)
    predicted = rng.random(400) < 0.2 + 0.4 * truth + 0.1 * group
    weight = rng.uniform(0.5, 2, 400) if weighted else None
    body = {"labels": truth.tolist(), "predictions": predicted.tolist(), "groups": {"g": group.tolist()}}
    body |= {"sample_weight": weight.tolist()} if weighted else {}
    answer = create_app(Settings()).test_client().post("/v1/binary/report", json=body).get_json()
    given = {"sensitive_features": group, "sample_weight": weight}
    (found,) = answer["fairness"]
    for name in ("demographic_parity_difference", "equal_opportunity_difference", "equalized_odds_difference"):
        assert found[name] == pytest.approx(getattr(fairlearn.metrics, name)(truth, predicted, **given), rel=1e-12)
    measured = {
        "accuracy": accuracy_score,
        "precision": precision_score,
        "recall": recall_score,
        "f1": f1_score,
        "selection_rate": fairlearn.metrics.selection_rate,
        "false_positive_rate": fairlearn.metrics.false_positive_rate,
    }
    given["sample_params"] = {name: {"sample_weight": weight} for name in measured}
    del given["sample_weight"]
    frame = fairlearn.metrics.MetricFrame(metrics=measured, y_true=truth, y_pred=predicted, **given)
    gaps = {gap["metric"]: gap for gap in answer["gaps"]}
    for name in measured:
        assert abs(gaps[name]["difference"]) == pytest.approx(frame.difference()[name], rel=1e-12)
        assert gaps[name]["ratio"] == pytest.approx(frame.ratio()[name], rel=1e-12)
