"""What only rankings have: queries in parts, ties, the list of queries and the gain by rank, by brute force."""

import math
from dataclasses import replace
from fractions import Fraction
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.evaluate import kinds_of, report, states_of
from service.metrics import ranking_states
from service.metrics.batch import Batch, Question, Reading
from service.metrics.catalogue import TASKS
from service.metrics.grouping import grouped, ordered
from service.metrics.ranking_states import RankedRows
from tests.cases import close, cut, in_parts, text, whole
from tests.tasks.known import COUNTS, EXAMPLES, GRID, REAL, WHOLE, joined
from tests.tasks.ranking import GRADES, INTEGERS, KNOWN, query_codes, ranking, ranking_batches, renamed

SETTINGS = settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
TAME = {"relevances": [GRADES], "scores": [GRID, COUNTS]}


def asked(batch: Batch, *metrics: str, k: tuple[int, ...] = (1, 3, 5, 10), **options) -> dict:
    """A report at other ranks or of some metrics."""
    question = Question("ranking", k=k)
    names = TASKS["ranking"].metrics_of(question)
    read = Reading(metrics or tuple(metric.name for metric in names), **options)
    return report(states_of(batch, question, kinds_of(question, read)), question, read)


def orders_of(batch: Batch, query: int) -> list[list[float]]:
    """The relevances of a query in every order of its tied documents, each order as likely."""
    rows = [row for row, code in enumerate(query_codes(batch)) if code == query]
    groups = [
        [batch.truth[row] for row in rows if batch.scores[row] == score]
        for score in sorted({batch.scores[row] for row in rows}, reverse=True)
    ]
    return [[float(y) for part in parts for y in part] for parts in product(*map(permutations, groups))]


def gain(relevances: list[float]) -> float:
    return math.fsum(y / math.log2(rank + 2) for rank, y in enumerate(relevances))


@pytest.mark.parametrize(("k", "value"), [(5, 0.6909785335), (1, 0.32)])
def test_tied_documents_count_in_every_order(k, value):
    answer = asked(ranking([10, 0, 0, 1, 5], [0.5] * 5, [7] * 5), f"ndcg_at_{k}", k=(k,))
    assert answer["metrics"][f"ndcg_at_{k}"] == pytest.approx(value, abs=5e-11)


@pytest.mark.parametrize("size", [2, 50, 3000])
@pytest.mark.parametrize("relevant", [1, 2, 17])
def test_one_large_group_of_ties_is_hypergeometric(size, relevant):
    relevant = min(size, relevant)
    batch = ranking([1] * relevant + [0] * (size - relevant), [2] * size, [1] * size)
    metrics = asked(batch)["metrics"]
    for k in (1, 3, 5, 10):
        top = min(k, size)
        miss = Fraction(math.comb(size - relevant, top), math.comb(size, top))
        assert metrics[f"hit_rate_at_{k}"] == pytest.approx(float(1 - miss), rel=1e-12)
        assert metrics[f"precision_at_{k}"] == pytest.approx(relevant / size * top / k, rel=1e-12)
        assert metrics[f"recall_at_{k}"] == pytest.approx(top / size, rel=1e-12)
    first = sum(
        Fraction(math.comb(size - rank, relevant - 1), rank * math.comb(size, relevant))
        for rank in range(1, size - relevant + 2)
    )
    assert metrics["mrr"] == pytest.approx(float(first), rel=1e-12)


@pytest.mark.parametrize("block", [1, 7, 1 << 15])
def test_the_size_of_the_blocks_changes_no_byte(block, monkeypatch):
    rng = np.random.default_rng(4)
    queries = rng.integers(0, 60, 900) ** 2 // 60
    batch = ranking(rng.exponential(1, 900), np.round(rng.random(900), 1), queries)
    expected = text(whole("ranking", batch, per_query=True))
    monkeypatch.setattr("service.metrics.grouping.BLOCK_ROWS", block)
    assert text(whole("ranking", batch, per_query=True)) == expected


@SETTINGS
@given(st.data())
def test_a_query_meets_its_rows_wherever_they_are(data):
    batch = data.draw(ranking_batches())
    if batch.weight is not None and not batch.weight.all():
        batch = replace(batch, weight=None)
    parts = data.draw(st.permutations(cut(batch, range(1, len(batch.truth)))))
    assert text(in_parts("ranking", parts, per_query=True)) == text(whole("ranking", batch, per_query=True))


@SETTINGS
@given(ranking_batches(weights=[None, WHOLE, REAL]), st.randoms(use_true_random=False))
def test_names_of_queries_change_no_byte_of_the_metrics(batch, random):
    names = list(range(int(query_codes(batch).max()) + 1))
    random.shuffle(names)
    integers = np.array(names)[query_codes(batch)]
    strings = np.array([f"query {name}" for name in integers], dtype=np.dtypes.StringDType())
    expected = text(whole("ranking", batch))
    for query in (integers, -integers * 2**40, strings, renamed(batch).query):
        assert text(whole("ranking", replace(batch, query=query))) == expected


@SETTINGS
@given(ranking_batches(weights=[None, WHOLE, REAL]))
def test_only_the_order_of_the_scores_within_a_query_counts(batch):
    _, ranks = np.unique(batch.scores, return_inverse=True)
    moved = 3.0 * ranks - 1e6 * query_codes(batch)
    assert text(whole("ranking", replace(batch, scores=moved))) == text(whole("ranking", batch))


@SETTINGS
@given(ranking_batches(weights=[None, WHOLE, REAL]))
def test_each_query_of_the_list_is_a_report_of_its_own(batch):
    answer = whole("ranking", batch, per_query=True)
    names = sorted(set(batch.query.tolist()))
    assert [entry["query"] for entry in answer["per_query"]] == names
    assert [list(entry) for entry in answer["per_query"]] == [
        ["query", "documents", "relevant", *answer["metrics"]]
    ] * len(names)
    for entry, name in zip(answer["per_query"], names, strict=True):
        own = batch.rows(batch.query == name)
        metrics = whole("ranking", replace(own, weight=None))["metrics"]
        assert {key: entry[key] for key in metrics} == metrics
        assert (entry["documents"], entry["relevant"]) == (len(own.truth), np.count_nonzero(own.truth))


def test_the_list_of_queries_holds_the_metrics_that_were_asked_for():
    batch = ranking([0, 1, 0], [3, 2, 1], ["b", "b", "a"])
    answer = asked(batch, "mrr", "recall_at_2", k=(2, 1), per_query=True)
    assert answer["k"] == [2, 1]
    assert answer["per_query"] == [
        {"query": "a", "documents": 1, "relevant": 0, "recall_at_2": None, "mrr": None},
        {"query": "b", "documents": 2, "relevant": 1, "recall_at_2": 1.0, "mrr": 0.5},
    ]
    first, second = asked(batch, "recall_at_2", k=(2,), per_query=True)["per_query"]
    assert [*first] == [*second] == ["query", "documents", "relevant", "recall_at_2"]
    assert "per_query" not in asked(batch)


@SETTINGS
@given(ranking_batches(weights=[None, WHOLE, REAL]))
def test_queries_without_a_relevant_document_are_counted_and_left_out(batch):
    weight = None if batch.weight is None else np.array([2.5, 2.5])
    empty = renamed(ranking([0, 0], [1, 0], [1, 1] if batch.query.dtype == np.int64 else ["x", "x"], weight))
    ours, theirs = whole("ranking", batch), whole("ranking", joined([batch, empty]))
    for part in ("metrics", "undefined", "baselines", "curves"):
        assert text(theirs[part]) == text(ours[part])
    assert theirs["queries"] == ours["queries"] + 1
    assert theirs["queries_without_relevant"] == ours["queries_without_relevant"] + 1
    assert theirs["total_weight"] == pytest.approx(ours["total_weight"] + (1 if weight is None else 2.5))


@SETTINGS
@given(ranking_batches(weights=[None, WHOLE, REAL], **TAME), st.sampled_from([10, 3, 1]))
def test_gain_by_rank(batch, points):
    codes = query_codes(batch)
    judged = [code for code in range(codes.max() + 1) if batch.truth[codes == code].any()]
    curve = asked(batch, curves=True, curve_points=points)["curves"]["gain_by_rank"]
    if not judged:
        assert curve is None
        return
    orders = {code: orders_of(batch, code) for code in judged}
    weight = {code: 1.0 if batch.weight is None else batch.weight[codes == code][0] for code in judged}
    longest = max(len(found[0]) for found in orders.values())
    assert curve["rank"] == list(range(1, min(longest, points) + 1))
    for rank, relevance, ndcg in zip(curve["rank"], curve["mean_relevance"], curve["ndcg"], strict=True):
        there = [code for code in judged if len(orders[code][0]) >= rank]
        means = {code: math.fsum(order[rank - 1] for order in orders[code]) / len(orders[code]) for code in there}
        expected = math.fsum(weight[code] * means[code] for code in there) / math.fsum(weight[code] for code in there)
        assert relevance == pytest.approx(expected, rel=1e-12)
        gains = {
            code: math.fsum(gain(order[:rank]) for order in orders[code])
            / len(orders[code])
            / gain(sorted(orders[code][0], reverse=True)[:rank])
            for code in judged
        }
        total = math.fsum(weight[code] for code in judged)
        assert ndcg == pytest.approx(math.fsum(weight[code] * gains[code] for code in judged) / total, rel=1e-12)


@SETTINGS
@given(ranking_batches(weights=[None, WHOLE, REAL]))
def test_the_curve_passes_through_the_metrics(batch):
    answer = whole("ranking", batch)
    curve = answer["curves"]["gain_by_rank"]
    if curve:
        for k in KNOWN.question.k:
            at = min(k, len(curve["ndcg"])) - 1
            assert curve["ndcg"][at] == answer["metrics"][f"ndcg_at_{k}"]


@SETTINGS
@given(ranking_batches(weights=[None, WHOLE, REAL], **TAME))
def test_baselines_are_the_mean_over_all_orders(batch):
    tied = whole("ranking", replace(batch, scores=np.zeros(len(batch.truth))))
    answer = whole("ranking", batch)
    assert answer["baselines"] == {name: value for name, value in tied["metrics"].items() if value is not None}


@SETTINGS
@given(ranking_batches(relevances=[GRADES], weights=[None, WHOLE, REAL]))
def test_a_perfect_ranking_has_1_and_a_swap_costs(batch):
    metrics = whole("ranking", replace(batch, scores=batch.truth))["metrics"]
    if metrics["mrr"] is not None:
        ones = {name: value for name, value in metrics.items() if not name.startswith(("precision", "recall"))}
        assert set(ones.values()) == {1.0}
        worst = whole("ranking", replace(batch, scores=-batch.truth))["metrics"]
        assert all(worst[name] <= value for name, value in metrics.items())


@pytest.mark.parametrize("unit", [5e-324, 1e-300, 1e300, 2.0**1000])
def test_ndcg_reads_relevances_of_any_magnitude(unit):
    grades, scores, queries = np.array([3, 0, 1, 2, 2]), [1, 3, 3, 2, 2], [1, 1, 1, 2, 2]
    expected = asked(ranking(grades, scores, queries))["metrics"]
    assert close(asked(ranking(grades * unit, scores, queries))["metrics"], expected)


def test_extreme_relevances_of_one_query_change_no_byte_of_another():
    plain = ranking([0.3, 0.1, 0.7], [1, 1, 2], [1, 1, 1])
    extreme = ranking([5e-324, 1.7e308, 1.7e308], [1, 1, 1], [2, 2, 2])
    both = whole("ranking", joined([plain, extreme]), per_query=True)["per_query"]
    alone = [whole("ranking", part, per_query=True)["per_query"][0] for part in (plain, extreme)]
    assert text(both) == text(alone)


@given(st.lists(INTEGERS | st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_integers_are_sorted_stably_at_any_range(values):
    column = np.array(values, dtype=np.int64)
    assert ordered(column).tolist() == sorted(range(len(values)), key=values.__getitem__)


@given(st.lists(st.integers(0, 4), min_size=1), st.booleans())
def test_rows_are_grouped_by_the_size_of_their_query_then_by_its_name(values, strings):
    column = np.array(list(map(str, values)), dtype=np.dtypes.StringDType()) if strings else np.array(values)
    groups = grouped(column)
    expected = sorted(set(column.tolist()), key=lambda name: (column.tolist().count(name), name))
    assert groups.ids.tolist() == expected
    assert groups.lengths.tolist() == [column.tolist().count(name) for name in expected]
    rows = np.arange(len(values))[groups.order].tolist()
    assert rows == [row for name in expected for row, query in enumerate(column.tolist()) if query == name]


def test_a_state_without_scores_says_so():
    bare = Batch(np.ones(1), query=np.ones(1, dtype=np.int64))
    with pytest.raises(ranking_states.Undefined, match="no_scores"):
        RankedRows.of(bare, KNOWN.question)


@pytest.mark.parametrize("relevance", [0.1, 5e-324, 1.5e308])
def test_equal_relevances_have_themselves_as_mean(relevance):
    curve = whole("ranking", ranking([relevance] * 3, [1, 1, 1], [1, 1, 1]))["curves"]["gain_by_rank"]
    assert curve == {"rank": [1, 2, 3], "mean_relevance": [relevance] * 3, "ndcg": [1.0] * 3}
