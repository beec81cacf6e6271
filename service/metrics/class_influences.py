"""What rows do to metrics of several classes, for the comparison of candidates."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from service.metrics.cell_intervals import STEP
from service.metrics.class_intervals import OfCells, distances, influences, of_correlation_cells, of_kappa_cells
from service.metrics.classes import of_recall
from service.metrics.exact import Floats
from service.metrics.influences import Influence
from service.metrics.intervals import Case
from service.metrics.multiclass_states import ClassLosses, ClassScores, Confusion, TopLabel, TrueRanks
from service.metrics.states import Placed


class PlacedTopLabel(Placed, TopLabel):
    """The largest probability of each row, which know the place they came in at."""


def over_classes(*, weighted: bool = False) -> Callable[..., Influence]:
    """On a macro or a weighted average over classes."""

    def influence(case: Case, matrix: Confusion) -> Influence:
        return averaged(matrix, case.statistic.ratio_of, weighted=weighted)

    return influence


def of_balanced_accuracy(matrix: Confusion) -> Influence:
    """On the mean recall."""
    return averaged(matrix, of_recall, weighted=False)


def averaged(matrix: Confusion, ratio_of: Any, *, weighted: bool) -> Influence:
    """On an average over classes of a ratio."""
    hits, truth, predicted = influences(matrix, ratio_of, weighted=weighted, more=0.0)
    return Influence(rows_in(matrix) * (truth[:, None] + predicted + np.diag(hits)))


def of_pooled(case: Case, matrix: Confusion) -> Influence:
    """On a function of the accuracy."""
    part, whole = case.statistic.ratio_of(float(matrix.right.value) + STEP * 1j, 1.0, 1.0)
    return Influence((part / whole).imag / STEP * of_accuracy(matrix).values)


def of_accuracy(matrix: Confusion) -> Influence:
    """By whether the row is right."""
    return Influence(np.eye(matrix.size) - float(matrix.right.value))


def of_correlation(matrix: Confusion) -> Influence:
    """On the Matthews correlation."""
    return in_cells(matrix, of_correlation_cells(matrix, 0.0)[1])


def of_kappa(disagreement: Callable[[Any], Any]) -> Callable[..., Influence]:
    """On kappa, with the disagreement of classes at a distance."""

    def influence(matrix: Confusion) -> Influence:
        return in_cells(matrix, of_kappa_cells(matrix, disagreement, 0.0)[1])

    return influence


def in_cells(matrix: Confusion, of_cells: OfCells) -> Influence:
    """By what a row does in each cell."""
    table = np.concatenate([of_cells(rows, distance) for rows, distance in distances(matrix.size)])
    return Influence(rows_in(matrix) * table)


def rows_in(matrix: Confusion) -> float:
    """The effective number of rows."""
    return math.fsum(matrix.effective(matrix.counts.truth))


def of_top_k(case: Case, scores: ClassScores) -> Influence:
    """By how often the class of the row is among the first k."""
    above, tied = TrueRanks.ranks(scores.scores, scores.truth)
    return Influence(np.clip((case.options["k"] - above) / tied, 0, 1))


def of_loss(place: int) -> Callable[..., Influence]:
    """By the loss of the row: its log loss (0) or squared error (1)."""

    def influence(scores: ClassScores) -> Influence:
        losses: Floats = ClassLosses.of_rows(scores.scores, scores.truth)
        return Influence(losses[place])

    return influence
