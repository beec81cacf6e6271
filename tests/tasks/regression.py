"""What the tests know of regression."""

import math
from collections.abc import Callable, Iterator
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cache
from itertools import accumulate, product
from typing import Any

import numpy as np
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from service.metrics.batch import Batch, Question
from tests.tasks import exact
from tests.tasks.known import (
    COUNTS,
    EXTREME,
    FINITE,
    MODEST,
    REAL,
    ROWS,
    SOME_ZERO,
    WEIGHTS,
    WHOLE,
    WILD,
    Known,
    Oracle,
    answer_of,
    columns,
    constant,
    magnitudes,
    mean_of,
    of_predictions,
    predictions_of,
    rows_of,
    weights_of,
)

NUMBERS = [COUNTS, MODEST, st.floats(-100, 100, width=32), FINITE | EXTREME]
TAME_NUMBERS = NUMBERS[:-1]
HUGE = 1.7e308
# Rows of a weight and a number.
Weighted = list[tuple[Fraction, Fraction]]


def regression(truth: Any, predicted: Any, weight: Any = None) -> Batch:
    """A batch of a regression."""
    truth, predicted = np.asarray(truth, dtype=float) + 0.0, np.asarray(predicted, dtype=float) + 0.0
    return Batch(truth, predicted, None, None if weight is None else np.asarray(weight, dtype=float))


@st.composite
def regression_batches(draw, numbers=NUMBERS, weights=(None, WHOLE, SOME_ZERO, REAL, WILD), outputs=(1, 1, 2)) -> Batch:
    kind, width = draw(st.sampled_from(numbers)), draw(st.sampled_from(outputs))
    cell = kind if width == 1 else st.lists(kind, min_size=width, max_size=width)
    truth, predicted, weight = columns(draw, [cell, cell], weights)
    return regression(truth, predicted, weight)


def random_regression(count: int) -> Iterator[Batch]:
    """Predictions near labels that are normal, skewed, counts with ties, signed counts and from 32-bit floats."""
    rng = np.random.default_rng(13)
    for number in range(count):
        rows = int(rng.integers(3, 25))
        kind = number % 5
        if kind == 0:
            truth = rng.normal(1, 2, rows)
        elif kind == 2:
            truth = rng.poisson(4, rows) + 1.0
        elif kind == 3:
            truth = rng.integers(-3, 4, rows).astype(float)
        else:
            truth = rng.gamma(2, 3, rows) + 0.01
        predicted = truth * rng.lognormal(0, 0.4, rows) + (rng.normal(0, 1, rows) if kind in (0, 3) else 0)
        if kind in (2, 3):
            predicted = np.round(predicted) + (kind == 2)
        if kind == 4:
            truth, predicted = (column.astype(np.float32).astype(float) for column in (truth, predicted))
        yield regression(truth, predicted, weights_of(WEIGHTS[number % 3], rng, rows))


def degenerate_regression() -> Iterator[Batch]:
    """One row, constant labels or predictions, perfect, biased, inverted, zeros, out of the domains."""
    rng = np.random.default_rng(14)
    labels = [[2], [0], [-2], [2, 2, 2], [0.1, 0.1, 0.1], [0, 0], [1, 2], [0, 1, 2, 5], [1, 2, 2, 9], [-3, -1, 4, 4]]
    labels += [[-0.5, 0.5, 3], [1e-3, 1e-2, 1, 10], [1e6, 2e6, 4e6]]
    for truth, weights in product(labels, WEIGHTS):
        y, rows = np.array(truth, dtype=float), len(truth)
        guesses = [y, y + 1, -y, 2 * y + 1, y[::-1], np.zeros(rows), np.ones(rows), np.full(rows, y.mean())]
        for predicted in [*guesses, np.arange(rows) + 0.5]:
            yield regression(truth, predicted, weights_of(weights, rng, rows))


def hard_regression() -> Batch:
    """Each label comes with its negative, so that sums cancel; predictions are off by a factor."""
    rng = np.random.default_rng(5)
    half = magnitudes(rng)[: ROWS // 2]
    truth = np.concatenate([half, -half])
    return regression(truth, truth * rng.uniform(0.5, 1.5, ROWS), magnitudes(rng))


def symmetric_error(y: Fraction, p: Fraction) -> Fraction:
    return 2 * abs(p - y) / (abs(y) + abs(p)) if y or p else Fraction(0)


def deviance(refuses: Callable[..., Any], unit: Callable[[Decimal, Decimal], Decimal]) -> Oracle:
    """The mean of a deviance in 50 digits, of the rows that scikit-learn takes: its own differences cancel."""

    def oracle(batch: Batch) -> float | None:
        if answer_of(refuses, batch.truth, batch.predicted) is None:
            return None
        weight = np.ones(len(batch.truth)) if batch.weight is None else batch.weight
        with localcontext(prec=50):
            rows = [
                tuple(map(Decimal, row)) for row in np.column_stack((weight, batch.truth, batch.predicted)).tolist()
            ]
            return float(sum(w * 2 * unit(y, p) for w, y, p in rows) / sum(w for w, _, _ in rows))

    return oracle


def poisson(y: Decimal, p: Decimal) -> Decimal:
    return (y * (y / p).ln() if y else y) - y + p


def gamma(y: Decimal, p: Decimal) -> Decimal:
    return (p / y).ln() + y / p - 1


def median(rows: Weighted) -> Fraction:
    """The middle number; the mean of the two where half of the weight lies on each side."""
    numbers = sorted(rows, key=lambda row: row[1])
    reached = [*accumulate(weight for weight, _ in numbers)]
    low = next(number for (_, number), weight in zip(numbers, reached, strict=True) if weight >= reached[-1] / 2)
    high = next(number for (_, number), weight in zip(numbers, reached, strict=True) if weight > reached[-1] / 2)
    return (low + high) / 2


def median_absolute_error(batch: Batch) -> float:
    return float(median([(w, abs(e)) for w, e in rows_of(batch, batch.predicted - batch.truth)]))


def squares(rows: Weighted) -> Fraction:
    return sum(w * x**2 for w, x in rows)


def squares_about_mean(rows: Weighted) -> Fraction:
    mean = exact.mean((w for w, _ in rows), (x for _, x in rows))
    return squares([(w, x - mean) for w, x in rows])


def magnitudes_of(rows: Weighted) -> Fraction:
    return sum(w * abs(x) for w, x in rows)


def magnitudes_about_median(rows: Weighted) -> Fraction:
    middle = median(rows)
    return magnitudes_of([(w, x - middle) for w, x in rows])


def explained(of_errors: Callable[[Weighted], Fraction], of_labels: Callable[[Weighted], Fraction]) -> Oracle:
    """What the errors leave of the labels' variation; None where there is none."""

    def value(batch: Batch) -> Fraction | None:
        rows = predictions_of(batch)
        variation = of_labels([(w, y) for w, y, _ in rows])
        return 1 - of_errors([(w, p - y) for w, y, p in rows]) / variation if variation else None

    return exact.as_float(value)


def squared_error(y: Fraction, p: Fraction) -> Fraction:
    return (p - y) ** 2


def absolute_error(y: Fraction, p: Fraction) -> Fraction:
    return abs(p - y)


def correlation(rows: list[tuple[Fraction, Fraction, Fraction]]) -> float:
    """Weighted linear correlation; NaN where a side is constant, as scipy has it."""
    total = sum(w for w, _, _ in rows)
    x_mean, y_mean = (sum(row[0] * row[side] for row in rows) / total for side in (1, 2))
    product = sum(w * (x - x_mean) * (y - y_mean) for w, x, y in rows)
    scale = sum(w * (x - x_mean) ** 2 for w, x, _ in rows) * sum(w * (y - y_mean) ** 2 for w, _, y in rows)
    if not scale:
        return math.nan
    sign = -1 if product < 0 else 1
    return sign * math.sqrt(product * product / scale)


def pearson(batch: Batch) -> float | None:
    """Take scipy's without weights."""
    if len(batch.truth) < 2:
        return None
    if batch.weight is None:
        return float(answer_of(stats.pearsonr, batch.truth, batch.predicted).statistic)
    return correlation(predictions_of(batch))


def spearman(batch: Batch) -> float | None:
    """Take scipy's without weights, else with ranks counted row by row."""
    if len(batch.truth) < 2:
        return None
    if batch.weight is None:
        return float(answer_of(stats.spearmanr, batch.truth, batch.predicted).statistic)
    rows = predictions_of(batch)

    def rank(side: int, value: Fraction) -> Fraction:
        at = sum(row[0] for row in rows if row[side] == value)
        return sum((row[0] for row in rows if row[side] < value), Fraction(0)) + at / 2

    return correlation([(w, rank(1, y), rank(2, p)) for w, y, p in rows])


@cache
def answers_for(*_: tuple[tuple[int, ...], bytes] | None) -> dict[Oracle, float | None]:
    """What the references said of a batch with these columns so far."""
    return {}


def once(oracle: Oracle) -> Oracle:
    """The oracle, asked once for the same rows: tests of quantiles have those of a regression, and predictions more."""

    def asked(batch: Batch) -> float | None:
        columns = (batch.truth, batch.predicted, batch.weight)
        known = answers_for(*(None if column is None else (column.shape, column.tobytes()) for column in columns))
        if oracle not in known:
            known[oracle] = oracle(batch)
        return known[oracle]

    return asked


def all_once(oracles: dict[str, Oracle]) -> dict[str, Oracle]:
    return {name: once(oracle) for name, oracle in oracles.items()}


KNOWN = Known(
    question=Question("regression"),
    batches=regression_batches,
    tame=lambda **options: regression_batches(numbers=TAME_NUMBERS, **options),
    random=random_regression,
    degenerate=degenerate_regression,
    oracles=all_once(
        {
            "mean_squared_error": of_predictions(sk.mean_squared_error),
            "root_mean_squared_error": of_predictions(sk.root_mean_squared_error),
            "mean_absolute_error": of_predictions(sk.mean_absolute_error),
            "median_absolute_error": median_absolute_error,
            "max_error": lambda batch: float(sk.max_error(batch.truth, batch.predicted)),
            "mean_error": mean_of(lambda y, p: p - y),
            "r2": of_predictions(sk.r2_score),
            "explained_variance": of_predictions(sk.explained_variance_score),
            "mean_absolute_percentage_error": of_predictions(sk.mean_absolute_percentage_error),
            "symmetric_mean_absolute_percentage_error": mean_of(symmetric_error),
            "mean_squared_log_error": of_predictions(sk.mean_squared_log_error),
            "mean_poisson_deviance": deviance(sk.mean_poisson_deviance, poisson),
            "mean_gamma_deviance": deviance(sk.mean_gamma_deviance, gamma),
            "mean_pinball_loss": of_predictions(sk.mean_pinball_loss),
            "pearson": pearson,
            "spearman": spearman,
            "d2_absolute_error": of_predictions(sk.d2_absolute_error_score),
        }
    ),
    exact=all_once(
        {
            "mean_squared_error": mean_of(squared_error),
            "root_mean_squared_error": lambda batch: math.sqrt(mean_of(squared_error)(batch)),
            "mean_absolute_error": mean_of(absolute_error),
            "mean_pinball_loss": mean_of(lambda y, p: abs(p - y) / 2),
            "mean_absolute_percentage_error": lambda batch: (
                mean_of(lambda y, p: abs(p - y) / abs(y))(batch) if batch.truth.all() else None
            ),
            "r2": explained(squares, squares_about_mean),
            "explained_variance": explained(squares_about_mean, squares_about_mean),
            "d2_absolute_error": explained(magnitudes_of, magnitudes_about_median),
        }
    ),
    when={
        "single_row": lambda batch: len(batch.truth) == 1,
        "constant_labels": lambda batch: len(batch.truth) > 1 and constant(batch.truth),
        "constant_labels_predicted": lambda batch: (
            len(batch.truth) > 1 and constant(batch.truth) and bool((batch.predicted == batch.truth).all())
        ),
        "constant_labels_missed": lambda batch: (
            len(batch.truth) > 1 and constant(batch.truth) and bool((batch.predicted != batch.truth).any())
        ),
        "constant_predictions": lambda batch: not constant(batch.truth) and constant(batch.predicted),
        "zero_label": lambda batch: bool((batch.truth == 0).any()),
    },
    provoking=[
        regression([1, 2, 3], [1, 3, 2], [1, 1e17, 1]),
        regression([1], [2]),
        regression([2, 2, 2], [1, 2, 3]),
        regression([1, 2, 3], [2, 2, 2]),
        regression([0, 1], [1, 1]),
        regression([-1, 2], [1, 1]),
        regression([1, 2], [-1, 1]),
        regression([-HUGE, HUGE], [HUGE, -HUGE]),
        regression([-HUGE, -HUGE], [HUGE, HUGE]),
        regression([1e-300, 2], [HUGE, 1]),
        regression([HUGE, 2], [1e-300, 1]),
        regression([HUGE, 1], [1e200, 1]),
        regression([0, 1e-200], [1e200, 0]),
        regression([2, 2], [1, 2]),
    ],
    hard=hard_regression,
    summed=lambda batch: batch.weight * batch.truth,
    plain=regression([1, 2], [1, 3]),
)
