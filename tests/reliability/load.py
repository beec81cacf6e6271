"""Clients that keep a service busy, for a bounded time, and write down what they got."""

import asyncio
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, NamedTuple

from tests.data.bad_inputs import FINE, JSON
from tests.serving import Server

CLIENTS = 4
LONGEST_SECONDS = 120


def until(happened: Callable[[], Any]) -> None:
    """Wait until something has happened."""
    time_until(happened)


def time_until(happened: Callable[[], Any], longest: float = LONGEST_SECONDS) -> float:
    """Wait until something has happened: the seconds it took. Raises `TimeoutError`."""
    start = time.monotonic()
    while not happened():
        if time.monotonic() > start + longest:
            raise TimeoutError
        time.sleep(0.005)
    return time.monotonic() - start


def alive(process: int) -> bool:
    """Whether a process runs: it has not ended, with or without anyone who asked how."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def cpu_seconds(process: int) -> float:
    """The processor time that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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


def restarted_under_load(port: int, restart: Callable[[], None], restarts: int, requests: int) -> Counter[Any]:
    """What so many requests or more got while so many restarts took place: status and body, or why there is none."""
    counts: list[Counter[Any]] = [Counter() for _ in range(CLIENTS)]
    enough = threading.Event()

    def ask(answers: Counter[Any]) -> None:
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

    with ThreadPoolExecutor(CLIENTS) as clients:
        asking = [clients.submit(ask, count) for count in counts]
        try:
            for done in range(1, restarts + 1):
                until(lambda done=done: sum(map(Counter.total, counts)) >= done * requests / (restarts + 1))
                restart()
            until(lambda: sum(map(Counter.total, counts)) >= requests)
        finally:
            enough.set()
    for each in asking:
        each.result()
    return sum(counts, Counter())


class Timed(NamedTuple):
    """An answer: when it was asked for, how long it took, in seconds, and its status."""

    start: float
    seconds: float
    status: int


def timed(port: int, method: str, target: str, body: bytes | None = None) -> Timed:
    """Ask on a connection of its own."""
    start = time.perf_counter()
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, target, body, JSON if body else {})
        answer = connection.getresponse()
        answer.read()
        return Timed(start, time.perf_counter() - start, answer.status)
    except (OSError, HTTPException):
        return Timed(start, time.perf_counter() - start, 0)
    finally:
        connection.close()


def one_by_one(ask: Callable[[], Timed], seconds: float) -> list[Timed]:
    """Answers asked for one after the other for so long."""
    end, answers = time.perf_counter() + seconds, []
    while time.perf_counter() < end:
        answers.append(ask())
    return answers


async def asked(port: int, sent: bytes) -> Timed:
    """Send a request that asks to close the connection, and read until it is closed."""
    start = time.perf_counter()
    status = 0
    with suppress(OSError, ValueError, TimeoutError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        answer = await asyncio.wait_for(reader.read(), LONGEST_SECONDS)
        writer.close()
        status = int(answer.split(b" ", 2)[1])
    return Timed(start, time.perf_counter() - start, status)


async def at_a_rate(port: int, sent: bytes, rate: float, seconds: float) -> list[Timed]:
    """Answers asked for so many times a second, whether the ones before have come or not."""
    start, tasks = time.perf_counter(), []
    for place in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, start + place / rate - time.perf_counter()))
        tasks.append(asyncio.create_task(asked(port, sent)))
    return await asyncio.gather(*tasks)
