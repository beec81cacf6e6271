"""Intervals of metrics of a ranking against scipy, from the value of each query alone."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from service.metrics.batch import Batch
from tests.cases import close, cut, in_parts, metrics_of, take, text, whole
from tests.tasks import KNOWN
from tests.tasks.known import EXAMPLES, REAL, WHOLE
from tests.tasks.ranking import query_codes, ranking, ranking_batches

SETTINGS = settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
LEVEL = 0.95
NAMES = [metric.name for metric in metrics_of("ranking")]


def sample(seed: int, queries: int, weights: str) -> Batch:
    """Queries of one to six documents, some without a relevant one, in mixed order."""
    rng = np.random.default_rng(seed)
    query = np.repeat(np.arange(queries), rng.integers(1, 7, queries))
    truth = rng.integers(0, 3, len(query)) * (rng.random(queries) < 0.8)[query]
    scores = np.round(rng.normal(truth, 1), 1)
    weight = None if weights == "none" else rng.uniform(0.2, 3, queries)[query]
    return ranking(truth, scores, query, weight).rows(rng.permutation(len(query)))


SAMPLES = [sample(seed, *kind) for seed, kind in enumerate([(8, "none"), (9, "reals"), (40, "none"), (45, "reals")])]


def values_of(batch: Batch, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The metric of each query with a relevant document, by itself, and the weights of these queries."""
    values, weights = [], []
    codes = query_codes(batch)
    for code in range(codes.max() + 1):
        query = batch.rows(codes == code)
        if query.truth.any():
            values.append(KNOWN["ranking"].oracles[name](query))
            weights.append(1.0 if query.weight is None else query.weight[0])
    return np.array(values), np.array(weights)


def limits_of(answer: dict, name: str) -> tuple[float, float] | None:
    found = answer["intervals"][name]
    return found and (found["low"], found["high"])


def wilson(share: float, size: float) -> tuple[float, float]:
    """The shares whose normal test at the level just keeps this one: roots of a quadratic equation."""
    z2 = stats.norm.ppf((1 + LEVEL) / 2) ** 2
    low, high = np.sort(np.roots([1 + z2 / size, -(2 * share + z2 / size), share * share]).real)
    return max(0.0, low), min(1.0, high)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("batch", SAMPLES)
def test_means_over_queries_have_t_limits_on_the_logit_or_wilsons_where_all_are_equal(batch, name):
    values, weights = values_of(batch, name)
    mean, size = np.average(values, weights=weights), weights.sum() ** 2 / (weights**2).sum()
    answer = whole("ranking", batch)
    if np.all(values == values[0]):
        assert answer["intervals"][name]["method"] == "wilson"
        assert limits_of(answer, name) == pytest.approx(wilson(values[0], size), rel=1e-9, abs=1e-12)
        return
    error = np.sqrt((weights**2 * (values - mean) ** 2).sum() / weights.sum() ** 2 * size / (size - 1))
    if batch.weight is None:
        assert error == pytest.approx(stats.sem(values), rel=1e-12)
    logit = stats.t.interval(LEVEL, size - 1, loc=np.log(mean / (1 - mean)), scale=error / (mean * (1 - mean)))
    assert answer["intervals"][name]["method"] == "t_logit"
    assert limits_of(answer, name) == pytest.approx(1 / (1 + np.exp(-np.array(logit))), rel=1e-9)


@pytest.mark.parametrize(("relevance", "name", "value"), [([1, 0], "ndcg_at_1", 1), ([0, 1], "precision_at_1", 0)])
@pytest.mark.parametrize("queries", [2, 30])
def test_equal_queries_have_wilson_limits(relevance, name, value, queries):
    batch = ranking(relevance * queries, [2, 1] * queries, np.repeat(np.arange(queries), 2))
    answer = whole("ranking", batch)
    assert answer["metrics"][name] == value
    expected = stats.binomtest(value * queries, queries).proportion_ci(LEVEL, "wilson")
    assert limits_of(answer, name) == pytest.approx(tuple(expected), rel=1e-12, abs=1e-12)


def test_equal_queries_between_0_and_1_have_those_of_a_share_of_as_many():
    batch = ranking([0, 1] * 10, [2, 1] * 10, np.repeat(np.arange(10), 2))
    answer = whole("ranking", batch)
    assert answer["metrics"]["mrr"] == 0.5
    assert limits_of(answer, "mrr") == pytest.approx(tuple(stats.binomtest(5, 10).proportion_ci(LEVEL, "wilson")))


@pytest.mark.parametrize(
    "batch",
    [
        ranking([1, 0, 2], [3, 2, 1], [4, 4, 4]),
        ranking([1, 0, 0, 0], [3, 2, 1, 0], [4, 4, 5, 5]),
        ranking([1, 0, 1, 0], [3, 2, 1, 0], [4, 4, 5, 5], [1e9, 1e9, 1, 1]),
    ],
)
def test_one_effective_query_with_a_relevant_document_shows_too_little(batch):
    answer = whole("ranking", batch)
    assert answer["intervals"] == dict.fromkeys(NAMES)
    assert {answer["undefined"][f"intervals.{name}"]["reason"] for name in NAMES} == {"too_few_rows"}


def test_without_a_relevant_document_there_is_nothing_to_be_sure_of():
    answer = whole("ranking", ranking([0, 0], [1, 2], [1, 2]), curves=False)
    assert answer["intervals"] == dict.fromkeys(NAMES)
    assert answer["undefined"].keys() == set(NAMES)


@SETTINGS
@given(st.data())
def test_counts_are_repetitions_to_the_last_digits(data):
    batch = data.draw(KNOWN["ranking"].tame(weights=[WHOLE]))
    repeated = whole("ranking", KNOWN["ranking"].repeated(batch))
    assert close(whole("ranking", batch, counts=True), repeated, 1e-12)


def test_numbers_of_queries_are_sums_of_counts():
    batch = ranking([1, 0, 0, 0, 3], [3, 2, 1, 0, 1], [4, 4, 5, 5, 6], [2, 2, 3, 3, 7])
    once, counted = whole("ranking", batch), whole("ranking", batch, counts=True)
    assert (once["queries"], once["queries_without_relevant"]) == (3, 1)
    assert (counted["queries"], counted["queries_without_relevant"]) == (12, 3)


@SETTINGS
@example(ranking([1, 1, 1], [1, 1, 1], [0, 1, 2], [1, 1, 4]), 0.1)  # exactly two effective queries
@given(ranking_batches(weights=[REAL]), st.sampled_from([3.0, 0.1, 1e-5, 7e8]))
def test_a_factor_on_all_weights_changes_no_limit(batch, factor):
    ours, theirs = (whole("ranking", replace(batch, weight=batch.weight * by)) for by in (factor, 1.0))
    assert close(ours["intervals"], theirs["intervals"], 1e-6)


def test_no_name_of_few_queries_shows_in_limits_that_hang_on_every_digit():
    batch, rng = sample(7, 14, "reals"), np.random.default_rng(6)
    names = [rng.permutation(query_codes(batch).max() + 1) for _ in range(50)]
    values, weights = values_of(batch, "ndcg_at_3")
    squares = (weights * (values - np.average(values, weights=weights))) ** 2
    assert len({float(np.cumsum(rng.permutation(squares))[-1]) for _ in names}) > 1, "it would not tell a plain sum"
    assert len({text(whole("ranking", replace(batch, query=name[query_codes(batch)]))) for name in names}) == 1


def test_queries_too_light_to_show_in_the_mean_leave_wilson_limits():
    batch = ranking([1, 0] * 3, [2, 1, 2, 1, 1, 2], [1, 1, 2, 2, 3, 3], np.repeat([1e17, 1e17, 1], 2))
    answer = whole("ranking", batch)
    assert answer["metrics"]["mrr"] == 1
    assert limits_of(answer, "mrr") == pytest.approx(wilson(1, 2), rel=1e-9)


def test_no_order_no_split_and_no_name_of_many_queries_shows_in_the_limits():
    rows, rng = 60_000, np.random.default_rng(5)
    query = rng.integers(0, rows // 6, rows)
    weight = rng.uniform(0.2, 3, rows // 6)[query]
    batch = ranking(rng.integers(0, 3, rows), rng.random(rows), query, weight)
    expected = text(whole("ranking", batch, curves=False))
    for parts in (1, 3):
        mixed = take(batch, rng.permutation(rows))
        renamed = replace(mixed, query=rng.permutation(rows // 6)[mixed.query])
        assert text(in_parts("ranking", cut(renamed, rng.integers(1, rows, parts - 1)), curves=False)) == expected


@pytest.mark.parametrize("exponent", [-900, 900])
def test_weights_near_the_ends_of_float64_change_no_limit(exponent):
    batch = SAMPLES[3]
    scaled = replace(batch, weight=batch.weight * 2.0**exponent)
    ours, theirs = (whole("ranking", part, curves=False)["intervals"] for part in (scaled, batch))
    for name, found in ours.items():
        if found is not None:
            assert math.isclose(found["low"], theirs[name]["low"], rel_tol=1e-9)
            assert math.isclose(found["high"], theirs[name]["high"], rel_tol=1e-9)
