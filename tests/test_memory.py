"""Many classes or labels take no more memory beside the input than the input itself; nothing outlives its request."""

import gc
import tracemalloc
from types import FrameType

import numpy as np
import pytest

from service.app import create_app
from service.evaluate import kinds_of, report, states_of
from service.examples import COMPARISONS, EXAMPLES
from service.metrics.batch import Batch, Question
from service.metrics.catalogue import TASKS
from service.metrics.states import State
from service.settings import Settings
from tests.cases import reading

ROWS, CLASSES, LABELS = 20_000, 400, 200


def multiclass(rng: np.random.Generator) -> Batch:
    scores = rng.dirichlet(np.ones(CLASSES), ROWS)
    return Batch(rng.integers(0, CLASSES, ROWS), scores.argmax(axis=1), scores)


def multilabel(rng: np.random.Generator) -> Batch:
    scores = rng.random((ROWS, LABELS))
    return Batch(rng.random((ROWS, LABELS)) < 0.1, scores >= 0.5, scores)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("task", "made", "width"), [("multiclass", multiclass, CLASSES), ("multilabel", multilabel, LABELS)]
)
def test_a_report_takes_at_most_the_memory_of_its_input(task, made, width, weighted):
    rng = np.random.default_rng(17)
    batch = made(rng)
    weights = rng.random(ROWS) + 0.5 if weighted else None
    batch = Batch(batch.truth, batch.predicted, batch.scores, weights)
    question = Question(task, tuple(range(width)), threshold=0.5)
    read = reading(TASKS[task].name)
    tracemalloc.start()
    try:
        states = states_of(batch, question, kinds_of(question, read))
        report(states, question, read)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    size = batch.truth.nbytes + batch.predicted.nbytes + batch.scores.nbytes
    assert peak <= size, peak / size


@pytest.mark.parametrize("task", EXAMPLES)
@pytest.mark.parametrize(("verb", "examples"), [("report", EXAMPLES), ("compare", COMPARISONS)])
def test_no_rows_outlive_their_request(task, verb, examples):
    client = create_app(Settings()).test_client()
    bodies = [body for _, body in examples[task].values()]
    bodies.append(bodies[0] | {"labels": []})
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for body in bodies:
            assert client.post(f"/v1/{task}/{verb}", json=body).status_code == (422 if body is bodies[-1] else 200)
        gc.collect()
        kept = {type(each).__name__ for each in gc.garbage if isinstance(each, Batch | State | FrameType)}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert kept == set()
