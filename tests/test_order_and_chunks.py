"""Rows of wildly different magnitudes: no order and no cut into parts changes a byte of the report."""

import numpy as np
import pytest

from service.metrics.batch import Batch
from tests.cases import cut, in_parts, take, text
from tests.tasks import KNOWN

PARTS = (1, 2, 7, 1000)


def split(task: str) -> list[list[Batch]]:
    """The hard rows in four orders, cut at random places into 1, 2, 7 and 1,000 parts."""
    batch, rng = KNOWN[task].hard(), np.random.default_rng(7)
    rows = len(batch.truth)
    orders = [take(batch, rng.permutation(rows)) for _ in PARTS]
    cuts = [rng.choice(np.arange(1, rows), parts - 1, replace=False) for parts in PARTS]
    return [cut(*pair) for pair in zip(orders, cuts, strict=True)]


@pytest.mark.parametrize("task", KNOWN)
def test_rows_in_any_order_and_any_parts_give_the_same_bytes(task):
    divided = split(task)
    assert [len(parts) for parts in divided] == list(PARTS)
    summed, rng = KNOWN[task].summed(KNOWN[task].hard()), np.random.default_rng(8)
    plain = {float(np.sum(rng.permutation(summed))) for _ in range(20)}
    assert len(plain) > 1, "the data would not tell an inexact sum"
    reports = set()
    while divided:
        reports.add(text(in_parts(task, divided.pop())))
    assert len(reports) == 1
