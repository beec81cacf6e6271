"""What can be seen of the service from outside: a record of each request, and where it goes.

One record gives a line of the log, counts for Prometheus over all worker processes, and a trace. None of them holds
anything that a client wrote: no label, score, key, path or body.
"""

import logging
import os
import time
from dataclasses import dataclass, field
from types import TracebackType

from flask import Flask, Response, g, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    multiprocess,
)

from service import tracing
from service.access import OPEN
from service.tracing import Trace

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
REQUESTS = Counter("assay_requests", "Answered requests.", ["route", "method", "status"])
SECONDS = Histogram(
    "assay_request_seconds", "Time from the end of the headers to the answer.", ["route"], buckets=BUCKETS
)
PHASES = Histogram(
    "assay_phase_seconds",
    "Time of a phase: read the body, wait for the worker, parse, validate, compute, write the report.",
    ["route", "phase"],
    buckets=BUCKETS,
)
ROWS = Counter("assay_rows", "Rows in reports.", ["task"])
BYTES = Counter("assay_body_bytes", "Bytes of bodies, as they came.", ["route"])
# Labels come from the routes and from this list, so no client can make a new series.
METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"}
# What asks without end and says nothing new: logged where `log_level` is debug.
QUIET = OPEN | {"/metrics"}

log = logging.getLogger(__name__)


@dataclass
class Record:
    """What is known of a request.

    It `began` in nanoseconds since 1970 and `started` on a clock that nobody sets; `phases` are in seconds, in order.
    """

    trace: Trace
    began: int = field(default_factory=time.time_ns)
    started: float = field(default_factory=time.perf_counter)
    phases: dict[str, float] = field(default_factory=dict)
    task: str = ""
    rows: int = 0
    bytes: int = 0


class phase:  # noqa: N801  # it reads as a statement: with phase("read")
    """Adds the time of a block to the record of the request, under this name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        self.started = time.perf_counter()

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        phases = g.record.phases
        phases[self.name] = phases.get(self.name, 0.0) + time.perf_counter() - self.started


def register(app: Flask) -> None:
    """Keep a record of every request, and expose what was counted."""

    @app.before_request
    def start() -> None:
        g.record = Record(tracing.begin(request.headers.get("traceparent", "")))

    @app.after_request
    def end(response: Response) -> Response:
        record: Record = g.record
        route = request.url_rule.rule if request.url_rule else "none"
        method = request.method if request.method in METHODS else "other"
        seconds = time.perf_counter() - record.started
        count(record, route, method, response.status_code, seconds)
        said = {
            "request_id": g.request_id,
            "trace_id": record.trace.trace_id,
            "caller": g.get("caller"),
            "route": route,
            "method": method,
            "status": response.status_code,
            "rows": record.rows,
            "bytes": record.bytes,
            "ms": {name: round(value * 1e3, 3) for name, value in (record.phases | {"all": seconds}).items()},
        }
        log.log(logging.DEBUG if route in QUIET else logging.INFO, "request", extra=said)
        tracing.end(record.trace, record.began, record.phases, said)
        response.headers["traceparent"] = record.trace.header
        return response

    @app.get("/metrics", provide_automatic_options=False)
    def metrics() -> Response:
        return Response(generate_latest(registry()), content_type=CONTENT_TYPE_LATEST)


def count(record: Record, route: str, method: str, status: int, seconds: float) -> None:
    """Add a request to what Prometheus reads."""
    REQUESTS.labels(route, method, status).inc()
    SECONDS.labels(route).observe(seconds)
    for name, value in record.phases.items():
        PHASES.labels(route, name).observe(value)
    if record.bytes:
        BYTES.labels(route).inc(record.bytes)
    if record.rows:
        ROWS.labels(record.task).inc(record.rows)


def registry() -> CollectorRegistry:
    """The registry of all workers where they share a directory, else of this process."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    shared = CollectorRegistry()
    multiprocess.MultiProcessCollector(shared)  # type: ignore[no-untyped-call]  # its author gave no types
    return shared
