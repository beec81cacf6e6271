"""Operating points against brute force over all thresholds, in fractions."""

import itertools
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.metrics import sweep_states
from service.metrics.batch import Costs
from tests.cases import at_thresholds, binary, close, joined, text, whole
from tests.tasks.binary import binary_batches
from tests.tasks.known import EXAMPLES, GRID, REAL, TENTHS, UNIT, WHOLE

SETTINGS = settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
SCORED = binary_batches(scores=[GRID, TENTHS, UNIT], weights=[None, WHOLE], scoreless=False)
COST = st.integers(0, 30).map(lambda tenths: tenths / 10) | st.sampled_from([1e-150, 1e150, 0.123456789012345])
COSTS = st.builds(Costs, COST, COST).filter(any)
TARGET = st.integers(1, 9).map(lambda tenths: tenths / 10) | st.sampled_from([0.75, 2 / 3, 0.99, 1e-9])


def points(batch, **options):
    return whole("binary", batch, curves=False, intervals=False, **options)["operating_points"]


def why(batch, name, **options):
    return whole("binary", batch, intervals=False, **options)["undefined"][f"operating_points.{name}"]["reason"]


def written(number):
    """The number that a request wrote, of which it is the nearest float."""
    return Fraction(repr(number))


def as_floats(point):
    return {name: None if value is None else float(value) for name, value in point.items()}


@SETTINGS
@given(SCORED)
def test_operating_points_are_the_best_of_all_thresholds_and_the_highest_of_a_tie(batch):
    found = points(batch)
    table = list(at_thresholds(batch))
    _, positive, negative = table[-1]
    if not positive:
        assert found["max_f1"] is found["youden"] is None
        return
    f1, threshold, tp, fp = max((Fraction(2 * tp, positive + tp + fp), t, tp, fp) for t, tp, fp in table)
    expected = {"threshold": threshold, "f1": f1, "precision": Fraction(tp, tp + fp), "recall": Fraction(tp, positive)}
    assert close(found["max_f1"], as_floats(expected) | {"chosen_on": "these rows"})
    if not negative:
        assert found["youden"] is None
        return
    rates = [(Fraction(tp, positive), Fraction(fp, negative), t) for t, tp, fp in table]
    best, threshold, recall, fall_out = max((recall - fall_out, t, recall, fall_out) for recall, fall_out, t in rates)
    expected = {"threshold": threshold, "youden_index": best, "recall": recall, "specificity": 1 - fall_out}
    assert close(found["youden"], as_floats(expected) | {"chosen_on": "these rows"})


def test_youden_takes_the_highest_threshold_where_rounded_differences_would_not_tie():
    batch = binary([1, 0, 1, 0, 1, 0], [0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    assert points(batch)["youden"]["threshold"] == 0.9


@SETTINGS
@given(SCORED, COSTS)
def test_no_threshold_costs_less_than_the_least_nor_do_the_predictions(batch, costs):
    point = points(batch, costs=costs)["min_cost"]
    false_positive, false_negative = map(written, costs)
    table = [(np.inf, 0, 0), *at_thresholds(batch)]
    _, positive, negative = table[-1]
    rows = positive + negative
    every = [((false_positive * fp + false_negative * (positive - tp)) / rows, -t, tp, fp) for t, tp, fp in table]
    cost, highest, tp, fp = min(every)
    own = next((of for of, t, *_ in reversed(every) if -t >= 0.5), None)
    expected = {
        "threshold": None if highest == -np.inf else -highest,
        "cost": cost,
        "cost_of_predictions": own,
        "precision": Fraction(tp, tp + fp) if tp + fp else None,
        "recall": Fraction(tp, positive) if positive else None,
    }
    assert close(point, as_floats(expected) | {"costs": costs._asdict(), "chosen_on": "these rows"})
    assert point["cost"] == float(cost) or batch.weight is not None
    assert point["cost"] <= point["cost_of_predictions"] == float(own)


def test_costs_are_the_decimals_that_were_written_so_that_ties_are_ties():
    assert 3 * 0.1 > 0.3
    batch = binary([0, 0, 0, 1], [0.9, 0.9, 0.9, 0.4], predicted=[1, 1, 1, 1])
    found = points(batch, costs=Costs(0.1, 0.3))["min_cost"]
    assert (found["threshold"], found["cost"], found["cost_of_predictions"]) == (None, 0.075, 0.075)
    dearer = points(batch, costs=Costs(0.1, 0.30001))["min_cost"]
    assert dearer["threshold"] == 0.4
    assert points(batch, costs=Costs(0.3, 0.9))["min_cost"]["threshold"] is None


@pytest.mark.parametrize("costs", [(5e-324, 1.7e308), (1.7e308, 5e-324), (1.7e308, 1.7e308), (5e-324, 5e-324)])
def test_costs_at_the_ends_of_float64_leave_numbers(costs):
    batch = binary([0, 1, 0, 1], [0.1, 0.4, 0.6, 0.9])
    found = points(batch, costs=Costs(*costs))["min_cost"]
    # Beside the largest float the smallest is nothing.
    assert found["threshold"] == (0.4 if costs[1] > costs[0] else 0.9 if costs[1] == costs[0] else None)
    assert 0 <= found["cost"] <= max(costs)


def test_where_only_one_kind_of_error_costs_the_other_is_free():
    batch = binary([0, 1, 0, 1], [0.1, 0.4, 0.6, 0.9])
    assert points(batch, costs=Costs(0.0, 1.0))["min_cost"]["threshold"] == 0.4
    assert points(batch, costs=Costs(1.0, 0.0))["min_cost"] == {
        "threshold": None,
        "cost": 0.0,
        "cost_of_predictions": 0.25,
        "costs": {"false_positive": 1.0, "false_negative": 0.0},
        "precision": None,
        "recall": 0.0,
        "chosen_on": "these rows",
    }


def test_the_least_cost_of_one_class_is_known_also_without_a_recall():
    found = points(binary([0, 0], [0.2, 0.7]), costs=Costs(1.0, 1.0))["min_cost"]
    assert (found["threshold"], found["cost"], found["cost_of_predictions"], found["recall"]) == (None, 0.0, 0.5, None)
    assert why(binary([0, 1], None, predicted=[0, 1]), "min_cost") == "no_scores"


def best_at(table, target, *, recall):
    """By all thresholds the one with the largest precision that reaches a recall, or the other way round."""
    _, positive, _ = table[-1]
    rates = [(Fraction(tp, tp + fp), Fraction(tp, positive), t) for t, tp, fp in table]
    if recall:
        return max((p, r, t) for p, r, t in rates if r >= target)
    p_of = [(r, p, t) for p, r, t in rates if p >= target]
    return (max(p_of)[1], max(p_of)[0], max(p_of)[2]) if p_of else None


@SETTINGS
@given(SCORED, TARGET)
def test_precision_and_recall_at_a_target_are_the_best_of_all_thresholds_that_reach_it(batch, target):
    answer = whole("binary", batch, intervals=False, target_precision=target, target_recall=target)
    found, reasons = answer["operating_points"], answer["undefined"]
    table = list(at_thresholds(batch))
    names = ("precision_at_recall", "recall_at_precision")
    if not table[-1][1]:
        assert {reasons[f"operating_points.{name}"]["reason"] for name in names} == {"no_positive_labels"}
        return
    for name, of in zip(names, ("recall", "precision"), strict=True):
        best = best_at(table, written(target), recall=of == "recall")
        if best is None:
            assert found[name] is None
            assert reasons[f"operating_points.{name}"]["reason"] == "unreachable"
            continue
        expected = as_floats(dict(zip(("precision", "recall", "threshold"), best, strict=True)))
        assert close(found[name], expected | {f"target_{of}": target, "chosen_on": "these rows"})


@pytest.mark.parametrize("rows", [10, 30, 70, 1000])
@pytest.mark.parametrize("weight", [None, 1.0, 0.1, 1 / 3])
def test_as_many_rows_as_the_target_says_reach_it(rows, weight):
    """A tenth of these is no whole number of floats: 0.9 is a little more than nine tenths."""
    assert Fraction(0.9) > Fraction(9, 10)
    weights = None if weight is None else np.full(2 * rows, weight)
    truth = np.arange(2 * rows) % 2 == 0
    scores = np.where(truth, 1 - np.arange(2 * rows) / (4 * rows), 0.1)
    found = points(binary(truth, scores, weights), target_recall=0.9)["precision_at_recall"]
    assert found["recall"] == pytest.approx(1)  # of all thresholds without false positives the lowest
    truth = np.arange(rows) < 0.9 * rows
    constant = binary(truth, np.full(rows, 0.5), None if weight is None else np.full(rows, weight))
    assert points(constant, target_precision=0.9)["recall_at_precision"]["recall"] == 1
    above = np.repeat([1.0, 0.0], [9 * rows // 10, rows - 9 * rows // 10])
    positives = np.ones(rows)
    mixed = binary(np.append(positives, [0] * rows), np.append(above, [0.0] * rows), weights)
    assert points(mixed, target_recall=0.9)["precision_at_recall"]["threshold"] == 1


@SETTINGS
@given(
    binary_batches(scores=[GRID, UNIT], weights=[REAL], scoreless=False),
    st.sampled_from([2.0**-30, 4.0, 3.0, 0.1, 7e5]),
    COSTS,
)
def test_a_factor_on_all_weights_or_both_costs_changes_no_operating_point(batch, factor, costs):
    ours = points(batch, costs=costs)
    theirs = points(replace(batch, weight=batch.weight * factor), costs=costs)
    if np.frexp(factor)[0] == 0.5:
        assert text(ours) == text(theirs)
    for name, point in ours.items():
        for part in ("f1", "youden_index", "cost", "cost_of_predictions"):
            if point and part in point:
                assert close(point[part], theirs[name][part], 1e-9 * max(1.0, *costs))
    doubled = points(batch, costs=Costs(2 * costs.false_positive, 2 * costs.false_negative))
    assert doubled["min_cost"]["threshold"] == ours["min_cost"]["threshold"]


def test_operating_points_of_many_rows_and_many_blocks_are_those_of_their_definition():
    rng = np.random.default_rng(4)
    rows = 200_000
    truth = rng.random(rows) < 0.3
    scores = np.round(1 / (1 + np.exp(-rng.normal(2 * truth - 1))), 6)
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), rows - 1)
    tp, fp = (np.cumsum(side[order])[last] for side in (truth, ~truth))
    precision, recall, thresholds = tp / (tp + fp), tp / tp[-1], scores[order][last]
    found = points(binary(truth, scores), costs=Costs(1.0, 3.0), target_precision=0.6, target_recall=0.7)
    cost = (fp + 3 * (tp[-1] - tp)) / rows
    assert found["min_cost"]["threshold"] == thresholds[cost.argmin()]
    assert found["min_cost"]["cost"] == pytest.approx(cost.min(), rel=1e-12)
    reaching = np.flatnonzero(precision >= 0.6)
    assert found["recall_at_precision"]["recall"] == recall[reaching].max()
    enough = recall >= 0.7
    best = np.flatnonzero(enough & (precision == precision[enough].max()))[-1]
    assert found["precision_at_recall"]["threshold"] == thresholds[best]


@SETTINGS
@given(SCORED, TARGET)
def test_stretches_of_steps_lead_to_the_points_that_a_look_at_every_step_does(batch, target):
    with pytest.MonkeyPatch.context() as patch:
        asked = {"target_precision": target, "target_recall": target}
        every = text(points(batch, **asked))
        patch.setattr(sweep_states, "FEW_STEPS", 0)
        patch.setattr(sweep_states, "STRETCH", 2)
        assert text(points(batch, **asked)) == every


def test_the_same_rows_in_two_parts_have_the_operating_points_of_all():
    rng = np.random.default_rng(1)
    parts = [binary(rng.random(60) < 0.4, np.round(rng.random(60), 2)) for _ in range(2)]
    both = [text(points(joined(order))) for order in itertools.permutations(parts)]
    assert both[0] == both[1]
