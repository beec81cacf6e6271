"""No request is lost behind nginx while workers are replaced, by intent or by accident."""

import os
import signal
import threading
import time
from collections import Counter
from http.client import HTTPConnection, HTTPException, IncompleteRead
from pathlib import Path

import pytest

from tests.data.bad_inputs import FINE, JSON
from tests.proxy import in_front_of, needs_nginx
from tests.serving import Server, start

CLIENTS = 4
# So many restarts under load, and at least so many requests; `make reliability` asks for more.
RESTARTS = int(os.environ.get("RESTARTS", "3"))
REQUESTS = int(os.environ.get("REQUESTS", "600"))
LONGEST_SECONDS = 20 + REQUESTS / 20

pytestmark = needs_nginx


def reload(service: Server) -> None:
    """Replace all workers."""
    before = set(service.workers)
    os.kill(service.pid, signal.SIGHUP)
    until(lambda: service.workers and not before & set(service.workers))


def kill(service: Server) -> None:
    """Kill a worker, which has no time to say so, and see another take its place."""
    killed, *_ = before = service.workers
    os.kill(killed, signal.SIGKILL)
    until(lambda: killed not in service.workers and len(service.workers) == len(before))


def until(happened) -> None:
    """Wait until something has happened."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def ask(port: int, answers: Counter, enough: threading.Event) -> None:
    """Post until told that it is enough, and count what comes back."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    while not enough.is_set():
        try:
            connection.request("POST", "/v1/binary/report", FINE, JSON)
            answer = connection.getresponse()
            answers[answer.status, answer.read()] += 1
        except (OSError, HTTPException) as lost:
            answers[type(lost).__name__, b""] += 1
            connection.close()
    connection.close()


@pytest.mark.parametrize(("restart", "cut"), [(reload, 0), (kill, CLIENTS)])
def test_no_request_is_lost(tmp_path: Path, restart, cut: int) -> None:
    """What a worker had begun to answer when it was killed is cut; so many answers a restart at most."""
    service = start(tmp_path / "service", workers=2)
    try:
        service.wait()
        with in_front_of(service.port, tmp_path) as port:
            counts = [Counter() for _ in range(CLIENTS)]
            enough = threading.Event()
            clients = [threading.Thread(target=ask, args=(port, count, enough)) for count in counts]
            for client in clients:
                client.start()
            try:
                for done in range(1, RESTARTS + 1):
                    until(lambda done=done: sum(map(Counter.total, counts)) >= done * REQUESTS / (RESTARTS + 1))
                    restart(service)
                until(lambda: sum(map(Counter.total, counts)) >= REQUESTS)
            finally:
                enough.set()
                for client in clients:
                    client.join()
        answers = sum(counts, Counter())
        assert answers.pop((IncompleteRead.__name__, b""), 0) <= cut * RESTARTS
        assert {status for status, _ in answers} == {200}
        assert len(answers) == 1  # all are the same report
    finally:
        service.stop()
