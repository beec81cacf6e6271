"""Laws of every report: no order, split, zero weight or unit shows in it, and every value lies in its range."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from service.evaluate import kinds_of, report, states_of
from service.metrics.batch import Batch, without_zero_weights
from service.metrics.catalogue import TASKS
from service.metrics.class_states import ColumnScores
from service.metrics.intervals import no_interval
from service.metrics.regression_states import Labels
from service.metrics.row import Metric
from service.metrics.states import Rows
from service.metrics.undefined import NO_INTERVAL
from tests import cases
from tests.cases import close, cut, in_parts, joined, metrics_of, take, text, whole
from tests.tasks import KNOWN
from tests.tasks.known import EXAMPLES, REAL, WHOLE

SETTINGS = settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
SMALLEST_NORMAL = np.finfo(np.float64).smallest_normal
# What counts rows or queries, and why a number is missing: a row of weight 2 is one row, two of weight 1 are two.
OF_ROWS = (
    "samples",
    "effective_samples",
    "class_effective_samples",
    "rows_without_labels",
    "queries",
    "queries_without_relevant",
    "undefined",
)


def from_totals(metric: Metric) -> bool:
    """Whether the metric is computed from exact totals alone."""
    return not any(issubclass(kind, Rows | ColumnScores) for kind in metric.states)


def values_of(task: str, batch: Batch) -> dict:
    answer = {key: value for key, value in whole(task, batch, intervals=False).items() if key not in OF_ROWS}
    parts = {
        part: [{key: value for key, value in each.items() if key not in OF_ROWS} for each in answer.get(part, [])]
        for part in ("per_output", "per_class")
    }
    return answer | parts


def without_tests(task: str, answer: dict) -> dict:
    """The report without test statistics, which grow with the rows."""
    grow = {metric.name for metric in metrics_of(task) if metric.test_statistic}
    kept = {
        part: {name: value for name, value in answer[part].items() if name not in grow}
        for part in ("metrics", "baselines")
    }
    return answer | kept


def without_unit(section: dict | None) -> dict | None:
    """A calibration without the weights of its bins, which have the unit of the weights sent."""
    if section is None:
        return None
    bins = {kind: [{**each, "weight": None} for each in section[kind]] for kind in ("uniform", "quantile")}
    return section | bins


def check_values(task: str, answer: dict) -> None:
    """Every value is finite, in its range and in its interval, or null for a declared reason."""
    text(answer)
    for metric in metrics_of(task):
        value, reason = answer["metrics"][metric.name], answer["undefined"].get(metric.name)
        assert (value is None) == (reason is not None)
        if reason:
            assert reason["reason"] in metric.reasons
            assert reason["detail"]
        interval = answer["intervals"][metric.name]
        lack = answer["undefined"].get(f"intervals.{metric.name}")
        assert (interval is None) == (value is None or lack is not None)
        assert lack is None or lack["reason"] in NO_INTERVAL
        if interval:
            assert metric.low <= interval["low"] <= value <= interval["high"] <= metric.high, metric.name
            assert interval["low"] < interval["high"], metric.name
        for number in (value, answer["baselines"].get(metric.name)):
            assert number is None or metric.low <= number <= metric.high, metric.name


@pytest.mark.parametrize("task", KNOWN)
@SETTINGS
@given(data=st.data())
def test_every_value_is_sound_and_no_order_and_no_split_shows(task, data):
    batch = data.draw(KNOWN[task].batches())
    answer = whole(task, batch)
    check_values(task, answer)
    order = data.draw(st.permutations(range(len(batch.truth))))
    assert text(whole(task, take(batch, order))) == text(answer), "order"
    parts = cut(batch, data.draw(st.lists(st.integers(0, len(batch.truth)), max_size=4)))
    assert text(in_parts(task, data.draw(st.permutations(parts)))) == text(answer), "split"


@pytest.mark.parametrize("task", KNOWN)
@SETTINGS
@given(data=st.data())
def test_a_power_of_two_on_all_weights_and_fewer_metrics_change_no_metric(task, data):
    batch = data.draw(KNOWN[task].batches())
    answer = whole(task, batch)
    weight = np.ones(len(batch.truth)) if batch.weight is None else batch.weight
    scaled = whole(task, replace(batch, weight=weight * 2.0 ** data.draw(st.integers(-40, 40))))
    for part in ("metrics", "undefined", "intervals", "baselines", "operating_points", "effective_samples"):
        assert text(scaled.get(part)) == text(answer.get(part)), "power of two"
    assert close(*(without_unit(each.get("calibration")) for each in (scaled, answer)))
    names = data.draw(st.lists(st.sampled_from([*answer["metrics"]]), min_size=1, unique=True))
    question, read = KNOWN[task].question, replace(cases.reading(task), metrics=tuple(names))
    some = report(states_of(without_zero_weights(batch), question, kinds_of(question, read)), question, read)
    for part in ("metrics", "intervals"):
        assert some[part] == {name: value for name, value in answer[part].items() if name in names}, "fewer metrics"


@pytest.mark.parametrize("task", KNOWN)
@SETTINGS
@given(data=st.data())
def test_parts_without_weights_are_parts_of_weight_one(task, data):
    weighted = data.draw(KNOWN[task].batches(weights=[REAL, WHOLE]))
    rows = data.draw(st.lists(st.integers(0, len(weighted.truth) - 1), min_size=1, max_size=4))
    plain = KNOWN[task].apart(take(weighted, rows))
    ones = replace(plain, weight=np.ones(len(plain.truth)))
    parts = data.draw(st.permutations([weighted, replace(plain, weight=None)]))
    ours, theirs = in_parts(task, parts, intervals=False), whole(task, joined([weighted, ones]), intervals=False)
    assert text(ours) == text(theirs)


@pytest.mark.parametrize("task", KNOWN)
@SETTINGS
@given(data=st.data())
def test_weight_zero_is_removal(task, data):
    batch = data.draw(KNOWN[task].batches(weights=[None, REAL, WHOLE]))
    weight = np.ones(len(batch.truth)) if batch.weight is None else batch.weight
    units, unit = np.unique(KNOWN[task].units(batch), return_inverse=True)
    dropped = np.array(data.draw(st.lists(st.booleans(), min_size=len(units), max_size=len(units))))[unit]
    dropped &= unit != unit[0]
    zeroed = replace(batch, weight=np.where(dropped, 0, weight))
    ours, theirs = (whole(task, part, intervals=False) for part in (zeroed, take(batch, ~dropped)))
    assert text(ours) == text(theirs)


@pytest.mark.parametrize("task", KNOWN)
@SETTINGS
@given(data=st.data())
def test_integer_weights_are_repetitions(task, data):
    batch = data.draw(KNOWN[task].tame(weights=[WHOLE]))
    ours, theirs = values_of(task, batch), values_of(task, KNOWN[task].repeated(batch))
    for answer in (ours, theirs):  # these take weights as reliabilities
        answer.pop("calibration", None)
        answer.pop("findings")
    assert close(*(without_tests(task, answer) for answer in (ours, theirs)))
    for metric in filter(from_totals, metrics_of(task)):
        assert ours["metrics"][metric.name] == theirs["metrics"][metric.name], metric.name


@pytest.mark.parametrize("task", KNOWN)
@SETTINGS
@given(data=st.data())
def test_weights_that_are_counts_are_repetitions_in_the_whole_report(task, data):
    batch = data.draw(KNOWN[task].tame(weights=[WHOLE]))
    # Multiples of the smallest numbers are rounded.
    assume(batch.scores is None or not np.any((batch.scores != 0) & (np.abs(batch.scores) < SMALLEST_NORMAL)))
    repeated = whole(task, KNOWN[task].repeated(batch))
    assert close(whole(task, batch, counts=True), repeated, 1e-9)


@pytest.mark.parametrize("exponent", [-1000, -600, 600, 1000])
@pytest.mark.parametrize("task", KNOWN)
@settings(SETTINGS, max_examples=20)
@given(data=st.data())
def test_weights_near_the_ends_of_float64_change_no_metric_either(task, exponent, data):
    batch = data.draw(KNOWN[task].tame(weights=[WHOLE]))
    scaled = replace(batch, weight=batch.weight * 2.0**exponent)
    ours, theirs = (whole(task, part, curves=False, intervals=False) for part in (scaled, batch))
    assert close(ours["metrics"], theirs["metrics"])


@pytest.mark.parametrize("task", KNOWN)
@SETTINGS
@given(data=st.data())
def test_the_same_rows_twice_change_no_value(task, data):
    batch = data.draw(KNOWN[task].tame(weights=[None, WHOLE]))
    doubled = joined([batch, KNOWN[task].apart(batch)])
    once, twice = (without_tests(task, whole(task, part, curves=False, intervals=False)) for part in (batch, doubled))
    for part in ("metrics", "baselines", "operating_points"):
        assert close(twice.get(part), once.get(part))
    for metric in filter(from_totals, metrics_of(task)):
        assert twice["metrics"][metric.name] == once["metrics"][metric.name], metric.name


def with_labels(value, label_of):
    """Part of a report with each name of a class replaced by the label that it stands for, in sentences too."""
    if isinstance(value, dict):
        return {key: with_labels(part, label_of) for key, part in value.items()}
    if isinstance(value, list):
        return [with_labels(part, label_of) for part in value]
    if not isinstance(value, str) or value in label_of:
        return label_of.get(value, value)
    for name, label in label_of.items():
        value = value.replace(name, str(label))
    return value


@pytest.mark.parametrize("task", KNOWN)
def test_names_and_metadata_are_echoed_and_change_nothing_else(task):
    batch, question = KNOWN[task].plain, KNOWN[task].question
    name_of = {label: f"name of {label}" for label in question.classes}
    named = replace(question, classes=tuple(name_of.values()), pos_label=name_of.get(question.pos_label))
    read = replace(cases.reading(task), metadata={"model": "a"})
    renamed, plain = report(states_of(batch, named, kinds_of(named, read)), named, read), whole(task, batch)
    assert renamed.pop("metadata") == {"model": "a"}
    assert renamed.get("classes", []) == list(name_of.values())
    assert renamed.get("pos_label") == named.pos_label
    assert text(with_labels(renamed, {name: label for label, name in name_of.items()})) == text(plain)


def mean_label(labels: Labels) -> float:
    """Mean of the labels, a metric that only this test knows."""
    return float(np.mean(labels.values))


def test_a_row_added_to_the_catalogue_is_in_the_report(monkeypatch):
    task = TASKS["regression"]
    added = Metric(mean_label, low=-np.inf, high=np.inf, uncertainty=no_interval("too_few_rows"))
    monkeypatch.setitem(TASKS, "regression", replace(task, rows=(*task.rows, added)))
    answer = whole("regression", cases.regression([1, 2], [0, 0]))
    assert answer["metrics"]["mean_label"] == 1.5 == answer["baselines"]["mean_label"]
    assert added.documentation()["summary"] == "Mean of the labels, a metric that only this test knows."


def test_documentation_of_every_row_has_summary_formula_and_reference_and_says_how_its_interval_is_made():
    for task in TASKS.values():
        for metric in task.metrics:
            assert all([*metric.documentation().values(), metric.interval]), metric.name
