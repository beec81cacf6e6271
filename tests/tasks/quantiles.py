"""What the tests know of the quantile predictions of a regression. The point metrics are those of their median."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import cycle, pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st
from sklearn import metrics as sk

from service.metrics.batch import Batch, Question
from tests.tasks import regression
from tests.tasks.known import REAL, SOME_ZERO, WHOLE, WILD, Oracle, columns, rows_of
from tests.tasks.regression import HUGE, NUMBERS, TAME_NUMBERS

# In no order: the columns are as the request has them.
LEVELS = (0.9, 0.1, 0.5)
# The part of [0, 1] that is nearest to each level.
SHARES = {0.1: Fraction(3, 10), 0.5: Fraction(4, 10), 0.9: Fraction(3, 10)}


def quantiles(truth: Any, scores: Any, weight: Any = None) -> Batch:
    """A batch of predicted quantiles, a column a level."""
    truth, scores = np.asarray(truth, dtype=float) + 0.0, np.asarray(scores, dtype=float) + 0.0
    return Batch(
        truth, scores[:, LEVELS.index(0.5)], scores, None if weight is None else np.asarray(weight, dtype=float)
    )


@st.composite
def quantile_batches(draw, numbers=NUMBERS, weights=(None, WHOLE, SOME_ZERO, REAL, WILD)) -> Batch:
    kind = draw(st.sampled_from(numbers))
    ascending = draw(st.booleans())
    row = st.lists(kind, min_size=len(LEVELS), max_size=len(LEVELS))
    truth, predicted, weight = columns(draw, [kind, row], weights)
    scores = np.array(predicted, dtype=float)
    if ascending:
        scores[:, np.argsort(LEVELS)] = np.sort(scores, axis=1)
    return quantiles(truth, scores, weight)


def around(batches: Iterator[Batch], seed: int) -> Iterator[Batch]:
    """The predictions of these batches as medians, with quantiles about them that may tie or cross."""
    rng = np.random.default_rng(seed)
    for batch, width in zip(batches, cycle([1, 0, 3, -1, 0.5]), strict=False):
        scale = width * rng.random(len(batch.truth)).round(1)
        upper, lower = batch.predicted + scale, batch.predicted - rng.permutation(scale)
        yield quantiles(batch.truth, np.column_stack((upper, lower, batch.predicted)), batch.weight)


def hard_quantiles() -> Batch:
    """The hard rows of a regression with three predictions each."""
    rng, batch = np.random.default_rng(15), regression.hard_regression()
    factors = rng.uniform(0.9, 1.1, (len(batch.truth), len(LEVELS)))
    return quantiles(batch.truth, batch.predicted[:, None] * factors, batch.weight)


def pinball_loss(level: float) -> Oracle:
    def oracle(batch: Batch) -> float:
        predicted = batch.scores[:, LEVELS.index(level)]
        return float(sk.mean_pinball_loss(batch.truth, predicted, sample_weight=batch.weight, alpha=level))

    return oracle


def crps(batch: Batch) -> float:
    """Twice the integral over [0, 1] of the pinball loss of the nearest level, row by row."""
    rows = rows_of(batch, batch.truth, batch.scores)
    loss = Fraction(0)
    for weight, label, *predicted in rows:
        for level, p in zip(LEVELS, predicted, strict=True):
            over = p - label
            loss += 2 * weight * SHARES[level] * (over * (1 - Fraction(level)) if over > 0 else -over * Fraction(level))
    return float(loss / sum(row[0] for row in rows))


def crossing_rate(batch: Batch) -> float:
    rows = rows_of(batch, batch.scores)
    crossing = Fraction(0)
    for weight, *predicted in rows:
        ascending = [p for _, p in sorted(zip(LEVELS, predicted, strict=True))]
        crossing += weight * any(low > high for low, high in pairwise(ascending))
    return float(crossing / sum(row[0] for row in rows))


KNOWN = replace(
    regression.KNOWN,
    question=Question("regression", quantiles=LEVELS),
    batches=quantile_batches,
    tame=lambda **options: quantile_batches(numbers=TAME_NUMBERS, **options),
    random=lambda count: around(regression.random_regression(count), 16),
    degenerate=lambda: around(regression.degenerate_regression(), 17),
    oracles=regression.KNOWN.oracles
    | {f"pinball_loss_at_{level}".replace(".", "_"): pinball_loss(level) for level in LEVELS}
    | {"crps": crps, "crossing_rate": crossing_rate},
    provoking=[
        replace(regression.KNOWN.plain, predicted=None, scores=np.zeros((2, 3))),
        quantiles([-HUGE, HUGE], [[HUGE, HUGE, HUGE], [-HUGE, -HUGE, -HUGE]]),
    ],
    hard=hard_quantiles,
    plain=quantiles([1, 2], [[2, 0, 1], [4, 2, 3]]),
)
