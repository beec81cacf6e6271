"""The service does what openapi.yaml says, on requests that are made up from it: bad ones, and good ones."""

import math
from functools import partial
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
from service.metrics.batch import Question
from service.metrics.catalogue import TASKS
from service.metrics.row import always
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
LEVEL = st.floats(0, 1, exclude_min=True, exclude_max=True)
SIGNIFICANT = st.floats(min_value=1e-9, max_value=1e9)
NAMES: dict[str, st.SearchStrategy[Any]] = {
    "integer": INTEGERS,
    "string": st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=256),
    "boolean": st.booleans(),
}


def distinct(kind: str, number: int) -> st.SearchStrategy[list[Any]]:
    """So many distinct names of a kind."""
    return st.lists(NAMES[kind], min_size=number, max_size=number, unique=True)


LABELS: dict[str, st.SearchStrategy[Any]] = {
    "zero_one": st.just((0, 1)),
    "boolean": st.just((False, True)),
    "pair": st.just(([1, 0], [0, 1])),
    "integer": distinct("integer", 2),
    "string": distinct("string", 2),
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
    if "max_fpr" not in request and "metrics" in request:  # openapi.yaml says in words that it asks for one
        request["metrics"] = [name for name in request["metrics"] if name != "partial_roc_auc"] or ["recall"]
    if not any(request.get("costs", {"": 1}).values()):  # or that one of them is above 0
        request.pop("costs")
    return request | draw(weights(rows))


def shares(numbers: list[float]) -> list[float]:
    """The numbers over their sum; all of it the first's where all are 0."""
    total = sum(numbers)
    return [number / total for number in numbers] if total else [1, *numbers[1:]]


def counting(request: dict[str, Any], columns: list[str]) -> list[Any]:
    """What these columns hold in rows whose weight is not 0."""
    weight = request.get("sample_weight", [1] * len(request["labels"]))
    return [value for name in columns for value, each in zip(request[name], weight, strict=True) if each]


@st.composite
def multiclass(draw: st.DrawFn, options: dict[str, Any]) -> dict[str, Any]:
    """A batch that agrees with itself, with these options as far as they fit it."""
    rows, width = draw(st.integers(1, MOST_ROWS)), draw(st.integers(1, 5))
    columns = draw(st.sampled_from((["labels"], ["labels", "predictions"])))
    one_hot = draw(st.sets(st.sampled_from(columns)))
    some = 0 < len(one_hot) < len(columns)  # of one-hot rows and names only integers are of one type
    kinds = ["place", "integer", *([] if some else ["string"]), *([] if some or width > 2 else ["boolean"])]
    kind = draw(st.sampled_from(kinds))
    names = list(range(width)) if kind == "place" else draw(distinct(kind, width))
    request = options | {name: draw(column(rows, st.sampled_from(names))) for name in columns} | draw(weights(rows))
    if columns == ["labels"] or draw(st.booleans()):
        request["scores"] = draw(column(rows, st.lists(st.floats(0, 1), min_size=width, max_size=width).map(shares)))
    unknown = some or ("scores" in request and not one_hot and len(set(counting(request, columns))) < width)
    if (unknown and kind != "place") or draw(st.booleans()):
        request["classes"] = draw(st.permutations(names))
    return request | {name: [[int(name == label) for name in names] for label in request[name]] for name in one_hot}


@st.composite
def multilabel(draw: st.DrawFn, options: dict[str, Any]) -> dict[str, Any]:
    """A batch that agrees with itself, with these options as far as they fit it."""
    rows, width = draw(st.integers(1, MOST_ROWS)), draw(st.integers(1, 5))
    kind = draw(st.sampled_from(("row of names", "integer", "string")))
    names = draw(distinct("integer" if kind == "integer" else "string", width))
    row = st.lists(st.integers(0, 1), min_size=width, max_size=width)
    if kind == "row of names":
        row = st.lists(st.sampled_from(names), unique=True)
    columns = draw(st.sampled_from((["labels"], ["labels", "predictions"])))
    request = options | {name: draw(column(rows, row)) for name in columns} | draw(weights(rows))
    if "predictions" in request:
        request.pop("threshold", None)
    if "predictions" not in request or draw(st.booleans()):
        request["scores"] = draw(column(rows, st.lists(FINITE, min_size=width, max_size=width)))
    named = len(set().union(*counting(request, columns)))
    unknown = kind == "row of names" and named < (width if "scores" in request else 1)
    if unknown or draw(st.booleans()):
        request["classes"] = names
    return request


@st.composite
def regression(draw: st.DrawFn, options: dict[str, Any]) -> dict[str, Any]:
    """A batch that agrees with itself, with these options as far as they fit it."""
    rows, outputs = draw(st.integers(1, MOST_ROWS)), draw(st.integers(0, 3))
    row = st.lists(FINITE, min_size=outputs, max_size=outputs) if outputs else FINITE
    request = options | {name: draw(column(rows, row)) for name in ("labels", "predictions")}
    levels: list[float] = []
    if outputs > 1:
        request.pop("curves", None)
    elif draw(st.booleans()):
        request["quantiles"] = levels = draw(st.lists(LEVEL, min_size=1, max_size=4, unique=True))
        request["predictions"] = draw(column(rows, st.lists(FINITE, min_size=len(levels), max_size=len(levels))))
    if "metrics" in request:  # openapi.yaml says in words that some are of quantiles
        names = TASKS["regression"].names(Question("regression", quantiles=tuple(levels)))
        request["metrics"] = [name for name in request["metrics"] if name in names] or ["r2"]
    return request | draw(weights(rows))


@st.composite
def ranking(draw: st.DrawFn, options: dict[str, Any]) -> dict[str, Any]:
    """A batch that agrees with itself, with these options as far as they fit it."""
    rows = draw(st.integers(1, MOST_ROWS))
    names = draw(st.one_of(st.lists(NAMES[kind], min_size=1, max_size=4) for kind in ("integer", "string")))
    queries = draw(column(rows, st.sampled_from(names)))
    request = options | {
        "labels": draw(column(rows, st.floats(0, allow_infinity=False))),
        "scores": draw(column(rows, FINITE)),
        "queries": queries,
    }
    if "metrics" in request:  # openapi.yaml says in words at which ranks there are metrics
        names_at = TASKS["ranking"].names(Question("ranking", k=tuple(map(int, options.get("k", (1, 3, 5, 10))))))
        request["metrics"] = [name for name in request["metrics"] if name in names_at] or ["mrr"]
    if draw(st.booleans()):
        weight = {query: draw(SIGNIFICANT) for query in dict.fromkeys(queries)}
        request["sample_weight"] = [weight[query] for query in queries]
    return request


@st.composite
def weights(draw: st.DrawFn, rows: int) -> dict[str, Any]:
    """Perhaps weights of rows with a positive sum."""
    if draw(st.booleans()):
        return {}
    return {"sample_weight": [draw(SIGNIFICANT), *draw(column(rows - 1, SIGNIFICANT | st.just(0)))]}


SCALARS = st.none() | st.booleans() | INTEGERS | FINITE | st.text(max_size=5)
JUNK = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(max_size=3), SCALARS, max_size=2)


def with_element(values: list[Any], place: int, element: Any) -> list[Any]:
    """The values with another element in this place."""
    return [*values[:place], element, *values[place + 1 :]]


@st.composite
def spoiled(draw: st.DrawFn, request: dict[str, Any], fields: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The name of a field, and the request with something else there."""
    name = draw(st.sampled_from([*sorted(fields), *request, ""]))
    name = name or draw(st.text(max_size=5))
    others = [JUNK]
    if isinstance(request.get(name), list):
        place = draw(st.integers(0, len(request[name]) - 1))
        put = partial(with_element, request[name], place)
        others.append(JUNK.map(put))
        row = request[name][place]
        if isinstance(row, list) and row:
            inner = partial(with_element, row, draw(st.integers(0, len(row) - 1)))
            others.append(JUNK.map(inner).map(put))
    return name, request | {name: draw(st.one_of(others))}


@st.composite
def requirements(draw: st.DrawFn, task: str, request: dict[str, Any]) -> list[dict[str, Any]]:
    """Requirements that a report on the request can decide: openapi.yaml says in words which these are."""
    rows = {metric.name: metric for metric in TASKS[task].metrics}
    always_there = [name for name, metric in rows.items() if metric.when is always and not metric.each]
    names = [name for name in request.get("metrics", always_there) if name in rows] or [None]
    found = []
    for name in draw(st.lists(st.sampled_from(names), min_size=1, max_size=3)):
        if name is None:  # all are metrics that the question makes several of
            continue
        low, high = (max(-1e9, min(1e9, bound)) for bound in (rows[name].low, rows[name].high))
        limit, kind = draw(st.floats(low, high)), draw(st.sampled_from(["min", "max"]))
        deciding = {"decide_on": draw(st.sampled_from(["value", "interval"]))} if request.get("intervals", True) else {}
        found.append({"metric": name, kind: limit} | deciding)
    return found


BATCHES = {
    "binary": binary,
    "multiclass": multiclass,
    "multilabel": multilabel,
    "ranking": ranking,
    "regression": regression,
}
COLUMNS = {"labels", "scores", "queries", "predictions", "sample_weight", "pos_label", "quantiles", "classes", "groups"}


@st.composite
def groups(draw: st.DrawFn, request: dict[str, Any]) -> dict[str, Any]:
    """Perhaps groups that split no query, and their crossings."""
    names = draw(st.lists(NAMES["string"], max_size=4, unique=True))
    units = list(dict.fromkeys(request.get("queries", range(len(request["labels"])))))
    columns = {}
    for name in names:
        values = st.sampled_from(draw(st.lists(NAMES[draw(st.sampled_from(sorted(NAMES)))], min_size=1, max_size=4)))
        of = dict(zip(units, draw(column(len(units), values)), strict=True))
        columns[name] = [of[unit] for unit in request.get("queries", units)]
    return {"groups": columns, "cross": len(columns) > 1 and draw(st.booleans())} if columns else {}


@pytest.mark.parametrize("task", REPORTS)
@bounded
@given(data=st.data())
def test_good_requests_are_accepted(task: str, data: st.DataObject) -> None:
    operation = schema[f"/v1/{task}/report"]["POST"]
    case = data.draw(operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
    options = {name: value for name, value in case.body.items() if name not in COLUMNS | {"cross"}}
    if "metadata" in options:  # openapi.yaml says of NUL in words that it is refused
        options["metadata"] = {key.replace("\0", ""): value for key, value in options["metadata"].items()}
    if "resamples" in options or "interval_method" in options:  # fewest, to be quick
        options["resamples"] = 200
    case.body = data.draw(BATCHES[task](options))
    case.body |= data.draw(groups(case.body))
    if options.get("weights_are") == "counts" and "sample_weight" in case.body:  # said in words: counts are whole
        case.body["sample_weight"] = [min(math.ceil(weight), 1000) for weight in case.body["sample_weight"]]
    if case.body.pop("requirements", None):
        decidable = data.draw(requirements(task, case.body))
        case.body |= {"requirements": decidable} if decidable else {}
    assert list(validator(f"{task.capitalize()}ReportRequest").iter_errors(case.body)) == []
    response = case.call_and_validate()
    assert response.status_code == 200


# What a candidate has of its own on the same rows, and where it is of rows of its own.
SAID, OWN = ("scores", "predictions"), ("labels", "sample_weight", "queries", "groups")


@pytest.mark.parametrize("task", REPORTS)
@settings(bounded, max_examples=40)
@given(data=st.data())
def test_good_comparisons_are_accepted(task: str, data: st.DataObject) -> None:
    first = data.draw(BATCHES[task]({}))
    if data.draw(st.booleans()):
        reversed_ = {name: first[name][::-1] for name in SAID if name in first}
        second = reversed_ if task != "binary" else {name: first[name] for name in SAID if name in first}
        body = {name: value for name, value in first.items() if name not in SAID}
        candidates = {"a": {name: first[name] for name in SAID if name in first}, "b": second}
    else:
        names = (*SAID, *OWN)
        body = {name: value for name, value in first.items() if name not in names}
        candidates = {each: {name: first[name] for name in names if name in first} for each in "ab"}
    body |= {
        "candidates": candidates,
        "reference": data.draw(st.sampled_from("ab")),
        "margin": 0.1,
        "min_difference": 1,
    }
    assert list(validator(f"{task.capitalize()}ComparisonRequest").iter_errors(body)) == []
    case = schema[f"/v1/{task}/compare"]["POST"].Case(body=body, media_type="application/json")
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
    "multiclass": {"labels": [0, 1], "scores": [[0.5, 0.5], [0.25, 0.75]]},
    "multilabel": {"labels": [[0, 1], [1, 0]], "scores": [[0.5, 2], [-1, 0.25]]},
    "ranking": {"labels": [0, 1], "scores": [0.5, 0.25], "queries": [1, 1]},
    "regression": {"labels": [0, 1], "predictions": [0.5, 0.25]},
}
NO_SCALARS = [{}, {"a": 0}, [], [2, -1], [0.5], [1, None], [True, False], ["a", "a"], ["a", "a" * 257], [0] * 1001]
ODD = [None, True, -1, 1.5, "1", "a" * 257, *NO_SCALARS]


def near_misses(field: dict[str, Any]) -> list[Any]:
    """Values that are not quite what a field takes: beyond its bounds, of other types, twice the same."""
    names = field.get("items", {}).get("enum", ["a"])
    many = [*range(field.get("maxItems", 0) + 1)]
    columns = [[odd, odd] for odd in ODD]
    bounds = [field.get("minimum", 0) - 1, field.get("maximum", 0) + 1]
    return [*bounds, [names[0]] * 2, [*names, "b"], many, *ODD, *columns]


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
