"""Comparisons of candidates: their tests against other implementations, laws, refusals and findings."""

import itertools
import json
from http import HTTPStatus
from typing import Any

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from service import media
from service.app import create_app
from service.metrics.differences import Difference, holm, mcnemar_exact, mcnemar_mid_p
from service.metrics.joint import Part
from service.metrics.undefined import Undefined
from service.settings import Settings

CLIENT = create_app(Settings()).test_client()
COSTS = {"false_positive": 1, "false_negative": 5}


def asked(task: str, body: dict[str, Any]) -> dict[str, Any]:
    """The comparison that a body asks for."""
    answer = CLIENT.post(f"/v1/{task}/compare", data=media.encode(body), content_type=media.JSON)
    assert answer.status_code == HTTPStatus.OK, answer.text
    made: dict[str, Any] = answer.get_json()
    return made


def refused(task: str, body: dict[str, Any]) -> dict[str, Any]:
    """The problem that a body gets."""
    answer = CLIENT.post(f"/v1/{task}/compare", data=media.encode(body), content_type=media.JSON)
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY, answer.text
    problem: dict[str, Any] = answer.get_json()
    return problem


def differing(made: dict[str, Any], metric: str, candidate: str = "b") -> dict[str, Any]:
    """The difference of a candidate by a metric."""
    entries = made["differences"]
    found: dict[str, Any] = next(e for e in entries if (e["metric"], e["candidate"]) == (metric, candidate))
    return found


def rows(n: int = 60, seed: int = 0, digits: int = 9) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, and two correlated scores with as many digits."""
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.4
    first = rng.normal(size=n) + truth
    second = 0.7 * first + 0.6 * rng.normal(size=n)
    return truth, *(np.round(1 / (1 + np.exp(-scores)), digits) for scores in (first, second))


def paired(truth: Any, first: Any, second: Any, column: str = "scores", **more: Any) -> dict[str, Any]:
    """A request to compare b with a on the same rows."""
    candidates = {"a": {column: first.tolist()}, "b": {column: second.tolist()}}
    return {"labels": truth.tolist(), "candidates": candidates, "reference": "a", **more}


def unpaired(a: tuple[Any, Any], b: tuple[Any, Any], column: str = "scores", **more: Any) -> dict[str, Any]:
    """A request to compare b with a, each of rows of its own."""
    candidates = {
        name: {"labels": truth.tolist(), column: said.tolist()} for name, (truth, said) in {"a": a, "b": b}.items()
    }
    return {"candidates": candidates, "reference": "a", **more}


def placements(truth: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each positive the share of negatives below it, and of each negative of positives above it, by all pairs."""
    apart = scores[truth][:, None] - scores[~truth][None, :]
    psi = (apart > 0) + 0.5 * (apart == 0)
    return psi.mean(axis=1), psi.mean(axis=0)


@pytest.mark.parametrize("digits", [9, 1])
@pytest.mark.parametrize("n", [12, 60, 400])
def test_delong_is_that_of_all_pairs(n, digits):
    truth, *scores = rows(n, seed=n, digits=digits)
    found = differing(asked("binary", paired(truth, *scores, metrics=["roc_auc"])), "roc_auc")
    (x1, y1), (x2, y2) = (placements(truth, each) for each in scores)
    m, n = len(x1), len(y1)
    covariance = np.cov(x1, x2) / m + np.cov(y1, y2) / n
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    z = (x2.mean() - x1.mean()) / np.sqrt(variance)
    assert found["difference"] == pytest.approx(x2.mean() - x1.mean(), abs=1e-12)
    assert found["tests"][0]["name"] == "delong"
    assert found["tests"][0]["statistic"] == pytest.approx(z, rel=1e-10)
    parts = [np.var(x2 - x1, ddof=1) / m, np.var(y2 - y1, ddof=1) / n]
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / (m - 1) + parts[1] ** 2 / (n - 1))
    assert found["tests"][0]["p_value"] == pytest.approx(2 * stats.t.sf(abs(z), freedom), rel=1e-9)


def test_delong_of_other_rows_adds_the_variances():
    (truth, scores, _), (other, others, _) = rows(80, seed=1), rows(50, seed=2)
    found = differing(asked("binary", unpaired((truth, scores), (other, others), metrics=["roc_auc"])), "roc_auc")
    sides = [*placements(truth, scores), *placements(other, others)]
    parts = [(np.var(side, ddof=1) / len(side), len(side) - 1) for side in sides]
    variance = sum(part for part, _ in parts)
    t = (sides[2].mean() - sides[0].mean()) / np.sqrt(variance)
    freedom = variance**2 / sum(part**2 / df for part, df in parts)
    assert found["tests"][0]["statistic"] == pytest.approx(t, rel=1e-10)
    assert found["tests"][0]["p_value"] == pytest.approx(2 * stats.t.sf(abs(t), freedom), rel=1e-9)


def losses_of(truth: np.ndarray, scores: np.ndarray) -> dict[str, np.ndarray]:
    """The losses of the rows by metric."""
    likelihood = np.where(truth, scores, 1 - scores)
    return {"log_loss": -np.log(likelihood), "brier_score": (1 - likelihood) ** 2}


@pytest.mark.parametrize("metric", ["log_loss", "brier_score"])
def test_losses_are_compared_by_students_t(metric):
    truth, first, second = rows()
    test = differing(asked("binary", paired(truth, first, second, metrics=[metric])), metric)["tests"][0]
    expected = stats.ttest_rel(losses_of(truth, first)[metric], losses_of(truth, second)[metric])
    assert (test["name"], test["statistic"]) == ("paired_t", pytest.approx(expected.statistic, rel=1e-10))
    assert test["p_value"] == pytest.approx(expected.pvalue, rel=1e-9)


@pytest.mark.parametrize("metric", ["log_loss", "brier_score"])
def test_losses_of_other_rows_are_compared_by_welchs_t(metric):
    (truth, scores, _), (other, others, _) = rows(80, seed=1), rows(50, seed=2)
    test = differing(asked("binary", unpaired((truth, scores), (other, others), metrics=[metric])), metric)["tests"][0]
    sides = losses_of(truth, scores)[metric], losses_of(other, others)[metric]
    expected = stats.ttest_ind(*sides, equal_var=False)
    assert (test["name"], test["statistic"]) == ("welch_t", pytest.approx(expected.statistic, rel=1e-10))
    assert test["p_value"] == pytest.approx(expected.pvalue, rel=1e-9)


@pytest.mark.parametrize(
    ("metric", "loss"),
    [("mean_squared_error", np.square), ("mean_absolute_error", np.abs), ("mean_error", lambda errors: errors)],
)
def test_errors_are_compared_by_students_t(metric, loss):
    rng = np.random.default_rng(5)
    truth = rng.normal(size=40)
    first, second = truth + rng.normal(size=(2, 40))
    body = paired(truth, first, second, "predictions", metrics=[metric, "r2"])
    found = differing(asked("regression", body), metric)
    sides = (loss(first - truth), loss(second - truth))
    expected = stats.ttest_rel(*(sides if metric != "mean_error" else sides[::-1]))
    assert found["tests"][0]["statistic"] == pytest.approx(expected.statistic, rel=1e-9)
    assert found["tests"][0]["p_value"] == pytest.approx(expected.pvalue, rel=1e-8)


@pytest.mark.parametrize("together", [True, False])
def test_two_of_several_classes_are_compared_as_in_a_binary_task(together):
    (truth, first, second), (other, _, others) = rows(80, seed=1), rows(50, seed=2)
    if together:
        body = paired(truth, first >= 0.5, second >= 0.5, "predictions", metrics=["accuracy"])
    else:
        body = unpaired((truth, first >= 0.5), (other, others >= 0.5), "predictions", metrics=["accuracy"])
    one, several = (differing(asked(task, body), "accuracy") for task in ("binary", "multiclass"))
    assert several["difference"] == pytest.approx(one["difference"], abs=1e-12)
    for ours, theirs in zip([*several["tests"], several["interval"]], [*one["tests"], one["interval"]], strict=True):
        assert ours.keys() == theirs.keys()
        assert all(
            ours[key] == (each if isinstance(each, str) else pytest.approx(each)) for key, each in theirs.items()
        )


def test_queries_are_the_rows_of_a_ranking():
    rng = np.random.default_rng(3)
    query, relevance = np.repeat(np.arange(30), 6), rng.integers(0, 2, 180)
    relevance[:6] = 0  # a query without a relevant document does not count
    first, second = rng.normal(size=(2, 180)) + relevance
    body = paired(relevance, first, second, queries=query.tolist(), k=[3], per_query=True)
    made = asked("ranking", body)
    per_query = [
        [each["precision_at_3"] for each in made["candidates"][name]["per_query"] if each["precision_at_3"] is not None]
        for name in "ba"
    ]
    expected = stats.ttest_rel(*per_query)
    assert differing(made, "precision_at_3")["tests"][0]["p_value"] == pytest.approx(expected.pvalue, rel=1e-8)
    assert made["primary_metric"] == "ndcg_at_3"


@pytest.mark.parametrize("counts", [(0, 0), (1, 7), (6, 16), (5, 5), (0, 3), (40, 25), (300, 420)])
def test_mcnemar_is_that_of_statsmodels(counts):
    expected = mcnemar([[0, counts[0]], [counts[1], 0]], exact=True).pvalue if sum(counts) else 1.0
    assert mcnemar_exact(*counts) == pytest.approx(expected, rel=1e-10)
    at = stats.binom.pmf(counts[0], sum(counts), 0.5)
    mid = 1.0 if counts[0] == counts[1] else expected - at
    assert mcnemar_mid_p(*counts) == pytest.approx(mid, rel=1e-9)


@pytest.mark.parametrize(
    ("counts", "exact", "mid_p"), [((1, 7), 0.070, 0.039), ((6, 16), 0.052, 0.035)], ids=["airways", "response"]
)
def test_mcnemar_is_as_published(counts, exact, mid_p):
    """Tables of M. W. Fagerland, S. Lydersen, P. Laake, BMC Medical Research Methodology 13, 2013."""
    assert mcnemar_exact(*counts) == pytest.approx(exact, abs=6e-4)
    assert mcnemar_mid_p(*counts) == pytest.approx(mid_p, abs=6e-4)


def test_mcnemar_counts_rows_that_one_alone_has_right():
    truth, first, second = rows(100)
    made = asked("binary", paired(truth, first, second, metrics=["accuracy", "recall", "false_positive_rate", "f1"]))
    right = [(each >= 0.5) == truth for each in (first, second)]
    for metric, among in (("accuracy", truth | True), ("recall", truth), ("false_positive_rate", ~truth)):
        tests = {test["name"]: test for test in differing(made, metric)["tests"]}
        counts = [int((one & ~other & among).sum()) for one, other in (right, right[::-1])]
        assert tests["mcnemar_exact"]["p_value"] == pytest.approx(mcnemar_exact(*counts), rel=1e-12)
        assert tests["mcnemar_mid_p"]["statistic"] == min(counts)
    assert [test["name"] for test in differing(made, "f1")["tests"]] == ["delta"]
    weighted = asked("binary", paired(truth, first, second, sample_weight=[0.5, 1.5] * 50, metrics=["accuracy"]))
    assert [test["name"] for test in differing(weighted, "accuracy")["tests"]] == ["delta"]


def test_mcnemar_takes_classes_as_right_and_wrong():
    rng = np.random.default_rng(4)
    truth, first, second = rng.integers(0, 3, (3, 90))
    made = asked("multiclass", paired(truth, first, second, "predictions", metrics=["accuracy", "f1_macro"]))
    counts = [int(((one == truth) & (other != truth)).sum()) for one, other in ((first, second), (second, first))]
    tests = {test["name"]: test for test in differing(made, "accuracy")["tests"]}
    assert tests["mcnemar_exact"]["p_value"] == pytest.approx(mcnemar_exact(*counts), rel=1e-12)
    assert [test["name"] for test in differing(made, "f1_macro")["tests"]] == ["delta"]


@pytest.mark.parametrize("p_values", [[0.01, 0.04, 0.03], [0.5], [0.02, 0.02], [0.9, 1e-9, 0.05, 0.049]])
def test_holm_is_that_of_statsmodels(p_values):
    expected = multipletests(p_values, method="holm")[1]
    adjusted = [min(1.0, p * factor) for p, factor in zip(p_values, holm(p_values), strict=True)]
    assert adjusted == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(6))
def test_intervals_leave_out_0_where_adjusted_p_values_are_below_the_error(seed):
    rng = np.random.default_rng(seed)
    truth = rng.random(150) < 0.5
    base = rng.normal(size=150) + truth
    candidates = {
        f"c{place}": {"scores": (base + truth * gain + rng.normal(size=150)).tolist()}
        for place, gain in enumerate((0.6, 0.0, 0.3, 1.0, -0.5))
    }
    level = [0.95, 0.8][seed % 2]
    body = {"labels": truth.tolist(), "candidates": candidates, "reference": "c1", "confidence_level": level}
    made = asked("binary", body)
    for entry in made["differences"]:
        if entry["interval"] and entry["tests"][0]["name"] != "intervals":
            inside = entry["interval"]["low"] <= 0 <= entry["interval"]["high"]
            assert inside == (entry["tests"][0]["p_value_adjusted"] >= 1 - level), entry
            assert entry["interval"]["low"] <= entry["difference"] <= entry["interval"]["high"]
    assert (
        made["winner"]
        == max(
            (e for e in made["differences"] if e["metric"] == "roc_auc" and e["better"] == e["candidate"]),
            key=lambda e: e["difference"],
            default={"candidate": None},
        )["candidate"]
    )


TASKS = {
    "binary": (
        [0, 1, 1, 0, 1, 0, 1, 1],
        [[0.2, 0.9, 0.4, 0.6, 0.7, 0.1, 0.8, 0.5], [0.3, 0.8, 0.6, 0.4, 0.9, 0.2, 0.7, 0.4]],
    ),
    "multiclass": (
        [0, 1, 2, 0, 1, 2, 0, 1],
        [np.eye(3)[[0, 1, 2, 1, 1, 0, 0, 2]] * 0.4 + 0.2, np.eye(3)[[0, 1, 1, 0, 1, 2, 2, 1]] * 0.7 + 0.1],
    ),
    "multilabel": (
        [[1, 0], [0, 1], [1, 1], [0, 0], [1, 0], [0, 1]],
        [np.linspace(0.05, 0.95, 12).reshape(6, 2), np.linspace(0.9, 0.2, 12).reshape(6, 2)],
    ),
    "regression": ([1.0, 3.0, 2.0, 5.0, 4.0], [[1.5, 2.0, 2.5, 4.0, 4.5], [1.0, 3.5, 1.0, 5.5, 3.0]]),
    "ranking": ([2, 0, 1, 0, 3, 1], [[0.1, 0.5, 0.3, 0.2, 0.9, 0.4], [0.9, 0.5, 0.3, 0.1, 0.2, 0.4]]),
}


def body_of(task: str, first: int = 0, second: int = 1, **more: Any) -> dict[str, Any]:
    """A request to compare a candidate of a task with another, or with itself."""
    labels, said = TASKS[task]
    column = "predictions" if task == "regression" else "scores"
    more |= {"queries": [1, 1, 1, 2, 2, 2]} if task == "ranking" else {}
    return paired(np.array(labels), np.array(said[first]), np.array(said[second]), column, **more)


@pytest.mark.parametrize("task", TASKS)
def test_what_is_identical_does_not_differ(task):
    made = asked(task, body_of(task, 1, 1))
    assert made["candidates"]["a"] == made["candidates"]["b"]
    assert made["findings"] == []
    for entry in made["differences"]:
        if not entry["undefined"]:
            assert (entry["difference"], entry["better"], entry["identical"]) == (0, None, True)
            assert entry["tests"][0]["p_value"] == 1
            assert entry["interval"] == {"low": 0, "high": 0, "method": "identical"}


@pytest.mark.parametrize("task", TASKS)
def test_the_reference_and_a_candidate_change_places(task):
    made, turned = asked(task, body_of(task)), asked(task, body_of(task, 1, 0))
    for one, other in zip(made["differences"], turned["differences"], strict=True):
        assert one["difference"] == (None if other["difference"] is None else pytest.approx(-other["difference"]))
        assert one["detectable_difference"] == pytest.approx(other["detectable_difference"])
        if one["interval"]:
            assert one["interval"]["low"] == pytest.approx(-other["interval"]["high"], abs=1e-12)


@pytest.mark.parametrize("task", TASKS)
def test_the_reports_are_those_of_each_alone(task):
    body = body_of(task)
    made = asked(task, body)
    for name, candidate in body.pop("candidates").items():
        alone = {key: value for key, value in body.items() if key != "reference"} | candidate
        answer = CLIENT.post(f"/v1/{task}/report", data=media.encode(alone), content_type=media.JSON)
        assert made["candidates"][name] == answer.get_json()


@pytest.mark.parametrize("task", TASKS)
def test_no_order_of_the_rows_shows(task):
    body = body_of(task)
    n = len(body["labels"])
    weights = np.linspace(0.1, 3, n) if task != "ranking" else np.repeat([0.3, 1.7], 3)
    body["sample_weight"] = weights.tolist()
    order = np.random.default_rng(1).permutation(n).tolist()
    shuffled = json.loads(json.dumps(body))
    for holder in (shuffled, *shuffled["candidates"].values()):
        for name, column in holder.items():
            if isinstance(column, list):
                holder[name] = [column[place] for place in order]
    assert asked(task, body) == asked(task, shuffled)


@pytest.mark.parametrize("task", [task for task in TASKS if task != "ranking"])
def test_counts_are_repeated_rows(task):
    body, repeated = body_of(task, weights_are="counts"), body_of(task, weights_are="counts")
    times = [1 + place % 3 for place in range(len(body["labels"]))]
    body["sample_weight"] = times
    for holder in (repeated, *repeated["candidates"].values()):
        for name, column in holder.items():
            if isinstance(column, list):
                holder[name] = list(
                    itertools.chain.from_iterable([row] * n for row, n in zip(column, times, strict=True))
                )
    for one, other in zip(asked(task, body)["differences"], asked(task, repeated)["differences"], strict=True):
        assert one["difference"] == pytest.approx(other["difference"])
        assert one["tests"] == [
            {
                **test,
                **{
                    key: pytest.approx(test[key], rel=1e-6, abs=1e-9)
                    for key in ("statistic", "p_value", "p_value_adjusted")
                },
            }
            if test["statistic"] is not None
            else {
                **test,
                "p_value": pytest.approx(test["p_value"]),
                "p_value_adjusted": pytest.approx(test["p_value_adjusted"]),
            }
            for test in other["tests"]
        ], one


def test_a_variance_of_0_is_not_believed():
    for parts, reason in (([Part(0.0, 9)], "no_variation"), ([Part(np.inf, 1)], "too_few_rows")):
        for value in (0.0, 0.2):
            with pytest.raises(Undefined, match=reason):
                Difference.of(value, 1.0, parts)
    with pytest.raises(Undefined, match="overflow"):
        Difference.of(np.inf, 1.0, [Part(1.0, 1)])


def test_no_p_value_is_0():
    assert 0 < Difference(1e200, 1.0, 3.0).p_value < 1e-300
    assert Difference(-3.0, 1.0, 4.0).p_value == pytest.approx(2 * stats.t.sf(3, 4))


FLAWLESS = {
    "binary": ([0, 1, 0, 1], [[0.1, 0.8, 0.2, 0.9], [0.3, 0.7, 0.1, 0.6]], "roc_auc"),
    "multiclass": (
        [0, 1, 2],
        [np.eye(3) * 0.7 + 0.1, np.eye(3) * 0.4 + 0.2],
        "roc_auc_ovr",
    ),
    "multilabel": (
        [[1, 0], [0, 1], [1, 1]],
        [[[0.9, 0.1], [0.2, 0.8], [0.7, 0.6]], [[0.8, 0.2], [0.1, 0.9], [0.6, 0.7]]],
        "f1_samples",
    ),
    "ranking": ([1, 0, 1, 0], [[0.9, 0.1, 0.8, 0.2], [0.7, 0.3, 0.9, 0.1]], "mrr"),
    "regression": ([1.0, 2.0, 4.0, 3.0], [[1.0, 2.0, 4.0, 3.0], [2.0, 4.0, 8.0, 6.0]], "pearson"),
}


@pytest.mark.parametrize("task", FLAWLESS)
def test_two_flawless_candidates_are_no_proof_that_they_are_alike(task):
    labels, (first, second), metric = FLAWLESS[task]
    column = "predictions" if task == "regression" else "scores"
    more = {"queries": [1, 1, 2, 2]} if task == "ranking" else {}
    body = paired(np.array(labels), np.array(first), np.array(second), column, **more)
    found = differing(asked(task, body | {"primary_metric": metric, "margin": 0.001}), metric)
    assert found["difference"] == 0
    assert (found["identical"], found["better"], found["non_inferior"]) == (False, None, False)
    assert found["interval"]["low"] < -0.05 < 0.05 < found["interval"]["high"]
    assert found["tests"] == [{"name": "intervals", "statistic": None, "p_value": 1.0, "p_value_adjusted": 1.0}]


def test_margins_hold_for_all_candidates_together():
    truth, first, second = rows(100, seed=4)
    body = paired(truth, first, second, metrics=["brier_score"], margin=0.01)
    alone = differing(asked("binary", body), "brier_score")
    body["candidates"] |= {name: {"scores": (first * share).tolist()} for name, share in (("c", 0.9), ("d", 0.8))}
    among = differing(asked("binary", body), "brier_score")
    assert "simultaneous_interval" not in alone
    both, error = among["simultaneous_interval"], 0.05 / 3
    wider = differing(
        asked("binary", paired(truth, first, second, metrics=["brier_score"], confidence_level=1 - error)),
        "brier_score",
    )
    assert (both["low"], both["high"]) == pytest.approx((wider["interval"]["low"], wider["interval"]["high"]))
    assert among["non_inferior"] == (both["low"] > -0.01)


def test_perfect_separation_does_not_make_p_0():
    truth = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
    found = differing(asked("binary", paired(truth, (1 - truth) * 0.5, truth * 0.5, metrics=["roc_auc"])), "roc_auc")
    assert found["difference"] == 1
    assert found["interval"]["high"] == 1
    assert 0 < found["tests"][0]["p_value"] < 0.1


def test_margin_and_sample_size_are_of_the_primary_metric():
    truth, first, second = rows(200, seed=4)
    body = paired(truth, first, second, metrics=["roc_auc", "accuracy"], margin=0.2, min_difference=0.05)
    made = asked("binary", body)
    auc, accuracy = differing(made, "roc_auc"), differing(made, "accuracy")
    assert auc["non_inferior"] == (auc["interval"]["low"] > -0.2)
    error = auc["difference"] / auc["tests"][0]["statistic"]
    shown = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    assert auc["samples_to_settle"] == pytest.approx(200 * (shown * error / 0.05) ** 2, abs=1)
    assert shown * error < auc["detectable_difference"] < 1.03 * shown * error
    assert accuracy.keys().isdisjoint({"non_inferior", "samples_to_settle"})
    tight = differing(asked("binary", body | {"margin": 1e-6}), "roc_auc")
    assert tight["non_inferior"] is False


def test_ratios_are_compared_by_their_logarithms():
    truth, first, second = rows(200, seed=4)
    made = asked("binary", paired(truth, first, second))
    ratio = differing(made, "positive_likelihood_ratio")
    values = [made["candidates"][name]["metrics"]["positive_likelihood_ratio"] for name in "ab"]
    assert ratio["scale"] == "log"
    assert ratio["difference"] == pytest.approx(np.log(values[1] / values[0]))
    perfect = paired(np.array([0, 1, 0, 1]), np.array([0.1, 0.9, 0.8, 0.7]), np.array([0.1, 0.9, 0.8, 0.7]))
    undefined = differing(asked("binary", perfect), "negative_likelihood_ratio")["undefined"]
    assert undefined["interval"]["reason"] == "zero_ratio"


@pytest.mark.parametrize("task", TASKS)
def test_a_bootstrap_of_the_same_rows_gives_about_the_same_limits(task):
    rng = np.random.default_rng(8)
    if task == "binary":
        body = paired(*rows(300, seed=6))
    elif task == "regression":
        truth = rng.normal(size=120)
        body = paired(truth, *(truth + rng.normal(size=(2, 120))), "predictions")
    else:
        body = body_of(task)
    body |= {"interval_method": "bootstrap", "resamples": 200, "seed": 3}
    resampled, analytic = asked(task, body), asked(task, body | {"interval_method": "analytic"})
    again = asked(task, body)
    assert resampled == again
    for one, other in zip(resampled["differences"], analytic["differences"], strict=True):
        assert one["difference"] == other["difference"]
        if one["interval"] is None:
            continue
        assert one["tests"][0]["name"] == "bootstrap"
        assert one["tests"][0]["p_value"] >= 1 / 200
        inside = one["interval"]["low"] <= 0 <= one["interval"]["high"]
        assert inside == (one["tests"][0]["p_value"] >= 0.05) or abs(one["tests"][0]["p_value"] - 0.05) < 1e-6
        if task in {"binary", "regression"} and other["interval"] and other["tests"][0]["name"] != "intervals":
            widths = [each["interval"]["high"] - each["interval"]["low"] for each in (one, other)]
            assert widths[0] == pytest.approx(widths[1], rel=0.35), one["metric"]


def test_a_bootstrap_of_other_rows_draws_them_apart():
    (truth, scores, _), (other, others, _) = rows(200, seed=1), rows(200, seed=2)
    body = unpaired((truth, scores), (other, others), metrics=["roc_auc", "brier_score"])
    made = [asked("binary", body | {"interval_method": way, "resamples": 500}) for way in ("bootstrap", "analytic")]
    for metric in ("roc_auc", "brier_score"):
        widths = [np.diff([differing(each, metric)["interval"][end] for end in ("low", "high")])[0] for each in made]
        assert widths[0] == pytest.approx(widths[1], rel=0.2)


def test_a_metric_without_a_value_says_whose():
    body = paired(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 0]), np.array([0, 1, 1, 1]), "predictions")
    found = differing(asked("binary", body), "precision")
    assert found["difference"] is None
    assert found["undefined"]["difference"]["reason"] == "no_predicted_positives"
    assert found["undefined"]["difference"]["detail"].startswith("Of a: ")


def test_biased_and_extreme_statistics_have_no_limits():
    truth, first, second = rows()
    found = differing(asked("binary", paired(truth, first, second)), "expected_calibration_error")
    assert found["interval"] is None
    assert found["undefined"]["interval"]["reason"] == "biased_statistic"
    assert "spiegelhalter_z" not in [
        each["metric"] for each in asked("binary", paired(truth, first, second))["differences"]
    ]


@pytest.mark.parametrize(
    ("task", "more", "primary"),
    [
        ("binary", {}, "roc_auc"),
        ("binary", {"metrics": ["f1", "accuracy"]}, "accuracy"),
        ("binary", {"metrics": ["f1"]}, "f1"),
        ("multiclass", {}, "accuracy"),
        ("multilabel", {}, "subset_accuracy"),
        ("regression", {}, "mean_squared_error"),
        ("ranking", {"k": [2, 1]}, "ndcg_at_2"),
    ],
)
def test_the_primary_metric_where_none_is_named(task, more, primary):
    assert asked(task, body_of(task, **more))["primary_metric"] == primary


def test_predictions_alone_are_judged_by_accuracy():
    body = paired(np.array([0, 1, 1, 0]), np.array([0, 1, 0, 0]), np.array([1, 1, 1, 0]), "predictions")
    assert asked("binary", body)["primary_metric"] == "accuracy"


def test_a_class_that_one_candidate_never_predicts_is_a_class_nevertheless():
    body = paired(
        np.array(["a", "b", "a", "b"]), np.array(["a", "b", "a", "a"]), np.array(["a", "b", "c", "b"]), "predictions"
    )
    made = asked("multiclass", body)
    assert [made["candidates"][name]["classes"] for name in "ab"] == [["a", "b", "c"]] * 2
    spam = paired(
        np.array(["spam", "spam"]),
        np.array(["spam", "spam"]),
        np.array(["spam", "ham"]),
        "predictions",
        pos_label="spam",
    )
    assert [asked("binary", spam)["candidates"][name]["classes"] for name in "ab"] == [["ham", "spam"]] * 2
    spam["candidates"]["a"]["predictions"] = ["spam", "egg"]
    assert "Three or more classes" in refused("binary", spam)["detail"]


def test_candidates_of_other_rows_share_their_classes():
    three, two = (np.array(list(names)) for names in ("xywxyw", "xyxyxy"))
    made = asked("multiclass", unpaired((three, three[::-1]), (two, two), "predictions"))
    assert [made["candidates"][name]["classes"] for name in "ab"] == [["w", "x", "y"]] * 2
    numbers = unpaired((three, three), (np.array([1, 2]), np.array([1, 2])), "predictions")
    assert "several types" in refused("multiclass", numbers)["detail"]
    names = unpaired((np.zeros(3), np.zeros(3)), (np.zeros((3, 2)), np.zeros((3, 2))), "predictions")
    assert "numbers of outputs" in refused("regression", names)["detail"]


def test_a_label_that_one_candidate_alone_names_is_a_label():
    body = {
        "labels": [["r"], ["w", "r"]] * 3,
        "candidates": {"a": {"predictions": [["r"], ["w"]] * 3}, "b": {"predictions": [["q"], ["r"]] * 3}},
        "reference": "a",
    }
    assert asked("multilabel", body)["candidates"]["a"]["classes"] == ["q", "r", "w"]


@pytest.mark.parametrize(("least", "samples"), [(1e-300, None), (1e300, 2), (1e-4, 10**6)])
def test_samples_to_settle_are_as_many_as_there_may_be(least, samples):
    found = differing(asked("binary", paired(*rows(), metrics=["roc_auc"], min_difference=least)), "roc_auc")
    assert found["samples_to_settle"] is None if samples is None else found["samples_to_settle"] >= samples


def test_a_primary_metric_without_a_value_is_a_finding():
    body = paired(np.array([1, 1]), np.array([0.5, 0.2]), np.array([0.5, 0.3]), primary_metric="roc_auc")
    assert [each["code"] for each in asked("binary", body)["findings"]] == ["no_comparison"]


def test_groups_of_all_candidates_are_bounded():
    truth, first, second = rows(600)
    body = paired(truth, first, second, metrics=["accuracy"], groups={"a": list(range(600))})
    assert [error["pointer"] for error in refused("binary", body)["errors"]] == ["#/groups"]


def test_findings_say_what_a_reader_might_miss():
    truth, first, second = rows(100)
    same = asked("binary", unpaired((truth, first), (truth, second)))
    (found,) = (each for each in same["findings"] if each["code"] == "looks_paired")
    assert found["evidence"]["samples"] == 100
    close = asked("binary", paired(truth, first, first + 1e-3 * np.sin(np.arange(100))))
    assert [each["code"] for each in close["findings"]] == ["no_significant_difference"]
    rng = np.random.default_rng(2)
    labels = rng.random(400) < 0.5
    learnt, guessed = labels[:200] * 0.9 + 0.05 * rng.random(200), rng.random(200)
    body = unpaired((labels[:200], learnt), (labels[200:], guessed))
    sides = list(body["candidates"].values())
    for named in ("Train", "training data", "rf_train", "model (train)"):
        body["candidates"] = dict(zip((named, "test"), sides, strict=True))
        for reference in body["candidates"]:
            assert [each["code"] for each in asked("binary", body | {"reference": reference})["findings"]] == [
                "overfit"
            ]
    body["candidates"] = dict(zip(("train", "test"), (sides[1], sides[1]), strict=True))
    assert "overfit" not in {each["code"] for each in asked("binary", body | {"reference": "test"})["findings"]}
    body["candidates"] = dict(zip(("one", "constraint"), sides, strict=True))
    assert asked("binary", body | {"reference": "one"})["findings"] == []


def test_requirements_are_asked_of_every_candidate_but_the_reference():
    truth, first, second = rows(200, seed=4)
    wanted = [
        {"metric": "roc_auc", "min": 0.5, "decide_on": "interval"},
        {"metric": "roc_auc", "min_difference": -0.5, "decide_on": "interval"},
        {"metric": "roc_auc", "min_difference": 0.5},
    ]
    verdict = asked("binary", paired(truth, first, second, requirements=wanted))["verdict"]
    assert verdict["outcome"] == "fail"
    assert [check["outcome"] for check in verdict["checks"]] == ["pass", "pass", "fail"]
    assert {check["candidate"] for check in verdict["checks"]} == {"b"}
    assert verdict["checks"][2]["min_difference"] == 0.5


def test_a_group_that_a_candidate_has_not_never_passes():
    body = unpaired((np.array([0, 1, 1]), np.array([0, 1, 0])), (np.array([0, 1]), np.array([0, 1])), "predictions")
    body["candidates"]["a"]["groups"] = {"region": ["eu", "eu", "us"]}
    body["candidates"]["b"]["groups"] = {"region": ["us", "us"]}
    body["requirements"] = [{"metric": "accuracy", "min": 0.5, "group": {"region": each}} for each in ("us", "eu")]
    checks = asked("binary", body)["verdict"]["checks"]
    assert [(check["value"], check["outcome"]) for check in checks] == [(1.0, "pass"), (None, "fail")]


ROWS = body_of("binary")
REFUSED = [
    ({"reference": "c"}, "#/reference", "None of the candidates"),
    ({"primary_metric": "r2"}, "#/primary_metric", "Not among the metrics"),
    ({"primary_metric": "spiegelhalter_z"}, "#/primary_metric", "grows with the rows"),
    ({"metrics": ["spiegelhalter_z", "calibration_slope"]}, "#/metrics", "None of which more, or less, is better"),
    ({"primary_metric": "calibration_slope"}, "#/primary_metric", "decides nothing"),
    ({"metadata": 1}, "#/metadata", "Not an object"),
    ({"margin": 0}, "#/margin", "above 0"),
    ({"min_difference": -1}, "#/min_difference", "above 0"),
    ({"scores": [1]}, "#/scores", "in each of the candidates"),
    ({"unknown": 1}, "#/unknown", "no such field"),
    ({"labels": [0, 1]}, "#/candidates/a/scores", "Of length 8, but labels is of length 2."),
    ({"candidates": []}, "#/candidates", "Not an object"),
    ({"candidates": {"a": {"scores": [1]}}}, "#/candidates", "at least 2 candidates"),
    ({"candidates": {"a": [], "": {}}}, "#/candidates/a", "Not an object"),
    ({"candidates": {"a": {}, "b": {}}}, "#/candidates/a/scores", "Neither scores nor predictions"),
    ({"candidates": {"a": {"k": 1}, "b": {}}}, "#/candidates/a/k", "No field of a candidate"),
    ({"candidates": {"a": {"sample_weight": [1]}, "b": {}}}, "#/candidates/a/sample_weight", "Send it beside them"),
    (
        {"candidates": {"a": {"labels": [1], "scores": [1]}, "b": {"scores": [1]}}},
        "#/candidates/b/labels",
        "not this one",
    ),
    (
        {"requirements": [{"metric": "calibration_slope", "min_difference": 1}]},
        "#/requirements/0/min_difference",
        "Neither more nor less",
    ),
    (
        {"requirements": [{"metric": "accuracy", "min": 0, "min_difference": 1}]},
        "#/requirements/0/min_difference",
        "of their own",
    ),
]


@pytest.mark.parametrize(("change", "pointer", "told"), REFUSED, ids=lambda value: json.dumps(value)[:50])
def test_what_no_comparison_can_answer_is_refused(change, pointer, told):
    errors = {error["pointer"]: error["detail"] for error in refused("binary", ROWS | change)["errors"]}
    assert told in errors[pointer]


def test_candidates_of_other_rows_have_one_positive_class():
    body = unpaired((np.array([0, 1]), np.array([0, 1])), (np.array([-1, 1]), np.array([1, 1])), "predictions")
    body["candidates"]["b"] = {"labels": [True, False], "predictions": [True, True]}
    errors = refused("binary", body)["errors"]
    assert [error["pointer"] for error in errors] == ["#/pos_label"]


def test_a_body_that_is_no_object_is_refused():
    answer = CLIENT.post("/v1/binary/compare", data=b"[1]", content_type=media.JSON)
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert answer.get_json()["errors"] == [{"pointer": "#", "detail": "Not an object."}]


def test_a_partial_area_can_decide_where_the_request_says_up_to_where():
    request = paired(*rows(80), max_fpr=0.3, primary_metric="partial_roc_auc", costs=COSTS)
    made = asked("binary", request)
    reports = made["candidates"]
    entry = differing(made, "partial_roc_auc")
    apart = reports["b"]["metrics"]["partial_roc_auc"] - reports["a"]["metrics"]["partial_roc_auc"]
    assert entry["difference"] == apart
    assert entry["interval"]["low"] < apart < entry["interval"]["high"]
    assert made["primary_metric"] == "partial_roc_auc"
    for name, report in reports.items():
        alone = {"labels": request["labels"], **request["candidates"][name], "max_fpr": 0.3, "costs": COSTS}
        answer = CLIENT.post("/v1/binary/report", json=alone).get_json()
        assert answer["operating_points"] == report["operating_points"]
        assert answer["metrics"] == report["metrics"]
    drawn = asked(
        "binary", request | {"interval_method": "bootstrap", "resamples": 200, "metrics": ["partial_roc_auc"]}
    )
    found = differing(drawn, "partial_roc_auc")["interval"]
    assert found["method"] == "bootstrap"
    assert found["low"] < apart < found["high"]


def test_a_partial_area_that_is_not_asked_for_decides_nothing():
    problem = refused("binary", paired(*rows(), primary_metric="partial_roc_auc"))
    assert [error["pointer"] for error in problem["errors"]] == ["#/primary_metric"]


@pytest.mark.parametrize("name", ["costs", "max_fpr", "target_precision", "target_recall"])
def test_what_operating_points_aim_at_is_the_same_for_all_candidates(name):
    request = paired(*rows())
    request["candidates"]["b"][name] = COSTS if name == "costs" else 0.5
    problem = refused("binary", request)
    assert [error["pointer"] for error in problem["errors"]] == [f"#/candidates/b/{name}"]
