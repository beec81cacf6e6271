"""The payloads of rankings: clean ones of many shapes, and every corruption in three strengths."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from tests.findings_corpus.corpus import (
    FEW,
    FEW_OF_A_CLASS,
    Array,
    Family,
    Payload,
    Rng,
    Truth,
    beyond,
    copies,
    corruption,
    effective,
    exact,
    one_of,
    only,
    weights,
)
from tests.findings_corpus.models import RANKING, model

# Below one and above the other a share is called small or large; between them it is left open.
OPEN_WITHOUT = (0.1, 0.5)
SIZES = (15, 30, 60, 120, 250, 500)
WEIGHTS = ("none", "none", "uniform", "lognormal")
DIGITS, TRAVEL = "digits alike, cosine", "travel, logistic regression"


@dataclass(frozen=True)
class Law:
    """Finitely many queries, each as probable, with as many documents: their relevances, and their scores."""

    relevance: Array
    scores: Array

    @property
    def order(self) -> float:
        """The mean over queries of how often the more relevant of two documents scores higher."""
        shares = []
        for relevance, scores in zip(self.relevance, self.scores, strict=True):
            more = relevance[:, None] > relevance
            if more.any():
                shares.append(np.mean(0.5 + 0.5 * np.sign(scores[:, None] - scores)[more]))
        return float(np.mean(shares))


def law_of(name: str) -> Law:
    return Law(*model("ranking", name))


def blurred(law: Law, noise: float) -> Law:
    """The law of scores with as many standard deviations of noise, the same in every run."""
    spread = noise * law.scores.std()
    return replace(law, scores=law.scores + spread * np.random.default_rng(0).standard_normal(law.scores.shape))


@dataclass(frozen=True)
class Sample:
    """Queries of a law, of which documents may be missing that are not relevant."""

    relevance: Array
    scores: Array
    queries: Array
    weight: Array | None = None


def sample(rng: Rng, law: Law, queries: int, weighted: str = "none", *, ragged: bool = False) -> Sample:
    """Queries drawn with replacement, the documents of all in any order."""
    chosen = rng.integers(len(law.scores), size=queries)
    ids = np.repeat(np.arange(queries), law.scores.shape[1])
    weight = weights(rng, weighted, queries)
    order = rng.permutation(len(ids))
    relevance = law.relevance[chosen].ravel()
    order = order[(rng.random(len(ids)) < 0.7) | (relevance[order] > 0)] if ragged else order
    columns = (relevance[order], law.scores[chosen].ravel()[order], ids[order])
    return Sample(*columns, None if weight is None else weight[ids][order])


def truth_of(drawn: Sample, *, inverted: bool, perfect: bool = False) -> dict[str, bool | None]:
    """What is true of a sample, of which it is known whether its order is inverted, or perfect."""
    _, first, place = np.unique(drawn.queries, return_index=True, return_inverse=True)
    weight = np.ones(len(first)) if drawn.weight is None else drawn.weight[first]
    relevant = np.bincount(place, drawn.relevance) > 0
    return {
        "small_sample": effective(weight, relevant) < FEW_OF_A_CLASS,
        "queries_without_relevance": beyond(1 - float(relevant.mean()), OPEN_WITHOUT),
        "constant_scores": bool(np.ptp(drawn.scores) == 0 and len(drawn.scores) >= FEW),
        "inverted_scores": inverted,
        "perfect_scores": perfect,
        "one_query_dominates": False,
        "duplicated_rows": False,
    }


def requested(drawn: Sample, naming: str = "integers") -> dict[str, Any]:
    queries = drawn.queries if naming == "integers" else [f"q{number}" for number in drawn.queries.tolist()]
    asked = {"labels": drawn.relevance, "scores": drawn.scores, "queries": queries}
    return asked if drawn.weight is None else {**asked, "sample_weight": drawn.weight}


def payload(drawn: Sample, truth: Truth, naming: str = "integers") -> Payload:
    return Payload(requested(drawn, naming), truth)


def shaped(rng: Rng, law: Law, queries: int) -> Payload:
    """A payload of any shape."""
    naming, weighted, ragged = one_of(rng, ("integers", "strings")), one_of(rng, WEIGHTS), rng.random() < 0.5
    drawn = sample(rng, law, queries, weighted, ragged=ragged)
    made = payload(drawn, truth_of(drawn, inverted=law.order < 0.5), naming)
    documents = "of several numbers" if ragged else "as many in each query"
    return replace(made, shape={"queries": naming, "weights": weighted, "documents": documents})


def in_order(name: str, noise: float, rng: Rng, queries: int) -> Payload:
    return shaped(rng, blurred(law_of(name), noise), queries)


def binary_relevance(rng: Rng, queries: int) -> Payload:
    law = law_of(DIGITS)
    return shaped(rng, replace(law, relevance=(law.relevance > 1).astype(float)), queries)


def rounded(rng: Rng, queries: int) -> Payload:
    """Scores with many ties."""
    law = law_of(one_of(rng, (DIGITS, TRAVEL)))
    return shaped(rng, replace(law, scores=np.round(law.scores, 1)), queries)


def chance(rng: Rng, queries: int) -> Payload:
    """Scores that know nothing of relevance."""
    law = law_of(one_of(rng, (DIGITS, TRAVEL)))
    drawn = sample(rng, law, queries, one_of(rng, WEIGHTS))
    drawn = replace(drawn, scores=rng.standard_normal(len(drawn.scores)))
    return payload(drawn, truth_of(drawn, inverted=False))


def clean() -> Iterator[Family]:
    for name in RANKING:
        for noise in (0.0, 1.0):
            title = f"real queries: {name}" + (", with noise" if noise else "")
            yield Family("ranking", title, partial(in_order, name, noise), SIZES, 32)
    yield Family("ranking", "binary relevance", binary_relevance, SIZES, 32)
    yield Family("ranking", "tied scores", rounded, SIZES, 32)
    yield Family("ranking", "scores by chance", chance, SIZES, 32)


def any_law(rng: Rng) -> Law:
    return law_of(one_of(rng, (DIGITS, TRAVEL)))


def constant(rng: Rng, queries: int) -> Payload:
    drawn = sample(rng, any_law(rng), queries)
    drawn = replace(drawn, scores=np.full_like(drawn.scores, one_of(rng, (0.0, 0.5, 7.0))))
    return payload(drawn, truth_of(drawn, inverted=False))


def inverted(name: str, noise: float, rng: Rng, queries: int) -> Payload:
    law = blurred(law_of(name), noise)
    law = replace(law, scores=-law.scores)
    drawn = sample(rng, law, queries)
    return payload(drawn, truth_of(drawn, inverted=law.order < 0.5))


def leaked(rng: Rng, queries: int) -> Payload:
    """Scores that follow the relevance without a mistake."""
    drawn = sample(rng, any_law(rng), queries)
    drawn = replace(drawn, scores=drawn.relevance + 0.5 * rng.random(len(drawn.scores)))
    return payload(drawn, truth_of(drawn, inverted=False, perfect=True))


def few(rng: Rng, queries: int) -> Payload:
    drawn = sample(rng, any_law(rng), queries)
    return payload(drawn, truth_of(drawn, inverted=False))


def dominated(share: float, rng: Rng, queries: int) -> Payload:
    """One query with so large a share of the weight; few equal queries are left of all, and may be a small sample."""
    drawn = sample(rng, any_law(rng), queries)
    heavy = drawn.queries == drawn.queries[drawn.relevance.argmax()]
    weight = np.where(heavy, share * (queries - 1) / (1 - share), 1.0)
    return payload(replace(drawn, weight=weight), only("one_query_dominates", truth_of(drawn, inverted=False)))


def without_relevance(share: float, rng: Rng, queries: int) -> Payload:
    """Queries of which a share has no relevant document, as where labels were joined by another id."""
    drawn = sample(rng, any_law(rng), queries)
    lost = drawn.queries < round(share * queries)
    emptied = replace(drawn, relevance=np.where(lost, 0.0, drawn.relevance))
    return payload(emptied, truth_of(emptied, inverted=False))


def copied(times: int, rng: Rng, queries: int) -> Payload:
    drawn = sample(rng, any_law(rng), queries)
    return copies(rng, payload(drawn, truth_of(drawn, inverted=False)), times)


corrupt, exactly = partial(corruption, "ranking", counts="queries"), partial(exact, "ranking", counts="queries")
CORRUPTED: tuple[Iterator[Family], ...] = (
    exactly("constant_scores", constant),
    corrupt(
        "inverted_scores",
        ("order right in 0.40 of the pairs", 400, partial(inverted, TRAVEL, 3.0)),
        ("order right in 0.30 of the pairs", 100, partial(inverted, TRAVEL, 0.0)),
        ("order right in 0.21 of the pairs", 40, partial(inverted, DIGITS, 0.0)),
    ),
    exactly("perfect_scores", leaked, (50, 120, 400)),
    exactly("small_sample", few, (9, 6, 3)),
    corrupt(
        "one_query_dominates",
        *((f"{share:.0%} of the weight", 60, partial(dominated, share)) for share in (0.6, 0.8, 0.95)),
        sizes=(60, 120, 400),
    ),
    corrupt(
        "queries_without_relevance",
        *((f"{share:.0%} of the queries", 60, partial(without_relevance, share)) for share in (0.75, 0.85, 0.95)),
    ),
    corrupt(
        "duplicated_rows",
        *((f"{times} times", 20, partial(copied, times)) for times in (2, 4, 6)),
        sizes=(20, 100, 300),
    ),
)
FAMILIES: tuple[Family, ...] = (*clean(), *chain.from_iterable(CORRUPTED))
