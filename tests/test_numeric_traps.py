"""Numeric traps that libraries fell into, each a vector with its right answer in data/numeric_traps.json."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.app import create_app
from service.metrics.exact import exact_sum
from service.settings import Settings
from tests.cases import binary, regression, take, text, whole

TRAPS = json.loads((Path(__file__).parent / "data" / "numeric_traps.json").read_text())
Trap = dict[str, Any]
# What these tests must hold; other traps belong to the wire format or to tasks that are not there.
COVERED = {f"N{number}" for number in (1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17, 19, 20, 22, 23, 24, 25, 26)}
COVERED |= {"N27", "N29", "N30", "N32", "N34", "N37", "acceptance"}


def of_report(task: str, trap: Trap, *columns: Any) -> None:
    batch = {"binary": binary, "regression": regression}[task](*columns)
    of_answer(trap, whole(task, batch))


def of_request(trap: Trap) -> None:
    """A request as clients send it: the traps lie in how columns and classes are resolved."""
    answer = create_app(Settings()).test_client().post(f"/v1/{trap['task']}/report", json=trap["request"])
    assert answer.status_code == 200, answer.text
    of_answer(trap, answer.json)


def of_answer(trap: Trap, answer: dict[str, Any]) -> None:
    value, undefined = answer["metrics"][trap["metric"]], answer["undefined"].get(trap["metric"])
    expect(trap, value, undefined and undefined["reason"])
    if "detail" in trap:
        assert trap["detail"] in undefined["detail"]


def expect(trap: Trap, value: float | None, reason: str | None) -> None:
    if "reason" in trap:
        assert (value, reason) == (None, trap["reason"])
    else:
        assert value == pytest.approx(trap["value"], rel=1e-12, abs=0)


def of_cells(trap: Trap) -> None:
    """Four rows, weighted with the counts."""
    weight = [float(trap["cells"][cell]) for cell in ("tp", "fp", "fn", "tn")]
    of_report("binary", trap, [1, 0, 1, 0], None, weight, [1, 1, 0, 0])


def of_standard_deviation(trap: Trap) -> None:
    """Predicting the mean leaves the variance as mean squared error."""
    labels = [value for times, values in trap["runs"] for value in values * times]
    error = whole("regression", regression(labels, labels))["baselines"]["root_mean_squared_error"]
    expect(trap, error * math.sqrt(len(labels) / (len(labels) - 1)), None)


def in_every_order(trap: Trap) -> None:
    batch, rng = binary(trap["truth"], trap["scores"]), np.random.default_rng(3)
    orders = [np.arange(len(batch.truth)), *(rng.permutation(len(batch.truth)) for _ in range(5))]
    assert any((np.argsort(batch.scores) != np.argsort(batch.scores, kind="stable")).tolist())
    assert len({text(whole("binary", take(batch, order))) for order in orders}) == 1


KINDS: dict[str, Callable[[Trap], None]] = {
    "binary": lambda trap: of_report("binary", trap, trap["truth"], trap["scores"]),
    "regression": lambda trap: of_report("regression", trap, trap["truth"], trap["predicted"]),
    "cells": of_cells,
    "standard_deviation": of_standard_deviation,
    "sum": lambda trap: expect(trap, float(exact_sum(np.full(trap["rows"], trap["each"]))), None),
    "mean": lambda trap: expect(trap, float(exact_sum(np.full(trap["rows"], trap["each"])) / trap["rows"]), None),
    "orders": in_every_order,
    "request": of_request,
}


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: f"{trap['id']}-{trap['trap']}")
def test_trap(trap):
    KINDS[trap["kind"]](trap)


def test_every_trap_of_these_tasks_is_here():
    assert {trap["id"] for trap in TRAPS} == COVERED
