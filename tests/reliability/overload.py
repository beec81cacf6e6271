"""More is asked for than one worker can compute."""

import asyncio
import os
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.reliability.bodies import short_request, slow_request
from tests.reliability.load import Timed, at_a_rate, one_by_one, time_until, timed
from tests.reliability.promise import Row, Scale
from tests.serving import start
from tests.wire import JSON, head

TIMES_CAPACITY = 4
# Of the capacity, to be made of what is asked for; less where a report takes but ten times as long as a refusal.
SHARE, SHORT_SHARE = 0.8, 0.6
# Of `wait_seconds`.
WAIT = 0.25
RECOVERY = 5.0


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
            yield from overloaded(service.port, slow_request(), SHARE, scale.seconds)
            yield from overloaded(service.port, short_request(), SHORT_SHARE, scale.seconds)
    finally:
        service.stop()


def overloaded(port: int, body: bytes, share: float, seconds: float) -> Iterator[Row]:
    """What the service does with too many requests of this body."""
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
    under = f"reports of {usual * 1e3:.0f} ms at {TIMES_CAPACITY} times the capacity of a worker"
    yield Row(f"{under}: at least {share:.0%} of it is made", f"{goodput:.0%}", goodput >= share)
    every = len(good) + len(refused) == len(asked)
    yield Row("every other answer is a 503", f"{len(refused)} of {len(asked)}", every and bool(refused))
    yield Row("these come at most 50 ms after the wait", f"{late * 1e3:.0f} ms", late <= 0.05)
    alive = all(each.status == 200 for each in health)
    yield Row("health is always answered, within 100 ms", f"{slowest * 1e3:.0f} ms", alive and slowest <= 0.1)
    yield Row("after it a report takes as long as before within 5 s", f"{recovery:.1f} s", recovery <= RECOVERY)
