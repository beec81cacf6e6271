"""What rows do to the metrics of a binary task, for the comparison of candidates."""

import math
from functools import cached_property
from typing import NamedTuple

import numpy as np

from service.metrics.area_intervals import roc_estimate, sides
from service.metrics.binary_states import Cells, log_losses, squared_errors
from service.metrics.cell_intervals import linearised
from service.metrics.class_area_states import Variation, entries_of, moved
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


class AreaInfluence(NamedTuple):
    """What a little more weight of each row, as they came, does to an area, and what its variance is made of."""

    of_rows: Floats
    variation: Variation


class PlacedSweep(Placed, Sweep):
    """The rows by score, which know the place they came in at."""

    def area_influence(self, area: str) -> AreaInfluence:
        """What rows do to "roc" or "precision". Raises `Undefined` where all rows are of one class.

        Both are found together; the other one is kept until it is asked for.
        """
        if area not in self.found_areas:
            self.found_areas.update(self.area_influences())
        return self.found_areas.pop(area)

    @cached_property
    def found_areas(self) -> dict[str, AreaInfluence]:
        """What rows do to areas, as far as it was found and not asked for."""
        return {}

    def area_influences(self) -> dict[str, AreaInfluence]:
        """What rows do to both areas."""
        found = moved(self, Areas.of(self))
        if found is None:
            raise Undefined("single_class")
        entries, weight = entries_of(SortedColumn(self.columns[-1], self)), math.fsum(sides(self))
        influences = {}
        for area, moves in zip(("roc", "precision"), found.table.T, strict=True):
            of_rows = np.empty(len(self.truth))
            of_rows[self.columns[-1]] = moves[entries]
            of_rows *= weight
            influences[area] = AreaInfluence(of_rows, getattr(found, area))
        return influences


def of_cells(case: Case, cells: Cells) -> Influence:
    """By the gradient of the metric's own function."""
    weights, _ = cells.effective
    _, (tp, fp, fn, tn) = linearised(case.function, weights)
    return Influence(np.array([[tn, fp], [fn, tp]]) * math.fsum(weights))


def of_roc_auc(case: Case, sweep: PlacedSweep) -> Influence:
    """By the placements of the rows among those of the other class (DeLong)."""
    of_rows, variation = sweep.area_influence("roc")
    floor = roc_estimate(variation.sizes, case.value, variation.of_rows).floor
    return Influence(of_rows, sweep.as_they_came(sweep.truth), floor=floor)


def of_average_precision(sweep: PlacedSweep) -> Influence:
    """By the precisions that the rows take part in."""
    of_rows, variation = sweep.area_influence("precision")
    return Influence(of_rows, size=variation.sizes[0])


def of_log_loss(sweep: PlacedSweep) -> Influence:
    """By the loss of each row."""
    return Influence(sweep.as_they_came(log_losses(sweep.truth, sweep.scores)))


def of_brier_score(sweep: PlacedSweep) -> Influence:
    """By the loss of each row."""
    return Influence(sweep.as_they_came(squared_errors(sweep.truth, sweep.scores)))


def of_calibration_slope(sweep: PlacedSweep) -> Influence:
    """By the score of the fit's likelihood and its information."""
    fit = fitted(sweep)
    return Influence(sweep.as_they_came(fit.apart * fit.miss / fit.spread / fit.left))


def of_calibration_intercept(sweep: PlacedSweep) -> Influence:
    """By the score of the fit's likelihood and its information."""
    fit = fitted(sweep)
    turn = fit.apart * fit.miss
    turn *= fit.mean / fit.spread
    return Influence(sweep.as_they_came((fit.miss / fit.flat - turn) / fit.left))


class Fitted(NamedTuple):
    """Of each row how far its logit is from the mean one, and its label from the fit, and what is left without it.

    `mean` is the mean logit by curvature, `flat` the mean curvature and `spread` that times the variance of the logits.
    Over what is left of a fit without a row its influence is about what leaving it out does, so that rows on which the
    fit hangs count in full (J. G. MacKinnon, H. White, Journal of Econometrics 29, 1985).
    """

    apart: Floats
    miss: Floats
    left: Floats
    mean: float
    flat: float
    spread: float


def fitted(sweep: PlacedSweep) -> Fitted:
    """What the rows do to the recalibration. Raises `Undefined` as that does."""
    line, weights = sweep.recalibration, factors(sweep.weights)
    apart = np.clip(sweep.scores, LOWEST, HIGHEST)
    np.log(apart / (1 - apart), out=apart)
    likely = 1 / (1 + np.exp(-line.intercept - line.slope * apart))
    curve = likely * (1 - likely)
    whole, total = float(exact_sum(np.ones(len(curve)), *weights)), exact_sum(curve, *weights)
    mean, flat = float(exact_sum(curve, apart, *weights) / total), float(total) / whole
    apart -= mean
    spread = float(exact_sum(curve * apart, apart, *weights)) / whole
    curve *= 1 / flat + apart * apart / spread
    curve *= 1 / whole if sweep.weights is None or sweep.counts else sweep.weights / whole
    left = np.maximum(1 - curve, LEAST_LEFT)
    return Fitted(apart, sweep.truth - likely, left, mean, flat, spread)
