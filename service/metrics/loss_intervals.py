"""Intervals of the losses of probabilities, which a handful of rows carries where the classes are well separated."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from service.metrics.averages import Average
from service.metrics.binary_states import log_losses, squared_errors
from service.metrics.digest import NARROW, Digest
from service.metrics.distributions import t_critical
from service.metrics.exact import Bools, Floats
from service.metrics.intervals import (
    LOG,
    ROOT,
    SMALLEST_ERROR,
    Case,
    Interval,
    Scale,
    Strategy,
    documented,
    enough,
    on_scale,
    wilson_limits,
)
from service.metrics.multiclass_states import ClassScores
from service.metrics.states import once
from service.metrics.sweep_states import Sweep

Loss = Callable[[Bools, Floats], Floats]
SUMMARY = "Student's t on the log scale; the upper limit counts one more row with a wrong label."
# What moves a limit by less, as a share of the interval, is left out.
TOO_LITTLE = 0.05


class Losses(NamedTuple):
    """The mean loss of rows, and sums by weight of 1, of the deviation from it and of its square.

    `weight2`, `total2` and `spread2` are the same of what the rows add to a variance.
    """

    mean: float
    weight: float
    total: float
    spread: float
    weight2: float
    total2: float
    spread2: float

    @classmethod
    def of(cls, sweep: Sweep, loss: Loss, mean: float) -> "Losses":
        """The losses of the rows and their mean, or what else deviations are to be from."""
        sums = [sums_of(digest, loss, mean) for digest in sweep.digests(NARROW)]
        return cls(mean, *sums[0], *sums[-1])

    @classmethod
    def of_average(cls, average: Average) -> "Losses":
        """The losses that a mean is of. Raises `Undefined` on overflow."""
        return cls(float(average.value), *average.deviations)

    @property
    def variance(self) -> float:
        """The variance of the mean, linearised."""
        return self.spread2 / self.weight**2

    @property
    def rows(self) -> float:
        """The effective number of equally weighted rows."""
        return self.weight**2 / self.weight2

    @property
    def size(self) -> float:
        """The number of equally weighted rows whose mean varies as much."""
        return enough(self.weight * self.spread / self.spread2)

    def limits(self, scale: Scale, critical: float) -> tuple[float, float]:
        """The limits that lie so many standard errors from the mean on a scale."""
        return on_scale(scale, self.mean, self.variance * self.size / (self.size - 1), critical)

    def and_one_more(self, loss: float) -> "Losses":
        """The same rows and one with this loss, of the weight of each of as many equally weighted rows."""
        weight = self.weight2 / self.weight
        mean = self.mean + weight / (self.weight + weight) * (loss - self.mean)
        moved, apart = mean - self.mean, loss - mean
        sums = []
        for added, (old, total, spread) in ((weight, self[1:4]), (weight**2, self[4:7])):
            sums += [old + added, total - moved * old + added * apart]
            sums.append(spread - 2 * moved * total + moved**2 * old + added * apart**2)
        return Losses(mean, *sums)


def limits_of_loss(case: Case, losses: Losses, mistaken: Callable[[], float]) -> Interval:
    """Limits of a mean loss of probabilities. `mistaken` gives the mean loss of the rows, were all labels others.

    Rows without a mistake do not show that none is ever made: the upper limit is at least that of the same rows and one
    more, whose loss is the mean of what all would have with another label. That is left out where the largest loss
    there is would move the limit by less than a twentieth of the interval.

    Reference: M. P. Fay, E. J. Feuer, Statistics in Medicine 16, 1997 (one more event in the upper limit); the square
    root is the scale on which counts vary alike (M. S. Bartlett, Journal of the Royal Statistical Society 3, 1936)
    """
    if losses.variance <= (SMALLEST_ERROR * case.value) ** 2:
        low, high = wilson_limits(case.value / case.high, losses.rows, case.level)
        return Interval(case.high * low, case.high * high, "wilson")
    critical = t_critical(case.level, losses.size - 1)
    low, high = losses.limits(LOG, critical)
    if losses.and_one_more(case.high).limits(ROOT, critical)[1] > high + TOO_LITTLE * (high - low):
        high = max(high, losses.and_one_more(mistaken()).limits(ROOT, critical)[1])
    return Interval(low, high, "t_log_mistake")


losses_of = once(Losses.of)


def sums_of(digest: Digest, loss: Loss, mean: float) -> list[float]:
    """The sums of the weight, and of it times the deviation of a loss from some mean and times its square."""
    sums = []
    for part in digest:
        deviation = loss(part.truth, part.scores) - mean
        terms = np.array([part.mass, part.mass * deviation, part.mass * deviation * deviation])
        sums.append(np.add.reduce(terms, axis=1).tolist())
    return [math.fsum(column) for column in zip(*sums, strict=True)]


@once
def mistaken_loss(sweep: Sweep, loss: Loss) -> float:
    """The total loss of the rows, were all labels others."""
    return math.fsum(float((part.mass * loss(~part.truth, part.scores)).sum()) for part in sweep.digests(NARROW)[0])


def of_loss(loss: Loss) -> Strategy:
    """Of the mean of a loss of a label, yes or no, and its score."""

    def strategy(case: Case, sweep: Sweep) -> Interval:
        losses = losses_of(sweep, loss, case.value)
        return limits_of_loss(case, losses, lambda: mistaken_loss(sweep, loss) / losses.weight)

    return documented(strategy, SUMMARY)


def of_class_loss(loss: int) -> Strategy:
    """Of the mean of a loss of the probabilities of all classes; the other label is the most probable one."""

    def strategy(case: Case, scores: ClassScores) -> Interval:
        return limits_of_loss(case, Losses.of_average(case.statistic), lambda: scores.mistaken(loss))

    return documented(strategy, SUMMARY)


of_log_loss, of_brier_score = of_loss(log_losses), of_loss(squared_errors)
of_class_log_loss, of_class_brier_score = of_class_loss(0), of_class_loss(1)
