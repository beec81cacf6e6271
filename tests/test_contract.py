"""The service does what openapi.yaml says, on requests that are made up from it: bad ones, and good ones."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from openapi_schema_validator import OAS31Validator
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import positive_data_acceptance

from schemas.reports import REPORTS
from service.app import create_app
from service.settings import Settings

MOST_ROWS = 12

load_all_checks()
config = schemathesis.Config.from_dict({"generation": {"deterministic": True, "database": "none"}})
schema = schemathesis.openapi.from_wsgi("/openapi.json", create_app(Settings()), config=config)
bounded = settings(
    max_examples=120, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


@schema.parametrize()
@bounded
def test_any_request_is_answered_as_described(case: schemathesis.Case) -> None:
    # Columns that fit each other are beyond a schema, so that it may refuse what the schema allows.
    case.call_and_validate(excluded_checks=[positive_data_acceptance])


def validator(name: str) -> OAS31Validator:
    """What judges values by a schema component."""
    components = schema.raw_schema["components"]
    return OAS31Validator({"$ref": f"#/components/schemas/{name}", "components": components})


FINITE = st.floats(allow_nan=False, allow_infinity=False)
INTEGERS = st.integers(-(2**63), 2**63 - 1)  # larger ones are refused before any field is looked at
SIGNIFICANT = st.floats(min_value=1e-9, max_value=1e9)
LABELS: dict[str, st.SearchStrategy[Any]] = {
    "zero_one": st.just((0, 1)),
    "boolean": st.just((False, True)),
    "pair": st.just(([1, 0], [0, 1])),
    "integer": st.lists(INTEGERS, min_size=2, max_size=2, unique=True),
    "string": st.lists(
        st.text(st.characters(exclude_characters="\0"), max_size=256), min_size=2, max_size=2, unique=True
    ),
}


def column(rows: int, element: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """A column of so many rows."""
    return st.lists(element, min_size=rows, max_size=rows)


@st.composite
def binary(draw: st.DrawFn, options: dict[str, Any]) -> dict[str, Any]:
    """A batch that agrees with itself, with these options as far as they fit it."""
    rows = draw(st.integers(1, MOST_ROWS))
    kind = draw(st.sampled_from(sorted(LABELS)))
    classes = draw(LABELS[kind])
    request = options | {"labels": draw(column(rows, st.sampled_from(classes)))}
    if kind in ("integer", "string") or (kind in ("zero_one", "boolean") and draw(st.booleans())):
        request["pos_label"] = draw(st.sampled_from(classes))
    if draw(st.booleans()):
        request["predictions"] = draw(column(rows, st.sampled_from(classes)))
        request.pop("threshold", None)
    if "predictions" not in request or draw(st.booleans()):
        elements = [FINITE, st.floats(0, 1)]
        if request.get("pos_label", max(classes)) == max(classes):  # pairs are refused where the positive sorts first
            elements.append(st.floats(0, 1).map(lambda positive: [1 - positive, positive]))
        request["scores"] = draw(column(rows, draw(st.sampled_from(elements))))
    return request | draw(weights(rows))


@st.composite
def regression(draw: st.DrawFn, options: dict[str, Any]) -> dict[str, Any]:
    """A batch that agrees with itself, with these options as far as they fit it."""
    rows, outputs = draw(st.integers(1, MOST_ROWS)), draw(st.integers(0, 3))
    row = st.lists(FINITE, min_size=outputs, max_size=outputs) if outputs else FINITE
    request = options | {name: draw(column(rows, row)) for name in ("labels", "predictions")}
    if outputs > 1:
        request.pop("curves", None)
    return request | draw(weights(rows))


@st.composite
def weights(draw: st.DrawFn, rows: int) -> dict[str, Any]:
    """Perhaps weights of rows with a positive sum."""
    if draw(st.booleans()):
        return {}
    return {"sample_weight": [draw(SIGNIFICANT), *draw(column(rows - 1, SIGNIFICANT | st.just(0)))]}


SCALARS = st.none() | st.booleans() | INTEGERS | FINITE | st.text(max_size=5)
JUNK = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(max_size=3), SCALARS, max_size=2)


@st.composite
def spoiled(draw: st.DrawFn, request: dict[str, Any], fields: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The name of a field, and the request with something else there."""
    name = draw(st.sampled_from(sorted(fields)) | st.text(max_size=5))
    others = [JUNK]
    if isinstance(request.get(name), list):
        place = draw(st.integers(0, len(request[name]) - 1))
        others.append(JUNK.map(lambda junk: [*request[name][:place], junk, *request[name][place + 1 :]]))
    return name, request | {name: draw(st.one_of(others))}


BATCHES = {"binary": binary, "regression": regression}
COLUMNS = {"labels", "scores", "predictions", "sample_weight", "pos_label"}


@pytest.mark.parametrize("task", REPORTS)
@bounded
@given(data=st.data())
def test_good_requests_are_accepted(task: str, data: st.DataObject) -> None:
    operation = schema[f"/v1/{task}/report"]["POST"]
    case = data.draw(operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
    options = {name: value for name, value in case.body.items() if name not in COLUMNS}
    if "metadata" in options:  # openapi.yaml says of NUL in words that it is refused
        options["metadata"] = {key.replace("\0", ""): value for key, value in options["metadata"].items()}
    case.body = data.draw(BATCHES[task](options))
    assert list(validator(f"{task.capitalize()}ReportRequest").iter_errors(case.body)) == []
    response = case.call_and_validate()
    assert response.status_code == 200


def refuses(response: schemathesis.Response, field: str) -> bool:
    """Whether the service could not parse the request, or finds fault with this field of it."""
    pointers = [error["pointer"] for error in response.json().get("errors", [])]
    named = any(f"{pointer}/".startswith(f"#/{field}/") for pointer in pointers)
    return response.status_code == 400 or (response.status_code == 422 and (named or not field))


@pytest.mark.parametrize("task", REPORTS)
@bounded
@given(data=st.data())
def test_one_bad_field_is_refused_and_named(task: str, data: st.DataObject) -> None:
    name = f"{task.capitalize()}ReportRequest"
    fields = schema.raw_schema["components"]["schemas"][name]["properties"]
    field, body = data.draw(spoiled(data.draw(BATCHES[task]({})), fields))
    assume(not validator(name).is_valid(body))
    case = schema[f"/v1/{task}/report"]["POST"].Case(body=body, media_type="application/json")
    response = case.call_and_validate()
    assert refuses(response, field if field in fields else "")


VALID = {
    "binary": {"labels": [0, 1], "scores": [0.5, 0.25]},
    "regression": {"labels": [0, 1], "predictions": [0.5, 0.25]},
}
ODD = [None, True, -1, 1.5, "1", "a" * 257, {}, {"a": 0}, [], [2, -1], [0.5], [1, None]]


def near_misses(field: dict[str, Any]) -> list[Any]:
    """Values that are not quite what a field takes: beyond its bounds, of other types, twice the same."""
    names = field.get("items", {}).get("enum", ["a"])
    columns = [[odd, odd] for odd in ODD]
    return [field.get("minimum", 0) - 1, field.get("maximum", 0) + 1, [names[0]] * 2, [*names, "b"], *ODD, *columns]


@pytest.mark.parametrize("task", REPORTS)
def test_near_misses_are_refused(task: str) -> None:
    name = f"{task.capitalize()}ReportRequest"
    fields = schema.raw_schema["components"]["schemas"][name]["properties"]
    judge = validator(name)
    assert judge.is_valid(VALID[task])
    misses = [(field, odd) for field, described in fields.items() for odd in near_misses(described)]
    misses = [(field, odd) for field, odd in misses if not judge.is_valid(VALID[task] | {field: odd})]
    assert {field for field, _ in misses} == fields.keys()
    accepted = []
    for field, odd in misses:
        body = VALID[task] | {field: odd}
        response = schema[f"/v1/{task}/report"]["POST"].Case(body=body, media_type="application/json").call()
        if not refuses(response, field):
            accepted.append((field, odd, response.status_code))
    assert accepted == []
