"""Requirements, presets and the verdict on a report."""

import json
import re
import subprocess
from collections.abc import Callable
from http import HTTPStatus
from shutil import which
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import readme
from service.app import create_app
from service.metrics.requirements import OUTCOMES, Requirement, verdict
from service.settings import Settings
from tests.serving import ROOT, START_SECONDS, Server, start
from tests.wire import post, request

ROWS = json.loads((ROOT / "tests/data/breast_cancer.json").read_bytes())
BASH = which("bash")
NARROW = {"low": 0.5, "high": 0.6, "method": "wilson"}


def asked(*requirements: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The report on real rows."""
    body = ROWS | {"requirements": list(requirements)} | fields
    answer = create_app(Settings()).test_client().post("/v1/binary/report", json=body)
    assert answer.status_code == HTTPStatus.OK, answer.text
    report: dict[str, Any] = answer.get_json()
    return report


@pytest.mark.parametrize(
    ("limits", "value", "interval", "outcome"),
    [
        ((0.5, None, False), 0.5, NARROW, "pass"),
        ((0.51, None, False), 0.5, NARROW, "fail"),
        ((None, 0.5, False), 0.5, NARROW, "pass"),
        ((None, 0.49, False), 0.5, NARROW, "fail"),
        ((0.4, 0.5, False), 0.5, None, "pass"),
        ((0.4, 0.45, False), 0.5, None, "fail"),
        ((0.5, None, True), 0.55, NARROW, "pass"),
        ((0.55, None, True), 0.55, NARROW, "inconclusive"),
        ((0.6, None, True), 0.55, NARROW, "inconclusive"),
        ((0.61, None, True), 0.55, NARROW, "fail"),
        ((None, 0.6, True), 0.55, NARROW, "pass"),
        ((None, 0.5, True), 0.55, NARROW, "inconclusive"),
        ((None, 0.49, True), 0.55, NARROW, "fail"),
        ((0.5, 0.6, True), 0.55, NARROW, "pass"),
        ((0.52, 0.58, True), 0.55, NARROW, "inconclusive"),
        ((0.5, None, True), 0.55, None, "inconclusive"),
        ((0.5, None, True), None, None, "fail"),
        ((0.5, None, False), None, None, "fail"),
    ],
)
def test_limits_are_included_and_the_whole_interval_counts(limits, value, interval, outcome):
    assert Requirement("recall", *limits).outcome(value, interval) == outcome


@given(st.lists(st.sampled_from([(0.4, "pass"), (0.55, "inconclusive"), (0.7, "fail")]), min_size=1))
def test_the_verdict_is_the_worst_check_and_the_checks_keep_their_order(limits):
    requirements = [Requirement("recall", low, None, on_interval=True) for low, _ in limits]
    found = verdict(requirements, {"metrics": {"recall": 0.55}, "intervals": {"recall": NARROW}})
    assert [check["outcome"] for check in found["checks"]] == [outcome for _, outcome in limits]
    assert found["outcome"] == max((outcome for _, outcome in limits), key=OUTCOMES.index)


def test_a_report_without_requirements_has_no_verdict():
    client = create_app(Settings()).test_client()
    assert "verdict" not in client.post("/v1/binary/report", json=ROWS).get_json()


def test_a_check_holds_what_it_was_judged_by():
    of_recall = {"metric": "recall", "min": 0.95}
    report = asked(of_recall | {"max": 1}, of_recall | {"decide_on": "interval"})
    recall, interval = report["metrics"]["recall"], report["intervals"]["recall"]
    common = of_recall | {"value": recall}
    assert report["verdict"] == {
        "outcome": "inconclusive",
        "checks": [
            common | {"max": 1.0, "decide_on": "value", "outcome": "pass"},
            common | {"decide_on": "interval", "interval": interval, "outcome": "inconclusive"},
        ],
    }


@pytest.mark.parametrize("decide_on", ["value", "interval"])
def test_the_preset_good_requires_accuracy_precision_and_recall(decide_on):
    checks = asked({"preset": "good", "decide_on": decide_on})["verdict"]["checks"]
    assert [(check["metric"], check["min"]) for check in checks] == [
        ("accuracy", 0.8),
        ("precision", 0.85),
        ("recall", 0.85),
    ]
    assert {(check["preset"], check["decide_on"]) for check in checks} == {("good", decide_on)}


def test_a_bootstrap_decides_where_it_is_asked_for():
    report = asked(
        {"metric": "recall", "min": 0.9, "decide_on": "interval"}, interval_method="bootstrap", resamples=200
    )
    (check,) = report["verdict"]["checks"]
    assert check["interval"] == report["intervals"]["recall"]
    assert check["interval"]["method"].startswith("bootstrap")


def test_a_metric_without_an_interval_is_inconclusive_on_it():
    (check,) = asked({"metric": "maximum_calibration_error", "max": 1, "decide_on": "interval"})["verdict"]["checks"]
    assert (check["interval"], check["outcome"]) == (None, "inconclusive")


def test_an_undefined_metric_fails():
    rows = {"labels": [0] * 4, "scores": [0.1, 0.2, 0.3, 0.4]}
    (check,) = asked({"metric": "roc_auc", "min": 0}, **rows)["verdict"]["checks"]
    assert (check["value"], check["outcome"]) == (None, "fail")


@pytest.mark.parametrize(
    ("task", "rows", "metric"),
    [
        ("multiclass", {"labels": [0, 1, 2], "predictions": [0, 1, 2]}, "f1_macro"),
        ("multilabel", {"labels": [[0, 1], [1, 1]], "predictions": [[0, 1], [1, 1]]}, "f1_micro"),
        ("regression", {"labels": [1, 2, 3], "predictions": [1, 2, 4]}, "r2"),
        ("ranking", {"labels": [1, 0], "scores": [2, 1], "queries": [1, 1], "k": [7]}, "ndcg_at_7"),
    ],
)
def test_other_tasks_have_verdicts_too(task, rows, metric):
    body = rows | {"requirements": [{"metric": metric, "min": 0.4}]}
    answer = create_app(Settings()).test_client().post(f"/v1/{task}/report", json=body).get_json()
    assert answer["verdict"]["outcome"] == "pass"


@pytest.mark.parametrize(
    ("requirements", "pointer", "said"),
    [
        ([], "", "Not an array of objects"),
        ({}, "", "Not an array of objects"),
        ("good", "", "Not an array of objects"),
        ([0.8], "", "Not an array of objects"),
        ([["recall", 0.8]], "", "Not an array of objects"),
        ([{"preset": "good"}] * 101, "", "More than 100"),
        ([{"preset": "good"}, 0.8], "/1", "Not an object"),
        ([{}], "/0/metric", "Neither a metric nor a preset"),
        ([{"min": 0.8}], "/0/metric", "Neither a metric nor a preset"),
        ([{"metric": "recall"}], "/0/metric", "Neither min nor max"),
        ([{"metric": "recall", "min": 0.8, "preset": "good"}], "/0/preset", "Leave out"),
        ([{"metric": "recall", "min": 0.8, "max": 0.7}], "/0/min", "Larger than max"),
        ([{"metric": "recall", "min": 85}], "/0/min", "recall lies from 0 to 1"),
        ([{"metric": "log_loss", "max": -1}], "/0/max", "log_loss lies from 0"),
        ([{"metric": "recall", "min": "0.8"}], "/0/min", "Text is not a number"),
        ([{"metric": "recall", "min": None}], "/0/min", "null has no meaning"),
        ([{"metric": "recall", "min": True}], "/0/min", "no numbers"),
        ([{"metric": "recall", "min": 0.8, "decide_on": "mood"}], "/0/decide_on", "Neither value nor interval"),
        ([{"metric": "r2", "min": 0.8}], "/0/metric", "GET /v1/metrics"),
        ([{"metric": "recal", "min": 0.8}], "/0/metric", "Did you mean recall?"),
        ([{"metric": "f1", "min": 0.8}], "/0/metric", "GET /v1/metrics"),
        ([{"metric": ["recall"], "min": 0.8}], "/0/metric", "Not a name"),
        ([{"preset": "great"}], "/0/preset", "Those of this service are good."),
        ([{"preset": "god"}], "/0/preset", "Did you mean good?"),
        ([{"preset": "good"}], "/0/preset", "accuracy, precision"),
        ([{"metric": "recall", "min": 0.8, "group": {"region": "eu"}}], "/0/group", "not grouped"),
        ([{"metric": "recall", "min": 0.8, "weight": 2}], "/0/weight", "There is no such field"),
        ([{"metrics": "recall", "min": 0.8}], "/0/metrics", "Did you mean metric?"),
    ],
)
def test_requirements_that_make_no_sense_are_refused_where_they_are(server: Server, requirements, pointer, said):
    body = ROWS | {"metrics": ["recall", "log_loss"], "requirements": requirements}
    answer = post(server.port, body)
    assert answer.status == HTTPStatus.UNPROCESSABLE_ENTITY
    (error,) = answer.json()["errors"]
    assert error["pointer"] == f"#/requirements{pointer}"
    assert said in error["detail"]


def test_a_decision_on_intervals_needs_them():
    body = ROWS | {"intervals": False, "requirements": [{"metric": "recall", "min": 0.8, "decide_on": "interval"}]}
    answer = create_app(Settings()).test_client().post("/v1/binary/report", json=body)
    assert answer.get_json()["errors"][0]["pointer"] == "#/requirements/0/decide_on"


@pytest.mark.parametrize(
    ("requirements", "status", "slug"),
    [
        (b'[{"metric": "recall", "min": 0.8, "min": 0.9}]', 400, "duplicate-key"),
        (b"[" + b",".join([b'{"preset": "good"}'] * 100) + b"]", 200, None),
        (b"[" + b",".join([b'{"preset": "good"}'] * 201) + b"]", 422, "limit-exceeded"),
        (b'[{"metric": {"a": [[1]]}, "min": 0.8}]', 422, "bad-option"),
    ],
)
def test_both_decoders_read_objects_alike(server: Server, requirements, status, slug):
    body = json.dumps(ROWS).encode()[:-1] + b', "requirements": ' + requirements + b"}"
    answer = request(server.port, body=body)
    assert answer.status == status
    assert answer.json().get("type") == (slug and f"urn:assay:problem:{slug}")


PRESETS = {"release": [{"metric": "recall", "min": 0.9, "decide_on": "interval"}, {"metric": "log_loss", "max": 0.3}]}


def test_presets_come_from_a_file(start_server: Callable[..., Server], tmp_path):
    path = tmp_path / "presets.json"
    path.write_text(json.dumps(PRESETS | {"good": [{"metric": "recall", "min": 0.99}]}))
    server = start_server(ASSAY_PRESETS_FILE=str(path))
    body = ROWS | {"requirements": [{"preset": "release"}, {"preset": "good"}]}
    checks = post(server.port, body).json()["verdict"]["checks"]
    assert [(check["preset"], check["metric"], check["decide_on"], check["outcome"]) for check in checks] == [
        ("release", "recall", "interval", "pass"),
        ("release", "log_loss", "value", "pass"),
        ("good", "recall", "value", "fail"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "No such file"),
        ("{", "Expecting property name"),
        ("[]", "Not an object of lists"),
        ('{"release": [{"metric": "recall"}]}', "#/release/0/metric: Neither min nor max"),
        ('{"release": [{"preset": "good"}]}', "#/release: A preset holds no presets"),
        ('{"release": [{"metric": "recall", "min": 0, "group": {"a": 1}}]}', "#/release: A preset names no groups"),
        ('{"release": {}}', "#/release: Not an array of objects"),
    ],
)
def test_a_bad_file_of_presets_stops_the_start(tmp_path, text, said):
    path = tmp_path / "presets.json"
    if text is not None:
        path.write_text(text)
    server = start(tmp_path / "log", ASSAY_PRESETS_FILE=str(path))
    assert server.process.wait(START_SECONDS)
    last = server.log.read_text().strip().splitlines()[-1]
    assert "ASSAY_PRESETS_FILE" in last
    assert said in last


@pytest.mark.skipif(not (BASH and which("jq") and which("curl")), reason="needs bash, curl and jq")
def test_the_gates_of_the_readme_end_a_job_as_they_should(server: Server):
    commands = re.findall(r"```sh\n(jq .*?)\n```", readme.README.read_text(), re.DOTALL)
    ended = []
    for command in commands:
        assert "http://127.0.0.1:8000" in command
        here = command.replace("http://127.0.0.1:8000", server.url)
        ended.append(subprocess.run([BASH, "-c", here], cwd=ROOT, capture_output=True, check=False).returncode)
    assert ended == [0, 0, 1, 1]  # the first one compares
