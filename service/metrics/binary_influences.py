"""What rows do to the metrics of a binary task, for the comparison of candidates."""

import math
from functools import cached_property

import numpy as np

from service.metrics.area_intervals import roc_estimate, sides
from service.metrics.binary_states import Cells, log_losses, squared_errors
from service.metrics.cell_intervals import linearised
from service.metrics.class_area_states import Moved, entries_of, moved
from service.metrics.class_states import Areas, SortedColumn
from service.metrics.digest import HIGHEST, LOWEST
from service.metrics.exact import Floats, exact_sum
from service.metrics.influences import Influence
from service.metrics.intervals import Case
from service.metrics.states import Placed, factors
from service.metrics.sweep_states import Sweep
from service.metrics.undefined import Undefined

# The least that is left of a fit without a row.
LEAST_LEFT = 0.1


class PlacedSweep(Placed, Sweep):
    """The rows by score, which know the place they came in at."""

    @cached_property
    def moved(self) -> tuple[Moved, Floats]:
        """What rows do to both areas, and this times the total weight for each row as they came.

        Raises `Undefined` where all rows are of one class.
        """
        found = moved(self, Areas.of(self))
        if found is None:
            raise Undefined("single_class")
        entries = entries_of(SortedColumn(self.columns[-1], self))
        return found, self.as_they_came(math.fsum(sides(self)) * found.table[entries])


def of_cells(case: Case, cells: Cells) -> Influence:
    """By the gradient of the metric's own function."""
    weights, _ = cells.effective
    _, (tp, fp, fn, tn) = linearised(case.function, weights)
    return Influence(np.array([[tn, fp], [fn, tp]]) * math.fsum(weights))


def of_roc_auc(case: Case, sweep: PlacedSweep) -> Influence:
    """By the placements of the rows among those of the other class (DeLong)."""
    found, rows = sweep.moved
    floor = roc_estimate(found.roc.sizes, case.value, found.roc.of_rows).floor
    return Influence(rows[:, 0], sweep.as_they_came(sweep.truth), floor=floor)


def of_average_precision(sweep: PlacedSweep) -> Influence:
    """By the precisions that the rows take part in."""
    found, rows = sweep.moved
    return Influence(rows[:, 1], size=found.precision.sizes[0])


def of_log_loss(sweep: PlacedSweep) -> Influence:
    """By the loss of each row."""
    return Influence(sweep.as_they_came(log_losses(sweep.truth, sweep.scores)))


def of_brier_score(sweep: PlacedSweep) -> Influence:
    """By the loss of each row."""
    return Influence(sweep.as_they_came(squared_errors(sweep.truth, sweep.scores)))


def of_calibration_slope(sweep: PlacedSweep) -> Influence:
    """By the score of the fit's likelihood and its information."""
    _, slope, left = of_fit(sweep)
    return Influence(slope / left)


def of_calibration_intercept(sweep: PlacedSweep) -> Influence:
    """By the score of the fit's likelihood and its information."""
    intercept, _, left = of_fit(sweep)
    return Influence(intercept / left)


def of_fit(sweep: PlacedSweep) -> Floats:
    """What each row does to intercept and slope of the recalibration, and what is left of the fit without it.

    Over that it is about what leaving the row out does, so that rows on which the fit hangs count in full (J. G.
    MacKinnon, H. White, Journal of Econometrics 29, 1985).
    """
    fit = sweep.recalibration
    scores = np.clip(sweep.scores, LOWEST, HIGHEST)
    logits = np.log(scores / (1 - scores))
    likely = 1 / (1 + np.exp(-fit.intercept - fit.slope * logits))
    curve, weights = likely * (1 - likely), factors(sweep.weights)
    whole = exact_sum(np.ones(len(scores)), *weights)
    flat = exact_sum(curve, *weights) / whole
    mean = float(exact_sum(curve, logits, *weights) / whole / flat)
    apart, flat = logits - mean, float(flat)
    spread = float(exact_sum(curve * apart, apart, *weights) / whole)
    share = 1 / float(whole) if sweep.weights is None or sweep.counts else sweep.weights / float(whole)
    left = np.maximum(1 - share * curve * (1 / flat + apart * apart / spread), LEAST_LEFT)
    miss = sweep.truth - likely
    turn = apart * miss / spread
    return np.stack([sweep.as_they_came(column) for column in (miss / flat - mean * turn, turn, left)])
