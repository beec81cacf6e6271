"""Groups of rows: what a report says of each, and requests that ask for it."""

import json
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.groups import MOST_PARTITIONS
from service.app import create_app
from service.by_group import reported, sections_of, states_by_group
from service.evaluate import kinds_of, merged, report, states_of
from service.metrics.batch import by_group
from service.metrics.catalogue import TASKS
from service.settings import Settings
from tests.cases import cut, reading, take, text, whole
from tests.of_groups import asking, drawn, randomly, sections
from tests.serving import Server
from tests.tasks import KNOWN
from tests.tasks.known import EXAMPLES
from tests.wire import post, request

SETTINGS = settings(max_examples=max(5, EXAMPLES // 4), deadline=None, derandomize=True)
each_task = pytest.mark.parametrize("task", KNOWN)

# What each group is


@each_task
def test_a_group_is_what_a_report_of_its_own_rows_says(task):
    ours = {metric.name for metric in TASKS[KNOWN[task].question.task].of_groups}
    for number, plain in enumerate(KNOWN[task].random(12)):
        batch = randomly(task, plain, 3, seed=number)
        found = sections(task, batch)["groups"]
        present = np.unique(batch.groups).tolist()
        assert [group["by"] for group in found] == [{"g0": place} for place in present]
        for group, place in zip(found, present, strict=True):
            own = whole(task, take(batch, np.flatnonzero(batch.groups[:, 0] == place)))
            assert group["samples"] == own["samples"]
            assert group["small"] == (own["effective_samples"] < 10 * (1 - 1e-9))
            for part in ("metrics", "intervals"):
                assert text({key: group[part][key] for key in own[part]}) == text(own[part])
                assert group[part].keys() == own[part].keys() | ours
            said = {key: own["undefined"][key] for key in group["undefined"]}
            assert group["undefined"] == said
            nulls = {key for key, value in group["metrics"].items() if value is None}
            nulls |= {f"intervals.{key}" for key, value in group["intervals"].items() if value is None}
            assert all(key in said or key.removeprefix("intervals.") in said for key in nulls)


@each_task
@SETTINGS
@given(st.data(), st.integers(1, 4))
def test_the_states_of_all_groups_add_up_to_those_of_the_whole(task, data, number):
    batch = randomly(task, data.draw(KNOWN[task].batches(weights=[None, st.floats(1e-3, 1e3)])), number)
    question, read = KNOWN[task].question, reading(task)
    kinds = kinds_of(question, read)
    parts = [states_of(part, question, kinds) for part in by_group(batch, 0, number) if part is not None]
    assert text(report(merged(parts), question, read)) == text(whole(task, replace(batch, groups=None)))


@each_task
@SETTINGS
@given(st.data(), st.integers(1, 4))
def test_no_order_and_no_cut_of_the_rows_shows_in_any_group(task, data, number):
    batch = randomly(task, data.draw(KNOWN[task].batches(weights=[None, st.floats(1e-3, 1e3)])), number)
    question, read = KNOWN[task].question, asking(task, batch)
    rows = len(batch.truth)
    shuffled = take(batch, data.draw(st.permutations(range(rows))))
    expected = text(sections_of(batch, question, read))
    assert text(sections_of(shuffled, question, read)) == expected
    chunks = [next(states_by_group(part, question, read)) for part in cut(shuffled, {rows // 2, rows // 3} - {0})]
    every = [[part for part in parts if part is not None] for parts in zip(*chunks, strict=True)]
    together = [merged(parts) if parts else None for parts in every]
    assert text(reported([together], question, read)) == expected


def test_a_report_without_groups_has_no_word_of_them():
    batch = KNOWN["binary"].plain
    assert sections_of(batch, KNOWN["binary"].question, reading("binary")) == {}
    assert not whole("binary", batch).keys() & {"groups", "gaps", "fairness"}


def test_without_intervals_there_are_none_and_no_tests():
    found = sections("binary", randomly("binary", drawn(100), 2), intervals=False)
    assert all("intervals" not in group for group in found["groups"])
    assert all("interval" not in gap and "p_value" not in gap for gap in found["gaps"])
    assert all(gap["difference"] is not None for gap in found["gaps"])


def test_a_bootstrap_of_the_report_leaves_the_intervals_of_groups_to_formulas():
    batch = randomly("binary", drawn(60), 2)
    assert text(sections("binary", batch, resamples=20)) == text(sections("binary", batch))


# Requests


ROWS: dict[str, Any] = {"labels": [0, 1, 1, 0, 1, 0], "scores": [0.1, 0.8, 0.4, 0.3, 0.9, 0.6]}
REGION = ["eu", "us", "eu", "us", "asia", "eu"]
FEMALE = [True, False, True, True, False, False]


def answered(task: str = "binary", **fields: Any) -> dict[str, Any]:
    """The report on a few rows, with these fields."""
    answer = create_app(Settings()).test_client().post(f"/v1/{task}/report", json=ROWS | fields)
    assert answer.status_code == HTTPStatus.OK, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


@pytest.mark.parametrize(
    ("values", "groups"),
    [
        (REGION, [("asia", 1), ("eu", 3), ("us", 2)]),
        (FEMALE, [(False, 3), (True, 3)]),
        ([3, -1, 3, 10, 3, 10], [(-1, 1), (3, 3), (10, 2)]),
        ([3.0, 1, 3, 1.0, 3, 2], [(1, 2), (2, 1), (3, 3)]),
        ([-(2**63), 2**63 - 1] * 3, [(-(2**63), 3), (2**63 - 1, 3)]),
        (["", "é", "e", "Z", "\U0001f600", ""], [("", 2), ("Z", 1), ("e", 1), ("é", 1), ("\U0001f600", 1)]),
    ],
)
@pytest.mark.parametrize("more", [{}, {"requirements": [{"metric": "accuracy", "min": 0}]}, {"metadata": {"a": "[{"}}])
def test_values_are_the_groups_in_order(server: Server, values, groups, more):
    answer = post(server.port, ROWS | {"groups": {"by": values}} | more).json()
    found = [(group["by"]["by"], group["samples"]) for group in answer["groups"]]
    assert found == groups
    assert [type(value) for value, _ in found] == [type(value) for value, _ in groups]


def test_names_come_in_order_and_then_their_crossings():
    third = [1, 1, 1, 1, 1, 2]
    found = answered(groups={"b": FEMALE, "a": REGION, "c": third}, cross=True, metrics=["accuracy"])
    names = list(dict.fromkeys(tuple(group["by"]) for group in found["groups"]))
    assert names == [("a",), ("b",), ("c",), ("a", "b"), ("a", "c"), ("b", "c")]
    assert list(dict.fromkeys(tuple(gap["by"]) for gap in found["gaps"])) == names
    assert [tuple(each["by"]) for each in found["fairness"]] == names
    crossed = [group for group in found["groups"] if tuple(group["by"]) == ("a", "b")]
    assert [(*group["by"].values(), group["samples"]) for group in crossed] == [
        ("asia", False, 1),
        ("eu", False, 1),
        ("eu", True, 2),
        ("us", False, 1),
        ("us", True, 1),
    ]
    plain = answered(groups={"b": FEMALE, "a": REGION, "c": third}, cross=False, metrics=["accuracy"])
    assert plain["groups"] == found["groups"][: len(plain["groups"])]
    assert len(plain["groups"]) == 7


@pytest.mark.parametrize("cross", [False, True])
def test_rows_of_weight_0_are_in_no_group(cross):
    weight = [1, 0, 1, 1, 0, 1]
    fields = {"groups": {"region": REGION, "female": FEMALE}, "cross": cross}
    kept = [row for row, each in enumerate(weight) if each]
    columns = ROWS | fields["groups"]
    without = {name: [columns[name][row] for row in kept] for name in columns}
    groups = {name: without.pop(name) for name in fields["groups"]}
    assert answered(**fields, sample_weight=weight) == answered(**without, groups=groups, cross=cross)


@pytest.mark.parametrize(
    ("task", "rows", "metric"),
    [
        ("multiclass", {"labels": [0, 1, 2, 2], "predictions": [0, 1, 2, 1]}, "accuracy"),
        ("multilabel", {"labels": [[0, 1], [1, 1]] * 2, "predictions": [[0, 1], [1, 0]] * 2}, "hamming_loss"),
        ("regression", {"labels": [1, 2, 3, 5], "predictions": [1, 2, 4, 7]}, "mean_absolute_error"),
        ("regression", {"labels": [[1, 2], [3, 4]] * 2, "predictions": [[1, 2], [4, 5]] * 2}, "r2"),
        ("regression", {"labels": [1, 2] * 2, "predictions": [[1, 2]] * 4, "quantiles": [0.1, 0.9]}, "crps"),
        ("ranking", {"labels": [1, 0, 1, 2], "scores": [2, 1, 1, 3], "queries": [1, 1, 2, 2]}, "mrr"),
    ],
)
def test_every_task_has_groups(task, rows, metric):
    client = create_app(Settings()).test_client()
    body = rows | {"groups": {"half": ["a", "a", "b", "b"]}, "metrics": [metric]}
    found = client.post(f"/v1/{task}/report", json=body).get_json()
    assert [group["by"] for group in found["groups"]] == [{"half": "a"}, {"half": "b"}]
    assert "fairness" not in found
    columns = {name: column for name, column in rows.items() if name != "quantiles"}
    for group, half in zip(found["groups"], (slice(2), slice(2, 4)), strict=True):
        own = body | {name: column[half] for name, column in columns.items()}
        own.pop("groups")
        if task == "multiclass":
            own["classes"] = [0, 1, 2]
        assert group["metrics"] == client.post(f"/v1/{task}/report", json=own).get_json()["metrics"]


CROSSED = {"groups": {"region": REGION, "female": FEMALE}, "cross": True}


@pytest.mark.parametrize("group", [{"region": "eu"}, {"female": True}, {"female": True, "region": "eu"}])
@pytest.mark.parametrize("decide_on", ["value", "interval"])
def test_a_requirement_on_a_group_is_judged_by_it(group, decide_on):
    wanted = {"metric": "accuracy", "min": 0.5, "group": group, "decide_on": decide_on}
    found = answered(**CROSSED, requirements=[wanted, {"preset": "good", "group": group}])
    own = next(each for each in found["groups"] if each["by"] == group)
    check, *of_preset = found["verdict"]["checks"]
    assert (check["group"], check["value"]) == (group, own["metrics"]["accuracy"])
    assert decide_on == "value" or check["interval"] == own["intervals"]["accuracy"]
    assert [(each["group"], each["value"]) for each in of_preset] == [
        (group, own["metrics"][name]) for name in ("accuracy", "precision", "recall")
    ]


def test_a_requirement_on_a_group_without_intervals():
    wanted = {"metric": "accuracy", "min": 0.5, "group": {"region": "us"}}
    (check,) = answered(**CROSSED, intervals=False, requirements=[wanted])["verdict"]["checks"]
    assert check["outcome"] == "pass"


@pytest.mark.parametrize(
    ("fields", "group", "said"),
    [
        ({}, {"region": "eu"}, "not grouped"),
        (CROSSED, {"planet": "eu"}, "not grouped"),
        (CROSSED | {"cross": False}, {"region": "eu", "female": True}, "not grouped"),
        (CROSSED, {"region": "mars"}, "No row"),
        (CROSSED, {"region": "asia", "female": True}, "No row"),
        (CROSSED, {"female": 1}, "No row"),
        (CROSSED, {"female": "true"}, "No row"),
        (CROSSED, {"region": None}, "No row"),
        (CROSSED, {"region": ["eu"]}, "No row"),
        (CROSSED, {}, "Not a group"),
        (CROSSED, "eu", "Not a group"),
        ({"groups": {"region": REGION}, "sample_weight": [1, 1, 1, 1, 0, 1]}, {"region": "asia"}, "No row"),
    ],
)
def test_a_requirement_on_no_group_of_the_request_is_refused(server: Server, fields, group, said):
    body = ROWS | fields | {"requirements": [{"metric": "accuracy", "min": 0.5, "group": group}]}
    answer = post(server.port, body)
    assert answer.status == HTTPStatus.UNPROCESSABLE_ENTITY
    (error,) = answer.json()["errors"]
    assert error["pointer"] == "#/requirements/0/group"
    assert said in error["detail"]


def test_whole_floats_name_the_groups_of_integers():
    wanted = {"metric": "accuracy", "min": 0.5, "group": {"by": 1.0}}
    (check,) = answered(groups={"by": [1, 2, 1, 2, 1, 2]}, requirements=[wanted])["verdict"]["checks"]
    assert check["group"] == {"by": 1}


@pytest.mark.parametrize(
    ("fields", "pointers", "slug", "said"),
    [
        ({"groups": ["eu"] * 6}, ["groups"], "bad-option", "Not an object of columns"),
        ({"groups": None}, ["groups"], "schema", "null has no meaning"),
        ({"groups": {}}, ["groups"], "bad-option", "at least one"),
        (
            {"groups": {f"g{n}": REGION for n in range(MOST_PARTITIONS + 1)}},
            ["groups"],
            "limit-exceeded",
            "More than 10",
        ),
        ({"groups": {"a": "eu"}}, ["groups/a"], "schema", "Not an array"),
        ({"groups": {"a": {"b": REGION}}}, ["groups/a"], "schema", "Not an array"),
        ({"groups": {"a": None, "b": REGION}}, ["groups/a"], "schema", "Not an array"),
        ({"groups": {"a": []}}, ["groups/a"], "empty-input", "no rows"),
        ({"groups": {"a": REGION[:5], "b": [1]}}, ["groups/a", "groups/b"], "length-mismatch", "labels is of length 6"),
        ({"groups": {"a": [[1]] * 6}}, ["groups/a"], "schema", "one value a row"),
        ({"groups": {"a": [["eu"]] * 6}}, [f"groups/a/{n}" for n in range(6)], "schema", "numbers"),
        ({"groups": {"a": [*REGION[:5], {}]}}, ["groups/a/5"], "schema", "one value belongs"),
        ({"groups": {"a": [*REGION[:5], None]}}, ["groups/a/5"], "bad-label", "null is no group"),
        ({"groups": {"a": [*REGION[:5], 1.5]}}, ["groups/a/5"], "bad-label", "Not an integer"),
        ({"groups": {"a": [1, 2, 3.5, 4, 5, 6]}}, ["groups/a/2"], "bad-label", "fraction is no group"),
        ({"groups": {"a": [1, 2, 3.5e17, 4, 5, 6]}}, ["groups/a/2"], "number-range", "64-bit"),
        ({"groups": {"a": [*REGION[:5], True]}}, ["groups/a"], "mixed-labels", "Send groups of one type"),
        ({"groups": {"a": [0, 1, 0, 1, 0, True]}}, ["groups/a"], "mixed-labels", "mixed"),
        ({"groups": {"a": [*REGION[:5], "x" * 257]}}, ["groups/a/5"], "limit-exceeded", "A group is longer than 256"),
        ({"groups": {"a": [*REGION[:5], "\0"]}}, ["groups/a/5"], "bad-label", "NUL"),
        ({"groups": {"x" * 257: REGION}}, [f"groups/{'x' * 100}"], "limit-exceeded", "A name is longer than 256"),
        ({"groups": {"a~/b": [None] * 6}}, [f"groups/a~0~1b/{n}" for n in range(6)], "bad-label", "null"),
        ({"cross": True}, ["cross"], "bad-option", "no two names"),
        ({"cross": True, "groups": {"a": REGION}}, ["cross"], "bad-option", "no two names"),
        ({"cross": 1, "groups": {"a": REGION}}, ["cross"], "bad-option", "Neither true nor false"),
        (
            {"cross": True, "groups": {f"g{n}": [1] * 6 for n in range(5)}},
            ["cross"],
            "limit-exceeded",
            "15 names and crossings",
        ),
    ],
)
def test_groups_that_make_no_sense_are_refused_where_they_are(server: Server, fields, pointers, slug, said):
    answer = post(server.port, ROWS | fields)
    assert answer.status == HTTPStatus.UNPROCESSABLE_ENTITY, answer.text
    problem = answer.json()
    assert [error["pointer"] for error in problem["errors"]] == [f"#/{pointer}" for pointer in pointers]
    assert all(said in error["detail"] for error in problem["errors"]), problem["errors"]
    assert problem["type"] == f"urn:assay:problem:{slug}"


def test_names_and_crossings_up_to_the_limit_are_taken():
    names = {f"g{n}": [1] * 6 for n in range(4)}
    assert len(answered(groups=names, cross=True)["groups"]) == MOST_PARTITIONS
    assert len(answered(groups={f"g{n}": [1] * 6 for n in range(MOST_PARTITIONS)})["groups"]) == MOST_PARTITIONS


@pytest.mark.parametrize("weight", [{}, {"sample_weight": [2, 1, 2, 0]}])
def test_a_group_that_splits_a_query_is_refused_at_its_rows(server: Server, weight):
    body = {"labels": [1, 0, 1, 0], "scores": [1, 2, 3, 4], "queries": ["a", "b", "a", "c"]} | weight
    groups = {"market": ["de", "fr", "fr", "de"], "year": [1, 2, 1, 1]}
    problem = post(server.port, body | {"groups": groups}, "/v1/ranking/report").json()
    assert [error["pointer"] for error in problem["errors"]] == ["#/groups/market/2"]
    assert "first row" in problem["detail"]
    del groups["market"]
    found = post(server.port, body | {"groups": groups}, "/v1/ranking/report").json()
    assert [group["samples"] for group in found["groups"]] == [3 - len(weight), 1]


@pytest.mark.parametrize(
    ("groups", "status", "slug"),
    [
        (b'{"a": [1, 0, 1, 0, 1, 0], "a": [1, 1, 1, 1, 1, 1]}', 400, "duplicate-key"),
        (b'{"a\\u0000b": [1, 0, 1, 0, 1, 0]}', 422, None),
        (b'{"a": [1, 0, 1, 0, 1, 99999999999999999999]}', 422, "number-range"),
        (b'{"a": [1, 0, 1, 0, 1, [0]]}', 422, "schema"),
        (b'{"a": [[1], [0, [1]], [1], [0], [1], [0]]}', 422, "schema"),
    ],
)
def test_both_decoders_read_columns_of_groups_alike(server: Server, groups, status, slug):
    body = json.dumps(ROWS).encode()[:-1] + b', "groups": ' + groups + b"}"
    answer = request(server.port, body=body)
    assert answer.status == status, answer.text
    assert slug is None or answer.json()["type"] == f"urn:assay:problem:{slug}"
