"""What the tests know of multilabel classification."""

from collections.abc import Iterator
from itertools import cycle, product
from typing import Any

import numpy as np
from hypothesis import strategies as st
from sklearn import metrics as sk

from service.metrics.batch import Batch, Question
from tests.tasks.known import (
    COUNTS,
    ENDS,
    EXTREME,
    FINITE,
    GRID,
    REAL,
    ROWS,
    SOME_ZERO,
    TENTHS,
    UNIT,
    UNIT_32,
    WEIGHTS,
    WHOLE,
    WILD,
    Known,
    columns,
    magnitudes,
    of_predictions,
    of_scores,
    weights_of,
)

SCORES = [GRID, TENTHS, UNIT, UNIT_32, ENDS, COUNTS, FINITE | EXTREME]
LABELS = ("rain", "wind", "sun")


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


def random_multilabel(count: int, width: int = len(LABELS)) -> Iterator[Batch]:
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
    truth = rng.random((ROWS, len(LABELS))) < [0.05, 0.3, 0.6]
    scores = np.clip(rng.normal(0.4 + 0.2 * truth, 0.2), 0, 1)
    scores[::2] = np.round(scores[::2], 2)
    return multilabel(truth, scores, magnitudes(rng))


def log_loss(batch: Batch) -> float | None:
    """The mean of the log losses of the labels."""
    if batch.scores is None or batch.scores.min() < 0 or batch.scores.max() > 1:
        return None
    columns_of_both = zip(batch.truth.T, batch.scores.T, strict=True)
    losses = [sk.log_loss(y, p, labels=[0, 1], sample_weight=batch.weight) for y, p in columns_of_both]
    return float(np.mean(losses))


def unpredicted(batch: Batch) -> bool:
    return not batch.predicted.any()


def unlabelled(batch: Batch) -> bool:
    return not batch.truth.any()


def absent_or_everywhere(batch: Batch) -> bool:
    return bool(np.any(batch.truth.all(axis=0) | ~batch.truth.any(axis=0)))


AVERAGED = {"precision": sk.precision_score, "recall": sk.recall_score, "f1": sk.f1_score, "jaccard": sk.jaccard_score}

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
            f"{name}_{average}": of_predictions(function, average=average, zero_division=0)
            for name, function in AVERAGED.items()
            for average in ("micro", "macro", "weighted", "samples")
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
