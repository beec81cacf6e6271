"""Thresholds that would have been best on these rows. Chosen and judged on the same rows, they flatter."""

from typing import TypedDict

from service.metrics.binary_states import Sweep
from service.metrics.undefined import Undefined

CHOSEN_ON = "these rows"


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
