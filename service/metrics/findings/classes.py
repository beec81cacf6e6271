"""What reports on several classes find in their own numbers, be they those of a multiclass task or labels of rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from service.metrics.batch import Question
from service.metrics.class_states import ClassTable, ColumnScores
from service.metrics.denominators import size
from service.metrics.findings.rule import Evidence, Found, Rule, certain
from service.metrics.intervals import limits_of_shares
from service.metrics.sections import plain, samples
from service.metrics.states import LabelState, once

# A sentence names so many classes.
MOST_NAMED = 5


def named(question: Question, places: Sequence[int], first: Sequence[Any] = (), **columns: Sequence[Any]) -> Evidence:
    """How many classes at these places there are, and some of them, with an entry of each column.

    Those come first that are least in `first`, and of these the first labels: no order of the classes shows.
    """
    labels: Sequence[Any] = question.classes
    order = sorted(places, key=lambda place: (first[place] if first else 0, labels[place]))
    found = [
        {"class": labels[place], **{name: column[place] for name, column in columns.items()}}
        for place in order[:MOST_NAMED]
    ]
    return {"number": len(places), "of": len(labels), "classes": found}


def rows_of(table: ClassTable, sums: Any) -> list[int | float]:
    """Effective numbers of rows, which are the numbers of rows where there are no weights."""
    return [plain(number) for number in table.effective(sums).tolist()]


@once
def effective_rows(table: ClassTable) -> list[float]:
    """The effective number of rows of each class."""
    return list(map(size, table.counts.truth.exact, table.squares.truth.exact))


def low_shares(table: ClassTable, whole: str, low: float) -> tuple[list[int], list[tuple[float, float]]]:
    """The classes whose share of hits among `truth` or `predicted` is below `low`; of each class share and weight.

    The weight is that of the others, which are no hits, in negative effective rows.
    """
    hits, rows = (table.effective(getattr(table.counts, name)) for name in ("hits", whole))
    hits2, rows2 = (table.effective_squares(getattr(table.squares, name)) for name in ("hits", whole))
    level = certain(int(np.count_nonzero(rows)))
    _, most = limits_of_shares((hits, hits2), (rows - hits, rows2 - hits2), level)
    return np.flatnonzero(most < low).tolist(), list(zip((hits / rows).tolist(), (hits - rows).tolist(), strict=True))


def of_low_shares(table: ClassTable, question: Question, whole: str, low: float, names: tuple[str, str, str]) -> Found:
    """The classes with a low share: under these names the share, the rows that are no hits, and all rows."""
    places, shares = low_shares(table, whole, low)
    if places:
        hits, rows = (rows_of(table, getattr(table.counts, name)) for name in ("hits", whole))
        others = [every - part for part, every in zip(hits, rows, strict=True)]
        columns = ([share for share, _ in shares], others, rows)
        yield named(question, places, shares, **dict(zip(names, columns, strict=True)))


def missed_classes(table: ClassTable, question: Question, low: float) -> Found:
    """Classes of which less than {low} of the rows are predicted as such, with 99.9 % for all classes together."""
    yield from of_low_shares(table, question, "truth", low, ("recall", "missed", "samples"))


def wrongly_predicted(table: ClassTable, question: Question, low: float) -> Found:
    """Classes of which less than {low} of the predictions are right, with 99.9 % for all classes together."""
    yield from of_low_shares(table, question, "predicted", low, ("precision", "wrong", "predicted"))


def small_sample(table: ClassTable, question: Question, fewest: float) -> Found:
    """Classes have fewer than {fewest} effective rows, but some."""
    rows = effective_rows(table)
    places = [place for place, number in enumerate(rows) if 0 < number < fewest]
    if places:
        yield named(question, places, rows, effective_samples=rows)


def hard_scores(labels: LabelState, scores: ColumnScores, question: Question, fewest: float) -> Found:
    """All scores of at least {fewest} rows are one of two numbers, and not the same for all rows."""
    if samples(labels, question) >= fewest and scores.hard and not scores.constant:
        lows, highs = scores.ends
        yield {"low": float(lows.min()), "high": float(highs.max()), "samples": samples(labels, question)}


RULES: tuple[Rule, ...] = (
    Rule(
        missed_classes,
        title="worst_classes",
        severity="warning",
        tasks=("multiclass",),
        thresholds={"low": 0.5},
        message="The model misses most rows of {number} of {of} classes: at worst {classes:<missed> of <samples> rows "
        "of class <class>}.",
        advice="See in confusion_matrix what these rows are taken for, and whether the model has learnt from enough of "
        "them.",
    ),
    Rule(
        missed_classes,
        title="low_recall",
        severity="warning",
        tasks=("multilabel",),
        thresholds={"low": 0.5},
        message="The model misses most rows of {number} of {of} classes: at worst {classes:<missed> of <samples> rows "
        "of class <class>}.",
        advice="If a miss costs more than a false alarm, call more rows positive: send predictions with a threshold of "
        "its own for each class.",
    ),
    Rule(
        wrongly_predicted,
        title="low_precision",
        severity="warning",
        tasks=("multilabel",),
        thresholds={"low": 0.5},
        message="Most predictions of {number} of {of} classes are wrong: at worst {classes:<wrong> of <predicted> "
        "predictions of class <class>}.",
        advice="If a false alarm costs more than a miss, call fewer rows positive: send predictions with a threshold "
        "of its own for each class.",
    ),
    Rule(
        hard_scores,
        severity="warning",
        tasks=("multiclass", "multilabel"),
        thresholds={"fewest": 20},
        message="All scores of the {samples} rows are {low} or {high}: they are decisions, and no scores that rank "
        "rows.",
        advice="Send the probabilities that the decisions were made of, such as those of predict_proba; or send the "
        "decisions as predictions, without scores.",
    ),
    Rule(
        small_sample,
        severity="warning",
        tasks=("multiclass", "multilabel"),
        thresholds={"fewest": 10},
        message="There are few effective rows of {number} of {of} classes: {classes:<effective_samples> of class "
        "<class>}. What is said of them is mostly chance.",
        advice="Read the intervals and not the values, and send more rows of these classes.",
    ),
)
