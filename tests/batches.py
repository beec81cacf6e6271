"""Random and degenerate batches of each task, seeded, for comparisons with references."""

from collections.abc import Iterator
from itertools import cycle, product

import numpy as np

from service.metrics.batch import Batch
from tests.cases import binary, regression

Weights = np.ndarray | None


def weights_of(kind: str, rng: np.random.Generator, rows: int) -> Weights:
    """Weights above 0 of a kind."""
    if kind == "none":
        return None
    return rng.integers(1, 6, rows).astype(float) if kind == "integers" else rng.random(rows) + 0.05


WEIGHTS = ("none", "integers", "floats")


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
        columns = [0.9 * y + 0.05, 0.95 - 0.9 * y, y, 1 - y, 10 * y - 5, y / 4, rng.random(rows) - 0.5]
        columns += [np.full(rows, constant) for constant in (0.0, 0.3, 0.5, 1.0)]
        columns += [np.arange(rows) / 10, 1 - np.arange(rows) * 2.0**-52, np.arange(rows) * 5e-324]
        for scores in columns:
            yield binary(truth, scores, weights_of(next(kinds), rng, rows))
        for predicted in (y, 1 - y, 0 * y, 0 * y + 1, rng.random(rows) < 0.5):
            yield binary(truth, None, weights_of(next(kinds), rng, rows), predicted)


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
        columns = [y, y + 1, -y, 2 * y + 1, y[::-1], np.zeros(rows), np.ones(rows), np.full(rows, y.mean())]
        for predicted in [*columns, np.arange(rows) + 0.5]:
            yield regression(truth, predicted, weights_of(weights, rng, rows))


RANDOM = {"binary": random_binary, "regression": random_regression}
DEGENERATE = {"binary": degenerate_binary, "regression": degenerate_regression}
