"""What the tests know of binary classification."""

import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from itertools import cycle
from typing import Any

import numpy as np
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from service.metrics.batch import Batch, Costs, Question
from tests.tasks import exact
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
    Oracle,
    answer_of,
    columns,
    constant,
    magnitudes,
    of_predictions,
    of_scores,
    rows_of,
    weights_of,
)

OPTIONS = {"max_fpr": 0.3, "costs": Costs(0.1, 0.3), "target_precision": 0.7, "target_recall": 0.6}
SCORES = [GRID, TENTHS, UNIT, UNIT_32, ENDS, COUNTS, FINITE | EXTREME]


def binary(truth: Any, scores: Any = None, weight: Any = None, predicted: Any = None) -> Batch:
    """A binary batch; the predictions are the scores of 0.5 or more unless given."""
    truth = np.asarray(truth, dtype=bool)
    scores = None if scores is None else np.asarray(scores, dtype=float) + 0.0
    predicted = scores >= 0.5 if predicted is None else np.asarray(predicted, dtype=bool)
    return Batch(truth, predicted, scores, None if weight is None else np.asarray(weight, dtype=float))


@st.composite
def binary_batches(draw, scores=SCORES, weights=(None, WHOLE, SOME_ZERO, REAL, WILD), *, scoreless=True) -> Batch:
    truth, drawn, weight = columns(draw, [st.booleans(), draw(st.sampled_from(scores))], weights)
    if scoreless and draw(st.integers(0, 5)) == 0:
        return binary(truth, None, weight, np.array(drawn) >= 0.5)
    return binary(truth, drawn, weight)


def random_binary(count: int) -> Iterator[Batch]:
    """Noisy scores: smooth, tied, hard, logits and from 32-bit floats."""
    rng = np.random.default_rng(11)
    for number in range(count):
        rows = int(rng.integers(2, 30))
        truth = rng.random(rows) < rng.choice([0.1, 0.3, 0.5, 0.9])
        scores = np.clip(rng.normal(0.35 + 0.3 * truth, 0.25), 0, 1)
        kind = number % 5
        if kind == 1:
            scores = np.round(scores, 1)
        elif kind == 2:
            scores = np.round(scores)
        elif kind == 3:
            scores = 8 * scores - 3
        elif kind == 4:
            scores = scores.astype(np.float32).astype(float)
        yield binary(truth, scores, weights_of(WEIGHTS[number % 3], rng, rows))


def degenerate_binary() -> Iterator[Batch]:
    """One class, one row, constant, perfect, inverted, none predicted; at the ends of [0, 1]; without scores."""
    rng = np.random.default_rng(12)
    labels = [[1], [0], [1, 1, 1], [0, 0, 0], [0, 1], [1, 0], [0, 1, 1, 0], [1, 0, 0, 0, 0], [0, 1, 1, 1, 1]]
    labels += [[1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1], [0, 0]]
    for number, truth in enumerate(labels):
        kinds = cycle(WEIGHTS[number % 3 :] + WEIGHTS[: number % 3])
        y, rows = np.array(truth, dtype=float), len(truth)
        scored = [0.9 * y + 0.05, 0.95 - 0.9 * y, y, 1 - y, 10 * y - 5, y / 4, rng.random(rows) - 0.5]
        scored += [np.full(rows, level) for level in (0.0, 0.3, 0.5, 1.0)]
        scored += [np.arange(rows) / 10, 1 - np.arange(rows) * 2.0**-52, np.arange(rows) * 5e-324]
        for scores in scored:
            yield binary(truth, scores, weights_of(next(kinds), rng, rows))
        for predicted in (y, 1 - y, 0 * y, 0 * y + 1, rng.random(rows) < 0.5):
            yield binary(truth, None, weights_of(next(kinds), rng, rows), predicted)


def hard_binary() -> Batch:
    """Scores, half of them tied, with weights of every magnitude."""
    rng = np.random.default_rng(6)
    truth = rng.random(ROWS) < 0.3
    scores = np.clip(rng.normal(0.4 + 0.2 * truth, 0.2), 0, 1)
    scores[::2] = np.round(scores[::2], 2)
    return binary(truth, scores, magnitudes(rng))


@lru_cache(maxsize=8)
def likelihood_ratios(batch: Batch) -> tuple[float, float]:
    return answer_of(
        sk.class_likelihood_ratios, batch.truth, batch.predicted, labels=[False, True], sample_weight=batch.weight
    )


@lru_cache(maxsize=8)
def class_scores(batch: Batch, beta: float) -> Any:
    """Rows precision, recall and F-beta; columns the negative and the positive class."""
    options = {"labels": [False, True], "beta": beta, "sample_weight": batch.weight}
    return answer_of(sk.precision_recall_fscore_support, batch.truth, batch.predicted, **options)


def class_score(row: int, column: int = 1, beta: float = 1) -> Oracle:
    """One number of scikit-learn's table of the classes."""
    return lambda batch: float(class_scores(batch, beta)[row][column])


def share_predicted(*, positive: bool, wrongly_as: bool) -> Oracle:
    """The share of one class that is predicted as one class, counted row by row."""

    def oracle(batch: Batch) -> float | None:
        rows = rows_of(batch, batch.truth, batch.predicted)
        whole = sum(w for w, y, _ in rows if y == positive)
        part = sum(w for w, y, p in rows if y == positive and p == wrongly_as)
        return float(part / whole) if whole else None

    return oracle


def ks_statistic(batch: Batch) -> float | None:
    """Take scipy's without weights, else the largest distance over every score as a threshold."""
    if batch.scores is None or batch.truth.all() or not batch.truth.any():
        return None
    if batch.weight is None:
        positive, negative = batch.scores[batch.truth], batch.scores[~batch.truth]
        return float(answer_of(stats.ks_2samp, positive, negative, method="asymp").statistic)
    rows = rows_of(batch, batch.truth, batch.scores)
    totals = [sum(w for w, y, _ in rows if y == side) for side in (0, 1)]
    distances = []
    for _, _, cut in rows:
        below = [sum(w for w, y, s in rows if y == side and s <= cut) / totals[side] for side in (0, 1)]
        distances.append(abs(below[0] - below[1]))
    return float(max(distances))


def probabilities(batch: Batch) -> bool:
    return batch.scores is not None and batch.scores.min() >= 0 and batch.scores.max() <= 1


@lru_cache(maxsize=1)
def calibration_bins(batch: Batch) -> list[tuple[Fraction, Fraction]]:
    """Weight and weighted gap of each bin [k/10, (k+1)/10), an edge the float nearest to k/10, the last bin closed."""
    bins: dict[int, tuple[Fraction, Fraction]] = {}
    for weight, label, score in rows_of(batch, batch.truth, batch.scores):
        number = max(k for k in range(10) if score >= Fraction(k / 10))
        whole, gap = bins.get(number, (Fraction(0), Fraction(0)))
        bins[number] = whole + weight, gap + weight * (label - score)
    return list(bins.values())


def expected_calibration_error(batch: Batch) -> float | None:
    if not probabilities(batch):
        return None
    bins = calibration_bins(batch)
    return float(sum(abs(gap) for _, gap in bins) / sum(weight for weight, _ in bins))


def maximum_calibration_error(batch: Batch) -> float | None:
    if not probabilities(batch):
        return None
    return float(max(abs(gap) / weight for weight, gap in calibration_bins(batch)))


def root_mean_squared_calibration_error(batch: Batch) -> float | None:
    if not probabilities(batch):
        return None
    bins = calibration_bins(batch)
    return math.sqrt(sum(gap**2 / weight for weight, gap in bins) / sum(weight for weight, _ in bins))


def decimal(number: Fraction) -> Decimal:
    return Decimal(number.numerator) / Decimal(number.denominator)


def spiegelhalter_z(batch: Batch) -> float | None:
    """Sums of fractions, and a root of 50 digits."""
    if not probabilities(batch):
        return None
    rows = rows_of(batch, batch.truth, batch.scores)
    departure = sum(w * (y - p) * (1 - 2 * p) for w, y, p in rows)
    variance = sum(w**2 * (1 - 2 * p) ** 2 * p * (1 - p) for w, _, p in rows)
    with localcontext(prec=50):
        return float(decimal(departure) / decimal(variance).sqrt()) if variance else None


@lru_cache(maxsize=8)
def cox(batch: Batch) -> tuple[float, float] | None:
    """Intercept and slope of the logistic regression on the logits, by Newton's method in decimals of 50 digits."""
    if not probabilities(batch):
        return None
    rows = rows_of(batch, batch.truth, np.clip(batch.scores, 2.0**-52, 1 - 2.0**-52))
    for cut in {p for _, _, p in rows}:
        sides = [{(p > cut) - (p < cut) for _, y, p in rows if y == label} for label in (0, 1)]
        if (
            not all(sides)
            or (sides[0] | sides[1]) == {0}
            or any(max(a) <= 0 <= min(b) for a, b in (sides, sides[::-1]))
        ):
            return None
    with localcontext(prec=50):
        known = [(decimal(w), decimal(y), decimal(p).ln() - decimal(1 - p).ln()) for w, y, p in rows]
        start = 0.0, 0.0
        with suppress(ArithmeticError):  # floats come close sooner, where they hold the numbers
            start = newton([tuple(map(float, row)) for row in known], start, math.exp, 1e-6)
        a, b = newton(known, tuple(map(Decimal, start)), Decimal.exp, Decimal("1e-20"))
        return float(a), float(b)


def newton(known: list[tuple[Any, ...]], start: tuple[Any, Any], exp: Callable[[Any], Any], least: Any) -> Any:
    """Intercept and slope of rows of weight, label and logit, from a start until no logit moves by more than least."""
    a, b = start
    for _ in range(2000):
        fitted = [1 / (1 + exp(-a - b * x)) for _, _, x in known]
        bent = [w * q * (1 - q) for (w, _, _), q in zip(known, fitted, strict=True)]
        pulls = [w * (y - q) for (w, y, _), q in zip(known, fitted, strict=True)]
        flat = sum(bent)
        mean = sum(c * x for c, (_, _, x) in zip(bent, known, strict=True)) / flat
        spread = sum(c * (x - mean) ** 2 for c, (_, _, x) in zip(bent, known, strict=True))
        step_b = sum(pull * (x - mean) for pull, (_, _, x) in zip(pulls, known, strict=True)) / spread
        step_a = sum(pulls) / flat - mean * step_b
        size = max(abs(step_a + step_b * x) for _, _, x in known)
        damped = 1 / size if size > 1 else 1  # logits move by 1 at most
        a, b = a + damped * step_a, b + damped * step_b
        if size < least:
            return a, b
    raise ArithmeticError("no end of the steps")


def calibration_slope(batch: Batch) -> float | None:
    fit = cox(batch)
    return None if fit is None else fit[1]


def calibration_intercept(batch: Batch) -> float | None:
    fit = cox(batch)
    return None if fit is None else fit[0]


@lru_cache(maxsize=1)
def matrix_of(batch: Batch) -> exact.Matrix:
    return exact.matrix_of(batch, 2)


def exact_score(name: str, label: int = 1) -> Oracle:
    """A score of one class."""
    return exact.as_float(lambda batch: exact.SCORES[name](exact.counts_of(matrix_of(batch))[label]))


def exact_ratio(call: int) -> Oracle:
    """The share of the positive rows that get this prediction, over that of the negative rows."""

    def value(batch: Batch) -> Fraction | None:
        negative, positive = (exact.share(row[call], sum(row)) for row in matrix_of(batch))
        return None if positive is None or not negative else positive / negative

    return exact.as_float(value)


def exact_mean(loss: Callable[[bool, float], Fraction]) -> Oracle:
    """The mean loss of labels and probabilities."""

    def value(batch: Batch) -> Fraction | None:
        rows = zip(batch.truth.tolist(), batch.scores.tolist(), strict=True) if probabilities(batch) else ()
        return exact.mean(exact.weights(batch), [loss(*row) for row in rows]) if rows else None

    return exact.as_float(value)


def column_of(batch: Batch) -> list[exact.Column]:
    return [(batch.truth, batch.scores, exact.weights(batch))]


def no_positives(batch: Batch) -> bool:
    return not (batch.truth | batch.predicted).any()


KNOWN = Known(
    question=Question("binary", (0, 1), 1, 0.5),
    batches=binary_batches,
    tame=lambda **options: binary_batches(scores=SCORES[:-1], **options),
    random=random_binary,
    degenerate=degenerate_binary,
    options=OPTIONS,
    oracles={
        "accuracy": of_predictions(sk.accuracy_score),
        "balanced_accuracy": of_predictions(sk.balanced_accuracy_score),
        "precision": class_score(0),
        "recall": class_score(1),
        "specificity": class_score(1, column=0),
        "negative_predictive_value": class_score(0, column=0),
        "false_positive_rate": share_predicted(positive=False, wrongly_as=True),
        "false_negative_rate": share_predicted(positive=True, wrongly_as=False),
        "false_discovery_rate": lambda batch: 1 - class_score(0)(batch) if batch.predicted.any() else None,
        "f1": class_score(2),
        "f0_5": class_score(2, beta=0.5),
        "f2": class_score(2, beta=2),
        "jaccard": of_predictions(sk.jaccard_score),
        "matthews_corrcoef": of_predictions(sk.matthews_corrcoef),
        "cohen_kappa": of_predictions(sk.cohen_kappa_score),
        "positive_likelihood_ratio": lambda batch: float(likelihood_ratios(batch)[0]),
        "negative_likelihood_ratio": lambda batch: float(likelihood_ratios(batch)[1]),
        "roc_auc": of_scores(sk.roc_auc_score),
        "average_precision": of_scores(sk.average_precision_score),
        "partial_roc_auc": of_scores(sk.roc_auc_score, max_fpr=OPTIONS["max_fpr"]),
        "ks_statistic": ks_statistic,
        "log_loss": of_scores(sk.log_loss, labels=[0, 1]),
        "brier_score": of_scores(sk.brier_score_loss, labels=[0, 1], pos_label=1),
        "expected_calibration_error": expected_calibration_error,
        "maximum_calibration_error": maximum_calibration_error,
        "root_mean_squared_calibration_error": root_mean_squared_calibration_error,
        "spiegelhalter_z": spiegelhalter_z,
        "calibration_slope": calibration_slope,
        "calibration_intercept": calibration_intercept,
    },
    exact={
        name: exact.as_float(lambda batch, of=of: of(matrix_of(batch)))
        for name, of in exact.OF_MATRIX.items()
        if "_kappa_" not in name
    }
    | {name: exact_score(name) for name in exact.SCORES}
    | {"negative_predictive_value": exact_score("precision", 0), "specificity": exact_score("recall", 0)}
    | {"positive_likelihood_ratio": exact_ratio(1), "negative_likelihood_ratio": exact_ratio(0)}
    | {
        "log_loss": exact_mean(lambda y, p: exact.lost(p if y else 1 - p)),
        "brier_score": exact_mean(lambda y, p: (Fraction(p) - y) ** 2),
        "roc_auc": exact.of_scores(exact.roc_auc, column_of),
        "average_precision": exact.of_scores(exact.average_precision, column_of),
    },
    when={
        "no_predicted_positives": lambda batch: not batch.predicted.any(),
        "no_predicted_negatives": lambda batch: batch.predicted.all(),
        "no_positive_labels": lambda batch: not batch.truth.any(),
        "no_negative_labels": lambda batch: batch.truth.all(),
        "no_positive_labels_but_scores": lambda batch: not batch.truth.any() and batch.scores is not None,
        "no_positives": no_positives,
        "single_class": lambda batch: constant(batch.truth),
        "single_class_but_scores": lambda batch: constant(batch.truth) and batch.scores is not None,
        "constant_predictions_of_two_classes": lambda batch: constant(batch.predicted) and not constant(batch.truth),
        "constant_and_equal": lambda batch: (
            constant(batch.truth | batch.predicted)
            and constant(batch.truth & batch.predicted)
            and bool((batch.truth == batch.predicted).all())
        ),
        "no_false_positives": lambda batch: not constant(batch.truth) and not (batch.predicted & ~batch.truth).any(),
        "no_true_negatives": lambda batch: not constant(batch.truth) and not (~batch.predicted & ~batch.truth).any(),
    },
    provoking=[
        binary([0, 1], None, predicted=[0, 1]),
        binary([0, 1], [-1, 2]),
        binary([0, 1, 1], [0.1, 0.2, 0.3]),
        binary([0, 1, 1], [0.6, 0.7, 0.8]),
        binary([0, 0], [0.1, 0.2]),
        binary([1, 1], [0.6, 0.7]),
        binary([0, 0], [0.6, 0.7]),
        binary([0, 1], [0.1, 0.9]),
        binary([1, 0, 0], [0.9, 0.9, 0.1], [1, 1e-300, 1e300]),
        binary([1, 1], None, predicted=[0, 0]),
        binary([0, 1], [0.5, 1]),
        binary([1, 0], [0, 0.1], [1e300, 1e-300]),
        binary([0, 1], [0.3, 0.3]),
        binary([0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4], [1e300, 1e-300, 1e300, 1e-300]),
    ],
    hard=hard_binary,
    summed=lambda batch: batch.weight * (batch.truth - batch.scores),
    plain=binary([0, 1], [0.2, 0.7]),
)
