"""How sure a metric is: intervals that cover its true value with a given probability.

A strategy is a function of a metric's case and of states, as its annotations say; each row of the catalogue names one.
What all share is done once: a limit lies in the metric's range, and the interval holds the value.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from service.metrics.averages import Average, Mapped, Masses, share_size
from service.metrics.distributions import normal_critical, t_critical
from service.metrics.exact import Floats
from service.metrics.undefined import REASONS, Undefined

# Fewer effective rows tell nothing of how much one varies; a little less is rounding.
FEWEST = 2.0 * (1 - 1e-9)
# An estimate with a smaller relative error does not vary: it is rounded.
SMALLEST_ERROR = 2.0**-48
Strategy = Callable[..., "Interval"]


class Interval(NamedTuple):
    """A lower and an upper limit, and the method that gave them."""

    low: float
    high: float
    method: str


class Case(NamedTuple):
    """What an interval is wanted of: a metric of some states.

    `statistic` is what the metric's `function`, with its `options` bound, gave of its states, `value` that in float64,
    `low` and `high` are the metric's range, `best` is its best value. The interval is to cover the true value with
    probability `level`.
    """

    function: Callable[..., Any]
    options: Mapping[str, Any]
    statistic: Any
    value: float
    low: float
    high: float
    best: float
    level: float


class Scale(NamedTuple):
    """A scale on which an estimate is about normal: an increasing function, its slope, and its inverse."""

    name: str
    forward: Callable[[float], float]
    slope: Callable[[float], float]
    back: Callable[[float], float]


def expit(x: float) -> float:
    """The inverse of the logit."""
    odds = math.exp(-abs(x))
    return (1 if x > 0 else odds) / (1 + odds)


PLAIN = Scale("plain", lambda x: x, lambda _: 1.0, lambda x: x)
# Of counts, whose variance grows with them.
ROOT = Scale("root", math.sqrt, lambda x: 0.5 / math.sqrt(x), lambda x: max(0.0, x) ** 2)
LOG = Scale("log", math.log, lambda x: 1 / x, math.exp)
LOGIT = Scale("logit", lambda x: math.log(x / (1 - x)), lambda x: 1 / (x * (1 - x)), expit)
ATANH = Scale("atanh", math.atanh, lambda x: 1 / (1 - x * x), math.tanh)


def on_scale(scale: Scale, centre: float, variance: float, critical: float) -> tuple[float, float]:
    """The limits around an estimate with this variance that are even on the scale."""
    middle, reach = scale.forward(centre), critical * math.sqrt(variance) * scale.slope(centre)
    return scale.back(middle - reach), scale.back(middle + reach)


def wilson_limits(share: Any, size: Any, level: float) -> tuple[Any, Any]:
    """Limits of a share, or of an array of shares, of this many equally weighted rows.

    Reference: E. B. Wilson, Journal of the American Statistical Association 22, 1927
    """
    z = normal_critical(level)
    whole, hits = size + z * z, share * size
    centre = (hits + z * z / 2) / whole
    reach = z * (hits * (1 - share) + z * z / 4) ** 0.5 / whole
    return centre - reach, centre + reach


def limits_of_shares(hits: Masses, misses: Masses, level: float) -> tuple[Floats, Floats]:
    """Wilson's limits of shares."""
    share = hits[0] / (hits[0] + misses[0])
    low, high = wilson_limits(share, share_size(hits, misses), level)
    return np.minimum(np.maximum(low, 0), share), np.maximum(np.minimum(high, 1), share)


def no_interval(reason: str) -> Strategy:
    """No interval would be honest, for this reason."""

    def strategy() -> Interval:
        raise Undefined(reason)

    return documented(strategy, f"None. {REASONS[reason]}")


def documented(strategy: Strategy, summary: str) -> Strategy:
    """The strategy with a summary as its docstring, which the catalogue shows."""
    strategy.__doc__ = summary
    return strategy


def enough(size: float) -> float:
    """The effective number of rows; raises `Undefined` where it is too small."""
    if size < FEWEST:
        raise Undefined("too_few_rows")
    return size


def of_share(case: Case) -> Interval:
    """Wilson's, with the effective number of rows."""
    low, high = wilson_limits(case.value, case.statistic.share_size, case.level)
    return Interval(low, high, "wilson")


def of_mean(case: Case) -> Interval:
    """Student's t of the rows on the logarithm of a loss, on the logit of a share, else on the plain scale.

    Rows that do not vary have Wilson's interval of the mean as a share of the range, and none where there is no range.
    """
    average, function = unmapped(case.statistic)
    variance, size = average.variance, average.size
    if not variance:
        return unvaried(case, average)
    scale, critical = scale_of(case), t_critical(case.level, enough(size) - 1)
    low, high = on_scale(scale, float(average.value), variance * size / (size - 1), critical)
    return Interval(function(low), function(high), f"t_{scale.name}")


def unmapped(statistic: Average | Mapped) -> tuple[Average, Callable[[float], float]]:
    """The mean behind a statistic, and what turns it into that."""
    return (statistic.average, statistic.function) if isinstance(statistic, Mapped) else (statistic, lambda x: x)


def unvaried(case: Case, average: Average) -> Interval:
    """Of a mean of equal numbers in a bounded range. Raises `Undefined` where the range is not."""
    span = case.high - case.low
    if not math.isfinite(span):
        raise Undefined("no_variation")
    low, high = wilson_limits((case.value - case.low) / span, average.size, case.level)
    return Interval(case.low + span * low, case.low + span * high, "wilson")


def scale_of(case: Case) -> Scale:
    """The scale of a mean by the metric's range: the logarithm of a loss, the logit of a share, else its own."""
    if case.low == case.best == 0:
        return LOG
    return LOGIT if (case.low, case.high) == (0, 1) else PLAIN


def mover_limits(parts: Iterable[tuple[float, float, float]], count: int) -> tuple[float, float]:
    """Limits of the mean of independent estimates: value, lower and upper limit of each.

    Reference: G. Y. Zou, A. Donner, Statistics in Medicine 27, 2008 (method of variance estimates recovery)
    """
    values, lows, highs = zip(*parts, strict=True)
    mean = math.fsum(values) / count
    below = math.hypot(*(value - low for value, low in zip(values, lows, strict=True)))
    above = math.hypot(*(high - value for value, high in zip(values, highs, strict=True)))
    return mean - below / count, mean + above / count
