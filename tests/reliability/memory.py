"""What a worker holds after many requests, good and bad."""

import json
import random
import time
from collections.abc import Iterator
from http.client import BadStatusLine
from pathlib import Path

from tests.data.bad_transport import BAD_TRANSPORT
from tests.proxy import NGINX, in_front_of
from tests.reliability.load import timed
from tests.reliability.promise import Row, Scale
from tests.serving import Server, start
from tests.test_bad_inputs import CASES
from tests.wire import exchange, request

# Requests between two looks at memory.
ROUND = 250
MOST = 1e6


def resident(service: Server) -> int:
    """The memory of the only worker, in bytes."""
    (worker,) = service.workers
    return int(Path(f"/proc/{worker}/statm").read_text().split()[1]) * 4096


def slope(held: list[tuple[int, int]]) -> float:
    """The least-squares slope of bytes over requests."""
    n = len(held)
    mean_x, mean_y = sum(x for x, _ in held) / n, sum(y for _, y in held) / n
    return sum((x - mean_x) * (y - mean_y) for x, y in held) / sum((x - mean_x) ** 2 for x, _ in held)


def growth(folder: Path, scale: Scale) -> Iterator[Row]:
    """Requests of many sizes, good and bad, for so long, of which the first fifth is to warm up."""
    service = start(folder / "service", workers=1)
    try:
        service.wait()
        draw = random.Random(1)
        sizes = [10, 100, 1000]
        bodies = [json.dumps({"labels": [0, 1] * n, "scores": [draw.random() for _ in range(2 * n)]}) for n in sizes]
        bodies += [bodies[0][:-1], bodies[1].replace("0,", '"a",', 1)]
        held: list[tuple[int, int]] = []
        begun, requests = time.monotonic(), 0
        warm = begun + scale.soak / 5
        while time.monotonic() < begun + scale.soak or len(held) < 2:
            for place in range(ROUND):
                timed(service.port, "POST", "/v1/binary/report", bodies[place % len(bodies)].encode())
            requests += ROUND
            if time.monotonic() >= warm:
                held.append((requests, resident(service)))
    finally:
        service.stop()
    grown = slope(held) * 10_000
    yield Row(
        "memory of a worker over 10,000 requests grows by less than 1 MB",
        f"{grown / 1e6:.2f} MB, by {held[-1][0] - held[0][0]:,} requests in {time.monotonic() - warm:.0f} s",
        grown < MOST,
    )


def after_bad_inputs(folder: Path, scale: Scale) -> Iterator[Row]:
    """Everything bad, again and again: memory is looked at after each of the second half of the times."""
    promise = "all bad inputs, {}: no answer 5xx but of what HTTP leaves out, and no worker replaced"
    service = start(folder / "service", workers=1)
    held, failures, times = [], 0, scale.times
    total = len(CASES[:: scale.every]) + len(BAD_TRANSPORT)
    try:
        service.wait()
        workers = service.workers
        for place in range(times):
            failures += tried(service.port, scale.every, half_close=True)
            held.append((place, resident(service)))
        yield Row(
            promise.format("direct"), f"{failures} of {total * times}", not failures and service.workers == workers
        )
        grown = slope(held[times // 2 :])
        yield Row(
            "memory after all bad inputs is what it was before, but for 1 MB",
            f"{grown / 1e6:+.2f} MB, from the {times // 2}th to the {times}th time",
            grown < MOST,
        )
        if NGINX is None:
            yield Row(promise.format("behind nginx"))
        else:
            with in_front_of([service.port], folder) as port:
                failures = tried(port, scale.every, half_close=False)
            yield Row(
                promise.format("behind nginx"), f"{failures} of {total}", not failures and service.workers == workers
            )
    finally:
        service.stop()


def tried(port: int, every: int, *, half_close: bool) -> int:
    """How many of the bad inputs get a 5xx, other than 501 and 505, or no answer in time.

    nginx takes a client that closes its half for one that is gone.
    """
    failures = 0
    for case in CASES[::every]:
        answer = request(port, case.method, case.target, headers=case.headers, body=case.body, timeout=20)
        failures += answer.status >= 500 and answer.status not in {501, 505}
    for sent in BAD_TRANSPORT:
        try:
            failures += exchange(port, sent.sent, end=half_close, timeout=20).status in {500, 502, 503, 504}
        except TimeoutError:
            failures += 1
        except (ConnectionError, BadStatusLine):
            failures += not sent.closed
    return failures
