"""A request that takes too long or too much memory is told so, and the same worker answers the next one, rightly."""

import inspect
import json
import sys
from collections.abc import Callable

import numpy as np
import pytest

from service.limits import limits
from service.settings import Settings
from tests import test_workers
from tests.data.bad_inputs import BINARY, FINE
from tests.serving import Server
from tests.test_bad_inputs import assert_problem
from tests.test_limits import MEASURED
from tests.wire import post, request

# Twenty times the largest body: what a worker must at least be given.
BODY, MEMORY = 2_000_000, 40_000_000


def test_what_no_request_holds_to_the_unit_is_tried_here_or_with_the_workers() -> None:
    tests = inspect.getsource(sys.modules[__name__]) + inspect.getsource(test_workers)
    for limit in limits(Settings()):
        if limit["unit"] in MEASURED:
            assert f"{limit['variable']}=" in tests


@pytest.fixture(scope="module")
def hurried(decoder: dict[str, str], start_server: Callable[..., Server]) -> Server:
    """A service that computes for a second at most."""
    return start_server(ASSAY_COMPUTE_SECONDS="1", **decoder)


@pytest.fixture(scope="module")
def narrow(decoder: dict[str, str], start_server: Callable[..., Server]) -> Server:
    """A service whose workers have little memory, though bodies may be large."""
    return start_server(ASSAY_MAX_MEMORY_BYTES=str(MEMORY), ASSAY_KEPT_BYTES="1", **decoder)


@pytest.fixture(scope="module")
def resampled() -> dict[str, object]:
    """A request that takes many times as long, in many small steps."""
    rng = np.random.default_rng(3)
    labels, scores = rng.integers(0, 2, 900).tolist(), rng.random(900).round(6).tolist()
    return {"labels": labels, "scores": scores, "interval_method": "bootstrap", "resamples": 10_000}


def test_what_takes_too_long_is_ended(hurried: Server, server: Server, resampled: dict[str, object]) -> None:
    workers = hurried.workers
    for _ in range(2):
        answer = post(hurried.port, resampled)
        assert assert_problem(answer, 503)["type"].endswith(":compute-timeout")
        assert int(answer.headers["Retry-After"]) >= 1
        assert request(hurried.port, body=FINE).body == request(server.port, body=FINE).body
    assert hurried.workers == workers


def test_candidates_that_take_too_long_are_ended(hurried: Server, resampled: dict[str, object]) -> None:
    workers = hurried.workers
    labels = resampled["labels"]
    said = {name: {"scores": resampled["scores"]} for name in "ab"}
    asked = {"interval_method": "bootstrap", "resamples": 10_000, "reference": "a"}
    answer = post(hurried.port, {"labels": labels, "candidates": said} | asked, "/v1/binary/compare")
    assert assert_problem(answer, 503)["type"].endswith(":compute-timeout")
    assert request(hurried.port, body=FINE).status == 200
    assert hurried.workers == workers


def numbers(rows: int) -> tuple[bytes, str]:
    rng = np.random.default_rng(5)
    return json.dumps(
        {"labels": rng.integers(0, 2, rows).tolist(), "scores": rng.random(rows).tolist()}
    ).encode(), "json"


def strings(rows: int) -> tuple[bytes, str]:
    labels = [f"label {row % 2}" for row in range(rows)]
    return json.dumps({"labels": labels, "predictions": labels, "pos_label": "label 1"}).encode(), "json"


def lines(rows: int) -> tuple[bytes, str]:
    return b'{"labels": 1, "scores": 0.25}\n{"labels": 0, "scores": 0.75}\n' * (rows // 2), "x-ndjson"


@pytest.mark.parametrize("made", [numbers, strings, lines])
def test_what_takes_too_much_memory_is_refused(
    narrow: Server, server: Server, made: Callable[[int], tuple[bytes, str]]
) -> None:
    workers = narrow.workers
    statuses = []
    for rows in (1_000, 50_000, 200_000, 1_600_000):
        body, kind = made(rows)
        answer = request(
            narrow.port, target=BINARY, headers={"Content-Type": f"application/{kind}"}, body=body, timeout=60
        )
        statuses.append(answer.status)
        if answer.status != 200:
            assert assert_problem(answer, 413)["type"].endswith(":memory-limit")
        assert request(narrow.port, body=FINE).body == request(server.port, body=FINE).body
    assert statuses[0] == 200
    assert statuses[-1] == 413
    assert statuses == sorted(statuses)
    assert narrow.workers == workers


def test_the_largest_body_passes_with_twenty_times_its_size(narrow: Server) -> None:
    body, _ = numbers(BODY // 25)
    assert 0.9 * BODY < len(body) < BODY
    assert request(narrow.port, body=body, timeout=60).status == 200
