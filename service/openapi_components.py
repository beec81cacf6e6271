"""What openapi.yaml holds beside the routes: schemas and headers that no task changes, and how schemas are written."""

from collections.abc import Collection
from typing import Any

from schemas.fields import OneLabel
from service import media, problems
from service.limits import limits
from service.metrics.findings import FINDINGS
from service.metrics.findings.rule import SEVERITIES
from service.metrics.undefined import REASONS
from service.settings import Settings

Json = dict[str, Any]


def ref(name: str) -> Json:
    """A reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def open_object(description: str, properties: Json, optional: Collection[str] = ()) -> Json:
    """An object of an answer, which may grow."""
    schema: Json = {"description": description, "type": "object", "properties": properties}
    required = [name for name in properties if name not in optional]
    return schema | ({"required": required} if required else {}) | {"additionalProperties": True}


def array_of(items: Json, **more: Any) -> Json:
    """An array of these."""
    return {**more, "type": "array", "items": items}


def map_of(values: Json, description: str) -> Json:
    """An object whose keys are names."""
    return {"description": description, "type": "object", "additionalProperties": values}


LIMITS = limits(Settings())
STRING: Json = {"type": "string"}
BOUND: Json = {"type": ["number", "null"]}
CODE: Json = {
    "description": "Stable, for programs. GET /v1/findings says when each is found.",
    "type": "string",
    "examples": list(dict.fromkeys(rule.name for rules in FINDINGS.values() for rule in rules)),
}
SEVERITY: Json = {"type": "string", "examples": list(SEVERITIES)}
PAIR = array_of({"type": "integer", "minimum": 0, "maximum": 1}, minItems=2, maxItems=2)

SCHEMAS: dict[str, Json] = {
    "Label": {
        "description": "An integer of 64 bits, a boolean, a string without NUL; or a pair of a 0 and a 1.",
        "anyOf": [*OneLabel("").openapi()["anyOf"], PAIR],
    },
    "Undefined": open_object(
        "Why a part of a report has no value: for programs and in words.",
        {"reason": {"type": "string", "examples": sorted(REASONS)}, "detail": STRING},
    ),
    "Interval": open_object(
        "Limits that cover the true value of a metric with the probability of the confidence level.",
        {
            "low": {"type": "number"},
            "high": {"type": "number"},
            "method": {"description": "How the limits were found.", "type": "string"},
        },
    ),
    "Problem": open_object(
        "What went wrong (RFC 9457).",
        {
            "type": {
                "description": "The kind of problem, stable for programs.",
                "type": "string",
                "examples": [problems.TYPE_PREFIX + slug for slug in problems.PROBLEMS],
            },
            "title": {"description": "The kind of problem in words.", "type": "string"},
            "status": {"description": "The status of the response.", "type": "integer"},
            "detail": {"description": "What is wrong with this request.", "type": "string"},
            "request_id": {"description": "The X-Request-Id of the response.", "type": "string"},
            "errors": array_of(
                ref("ProblemError"), description="The places that are wrong.", maxItems=problems.MOST_ERRORS
            ),
        },
        optional=["errors"],
    ),
    "ProblemError": open_object(
        "A place in the request and what is wrong there.",
        {"pointer": {"description": "JSON Pointer as a URI fragment (RFC 6901).", "type": "string"}, "detail": STRING},
    ),
    "Index": open_object(
        "What there is.", {"service": STRING, "version": STRING, "paths": map_of(STRING, "What each route gives.")}
    ),
    "Catalogue": open_object("All metrics.", {"metrics": array_of(ref("CatalogueMetric"))}),
    "CatalogueMetric": open_object(
        "A metric.",
        {
            **dict.fromkeys(("task", "name", "summary", "formula", "reference"), STRING),
            "range": array_of(BOUND, minItems=2, maxItems=2, description="Lowest and highest; null: no bound."),
            "best": {"description": "The best value; null where it is infinite.", **BOUND},
            "test_statistic": {
                "description": "Whether it grows with the number of rows, so that it compares no batches.",
                "type": "boolean",
            },
            "interval": {"description": "How its interval is made, or why there is none.", "type": "string"},
            "undefined_when": map_of(STRING, "The reasons for which it may be null, in words."),
        },
    ),
    "FindingRules": open_object(
        "All rules of findings; one code may have several.", {"findings": array_of(ref("FindingRule"))}
    ),
    "FindingRule": open_object(
        "When there is a finding, and what it says.",
        {
            "code": CODE,
            "severity": SEVERITY,
            "found_in": {"type": "string", "examples": list(FINDINGS)},
            "tasks": array_of(STRING),
            "found_when": STRING,
            "thresholds": map_of({"type": "number"}, "The numbers that it goes by, which no request changes."),
            "explains": array_of(
                STRING, description="Codes of findings that follow from it and are left out beside it."
            ),
            "message": {"description": "The sentence, with the names of evidence in braces.", **STRING},
            "advice": {"description": "What to do, likewise.", **STRING},
        },
    ),
    "Limits": open_object("All limits.", {"limits": array_of(ref("Limit"))}) | {"examples": [{"limits": LIMITS}]},
    "Limit": open_object(
        "What is on a limit is taken, what is beyond it is refused.",
        {
            "name": {"type": "string", "examples": [limit["name"] for limit in LIMITS]},
            "variable": {"description": "The setting; null where none changes it.", "type": ["string", "null"]},
            "value": {"description": "The limit in force.", "type": "number"},
            "unit": STRING,
            "description": STRING,
            "status": {"description": "The status of the refusal.", "type": "integer"},
            "problem": {"description": "The type of the refusal.", "type": "string"},
        },
    ),
    "Health": open_object("The state of the service.", {"status": STRING}),
}

HEADERS: dict[str, Json] = {
    "RequestId": {
        "description": "That of the request, if it sent one of at most 128 letters, digits and . _ -, else a new one.",
        "required": True,
        "schema": STRING,
    },
    "TraceParent": {
        "description": "The span of this request (W3C Trace Context), in the trace that its own `traceparent` named.",
        "required": True,
        "schema": STRING,
    },
    "Authenticate": {"description": "How to show a key, where one is missing (401).", "schema": STRING},
    "RetryAfter": {
        "description": "Seconds to wait where the service is busy or stopping (503).",
        "schema": {"type": "integer"},
    },
}
INTERVALS = map_of(
    {"anyOf": [ref("Interval"), {"type": "null"}]},
    "An interval beside each metric; null where the metric is, or where `undefined` says why under `intervals.` and "
    "its name.",
)
OF_EVERY_ANSWER = {
    "X-Request-Id": {"$ref": "#/components/headers/RequestId"},
    "traceparent": {"$ref": "#/components/headers/TraceParent"},
}
PROBLEM_RESPONSE = {
    "description": "A problem: the request or the service is at fault, and there is no other answer.",
    "headers": {
        **OF_EVERY_ANSWER,
        "Retry-After": {"$ref": "#/components/headers/RetryAfter"},
        "WWW-Authenticate": {"$ref": "#/components/headers/Authenticate"},
    },
    "content": {problems.MEDIA_TYPE: {"schema": ref("Problem")}},
}

# Pages beside the reports: operationId, and a schema for each media type.
PAGES: dict[str, tuple[str, dict[str, Json]]] = {
    "/": ("index", {media.JSON: ref("Index"), "text/html": STRING}),
    "/v1/metrics": ("metrics", {media.JSON: ref("Catalogue")}),
    "/v1/findings": ("findings", {media.JSON: ref("FindingRules")}),
    "/v1/limits": ("limits", {media.JSON: ref("Limits")}),
    "/openapi.yaml": ("openapi_yaml", {"application/yaml": {}}),
    "/openapi.json": ("openapi_json", {media.JSON: {"type": "object"}}),
    "/livez": ("livez", {media.JSON: ref("Health")}),
    "/readyz": ("readyz", {media.JSON: ref("Health")}),
    "/healthz": ("healthz", {media.JSON: ref("Health")}),
    "/metrics": ("prometheus", {"text/plain": STRING}),
}
