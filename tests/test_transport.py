"""Framing: what a client may do wrong below HTTP's semantics gets a refusal, and never half a body a report."""

import socket
from collections.abc import Callable

import pytest

from tests.data.bad_inputs import BINARY, FINE, JSON
from tests.data.bad_transport import BAD_TRANSPORT, Sent
from tests.serving import Server
from tests.test_bad_inputs import assert_problem, assert_says_nothing_private
from tests.wire import Answer, chunked, exchange, head, request

LIMIT = 2000
LENGTH = str(len(FINE))
TWO = {"Content-Length": LENGTH, "content-length": LENGTH}
CHUNKED = {"Transfer-Encoding": "chunked"}


@pytest.fixture(scope="module")
def small(start_server: Callable[..., Server]) -> Server:
    """A service that takes bodies of up to LIMIT bytes, and waits for them for a second."""
    return start_server(ASSAY_MAX_BODY_BYTES=str(LIMIT), ASSAY_BODY_SECONDS="1")


def send(server: Server, headers: dict[str, str], body: bytes = b"", *, end: bool = False) -> Answer:
    """A POST with exactly these framing headers."""
    return exchange(server.port, head("POST", BINARY, JSON | headers), body, end=end, timeout=5, patience=1)


def assert_refused(answer: Answer, status: int, slug: str) -> None:
    """A problem of this kind that ends the connection, and says so where the sender may still be sending."""
    assert answer.status == status
    assert assert_problem(answer, status)["type"].endswith(":" + slug)
    assert_says_nothing_private(answer)
    assert answer.closed
    assert status == 400 or answer.headers["Connection"] == "close"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(CHUNKED | {"Content-Length": LENGTH}, id="1 both"),
        pytest.param(TWO, id="2 two equal"),
        pytest.param(TWO | {"content-length": "3"}, id="3 two different"),
        pytest.param({"Content-Length": f"{LENGTH},{LENGTH}"}, id="4 list"),
        pytest.param({"Content-Length": f"-{LENGTH}"}, id="5 negative"),
        pytest.param({"Content-Length": f"+{LENGTH}"}, id="6 plus"),
        pytest.param({"Content-Length": "0x40"}, id="7 hexadecimal"),
        pytest.param({"Content-Length": ""}, id="empty"),
        pytest.param({"Content-Length": "6_4"}, id="underscore"),
        pytest.param({"Content-Length": "\u0666\u0664"}, id="other digits"),
    ],
)
def test_1_to_7_bad_length(server: Server, headers: dict[str, str]) -> None:
    answer = send(server, headers, FINE, end=True)
    assert answer.status == 400
    assert answer.closed
    assert_says_nothing_private(answer)


@pytest.mark.parametrize("case", BAD_TRANSPORT, ids=lambda case: case.name)
def test_bad_bytes(server: Server, case: Sent) -> None:
    try:
        answer = exchange(server.port, case.sent, end=True, timeout=5)
    except ConnectionError:
        assert case.closed
        return
    assert answer.status in case.statuses, answer.text
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert_says_nothing_private(answer)


@pytest.mark.parametrize("length", [str(LIMIT + 1), "99999999999999999999", "9" * 4000, "9" * 5000])
def test_8_9_length_beyond_the_limit_is_refused_before_the_body(small: Server, length: str) -> None:
    answer = send(small, {"Content-Length": length})
    assert answer.status in ((413,) if len(length) < 4000 else (400, 413))
    assert answer.closed
    assert_says_nothing_private(answer)
    if len(length) < 4000:
        assert_refused(answer, 413, "body-too-large")


@pytest.mark.parametrize("size", [1, 7, 512, LIMIT])
def test_10_chunked_body_at_the_limit(small: Server, size: int) -> None:
    assert send(small, CHUNKED, chunked(FINE.ljust(LIMIT), size)).status == 200
    assert_refused(send(small, CHUNKED, chunked(FINE.ljust(LIMIT + 1), size)), 413, "body-too-large")
    assert_refused(send(small, CHUNKED, chunked(FINE.ljust(LIMIT + 5000), size)), 413, "body-too-large")


def test_12_body_that_stalls(small: Server) -> None:
    assert_refused(send(small, {"Content-Length": LENGTH}, FINE[:9]), 408, "request-timeout")
    assert_refused(send(small, CHUNKED, b"40\r\n" + FINE[:9]), 408, "request-timeout")


@pytest.mark.parametrize("size", ["zz", "-1", "0x2", "1_0", "", " 5", "\u0665", "5 5", "+5", "5;a\rb"])
def test_21_to_24_bad_chunk_size(server: Server, size: str) -> None:
    answer = send(server, CHUNKED, size.encode() + b"\r\n" + FINE + b"\r\n0\r\n\r\n", end=True)
    assert_refused(answer, 400, "bad-framing")


@pytest.mark.parametrize("size", ["ffffffffffffffffff", "7fffffffffffffff", "fffffff"])
def test_25_chunk_beyond_the_limit(small: Server, size: str) -> None:
    answer = send(small, CHUNKED, size.encode() + b"\r\n" + FINE.ljust(LIMIT + 1))
    assert_refused(answer, 413, "body-too-large")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(chunked(FINE)[:-2], id="26 no final line end"),
        pytest.param(chunked(FINE)[:-5], id="no last chunk"),
        pytest.param(chunked(FINE)[:-15], id="cut chunk"),
        pytest.param(chunked(FINE).replace(b"\r\n", b"\n"), id="27 bare line feeds"),
        pytest.param(chunked(FINE, 9).replace(b"\r\n", b"", 2), id="no line end after a chunk"),
        pytest.param(b"9\r\n" + FINE + b"\r\n0\r\n\r\n", id="chunk longer than its size"),
    ],
)
def test_26_27_bad_chunks(server: Server, body: bytes) -> None:
    assert_refused(send(server, CHUNKED, body, end=True), 400, "bad-framing")


def test_47_body_cut_short(server: Server) -> None:
    assert_refused(send(server, {"Content-Length": LENGTH}, FINE[:-1], end=True), 400, "bad-framing")


def test_29_no_length(server: Server) -> None:
    answer = send(server, {}, end=True)
    assert assert_problem(answer, 400)["type"].endswith(":malformed-json")


def test_trailing_white_space_in_chunks_is_counted(small: Server) -> None:
    body = chunked(FINE)[:-5] + b"1\r\n \r\n" * LIMIT + b"0\r\n\r\n"
    assert_refused(send(small, CHUNKED, body), 413, "body-too-large")


def test_two_requests_on_one_connection_do_not_mix(server: Server) -> None:
    first = head("POST", BINARY, JSON | {"Content-Length": "2"}) + b"{}"
    answer = exchange(server.port, first + head("POST", BINARY, JSON | {"Content-Length": LENGTH}) + FINE)
    assert answer.status == 422


def test_refusals_before_the_body_leave_the_service_well(
    start_server: Callable[..., Server], decoder: dict[str, str]
) -> None:
    fresh = start_server(**decoder)
    (worker,) = fresh.workers
    for _ in range(40):
        assert request(fresh.port, headers={"Content-Type": "text/plain"}, body=b" " * 100_000).status == 415
    assert request(fresh.port, body=FINE).status == 200
    assert fresh.workers == [worker]


@pytest.mark.parametrize(("length", "first"), [(LIMIT, b"HTTP/1.1 100 "), (LIMIT + 1, b"HTTP/1.1 413 ")])
def test_87_a_body_that_is_too_large_is_not_asked_for(small: Server, length: int, first: bytes) -> None:
    expecting = {"Expect": "100-continue", "Content-Length": str(length)}
    with socket.create_connection(("127.0.0.1", small.port), 5) as connection:
        connection.sendall(head("POST", BINARY, JSON | expecting))
        assert connection.recv(len(first)) == first
