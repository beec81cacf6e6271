"""Thresholds that would have been best on these rows. Chosen and judged on the same rows, they flatter."""

from typing import TypedDict

import numpy as np

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
    tp, fp = tp[1:], fp[1:]
    f1 = 2 * tp / (tp[-1] + tp + fp)
    best = int(np.argmax(f1))
    return {
        "threshold": float(thresholds[best]),
        "f1": float(f1[best]),
        "precision": float(tp[best] / (tp[best] + fp[best])),
        "recall": float(tp[best] / tp[-1]),
        "chosen_on": CHOSEN_ON,
    }


def youden(sweep: Sweep) -> Youden:
    """The threshold with the largest recall + specificity - 1 (Youden, Cancer 3, 1950); the highest one of a tie."""
    thresholds, tp, fp = sweep.steps
    if not tp[-1] or not fp[-1]:
        raise Undefined("single_class")
    tp, fp = tp[1:], fp[1:]
    gain = tp * fp[-1] - fp * tp[-1]  # in whole pairs of rows where there are no weights, so that ties are exact
    best = int(np.argmax(gain))
    return {
        "threshold": float(thresholds[best]),
        "youden_index": float(gain[best] / (tp[-1] * fp[-1])),
        "recall": float(tp[best] / tp[-1]),
        "specificity": float(1 - fp[best] / fp[-1]),
        "chosen_on": CHOSEN_ON,
    }
