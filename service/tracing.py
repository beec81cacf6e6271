"""Traces: the place of a request in what its caller does (W3C Trace Context), and its spans for OpenTelemetry."""

import importlib.util
import logging
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Of later versions more may follow.
PARENT = re.compile(
    r"(?P<version>(?!ff)[0-9a-f]{2})-(?P<trace>(?!0{32})[0-9a-f]{32})-(?P<span>(?!0{16})[0-9a-f]{16})"
    r"-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)
SAMPLED = 1
NANOSECONDS = 10**9
# Where OpenTelemetry sends spans, by its own standard variables.
ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

log = logging.getLogger(__name__)
# What makes spans, once `start` has run in this process.
tracers: list[Any] = []


@dataclass(frozen=True)
class Trace:
    """A span of a trace: that of this request.

    `parent` is the caller's, empty where none was named; `span` is what OpenTelemetry knows it by, if it runs.
    """

    trace_id: str
    parent: str = ""
    sampled: bool = False
    span_id: str = field(default_factory=lambda: secrets.token_hex(8))
    span: Any = None

    @classmethod
    def of(cls, header: str) -> "Trace":
        """The span of a request with this `traceparent`; the first of a new trace where there is no valid one."""
        found = PARENT.fullmatch(header)
        if found is None or (found["version"] == "00" and found["more"]):
            return cls(secrets.token_hex(16))
        return cls(found["trace"], found["span"], bool(int(found["flags"], 16) & SAMPLED))

    @property
    def header(self) -> str:
        """The `traceparent` of what belongs to this request."""
        return f"00-{self.trace_id}-{self.span_id}-{int(self.sampled):02x}"


def start() -> None:
    """Send spans from now on, where OpenTelemetry is asked to. Its threads do not survive a fork: once a worker."""
    if not any(os.environ.get(name) for name in ENDPOINTS):
        return
    if importlib.util.find_spec("opentelemetry") is None:
        log.warning("No traces are sent: they need the extra `otel`, install assay[otel].")
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415  # of the extra
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415  # of the extra
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415  # of the extra
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415  # of the extra

    provider = TracerProvider(resource=Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME", "assay")}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    tracers[:] = [provider.get_tracer("assay")]


def begin(header: str) -> Trace:
    """The trace of a request with this `traceparent`; a span of OpenTelemetry begins where it runs."""
    trace = Trace.of(header)
    if not tracers:
        return trace
    from opentelemetry import trace as api  # noqa: PLC0415  # of the extra

    context = None
    if trace.parent:
        flags = api.TraceFlags(SAMPLED if trace.sampled else 0)
        caller = api.SpanContext(int(trace.trace_id, 16), int(trace.parent, 16), is_remote=True, trace_flags=flags)
        context = api.set_span_in_context(api.NonRecordingSpan(caller))
    span = tracers[0].start_span("request", context, kind=api.SpanKind.SERVER)
    own = span.get_span_context()
    ids = (api.format_trace_id(own.trace_id), trace.parent, own.trace_flags.sampled, api.format_span_id(own.span_id))
    return Trace(*ids, span)


def end(trace: Trace, began: int, phases: Mapping[str, float], said: Mapping[str, Any]) -> None:
    """End the span of a request, if OpenTelemetry has one, with a span of each phase in it.

    `began` is in nanoseconds since 1970; phases are in seconds, and follow each other. What the log says of the request
    becomes attributes.
    """
    if trace.span is None or not trace.span.is_recording():
        return
    from opentelemetry import trace as api  # noqa: PLC0415  # of the extra

    inside = api.set_span_in_context(trace.span)
    for name, seconds in phases.items():
        phase = tracers[0].start_span(name, inside, start_time=began)
        began += int(seconds * NANOSECONDS)
        phase.end(began)
    trace.span.update_name(f"{said['method']} {said['route']}")
    trace.span.set_attributes(
        {
            "http.request.method": said["method"],
            "http.route": said["route"],
            "http.response.status_code": said["status"],
            "assay.request_id": said["request_id"],
            "assay.rows": said["rows"],
            "http.request.body.size": said["bytes"],
        }
    )
    trace.span.end()
