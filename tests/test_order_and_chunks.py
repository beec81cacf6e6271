"""A million rows of wildly different magnitudes: no order and no cut into parts changes a byte of the report."""

import numpy as np
import pytest

from service.metrics.batch import Batch
from tests.cases import binary, cut, in_parts, regression, take, text

ROWS = 1_000_000
PARTS = (1, 2, 7, 1000)


def magnitudes(rng: np.random.Generator) -> np.ndarray:
    """Numbers evenly spread over 24 powers of ten."""
    return 10.0 ** rng.uniform(-12, 12, ROWS)


def hard_regression() -> Batch:
    """Each label comes with its negative, so that sums cancel; predictions are off by a factor."""
    rng = np.random.default_rng(5)
    half = magnitudes(rng)[: ROWS // 2]
    truth = np.concatenate([half, -half])
    return regression(truth, truth * rng.uniform(0.5, 1.5, ROWS), magnitudes(rng))


def hard_binary() -> Batch:
    """Scores, half of them tied, with weights of every magnitude."""
    rng = np.random.default_rng(6)
    truth = rng.random(ROWS) < 0.3
    scores = np.clip(rng.normal(0.4 + 0.2 * truth, 0.2), 0, 1)
    scores[::2] = np.round(scores[::2], 2)
    return binary(truth, scores, magnitudes(rng))


HARD = {"binary": hard_binary, "regression": hard_regression}
# What a plain sum would be taken of.
SUMMED = {
    "binary": lambda batch: batch.weight * (batch.truth - batch.scores),
    "regression": lambda batch: batch.weight * batch.truth,
}


def split(task: str) -> list[list[Batch]]:
    """The hard rows in four orders, cut at random places into 1, 2, 7 and 1,000 parts."""
    batch, rng = HARD[task](), np.random.default_rng(7)
    orders = [take(batch, rng.permutation(ROWS)) for _ in PARTS]
    cuts = [rng.choice(np.arange(1, ROWS), parts - 1, replace=False) for parts in PARTS]
    return [cut(*pair) for pair in zip(orders, cuts, strict=True)]


@pytest.mark.parametrize("task", HARD)
def test_a_million_rows_in_any_order_and_any_parts_give_the_same_bytes(task):
    divided = split(task)
    assert [len(parts) for parts in divided] == list(PARTS)
    summed, rng = SUMMED[task](HARD[task]()), np.random.default_rng(8)
    plain = {float(np.sum(rng.permutation(summed))) for _ in range(20)}
    assert len(plain) > 1, "the data would not tell an inexact sum"
    reports = set()
    while divided:
        reports.add(text(in_parts(task, divided.pop())))
    assert len(reports) == 1
