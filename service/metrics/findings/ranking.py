"""What reports of a ranking find in their own numbers. Each metric is a mean over queries, so these are what counts."""

import numpy as np

from service.metrics import ranking
from service.metrics.batch import Question
from service.metrics.exact import Floats
from service.metrics.findings.rule import CERTAIN, Found, Rule
from service.metrics.grouping import starts_of
from service.metrics.intervals import Case, wilson_limits
from service.metrics.ranking_intervals import of_queries
from service.metrics.ranking_states import QueryLabels, RankedRows
from service.metrics.regression_intervals import ROUNDING
from service.metrics.sections import samples
from service.metrics.states import effective, once, total, total_of_squares


@once
def concordance(ranked: RankedRows) -> Floats:
    """For each query the share of the pairs of a relevant and an irrelevant document that are in the right order.

    Pairs with equal scores count half. It is 1/2 where there is no such pair, and expected to be in a random order.
    """
    starts, relevant = starts_of(ranked.lengths), ranked.relevance > 0
    heads = np.ones(len(relevant), dtype=np.bool_)
    np.not_equal(ranked.scores[1:], ranked.scores[:-1], out=heads[1:])
    heads[starts] = True
    firsts = np.flatnonzero(heads)
    sizes = np.diff(firsts, append=len(heads))
    # Twice the mean place of tied documents among all, so that sums are whole numbers.
    places = np.repeat(2 * firsts + sizes - 1, sizes) - np.repeat(2 * starts, ranked.lengths)
    found, others = ranked.relevant, ranked.lengths - ranked.relevant
    above = np.add.reduceat(np.where(relevant, places, 0), starts) - found * (found - 1)
    pairs = found * others
    return np.asarray(np.where(pairs, 1 - above / (2 * np.maximum(pairs, 1)), 0.5))


def has_pairs(ranked: RankedRows) -> Floats:
    """For each query 1 where it has relevant and irrelevant documents, else 0."""
    return (ranked.relevant * (ranked.lengths - ranked.relevant) > 0).astype(np.float64)


def inverted_scores(ranked: RankedRows, even_odds: float) -> Found:
    """Of relevant and irrelevant documents less than {even_odds} of the pairs are in the right order, with 99.9 %.

    That is a mean over queries with relevant and irrelevant documents.
    """
    share = ranked.mean(concordance(ranked))
    case = Case(concordance, {}, share, float(share), 0.0, 1.0, 1.0, CERTAIN)
    if share < even_odds and of_queries(concordance)(case, ranked).high < even_odds:
        # Of the queries that have such a pair.
        in_order = even_odds + (case.value - even_odds) / float(ranked.mean(has_pairs(ranked)))
        yield {"in_order": in_order, "the_right_way_round": 1 - in_order}


def perfect_scores(ranked: RankedRows, fewest: float) -> Found:
    """No document is ranked above a more relevant one, in at least {fewest} effective queries where that could be."""
    starts = starts_of(ranked.lengths)
    steps = np.diff(ranked.relevance, prepend=ranked.relevance[:1])
    steps[starts] = 0
    if (steps > 0).any():  # tied documents stand in ascending order
        return
    varied = np.add.reduceat(steps < 0, starts, dtype=np.int64) > 0
    weights, rows = None if ranked.weights is None else ranked.weights[varied], int(varied.sum())
    if not rows:
        return
    size = effective(total(weights, rows), total_of_squares(weights, rows, counts=ranked.question.counts))
    if size * (1 + ROUNDING) >= fewest:
        yield {"effective_queries": size}


def constant_scores(ranked: RankedRows, labels: QueryLabels, question: Question, fewest: float) -> Found:
    """All of at least {fewest} documents have the same score."""
    if ranked.scores.min() == ranked.scores.max() and samples(labels, question) >= fewest:
        yield {"score": float(ranked.scores[0]), "samples": samples(labels, question)}


def small_sample(ranked: RankedRows, fewest: float) -> Found:
    """Fewer than {fewest} effective queries have a relevant document."""
    if ranked.size * (1 + ROUNDING) < fewest:
        yield {"effective_queries": ranked.size}


def one_query_dominates(ranked: RankedRows, fewest: float, most: float) -> Found:
    """Of at least {fewest} queries with a relevant document one has more than {most} of the weight.

    Without weights, and where they are counts, every query counts alike, however many documents it has.
    """
    weights = ranked.judged_weights
    if weights is None or ranked.question.counts or len(weights) < fewest:
        return
    share = float(weights.max() / ranked.judged_weight)
    if share > most:
        (query,) = ranked.ids[ranked.judged[[weights.argmax()]]].tolist()
        yield {"share": share, "query": query, "queries": len(weights)}


def queries_without_relevance(labels: QueryLabels, most: float) -> Found:
    """More than {most} of the queries have no relevant document, with 99.9 %."""
    without = labels.relevant == 0
    if not without.any():
        return
    weights = None if labels.weights is None else labels.weights[without]
    share = float(total(weights, int(without.sum())) / labels.weight)
    if wilson_limits(share, labels.effective, CERTAIN)[0] > most:
        yield {
            "share": share,
            "without": ranking.queries_without_relevant(labels),
            "queries": ranking.queries(labels),
        }


def duplicated_rows(ranked: RankedRows, labels: QueryLabels, question: Question, fewest: float) -> Found:
    """Every document comes an even number of times in its query, and at least {fewest} are different."""
    rows = (ranked.relevance, ranked.scores)
    if (ranked.lengths % 2).any() or ranked.scores.min() == ranked.scores.max():
        return
    if any((column[::2] != column[1::2]).any() for column in rows):
        return
    apart = np.logical_or(*(column[2::2] != column[1:-1:2] for column in rows))
    apart[starts_of(ranked.lengths)[1:] // 2 - 1] = True
    distinct = 1 + int(np.count_nonzero(apart))
    if distinct >= fewest:
        yield {"distinct": distinct, "samples": samples(labels, question)}


RULES: tuple[Rule, ...] = (
    Rule(
        inverted_scores,
        severity="error",
        tasks=("ranking",),
        thresholds={"even_odds": 0.5},
        message="Scores rank the wrong way round: a relevant document stands above another one in {in_order:.1%} of "
        "the cases, less often than by drawing lots; it would in {the_right_way_round:.1%} with all scores turned "
        "round.",
        advice="The highest score has the first rank. If low scores are good, as distances are, send -score.",
    ),
    Rule(
        constant_scores,
        severity="warning",
        tasks=("ranking",),
        thresholds={"fewest": 20},
        message="All {samples} scores are {score}: every order of the documents is as likely.",
        advice="See whether the model has learnt anything, and whether the right column was sent.",
    ),
    Rule(
        perfect_scores,
        severity="warning",
        tasks=("ranking",),
        thresholds={"fewest": 50},
        message="In each of {effective_queries} effective queries every document stands above all less relevant ones. "
        "That is rare with honest data: the model may have seen the answers.",
        advice="See whether relevances were sent as scores, or a feature holds the relevance.",
    ),
    Rule(
        one_query_dominates,
        severity="warning",
        tasks=("ranking",),
        thresholds={"fewest": 5, "most": 0.5},
        message="Query {query!s} has {share:.1%} of the weight of {queries} queries: every value is mostly that of "
        "this query.",
        advice="See whether its weight is right.",
    ),
    Rule(
        queries_without_relevance,
        severity="warning",
        tasks=("ranking",),
        thresholds={"most": 0.1},
        message="{without} of {queries} queries have no relevant document and are left out of every value: these say "
        "nothing of what such queries are served.",
        advice="See whether relevant documents were not judged, or not among those that were sent.",
    ),
    Rule(
        duplicated_rows,
        severity="warning",
        tasks=("ranking",),
        thresholds={"fewest": 20},
        message="Every document comes an even number of times in its query: the {samples} rows look like {distinct} "
        "that were sent twice or more often.",
        advice="Send each document of a query once: its double takes a rank of its own.",
    ),
    Rule(
        small_sample,
        severity="warning",
        tasks=("ranking",),
        thresholds={"fewest": 10},
        message="Only {effective_queries} effective queries have a relevant document: what is said of them is mostly "
        "chance.",
        advice="Read the intervals and not the values, and send more queries.",
    ),
)
