"""Requests on rankings, in the manner of bad_inputs.py."""

from typing import Any

from tests.data.bad_inputs import CANARY, SCHEMA, Case, body_of, fair, syntax

RANKING = "/v1/ranking/report"
COLUMNS: dict[str, Any] = {"labels": [3, 0, 1, 2], "scores": [0.9, 0.8, 0.4, 0.7], "queries": [1, 1, 2, 2]}


def ranking(name: str, status: int, slug: Any = (), *pointers: str, told: tuple[str, ...] = (), **rest: Any) -> Case:
    """A good request on a ranking with other fields; None takes a field away."""
    return Case(f"R {name}", status, slug, body_of(COLUMNS, rest), pointers=pointers, target=RANKING, told=told)


CASES = [
    *(ranking(f"without {name}", 422, "schema", f"#/{name}", **{name: None}) for name in COLUMNS),
    *(
        ranking(f"{name} {value!r}", 422, "schema", f"#/{name}", **{name: value})
        for name in COLUMNS
        for value in (1, CANARY, True, {"0": 1})
    ),
    *(
        ranking(f"{name} of three rows", 422, "length-mismatch", f"#/{name}", told=("3", "4"), **{name: [1, 1, 1]})
        for name in ("scores", "queries", "sample_weight")
    ),
    *(ranking(f"no rows of {name}", 422, "empty-input", f"#/{name}", **{name: []}) for name in COLUMNS),
    Case(
        "R null", 422, "schema", b'{"labels":[1],"scores":[1],"queries":null}', target=RANKING, pointers=("#/queries",)
    ),
    ranking("predictions", 422, "schema", "#/predictions", predictions=[1, 0, 0, 1]),
    ranking("a threshold", 422, "schema", "#/threshold", threshold=0.5),
    ranking("negative relevances", 422, "bad-label", "#/labels/1", "#/labels/3", labels=[3, -1, 0, -0.5]),
    *(
        ranking(f"a relevance of {value!r}", 422, "schema", "#/labels/2", labels=[1, 0, value, 1])
        for value in ("1", CANARY, True, None)
    ),
    ranking("rows of relevances", 422, "schema", "#/labels", labels=[[1, 0], [0, 1], [1, 1], [0, 0]]),
    ranking("rows of scores", 422, "schema", "#/scores", scores=[[0.5, 0.5]] * 4),
    ranking("a relevance too large for a float", 422, ("nonfinite-number", "number-range"), labels=[10**400, 0, 0, 1]),
    *(
        ranking(f"a query of {value!r}", 422, "schema", "#/queries/2", queries=[1, 1, value, 2])
        for value in (1.5, True, None)
    ),
    *(
        ranking(f"a query of {value!r} among strings", 422, "schema", "#/queries/2", queries=["a", "a", value, "b"])
        for value in (1.5, False, None)
    ),
    *(
        ranking(f"a query of {value!r} among strings", 422, "bad-label", "#/queries/2", queries=["a", "a", value, "b"])
        for value in ("\0", f"a\0{CANARY}")
    ),
    ranking("queries that are booleans", 422, "schema", "#/queries/0", queries=[True, True, False, False]),
    ranking("queries of two types", 422, "schema", "#/queries", queries=[1, 1, "1", "2"]),
    ranking("queries that are arrays", 422, "schema", "#/queries", queries=[[1], [1], [2], [2]]),
    ranking("a query that is an array", 422, "schema", "#/queries/1", queries=[1, [1], 2, 2]),
    ranking("a query that is an object", 422, "schema", "#/queries/1", queries=["a", {}, "b", "b"]),
    ranking(
        "a query too long", 422, "limit-exceeded", "#/queries/1", told=("256",), queries=["a", "b" * 257, "a", "a"]
    ),
    ranking("a query beyond 64 bits", 422, "number-range", queries=[1, 1, 2, 2**64]),
    ranking("a query from 2^53 on with a point", 422, "number-range", "#/queries/3", queries=[1.0, 1, 2, 2.0**53]),
    syntax("R NaN as a score", '{"labels":[1],"scores":[NaN],"queries":[1]}'),
    *(
        ranking(f"k of {value!r}", 422, "bad-option", "#/k/1", k=[3, value])
        for value in (0, -1, 1.5, "5", CANARY, True, None)
    ),
    *(ranking(f"k of {value!r}", 422, "limit-exceeded", "#/k/1", k=[3, value]) for value in (10_000_001, 1e300)),
    *(ranking(f"k {value!r}", 422, SCHEMA, "#/k", k=value) for value in (5, "5", CANARY, True, {"0": 5}, [])),
    ranking("k in rows", 422, SCHEMA, k=[[1, 2], [3, 4]]),
    ranking("k with an array", 422, SCHEMA, "#/k/1", k=[1, [2]]),
    ranking("a k twice", 422, "bad-option", "#/k/2", k=[1, 5, 1]),
    ranking("a k twice, written otherwise", 422, "bad-option", "#/k/1", k=[5, 5.0]),
    *(
        ranking(f"per_query {value!r}", 422, "bad-option", "#/per_query", per_query=value)
        for value in (1, 0, "true", CANARY, [True])
    ),
    *(
        ranking(f"a metric of {name!r}", 422, "bad-option", "#/metrics/1", metrics=["mrr", name], k=[1, 3])
        for name in ("ndcg_at_5", "ndcg", "ndcg_at_{k}", "accuracy", CANARY, 1)
    ),
    ranking("a metric twice", 422, "bad-option", "#/metrics/1", metrics=["mrr", "mrr"]),
    ranking(
        "weights that differ within queries",
        422,
        "bad-weight",
        "#/sample_weight/1",
        "#/sample_weight/3",
        sample_weight=[1, 2, 1, 0],
    ),
    ranking(
        "a weight that differs in a query in two places",
        422,
        "bad-weight",
        "#/sample_weight/2",
        queries=[1, 2, 1, 2],
        sample_weight=[1, 2, 3, 2],
    ),
    ranking("a negative weight", 422, "bad-weight", "#/sample_weight/0", sample_weight=[-1, -1, 1, 1]),
    ranking("weights of 0 alone", 422, "bad-weight", "#/sample_weight", sample_weight=[0, 0, 0, 0]),
    fair("R one row", {"queries": 1, "metrics.ndcg_at_10": 1.0}, RANKING, labels=[1], scores=[0], queries=["a"]),
    fair(
        "R no document relevant",
        {
            "queries": 2,
            "queries_without_relevant": 2,
            "metrics.mrr": None,
            "undefined.mrr.reason": "no_relevant_documents",
            "undefined.ndcg_at_3.reason": "no_relevant_documents",
        },
        RANKING,
        labels=[0, 0],
        scores=[1, 2],
        queries=[1, 2],
    ),
    fair(
        "R queries that are fractions of 0 and ranks with a point",
        {"queries": 2, "k": [2], "metrics.precision_at_2": 0.5},
        RANKING,
        labels=[1, 1],
        scores=[1, 2],
        queries=[1.0, 2.0],
        k=[2.0],
    ),
    fair(
        "R queries at the ends of int64",
        {
            "queries": 2,
            "per_query": [
                {"query": -(2**63), "documents": 1, "relevant": 1, "mrr": 1.0},
                {"query": 2**63 - 1, "documents": 1, "relevant": 0, "mrr": None},
            ],
        },
        RANKING,
        labels=[0, 1],
        scores=[1, 1],
        queries=[2**63 - 1, -(2**63)],
        metrics=["mrr"],
        per_query=True,
    ),
    fair(
        "R ordinary strings, the empty one among them",
        {"queries": 3, "queries_without_relevant": 1, "total_weight": 3.0},
        RANKING,
        labels=[1, 0, 1],
        scores=[1, 1, 1],
        queries=["", " ", "NaN"],
    ),
    fair(
        "R a query of weight 0",
        {"samples": 2, "queries": 1, "total_weight": 2.0, "metrics.mrr": 0.5},
        RANKING,
        labels=[1, 0, 1],
        scores=[1, 2, 1],
        queries=["a", "a", "b"],
        sample_weight=[2, 2, 0],
    ),
    fair(
        "R relevances at the ends of float64",
        {"metrics.ndcg_at_1": 1.0, "metrics.mrr": 1.0},
        RANKING,
        labels=[1.7e308, 1.6e308, 5e-324, 0],
        scores=[2, 1, 2, 1],
        queries=[1, 1, 2, 2],
    ),
]
