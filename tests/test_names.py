"""Who misspells a name is told which one is probably meant, and never what was sent."""

from typing import Any

import pytest

from schemas.names import LONGEST, nearest
from service.app import create_app
from service.settings import Settings
from tests.encodings import ARROW, CSV, PARQUET

CLIENT = create_app(Settings()).test_client()
ROWS = {"labels": [0, 1], "scores": [0.2, 0.9]}


def said(answer: Any, pointer: str) -> str:
    (error,) = answer.get_json()["errors"]
    assert error["pointer"] == pointer
    return str(error["detail"])


@pytest.mark.parametrize(
    ("fields", "pointer", "meant"),
    [
        ({"treshold": 0.3}, "#/treshold", "threshold"),
        ({"label": [0, 1]}, "#/label", "labels"),
        ({"metrics": ["accuracy", "auc"]}, "#/metrics/1", "roc_auc"),
    ],
)
def test_of_a_report(fields, pointer, meant):
    answer = CLIENT.post("/v1/binary/report", json=ROWS | fields)
    assert f" Did you mean {meant}?" in said(answer, pointer)


@pytest.mark.parametrize(
    ("fields", "pointer", "meant"),
    [
        ({"reference_": "a"}, "#/reference_", "reference"),
        ({"confidence_levels": 0.9}, "#/confidence_levels", "confidence_level"),
        ({"primary_metric": "acuracy"}, "#/primary_metric", "accuracy"),
    ],
)
def test_of_a_comparison(fields, pointer, meant):
    candidates = {"a": {"scores": [0.2, 0.9]}, "b": {"scores": [0.3, 0.8]}}
    both = {"labels": [0, 1], "candidates": candidates, "reference": "a"}
    answer = CLIENT.post("/v1/binary/compare", json=both | fields)
    assert f" Did you mean {meant}?" in said(answer, pointer)


def test_of_a_column():
    answer = CLIENT.post("/v1/binary/report", data="labels,score\n0,0.1\n1,0.9\n", content_type=CSV)
    assert " Did you mean scores?" in said(answer, "#/score")


@pytest.mark.parametrize("delimiter", ";\t|")
def test_other_delimiters_are_told_from_commas(delimiter):
    answer = CLIENT.post("/v1/binary/report", data=f"labels{delimiter}scores\n0{delimiter}0.1\n", content_type=CSV)
    assert " Put commas between columns." in said(answer, f"#/labels{delimiter}scores")


@pytest.mark.parametrize("kind", [ARROW, CSV, PARQUET])
def test_an_empty_body_is_called_empty(kind):
    answer = CLIENT.post("/v1/binary/report", data=b"", content_type=kind)
    assert answer.get_json()["detail"].endswith("It is empty.")


@pytest.mark.parametrize("name", ["", "xyz", 3, None, ["labels"], "labels" * LONGEST])
def test_no_name_is_suggested_for_what_is_like_none(name):
    assert nearest(name, ("labels", "scores")) == ""
