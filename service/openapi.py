"""Build openapi.yaml from the schemas of requests and the catalogue: `python -m service.openapi` writes it.

A development tool: the running service serves the file. Requests come from the marshmallow schemas, metrics from the
rows of the catalogue, the other parts of a report from the types that their functions return.
"""

import inspect
import math
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from importlib.metadata import metadata
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints, is_typeddict

import yaml
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from flask.testing import FlaskClient
from marshmallow import Schema

from schemas.columns import Outputs
from schemas.compare import CompareRequest
from schemas.fields import Field
from schemas.reports import REPORTS
from service import media
from service.api import OPENAPI, PATHS
from service.app import create_app
from service.candidates import MetricDifference
from service.columnar import KNOWN
from service.examples import COMPARED, COMPARISONS, EXAMPLES, RULES
from service.metrics.batch import Label
from service.metrics.catalogue import TASKS
from service.metrics.findings import Finding
from service.metrics.gaps import Fairness, Gap, GroupMetrics
from service.metrics.requirements import Verdict
from service.metrics.row import Metric, Row, Table, Task, always
from service.openapi_components import (
    CODE,
    HEADERS,
    INTERVALS,
    OF_EVERY_ANSWER,
    PAGES,
    PROBLEM_RESPONSE,
    SCHEMAS,
    SEVERITY,
    STRING,
    Json,
    array_of,
    map_of,
    open_object,
    ref,
)
from service.settings import Settings

TYPES: dict[Any, str] = {str: "string", bool: "boolean", int: "integer", float: "number", NoneType: "null"}
# Floats of examples have as many digits, so that no machine's last bit shows.
DIGITS = 10

BODY = "JSON in UTF-8, plain or with the Content-Encoding gzip, or zstd where it is installed."

# In words: generators of clients make nothing that works of a body of several media types.
COLUMNAR = (
    f"Or the columns alone: {KNOWN} Options are then query parameters of the same names, each read as JSON where it is "
    "JSON, else as a string. Arrow, Parquet and CSV are read where Assay is installed with its extra `columnar`."
)

TAGS = {
    "reports": "Reports of batches: the same body gives the same answer.",
    "comparisons": "Comparisons of candidates: the same body gives the same answer.",
    "service": "The service itself.",
}


# The tag of the routes of a verb, and what they give.
TAG_OF = {"report": "reports", "compare": "comparisons"}
ABOUT = {"report": "The report", "compare": "The comparison"}


class Converter(OpenAPIConverter):
    """Lets each field of ours describe itself, so that no bound is lost and no default becomes a keyword."""

    def field2property(self, field: Any) -> Json:
        if not isinstance(field, Field):
            raise TypeError(f"{field.name} is no field of schemas.fields")
        return {**field.metadata, **field.openapi()}


class Plugin(MarshmallowPlugin):
    """The plugin with this converter."""

    Converter = Converter


def build() -> Json:
    """The description of the interface."""
    project = metadata("assay")
    spec = APISpec(
        title="Assay",
        version=project["Version"],
        openapi_version="3.1.0",
        plugins=[Plugin()],
        info={"description": f"{project['Summary']}.", "license": {"name": "MIT", "identifier": "MIT"}},
        tags=[{"name": name, "description": about} for name, about in TAGS.items()],
        servers=[{"url": "/"}],
        security=[{}, {"key": []}],
    )
    spec.components.security_scheme(
        "key", {"type": "http", "scheme": "bearer", "description": "A key, or a JSON Web Token, where one is needed."}
    )
    type_schema(spec, Finding)
    spec.components.schemas["Finding"]["properties"] |= {"code": CODE, "severity": SEVERITY}
    client = create_app(Settings()).test_client()
    for task, request in REPORTS.items():
        add_report(spec, TASKS[task], request(Settings()), client)
        add_comparison(spec, TASKS[task], CompareRequest(Settings(), request), client)
    for path, (name, kinds) in PAGES.items():
        summary = PATHS[f"GET {path}"]
        content = {kind: {"schema": schema} for kind, schema in kinds.items()}
        get = {"tags": ["service"], "operationId": name, "summary": summary, "responses": responses(summary, content)}
        spec.path(path, operations={"get": get})
    for name, schema in SCHEMAS.items():
        spec.components.schema(name, schema)
    spec.components.response("Problem", PROBLEM_RESPONSE)
    for name, header in HEADERS.items():
        spec.components.header(name, header)
    built: Json = spec.to_dict()
    return {"openapi": built.pop("openapi"), **built}


def text() -> str:
    """The description as the text of openapi.yaml."""
    dumped = yaml.dump(build(), Dumper=Dumper, sort_keys=False, width=120, allow_unicode=True)
    return f"# Made from the schemas and the catalogue by `make openapi`.\n{dumped}"


class Dumper(yaml.SafeDumper):
    """Blocks, save that a list of scalars takes as few lines as it can; no anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # the signature of its base
        return True

    def represent_list(self, data: Iterable[Any]) -> yaml.SequenceNode:
        nested = any(isinstance(item, dict | list) for item in data)
        return self.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=not nested)


Dumper.add_representer(list, Dumper.represent_list)


def add_report(spec: APISpec, task: Task, request: Schema, client: FlaskClient) -> None:
    """Add the route of a task's report, its schemas and its examples."""
    path, title = f"/v1/{task.name}/report", task.name.capitalize()
    spec.components.schema(f"{title}ReportRequest", {"description": RULES[task.name]}, schema=request)
    spec.components.schema(f"{title}Metrics", metrics_schema(task))
    several = isinstance(request.fields["labels"], Outputs)
    spec.components.schema(f"{title}Report", report_schema(spec, task, f"{title}Metrics", several=several))
    add_post(spec, path, f"{title}Report", EXAMPLES[task.name], client)


def add_comparison(spec: APISpec, task: Task, request: CompareRequest, client: FlaskClient) -> None:
    """Add the route that compares candidates of a task, its schemas and its examples."""
    path, title = f"/v1/{task.name}/compare", task.name.capitalize()
    described = Schema.from_dict(request.described)()
    vars(described).update(limits=request.limits, report=request.report, catalogue=request.report.catalogue)
    about = {"description": f"{RULES[task.name]} {COMPARED}"}
    spec.components.schema(f"{title}ComparisonRequest", about, schema=described)
    properties = {
        "task": STRING,
        "paired": {"description": "Whether all candidates are of the same rows.", "type": "boolean"},
        "reference": {"description": "The candidate that all others are compared with.", "type": "string"},
        "primary_metric": {"description": "The metric that decides who wins.", "type": "string"},
        "winner": {
            "description": "Who is better by the primary metric: the reference where it is better than all others; "
            "else the candidate that is better than it, of several the one by most; null where there is none.",
            "type": ["string", "null"],
        },
        "candidates": map_of(ref(f"{title}Report"), "The report of each candidate."),
        "differences": type_schema(spec, list[MetricDifference]),
        "findings": type_schema(spec, list[Finding]),
        "verdict": type_schema(spec, Verdict),
    }
    about_answer = f"The comparison of {task.name} candidates."
    spec.components.schema(f"{title}Comparison", open_object(about_answer, properties, ["verdict"]))
    add_post(spec, path, f"{title}Comparison", COMPARISONS[task.name], client)


def add_post(
    spec: APISpec, path: str, schema: str, examples: Mapping[str, tuple[str, Json]], client: FlaskClient
) -> None:
    """Add a route with examples of its requests, and what it answers to them."""
    _, _, task, verb = path.split("/")
    asked: Json = {}
    given: Json = {}
    for name, (summary, body) in examples.items():
        answer = client.post(path, json=body)
        if answer.status_code != HTTPStatus.OK:
            raise ValueError(f"Example {name} of {path}: {answer.text}")
        asked[name] = {"summary": summary, "value": body}
        given[name] = {"summary": summary, "value": rounded(answer.get_json())}
    content = {media.JSON: {"schema": ref(f"{schema}Request"), "examples": asked}}
    columnar = [f"`{name}`: {kind.about}" for name, kind in media.ACCEPTED.items() if kind.columnar]
    post = {
        "tags": [TAG_OF[verb]],
        "operationId": f"{verb}_{task}",
        "summary": PATHS[f"POST {path}"],
        "requestBody": {
            "description": " ".join([BODY, COLUMNAR, *columnar] if verb == "report" else [BODY]),
            "required": True,
            "content": content,
        },
        "responses": responses(ABOUT[verb], {media.JSON: {"schema": ref(schema), "examples": given}}),
    }
    spec.path(path, operations={"post": post})


def rounded(value: Any) -> Any:
    """The value with its floats rounded."""
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def responses(description: str, content: Json) -> Json:
    """The answer where all is well, and the problem where it is not."""
    good = {"description": description, "headers": OF_EVERY_ANSWER, "content": content}
    return {"200": good, "default": {"$ref": "#/components/responses/Problem"}}


def metrics_schema(task: Task) -> Json:
    """The object of a task's metrics."""
    properties = {metric.name: metric_schema(metric) for metric in task.metrics if not metric.each}
    several = {metric.pattern: metric_schema(metric) for metric in task.metrics if metric.each}
    about = "The metrics that were asked for; null where `undefined` says why."
    return open_object(about, properties, properties) | ({"patternProperties": several} if several else {})


def metric_schema(metric: Metric) -> Json:
    """A metric: what it means, and its range as far as that is finite."""
    about = metric.documentation()
    bounds = {"minimum": float(metric.low), "maximum": float(metric.high)}
    return {
        "description": f"{about['summary']} Formula: {about['formula']}",
        "type": ["number", "null"],
        **{name: int(at) if at.is_integer() else at for name, at in bounds.items() if math.isfinite(at)},
    }


def report_schema(spec: APISpec, task: Task, metrics: str, *, several: bool) -> Json:
    """The object of a task's report; `several` says that labels may have several outputs."""
    parts = [row for row in task.rows if not isinstance(row, Metric)]
    properties: Json = {}
    for row in task.rows:
        if isinstance(row, Metric):
            properties["metrics"] = ref(metrics)
            properties["undefined"] = map_of(ref("Undefined"), "Why a metric or another part of the report is null.")
            properties["intervals"] = INTERVALS
            properties["baselines"] = map_of(
                {"type": "number"},
                "The same metrics, where they have a value, of a model that knows nothing but the labels, to beat: "
                "it always predicts the majority class (the negative one in a tie) with the prevalence as score, in a "
                "regression the mean or their own quantiles; in a ranking every order is as likely.",
            )
            if several:
                why = map_of(ref("Undefined"), "Why a metric of this output is null.")
                head = {"output": {"type": "integer"}, "intervals": INTERVALS, "undefined": why}
                one = open_object("The metrics of one output.", head, ["intervals"])
                text = "The metrics of each output, where labels have several."
                properties["per_output"] = array_of({"allOf": [ref(metrics), one]}, description=text)
        elif row.group:
            properties[row.group] = group_schema(spec, [other for other in parts if other.group == row.group])
        else:
            properties[row.name] = section_schema(spec, row)
    properties["groups"] = array_of(
        type_schema(spec, GroupMetrics), description="Each group of rows, by name and value."
    )
    properties["gaps"] = array_of(type_schema(spec, Gap), description="How far groups are apart in each metric.")
    if task.fairness:
        properties["fairness"] = array_of(type_schema(spec, Fairness), description="How unequally groups are treated.")
    properties["findings"] = type_schema(spec, list[Finding])
    properties["verdict"] = type_schema(spec, Verdict)
    sometimes = {row.group or row.name for row in parts if row.when is not always}
    sometimes |= {"per_output", "intervals", "groups", "gaps", "fairness", "verdict"}
    return open_object(f"The report of a {task.name} batch.", properties, sometimes)


def group_schema(spec: APISpec, rows: list[Row]) -> Json:
    """The object that holds sections of one group, all of them in the same reports."""
    about = inspect.getdoc(inspect.getmodule(rows[0].function)) or ""
    return open_object(about, {row.name: section_schema(spec, row) for row in rows})


def section_schema(spec: APISpec, row: Row) -> Json:
    """A part of a report that is no metric, by the type its function returns; of a table by its rows."""
    about = row.documentation()["summary"]
    if isinstance(row, Table):
        properties = {"class": type_schema(spec, Label)} | entry_properties(spec, row.rows)
        entry = open_object("A class.", properties, ["intervals"])
        return (
            {"description": about, "anyOf": [array_of(entry), {"type": "null"}]}
            if row.reasons
            else array_of(entry, description=about)
        )
    returned = get_type_hints(row.function).get("return", Any)
    schema = type_schema(spec, returned | None if row.reasons else returned)
    return {"description": about, **schema}


def entry_properties(spec: APISpec, rows: Iterable[Row]) -> Json:
    """The rows of an entry of a table, and why some are null."""
    properties = {
        row.name: metric_schema(row) if isinstance(row, Metric) else section_schema(spec, row) for row in rows
    }
    if any(isinstance(row, Metric) for row in rows):
        properties["intervals"] = INTERVALS
    return properties | {"undefined": map_of(ref("Undefined"), "Why a part of this entry is null.")}


def type_schema(spec: APISpec, kind: Any) -> Json:
    """The schema of a type of Python's; a `TypedDict` becomes a component."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind in TYPES:
        return {"type": TYPES[kind]}
    if origin in (Union, UnionType):
        choices = [type_schema(spec, choice) for choice in inner]
        if any(choice.keys() != {"type"} for choice in choices):
            return {"anyOf": choices}
        names = {choice["type"] for choice in choices}
        names -= {"integer"} if "number" in names else set()
        return {"type": names.pop() if len(names) == 1 else [name for name in TYPES.values() if name in names]}
    if origin is list:
        return array_of(type_schema(spec, inner[0]))
    if origin is dict:
        return {"type": "object", "additionalProperties": True if inner[1] is Any else type_schema(spec, inner[1])}
    if not is_typeddict(kind):
        raise TypeError(f"no schema for {kind}")
    if kind.__name__ not in spec.components.schemas:
        properties = {name: type_schema(spec, value) for name, value in get_type_hints(kind).items()}
        schema = open_object(inspect.getdoc(kind) or "", properties, kind.__optional_keys__)
        spec.components.schema(kind.__name__, schema)
    return ref(kind.__name__)


if __name__ == "__main__":
    OPENAPI.write_text(text(), encoding="utf-8")
