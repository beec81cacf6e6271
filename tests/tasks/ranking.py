"""What the tests know of rankings."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import groupby, permutations, product
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics as sk

from service.metrics.batch import Batch, Question
from tests.tasks import exact
from tests.tasks.known import (
    COUNTS,
    EXTREME,
    FINITE,
    GRID,
    LARGEST,
    REAL,
    ROWS,
    SMALLEST,
    SOME_ZERO,
    UNIT,
    UNIT_32,
    WEIGHTS,
    WHOLE,
    WILD,
    Known,
    Oracle,
    answer_of,
    magnitudes,
    weights_of,
)

K = (1, 3, 5, 10)
GRADES = st.integers(0, 3).map(float)
RELEVANCES = [st.booleans().map(float), GRADES, UNIT, UNIT_32, st.sampled_from([0.0, SMALLEST, 1.0, LARGEST])]
RELEVANCES += [st.floats(0, LARGEST)]
TAME_RELEVANCES = RELEVANCES[:3]
SCORES = [st.just(0.5), GRID, COUNTS, UNIT, FINITE | EXTREME]
TAME_SCORES = SCORES[:-1]
INTEGERS = st.sampled_from([3, -1, 70000, -(2**63), 2**63 - 1])
STRINGS = st.sampled_from(["a", "b", "", "query of more than fifteen bytes", "\N{GREEK SMALL LETTER ALPHA}"])


def ranking(relevance: Any, scores: Any, queries: Any, weight: Any = None) -> Batch:
    """A batch of a ranking."""
    text = len(queries) and isinstance(queries[0], str)
    return Batch(
        np.asarray(relevance, dtype=float) + 0.0,
        scores=np.asarray(scores, dtype=float) + 0.0,
        weight=None if weight is None else np.asarray(weight, dtype=float),
        query=np.array(queries, dtype=np.dtypes.StringDType() if text else np.int64),
    )


@st.composite
def ranking_batches(draw, relevances=RELEVANCES, scores=SCORES, weights=(None, WHOLE, SOME_ZERO, REAL, WILD)) -> Batch:
    names, grade, score = (draw(st.sampled_from(kinds)) for kinds in ((INTEGERS, STRINGS), relevances, scores))
    queries, relevance, scored = zip(
        *draw(st.lists(st.tuples(names, grade, score), min_size=1, max_size=9)), strict=True
    )
    kind = draw(st.sampled_from(weights))
    if kind is None:
        return ranking(relevance, scored, queries)
    distinct = sorted(set(queries))
    drawn = draw(st.lists(kind, min_size=len(distinct), max_size=len(distinct)))
    weight = dict(zip(distinct, drawn if any(drawn) else [1.0] * len(drawn), strict=True))
    return ranking(relevance, scored, queries, [weight[query] for query in queries])


def random_ranking(count: int) -> Iterator[Batch]:
    """Up to five queries of up to six documents, in mixed order; scores that tell something, many of them tied."""
    rng = np.random.default_rng(21)
    for number in range(count):
        lengths = rng.integers(1, 7, int(rng.integers(1, 6)))
        query, rows = np.repeat(rng.permutation(len(lengths)), lengths), int(lengths.sum())
        kind = number % 4
        if kind == 0:
            relevance = (rng.random(rows) < 0.4).astype(float)
        elif kind == 3:
            relevance = np.maximum(rng.normal(0.5, 1, rows), 0)
        else:
            relevance = rng.integers(0, 4, rows).astype(float)
        scores = rng.normal(0.6 * relevance, 1)
        if kind == 1:
            scores = np.round(scores)
        elif kind == 2:
            scores = np.round(scores / 3)
        weight = weights_of(WEIGHTS[number % 3], rng, len(lengths))
        batch = ranking(relevance, scores, query, None if weight is None else weight[query])
        yield batch.rows(rng.permutation(rows))


def degenerate_ranking() -> Iterator[Batch]:
    """One document, none or all relevant, perfect, inverted, all tied; alone, and beside a query that has it all."""
    rng = np.random.default_rng(22)
    grades = [
        [0],
        [1],
        [0, 0, 0],
        [1, 1, 1],
        [0, 1],
        [3, 0, 0, 1, 5],
        [0, 0, 0, 0, 0, 0.1],
        [0.1, 0.1, 0.1],
        [1e-9, 1e9],
    ]
    for relevance, beside, kind in product(grades, (False, True), WEIGHTS):
        y = np.array(relevance, dtype=float)
        places = np.arange(len(y))
        for scores in [y, -y, 0 * y, y > 0, y == 0, places % 2, rng.random(len(y))]:
            query = np.zeros(len(y), dtype=int)
            if beside:
                rows = np.concatenate([y, [1, 0, 2]]), np.concatenate([scores, [0.5, 0.5, 0.1]])
                query = np.concatenate([query, [9, 9, 9]])
            else:
                rows = y, scores
            weight = weights_of(kind, rng, 10)
            yield ranking(*rows, query, None if weight is None else weight[query])


def hard_ranking() -> Batch:
    """Relevances of every magnitude, half of the scores tied, and weights of every magnitude by query."""
    rng = np.random.default_rng(23)
    query = rng.integers(0, ROWS // 20, ROWS) ** 2 % (ROWS // 3)
    scores = rng.random(ROWS)
    scores[::2] = np.round(scores[::2], 1)
    relevance = np.where(rng.random(ROWS) < 0.6, 0, magnitudes(rng))
    return ranking(relevance, scores, query, magnitudes(rng)[query])


def query_codes(batch: Batch) -> NDArray[np.intp]:
    """A number for the query of each row."""
    return np.unique(batch.query, return_inverse=True)[1]


def repeated_queries(batch: Batch) -> Batch:
    """Each query as often as its weight says, under names of its own."""
    rows = np.repeat(np.arange(len(batch.truth)), batch.weight.astype(int))
    copy = np.arange(len(rows)) - np.searchsorted(rows, rows)
    return replace(batch.rows(rows), weight=None, query=query_codes(batch)[rows] * 100 + copy)


def renamed(batch: Batch) -> Batch:
    """The same queries under names that no other batch has."""
    if batch.query.dtype == np.int64:
        return replace(batch, query=(query_codes(batch) + 2**40).astype(np.int64))
    names = [f"apart {code}" for code in query_codes(batch).tolist()]
    return replace(batch, query=np.array(names, dtype=np.dtypes.StringDType()))


@dataclass(frozen=True)
class Query:
    """One query: its relevances and scores, and its weight."""

    relevance: list[float]
    scores: list[float]
    weight: Fraction

    @property
    def relevant(self) -> int:
        return sum(relevance > 0 for relevance in self.relevance)

    def orders(self) -> list[tuple[bool, ...]]:
        """Which documents are relevant, for every order of tied ones: all of them equally likely."""
        ranked = sorted(zip(self.scores, self.relevance, strict=True), reverse=True)
        groups = [
            sorted(set(permutations(relevance > 0 for _, relevance in tied)))
            for _, tied in groupby(ranked, key=lambda document: document[0])
        ]
        return [sum(parts, ()) for parts in product(*groups)]


@lru_cache(maxsize=4)
def queries_of(batch: Batch) -> list[Query]:
    """The queries, found row by row."""
    weight = [1.0] * len(batch.truth) if batch.weight is None else batch.weight.tolist()
    found: dict[Any, list[tuple[float, float, float]]] = {}
    for query, *row in zip(batch.query.tolist(), batch.truth.tolist(), batch.scores.tolist(), weight, strict=True):
        found.setdefault(query, []).append(tuple(row))
    return [Query([r[0] for r in rows], [r[1] for r in rows], Fraction(rows[0][2])) for rows in found.values()]


@lru_cache(maxsize=4)
def judged(batch: Batch) -> list[tuple[Query, list[tuple[bool, ...]]]]:
    """The queries with a relevant document, and their orders."""
    return [(query, query.orders()) for query in queries_of(batch) if query.relevant]


def of_orders(value: Callable[[tuple[bool, ...], int], Fraction | int]) -> Oracle:
    """The mean over queries of the mean over all orders, of the flags in order and the number of relevant documents."""

    def oracle(batch: Batch) -> float | None:
        if not judged(batch):
            return None
        total = Fraction(0)
        for query, orders in judged(batch):
            total += query.weight * sum(Fraction(value(order, query.relevant)) for order in orders) / len(orders)
        return float(total / sum(query.weight for query, _ in judged(batch)))

    return oracle


def ndcg(k: int) -> Oracle:
    """Take scikit-learn's, a query at a time. It refuses a single document, whose order is the best."""

    def of_query(query: Query) -> float | None:
        if len(query.relevance) == 1:
            return 1.0 if query.relevant else None
        return float(answer_of(sk.ndcg_score, [query.relevance], [query.scores], k=k))

    def oracle(batch: Batch) -> float | None:
        asked = [query for query, _ in judged(batch)] or queries_of(batch)
        values = [(Fraction(value), query.weight) for query in asked if (value := of_query(query)) is not None]
        return float(sum(v * w for v, w in values) / sum(w for _, w in values)) if values else None

    return oracle


def exact_ndcg(k: int) -> Oracle:
    """The gain of the first k documents over that of the best order; tied ones share what their ranks give."""

    def gain(groups: list[list[float]]) -> Fraction:
        found, rank = [], 1
        for group in groups:
            ranks = range(rank, min(rank + len(group), k + 1))
            found += [sum(group) / len(group) / math.log2(1 + each) for each in ranks]
            rank += len(group)
        return Fraction(math.fsum(found))

    def of_query(query: Query) -> Fraction:
        ranked = sorted(zip(query.scores, query.relevance, strict=True), reverse=True)
        groups = [[relevance for _, relevance in tied] for _, tied in groupby(ranked, key=lambda document: document[0])]
        return gain(groups) / gain([[relevance] for relevance in sorted(query.relevance, reverse=True)])

    def value(batch: Batch) -> Fraction | None:
        asked = [query for query in queries_of(batch) if query.relevant]
        return exact.mean((query.weight for query in asked), map(of_query, asked))

    return exact.as_float(value)


def precision_at(rank: int, order: tuple[bool, ...]) -> Fraction:
    return Fraction(sum(order[:rank]), rank)


def average_precision(order: tuple[bool, ...], relevant: int, k: int) -> Fraction:
    found = (precision_at(rank, order) for rank in range(1, min(k, len(order)) + 1) if order[rank - 1])
    return sum(found, Fraction(0)) / min(k, relevant)


def at_rank(k: int) -> dict[str, Oracle]:
    """The oracles at one rank."""
    return {
        f"ndcg_at_{k}": ndcg(k),
        f"precision_at_{k}": of_orders(lambda order, _: precision_at(k, order)),
        f"recall_at_{k}": of_orders(lambda order, relevant: Fraction(sum(order[:k]), relevant)),
        f"hit_rate_at_{k}": of_orders(lambda order, _: any(order[:k])),
        f"map_at_{k}": of_orders(lambda order, relevant: average_precision(order, relevant, k)),
    }


KNOWN = Known(
    question=Question("ranking", k=K),
    batches=ranking_batches,
    tame=lambda **options: ranking_batches(relevances=TAME_RELEVANCES, scores=TAME_SCORES, **options),
    random=random_ranking,
    degenerate=degenerate_ranking,
    oracles={name: oracle for k in K for name, oracle in at_rank(k).items()}
    | {"mrr": of_orders(lambda order, _: Fraction(1, order.index(True) + 1))},
    exact={f"ndcg_at_{k}": exact_ndcg(k) for k in K},
    when={
        "no_relevant_documents": lambda batch: (
            not batch.truth.any() and any(len(query.relevance) > 1 for query in queries_of(batch))
        ),
    },
    provoking=[ranking([0, 0, 0], [1, 2, 3], ["a", "b", "a"])],
    hard=hard_ranking,
    summed=lambda batch: batch.weight * batch.truth,
    plain=ranking([1, 0, 2], [0.1, 0.4, 0.2], [1, 1, 2]),
    units=query_codes,
    repeated=repeated_queries,
    apart=renamed,
)
