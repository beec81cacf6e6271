"""Measures the service over HTTP against its peers, in one run, and prints the table of the README.

Every request has a new body. Figures are medians; compare the ratios, not the times of different machines.
`--write FILE` puts the table between the markers in that file.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
import simdjson

from schemas.reports import REPORTS
from service.evaluate import kinds_of, report, states_of
from service.metrics.batch import Batch, Question, Reading
from service.settings import Settings
from tests.benchmarks.batches import BATCHES, Columns, body_of
from tests.benchmarks.peers import PEERS
from tests.serving import Server, start

MARKS = ("<!-- benchmark -->", "<!-- /benchmark -->")


def seconds(work: Callable[[], object]) -> float:
    start_time = time.perf_counter()
    work()
    return time.perf_counter() - start_time


def in_any_order(rng: np.random.Generator, *works: Callable[[], object]) -> list[float]:
    """The time of each of some works, done in an order that is drawn: the first one finds cold caches."""
    taken = {int(place): seconds(works[place]) for place in rng.permutation(len(works))}
    return [taken[place] for place in range(len(works))]


def post(connection: HTTPConnection, task: str, body: bytes) -> dict[str, Any]:
    connection.request("POST", f"/v1/{task}/report", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    answer: dict[str, Any] = json.loads(response.read())
    if response.status != 200:
        raise RuntimeError(answer)
    return answer


def fresh_post(server: Server, task: str, body: bytes) -> dict[str, Any]:
    """A request on a connection of its own: a kept one may be closed while the peer computes."""
    return post(HTTPConnection(server.host, server.port), task, body)


def peer(task: str, columns: Columns) -> None:
    """Every metric of the report, one call each."""
    scores = columns.get("scores")
    other = columns.get("predictions", columns.get("queries"))
    if other is None:
        other = (scores >= 0.5).astype(np.int64) if scores.ndim == 1 else scores.argmax(axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of scikit-learn, where a metric is undefined
        for metric in PEERS[task].values():
            metric(columns["labels"], scores, other)


def core(batch: Batch, question: Question, reading: Reading) -> None:
    """The report of columns that stand ready."""
    report(states_of(batch, question, kinds_of(question, reading)), question, reading)


def floor(body: bytes, scores: Any) -> None:
    """The least that a report of scores takes: the parse, and one sort."""
    columns = simdjson.Parser().parse(body)
    columns["labels"].as_buffer(of_type="i")
    columns["scores"].as_buffer(of_type="d")
    np.sort(scores)


def peak_memory(server: Server, work: Callable[[], object]) -> int:
    """Bytes that the worker's memory rises above idle while it does some work."""
    (worker,) = server.workers
    idle = memory(worker, "VmRSS")
    Path(f"/proc/{worker}/clear_refs").write_text("5")  # resets the peak
    work()
    return memory(worker, "VmHWM") - idle


def memory(pid: int, field: str) -> int:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024


def large(server: Server, task: str, rows: int, times: int) -> list[list[str]]:
    """Rows of the table for one large request: over HTTP, in-process, and the floor."""
    rng = np.random.default_rng(1)
    send = partial(fresh_post, server, task)
    send(body_of(task, BATCHES[task](1000, rng)))
    taken, risen, size = [], [], 0
    for _ in range(times):
        columns = BATCHES[task](rows, rng)
        body, plain = body_of(task, columns), body_of(task, columns, intervals=False)
        size = len(body)
        works = [partial(send, body), partial(send, plain), partial(peer, task, columns)]
        if task == "binary":
            works.append(partial(floor, body, columns["scores"]))
        taken.append(in_any_order(rng, *works))
        another = body_of(task, BATCHES[task](rows, rng))
        risen.append(peak_memory(server, partial(send, another)) / len(another))
    mine, without, theirs, *least = map(statistics.median, zip(*taken, strict=True))
    what = f"{rows:,} rows, {task}, JSON of {size / 1e6:.0f} MB"
    table = [
        [what, "report over HTTP", milliseconds(mine), ""],
        ["", "the same without intervals", *without_intervals(without, mine)],
        ["", "scikit-learn in-process", *against(theirs, mine)],
        *(["", "floor: parse and one sort", *against(work, mine)] for work in least),
    ]
    table.append(["", "peak memory above idle", f"{statistics.median(risen):.1f} bodies", ""])
    return table


def in_process(task: str, rows: int, times: int) -> list[list[str]]:
    """Rows of the table for one large batch whose columns stand ready, without HTTP; the peer runs once."""
    rng = np.random.default_rng(3)
    taken = []
    for _ in range(times):
        columns = BATCHES[task](rows, rng)
        batch, question, reading = REPORTS[task](Settings()).load(columns | {"metrics": list(PEERS[task])})
        plain = replace(reading, intervals=False)
        taken.append(in_any_order(rng, *(partial(core, replace(batch), question, each) for each in (reading, plain))))
    mine, without = map(statistics.median, zip(*taken, strict=True))
    return [
        [f"{rows:,} rows, {task}, from arrays", "report in-process", milliseconds(mine), ""],
        ["", "the same without intervals", *without_intervals(without, mine)],
        ["", "scikit-learn in-process, one run", *against(seconds(partial(peer, task, columns)), mine)],
    ]


def small(server: Server, bare: Server, rows: int, times: int) -> list[list[str]]:
    """Rows of the table for many small requests: ours, a bare Flask route's, and in-process."""
    rng = np.random.default_rng(2)
    connections = [HTTPConnection(one.host, one.port) for one in (server, bare)]
    taken = []
    for _ in range(times):
        columns = BATCHES["binary"](rows, rng)
        body, plain = body_of("binary", columns), body_of("binary", columns, intervals=False)
        taken.append(
            in_any_order(
                rng,
                partial(post, connections[0], "binary", body),
                partial(post, connections[0], "binary", plain),
                partial(post, connections[1], "binary", body),
                partial(peer, "binary", columns),
            )
        )
    mine, without, least, theirs = map(statistics.median, zip(*taken, strict=True))
    return [
        [f"{rows} rows, binary, JSON", "report over HTTP", milliseconds(mine), ""],
        ["", "the same without intervals", *without_intervals(without, mine)],
        ["", "scikit-learn in-process", *against(theirs, mine)],
        ["", "bare Flask route that parses", *against(least, mine)],
    ]


def milliseconds(value: float) -> str:
    return f"{value * 1e3:,.1f} ms"


def against(theirs: float, ours: float) -> list[str]:
    """Their time, and how the two compare."""
    ratio = theirs / ours
    return [milliseconds(theirs), f"{ratio:.1f}x slower than Assay" if ratio > 1 else f"Assay takes {1 / ratio:.1f}x"]


def without_intervals(plain: float, ours: float) -> list[str]:
    """The time without intervals, and what they add to it."""
    return [milliseconds(plain), f"intervals add {ours / plain - 1:.0%}"]


def machine() -> str:
    """The processor, cores and Python this ran on."""
    info = Path("/proc/cpuinfo")
    models = [line.split(": ")[1] for line in info.read_text().splitlines() if line.startswith("model name")]
    processor = models[0] if models else platform.machine()
    return f"{processor}, {os.cpu_count()} cores, Python {platform.python_version()}, numpy {np.__version__}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        servers = [start(Path(folder) / "assay"), start(Path(folder) / "bare", "tests.benchmarks.bare:create_app()")]
        try:
            for server in servers:
                server.wait()
            table = [
                *large(servers[0], "binary", options.rows, options.times),
                *large(servers[0], "regression", options.rows, options.times),
                *large(servers[0], "multiclass", options.rows // 4, 1),
                *in_process("multiclass", options.rows, options.times),
                *large(servers[0], "ranking", options.rows, 1),
                *in_process("ranking", options.rows, options.times),
                *small(*servers, 100, 100 * options.times),
            ]
        finally:
            for server in servers:
                server.stop()
    lines = [
        f"Medians on {machine()}; one worker, a new body each time.",
        "",
        "| work | who | median | ratio |",
        "|---|---|---|---|",
        *("| " + " | ".join(row) + " |" for row in table),
        "",
        "The peer computes the report's own list, one call a metric: "
        + "; ".join(f"{task}: " + ", ".join(peers) for task, peers in PEERS.items())
        + ".",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    if options.write:
        text = options.write.read_text()
        before, rest = text.split(MARKS[0])
        after = rest.split(MARKS[1])[1]
        options.write.write_text(f"{before}{MARKS[0]}\n" + "\n".join(lines) + f"\n{MARKS[1]}{after}")


if __name__ == "__main__":
    main()
