"""States of a ranking: rows that meet by query, wherever they came from.

Queries are laid out by their number of documents, so that those of one length are the rows of a matrix, and what is
computed of a query depends on its own row alone: neither other queries nor its name change a byte of it.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from service.metrics.batch import Batch, Question
from service.metrics.exact import Floats, Total, exact_sum
from service.metrics.grouping import Grouping, Integers, blocks, starts_of
from service.metrics.states import LabelState, State, effective, factors, joined_weights, total, total_of_squares
from service.metrics.undefined import Undefined

# Means of relevances between them, and discounted sums of these, are normal numbers.
SMALLEST, LARGEST = 2.0**-900, 2.0**900


@dataclass(frozen=True, eq=False)
class QueryRows(State):
    """Queries by their number of rows, then by id, with the columns of their rows.

    `weights` are those of the queries, None where each counts once. A query has one weight in all parts that merge.
    """

    question: Question
    ids: NDArray[Any]
    lengths: Integers
    weights: Floats | None
    relevance: Floats
    scores: Floats

    def __add__(self, other: Self) -> Self:
        parts = (self.batch, other.batch)
        truth, scores, query = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("truth", "scores", "query")
        )
        weight = joined_weights(*((part.weight, len(part.truth)) for part in parts))
        return self.of(Batch(truth, scores=scores, weight=weight, query=query), self.question)

    @property
    def batch(self) -> Batch:
        """The rows as a batch."""
        return self.batch_of(self.ids, self.scores)

    def batch_of(self, ids: NDArray[Any], scores: Floats) -> Batch:
        """The rows as a batch, with these names of the queries and these scores."""
        weight = None if self.weights is None else np.repeat(self.weights, self.lengths)
        return Batch(self.relevance, scores=scores, weight=weight, query=np.repeat(ids, self.lengths))

    @cached_property
    def relevant(self) -> Integers:
        """The number of relevant documents of each query."""
        return np.add.reduceat((self.relevance > 0).astype(np.int64), starts_of(self.lengths))


def weights_of(batch: Batch, groups: Grouping) -> Floats | None:
    """The weights of the queries: those of their rows, which are equal."""
    if batch.weight is None:
        return None
    firsts = starts_of(groups.lengths)
    return batch.weight[firsts if isinstance(groups.order, slice) else groups.order[firsts]]


def sort_by_query(columns: Floats, lengths: Integers) -> None:
    """Sort the rows of each query in place."""
    for _, rows, length in blocks(lengths):
        columns[rows].reshape(-1, length).sort(axis=1)


class QueryLabels(QueryRows, LabelState):
    """The relevances of the queries, ascending within each; all scores are 0."""

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        groups = batch.by_query
        relevance = batch.truth[groups.order].copy()
        sort_by_query(relevance, groups.lengths)
        scores = np.broadcast_to(0.0, relevance.shape)
        return cls(question, groups.ids, groups.lengths, weights_of(batch, groups), relevance, scores)

    @property
    def rows(self) -> int:
        return len(self.relevance)

    @property
    def counted(self) -> int:
        return self.rows if self.weights is None else int(exact_sum(self.weights, self.lengths.astype(np.float64)))

    @property
    def repetitions(self) -> Integers:
        """How many queries each one is: its weight where weights are counts."""
        if self.weights is None or not self.question.counts:
            return np.ones(len(self.ids), dtype=np.int64)
        return self.weights.astype(np.int64)

    @property
    def weight(self) -> Total:
        """The total weight of the queries."""
        return total(self.weights, len(self.ids))

    @property
    def weight2(self) -> Total:
        return total_of_squares(self.weights, len(self.ids), counts=self.question.counts)

    def blind(self, question: Question) -> Batch:
        """The same queries with equal scores, which leave every order of a query's documents as likely.

        They are renamed in the order in which they stand.
        """
        return self.batch_of(np.arange(len(self.ids)), self.scores)


class Finds(NamedTuple):
    """What is found of the relevant documents of each query, down to each rank of the question where it is an array.

    `hits`: the expected number among the documents down to a rank. `precision`: the expected sum, over the relevant
    ones among these, of the precision at their ranks. `miss`: the probability that none is relevant.
    `reciprocal_rank`: the expected inverse of the rank of the first relevant document. Arrays have a row for each rank
    and a column for each query.
    """

    hits: Floats
    precision: Floats
    miss: Floats
    reciprocal_rank: Floats


class Ties(NamedTuple):
    """For each row of a matrix of documents the group of equal scores it belongs to.

    `size` counts the documents of the group, `relevant` those of them that are relevant, `before` the relevant ones of
    the query that are ranked above the group; `place` is the row's position within the group.
    """

    size: Any
    relevant: Any
    before: Integers
    place: Any


class Documents:
    """Queries with as many documents: matrices of relevances and scores, a row a query, in order of rank.

    Documents with equal scores are in uniformly random order, and every number is the expectation over it
    (F. McSherry, M. Najork, ECIR 2008).
    """

    def __init__(self, relevance: Floats, scores: Floats) -> None:
        self.relevance = relevance
        self.ranks = np.arange(1, relevance.shape[1] + 1)
        self.heads = np.ones(scores.shape, dtype=np.bool_)
        np.not_equal(scores[:, 1:], scores[:, :-1], out=self.heads[:, 1:])
        self.tied = not self.heads.all()

    @cached_property
    def groups(self) -> tuple[Integers, Integers]:
        """The first document, counted over all queries, and the size of each group of equal scores."""
        starts = np.flatnonzero(self.heads)
        return starts, np.diff(starts, append=self.heads.size)

    @property
    def ties(self) -> Ties:
        """The group of equal scores of each document."""
        relevant = (self.relevance > 0).astype(np.int64)
        before = np.cumsum(relevant, axis=1) - relevant
        if not self.tied:
            return Ties(1, relevant, before, 0)
        starts, sizes = self.groups
        columns = (sizes, np.add.reduceat(relevant.ravel(), starts), before.ravel()[starts], starts)
        size, among, above, start = (np.repeat(column, sizes).reshape(relevant.shape) for column in columns)
        return Ties(size, among, above, np.arange(relevant.size).reshape(relevant.shape) - start)

    @cached_property
    def exponents(self) -> NDArray[np.int32]:
        """Powers of two that put the largest relevance of queries with extreme ones near 1; 0 for the others."""
        top = self.relevance.max(axis=1, keepdims=True)
        extreme = (top > LARGEST) | ((top > 0) & (top < SMALLEST))
        return np.where(extreme, np.frexp(top)[1], 0)

    @cached_property
    def scaled(self) -> Floats:
        """The relevances over their powers of two."""
        return np.ldexp(self.relevance, -self.exponents) if self.exponents.any() else self.relevance

    @cached_property
    def gain(self) -> Floats:
        """The expected relevance at each rank, over its power of two."""
        if not self.tied:
            return self.scaled
        starts, sizes = self.groups
        flat = self.scaled.ravel()
        means = np.add.reduceat(flat, starts) / sizes
        within = np.clip(means, flat[starts], flat[starts + sizes - 1])  # equal ones have themselves as mean
        return np.repeat(within, sizes).reshape(self.relevance.shape)

    def ndcg(self, ranks: Integers) -> Floats:
        """The NDCG of each query at these ranks, a row a rank; not a number without relevant documents."""
        discount = 1 / np.log2(self.ranks + 1)
        best = np.sort(self.scaled, axis=1)[:, ::-1]
        ideal, found = (np.cumsum(gain * discount, axis=1)[:, self.columns(ranks)].T for gain in (best, self.gain))
        return np.asarray(np.minimum(found / ideal, 1))

    def finds(self, ranks: Integers) -> Finds:
        """What is found of the relevant documents."""
        size, relevant, before, place = self.ties
        columns = self.columns(ranks)
        hits = before + relevant * (place + 1) / size
        together = place * (relevant - 1) / np.maximum(size - 1, 1)
        precision = np.cumsum(relevant * (before + 1 + together) / (size * self.ranks), axis=1)
        miss = np.cumprod(np.maximum(size - relevant - place, 0) / (size - place), axis=1)
        first = -np.diff(miss, axis=1, prepend=1) / self.ranks
        return Finds(hits[:, columns].T, precision[:, columns].T, miss[:, columns].T, first.sum(axis=1))

    def columns(self, ranks: Integers) -> Integers:
        """The columns of these ranks, the last one where there are fewer documents."""
        return np.minimum(ranks, len(self.ranks)) - 1


class RankedRows(QueryRows):
    """The documents of each query by score, highest first, tied ones by relevance."""

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        if batch.scores is None:
            raise Undefined("no_scores")
        groups = batch.by_query
        relevance, scores = batch.truth[groups.order].copy(), batch.scores[groups.order]
        if scores.min() == scores.max():
            sort_by_query(relevance, groups.lengths)
        else:
            scores = scores.copy()
            for _, rows, length in blocks(groups.lengths):
                matrices = (column[rows].reshape(-1, length) for column in (scores, relevance))
                scores[rows], relevance[rows] = (matrix.ravel() for matrix in by_score(*matrices))
        return cls(question, groups.ids, groups.lengths, weights_of(batch, groups), relevance, scores)

    def documents(self) -> Iterator[tuple[slice, Documents]]:
        """Queries with as many documents, and these, a block at a time."""
        for queries, rows, length in blocks(self.lengths):
            yield queries, Documents(*(column[rows].reshape(-1, length) for column in (self.relevance, self.scores)))

    @cached_property
    def judged(self) -> NDArray[np.intp]:
        """The queries that have a relevant document. Raises `Undefined` if there is none."""
        judged = np.flatnonzero(self.relevant)
        if not len(judged):
            raise Undefined("no_relevant_documents")
        return judged

    @cached_property
    def judged_weights(self) -> Floats | None:
        """The weights of the queries that have a relevant document."""
        return None if self.weights is None else self.weights[self.judged]

    @cached_property
    def judged_weight(self) -> Any:
        """The total weight of the queries that have a relevant document."""
        return total(self.judged_weights, len(self.judged))

    @cached_property
    def size(self) -> float:
        """The effective number of the queries that have a relevant document."""
        weights, rows = self.judged_weights, len(self.judged)
        return effective(self.judged_weight, total_of_squares(weights, rows, counts=self.question.counts))

    @cached_property
    def judged_squares(self) -> Any:
        """What these queries add to the variance of a mean."""
        if self.judged_weights is None:
            return 1 / len(self.judged) ** 2
        heaviest = self.judged_weights.max()
        weights, whole = self.judged_weights / heaviest, float(self.judged_weight / Fraction(heaviest))
        return (weights / heaviest if self.question.counts else weights * weights) / whole**2

    def variance(self, values: Floats, mean: float) -> float:
        """The variance of their mean over these queries: the names of queries, which give their order, do not show."""
        return sum_in_any_order(self.judged_squares * np.square(values[self.judged] - mean))

    def mean(self, values: Floats) -> Any:
        """The mean over the queries that have a relevant document."""
        return exact_sum(values[self.judged], *factors(self.judged_weights)) / self.judged_weight

    @cached_property
    def gains(self) -> Floats:
        """The NDCG of each query at each rank of the question, a row a rank."""
        ranks = np.array(self.question.k)
        values = np.empty((len(ranks), len(self.ids)))
        for queries, documents in self.documents():
            values[:, queries] = documents.ndcg(ranks)
        return values

    @cached_property
    def finds(self) -> Finds:
        """What is found of the relevant documents, at each rank of the question."""
        ranks = np.array(self.question.k)
        hits, precision, miss = np.empty((3, len(ranks), len(self.ids)))
        found = Finds(hits, precision, miss, np.empty(len(self.ids)))
        for queries, documents in self.documents():
            for all_, some in zip(found, documents.finds(ranks), strict=True):
                all_[..., queries] = some
        return found

    def at(self, values: Floats, k: int) -> Floats:
        """The row of a rank of the question."""
        row: Floats = values[self.question.k.index(k)]
        return row

    def ndcg(self, k: int) -> Floats:
        """The NDCG of each query, not a number without relevant documents."""
        return self.at(self.gains, k)

    def precision(self, k: int) -> Floats:
        """The expected share of relevant documents among the first k of each query."""
        return self.at(self.finds.hits, k) / k

    def recall(self, k: int) -> Floats:
        """The expected share that the first k hold of the relevant documents of each query."""
        return self.at(self.finds.hits, k) / self.relevant

    def hit_rate(self, k: int) -> Floats:
        """The probability that the first k documents of each query hold a relevant one."""
        return 1 - self.at(self.finds.miss, k)

    def average_precision(self, k: int) -> Floats:
        """The expected average precision of each query, cut at k."""
        return np.minimum(self.at(self.finds.precision, k) / np.minimum(self.relevant, k), 1)

    def reciprocal_rank(self) -> Floats:
        """The expected inverse of the rank of the first relevant document of each query."""
        return self.finds.reciprocal_rank

    def by_rank(self, points: int) -> Iterator[tuple[int, Any, Any]]:
        """The first ranks; for each the mean relevance there, of the queries that have it, and the NDCG cut there.

        Both are means over queries that have a relevant document.
        """
        judged, lengths = self.judged, self.lengths[self.judged]
        first, widths = starts_of(np.minimum(self.lengths, points))[judged], np.minimum(lengths, points)
        relevance, ndcg = self._to_rank(points)
        weights, left, gone = self.judged_weights, self.judged_weight, 0
        done: Any = Fraction(0)
        for rank in range(1, int(widths[-1]) + 1):
            there = int(np.searchsorted(lengths, rank))
            if there > gone:  # a query that has ended keeps the NDCG of all its documents
                ended = slice(gone, there)
                done += sum_of(ndcg[first[ended] + widths[ended] - 1], weights, ended)
                left -= sum_of(np.ones(there - gone), weights, ended)
                gone = there
            going = slice(there, None)
            at = first[going] + rank - 1
            mean = sum_of(relevance[at], weights, going) / left
            yield rank, mean, (done + sum_of(ndcg[at], weights, going)) / self.judged_weight

    def _to_rank(self, points: int) -> tuple[Floats, Floats]:
        """The expected relevance and the NDCG at each of the first ranks, a query after the other."""
        parts: list[tuple[Floats, Floats]] = []
        for _, documents in self.documents():
            ranks = documents.ranks[:points]
            relevance = np.ldexp(documents.gain[:, :points], documents.exponents)
            parts.append((relevance.ravel(), documents.ndcg(ranks).T.ravel()))
        relevance, ndcg = map(np.concatenate, zip(*parts, strict=True))
        return relevance, ndcg


def sum_of(values: Floats, weights: Floats | None, which: slice) -> Total:
    """The exact sum of values, each times the weight at its place in a part of the weights."""
    return exact_sum(values, *factors(None if weights is None else weights[which]))


def sum_in_any_order(terms: Floats) -> float:
    """The sum of terms of 0 or more, each rounded to so few digits that they add up exactly."""
    bits = math.frexp(terms.max())[1] + len(terms).bit_length()
    rounder = math.ldexp(1.5, bits)
    return float(np.sum((terms + rounder) - rounder))


def by_score(scores: Floats, relevance: Floats) -> tuple[Floats, Floats]:
    """Matrices of scores and relevances with each row by score, highest first, ties by relevance."""
    order = np.argsort(-scores, axis=1)
    ranked = np.take_along_axis(scores, order, axis=1)
    tied = np.flatnonzero((ranked[:, 1:] == ranked[:, :-1]).any(axis=1))
    if len(tied):
        order[tied] = np.lexsort((relevance[tied], -scores[tied]), axis=1)
    return ranked, np.take_along_axis(relevance, order, axis=1)
