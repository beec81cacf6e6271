"""What can be seen from outside: lines of the log, series, traces; and that nothing a client wrote is among them."""

import csv
import io
import json
import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.client import BadStatusLine
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from service.app import create_app
from service.settings import Settings
from service.tracing import Trace
from tests.data.bad_inputs import FINE, JSON
from tests.serving import Server, start
from tests.wire import Answer, exchange, head, request

PHASES = ["read", "wait", "parse", "validate", "compute", "write"]
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CANARY = "canary4711"
# A number of that many digits is no time and no count.
NUMBER = "0.7231894561230987"


class Collector:
    """What OpenTelemetry sends its spans to."""

    def __init__(self) -> None:
        received: list[bytes] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                received.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.received = received
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def environment(self) -> dict[str, str]:
        """What has a service send its spans here, before long and without compression."""
        url = f"http://127.0.0.1:{self.server.server_port}"
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_BSP_SCHEDULE_DELAY": "100"}

    @property
    def spans(self) -> list:
        """All spans, in the order they ended."""
        sent = [ExportTraceServiceRequest.FromString(body) for body in self.received]
        return [
            span for each in sent for part in each.resource_spans for scope in part.scope_spans for span in scope.spans
        ]


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.server.shutdown()
    made.server.server_close()


class Watched:
    """A service, and what it leaves behind once it has ended."""

    def __init__(self, log: Path, **environment: str) -> None:
        self.server = start(log, **environment)
        self.server.wait()

    def lines(self) -> list[dict]:
        """The lines of the log, once the service has ended."""
        if self.server.process.poll() is None:
            self.server.stop()
        return [json.loads(line) for line in self.server.log.read_text().splitlines()]


@pytest.fixture
def watched(tmp_path: Path, collector: Collector) -> Iterator[Watched]:
    """A service that logs all there is, and sends spans."""
    made = Watched(tmp_path / "log", ASSAY_LOG_LEVEL="debug", **collector.environment)
    yield made
    made.lines()


def asked(server: Server, **headers: str) -> Answer:
    return request(server.port, headers=JSON | headers, body=FINE)


def test_a_request_is_a_line_that_says_how_long_each_phase_took(watched):
    answer = asked(watched.server, traceparent=f"00-{TRACE}-{SPAN}-01")
    refused = request(watched.server.port, headers=JSON, body=b"{")
    request(watched.server.port, method="GET", target="/livez", headers={})
    lines = {line["request_id"]: line for line in watched.lines() if line["event"] == "request"}
    line = lines[answer.headers["X-Request-Id"]]
    assert line.pop("timestamp").endswith("Z")
    times = line.pop("ms")
    assert list(times) == [*PHASES, "all"]
    assert 0 < sum(times[name] for name in PHASES) <= times["all"] + 0.01
    assert line == {
        "event": "request",
        "level": "info",
        "logger": "service.telemetry",
        "request_id": answer.headers["X-Request-Id"],
        "trace_id": TRACE,
        "caller": None,
        "route": "/v1/binary/report",
        "method": "POST",
        "status": 200,
        "rows": len(json.loads(FINE)["labels"]),
        "bytes": len(FINE),
    }
    line = lines[refused.headers["X-Request-Id"]]
    assert (line["status"], line["rows"], line["bytes"], line["level"]) == (400, 0, 1, "info")
    assert list(line["ms"]) == ["read", "wait", "parse", "all"]
    assert {line["level"] for line in lines.values() if line["route"] in {"/livez", "/readyz"}} == {"debug"}


@pytest.mark.parametrize(
    ("header", "known"),
    [
        (f"00-{TRACE}-{SPAN}-01", True),
        (f"00-{TRACE}-{SPAN}-00", True),
        (f"cc-{TRACE}-{SPAN}-01-what-is-to-come", True),
        (f"00-{TRACE}-{SPAN}-01-more", False),
        (f"ff-{TRACE}-{SPAN}-01", False),
        (f"00-{'0' * 32}-{SPAN}-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
        (f"00-{TRACE.upper()}-{SPAN}-01", False),
        (f"00-{TRACE}-{SPAN}-1", False),
        (f"00-{TRACE[1:]}-{SPAN}-01", False),
        ("", False),
        (CANARY, False),
    ],
)
def test_a_trace_goes_on_where_its_header_is_valid(header, known):
    trace = Trace.of(header)
    assert (trace.trace_id == TRACE, trace.parent == SPAN) == (known, known)
    assert trace.sampled is (known and header.split("-")[3] == "01")
    version, trace_id, span_id, flags = trace.header.split("-")
    assert (version, trace_id, flags) == ("00", trace.trace_id, f"{trace.sampled:02x}")
    assert re.fullmatch("[0-9a-f]{16}", span_id)
    assert span_id != SPAN


def test_spans_of_a_request_and_of_its_phases_are_sent(watched, collector):
    answer = asked(watched.server, traceparent=f"00-{TRACE}-{SPAN}-01")
    unsampled = asked(watched.server, traceparent=f"00-{TRACE}-{SPAN}-00")
    own = asked(watched.server)
    watched.lines()
    ours = [span for span in collector.spans if span.trace_id.hex() == TRACE]
    (whole,) = (span for span in ours if span.parent_span_id.hex() == SPAN)
    assert answer.headers["traceparent"] == f"00-{TRACE}-{whole.span_id.hex()}-01"
    assert whole.name == "POST /v1/binary/report"
    inner = [span for span in ours if span.parent_span_id == whole.span_id]
    assert [span.name for span in inner] == PHASES
    assert len(ours) == 1 + len(PHASES)
    assert all(whole.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano for span in inner)
    assert unsampled.headers["traceparent"].endswith("-00")
    trace_id = own.headers["traceparent"].split("-")[1]
    assert trace_id in {span.trace_id.hex() for span in collector.spans}


def csv_of(columns: dict[str, list]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue().encode()


def planted() -> Iterator[tuple[str, dict[str, str], bytes]]:
    """Requests with canaries in every place: target, headers and body."""
    labels, scores = [f"{CANARY}a", f"{CANARY}b"] * 5, [float(NUMBER), 0.25] * 5
    fine = {
        "labels": labels,
        "scores": scores,
        "pos_label": labels[0],
        "sample_weight": scores,
        "groups": {CANARY: labels},
        "metadata": {CANARY: CANARY},
    }
    headers = {
        "X-Canary": CANARY,
        "User-Agent": CANARY,
        "Cookie": f"{CANARY}={CANARY}",
        "Authorization": f"Bearer {CANARY}",
        "Referer": CANARY,
        "tracestate": f"{CANARY}={CANARY}",
        "traceparent": CANARY,
        "X-Forwarded-For": CANARY,
    }
    report = "/v1/binary/report"
    for field in (None, *fine, "threshold", "costs", "requirements", "curves", "metrics", "weights_are", CANARY):
        bodies = (
            [fine]
            if field is None
            else [fine | {field: wrong} for wrong in (CANARY, [CANARY], {CANARY: CANARY}, float(NUMBER))]
        )
        for body in bodies:
            yield report, JSON | headers, json.dumps(body).encode()
    candidates = {CANARY: {"scores": scores}, f"{CANARY}2": {"scores": [CANARY]}}
    yield "/v1/binary/compare", JSON | headers, json.dumps({"labels": labels, "candidates": candidates}).encode()
    yield report, JSON | headers, CANARY.encode()
    yield report, {"Content-Type": f"text/{CANARY}"} | headers, FINE
    yield report, {"Content-Type": "application/json", "Content-Encoding": CANARY} | headers, FINE
    yield f"/{CANARY}", headers, b""
    yield f"{report}?{CANARY}={CANARY}", JSON | headers, FINE
    columns = {"labels": labels, "scores": [CANARY] * 10}
    yield f"{report}?pos_label={CANARY}", {"Content-Type": "text/csv"} | headers, csv_of(columns)
    yield report, {"Content-Type": "application/x-ndjson"} | headers, json.dumps({CANARY: CANARY}).encode()


def test_nothing_that_a_client_wrote_is_in_logs_series_traces_errors_or_the_process_list(watched, collector):
    server, statuses = watched.server, set()
    for target, headers, body in planted():
        answer = request(server.port, target=target, headers=headers, body=body)
        statuses.add(answer.status)
        if answer.status != 200:
            # A pointer names the field: that is the client's own name for it.
            problem = answer.json()
            text = json.dumps(problem | {"errors": [each["detail"] for each in problem.get("errors", [])]})
            text = re.sub(r"At #\S+:", "", text)
            assert CANARY not in text, text
            assert NUMBER not in text, text
    assert statuses >= {200, 400, 404, 415, 422}
    for line in (f"GET /{CANARY} HTTP/{CANARY}", f"{CANARY} / HTTP/1.1", f"GET / HTTP/1.1\r\n{CANARY}\x00: {CANARY}"):
        with suppress(ConnectionError, BadStatusLine):
            exchange(server.port, f"{line}\r\nHost: a\r\n\r\n".encode())
    exchange(server.port, head("POST", f"/{CANARY}", {"Content-Length": CANARY}))
    series = request(server.port, method="GET", target="/metrics", headers={}).body
    listed = b"".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in (server.pid, *server.workers))
    watched.lines()
    log = server.log.read_bytes()
    assert b'"event": "request"' in log
    for place in (log, series, listed, *collector.received):
        assert CANARY.encode() not in place
        assert NUMBER.encode() not in place
    assert collector.received


def test_random_paths_make_no_new_series():
    client = create_app(Settings()).test_client()
    names = [f"{number:x}" for number in range(10_000)]
    ask(client, names[:3])
    series(client)
    before = series(client)
    ask(client, names)
    assert series(client) == before


def ask(client, names: list[str]) -> None:
    """Ask for paths of these names, by methods that there are and by one of the name."""
    for place, name in enumerate(names):
        client.open(f"/{name}", method=("GET", "POST", name.upper())[place % 3])


def series(client) -> set[str]:
    """The names of all series."""
    lines = client.get("/metrics").text.splitlines()
    return {line.rsplit(" ", 1)[0] for line in lines if "_created" not in line and not line.startswith("#")}
