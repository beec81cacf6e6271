"""The example data are what their script makes, and the one-hot case counts the positive class."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, precision_score, recall_score

from tests.data.make_examples import EXAMPLES
from tests.one_hot import one_hot
from tests.serving import Server
from tests.wire import post


@pytest.mark.parametrize("name", EXAMPLES)
def test_script_makes_the_committed_file(name: str) -> None:
    committed = json.loads((Path(__file__).parent / "data" / name).read_text())
    made = EXAMPLES[name]()
    assert committed.keys() == made.keys()
    assert committed["labels"] == made["labels"]
    assert committed.get("classes") == made.get("classes")
    pairs = [(committed, made), *zip(*(each.get("candidates", {}).values() for each in (committed, made)), strict=True)]
    for one, other in pairs:
        for column in one.keys() & {"scores", "predictions"}:  # another BLAS may round the last decimal otherwise
            assert np.allclose(one[column], other[column], rtol=0.0, atol=2e-2 if name == "diabetes.json" else 2e-4)


def test_one_hot_has_its_wrong_rows() -> None:
    labels, scores = (np.array(column) for column in one_hot().values())
    assert labels.shape == scores.shape == (5910, 2)
    assert (labels.argmax(1) != scores.argmax(1)).sum() == 794
    assert np.abs(scores.sum(1) - 1).max() < 1e-6


def test_one_hot_report_is_of_the_positive_class(server: Server) -> None:
    request = one_hot()
    answer = post(server.port, request)
    assert answer.status == 200
    truth, calls = (np.array(request[name]).argmax(1) for name in ("labels", "scores"))
    metrics = answer.json()["metrics"]
    expected = {
        "accuracy": accuracy_score(truth, calls),
        "precision": precision_score(truth, calls),
        "recall": recall_score(truth, calls),
    }
    assert {name: metrics[name] for name in expected} == pytest.approx(expected, rel=1e-12)
    assert {round(metrics[name], 4) for name in expected} == {0.8657, 0.8985, 0.7487}
