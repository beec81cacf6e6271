"""Laws of every report: no order, split, zero weight or unit shows in it, and every value lies in its range."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.evaluate import kinds_of, report, states_of
from service.metrics.batch import Batch, without_zero_weights
from service.metrics.catalogue import TASKS, Metric
from service.metrics.regression_states import Labels
from service.metrics.states import Rows
from tests import cases
from tests.cases import QUESTIONS, close, cut, in_parts, joined, take, text, whole
from tests.strategies import BATCHES, REAL, TAME, WHOLE

SETTINGS = settings(max_examples=200, deadline=None, derandomize=True)
# What counts rows, and why a number is missing: a row of weight 2 is one row, two rows of weight 1 are two.
OF_ROWS = ("samples", "undefined")


def from_totals(metric: Metric) -> bool:
    """Whether the metric is computed from exact totals alone."""
    return not any(issubclass(kind, Rows) for kind in metric.states)


def values_of(task: str, batch: Batch) -> dict:
    answer = {key: value for key, value in whole(task, batch).items() if key not in OF_ROWS}
    outputs = [
        {key: value for key, value in output.items() if key not in OF_ROWS} for output in answer.get("per_output", [])
    ]
    return answer | {"per_output": outputs}


@pytest.mark.parametrize("task", TASKS)
@SETTINGS
@given(data=st.data())
def test_every_value_is_finite_in_its_range_and_null_for_a_declared_reason(task, data):
    answer = whole(task, data.draw(BATCHES[task]()))
    text(answer)
    for metric in TASKS[task].metrics:
        value, reason = answer["metrics"][metric.name], answer["undefined"].get(metric.name)
        assert (value is None) == (reason is not None)
        if reason:
            assert reason["reason"] in metric.reasons
            assert reason["detail"]
        for number in (value, answer["baselines"].get(metric.name)):
            assert number is None or metric.low <= number <= metric.high, metric.name


@pytest.mark.parametrize("task", TASKS)
@SETTINGS
@given(data=st.data())
def test_no_order_of_the_rows_shows(task, data):
    batch = data.draw(BATCHES[task]())
    order = data.draw(st.permutations(range(len(batch.truth))))
    assert text(whole(task, take(batch, order))) == text(whole(task, batch))


@pytest.mark.parametrize("task", TASKS)
@SETTINGS
@given(data=st.data())
def test_no_split_shows(task, data):
    batch = data.draw(BATCHES[task]())
    parts = cut(batch, data.draw(st.lists(st.integers(0, len(batch.truth)), max_size=4)))
    assert text(in_parts(task, data.draw(st.permutations(parts)))) == text(whole(task, batch))


@pytest.mark.parametrize("task", TASKS)
@SETTINGS
@given(data=st.data())
def test_parts_without_weights_are_parts_of_weight_one(task, data):
    weighted = data.draw(BATCHES[task](weights=[REAL, WHOLE]))
    plain = take(weighted, data.draw(st.lists(st.integers(0, len(weighted.truth) - 1), min_size=1, max_size=4)))
    ones = replace(plain, weight=np.ones(len(plain.truth)))
    parts = data.draw(st.permutations([weighted, replace(plain, weight=None)]))
    assert text(in_parts(task, parts)) == text(whole(task, joined([weighted, ones])))


@pytest.mark.parametrize("task", TASKS)
@SETTINGS
@given(data=st.data())
def test_weight_zero_is_removal(task, data):
    batch = data.draw(BATCHES[task](weights=[None, REAL, WHOLE]))
    weight = np.ones(len(batch.truth)) if batch.weight is None else batch.weight
    dropped = np.array(data.draw(st.lists(st.booleans(), min_size=len(weight), max_size=len(weight))))
    dropped[0] = False
    zeroed = replace(batch, weight=np.where(dropped, 0, weight))
    assert text(whole(task, zeroed)) == text(whole(task, take(batch, ~dropped)))


@pytest.mark.parametrize("task", TASKS)
@SETTINGS
@given(data=st.data())
def test_integer_weights_are_repetitions(task, data):
    batch = data.draw(TAME[task](weights=[WHOLE]))
    repeated = replace(take(batch, np.repeat(np.arange(len(batch.truth)), batch.weight.astype(int))), weight=None)
    ours, theirs = values_of(task, batch), values_of(task, repeated)
    for answer in (ours, theirs):  # what chance makes of an error takes weights as reliabilities
        answer.pop("calibration", None)
    assert close(ours, theirs)
    for metric in filter(from_totals, TASKS[task].metrics):
        assert ours["metrics"][metric.name] == theirs["metrics"][metric.name], metric.name


@pytest.mark.parametrize("task", TASKS)
@SETTINGS
@given(data=st.data())
def test_a_power_of_two_on_all_weights_changes_no_metric(task, data):
    batch = data.draw(BATCHES[task](weights=[None, WHOLE, REAL]))
    weight = np.ones(len(batch.truth)) if batch.weight is None else batch.weight
    scaled = replace(batch, weight=weight * 2.0 ** data.draw(st.integers(-40, 40)))
    for part in ("metrics", "undefined", "baselines", "operating_points"):
        assert text(whole(task, scaled).get(part)) == text(whole(task, batch).get(part))
    assert close(whole(task, scaled).get("calibration"), whole(task, batch).get("calibration"))


@pytest.mark.parametrize("exponent", [-1000, -600, 600, 1000])
@pytest.mark.parametrize("task", TASKS)
@settings(SETTINGS, max_examples=20)
@given(data=st.data())
def test_weights_near_the_ends_of_float64_change_no_metric_either(task, exponent, data):
    batch = data.draw(TAME[task](weights=[WHOLE]))
    scaled = replace(batch, weight=batch.weight * 2.0**exponent)
    assert close(whole(task, scaled, curves=False)["metrics"], whole(task, batch, curves=False)["metrics"])


@pytest.mark.parametrize("task", TASKS)
@SETTINGS
@given(data=st.data())
def test_the_same_rows_twice_change_no_value(task, data):
    batch = data.draw(TAME[task](weights=[None, WHOLE]))
    once, twice = (whole(task, part, curves=False) for part in (batch, joined([batch, batch])))
    for part in ("metrics", "baselines", "operating_points"):
        assert close(twice.get(part), once.get(part))
    for metric in filter(from_totals, TASKS[task].metrics):
        assert twice["metrics"][metric.name] == once["metrics"][metric.name], metric.name


@pytest.mark.parametrize("task", TASKS)
@SETTINGS
@given(data=st.data())
def test_fewer_metrics_are_the_same_metrics(task, data):
    batch = without_zero_weights(data.draw(BATCHES[task]()))
    names = data.draw(st.lists(st.sampled_from([m.name for m in TASKS[task].metrics]), min_size=1, unique=True))
    read = replace(cases.reading(task), metrics=tuple(names))
    states = states_of(batch, QUESTIONS[task], kinds_of(QUESTIONS[task], read))
    some, every = report(states, QUESTIONS[task], read)["metrics"], whole(task, batch)["metrics"]
    assert some == {name: every[name] for name in every if name in names}


@pytest.mark.parametrize("task", TASKS)
def test_names_and_metadata_are_echoed_and_change_nothing_else(task):
    batch = {"binary": cases.binary([0, 1], [0.2, 0.7]), "regression": cases.regression([1, 2], [1, 3])}[task]
    question = replace(QUESTIONS[task], classes=("ham", "spam"), pos_label="spam")
    read = replace(cases.reading(task), metadata={"model": "a"})
    states = states_of(batch, question, kinds_of(question, read))
    renamed, plain = report(states, question, read), whole(task, batch)
    assert renamed.pop("metadata") == {"model": "a"}
    if "classes" in plain:
        assert (renamed.pop("classes"), renamed.pop("pos_label")) == (["ham", "spam"], "spam")
    assert text(renamed) == text({key: plain[key] for key in plain if key not in ("classes", "pos_label")})


def mean_label(labels: Labels) -> float:
    """Mean of the labels, a metric that only this test knows."""
    return float(np.mean(labels.values))


def test_a_row_added_to_the_catalogue_is_in_the_report(monkeypatch):
    task = TASKS["regression"]
    added = Metric(mean_label, low=-np.inf, high=np.inf, reasons=())
    monkeypatch.setitem(TASKS, "regression", replace(task, rows=(*task.rows, added)))
    answer = whole("regression", cases.regression([1, 2], [0, 0]))
    assert answer["metrics"]["mean_label"] == 1.5 == answer["baselines"]["mean_label"]
    assert added.documentation()["summary"] == "Mean of the labels, a metric that only this test knows."


def test_documentation_of_every_row_has_summary_formula_and_reference():
    for task in TASKS.values():
        for metric in task.metrics:
            assert all(metric.documentation().values()), metric.name
