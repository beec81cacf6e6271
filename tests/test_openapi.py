"""openapi.yaml is current, valid, complete, and tells the truth in its examples."""

import dataclasses
from collections.abc import Iterator
from typing import Any, TypedDict

import pytest
from apispec import APISpec
from flask import Flask
from flask.testing import FlaskClient
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from schemas.reports import REPORTS
from service import openapi
from service.app import create_app
from service.metrics.binary_states import Cells
from service.metrics.catalogue import TASKS
from service.metrics.cell_intervals import wilson
from service.metrics.row import Metric
from service.openapi import OPENAPI, rounded, type_schema
from service.settings import Settings

SPEC = openapi.build()
JSON = "application/json"
EXAMPLES = [(task, name) for task, examples in openapi.EXAMPLES.items() for name in examples]


@pytest.fixture(name="app", scope="module")
def application() -> Flask:
    return create_app(Settings())


@pytest.fixture(name="client")
def client_of(app: Flask) -> FlaskClient:
    return app.test_client()


def resolved(node: Any) -> Any:
    """What a reference refers to; anything else as it is."""
    while isinstance(node, dict) and "$ref" in node:
        path = node["$ref"].removeprefix("#/").split("/")
        node = SPEC
        for key in path:
            node = node[key]
    return node


def schemas_in(schema: Any) -> Iterator[dict[str, Any]]:
    """A schema and all within it. No schema of ours contains itself."""
    schema = resolved(schema)
    yield schema
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", []), *schema.get("allOf", [])]
    inner += [schema[key] for key in ("items", "additionalProperties") if isinstance(schema.get(key), dict)]
    for part in inner:
        yield from schemas_in(part)


def contents(*, of_requests: bool) -> dict[str, dict[str, Any]]:
    """The content of every request body, or of every response, by its place in words."""
    found = {}
    for path, methods in SPEC["paths"].items():
        for method, operation in methods.items():
            parts = {"request": operation.get("requestBody", {})} if of_requests else operation["responses"]
            for status, part in parts.items():
                for kind, content in resolved(part).get("content", {}).items():
                    found[f"{method} {path} {status} {kind}"] = content
    return found


def objects_in(schema: Any) -> list[dict[str, Any]]:
    """The objects in a schema that have named properties."""
    return [part for part in schemas_in(schema) if "properties" in part]


def problems_of(value: Any, name: str) -> list[str]:
    """What the schema component of this name finds wrong with a value."""
    validator = OAS31Validator({"$ref": f"#/components/schemas/{name}", "components": SPEC["components"]})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def test_committed_file_is_current() -> None:
    assert OPENAPI.read_text(encoding="utf-8") == openapi.text(), "openapi.yaml is stale: run make openapi"


def test_it_is_valid() -> None:
    validate(SPEC)


def test_it_has_every_route_and_no_other(app: Flask) -> None:
    served = {
        (rule.rule, method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert {(path, method) for path, methods in SPEC["paths"].items() for method in methods} == served


def test_every_operation_has_its_own_name() -> None:
    names = [operation["operationId"] for methods in SPEC["paths"].values() for operation in methods.values()]
    assert len(set(names)) == len(names)
    assert {f"report_{task}" for task in REPORTS} <= set(names)


@pytest.mark.parametrize("place", contents(of_requests=True))
def test_objects_of_requests_are_closed(place: str) -> None:
    schema = contents(of_requests=True)[place]["schema"]
    assert objects_in(schema)
    assert [part for part in objects_in(schema) if part.get("additionalProperties") is not False] == []


@pytest.mark.parametrize("place", contents(of_requests=True))
def test_requests_state_no_default(place: str) -> None:
    assert [part for part in schemas_in(contents(of_requests=True)[place]["schema"]) if "default" in part] == []


@pytest.mark.parametrize("task", REPORTS)
def test_requests_have_the_fields_of_their_schema(task: str) -> None:
    fields = REPORTS[task](Settings()).fields
    request = SPEC["components"]["schemas"][f"{task.capitalize()}ReportRequest"]
    assert request["properties"].keys() == fields.keys()
    assert set(request["required"]) == {name for name, field in fields.items() if field.required}
    assert all(field["description"] for field in request["properties"].values())


@pytest.mark.parametrize("place", contents(of_requests=False))
def test_objects_of_responses_are_open(place: str) -> None:
    schema = contents(of_requests=False)[place]["schema"]
    assert [part for part in objects_in(schema) if part.get("additionalProperties") is not True] == []


@pytest.mark.parametrize("task", REPORTS)
def test_metrics_are_those_of_the_catalogue_and_none_is_required(task: str) -> None:
    metrics = SPEC["components"]["schemas"][f"{task.capitalize()}Metrics"]
    one, several = metrics["properties"], metrics.get("patternProperties", {})
    assert list(one) == [metric.name for metric in TASKS[task].metrics if not metric.each]
    assert list(several) == [metric.pattern for metric in TASKS[task].metrics if metric.each]
    assert "required" not in metrics
    assert all(schema["type"] == ["number", "null"] for schema in [*one.values(), *several.values()])


@pytest.mark.parametrize(("task", "name"), EXAMPLES)
def test_examples_run(task: str, name: str, client: FlaskClient) -> None:
    path = f"/v1/{task}/report"
    asked = contents(of_requests=True)[f"post {path} request {JSON}"]["examples"][name]["value"]
    shown = contents(of_requests=False)[f"post {path} 200 {JSON}"]["examples"][name]["value"]
    answer = client.post(path, json=asked)
    assert answer.status_code == 200
    assert rounded(answer.get_json()) == shown
    assert problems_of(asked, f"{task.capitalize()}ReportRequest") == []
    assert problems_of(shown, f"{task.capitalize()}Report") == []


@pytest.mark.parametrize("task", REPORTS)
def test_examples_show_every_part_of_a_report(task: str) -> None:
    examples = contents(of_requests=False)[f"post /v1/{task}/report 200 {JSON}"]["examples"]
    shown = {key for example in examples.values() for key in example["value"]}
    assert shown >= SPEC["components"]["schemas"][f"{task.capitalize()}Report"]["properties"].keys()


class Point(TypedDict):
    """A point."""

    x: float
    label: int | str | None


@pytest.mark.parametrize(
    ("kind", "schema"),
    [
        (int | float, {"type": "number"}),
        (float | None, {"type": ["number", "null"]}),
        (list[int | bool | str | None], {"type": "array", "items": {"type": ["string", "boolean", "integer", "null"]}}),
        (dict[str, str], {"type": "object", "additionalProperties": {"type": "string"}}),
        (dict[str, Any], {"type": "object", "additionalProperties": True}),
        (Point | None, {"anyOf": [{"$ref": "#/components/schemas/Point"}, {"type": "null"}]}),
    ],
)
def test_types_become_schemas(kind: Any, schema: dict[str, Any]) -> None:
    assert type_schema(APISpec("test", "1", "3.1.0"), kind) == schema


def test_a_typed_dict_becomes_a_component() -> None:
    spec = APISpec("test", "1", "3.1.0")
    type_schema(spec, Point)
    assert spec.components.schemas["Point"] == {
        "description": "A point.",
        "type": "object",
        "properties": {"x": {"type": "number"}, "label": {"type": ["string", "integer", "null"]}},
        "required": ["x", "label"],
        "additionalProperties": True,
    }


def test_a_type_without_schema_is_refused() -> None:
    with pytest.raises(TypeError, match="complex"):
        type_schema(APISpec("test", "1", "3.1.0"), list[complex])


def error_rate(cells: Cells) -> Any:
    """Share of all rows that are predicted wrong.

    Formula: (FP + FN) / (TP + FP + FN + TN)
    Reference: 1 - accuracy
    """
    return (cells.fp + cells.fn) / (cells.tp + cells.fp + cells.fn + cells.tn)


def test_one_more_row_is_one_more_metric_everywhere(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    binary = TASKS["binary"]
    row = Metric(error_rate, best=0.0, uncertainty=wilson)
    monkeypatch.setitem(TASKS, "binary", dataclasses.replace(binary, rows=(*binary.rows, row)))
    schemas = openapi.build()["components"]["schemas"]
    assert schemas["BinaryMetrics"]["properties"]["error_rate"] == {
        "description": "Share of all rows that are predicted wrong. Formula: (FP + FN) / (TP + FP + FN + TN)",
        "type": ["number", "null"],
        "minimum": 0,
        "maximum": 1,
    }
    assert "error_rate" in schemas["BinaryReportRequest"]["properties"]["metrics"]["items"]["enum"]
    rows = client.get("/v1/metrics").get_json()["metrics"]
    assert [row["summary"] for row in rows if row["name"] == "error_rate"] == [
        "Share of all rows that are predicted wrong."
    ]
    batch = {"labels": [0, 1, 1, 0], "scores": [0.1, 0.9, 0.2, 0.3]}
    report = client.post("/v1/binary/report", json=batch | {"metrics": ["error_rate"]}).get_json()
    assert report["metrics"] == {"error_rate": 0.25}
    assert report["intervals"]["error_rate"]["method"] == "wilson"
    assert client.post("/v1/binary/report", json=batch).get_json()["metrics"]["error_rate"] == 0.25
