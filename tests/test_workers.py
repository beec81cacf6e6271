"""The worker processes: a real gunicorn counts, computes, refuses, stops and starts as the documentation says."""

import ctypes
import json
import os
import random
import re
import resource
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path

import pytest

from tests.data.bad_inputs import BINARY, FINE, JSON, REGRESSION
from tests.reliability.load import cpu_seconds
from tests.serving import ROOT, START_SECONDS, STOP_SECONDS, Server, start
from tests.wire import Answer, exchange, head, request

# Far beyond what is documented: these tests say that it answers, the benchmarks say how soon.
SOON = 5.0
THREADS = 32


@contextmanager
def running(log: Path, workers: int, **environment: str) -> Iterator[Server]:
    """A service with so many workers, all of them ready; it is stopped at the end unless it already has."""
    server = start(log, workers=workers, **environment)
    try:
        server.wait()
        for worker in workers_of(server, workers):
            with only(server, worker):
                server.wait()
        yield server
    finally:
        server.stop()


def workers_of(server: Server, count: int) -> list[int]:
    """The ids of its workers, once there are so many."""
    wait_until(lambda: len(server.workers) == count)
    return server.workers


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def only(server: Server, worker: int) -> Iterator[None]:
    """Let no worker but this one run."""
    others = [other for other in server.workers if other != worker]
    for other in others:
        os.kill(other, signal.SIGSTOP)
    try:
        yield
    finally:
        for other in others:
            os.kill(other, signal.SIGCONT)


def counted(server: Server, route: str = BINARY, status: int = 200) -> float:
    """How many requests /metrics says were answered."""
    text = request(server.port, method="GET", target="/metrics", headers={}).text
    method = "POST" if route.startswith("/v1/") else "GET"
    found = re.search(
        rf'^assay_requests_total{{method="{method}",route="{route}",status="{status}"}} (\S+)$', text, re.MULTILINE
    )
    return float(found[1]) if found else 0.0


def counters_of(worker: int) -> set[Path]:
    """The directory of the counters that a worker has mapped."""
    maps = Path(f"/proc/{worker}/maps").read_text()
    return {Path(path).parent for path in re.findall(r"\s(/\S*/assay-metrics-\S+\.db)$", maps, re.MULTILINE)}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service with two workers."""
    with running(tmp_path_factory.mktemp("two") / "log", 2) as server:
        yield server


@pytest.fixture(scope="module")
def hurried(start_server: Callable[..., Server]) -> Server:
    """A service that waits a second for a body, and for an answer to be read."""
    return start_server(ASSAY_BODY_SECONDS="1", ASSAY_SEND_SECONDS="1")


@pytest.fixture(scope="module")
def large() -> bytes:
    """A request that takes long to compute."""
    draw = random.Random(0)
    columns = {name: [round(draw.gauss(0, 1), 9) for _ in range(400_000)] for name in ("labels", "predictions")}
    columns["sample_weight"] = [round(draw.random(), 3) for _ in range(400_000)]
    return json.dumps(columns, separators=(",", ":")).encode()


@contextmanager
def computing(server: Server, body: bytes) -> Iterator[Future[Answer]]:
    """A worker that has read the body and computes its report, and the answer to come."""
    (worker,) = server.workers
    before = cpu_seconds(worker)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(request, server.port, target=REGRESSION, body=body, timeout=120)
        # Reading the body takes far less.
        wait_until(lambda: answer.done() or cpu_seconds(worker) - before > 0.2)
        yield answer


def test_metrics_count_the_requests_of_all_workers(two: Server) -> None:
    before = counted(two)
    for worker, requests in zip(two.workers, (7, 5), strict=True):
        with only(two, worker):
            assert {request(two.port, body=FINE).status for _ in range(requests)} == {200}
    with ThreadPoolExecutor(8) as pool:
        assert {answer.status for answer in pool.map(lambda _: request(two.port, body=FINE), range(40))} == {200}
    for worker in two.workers:
        with only(two, worker):
            assert counted(two) - before == 7 + 5 + 40


def test_every_worker_gives_the_same_bytes(two: Server) -> None:
    body = (ROOT / "tests/data/breast_cancer.json").read_bytes()
    bodies = set()
    for worker in two.workers:
        with only(two, worker):
            bodies.add(request(two.port, body=body).body)
    assert len(bodies) == 1


def test_files_are_written_in_memory_only(two: Server) -> None:
    for process in (two.pid, *two.workers):
        for number, target in open_files(process):
            flags = os.O_RDONLY
            with suppress(FileNotFoundError):  # closed meanwhile
                flags = int(Path(f"/proc/{process}/fdinfo/{number}").read_text().split()[3], 8)
            if target.startswith("/") and flags & os.O_ACCMODE != os.O_RDONLY:
                assert target.startswith(("/dev/", str(two.log)))


def test_no_control_socket_is_open(two: Server) -> None:
    sockets = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    named = {f"socket:[{fields[6]}]" for fields in sockets if len(fields) > 7}
    for process in (two.pid, *two.workers):
        assert not named & {target for _, target in open_files(process)}


def open_files(process: int) -> list[tuple[str, str]]:
    """The open files of a process: number and path."""
    files = []
    for link in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            files.append((link.name, str(link.readlink())))
    return files


def test_a_killed_worker_is_replaced_and_its_counts_stay(tmp_path: Path) -> None:
    with running(tmp_path / "log", 2) as server:
        killed, kept = server.workers
        for worker in (killed, kept):
            with only(server, worker):
                request(server.port, body=FINE)
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: killed not in server.workers and len(server.workers) == 2)
        assert kept in server.workers
        assert request(server.port, body=FINE).status == 200
        assert counted(server) == 3


def test_probes_answer_while_a_report_is_computed(start_server: Callable[..., Server], large: bytes) -> None:
    server = start_server()
    answered = 0
    with computing(server, large) as report:
        while not report.done():
            for path in ("/livez", "/readyz", "/metrics"):
                assert request(server.port, method="GET", target=path, headers={}, timeout=SOON).status == 200
            answered += not report.done()
    assert report.result().status == 200
    assert answered


def test_a_second_report_is_refused_when_the_wait_is_over(start_server: Callable[..., Server], large: bytes) -> None:
    server = start_server(ASSAY_WAIT_SECONDS="0.05")
    answers = []
    with computing(server, large) as report:
        while not report.done():
            answers.append(request(server.port, body=FINE, timeout=SOON))
    assert report.result().status == 200
    refused = [answer for answer in answers if answer.status != 200]
    assert refused
    for answer in refused:
        assert answer.status == 503
        assert answer.json()["type"].endswith(":overloaded")
        assert int(answer.headers["Retry-After"]) >= 1
    assert request(server.port, body=FINE).status == 200


def test_a_second_report_waits_for_the_first(start_server: Callable[..., Server], large: bytes) -> None:
    server = start_server(ASSAY_WAIT_SECONDS="60")
    with computing(server, large) as report:
        assert request(server.port, body=FINE, timeout=120).status == 200
    assert report.result().status == 200


def test_those_who_wait_leave_threads_to_refuse_and_to_answer_probes(
    start_server: Callable[..., Server], large: bytes
) -> None:
    server = start_server(ASSAY_WAIT_SECONDS="60")
    with computing(server, large) as report, ThreadPoolExecutor(2 * THREADS) as pool:
        others = [pool.submit(request, server.port, body=FINE, timeout=120) for _ in range(2 * THREADS)]
        wait_until(lambda: sum(other.done() for other in others) >= THREADS)
        assert request(server.port, method="GET", target="/livez", headers={}).status == 200
        assert not report.done()
        assert {other.result().status for other in others} == {200, 503}
    assert report.result().status == 200


def test_bodies_that_stall_free_their_threads(hurried: Server) -> None:
    (worker,) = hurried.workers
    half = head("POST", BINARY, JSON | {"Content-Length": str(len(FINE))}) + FINE[:9]
    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(lambda _: exchange(hurried.port, half), range(THREADS)))
    assert {answer.status for answer in answers} == {408}
    assert request(hurried.port, method="GET", target="/livez", headers={}).status == 200
    assert request(hurried.port, body=FINE).status == 200
    assert hurried.workers == [worker]


HEAD = head("POST", BINARY, JSON | {"Content-Length": str(len(FINE))})


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="silent"),
        pytest.param(HEAD[:-2], id="half a head"),
        pytest.param(HEAD + FINE[:9], id="half a body"),
        pytest.param(head("POST", "/nothing", JSON | {"Content-Length": "1000"}) + b"{", id="refused before the body"),
        pytest.param(head("GET", "/livez", {"Connection": "close"}), id="does not hang up"),
    ],
)
def test_clients_that_stay_hold_up_nobody_for_long(hurried: Server, sent: bytes) -> None:
    (worker,) = hurried.workers
    with ExitStack() as held:
        for _ in range(THREADS + 2):
            held.enter_context(socket.create_connection(("127.0.0.1", hurried.port), SOON)).sendall(sent)
        for _ in range(3):
            assert request(hurried.port, method="GET", target="/livez", headers={}, timeout=3 * SOON).status == 200
        assert request(hurried.port, body=FINE).status == 200
        assert hurried.workers == [worker]


def test_48_a_thousand_silent_connections_hold_up_nobody(hurried: Server) -> None:
    (worker,) = hurried.workers
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    try:
        with ExitStack() as held:
            silent = [
                held.enter_context(socket.create_connection(("127.0.0.1", hurried.port), SOON)) for _ in range(1000)
            ]
            silent[-1].sendall(HEAD + FINE)
            assert silent[-1].recv(12) == b"HTTP/1.1 200"
            for _ in range(20):
                assert request(hurried.port, body=FINE, timeout=SOON).status == 200
            assert len([*Path(f"/proc/{worker}/fd").iterdir()]) < 1000
            assert silent[0].recv(1) == b""
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert hurried.workers == [worker]


@pytest.mark.parametrize("patient", [True, False], ids=["silent", "reading"])
def test_51_an_answer_that_is_not_read_is_dropped_at_the_deadline(hurried: Server, *, patient: bool) -> None:
    """It is larger than what the system takes off the thread that sends it."""
    (worker,) = hurried.workers
    ranking = {"labels": [1, 0] * 10_000, "scores": [0.5, 0.25] * 10_000, "per_query": True, "intervals": False}
    body = json.dumps(ranking | {"queries": [place // 2 for place in range(20_000)]}).encode()
    sent = {"Content-Length": str(len(body)), "Connection": "close"}
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(SOON)
        connection.connect(("127.0.0.1", hurried.port))
        connection.sendall(head("POST", "/v1/ranking/report", JSON | sent) + body)
        if patient:
            time.sleep(3)  # the deadline, and the second that may pass until it is seen
        with connection.makefile("rb") as answer:
            lines = iter(answer.readline, b"\r\n")
            (length,) = (int(line.split()[1]) for line in lines if line.lower().startswith(b"content-length"))
            read = len(answer.read())
    assert read < length if patient else read == length
    assert request(hurried.port, body=FINE).status == 200
    assert hurried.workers == [worker]


def test_bodies_that_trickle_end_at_the_deadline(hurried: Server) -> None:
    def trickle(_: int) -> int:
        with socket.create_connection(("127.0.0.1", hurried.port), SOON) as connection:
            connection.sendall(HEAD)
            connection.settimeout(0.2)
            answer = b""
            for byte in FINE:
                with suppress(TimeoutError, ConnectionError):
                    connection.sendall(bytes([byte]))
                    answer = connection.recv(4096)
                if answer:
                    break
            return int(answer.split()[1])

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(trickle, range(4))) == {408}


@pytest.mark.parametrize("length", [9, len(FINE)], ids=["in the body", "while it is computed"])
def test_connections_cut_do_no_harm(start_server: Callable[..., Server], length: int) -> None:
    server = start_server()
    (worker,) = server.workers
    half = head("POST", BINARY, JSON | {"Content-Length": str(len(FINE))}) + FINE[:length]
    for _ in range(2 * THREADS):
        with socket.create_connection(("127.0.0.1", server.port), SOON) as connection:
            connection.sendall(half)
            # Close with a reset.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until(lambda: request(server.port, body=FINE).status == 200)
    assert length == len(FINE) or counted(server) == 1
    assert counted(server, status=500) == 0
    assert server.workers == [worker]


def test_stopping_ends_all_processes_and_removes_the_counters(tmp_path: Path) -> None:
    with running(tmp_path / "log", 2) as server:
        workers = server.workers
        (counters,) = set.union(*map(counters_of, workers))
        assert counters.is_dir()
        server.process.terminate()
        assert server.process.wait(STOP_SECONDS) == 0
        assert not [worker for worker in workers if Path(f"/proc/{worker}").exists()]
        assert not counters.exists()


def test_stopping_finishes_the_report_under_way(tmp_path: Path, large: bytes) -> None:
    with running(tmp_path / "log", 1) as server, computing(server, large) as report:
        server.process.terminate()
        assert report.result().status == 200


def test_a_stopping_worker_says_that_it_is_not_ready(tmp_path: Path, large: bytes) -> None:
    """On a connection that is open: one by one, until the signal has come through."""
    with (
        running(tmp_path / "log", 1) as server,
        closing(HTTPConnection("127.0.0.1", server.port, timeout=SOON)) as kept,
        computing(server, large) as report,
    ):
        assert asked(kept, "/readyz")[0] == 200
        server.process.terminate()
        answers = iter(lambda: asked(kept, "/readyz"), None)
        status, headers, problem = next(answer for answer in answers if answer[0] != 200)
        assert not report.done()
        assert (status, headers["Connection"]) == (503, "close")
        assert json.loads(problem)["type"].endswith(":stopping")
        assert report.result().status == 200


def asked(connection: HTTPConnection, path: str) -> tuple[int, HTTPMessage, bytes]:
    """What one more request on a connection gets."""
    connection.request("GET", path)
    with connection.getresponse() as response:
        return response.status, response.headers, response.read()


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("ASSAY_MAX_ROW", "1", "no such setting"),
        ("ASSAY_MAX_ROWS", "0", "Must be"),
        ("ASSAY_MAX_ROWS", "many", "Not a valid integer"),
        ("ASSAY_BODY_SECONDS", "-1", "Must be"),
        ("ASSAY_BODY_SECONDS", "nan", "not permitted"),
        ("ASSAY_LOG_LEVEL", "loud", "Must be one of"),
    ],
)
def test_a_wrong_setting_stops_the_start(tmp_path: Path, name: str, value: str, reason: str) -> None:
    server = start(tmp_path / "log", **{name: value})
    assert server.process.wait(START_SECONDS)
    said = server.log.read_text()
    assert "Traceback" not in said
    last = said.strip().splitlines()[-1]
    assert name in last
    assert reason in last


HELD = """
from pathlib import Path

import numpy as np

from service.worker import keep_memory

def held():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

keep_memory(KEPT)
before = held()
columns = [np.ones(2_500_000) for _ in range(3)]
del columns
print(held() - before)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="only glibc can be told to keep memory")
@pytest.mark.parametrize(("kept", "is_held"), [(2**28, True), (1, False)])
def test_a_worker_keeps_memory_for_the_next_request(kept: int, *, is_held: bool) -> None:
    program = HELD.replace("KEPT", str(kept))
    child = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True, timeout=60)
    assert (int(child.stdout) > 50e6) is is_held
