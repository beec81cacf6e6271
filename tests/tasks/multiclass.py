"""What the tests know of multiclass classification: four classes, of which some may have no label."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache
from itertools import compress, cycle, permutations
from typing import Any

import numpy as np
from hypothesis import strategies as st
from sklearn import metrics as sk

from service.metrics.batch import Batch, Question
from tests.tasks import exact
from tests.tasks.binary import KNOWN as BINARY
from tests.tasks.binary import binary
from tests.tasks.known import (
    MANY_ROWS,
    REAL,
    SOME_ZERO,
    WEIGHTS,
    WHOLE,
    WILD,
    Known,
    Oracle,
    answer_of,
    averaged,
    columns,
    constant,
    magnitudes,
    of_predictions,
    of_scores,
    rows_of,
    weights_of,
)

CLASSES = (0, 1, 2, 3)
LABELS = [*CLASSES]
SIZE = len(CLASSES)
AVERAGES = ("macro", "micro", "weighted")
OF_TOP_LABEL = (
    "expected_calibration_error",
    "maximum_calibration_error",
    "root_mean_squared_calibration_error",
    "spiegelhalter_z",
    "calibration_slope",
    "calibration_intercept",
)


def shares(row: Any) -> tuple[float, ...]:
    """Numbers of which one is above 0, as parts of their sum."""
    return tuple((np.array(row) / np.sum(row)).tolist())


def single_precision(row: Any) -> tuple[float, ...]:
    """The same in 32 bits: they add up to 1 within the tolerance of requests."""
    narrow = np.array(row, dtype=np.float32)
    return tuple((narrow / narrow.sum()).astype(float).tolist())


HARD_ROW = st.sampled_from([tuple(row) for row in np.eye(SIZE).tolist()])
EIGHTHS = st.lists(st.sampled_from(CLASSES), min_size=8, max_size=8).map(
    lambda places: tuple((np.bincount(places, minlength=SIZE) / 8).tolist())
)
EQUAL = st.just((1 / SIZE,) * SIZE)
NUMBERS = st.lists(st.integers(0, 10**6), min_size=SIZE, max_size=SIZE).filter(any)
ANY, NARROW = NUMBERS.map(shares), NUMBERS.map(single_precision)
EDGES = st.sampled_from(
    [
        (1.0, 0.0, 0.0, 0.0),
        (0.0, 5e-324, 0.0, 1.0),
        (2.0**-52, 0.0, 1 - 2.0**-52, 0.0),
        (0.0, 0.0, 2.0**-53, 1 - 2.0**-53),
        (0.5, 0.5, 0.0, 0.0),
        (0.0, 0.5, 0.25, 0.25),
        (0.0, 1.0, 3.9e-6, 0.0),
        (0.3, 0.3, 0.3, 0.1),
    ]
)
SCORES = [ANY, NARROW, EIGHTHS, HARD_ROW, EQUAL, EDGES]


def multiclass(truth: Any, scores: Any = None, weight: Any = None, predicted: Any = None) -> Batch:
    """A multiclass batch; the predictions are the first of the largest scores unless given."""
    scores = None if scores is None else np.asarray(scores, dtype=float) + 0.0
    predicted = np.argmax(scores, axis=1) if predicted is None else predicted
    weight = None if weight is None else np.asarray(weight, dtype=float)
    return Batch(np.asarray(truth, dtype=np.intp), np.asarray(predicted, dtype=np.intp), scores, weight)


@st.composite
def multiclass_batches(draw, scores=SCORES, weights=(None, WHOLE, SOME_ZERO, REAL, WILD), *, scoreless=True) -> Batch:
    """Batches in which some or all classes have labels; without scores the predictions are any classes."""
    seen = draw(st.sampled_from([CLASSES, CLASSES, (0, 1, 2), (1, 3), (2,)]))
    truth, drawn, weight = columns(draw, [st.sampled_from(seen), draw(st.sampled_from(scores))], weights)
    if scoreless and draw(st.integers(0, 5)) == 0:
        predicted = draw(st.lists(st.sampled_from(CLASSES), min_size=len(truth), max_size=len(truth)))
        return multiclass(truth, None, weight, predicted)
    return multiclass(truth, drawn, weight)


def eighths(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Rows of multiples of 1/8 that add up to 1."""
    return rng.multinomial(8, np.full(SIZE, 1 / SIZE), rows) / 8


def scored(kind: int, truth: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """Noisy probabilities: smooth, tied, hard, mixed with rows of equal ones, from 32-bit floats; or none."""
    rows = len(truth)
    likely = rng.dirichlet(np.ones(SIZE), rows) + 0.5 * np.eye(SIZE)[truth] * rng.random((rows, 1))
    scores = likely / likely.sum(axis=1, keepdims=True)
    if kind == 1:
        return eighths(rng, rows)
    if kind == 2:
        return np.eye(SIZE)[np.argmax(scores, axis=1)]
    if kind == 3:
        scores[rng.random(rows) < 0.5] = 1 / SIZE
    if kind == 4:
        narrow = scores.astype(np.float32)
        return (narrow / narrow.sum(axis=1, keepdims=True)).astype(float)
    return None if kind == 5 else scores


def random_multiclass(count: int) -> Iterator[Batch]:
    """Batches of every kind of scores; in a third of them the last class has no label."""
    rng = np.random.default_rng(17)
    for number in range(count):
        rows = int(rng.integers(4, 30))
        truth = rng.choice(CLASSES, rows, p=rng.dirichlet(np.ones(SIZE)))
        truth[:SIZE] = CLASSES
        if number % 3 == 2:
            truth[truth == SIZE - 1] = 0
        truth = rng.permutation(truth)
        scores = scored(number % 6, truth, rng)
        predicted = rng.choice(CLASSES, rows) if scores is None else None
        yield multiclass(truth, scores, weights_of(WEIGHTS[number // 6 % 3], rng, rows), predicted)


def degenerate_multiclass() -> Iterator[Batch]:
    """One row, one class, absent classes, perfect, shifted and constant predictions, equal rows; without scores."""
    rng = np.random.default_rng(18)
    labels = [[0], [3], [1, 1, 1], [0, 0], [0, 1], [3, 2, 2], [0, 1, 2], [1, 2, 3, 3], [0, 1, 2, 3], [3, 2, 1, 0]]
    labels += [[0, 0, 0, 0, 1], [0, 1, 1, 2, 2, 2, 3, 3, 3, 3], [2, 2, 2, 2, 2, 2, 2, 2, 0]]
    unit = np.eye(SIZE)
    for number, truth in enumerate(labels):
        kinds = cycle(WEIGHTS[number % 3 :] + WEIGHTS[: number % 3])
        y, rows = np.array(truth), len(truth)
        given = [unit[y], unit[(y + 1) % SIZE], 0.6 * unit[y] + 0.1, 0.4 * unit[(y + 2) % SIZE] + 0.15]
        given += [np.full((rows, SIZE), 1 / SIZE), eighths(rng, rows), rng.dirichlet(np.ones(SIZE), rows)]
        given += [unit[np.full(rows, place)] for place in CLASSES]
        for scores in given:
            yield multiclass(truth, scores, weights_of(next(kinds), rng, rows))
        guesses = [y, (y + 1) % SIZE, np.zeros(rows), np.full(rows, 3), np.full(rows, y[0]), rng.choice(CLASSES, rows)]
        for predicted in guesses:
            yield multiclass(truth, None, weights_of(next(kinds), rng, rows), predicted)


def hard_multiclass() -> Batch:
    """Probabilities, half of them of two digits and tied, with weights of every magnitude."""
    rng = np.random.default_rng(19)
    truth = rng.choice(CLASSES, MANY_ROWS, p=[0.5, 0.3, 0.15, 0.05])
    scores = rng.dirichlet(np.ones(SIZE), MANY_ROWS) + 0.5 * np.eye(SIZE)[truth] * rng.random((MANY_ROWS, 1))
    scores /= scores.sum(axis=1, keepdims=True)
    scores[::2] = np.round(scores[::2], 2)
    scores[::2] /= scores[::2].sum(axis=1, keepdims=True)
    return multiclass(truth, scores, magnitudes(rng, MANY_ROWS))


def kappa(weights: str | None = None) -> Oracle:
    return of_predictions(sk.cohen_kappa_score, labels=LABELS, weights=weights)


def area_of(average: str) -> Oracle:
    """The area of each class against all others."""
    return of_scores(sk.roc_auc_score, labels=LABELS, multi_class="ovr", average=average)


def tied(batch: Batch) -> bool:
    """Whether two classes have the same score in a row."""
    return bool((np.diff(np.sort(batch.scores, axis=1), axis=1) == 0).any())


@lru_cache(maxsize=4096)
def credit(row: tuple[float, ...], true: int, k: int) -> Fraction:
    """How often the true class is among the first k, over all orders of the columns, ties staying in their order."""
    orders = [*permutations(range(len(row)))]
    hits = sum(true in sorted(order, key=lambda place: -row[place])[:k] for order in orders)
    return Fraction(hits, len(orders))


def top_k_accuracy(k: int) -> Oracle:
    """Take scikit-learn's where no columns are tied, else the mean over all their orders."""
    library = of_scores(sk.top_k_accuracy_score, k=k, labels=LABELS)

    def oracle(batch: Batch) -> float | None:
        if batch.scores is None or not tied(batch):
            return library(batch)
        rows = zip(rows_of(batch, batch.truth), batch.scores.tolist(), strict=True)
        won = sum(weight * credit(tuple(scores), int(true), k) for (weight, true), scores in rows)
        return float(won / sum(weight for weight, _ in rows_of(batch, batch.truth)))

    return oracle


def area_between(batch: Batch, one: int, other: int) -> Fraction:
    """Share of the pairs of a row of each class in which that of the first has the larger score for it."""
    rows = np.isin(batch.truth, (one, other))
    return exact.roc_auc(batch.truth[rows] == one, batch.scores[rows, one], [*compress(exact.weights(batch), rows)])


@lru_cache(maxsize=4)
def pairs_of(batch: Batch) -> list[tuple[Fraction, Fraction]]:
    """The area and the weight of the rows of each pair of classes that have labels."""
    weight = [counts.labels for counts in counts_of(batch)]
    seen = [place for place in CLASSES if weight[place]]
    return [
        ((area_between(batch, i, j) + area_between(batch, j, i)) / 2, weight[i] + weight[j])
        for i in seen
        for j in seen
        if i < j
    ]


def area_of_pairs(*, weighted: bool) -> Oracle:
    """The mean over pairs of classes; scikit-learn's takes no weights of rows."""

    def oracle(batch: Batch) -> float | None:
        if batch.scores is None or constant(batch.truth):
            return None
        pairs = [(area, weight if weighted else 1) for area, weight in pairs_of(batch)]
        return float(Fraction(sum(area * by for area, by in pairs)) / sum(by for _, by in pairs))

    return oracle


def average_precision_macro(batch: Batch) -> float | None:
    if batch.scores is None:
        return None
    columns_ = zip(CLASSES, batch.scores.T, strict=True)
    options = {"sample_weight": batch.weight}
    return float(np.mean([answer_of(sk.average_precision_score, batch.truth == k, s, **options) for k, s in columns_]))


@lru_cache(maxsize=8)
def top_label(batch: Batch) -> Batch:
    """The binary batch whose score is the largest of a row, and whose label tells whether its class is the true one."""
    top = [max(range(len(row)), key=row.__getitem__) for row in batch.scores.tolist()]
    scores = [row[place] for row, place in zip(batch.scores.tolist(), top, strict=True)]
    correct = [place == true for place, true in zip(top, batch.truth.tolist(), strict=True)]
    return binary(correct, scores, batch.weight)


def of_top_label(oracle: Oracle) -> Oracle:
    """What a reference of binary tasks says of the top labels."""
    return lambda batch: None if batch.scores is None else oracle(top_label(batch))


@lru_cache(maxsize=1)
def matrix_of(batch: Batch) -> exact.Matrix:
    return exact.matrix_of(batch, SIZE)


@lru_cache(maxsize=1)
def counts_of(batch: Batch) -> list[exact.Counts]:
    return exact.counts_of(matrix_of(batch))


def columns_of(batch: Batch) -> list[exact.Column]:
    """Each class against all others."""
    weight = exact.weights(batch)
    return [(batch.truth == k, batch.scores[:, k], weight) for k in CLASSES]


def exact_log_loss(batch: Batch) -> Fraction | None:
    if batch.scores is None:
        return None
    given = batch.scores[np.arange(len(batch.truth)), batch.truth].tolist()
    return exact.mean(exact.weights(batch), map(exact.lost, given))


def exact_brier_score(batch: Batch) -> Fraction | None:
    if batch.scores is None:
        return None
    rows = zip(batch.truth.tolist(), batch.scores.tolist(), strict=True)
    squares = (sum((Fraction(p) - (k == true)) ** 2 for k, p in enumerate(row)) for true, row in rows)
    return exact.mean(exact.weights(batch), squares)


def of_tops(correct: list[int], scores: list[float], weight: Any = None) -> Batch:
    """Rows with these largest scores, the first class's, and whether it is the true one."""
    rows = [[top, *[(1 - top) / (SIZE - 1)] * (SIZE - 1)] for top in scores]
    return multiclass([1 - right for right in correct], rows, weight)


def seen_classes(batch: Batch) -> int:
    return len(set(batch.truth.tolist()))


def with_scores(condition: Callable[[Batch], bool]) -> Callable[[Batch], bool]:
    return lambda batch: batch.scores is not None and condition(batch)


KNOWN = Known(
    question=Question("multiclass", CLASSES),
    batches=multiclass_batches,
    tame=multiclass_batches,
    random=random_multiclass,
    degenerate=degenerate_multiclass,
    oracles={
        "accuracy": of_predictions(sk.accuracy_score),
        "balanced_accuracy": of_predictions(sk.balanced_accuracy_score),
        **{f"top_{k}_accuracy": top_k_accuracy(k) for k in (2, 3, 5)},
        **{f"precision_{average}": averaged(0, average, CLASSES) for average in AVERAGES},
        **{f"recall_{average}": averaged(1, average, CLASSES) for average in AVERAGES},
        **{f"f{beta}_{average}": averaged(2, average, CLASSES, beta) for beta in (1, 2) for average in AVERAGES},
        **{
            f"jaccard_{average}": of_predictions(sk.jaccard_score, labels=LABELS, average=average, zero_division=0)
            for average in AVERAGES
        },
        "matthews_corrcoef": of_predictions(sk.matthews_corrcoef),
        "cohen_kappa": kappa(),
        "cohen_kappa_linear": kappa("linear"),
        "cohen_kappa_quadratic": kappa("quadratic"),
        "log_loss": of_scores(sk.log_loss, labels=LABELS),
        "brier_score": of_scores(sk.brier_score_loss, labels=LABELS, scale_by_half=False),
        **{name: of_top_label(BINARY.oracles[name]) for name in OF_TOP_LABEL},
        "roc_auc_ovr": area_of("macro"),
        "roc_auc_ovr_weighted": area_of("weighted"),
        "roc_auc_ovo": area_of_pairs(weighted=False),
        "roc_auc_ovo_weighted": area_of_pairs(weighted=True),
        "average_precision_macro": average_precision_macro,
    },
    exact={name: exact.as_float(lambda batch, of=of: of(matrix_of(batch))) for name, of in exact.OF_MATRIX.items()}
    | {
        name: oracle
        for score in exact.SCORES.keys() - {"f0_5"}
        for name, oracle in exact.averages(score, counts_of).items()
    }
    | {
        "log_loss": exact.as_float(exact_log_loss),
        "brier_score": exact.as_float(exact_brier_score),
        "roc_auc_ovr": exact.of_scores(exact.roc_auc, columns_of),
        "roc_auc_ovr_weighted": exact.of_scores(exact.roc_auc, columns_of, by_positives=True),
        "average_precision_macro": exact.of_scores(exact.average_precision, columns_of),
    },
    when={
        "absent_class": lambda batch: seen_classes(batch) < SIZE,
        "absent_class_but_scores": with_scores(lambda batch: seen_classes(batch) < SIZE),
        "absent_class_of_several_but_scores": with_scores(lambda batch: 1 < seen_classes(batch) < SIZE),
        "single_class": lambda batch: seen_classes(batch) == 1,
        "single_class_but_scores": with_scores(lambda batch: seen_classes(batch) == 1),
        "constant_predictions_of_several_classes": lambda batch: constant(batch.predicted) and seen_classes(batch) > 1,
        "constant_and_equal": lambda batch: constant(batch.truth) and bool((batch.predicted == batch.truth).all()),
    },
    provoking=[
        multiclass([0, 1, 2, 3], None, predicted=[0, 1, 2, 2]),
        multiclass([0, 1, 2], [[0.7, 0.1, 0.1, 0.1], [0.1, 0.7, 0.1, 0.1], [0.1, 0.1, 0.7, 0.1]]),
        multiclass([1, 1], [[0.1, 0.7, 0.1, 0.1], [0.2, 0.6, 0.1, 0.1]]),
        multiclass([0, 1, 2, 3], [[0.7, 0.1, 0.1, 0.1]] * 4),
        of_tops([0, 1], [0.5, 1.0]),
        of_tops([0, 1], [1.0, 0.4], [1e300, 1e-300]),
        of_tops([0, 1], [0.3, 0.3]),
        of_tops([0, 1], [0.4, 0.9]),
        of_tops([0, 1, 0, 1], [0.4, 0.5, 0.6, 0.7], [1e300, 1e-300, 1e300, 1e-300]),
    ],
    hard=hard_multiclass,
    summed=lambda batch: batch.weight * batch.scores[:, 0],
    plain=multiclass(
        [0, 1, 2, 3], [[0.7, 0.1, 0.1, 0.1], [0.2, 0.5, 0.2, 0.1], [0.1, 0.4, 0.3, 0.2], [0.0, 0.1, 0.2, 0.7]]
    ),
)
