"""What reports of a ranking find in their own numbers."""

from dataclasses import replace

import numpy as np
import pytest

from service.metrics.findings import OF_REPORTS
from tests.cases import cut, in_parts, take, whole
from tests.tasks.ranking import ranking
from tests.test_findings import body, found, plain


def honest(queries, seed):
    """Queries of ten documents, one of them surely relevant, with scores that say a little."""
    rng = np.random.default_rng(seed)
    relevance = (rng.random(10 * queries) < 0.3).astype(float)
    relevance[::10] = 1
    return relevance, relevance + rng.normal(0, 1, 10 * queries), np.repeat(np.arange(queries), 10)


RELEVANCE, SCORES, QUERIES = honest(100, 0)
ONE_OF_THREE = np.tile([0.0, 1.0, 2.0], 100)
THREES = np.repeat(np.arange(100), 3)
HEAVY = np.where(QUERIES == 3, 297.0, 1.0)

# Code: relevances, scores, queries, weights, all of the evidence, and what the sentence says.
CASES = {
    "inverted_scores": (
        np.tile([2.0, 1.0, 0.0], 100),
        np.tile([1.0, 0.0, 1.0], 100),
        THREES,
        None,
        {"in_order": 0.25, "the_right_way_round": 0.75},
        "another one in 25.0% of the cases",
    ),
    "constant_scores": (RELEVANCE, 0 * SCORES + 0.3, QUERIES, None, {"score": 0.3, "samples": 1000}, "scores are 0.3"),
    "perfect_scores": (
        ONE_OF_THREE,
        ONE_OF_THREE / 4,
        THREES,
        None,
        {"effective_queries": 100.0},
        "In each of 100 effective queries",
    ),
    "one_query_dominates": (
        RELEVANCE,
        SCORES,
        QUERIES,
        HEAVY,
        {"share": 0.75, "query": 3, "queries": 100},
        "Query 3 has 75.0% of the weight of 100 queries",
    ),
    "queries_without_relevance": (
        RELEVANCE * (QUERIES >= 30),
        SCORES,
        QUERIES,
        None,
        {"share": 0.3, "without": 30, "queries": 100},
        "30 of 100 queries have no relevant document",
    ),
    "duplicated_rows": (
        [*RELEVANCE] * 2,
        [*SCORES] * 2,
        [*QUERIES] * 2,
        None,
        {"distinct": 1000, "samples": 2000},
        "the 2,000 rows",
    ),
    "small_sample": (
        RELEVANCE[:90],
        SCORES[:90],
        QUERIES[:90],
        None,
        {"effective_queries": 9.0},
        "Only 9 effective queries",
    ),
}


def asked(relevance, scores, queries, weight=None, **more):
    weights = {} if weight is None else {"sample_weight": weight}
    return found("ranking", plain(body(relevance, scores, queries=queries, **weights, **more)))


@pytest.mark.parametrize("code", CASES)
def test_a_finding_has_the_right_figures_and_says_them(code):
    *columns, evidence, sentence = CASES[code]
    finding = asked(*columns)[code]
    assert finding["evidence"] == evidence
    assert sentence in finding["message"]


def test_every_rule_of_a_ranking_has_a_case():
    assert {rule.name for rule in OF_REPORTS if "ranking" in rule.tasks} == CASES.keys()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("queries", [10, 100, 2000])
def test_an_honest_payload_has_none(queries, seed):
    relevance, scores, names = honest(queries, seed)
    assert asked(relevance, scores, names) == {}
    assert asked(relevance, np.random.default_rng(seed).permutation(scores), names) == {}


def test_a_long_query_counts_as_much_as_a_short_one():
    names = np.where(np.arange(1000) < 800, 0, QUERIES)
    assert "one_query_dominates" not in asked(RELEVANCE, SCORES, names)
    assert "one_query_dominates" not in asked(RELEVANCE, SCORES, QUERIES, HEAVY, weights_are="counts")


def test_a_query_is_called_as_it_was_sent():
    names = [f"q{name}" for name in QUERIES]
    assert asked(RELEVANCE, SCORES, names, HEAVY)["one_query_dominates"]["evidence"]["query"] == "q3"
    message = asked(RELEVANCE, SCORES, 70000 + QUERIES, HEAVY)["one_query_dominates"]["message"]
    assert message.startswith("Query 70003 has 75.0%")


def test_tied_documents_of_other_relevance_are_not_in_perfect_order():
    assert "perfect_scores" not in asked(ONE_OF_THREE, np.minimum(ONE_OF_THREE, 1), THREES)
    assert "perfect_scores" not in asked(ONE_OF_THREE[:147], ONE_OF_THREE[:147], THREES[:147])


def test_documents_of_two_relevances_in_equal_numbers_are_no_duplicates():
    labels, names = np.tile([0, 0, 1, 1], 50), np.repeat(np.arange(50), 4)
    assert "duplicated_rows" not in asked(labels, 0.0 * labels, names)
    one_more = [np.append([*column] * 2, column[0]) for column in (RELEVANCE, SCORES, QUERIES)]
    assert "duplicated_rows" not in asked(*one_more)
    other = np.array([*SCORES] * 2)
    other[0] += 1
    assert "duplicated_rows" not in asked([*RELEVANCE] * 2, other, [*QUERIES] * 2)


def test_counts_are_as_many_queries():
    relevance, scores, names = (column[:50] for column in CASES["inverted_scores"][:3])
    counted = asked(relevance[:3], scores[:3], names[:3], [100] * 3, weights_are="counts")
    assert counted["inverted_scores"]["evidence"] == {"in_order": 0.25, "the_right_way_round": 0.75}
    assert "small_sample" not in counted


@pytest.mark.parametrize("code", CASES)
def test_neither_order_nor_parts_nor_the_unit_of_weights_show(code):
    relevance, scores, queries, weight, *_ = CASES[code]
    weight = 1.0 + np.asarray(queries) % 2 / 8 if weight is None else weight
    batch = ranking(relevance, scores, queries, weight)
    once = whole("ranking", batch)["findings"]
    assert code in {each["code"] for each in once}
    order = np.random.default_rng(1).permutation(len(relevance))
    assert in_parts("ranking", cut(take(batch, order), [3, 50]))["findings"] == once
    scaled = whole("ranking", replace(batch, weight=0.1 * batch.weight))["findings"]
    assert [each["code"] for each in scaled] == [each["code"] for each in once]


def test_few_documents_may_come_twice_by_chance():
    assert "duplicated_rows" not in asked([1, 1, 0, 0], [0.9, 0.9, 0.2, 0.2], [1, 1, 1, 1])
