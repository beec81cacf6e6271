"""The routes: reports from one loop over the tasks, and what describes the service."""

import math
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from flask import Flask, Response, g, render_template, request
from werkzeug.exceptions import NotFound

from schemas.compare import CompareRequest
from schemas.reports import REPORTS
from schemas.requests import ReportRequest
from service import json_columns, media
from service.body import decoder_of, read_body
from service.by_group import sections_of
from service.columnar import malformed, options_of
from service.comparison import compare
from service.deadline import within
from service.evaluate import kinds_of, report, states_of
from service.gate import Gate
from service.limits import limits
from service.metrics.catalogue import TASKS
from service.metrics.findings import FINDINGS
from service.metrics.row import Metric, Task
from service.metrics.undefined import REASONS
from service.problems import Problem
from service.settings import Settings
from service.telemetry import Record, phase

OPENAPI = Path(__file__).parent.parent / "openapi.yaml"


def register(app: Flask, settings: Settings) -> None:
    """Add every route of the service."""
    app.before_request(well_formed)
    app.before_request(one_slash)
    gate = Gate(settings.wait_seconds)
    for task, schema in REPORTS.items():
        for verb, answer in (
            ("report", report_of(schema(settings))),
            ("compare", comparison_of(CompareRequest(settings, schema))),
        ):
            view = computing(answer, verb, settings, gate)
            app.add_url_rule(
                f"/v1/{task}/{verb}", f"{verb}_{task}", view, methods=["POST"], provide_automatic_options=False
            )
    for path, page in {
        "/": index,
        "/v1/metrics": catalogue,
        "/v1/findings": findings,
        "/v1/limits": lambda: limits_in_force(settings),
        "/openapi.yaml": openapi_yaml,
        "/openapi.json": openapi_json,
    }.items():
        app.add_url_rule(path, path, page, provide_automatic_options=False)


def well_formed() -> None:
    """Refuse versions of HTTP that the server lets pass and does not speak, and in HTTP/1.1 requests without a Host."""
    version = request.environ["SERVER_PROTOCOL"]
    if version not in {"HTTP/1.0", "HTTP/1.1"}:
        raise Problem("bad-request", "The service speaks HTTP/1.1.")
    if version == "HTTP/1.1" and "HTTP_HOST" not in request.environ:
        raise Problem("bad-request", "The request has no Host header.")


def one_slash() -> None:
    """Refuse a path that starts with two slashes, which would be routed as if it had one."""
    if request.environ["PATH_INFO"].startswith("//"):
        raise NotFound


class Answer(NamedTuple):
    """How columns are answered: what they ask, checked; then what is said to it, and on how many rows."""

    asked: Callable[[Any], Any]
    made: Callable[[Any], tuple[dict[str, Any], int]]


def report_of(schema: ReportRequest) -> Answer:
    """Answers a batch with its report."""

    def made(asked: Any) -> tuple[dict[str, Any], int]:
        batch, question, reading = asked
        del asked
        states = states_of(batch, question, kinds_of(question, reading))
        on_groups = sections_of(batch, question, reading)
        del batch
        found = report(states, question, reading, on_groups)
        return found, found["samples"]

    return Answer(schema.load, made)


def comparison_of(schema: CompareRequest) -> Answer:
    """Answers candidates with their reports and how they differ."""

    def made(asked: Any) -> tuple[dict[str, Any], int]:
        found = compare(*asked)
        return found, sum(found["candidates"][name]["samples"] for name in found["candidates"])

    return Answer(schema.asked, made)


def computing(answer: Answer, verb: str, settings: Settings, gate: Gate) -> Callable[[], Response]:
    """The view that decodes a body and answers its columns, one at a time."""

    @json_columns.parsers_at_rest()
    def view() -> Response:
        columns_of = negotiated(verb)
        decode = decoder_of(request.headers.get("Content-Encoding", "").strip().lower())
        with phase("read"):
            body = read_body(request.environ, settings)
        record: Record = g.record
        record.bytes = len(body)
        with gate.turn() as turn:
            with phase("wait"):
                turn.wait()
            with within(settings.compute_seconds):
                with phase("parse"):
                    body = decode(body, settings.max_decoded_bytes)
                    columns = [columns_of(body, settings)]
                del body  # the columns stand on their own
                with phase("validate"):
                    asked = [answer.asked(columns.pop())]
                with phase("compute"):
                    made, record.rows = answer.made(asked.pop())
                record.task = made["task"]
                with phase("write"):
                    return Response(media.encode(made), content_type=media.JSON)

    return view


def negotiated(verb: str) -> Callable[[bytes | bytearray, Settings], Any]:
    """What makes columns and options of the request. Raises `Problem` where it and the service agree on no type."""
    kind = media.ACCEPTED.get(request.mimetype)
    if kind is None or not kind.columnar:
        no_parameters()
    if not request.accept_mimetypes.best_match([media.JSON]) and request.accept_mimetypes:
        raise Problem("not-acceptable", f"Reports come as {media.JSON}. Accept it.")
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if kind is None or not kind.serves(verb) or charset not in {"utf-8", "utf8"}:
        names = ", ".join(media.accepted(verb))
        extra = " Others are read where Assay is installed with its extra `columnar`." if needs_extra(kind) else ""
        raise Problem(
            "unsupported-media-type",
            f"The Content-Type of the request is none of {names} in UTF-8. Send that header with the body.{extra}",
            headers={"Accept": names},
        )
    if not kind.columnar:
        return kind.decode
    options = options_of(request.query_string)

    def columns_of(body: bytes | bytearray, settings: Settings) -> Any:
        if not body:
            raise malformed("It is empty.")
        return kind.decode(body, settings) | options

    return columns_of


def needs_extra(kind: media.MediaType | None) -> bool:
    """Whether a media type would be read if more were installed."""
    return kind is not None and not kind.installed()


def no_parameters() -> None:
    """Refuse query parameters: every option of a JSON request is a field of its body."""
    if request.query_string:
        raise Problem(
            "unknown-parameter", "There are no query parameters here. The options of a report are fields of its body."
        )


# What there is, for people.
PATHS = {
    **{f"POST /v1/{task}/report": f"The report on a {task} batch" for task in REPORTS},
    **{f"POST /v1/{task}/compare": f"Which of several {task} candidates is better" for task in REPORTS},
    "GET /v1/metrics": "Every metric as data: definition, range, when it is undefined",
    "GET /v1/findings": "Every finding as data: when it is found, its thresholds, its words",
    "GET /v1/limits": "Every limit as data: the value in force, and the problem that a request beyond it gets",
    "GET /openapi.yaml": "The whole interface, for people and generators",
    "GET /openapi.json": "The same as JSON",
    "GET /livez": "Whether the process answers",
    "GET /readyz": "Whether it is ready for requests",
    "GET /healthz": "The same, by its older name",
    "GET /metrics": "Counters for Prometheus",
    "GET /": "This list",
}


def index() -> Response:
    """What there is: a page for a browser, JSON for a program."""
    no_parameters()
    about = {"service": "assay", "version": version("assay"), "paths": PATHS}
    response = Response(media.encode(about), content_type=media.JSON)
    if request.accept_mimetypes.best_match([media.JSON, "text/html"]) == "text/html":
        links = [(*path.split(" "), text) for path, text in PATHS.items()]
        response = Response(render_template("index.html", links=links, tasks=TASKS.values(), version=about["version"]))
    response.vary.add("Accept")
    return response


def catalogue() -> Response:
    """The catalogue of metrics as data."""
    no_parameters()
    rows = [described(task, metric) for task in TASKS.values() for metric in task.metrics]
    return Response(media.encode({"metrics": rows}), content_type=media.JSON)


def described(task: Task, metric: Metric) -> dict[str, Any]:
    """A row of the catalogue; infinite bounds are null."""
    return {
        "task": task.name,
        "name": metric.name,
        **metric.documentation(),
        "range": [bounded(metric.low), bounded(metric.high)],
        "best": bounded(metric.best),
        "test_statistic": metric.test_statistic,
        "interval": metric.interval,
        "undefined_when": {reason: REASONS[reason] for reason in metric.reasons},
    }


def findings() -> Response:
    """The table of findings as data."""
    no_parameters()
    rows = [
        {
            "code": rule.name,
            "severity": rule.severity,
            "found_in": part,
            "tasks": rule.tasks,
            "found_when": rule.found_when,
            "thresholds": rule.thresholds,
            "explains": rule.explains,
            "message": rule.message,
            "advice": rule.advice,
        }
        for part, rules in FINDINGS.items()
        for rule in rules
    ]
    return Response(media.encode({"findings": rows}), content_type=media.JSON)


def limits_in_force(settings: Settings) -> Response:
    """The table of limits as data."""
    no_parameters()
    return Response(media.encode({"limits": limits(settings)}), content_type=media.JSON)


def bounded(value: float) -> float | None:
    """The value, None where it is infinite."""
    return value if math.isfinite(value) else None


def openapi_yaml() -> Response:
    """The description of the interface, as committed."""
    no_parameters()
    return Response(OPENAPI.read_bytes(), content_type="application/yaml")


def openapi_json() -> Response:
    """The same as JSON."""
    no_parameters()
    return Response(openapi_as_json(), content_type=media.JSON)


@cache
def openapi_as_json() -> bytes:
    """openapi.yaml as JSON, converted once a process."""
    return media.encode(yaml.load(OPENAPI.read_bytes(), Loader=yaml.CSafeLoader))
