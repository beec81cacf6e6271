"""What rows do to the metrics of a regression, for the comparison of candidates."""

import math
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from service.metrics.batch import Question
from service.metrics.exact import Floats, exact_sum
from service.metrics.influences import Influence
from service.metrics.intervals import Case
from service.metrics.quantile_states import QuantileRows, crosses
from service.metrics.quantiles import shares
from service.metrics.regression_intervals import (
    Sides,
    absolute_sides,
    around_zero,
    pearson_parts,
    spearman_moved,
    squared_sides,
)
from service.metrics.regression_states import AbsoluteErrors, Labels, Moments, Pairs
from service.metrics.states import Placed, factors, squares_of

ALL = slice(None)


class PlacedPairs(Placed, Pairs):
    """Label and prediction of each row, by label, which know the place they came in at."""


class PairsAsTheyCame(Pairs):
    """Label and prediction of each row in the order they came in: none shows in what is made of them."""

    @classmethod
    def sorted(cls, *columns: NDArray[Any], weights: Floats | None, counts: bool = False) -> Self:
        return cls(columns, weights, counts)


def of_loss(loss: Callable[[Floats, Floats], Floats], power: float = 1.0) -> Callable[..., Influence]:
    """By the loss of each row, for the mean loss or a power of it."""

    def influence(case: Case, pairs: PairsAsTheyCame) -> Influence:
        losses = loss(pairs.truth, pairs.predicted)
        slope = power * case.value ** (1 - 1 / power) if case.value else 0.0
        # A mean is compared by Student's t; what bends where few rows hold most of it is less sure.
        return Influence(slope * losses, size=None if power == 1 else carriers(pairs, losses))

    return influence


def of_error(pairs: PairsAsTheyCame) -> Influence:
    """By the error of each row."""
    return Influence(pairs.predicted - pairs.truth)


def of_r2(case: Case, moments: Moments, pairs: PairsAsTheyCame) -> Influence:
    """By what the row adds to either side of the quotient."""
    return of_lack(case, squared_sides(moments, pairs, around_zero(moments)))


def of_explained_variance(case: Case, moments: Moments, pairs: PairsAsTheyCame) -> Influence:
    """By what the row adds to either side of the quotient."""
    return of_lack(case, squared_sides(moments, pairs, moments.error_scale))


def of_d2(case: Case, errors: AbsoluteErrors, labels: Labels, pairs: PairsAsTheyCame) -> Influence:
    """By what the row adds to either side of the quotient."""
    return of_lack(case, absolute_sides(case, errors, labels, pairs))


def of_lack(case: Case, sides: Sides) -> Influence:
    """On 1 less a quotient, by its sides; none where the quotient is 0."""
    lack = float(1 - case.statistic)
    above, below = sides(ALL)
    return Influence(lack * (below - above) if lack else np.zeros(len(below)))


def of_pearson(case: Case, moments: Moments, pairs: PairsAsTheyCame) -> Influence:
    """By the deviations of both from their means."""
    moved, both = pearson_parts(case, moments, pairs)(ALL)
    lack = math.copysign(float(1 - case.statistic * case.statistic), case.value)
    return Influence(lack * moved, size=carriers(pairs, both))


def carriers(pairs: Pairs, part: Floats) -> float | None:
    """The effective number of the rows that make up the mean of this; None where it is 0."""
    weights = factors(pairs.weights)
    whole = exact_sum(part, *weights)
    squares = (
        exact_sum(part, part) if not weights else exact_sum(part, part, squares_of(weights[0], counts=pairs.counts))
    )
    return float(whole / squares * whole) if squares else None


def of_spearman(case: Case, pairs: PlacedPairs) -> Influence:
    """By the ranks of both, and those that the row moves."""
    return Influence(pairs.as_they_came(spearman_moved(case, pairs)(ALL)))


def of_pinball_loss(case: Case, rows: QuantileRows, question: Question) -> Influence:
    """By the loss of each row."""
    level = case.options["quantile"]
    return Influence(rows.loss(level, question.quantiles.index(level), ALL))


def of_crps(rows: QuantileRows, question: Question) -> Influence:
    """By the losses of each row."""
    parts = shares(question.quantiles).items()
    losses = (2 * float(share) * rows.loss(level, question.quantiles.index(level), ALL) for level, share in parts)
    return Influence(np.asarray(sum(losses)))


def of_crossing_rate(rows: QuantileRows, question: Question) -> Influence:
    """By whether the row's predictions cross."""
    columns = np.stack([rows.columns[1 + place] for place in np.argsort(question.quantiles)], axis=1)
    return Influence(crosses(columns))
