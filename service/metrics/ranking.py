"""Metrics of a ranking, and what else its report says of the queries.

A document is relevant where its relevance is above 0. Documents with equal scores have no order: every value is the
expectation over all orders of theirs (F. McSherry, M. Najork, Computing Information Retrieval Performance Measures
Efficiently in the Presence of Tied Scores, ECIR 2008). A metric is the mean over the queries with a relevant document.
"""

from collections.abc import Callable
from typing import Any, TypedDict, cast

import numpy as np

from service.metrics.batch import Question, Reading
from service.metrics.exact import Floats
from service.metrics.ranking_states import QueryLabels, RankedRows


class QueryEntry(TypedDict):
    """One query, and each metric of it by name: null where no document is relevant."""

    query: int | str
    documents: int
    relevant: int


def ndcg(ranked: RankedRows, k: int) -> Any:
    """Normalised discounted cumulative gain of the first {k} documents, with the relevance itself as gain.

    Formula: mean of sum(rel(r) / log2(r + 1), r <= {k}) / the same sum of the best order
    Reference: sklearn.metrics.ndcg_score
    """
    return ranked.mean(ranked.ndcg(k))


def precision(ranked: RankedRows, k: int) -> Any:
    """Share of relevant documents among the first {k}; a query with fewer documents is divided by {k}, too.

    Formula: mean of relevant(1 .. {k}) / {k}
    Reference: Manning, Raghavan, Schuetze, Introduction to Information Retrieval, 2008, section 8.4
    """
    return ranked.mean(ranked.precision(k))


def recall(ranked: RankedRows, k: int) -> Any:
    """Share of a query's relevant documents that are among the first {k}.

    Formula: mean of relevant(1 .. {k}) / relevant(all)
    Reference: Manning, Raghavan, Schuetze, Introduction to Information Retrieval, 2008, section 8.4
    """
    return ranked.mean(ranked.recall(k))


def hit_rate(ranked: RankedRows, k: int) -> Any:
    """Share of queries with at least one relevant document among the first {k}.

    Formula: mean of P(a relevant document among the first {k})
    Reference: M. Deshpande, G. Karypis, ACM Transactions on Information Systems 22, 2004
    """
    return ranked.mean(ranked.hit_rate(k))


def average_precision(ranked: RankedRows, k: int) -> Any:
    """Mean average precision of the first {k} documents, over the R relevant ones or {k}: a perfect ranking has 1.

    Formula: mean of sum(precision(r) of relevant r <= {k}) / min({k}, R)
    Reference: McSherry, Najork, ECIR 2008, cut at {k}
    """
    return ranked.mean(ranked.average_precision(k))


def mrr(ranked: RankedRows) -> Any:
    """Mean reciprocal rank: the inverse of the rank of a query's first relevant document.

    Formula: mean of 1 / rank of the first relevant document
    Reference: McSherry, Najork, ECIR 2008
    """
    return ranked.mean(ranked.reciprocal_rank())


# What the names of the metrics at a rank start with, and their values of each query.
AT_RANK: dict[str, Callable[[RankedRows, int], Floats]] = {
    "ndcg": RankedRows.ndcg,
    "precision": RankedRows.precision,
    "recall": RankedRows.recall,
    "hit_rate": RankedRows.hit_rate,
    "map": RankedRows.average_precision,
}


def with_queries(_: Question, reading: Reading) -> bool:
    """Reports that ask for each query hold the row."""
    return reading.per_query


def total_weight(labels: QueryLabels) -> float:
    """Sum of the weights of the queries; their number where none were sent."""
    return float(labels.weight)


def queries(labels: QueryLabels) -> int:
    """Number of queries with a weight above 0; the sum of weights that are counts."""
    return int(labels.repetitions.sum())


def queries_without_relevant(labels: QueryLabels) -> int:
    """Number of queries without a relevant document, which are left out of every metric."""
    return int(labels.repetitions[labels.relevant == 0].sum())


def k(question: Question) -> list[int]:
    """The ranks at which the metrics cut."""
    return list(question.k)


def per_query(ranked: RankedRows, question: Question, reading: Reading) -> list[QueryEntry]:
    """The metrics of each query, by query; null where none of its documents is relevant."""
    columns = {
        name: values(ranked, rank)
        for start, values in AT_RANK.items()
        for rank in question.k
        if (name := f"{start}_at_{rank}") in reading.metrics
    }
    if "mrr" in reading.metrics:
        columns["mrr"] = ranked.reciprocal_rank()
    order = np.argsort(ranked.ids, kind="stable")
    heads = zip(*(column[order].tolist() for column in (ranked.ids, ranked.lengths, ranked.relevant)), strict=True)
    rows: list[dict[str, Any]] = [
        {"query": query, "documents": documents, "relevant": relevant} for query, documents, relevant in heads
    ]
    for name, values in columns.items():
        for row, value in zip(rows, values[order].tolist(), strict=True):
            row[name] = value if row["relevant"] else None
    return cast(list[QueryEntry], rows)
