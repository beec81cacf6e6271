"""How far groups are apart in a metric: limits and a test from the intervals of the groups, which share no row.

No formula is written for any metric: what an interval says of how much an estimate varies, below it and above, is all
that is read.
"""

import math
from typing import Any, NotRequired, TypedDict

import numpy as np

from service.metrics.batch import Label
from service.metrics.distributions import chi_square_tail, normal_critical
from service.metrics.exact import Floats

# Groups in which fewer effective rows or queries bear a metric are not compared in it; a little less is rounding.
FEWEST_UNITS = 10 * (1 - 1e-9)


class GroupMetrics(TypedDict):
    """The metrics of the rows of one group, which goes by the values in `by`, with intervals from formulas.

    `small` says that it has fewer than 10 effective rows or, in a ranking, queries.
    """

    by: dict[str, Label]
    samples: int
    small: bool
    metrics: dict[str, float | None]
    intervals: NotRequired[dict[str, Any]]
    undefined: dict[str, dict[str, str]]


class Fairness(TypedDict):
    """How unequally a model treats the groups: the largest differences of the groups that are compared.

    They are of the selection rate (demographic parity), of the recall (equal opportunity), and of the recall or the
    false positive rate, whichever is larger (equalized odds).
    """

    by: list[str]
    demographic_parity_difference: float | None
    equal_opportunity_difference: float | None
    equalized_odds_difference: float | None
    undefined: dict[str, dict[str, str]]


class Gap(TypedDict):
    """How far groups are apart in a metric: its value in `group` less that in `reference`.

    Of two groups `reference` is the first in order, so that the sign tells which has more; of more than two it is the
    group with the lowest value, and `group` that with the highest. `groups` is the number of those that are compared.
    `ratio` is that of the lowest value to the highest. `interval` is to cover the true difference, of more than two
    groups the largest there is; `p_value` is the probability of values that are at least so far apart where all groups
    are alike. Both are null where a group has no interval.
    """

    by: list[str]
    metric: str
    groups: int
    group: dict[str, Label] | None
    reference: dict[str, Label] | None
    difference: float | None
    ratio: float | None
    interval: NotRequired[dict[str, Any] | None]
    p_value: NotRequired[float | None]
    undefined: dict[str, dict[str, str]]


def pairs(groups: int) -> int:
    """The number of pairs of so many groups."""
    return groups * (groups - 1) // 2


def simultaneous(level: float, groups: int) -> float:
    """The level of each interval that makes all pairs of so many groups hold together (Bonferroni)."""
    return min(1 - (1 - level) / pairs(groups), math.nextafter(1, 0))


def limits_of_differences(values: Floats, lows: Floats, highs: Floats) -> tuple[Floats, Floats]:
    """The limits of the difference of each two independent estimates, row less column, from the limits of each.

    Reference: G. Y. Zou, A. Donner, Statistics in Medicine 27, 2008 (method of variance estimates recovery)
    """
    below, above = values - lows, highs - values
    least = values[:, None] - values - np.hypot(below[:, None], above)
    return least, -least.T


def limits_of_range(values: Floats, lows: Floats, highs: Floats) -> tuple[float, float]:
    """The limits of the largest difference of all estimates: the largest of the limits of each two of them."""
    least, most = limits_of_differences(values, lows, highs)
    np.fill_diagonal(most, 0)
    return max(0.0, float(least.max())), float(most.max())


def homogeneity(values: Floats, lows: Floats, highs: Floats, level: float) -> float:
    """The p-value of Cochran's test that independent estimates have one true value.

    The standard error of each is read from its limits, on the side of the common value, which is where it makes the
    statistic least. Of two estimates it is below 1 - level exactly where 0 lies outside the limits of their difference.

    Reference: W. G. Cochran, Biometrics 10, 1954
    """
    order = np.argsort(values, kind="stable")
    values, lows, highs = values[order], lows[order], highs[order]
    span = values[-1] - values[0]
    if not span:
        return 1.0
    places, below, above = (values - values[0]) / span, (values - lows) / span, (highs - values) / span
    # An estimate at the end of its range has no width on that side, where no other value lies.
    below, above = np.where(below > 0, below, above), np.where(above > 0, above, below)
    least = min(below.min(), above.min())
    by_below, by_above = np.square(least / below), np.square(least / above)
    # With the common value between two neighbours the limits above the lower and below the higher estimates face it.
    weight = np.cumsum(by_above)[:-1] + np.cumsum(by_below[::-1])[-2::-1]
    total = np.cumsum(by_above * places)[:-1] + np.cumsum((by_below * places)[::-1])[-2::-1]
    common = np.clip(total / weight, places[:-1], places[1:])[:, None]
    errors = np.where(places < common, above, below)
    statistic = np.sum(np.square((places - common) / errors), axis=1).min()
    return chi_square_tail(float(statistic) * normal_critical(level) ** 2, len(values) - 1)
