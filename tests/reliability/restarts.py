"""Workers and whole services end, as they are told to or not."""

import math
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import IncompleteRead
from itertools import cycle
from pathlib import Path

from tests.proxy import NGINX, in_front_of
from tests.reliability.bodies import slow_request
from tests.reliability.load import (
    CLIENTS,
    alive,
    cpu_seconds,
    kill,
    reload,
    restarted_under_load,
    time_until,
    timed,
    until,
)
from tests.reliability.promise import Row, Scale
from tests.serving import STOP_SECONDS, Server, start

BEHIND = "behind nginx: requests lost, at most those under way"


def behind_nginx(folder: Path, scale: Scale) -> Iterator[Row]:
    """Workers, and whole instances, are replaced behind nginx."""
    ways: list[tuple[str, int, Callable[[list[Server]], None], int]] = [
        ("reloads (SIGHUP)", 1, lambda services: reload(services[0]), 0),
        ("workers killed", 1, lambda services: kill(services[0]), CLIENTS),
        ("rolling restarts of two instances", 2, partial(replace, cycle((0, 1)), folder), 0),
    ]
    for name, instances, restart, cut in ways:
        if NGINX is None:
            yield Row(f"{name} {BEHIND}")
            continue
        services = [start(folder / f"service-{place}", workers=2) for place in range(instances)]
        try:
            for service in services:
                service.wait()
            with in_front_of([service.port for service in services], folder) as port:
                answers = restarted_under_load(port, partial(restart, services), scale.restarts, scale.requests)
        finally:
            for service in services:
                service.stop()
        total = answers.total()
        lost = Counter({status: n for (status, _), n in answers.items() if status != 200})
        different = len({body for status, body in answers if status == 200}) - 1
        cuts = lost[IncompleteRead.__name__]
        why = ": " + ", ".join(f"{n} {status}" for status, n in lost.items()) if lost else ""
        yield Row(
            f"{name} {BEHIND}",
            f"{lost.total()} of {total:,}, {scale.restarts} times{why}",
            lost.total() == cuts <= cut * scale.restarts and not different,
        )


def replace(places: Iterator[int], folder: Path, services: list[Server]) -> None:
    """End the next of the instances, and start another in its place."""
    place = next(places)
    services[place].stop()
    services[place] = start(folder / f"service-{place}", workers=2, port=services[place].port)
    services[place].wait()


def recovery(folder: Path, scale: Scale) -> Iterator[Row]:
    """The only worker is killed."""
    service = start(folder / "service", workers=1)
    taken = []
    try:
        service.wait()
        for _ in range(scale.restarts):
            (worker,) = service.workers
            os.kill(worker, signal.SIGKILL)
            taken.append(
                time_until(lambda: timed(service.port, "POST", "/v1/binary/report", slow_request()).status == 200)
            )
    finally:
        service.stop()
    longest = max(taken)
    yield Row(
        "a report is given within 500 ms after the only worker was killed",
        f"{longest * 1e3:.0f} ms, the longest of {len(taken)}",
        longest <= 0.5,
    )


def stopping(folder: Path, scale: Scale) -> Iterator[Row]:
    """The service is told to end while it computes."""
    answered = sum(finishes(folder) for _ in range(scale.restarts))
    yield Row(
        "a report under way is finished when the service is told to end (SIGTERM)",
        f"{answered} of {scale.restarts}",
        answered == scale.restarts,
    )


def finishes(folder: Path) -> bool:
    """Whether a service that ends gives the report that it computes."""
    service = start(folder / "service", workers=1)
    service.wait()
    (worker,) = service.workers
    before = cpu_seconds(worker)
    with ThreadPoolExecutor(1) as pool:
        report = pool.submit(timed, service.port, "POST", "/v1/binary/report", slow_request(resamples=4000))
        # To read the body takes far less.
        until(lambda: report.done() or cpu_seconds(worker) - before > 0.2)
        under_way = not report.done()
        service.stop()
        return under_way and report.result().status == 200


def orphans(folder: Path, scale: Scale) -> Iterator[Row]:
    """Gunicorn's master is killed, and cannot tell its workers."""
    taken = [outlived(folder) for _ in range(scale.restarts)]
    yield Row(
        f"no worker outlives a killed master by {STOP_SECONDS} s",
        f"the last of {2 * scale.restarts} ends after {max(taken):.1f} s",
        max(taken) <= STOP_SECONDS,
    )


def outlived(folder: Path) -> float:
    """How long two workers outlive their master, in seconds; none does in the end."""
    service = start(folder / "service", workers=2)
    service.wait()
    until(lambda: len(service.workers) == 2)
    workers = service.workers
    service.process.kill()
    service.process.wait()
    try:
        return time_until(lambda: not any(map(alive, workers)), longest=2 * STOP_SECONDS)
    except TimeoutError:
        for worker in filter(alive, workers):
            os.kill(worker, signal.SIGKILL)
        return math.inf
