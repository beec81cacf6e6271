"""What rows do to metrics: the influence of each is what a little more of its weight does."""

from dataclasses import replace

import numpy as np
import pytest

from service.candidates import Candidate
from service.evaluate import inputs_of, kinds_of, merged, states_of, value_of
from service.metrics.batch import Batch, Question, Reading
from service.metrics.binary_influences import fitted
from service.metrics.catalogue import TASKS
from service.metrics.digest import HIGHEST, LOWEST
from service.metrics.sweep_states import Sweep

ROWS = 24
STEP = 1e-6
QUESTIONS = {
    "binary": Question("binary", (0, 1), 1, 0.5),
    "multiclass": Question("multiclass", (0, 1, 2)),
    "multilabel": Question("multilabel", (0, 1, 2), threshold=0.5),
    "regression": Question("regression"),
    "quantiles": Question("regression", quantiles=(0.9, 0.5, 0.1)),
    "ranking": Question("ranking", k=(1, 3)),
}


def batch_of(name: str, rng: np.random.Generator) -> Batch:
    """Random rows with weights, without ties, where all metrics have a value, the shares of right rows below 1."""
    weight = rng.uniform(0.5, 2, ROWS)
    if name == "binary":
        truth = rng.permutation(ROWS) < ROWS // 3
        scores = 1 / (1 + np.exp(-rng.normal(truth - 0.5)))
        return Batch(truth, scores >= 0.5, scores, weight)
    if name == "multiclass":
        truth = rng.permutation(ROWS) % 3
        scores = rng.dirichlet(np.ones(3), ROWS) + 0.2 * np.eye(3)[truth]
        scores /= scores.sum(axis=1, keepdims=True)
        return Batch(truth, scores.argmax(axis=1), scores, weight)
    if name == "multilabel":
        truth = rng.random((ROWS, 3)) < [0.3, 0.5, 0.7]
        scores = 1 / (1 + np.exp(-rng.normal(truth - 0.5)))
        return Batch(truth, scores >= 0.5, scores, weight)
    if name == "ranking":
        query = np.repeat(np.arange(ROWS // 4), 4)
        relevance = rng.integers(0, 3, ROWS).astype(np.float64)
        return Batch(relevance, None, rng.normal(size=ROWS), np.repeat(weight[: ROWS // 4], 4), query)
    truth = rng.gamma(3, size=ROWS)
    if name == "quantiles":
        scores = truth[:, None] + rng.normal([1, 0, -1], 0.8, (ROWS, 3))
        return Batch(truth, scores[:, 1].copy(), scores, weight)
    return Batch(truth, truth * rng.uniform(0.5, 1.5, ROWS), None, weight)


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_influence_is_what_a_little_more_weight_does(name):
    question, rng = QUESTIONS[name], np.random.default_rng(7)
    reading = Reading(tuple(TASKS[question.task].names(question)))
    batch = batch_of(name, rng)
    candidate = Candidate("one", batch, question, reading)
    compared = [metric for metric in candidate.metrics if metric.influence and candidate.report["metrics"][metric.name]]
    assert compared
    units = np.unique(batch.query, return_inverse=True)[1] if batch.query is not None else np.arange(ROWS)
    found = {metric.name: moved(metric, candidate, batch) for metric in compared}
    whole = batch.weight.sum() if batch.query is None else batch.weight[::4].sum()
    for unit in range(units.max() + 1):
        more = replace(batch, weight=batch.weight + STEP * (units == unit))
        less = replace(batch, weight=batch.weight - STEP * (units == unit))
        kinds = kinds_of(question, reading)
        outputs = [inputs_of(states_of(each, question, kinds), question, reading) for each in (more, less)]
        for metric in compared:
            above, below = (value_of(metric, each).value for each in outputs)
            slope = ((np.log(above) - np.log(below)) if metric.ratio else above - below) / (2 * STEP) * whole
            assert found[metric.name][unit] == pytest.approx(slope, rel=2e-3, abs=2e-3), (metric.name, unit)


def moved(metric, candidate, batch):
    """The influence of each row, or query, less their mean, which is 0 where a table of cells holds it."""
    influence = candidate.influence(metric)
    values = influence.values
    if metric.name.startswith("calibration"):  # more than a slope where the fit hangs on the row
        sweep = candidate.outputs[0][Sweep]
        left = sweep.as_they_came(fitted(sweep).left)
        assert 0.3 < left.min() < 0.97
        values = values * left
    if values.ndim == 1:
        return values - np.average(values, weights=candidate.shares.shares)
    values = values[batch.truth.astype(int), batch.predicted.astype(int)]
    assert np.average(values, weights=batch.weight) == pytest.approx(0, abs=1e-12), metric.name
    return values


@pytest.mark.parametrize("name", QUESTIONS)
def test_states_of_parts_have_the_influences_of_the_whole(name):
    question, rng = QUESTIONS[name], np.random.default_rng(3)
    reading = Reading(tuple(TASKS[question.task].names(question)))
    batch = batch_of(name, rng)
    whole, joined = (Candidate("one", batch, question, reading) for _ in range(2))
    kinds = kinds_of(question, reading, compared=True)
    halves = (batch.rows(np.arange(ROWS // 2)), batch.rows(np.arange(ROWS // 2, ROWS)))
    joined.outputs = inputs_of(merged([states_of(half, question, kinds) for half in halves]), question, reading)
    for metric in whole.metrics:
        if metric.influence:
            values = [candidate.influence(metric).values for candidate in (whole, joined)]
            assert np.array_equal(*values), metric.name


def test_scores_of_0_and_1_influence_the_recalibration_as_their_nearest_likelihoods_do():
    question, rng = QUESTIONS["binary"], np.random.default_rng(8)
    reading = Reading(("calibration_slope", "calibration_intercept"))
    batch = batch_of("binary", rng)
    scores = batch.scores.copy()
    scores[[np.argmax(batch.truth), np.argmin(batch.truth)]] = 1.0, 0.0
    ends, inside = (
        Candidate("one", replace(batch, scores=each), question, reading)
        for each in (scores, np.clip(scores, LOWEST, HIGHEST))
    )
    for metric in ends.metrics:
        assert np.isfinite(ends.influence(metric).values).all()
        assert np.array_equal(ends.influence(metric).values, inside.influence(metric).values)
