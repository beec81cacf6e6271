"""Behind nginx, as deploy/nginx.conf sets it up, bad input is refused as it is without: by one of the two."""

from collections.abc import Iterator
from http.client import BadStatusLine

import pytest

from tests.data.bad_inputs import FINE, JSON, Case
from tests.data.bad_transport import BAD_TRANSPORT, Sent
from tests.proxy import in_front_of, needs_nginx
from tests.serving import Server
from tests.test_bad_inputs import CASES, assert_problem, assert_says_nothing_private, at, is_close, name_of
from tests.test_transport import CHUNKED, LENGTH, TWO
from tests.wire import Answer, chunked, exchange, head, request

pytestmark = needs_nginx
# What nginx says of methods and paths before the service sees them.
SOONER = {400, 405}


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory, start_server) -> Iterator[int]:
    """The port of an nginx in front of a service."""
    service: Server = start_server()
    with in_front_of([service.port], tmp_path_factory.mktemp("nginx")) as port:
        yield port
    assert service.ready()


def assert_answered(answer: Answer) -> None:
    """A report, or a refusal that is the client's fault."""
    assert answer.status == 200 or 400 <= answer.status < 500 or answer.status in {501, 505}, answer.text
    assert_says_nothing_private(answer)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_every_bad_input(front: int, case: Case) -> None:
    answer = request(front, case.method, case.target, headers=case.headers, body=case.body, timeout=20)
    assert_answered(answer)
    if answer.status == 200 or 200 in case.statuses:
        assert answer.status in case.statuses
    if answer.status == 200:
        report = answer.json()
        assert all(is_close(at(report, path), value) for path, value in case.gives.items()), report
    elif not case.by_server:
        assert answer.status in {*case.statuses, *SOONER}
        assert_problem(answer, answer.status)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param(CHUNKED | {"Content-Length": LENGTH}, FINE, id="1 both"),
        pytest.param(TWO, FINE, id="2 two equal"),
        pytest.param(TWO | {"content-length": "3"}, FINE, id="3 two different"),
        pytest.param({"Content-Length": f"{LENGTH},{LENGTH}"}, FINE, id="4 list"),
        pytest.param({"Content-Length": f"-{LENGTH}"}, FINE, id="5 negative"),
        pytest.param({"Content-Length": "9" * 30}, b"", id="8 huge"),
        pytest.param({"Content-Length": str(2**26 + 1)}, b"", id="9 above the limit"),
        pytest.param({"Transfer-Encoding": "gzip"}, FINE, id="14 gzip"),
        pytest.param({"Transfer-Encoding": "chunked, chunked"}, chunked(FINE), id="17 twice"),
        pytest.param(CHUNKED, b"zz\r\n" + FINE, id="21 no size"),
        pytest.param(CHUNKED, b"-1\r\n" + FINE, id="22 negative size"),
        pytest.param(CHUNKED, b"f" * 18 + b"\r\n" + FINE, id="25 huge chunk"),
        pytest.param(CHUNKED, chunked(FINE)[:-5], id="no last chunk"),
        pytest.param({"Content-Length": LENGTH}, FINE[:-1], id="47 cut short"),
    ],
)
def test_bad_framing_gets_no_report(front: int, headers: dict[str, str], body: bytes) -> None:
    try:
        answer = exchange(front, head("POST", "/v1/binary/report", JSON | headers), body, end=True, timeout=5)
    except OSError:
        return  # nginx hangs up on a client that stopped in the middle
    assert 400 <= answer.status < 500 or answer.status == 501, answer.text
    assert_says_nothing_private(answer)


@pytest.mark.parametrize("case", BAD_TRANSPORT, ids=lambda case: case.name)
def test_bad_bytes(front: int, case: Sent) -> None:
    try:
        answer = exchange(front, case.sent, timeout=5)
    except (ConnectionError, BadStatusLine):  # the latter is an answer in HTTP/0.9
        assert case.closed
        return
    assert_answered(answer)
    assert answer.status != 200 or 200 in case.statuses or case.mended
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_chunks_make_a_report(front: int) -> None:
    answer = exchange(front, head("POST", "/v1/binary/report", JSON | CHUNKED), chunked(FINE, 7))
    assert answer.status == 200
    assert answer.body == request(front, body=FINE).body


def test_a_refusal_of_nginx_is_a_problem_document(front: int) -> None:
    answer = request(front, headers=JSON | {"Content-Length": str(2**26 + 1)}, method="PUT", timeout=5)
    assert assert_problem(answer, 413)["type"].endswith(":body-too-large")
