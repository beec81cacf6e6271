"""What the service promises under stress, each measured on a real one."""

import asyncio
import json
import os
import random
import statistics
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.client import IncompleteRead
from pathlib import Path
from typing import Any, NamedTuple

from tests.proxy import NGINX, in_front_of
from tests.reliability.load import (
    CLIENTS,
    Timed,
    at_a_rate,
    kill,
    one_by_one,
    reload,
    restarted_under_load,
    time_until,
    timed,
)
from tests.serving import Server, start
from tests.wire import JSON, head

NOT_RUN = "not run"
TIMES_CAPACITY = 4
# Of `wait_seconds`.
WAIT = 0.25
RECOVERY = 5.0


class Row(NamedTuple):
    """A promise, what was measured, and whether it was kept."""

    promise: str
    measured: str = NOT_RUN
    kept: bool = False


class Scale(NamedTuple):
    """How much is tried: restarts and requests of each kind, seconds of overload, requests of the look at memory."""

    restarts: int
    requests: int
    seconds: float
    repeated: int


FULL = Scale(restarts=10, requests=10_000, seconds=10.0, repeated=10_000)


def drawn(rows: int, **options: Any) -> bytes:
    """A binary request of so many rows."""
    draw = random.Random(0)
    scores = [round(draw.random(), 3) for _ in range(rows)]
    labels = [int(draw.random() < score) for score in scores]
    return json.dumps({"labels": labels, "scores": scores} | options).encode()


def slow_request() -> bytes:
    """A small body whose report takes long to compute."""
    return drawn(200, interval_method="bootstrap", resamples=200, metrics=["accuracy", "roc_auc"])


def fast_request() -> bytes:
    """A body of which a worker answers more a second than it has threads."""
    return drawn(20_000)


def restarts(folder: Path, scale: Scale) -> Iterator[Row]:
    """Workers are replaced behind nginx."""
    if NGINX is None:
        yield Row("restarts behind nginx, which is not installed")
        return
    service = start(folder / "service", workers=2)
    try:
        service.wait()
        with in_front_of(service.port, folder) as port:
            for name, restart, cut in (("reloads (SIGHUP)", reload, 0), ("workers killed", kill, CLIENTS)):
                answers = restarted_under_load(port, partial(restart, service), scale.restarts, scale.requests)
                total = answers.total()
                lost = Counter({status: n for (status, _), n in answers.items() if status != 200})
                different = len({body for status, body in answers if status == 200}) - 1
                cuts = lost[IncompleteRead.__name__]
                why = ": " + ", ".join(f"{n} {status}" for status, n in lost.items()) if lost else ""
                yield Row(
                    f"{name} behind nginx: requests lost, at most those under way",
                    f"{lost.total()} of {total:,}, {scale.restarts} times{why}",
                    lost.total() == cuts <= cut * scale.restarts and not different,
                )
    finally:
        service.stop()


@contextmanager
def on_core(number: int) -> Iterator[None]:
    """Run this process, and what it starts, on one core, where there are several: the service and its clients apart."""
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {sorted(before)[number % len(before)]})
        yield
    finally:
        os.sched_setaffinity(0, before)


def overload(folder: Path, scale: Scale) -> Iterator[Row]:
    """Four times as many reports are asked for as one worker, on a core of its own, can compute."""
    with on_core(1):
        service = start(folder / "service", workers=1)
    try:
        service.wait()
        with on_core(0):
            # To refuse takes a millisecond, too: where a report takes a few, three refusals are a good part of it.
            for name, body, share in (("slow", slow_request(), 0.8), ("fast", fast_request(), 0.5)):
                yield from overloaded(service.port, name, body, scale.seconds, share)
    finally:
        service.stop()


def overloaded(port: int, name: str, body: bytes, seconds: float, share: float) -> Iterator[Row]:
    """What the service does with too many requests of this body: of its capacity, so much must be made."""
    ask = partial(timed, port, "POST", "/v1/binary/report", body)
    ask()
    idle = one_by_one(ask, seconds / 2)
    capacity = len(idle) / (seconds / 2)
    usual = statistics.median(each.seconds for each in idle)

    async def load() -> list[list[Timed]]:
        report = head("POST", "/v1/binary/report", JSON | {"Content-Length": str(len(body)), "Connection": "close"})
        probe = head("GET", "/livez", {"Connection": "close"})
        return await asyncio.gather(
            at_a_rate(port, report + body, TIMES_CAPACITY * capacity, seconds), at_a_rate(port, probe, 10, seconds)
        )

    asked, health = asyncio.run(load())
    recovery = time_until(lambda: ask().seconds <= 1.5 * usual)
    good = [each for each in asked if each.status == 200]
    refused = [each for each in asked if each.status == 503]
    length = max(each.start + each.seconds for each in asked) - asked[0].start
    goodput = len(good) / length / capacity
    late = max((each.seconds for each in refused), default=0.0) - WAIT
    slowest = max(each.seconds for each in health)
    under = f"{name} reports ({usual * 1e3:.0f} ms) at {TIMES_CAPACITY} times the capacity of a worker"
    yield Row(f"{under}: at least {share:.0%} of it is made", f"{goodput:.0%}", goodput >= share)
    every = len(good) + len(refused) == len(asked)
    yield Row("every other answer is a 503", f"{len(refused)} of {len(asked)}", every and bool(refused))
    yield Row("these come at most 50 ms after the wait", f"{late * 1e3:.0f} ms", late <= 0.05)
    alive = all(each.status == 200 for each in health)
    yield Row("health is always answered, within 100 ms", f"{slowest * 1e3:.0f} ms", alive and slowest <= 0.1)
    yield Row("after it a report takes as long as before within 5 s", f"{recovery:.1f} s", recovery <= RECOVERY)


def memory(folder: Path, scale: Scale) -> Iterator[Row]:
    """Requests of many sizes, good and bad, over and over."""
    service = start(folder / "service", workers=1)
    try:
        service.wait()
        draw = random.Random(1)
        sizes = [10, 100, 1000]
        bodies = [json.dumps({"labels": [0, 1] * n, "scores": [draw.random() for _ in range(2 * n)]}) for n in sizes]
        bodies += [bodies[0][:-1], bodies[1].replace("0,", '"a",', 1)]
        held = []
        for _ in ("to warm up", "to be measured"):
            for place in range(scale.repeated):
                timed(service.port, "POST", "/v1/binary/report", bodies[place % len(bodies)].encode())
            held.append(resident(service))
    finally:
        service.stop()
    grown = (held[1] - held[0]) * 10_000 / scale.repeated
    yield Row("memory of a worker over 10,000 requests grows by less than 1 MB", f"{grown / 1e6:.2f} MB", grown < 1e6)


def resident(service: Server) -> int:
    """The memory of the only worker, in bytes."""
    (worker,) = service.workers
    return int(Path(f"/proc/{worker}/statm").read_text().split()[1]) * 4096


PROMISES: tuple[Callable[[Path, Scale], Iterator[Row]], ...] = (restarts, overload, memory)
