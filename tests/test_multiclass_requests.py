"""Requests on several classes through the application: how classes and columns are resolved, and what is refused."""

from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from service.app import create_app
from service.settings import Settings
from tests.cases import close
from tests.data.bad_inputs_multiclass import MULTICLASS
from tests.tasks.multiclass import SIZE, multiclass
from tests.test_multiclass import METRICS, OF_ORDER, reported


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return create_app(Settings()).test_client()


def posted(client: FlaskClient, **fields: Any) -> dict[str, Any]:
    answer = client.post(MULTICLASS, json=fields)
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


def refused(client: FlaskClient, **fields: Any) -> tuple[str, list[str]]:
    """The kind of problem, and where it is."""
    answer = client.post(MULTICLASS, json=fields)
    assert answer.status_code == 422
    return answer.json["type"].rpartition(":")[2], [error["pointer"] for error in answer.json["errors"]]


THREE = [[0.5, 0.3, 0.2], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8], [0.3, 0.4, 0.3]]


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([0, 1, 1, 0], [0, 1, 2]),
        ([2, 2, 2, 2], [0, 1, 2]),
        ([1, 2, 3, 1], [1, 2, 3]),
        ([-1, 0, 1, 1], [-1, 0, 1]),
        ([10, 9, 100, 9], [9, 10, 100]),
        (["b", "c", "a", "b"], ["a", "b", "c"]),
        (["10", "9", "100", "9"], ["10", "100", "9"]),
    ],
)
def test_classes_left_out_are_0_to_k_or_the_sorted_labels(client, labels, classes):
    answer = posted(client, labels=labels, scores=THREE)
    assert answer["classes"] == answer["confusion_matrix"]["classes"] == classes
    assert answer == posted(client, labels=labels, scores=THREE, classes=classes)
    chosen = [classes[place] for place in np.argmax(THREE, axis=1)]
    assert answer["metrics"]["accuracy"] == np.mean([a == b for a, b in zip(labels, chosen, strict=True)])


def test_classes_left_out_without_scores_are_those_of_labels_and_predictions(client):
    assert posted(client, labels=["b", "d"], predictions=["a", "d"])["classes"] == ["a", "b", "d"]
    assert posted(client, labels=[7, 3], predictions=[7, 5])["classes"] == [3, 5, 7]
    assert posted(client, labels=[7, 3, 1], predictions=[7, 5, 2], sample_weight=[1, 1, 0])["classes"] == [3, 5, 7]


def test_booleans_are_classes(client):
    answer = posted(client, labels=[True, False, True], scores=[[0.2, 0.8], [0.6, 0.4], [0.9, 0.1]])
    assert answer["classes"] == [False, True]
    assert answer["confusion_matrix"]["matrix"] == [[1, 0], [1, 1]]
    turned = posted(client, labels=[True, False], predictions=[True, True], classes=[True, False])
    assert turned["classes"] == [True, False]
    assert turned["confusion_matrix"]["matrix"] == [[1, 0], [1, 0]]


@pytest.mark.parametrize("classes", [None, ["x", "y", "z"], [5, 1, 3]])
def test_one_hot_rows_are_positions(client, classes):
    truth, chosen = [0, 2, 1, 1], [0, 1, 1, 2]
    named = classes or [0, 1, 2]
    unit = np.eye(3, dtype=int)
    plain = {"labels": [named[place] for place in truth], "predictions": [named[place] for place in chosen]}
    hot = {"labels": unit[truth].tolist(), "predictions": unit[chosen].tolist()}
    options: dict[str, Any] = {"curves": True} | ({"classes": classes} if classes else {})
    for scores in ({}, {"scores": THREE}):
        answers = [client.post(MULTICLASS, json=columns | scores | options) for columns in (plain, hot)]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert answers[0].data == answers[1].data


def test_the_same_labels_written_otherwise_are_the_same_bytes(client):
    bodies = [
        '{"labels": [0, 1, 2, 1], "scores": %s, "sample_weight": [1, 1, 1, 1]}',
        '{"scores": %s, "labels": [0.0, 1.0, 2.0, 1.0]}',
        '{"scores": %s, "labels": [0, 1, 2, 1], "classes": [0.0, 1, 2]}',
    ]
    answers = {client.post(MULTICLASS, data=body % THREE, content_type="application/json").data for body in bodies}
    assert len(answers) == 1


def test_predictions_left_out_are_the_first_of_the_largest_scores(client):
    scores = [[0.25, 0.5, 0.25], [0.4, 0.2, 0.4], [0.2, 0.4, 0.4]]
    answer = posted(client, labels=["a", "b", "c"], scores=scores)
    assert answer == posted(client, labels=["a", "b", "c"], scores=scores, predictions=["b", "a", "b"])


def test_rows_of_weight_zero_may_hold_any_label(client):
    kept = posted(client, labels=["a", "b"], predictions=["a", "a"], classes=["b", "a"])
    more = {"labels": ["a", "?", "b", "a"], "predictions": ["a", "a", "a", "!"], "sample_weight": [1, 0, 1, 0]}
    assert posted(client, **more, classes=["b", "a"]) == kept
    assert posted(client, **more)["classes"] == ["a", "b"]


def test_what_is_no_class_is_refused_with_its_place(client):
    good = {"labels": ["a", "b", "a"], "predictions": ["a", "b", "b"], "classes": ["a", "b"]}
    assert posted(client, **good)
    assert refused(client, **good | {"predictions": ["a", "c", "b"]}) == ("bad-label", ["#/predictions/1"])
    assert refused(client, **good | {"labels": ["a", "c", "b"]}) == ("bad-label", ["#/labels/1"])
    weighted = good | {"sample_weight": [1, 0, 2], "labels": ["a", "c", "d"]}
    assert refused(client, **weighted) == ("bad-label", ["#/labels/2"])
    integers = {"labels": [5, 7, 2**60], "predictions": [5, 8, 2**60 + 1], "classes": [7, 5, 2**60]}
    assert refused(client, **integers) == ("bad-label", ["#/predictions/1", "#/predictions/2"])


def test_columns_follow_the_classes(client):
    """Every order of columns that goes with its classes gives the same numbers."""
    labels, names = ["a", "c", "b", "b"], ["a", "b", "c"]
    expected = posted(client, labels=labels, scores=THREE, classes=names)
    for order in ([2, 0, 1], [1, 2, 0], [2, 1, 0]):
        moved = {"scores": np.array(THREE)[:, order].tolist(), "classes": [names[place] for place in order]}
        answer = posted(client, labels=labels, predictions=["a", "b", "c", "b"], **moved)
        same = [name for name in METRICS if name not in OF_ORDER]
        assert close({name: answer["metrics"][name] for name in same}, {n: expected["metrics"][n] for n in same})


@pytest.mark.parametrize("scores", [True, False])
@pytest.mark.parametrize("kind", ["integer", "string"])
def test_a_request_of_labels_of_a_kind_is_the_batch_of_its_positions(client, kind, scores):
    rng = np.random.default_rng(23)
    names = [30, -2, 11, 7] if kind == "integer" else ["low", "a b", "", "é"]
    truth, chosen = rng.integers(0, SIZE, (2, 200))
    batch = multiclass(truth, rng.dirichlet(np.ones(SIZE), 200) if scores else None, rng.integers(1, 4, 200), chosen)
    fields = {
        "labels": [names[place] for place in truth],
        "predictions": [names[place] for place in chosen],
        "sample_weight": batch.weight.tolist(),
        "classes": names,
    } | ({"scores": batch.scores.tolist()} if scores else {})
    assert posted(client, **fields) == reported(batch, tuple(names))
