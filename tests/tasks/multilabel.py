"""What the tests know of multilabel classification."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache
from itertools import cycle, product
from typing import Any

import numpy as np
from hypothesis import strategies as st
from sklearn import metrics as sk

from service.metrics.batch import Batch, Question
from tests.tasks import exact
from tests.tasks.known import (
    COUNTS,
    ENDS,
    EXTREME,
    FINITE,
    GRID,
    MANY_ROWS,
    REAL,
    SOME_ZERO,
    TENTHS,
    UNIT,
    UNIT_32,
    WEIGHTS,
    WHOLE,
    WILD,
    Known,
    Oracle,
    averaged,
    columns,
    magnitudes,
    of_predictions,
    of_scores,
    weights_of,
)

SCORES = [GRID, TENTHS, UNIT, UNIT_32, ENDS, COUNTS, FINITE | EXTREME]
LABELS = ("rain", "wind", "sun")
WIDTH = len(LABELS)


def multilabel(truth: Any, scores: Any = None, weight: Any = None, predicted: Any = None) -> Batch:
    """A multilabel batch; the predictions are the scores of 0.5 or more unless given."""
    truth = np.asarray(truth, dtype=bool)
    scores = None if scores is None else np.asarray(scores, dtype=float) + 0.0
    predicted = scores >= 0.5 if predicted is None else np.asarray(predicted, dtype=bool)
    return Batch(truth, predicted, scores, None if weight is None else np.asarray(weight, dtype=float))


@st.composite
def multilabel_batches(draw, scores=SCORES, weights=(None, WHOLE, SOME_ZERO, REAL, WILD), width=3) -> Batch:
    cells = [st.lists(kind, min_size=width, max_size=width) for kind in (st.booleans(), draw(st.sampled_from(scores)))]
    truth, drawn, weight = columns(draw, cells, weights)
    if draw(st.integers(0, 5)) == 0:
        return multilabel(truth, None, weight, np.array(drawn) >= 0.5)
    return multilabel(truth, drawn, weight)


def random_multilabel(count: int, width: int = WIDTH) -> Iterator[Batch]:
    """Noisy scores, smooth, tied, hard, logits and from 32-bit floats, of rare and of frequent labels; or none."""
    rng = np.random.default_rng(21)
    for number in range(count):
        rows = int(rng.integers(2, 21))
        truth = rng.random((rows, width)) < rng.choice([0.05, 0.3, 0.5, 0.9], width)
        scores = np.clip(rng.normal(0.35 + 0.3 * truth, 0.25), 0, 1)
        kind = number % 7
        if kind == 1:
            scores = np.round(scores, 1)
        elif kind == 2:
            scores = np.round(scores)
        elif kind == 3:
            scores = 8 * scores - 3
        elif kind == 4:
            scores = scores.astype(np.float32).astype(float)
        weights = weights_of(WEIGHTS[number % 3], rng, rows)
        yield multilabel(truth, None if kind == 5 else scores, weights, scores >= rng.choice([0.3, 0.5, 0.8]))


def degenerate_multilabel() -> Iterator[Batch]:
    """Rows without labels and with all, labels that no row or every row has; perfect, inverted, constant."""
    rng = np.random.default_rng(22)
    kinds = cycle(WEIGHTS)
    rows = [[0, 0, 0], [1, 1, 1], [1, 0, 1], [0, 1, 0]]
    sets = [[row] for row in rows] + [[row] * 3 for row in rows] + [list(pair) for pair in product(rows, rows)]
    sets += [[[0, 1, 0], [0, 0, 1], [0, 0, 0], [0, 1, 1]], [[1, 1, 0], [1, 0, 0], [1, 1, 0], [1, 0, 0]]]
    for truth in sets:
        y = np.array(truth, dtype=float)
        for scores in (0.9 * y + 0.05, 1 - y, y, 10 * y - 5, 0 * y, 0 * y + 0.5, 0 * y + 1, rng.random(y.shape)):
            yield multilabel(truth, scores, weights_of(next(kinds), rng, len(y)))
        for predicted in (y, 1 - y, 0 * y, 0 * y + 1):
            yield multilabel(truth, None, weights_of(next(kinds), rng, len(y)), predicted)


def hard_multilabel() -> Batch:
    """Scores, half of them tied, with weights of every magnitude."""
    rng = np.random.default_rng(23)
    truth = rng.random((MANY_ROWS, len(LABELS))) < [0.05, 0.3, 0.6]
    scores = np.clip(rng.normal(0.4 + 0.2 * truth, 0.2), 0, 1)
    scores[::2] = np.round(scores[::2], 2)
    return multilabel(truth, scores, magnitudes(rng, MANY_ROWS))


def log_loss(batch: Batch) -> float | None:
    """The log loss of all labels in one column."""
    if batch.scores is None or batch.scores.min() < 0 or batch.scores.max() > 1:
        return None
    weight = None if batch.weight is None else np.repeat(batch.weight, batch.truth.shape[1])
    return float(sk.log_loss(batch.truth.ravel(), batch.scores.ravel(), labels=[0, 1], sample_weight=weight))


def unpredicted(batch: Batch) -> bool:
    return not batch.predicted.any()


def unlabelled(batch: Batch) -> bool:
    return not batch.truth.any()


def absent_or_everywhere(batch: Batch) -> bool:
    return bool(np.any(batch.truth.all(axis=0) | ~batch.truth.any(axis=0)))


def counts_of(truth: Any, predicted: Any, weight: list[Fraction]) -> exact.Counts:
    """The counts of one label, or of the labels of one row."""
    rows = [*zip(truth.tolist(), predicted.tolist(), weight, strict=True)]
    chosen = [[w for y, p, w in rows if y and p], [w for y, _, w in rows if y], [w for _, p, w in rows if p]]
    return exact.Counts(*(sum(each, Fraction(0)) for each in chosen))


@lru_cache(maxsize=1)
def counts_of_labels(batch: Batch) -> list[exact.Counts]:
    weight = exact.weights(batch)
    return [counts_of(*pair, weight) for pair in zip(batch.truth.T, batch.predicted.T, strict=True)]


@lru_cache(maxsize=1)
def counts_of_rows(batch: Batch) -> list[exact.Counts]:
    ones = [Fraction(1)] * batch.truth.shape[1]
    return [counts_of(*pair, ones) for pair in zip(batch.truth, batch.predicted, strict=True)]


def mean_of_rows(value: Callable[[exact.Counts], Fraction | None]) -> Oracle:
    """The mean over rows of what is made of the counts of each; an undefined value counts as 0."""
    return exact.as_float(
        lambda batch: exact.mean(exact.weights(batch), (value(n) or Fraction(0) for n in counts_of_rows(batch)))
    )


def exact_log_loss(batch: Batch) -> Fraction | None:
    """The mean over rows and labels."""
    if batch.scores is None or batch.scores.min() < 0 or batch.scores.max() > 1:
        return None
    truth, scores, weight = column_of_all(batch)[0]
    cells = zip(truth.tolist(), scores.tolist(), strict=True)
    return exact.mean(weight, (exact.lost(p if y else 1 - p) for y, p in cells))


def columns_of(batch: Batch) -> list[exact.Column]:
    weight = exact.weights(batch)
    return [(*pair, weight) for pair in zip(batch.truth.T, batch.scores.T, strict=True)]


def column_of_all(batch: Batch) -> list[exact.Column]:
    """All labels in one column."""
    return [(batch.truth.ravel(), batch.scores.ravel(), [w for w in exact.weights(batch) for _ in batch.truth[0]])]


AVERAGES = ("micro", "macro", "weighted", "samples")

KNOWN = Known(
    question=Question("multilabel", LABELS, threshold=0.5),
    batches=multilabel_batches,
    tame=lambda **options: multilabel_batches(scores=SCORES[:-1], **options),
    random=random_multilabel,
    degenerate=degenerate_multilabel,
    oracles={
        "subset_accuracy": of_predictions(sk.accuracy_score),
        "hamming_loss": of_predictions(sk.hamming_loss),
        **{
            f"{name}_{average}": averaged(position, average)
            for average in AVERAGES
            for position, name in enumerate(("precision", "recall", "f1"))
        },
        **{
            f"jaccard_{average}": of_predictions(sk.jaccard_score, average=average, zero_division=0)
            for average in AVERAGES
        },
        "roc_auc_macro": of_scores(sk.roc_auc_score, average="macro"),
        "roc_auc_micro": of_scores(sk.roc_auc_score, average="micro"),
        "average_precision_macro": of_scores(sk.average_precision_score, average="macro"),
        "average_precision_micro": of_scores(sk.average_precision_score, average="micro"),
        "label_ranking_average_precision": of_scores(sk.label_ranking_average_precision_score),
        "coverage_error": of_scores(sk.coverage_error),
        "label_ranking_loss": of_scores(sk.label_ranking_loss),
        "log_loss": log_loss,
    },
    exact={
        name: oracle
        for score in ("precision", "recall", "f1", "jaccard")
        for name, oracle in [
            *exact.averages(score, counts_of_labels).items(),
            (f"{score}_samples", mean_of_rows(exact.SCORES[score])),
        ]
    }
    | {
        "hamming_loss": mean_of_rows(lambda n: (n.labels + n.calls - 2 * n.hits) / WIDTH),
        "subset_accuracy": mean_of_rows(lambda n: Fraction(n.hits == n.labels == n.calls)),
        "log_loss": exact.as_float(exact_log_loss),
        "roc_auc_macro": exact.of_scores(exact.roc_auc, columns_of),
        "roc_auc_micro": exact.of_scores(exact.roc_auc, column_of_all),
        "average_precision_macro": exact.of_scores(exact.average_precision, columns_of),
        "average_precision_micro": exact.of_scores(exact.average_precision, column_of_all),
    },
    when={
        "no_predicted_positives": unpredicted,
        "no_positive_labels": unlabelled,
        "no_positives": lambda batch: unpredicted(batch) and unlabelled(batch),
        "no_positive_labels_but_scores": lambda batch: unlabelled(batch) and batch.scores is not None,
        "label_without_rows_but_scores": lambda batch: not batch.truth.any(axis=0).all() and batch.scores is not None,
        "label_of_one_class_but_scores": lambda batch: absent_or_everywhere(batch) and batch.scores is not None,
        "one_class_but_scores": lambda batch: (
            (unlabelled(batch) or bool(batch.truth.all())) and batch.scores is not None
        ),
    },
    provoking=[
        multilabel([[0, 1, 1], [1, 0, 0]], None, predicted=[[0, 1, 1], [1, 0, 1]]),
        multilabel([[0, 1, 1], [1, 0, 0]], [[0, 2, 1], [1, -1, 0]]),
        multilabel([[0, 0, 0], [0, 0, 0]], [[0, 0.1, 0.2], [0, 0, 0]]),
        multilabel([[1, 1, 1], [1, 1, 1]], [[0, 0.1, 0.2], [0, 0, 0]]),
    ],
    hard=hard_multilabel,
    summed=lambda batch: batch.weight * (batch.truth[:, 0] - batch.scores[:, 0]),
    plain=multilabel([[0, 1, 1], [1, 0, 0]], [[0.2, 0.7, 0.9], [0.6, 0.1, 0.7]]),
)
