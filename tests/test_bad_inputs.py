"""Every case of the table of bad inputs gets its answer from the real server, with either JSON decoder."""

import gzip
import re
import sys
import zlib
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from tests.data import (
    bad_inputs,
    bad_inputs_multiclass,
    bad_inputs_multilabel,
    bad_inputs_ranking,
    bad_inputs_regression,
)
from tests.data.bad_inputs import CANARY, FINE, GOOD, JSON, REGRESSION, Case
from tests.serving import ROOT, Server
from tests.wire import Answer, post, request

CASES = [
    *bad_inputs.CASES,
    *bad_inputs_multiclass.CASES,
    *bad_inputs_multilabel.CASES,
    *bad_inputs_ranking.CASES,
    *bad_inputs_regression.CASES,
]
PATHS = f"{re.escape(str(ROOT))}|{re.escape(sys.prefix)}"
LEAKS = re.compile(rf'Traceback|File "|\.py\b|{PATHS}|0x[0-9a-f]{{6}}|<class|ValidationError|numpy', re.IGNORECASE)
SLUG = re.compile(r"urn:assay:problem:[a-z-]+")
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
POINTER = re.compile(r"#(/([^~/]|~[01])*)*")


def at(document: Any, path: str) -> Any:
    """The value at a dotted path; findings go by their codes."""
    if path.startswith("findings."):
        document = {"findings": {finding["code"]: finding for finding in document["findings"]}}
    return reduce(lambda inner, key: inner[key], path.split("."), document)


def is_close(value: Any, expected: Any) -> bool:
    """Whether they are equal, for a float but for its last digits."""
    return type(value) is type(expected) and value == (
        pytest.approx(expected, rel=1e-12) if type(value) is float else expected
    )


def assert_problem(answer: Answer, status: int) -> dict[str, Any]:
    """The answer is a complete problem document of this status; returns it."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem.keys() <= {"type", "title", "status", "detail", "request_id", "errors"}
    assert SLUG.fullmatch(problem["type"])
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert REQUEST_ID.fullmatch(problem["request_id"])
    errors = problem.get("errors", [])
    assert len(errors) <= 100
    assert len(answer.body) < 65536
    assert all(POINTER.fullmatch(error["pointer"]) and error["detail"] for error in errors)
    return dict(problem)


def assert_says_nothing_private(answer: Answer) -> None:
    """The answer holds no value of the request and nothing of the service's inside."""
    assert CANARY not in answer.text
    assert not LEAKS.search(answer.text)


def name_of(case: Case) -> str:
    return f"{case.name} {case.method} {case.target!r}"


def test_names_are_unique() -> None:
    names = [name_of(case) for case in CASES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_answer(server: Server, case: Case) -> None:
    answer = request(server.port, case.method, case.target, headers=case.headers, body=case.body, timeout=20)
    assert answer.status in case.statuses, answer.text
    assert_says_nothing_private(answer)
    for name, value in case.sends.items():
        assert value in answer.headers.get(name, "")
    if answer.status == 200:
        report = answer.json()
        assert all(is_close(at(report, path), value) for path, value in case.gives.items()), report
    elif not case.by_server:
        problem = assert_problem(answer, answer.status)
        assert not case.slugs or problem["type"].rpartition(":")[2] in case.slugs, problem
        assert set(case.pointers) <= {error["pointer"] for error in problem.get("errors", [])}, problem
        words = " ".join([problem["detail"], *(error["detail"] for error in problem.get("errors", []))])
        assert all(re.search(rf"\b{told}\b", words) for told in case.told), problem


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.slug == "malformed-json"], ids=lambda case: case.name[:90]
)
def test_syntax_error_says_where(server: Server, case: Case) -> None:
    detail = request(server.port, body=case.body).json()["detail"]
    assert re.search(r"\bbyte \d+", detail), detail


@pytest.mark.parametrize(
    "sent", ["x" * 129, "x" * 4000, "a b", "a\tb", f"{CANARY}\N{GRINNING FACE}", "", "é", '"', "a/b"]
)
def test_bad_request_id_is_replaced(server: Server, sent: str) -> None:
    answer = request(server.port, headers=JSON | {"X-Request-Id": sent}, body=b"{}")
    assert answer.status == 422
    given = answer.json()["request_id"]
    assert REQUEST_ID.fullmatch(given)
    assert given != sent
    assert_says_nothing_private(answer)


@pytest.mark.parametrize("sent", ["x" * 10_000, "a\x01b", "a\x7fb", "a\x00b"])
def test_request_id_that_is_no_header_is_refused_or_replaced(server: Server, sent: str) -> None:
    answer = request(server.port, headers=JSON | {"X-Request-Id": sent}, body=b"{}")
    assert answer.status in (400, 422, 431)
    assert sent not in answer.text


def test_good_request_id_comes_back(server: Server) -> None:
    answer = request(server.port, headers=JSON | {"X-Request-Id": "run-7_A.b"}, body=b"{}")
    assert answer.json()["request_id"] == "run-7_A.b"


def test_at_most_100_errors(server: Server) -> None:
    answer = post(server.port, {"labels": [0, 1] * 500, "scores": [CANARY] * 1000})
    problem = assert_problem(answer, 422)
    assert len(problem["errors"]) == 100
    assert problem["errors"][99]["pointer"] == "#/scores/99"
    assert_says_nothing_private(answer)


def test_report_of_a_refused_request_follows_on_the_same_port(server: Server) -> None:
    for target, fields in (("/v1/binary/report", GOOD), (REGRESSION, {"labels": [1, 2], "predictions": [1, 3]})):
        assert post(server.port, fields, target).status == 200


def test_too_many_rows_and_bytes(start_server: Callable[..., Server], decoder: dict[str, str]) -> None:
    small = start_server(ASSAY_MAX_ROWS="100", ASSAY_MAX_BODY_BYTES="20000", **decoder)
    rows = post(small.port, {"labels": [0, 1] * 500, "scores": [0.25, 0.75] * 500})
    size = request(small.port, body=FINE + b" " * 2_000_000)
    for answer, slug in ((rows, "too-many-rows"), (size, "body-too-large")):
        assert answer.status == 413
        assert assert_problem(answer, 413)["type"].endswith(":" + slug)


def gzip_bomb(mebibytes: int) -> bytes:
    """White space that decompresses to so many mebibytes, of parts that are compressed once."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    part = packer.compress(b" " * 2**20) + packer.flush(zlib.Z_FULL_FLUSH)
    return gzip.compress(b"", mtime=0)[:10] + part * mebibytes


def peak_bytes(pid: int) -> int:
    """The most memory that a process has held so far."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


def test_gzip_bomb_goes_off_in_bounds(start_server: Callable[..., Server]) -> None:
    limit = 8 * 2**20
    small = start_server(ASSAY_MAX_DECODED_BYTES=str(limit))
    request(small.port, body=FINE)
    (worker,) = small.workers
    before = peak_bytes(worker)
    answer = request(small.port, headers=JSON | {"Content-Encoding": "gzip"}, body=gzip_bomb(1024))
    assert answer.status == 413
    assert assert_problem(answer, 413)["type"].endswith(":body-too-large")
    assert small.workers == [worker]
    assert peak_bytes(worker) - before < 4 * limit


def test_gzip_of_many_members_takes_no_square_of_time(server: Server) -> None:
    empty = gzip.compress(b"", mtime=0)
    answer = request(server.port, headers=JSON | {"Content-Encoding": "gzip"}, body=empty * 400_000, timeout=20)
    assert answer.status in (400, 413)
