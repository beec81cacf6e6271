"""What the service promises under stress, each measured on a real one."""

import json
import random
import statistics
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from http.client import IncompleteRead
from pathlib import Path
from threading import Thread
from typing import NamedTuple

from tests.proxy import NGINX, in_front_of
from tests.reliability.load import CLIENTS, Timed, at_a_rate, kill, one_by_one, reload, restarted_under_load, timed
from tests.serving import Server, start

NOT_RUN = "not run"
TIMES_CAPACITY = 4
# Of `wait_seconds`.
WAIT = 0.25


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


def slow_request() -> bytes:
    """A small body whose report takes long to compute."""
    draw = random.Random(0)
    scores = [round(draw.random(), 3) for _ in range(200)]
    labels = [int(draw.random() < score) for score in scores]
    options = {"interval_method": "bootstrap", "resamples": 200, "metrics": ["accuracy", "roc_auc"]}
    return json.dumps({"labels": labels, "scores": scores} | options).encode()


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


def overload(folder: Path, scale: Scale) -> Iterator[Row]:
    """Four times as many reports are asked for as one worker can compute."""
    service = start(folder / "service", workers=1)
    try:
        service.wait()
        ask = partial(timed, service.port, "POST", "/v1/binary/report", slow_request())
        ask()
        idle = one_by_one(ask, scale.seconds / 2)
        capacity = len(idle) / (scale.seconds / 2)
        health: list[Timed] = []
        probe = partial(at_a_rate, partial(timed, service.port, "GET", "/livez"), 10, scale.seconds)
        probing = Thread(target=lambda: health.extend(probe()))
        probing.start()
        asked = at_a_rate(ask, TIMES_CAPACITY * capacity, scale.seconds)
        probing.join()
        after = one_by_one(ask, scale.seconds / 2)
    finally:
        service.stop()
    good = [each for each in asked if each.status == 200]
    refused = [each for each in asked if each.status == 503]
    length = max(each.start + each.seconds for each in asked) - asked[0].start
    goodput = len(good) / length / capacity
    late = max((each.seconds for each in refused), default=0.0) - WAIT
    slowest = max(each.seconds for each in health)
    usual = statistics.median(each.seconds for each in idle)
    recovered = next((each.start - after[0].start for each in after if each.seconds <= 1.5 * usual), None)
    under = f"at {TIMES_CAPACITY} times the capacity of a worker"
    yield Row(f"{under}: reports, of its capacity at least 80 %", f"{goodput:.0%}", goodput >= 0.8)
    every = len(good) + len(refused) == len(asked)
    yield Row("every other answer is a 503", f"{len(refused)} of {len(asked)}", every and bool(refused))
    yield Row("these come at most 50 ms after the wait", f"{late * 1e3:.0f} ms", late <= 0.05)
    alive = all(each.status == 200 for each in health)
    yield Row("health is always answered, within 100 ms", f"{slowest * 1e3:.0f} ms", alive and slowest <= 0.1)
    yield Row(
        "after it a report takes as long as before within 5 s",
        "no" if recovered is None else f"{recovered:.1f} s",
        recovered is not None and recovered <= 5,
    )


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
