"""The multilabel payloads: clean ones of many shapes, and every corruption in three strengths.

A finding is true where it is of any label.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import chain
from operator import methodcaller
from typing import Any

import numpy as np
from scipy.special import logit

from schemas.fields import Faulty
from tests.findings_corpus import binary_laws
from tests.findings_corpus.binary_laws import Law, inside
from tests.findings_corpus.corpus import (
    Array,
    Family,
    Payload,
    Rng,
    Truth,
    copies,
    corruption,
    either,
    exact,
    one_of,
    only,
    weights,
)
from tests.findings_corpus.models import MULTILABEL, model

SIZES = (50, 100, 200, 500, 1000, 2000, 10_000)
KINDS = ("0 and 1", "names")
FORMS = ("scores", "predictions", "both")
WEIGHTS = ("none", "none", "uniform", "lognormal")
TRAITS, AILMENTS = "traits of digits, logistic regressions", "ailments, logistic regressions"
OPINIONS = "opinions, logistic regressions"
MOST_ROWS = 4000
# What a binary payload may have, and not a multilabel one.
CODES = (
    "small_sample",
    "constant_scores",
    "inverted_scores",
    "hard_scores",
    "logits",
    "perfect_scores",
    "low_recall",
    "low_precision",
    "single_class",
    "predictions_disagree_with_scores",
    "duplicated_rows",
)
Laws = tuple[Law, ...]


@cache
def calibrated(name: str) -> Laws:
    """The law of each label of a model whose scores are right."""
    said = model("multilabel", name).said
    return tuple(Law(column, column) for column in said[:: max(1, len(said) // MOST_ROWS)].T)


@cache
def as_found(name: str) -> Laws:
    """The law of each label of a model with the labels that the rows really have."""
    labels, said = model("multilabel", name)
    step = max(1, len(said) // MOST_ROWS)
    pairs = zip(labels[::step].T, said[::step].T, strict=True)
    return tuple(Law(scores, truth.astype(float)) for truth, scores in pairs)


def at(laws: Laws, threshold: float) -> Laws:
    return tuple(law.at(threshold) for law in laws)


@dataclass(frozen=True)
class Sample:
    """Rows of the laws of all labels, with a column of labels for each."""

    laws: Laws
    rows: Array
    labels: Array
    weight: Array | None = None

    @property
    def scores(self) -> Array:
        return np.column_stack([law.scores[self.rows] for law in self.laws])

    @property
    def predicted(self) -> Array:
        return np.column_stack([law.predicted[self.rows] for law in self.laws])


def sample(rng: Rng, laws: Laws, rows: int, weighted: str = "none") -> Sample:
    """Rows drawn with replacement, each with labels of its own."""
    chosen = rng.integers(len(laws[0].scores), size=rows)
    chance = np.column_stack([law.chance[chosen] for law in laws])
    return Sample(laws, chosen, rng.random(chance.shape) < chance, weights(rng, weighted, rows))


def truth_of(drawn: Sample, *, scored: bool = True) -> dict[str, bool | None]:
    """What is true of any label of a sample."""
    pairs = zip(drawn.laws, drawn.labels.T, strict=True)
    each = [binary_laws.Sample(law, drawn.rows, labels, drawn.weight) for law, labels in pairs]
    found = either([binary_laws.truth_of(column, scored=scored) for column in each])
    return {code: found[code] for code in CODES}


def labels_as(kind: str, labels: Array) -> Any:
    """Label sets as rows of 0 and 1, or as names."""
    if kind == "names":
        named = [[f"label {place}" for place in np.flatnonzero(row)] for row in labels]
        return Faulty({0: "An array."}, named)  # as arrays of several lengths are decoded
    return labels.astype(np.int64)


def requested(drawn: Sample, kind: str = "0 and 1", form: str = "scores") -> dict[str, Any]:
    """The request for the report of a sample."""
    asked: dict[str, Any] = {"labels": labels_as(kind, drawn.labels)}
    if kind == "names":
        asked["classes"] = [f"label {place}" for place in range(len(drawn.laws))]
    if form != "predictions":
        asked["scores"] = drawn.scores
    if form != "scores":
        asked["predictions"] = labels_as(kind, drawn.predicted)
    elif drawn.laws[0].threshold != 0.5:
        asked["threshold"] = drawn.laws[0].threshold
    return asked if drawn.weight is None else {**asked, "sample_weight": drawn.weight}


def payload(drawn: Sample, truth: Truth | None = None, kind: str = "0 and 1", form: str = "scores") -> Payload:
    """The payload of a sample; what differs from what is true of the sample is said."""
    found = {**truth_of(drawn, scored=form != "predictions"), **(truth or {})}
    return Payload(requested(drawn, kind, form), found)


def shaped(rng: Rng, laws: Laws, rows: int) -> Payload:
    """A payload of any shape."""
    kind, form, weighted = one_of(rng, KINDS), one_of(rng, FORMS), one_of(rng, WEIGHTS)
    made = payload(sample(rng, at(laws, one_of(rng, (0.5, 0.3))), rows, weighted), kind=kind, form=form)
    return replace(made, shape={"labels": kind, "sent": form, "weights": weighted})


def right_scores(name: str, rng: Rng, rows: int) -> Payload:
    return shaped(rng, calibrated(name), rows)


def real_labels(name: str, rng: Rng, rows: int) -> Payload:
    return shaped(rng, as_found(name), rows)


def rounded(rng: Rng, rows: int) -> Payload:
    laws = calibrated(one_of(rng, tuple(MULTILABEL)))
    return shaped(rng, tuple(replace(law, scores=np.round(law.scores, 1)) for law in laws), rows)


def chance(rng: Rng, rows: int) -> Payload:
    """Scores that know nothing of the labels."""
    laws = []
    for prevalence in rng.uniform(0.2, 0.6, 4):
        scores = np.clip(prevalence + 0.05 * rng.standard_normal(1000), 0, 1)
        laws.append(Law(scores, np.full(1000, prevalence)))
    return shaped(rng, tuple(laws), rows)


def clean() -> Iterator[Family]:
    for name in MULTILABEL:
        yield Family("multilabel", f"right scores: {name}", partial(right_scores, name), SIZES, 20)
        yield Family("multilabel", f"real labels: {name}", partial(real_labels, name), SIZES, 20)
    yield Family("multilabel", "rounded scores", rounded, SIZES, 20)
    yield Family("multilabel", "scores by chance", chance, SIZES, 20)


def any_laws(rng: Rng) -> Laws:
    return calibrated(one_of(rng, (TRAITS, OPINIONS)))


def changed(laws: Laws, change: Callable[[Law], Law], which: Sequence[int]) -> Laws:
    """The laws, with a change to those of some labels."""
    return tuple(change(law) if place in which else law for place, law in enumerate(laws))


def some(rng: Rng, laws: Laws, number: int) -> Sequence[int]:
    return rng.permutation(len(laws))[:number].tolist()


def as_scores(change: Callable[[Law], Array], number: int, rng: Rng, rows: int) -> Payload:
    """Other scores of so many labels."""
    laws = any_laws(rng)
    turned = changed(laws, lambda law: replace(law, scores=change(law)), some(rng, laws, number))
    return payload(sample(rng, turned, rows), kind=one_of(rng, KINDS))


def negated(law: Law) -> Array:
    return 1 - law.scores


def alike(law: Law) -> Array:
    return np.full_like(law.scores, law.prevalence)


def as_hard(law: Law) -> Array:
    return law.predicted.astype(float)


def log_odds(scale: float, law: Law) -> Array:
    return scale * logit(inside(law.scores))


def few(number: int, rng: Rng, rows: int) -> Payload:
    """So few rows that have one label."""
    laws = any_laws(rng)
    made = sample(rng, laws, rows)
    labels = made.labels.copy()
    place = rng.integers(len(laws))
    labels[:, place] = np.isin(np.arange(rows), rng.permutation(rows)[:number])
    return payload(replace(made, labels=labels), only("small_sample", truth_of(made)), kind=one_of(rng, KINDS))


def one_class(number: int, rng: Rng, rows: int) -> Payload:
    """So many labels that no row has, or every row."""
    laws = any_laws(rng)
    made = sample(rng, laws, rows)
    labels = made.labels.copy()
    labels[:, some(rng, laws, number)] = rng.random() < 0.5
    return payload(replace(made, labels=labels), only("single_class", truth_of(made)), kind=one_of(rng, KINDS))


def leaked(rng: Rng, per_class: int) -> Payload:
    """Scores of every label that follow it without a mistake."""
    laws = as_found(one_of(rng, (TRAITS, OPINIONS)))
    told = changed(laws, lambda law: replace(law, scores=0.4 * law.scores + 0.6 * law.chance), range(len(laws)))
    least = min(min(law.prevalence, 1 - law.prevalence) for law in laws)
    return payload(sample(rng, told, round(1.5 * per_class / least)), kind=one_of(rng, KINDS))


def lower(change: Callable[[Law], Law], code: str, rng: Rng, rows: int) -> Payload:
    """Thresholds of one label, or of all, that leave it a low recall or precision; predictions are sent."""
    laws = any_laws(rng)
    which = some(rng, laws, one_of(rng, (1, len(laws))))
    made = changed(laws, change, which)
    share = {"low_recall": lambda law: law.prevalence, "low_precision": lambda law: law.predicted.mean()}[code]
    least = min(share(made[place]) for place in which)
    return payload(sample(rng, made, round(1.2 * rows / least)), kind=one_of(rng, KINDS), form="predictions")


def with_precision(precision: float, law: Law) -> Law:
    """The law of a rarer label, so that predictions have this precision."""
    return replace(law, chance=law.chance * precision / law.precision)


def misaligned(share: float, rng: Rng, rows: int) -> Payload:
    """Predictions of which some belong to other rows than the scores beside them."""
    made = sample(rng, any_laws(rng), rows)
    predicted = made.predicted
    moved = rng.permutation(rows)[: round(share * rows)]
    predicted[moved] = predicted[np.roll(moved, 1)]
    asked = requested(made) | {"predictions": labels_as("0 and 1", predicted)}
    return Payload(asked, only("predictions_disagree_with_scores", truth_of(made)))


def copied(times: int, rng: Rng, rows: int) -> Payload:
    return copies(rng, payload(sample(rng, any_laws(rng), rows // times)), times)


corrupt, exactly = partial(corruption, "multilabel"), partial(exact, "multilabel")
MANY = (1, 2, 3)
CORRUPTED: tuple[Iterator[Family], ...] = (
    corrupt(
        "small_sample",
        *((f"{number} rows of a label", 50, partial(few, number)) for number in (9, 6, 3)),
        sizes=(50, 200, 2000),
    ),
    corrupt(
        "constant_scores",
        *((f"{number} of 4 labels", 20, partial(as_scores, alike, number)) for number in MANY),
        sizes=(20, 200, 2000),
    ),
    corrupt(
        "inverted_scores", *((f"{number} of 4 labels", 300, partial(as_scores, negated, number)) for number in MANY)
    ),
    exactly("hard_scores", partial(as_scores, as_hard, 4)),
    corrupt(
        "logits",
        *(
            (f"{scale} times the log-odds", 20, partial(as_scores, partial(log_odds, scale), 4))
            for scale in (0.5, 1, 10)
        ),
        sizes=(20, 200, 2000),
    ),
    exactly("perfect_scores", leaked, (50, 100, 400), counts="rows with and without each label"),
    corrupt(
        "low_recall",
        *(
            (
                f"recall {recall}",
                least,
                partial(lower, methodcaller("with_recall", recall), "low_recall"),
            )
            for recall, least in ((0.4, 800), (0.25, 120), (0.1, 40))
        ),
        counts="rows with the label",
    ),
    corrupt(
        "low_precision",
        *(
            (f"precision {precision}", least, partial(lower, partial(with_precision, precision), "low_precision"))
            for precision, least in ((0.4, 800), (0.25, 120), (0.15, 60))
        ),
        counts="rows predicted to have the label",
    ),
    corrupt(
        "single_class",
        *((f"{number} of 4 labels", 20, partial(one_class, number)) for number in MANY),
        sizes=(20, 200, 2000),
    ),
    corrupt(
        "predictions_disagree_with_scores",
        ("25 % of the rows", 1000, partial(misaligned, 0.25)),
        ("50 % of the rows", 200, partial(misaligned, 0.5)),
        ("all rows", 60, partial(misaligned, 1.0)),
    ),
    corrupt(
        "duplicated_rows",
        *((f"{times} times", 180, partial(copied, times)) for times in (2, 4, 6)),
        sizes=(180, 600, 6000),
    ),
)
FAMILIES: tuple[Family, ...] = (*clean(), *chain.from_iterable(CORRUPTED))
