"""Thresholds that would have been best on these rows. Chosen and judged on the same rows, they flatter."""

from bisect import bisect_left
from fractions import Fraction
from functools import lru_cache
from math import gcd, lcm
from typing import Any, NamedTuple, TypedDict

import numpy as np

from service.metrics.batch import Costs, Reading
from service.metrics.binary_states import Cells
from service.metrics.states import once
from service.metrics.sweep_states import Sweep
from service.metrics.undefined import Undefined

CHOSEN_ON = "these rows"
# Sums of weights are rounded: a share that is below a target by no more than this share of it reaches it.
ROUNDING = 2.0**-40


class MaxF1(TypedDict):
    """The threshold with the largest f1, and what it gives."""

    threshold: float
    f1: float
    precision: float
    recall: float
    chosen_on: str


class Youden(TypedDict):
    """The threshold with the largest recall + specificity - 1, and what it gives."""

    threshold: float
    youden_index: float
    recall: float
    specificity: float
    chosen_on: str


class MinCost(TypedDict):
    """The threshold where errors cost least, and what it gives; null where it is best to call nothing positive.

    `cost` is the mean cost of a row by its weight, `cost_of_predictions` that of the report's own predictions. The
    precision is null where nothing is predicted positive, the recall where no label is positive.
    """

    threshold: float | None
    cost: float
    cost_of_predictions: float
    costs: dict[str, float]
    precision: float | None
    recall: float | None
    chosen_on: str


class AtPrecision(TypedDict):
    """The threshold with the largest recall among those that reach the precision asked for, and what it gives."""

    threshold: float
    recall: float
    precision: float
    target_precision: float
    chosen_on: str


class AtRecall(TypedDict):
    """The threshold with the largest precision among those that reach the recall asked for, and what it gives."""

    threshold: float
    precision: float
    recall: float
    target_recall: float
    chosen_on: str


def max_f1(sweep: Sweep) -> MaxF1:
    """The threshold with the largest f1; the highest one where several tie."""
    thresholds, tp, fp = sweep.steps
    if not tp[-1]:
        raise Undefined("no_positive_labels")
    found = tp[-1]
    best, f1 = sweep.best_step(lambda tp, fp: 2 * tp / (found + tp + fp))
    return {
        "threshold": float(thresholds[best]),
        "f1": float(f1),
        "precision": float(tp[best + 1] / (tp[best + 1] + fp[best + 1])),
        "recall": float(tp[best + 1] / found),
        "chosen_on": CHOSEN_ON,
    }


def youden(sweep: Sweep) -> Youden:
    """The threshold with the largest recall + specificity - 1 (Youden, Cancer 3, 1950); the highest one of a tie."""
    thresholds, tp, fp = sweep.steps
    if not tp[-1] or not fp[-1]:
        raise Undefined("single_class")
    found, others = tp[-1], fp[-1]
    best, gain = sweep.best_step(sweep.apart)
    return {
        "threshold": float(thresholds[best]),
        "youden_index": float(gain / (found * others)),
        "recall": float(tp[best + 1] / found),
        "specificity": float(1 - fp[best + 1] / others),
        "chosen_on": CHOSEN_ON,
    }


def min_cost(sweep: Sweep, cells: Cells, reading: Reading) -> MinCost:
    """The threshold where errors cost least, by the `costs` of a false positive and of a false negative.

    To call nothing positive is one of the choices, its threshold null. The highest threshold where several tie.

    Reference: C. Elkan, IJCAI 2001
    """
    return least_cost(sweep, cells, reading.costs)


@once
def least_cost(sweep: Sweep, cells: Cells, costs: Costs) -> MinCost:
    """The same for given costs."""
    thresholds, tp, fp = sweep.steps
    found, others = tp[-1].item(), fp[-1].item()
    false_positive, false_negative = exact_costs(costs)
    for_hit, for_alarm = in_units(false_negative, false_positive, rows=len(sweep.scores))
    best, saved = sweep.best_step(lambda tp, fp: for_hit * tp - for_alarm * fp)
    step = best + 1 if saved > 0 else 0
    hits, alarms = tp[step].item(), fp[step].item()

    def mean_cost(false_positives: Any, false_negatives: Any, rows: Any) -> float:
        cost = false_positive * Fraction(false_positives) + false_negative * Fraction(false_negatives)
        return float(cost / Fraction(rows))

    return {
        "threshold": float(thresholds[best]) if step else None,
        "cost": mean_cost(alarms, max(0, found - hits), found + others),
        "cost_of_predictions": mean_cost(cells.fp, cells.fn, cells.tp + cells.fp + cells.fn + cells.tn),
        "costs": costs._asdict(),
        "precision": hits / (hits + alarms) if step else None,
        "recall": hits / found if found else None,
        "chosen_on": CHOSEN_ON,
    }


@lru_cache
def exact_costs(costs: Costs) -> tuple[Fraction, Fraction]:
    """The costs as they are written: at 0.1, which is a tenth, three errors cost as much as one at 0.3."""
    return Fraction(repr(costs.false_positive)), Fraction(repr(costs.false_negative))


def in_units(*costs: Fraction, rows: int) -> list[Any]:
    """Costs in proportion: whole numbers if those of so many rows fit 64 bits, else shares of the largest cost."""
    unit = Fraction(gcd(*(cost.numerator for cost in costs)), lcm(*(cost.denominator for cost in costs)))
    whole = [int(cost / unit) for cost in costs]
    return whole if max(whole) * rows < 2**63 else [number / max(whole) for number in whole]


def recall_at_precision(sweep: Sweep, reading: Reading) -> AtPrecision:
    """The threshold with the largest recall whose precision is `target_precision` or more.

    Of several with this recall the one with the largest precision, which is the highest.

    Reference: torchmetrics.classification.BinaryRecallAtFixedPrecision
    """
    point = last_with(sweep, least(sweep, reading.target_precision))
    return {
        "threshold": point.threshold,
        "recall": point.recall,
        "precision": point.precision,
        "target_precision": reading.target_precision,
        "chosen_on": CHOSEN_ON,
    }


def precision_at_recall(sweep: Sweep, reading: Reading) -> AtRecall:
    """The threshold with the largest precision whose recall is `target_recall` or more.

    Of several with this precision the one with the largest recall, which is the lowest.

    Reference: torchmetrics.classification.BinaryPrecisionAtFixedRecall
    """
    _, tp, _ = sweep.steps
    found = tp[-1]
    if not found:
        raise Undefined("no_positive_labels")
    enough = tp[bisect_left(tp, least(sweep, reading.target_recall), key=lambda reached: reached / found)]
    _, precision = sweep.best_step(lambda tp, fp: np.where(tp >= enough, tp / (tp + fp), 0))
    point = last_with(sweep, precision)
    return {
        "threshold": point.threshold,
        "precision": point.precision,
        "recall": point.recall,
        "target_recall": reading.target_recall,
        "chosen_on": CHOSEN_ON,
    }


class Point(NamedTuple):
    """A threshold, and what it gives."""

    threshold: float
    precision: float
    recall: float


def last_with(sweep: Sweep, precision: float) -> Point:
    """The threshold with the largest recall that reaches a precision; of several the highest.

    Raises `Undefined` where none reaches it.
    """
    thresholds, tp, fp = sweep.steps
    if not tp[-1]:
        raise Undefined("no_positive_labels")
    for steps in reversed(list(sweep.steps_with(lambda tp, fp: tp / (tp + fp), precision))):
        hits = tp[steps]
        reached = np.flatnonzero(hits / (hits + fp[steps]) >= precision)
        if len(reached):
            first = int(np.searchsorted(tp, hits[reached[-1]]))
            share = tp[first] / (tp[first] + fp[first])
            return Point(float(thresholds[first - 1]), float(share), float(tp[first] / tp[-1]))
    raise Undefined("unreachable")


def least(sweep: Sweep, target: float) -> float:
    """What a share must be to reach a target. Counts divide to the float that the target is, if they are equal."""
    return target if sweep.weights is None else target * (1 - ROUNDING)
