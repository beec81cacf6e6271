"""Whether two candidates differ: differences of metrics with what their limits and tests are made of."""

import math
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from service.metrics.distributions import beta_below, normal_critical, t_critical, t_tails
from service.metrics.intervals import SMALLEST_ERROR
from service.metrics.joint import Part
from service.metrics.undefined import Undefined

# How probable it is to be that a difference as large as the detectable one is found.
POWER = 0.8
FEWEST_ROWS, MOST_ROOT = 2, 2.0**26
# More degrees of freedom change nothing.
MOST_FREEDOM = 1e15
# No probability is 0.
SMALLEST_P = sys.float_info.min
# The error of limits is sought between this and 1, by halving so often.
LEAST_ERROR, HALVINGS = 1e-9, 24


class Difference(NamedTuple):
    """A difference with its variance, and the degrees of freedom of t."""

    value: float
    variance: float
    freedom: float

    @classmethod
    def of(cls, value: float, scale: float, parts: Iterable[Part]) -> "Difference":
        """A difference of two numbers of this size whose variance is made of independent parts.

        The degrees of freedom are Satterthwaite's. Raises `Undefined` where rows do not vary, or are too few.
        """
        variances, freedoms = zip(*parts, strict=True)
        variance = math.fsum(variances)
        if not math.isfinite(value):
            raise Undefined("overflow")
        if not math.isfinite(variance):
            raise Undefined("too_few_rows")
        if variance <= (SMALLEST_ERROR * scale) ** 2:
            raise Undefined("no_variation")
        slack = math.fsum((part / variance) ** 2 / freedom for part, freedom in zip(variances, freedoms, strict=True))
        return cls(value, variance, min(1 / slack, MOST_FREEDOM))

    @property
    def statistic(self) -> float:
        """The difference over its standard error; 0 where nothing differs."""
        return self.value / math.sqrt(self.variance) + 0.0 if self.variance else 0.0

    @property
    def p_value(self) -> float:
        """The probability of one as large, either way, were there none: by Student's t."""
        if not self.statistic:
            return 1.0
        return max(t_tails(abs(self.statistic), self.freedom), SMALLEST_P)

    def limits(self, level: float) -> tuple[float, float]:
        """The limits that cover the true difference with this probability: they leave out 0 where p is below 1 less it.

        No width where nothing differs.
        """
        reach = t_critical(level, self.freedom) * math.sqrt(self.variance) if self.variance else 0.0
        return self.value - reach, self.value + reach

    def detectable(self, level: float) -> float:
        """The smallest difference that such rows show with a probability of 80 %, by limits of this level."""
        error = math.sqrt(self.variance)
        return (t_critical(level, self.freedom) + t_critical(2 * POWER - 1, self.freedom)) * error if error else 0.0

    def settled_by(self, rows: int, least: float, level: float) -> int | None:
        """How many such rows show this difference with a probability of 80 %; None where no float holds it."""
        shown = (normal_critical(level) + normal_critical(2 * POWER - 1)) * math.sqrt(self.variance)
        root = shown / least * math.sqrt(rows)
        return max(FEWEST_ROWS, math.ceil(root * root)) if root < MOST_ROOT else None


# Candidates that no row tells apart.
IDENTICAL = Difference(0.0, 0.0, math.inf)


class Bounds(NamedTuple):
    """A difference that is known by limits alone: a function of their level. No p-value is below the `least`."""

    value: float
    limits: Callable[[float], tuple[float, float]]
    least: float = LEAST_ERROR

    @property
    def p_value(self) -> float:
        """The smallest error that leaves 0 out of the limits, found by halving."""
        if not self.value:
            return 1.0
        low, high = math.log(LEAST_ERROR), 0.0
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            least, most = self.limits(1 - math.exp(middle))
            low, high = (middle, high) if least <= 0 <= most else (low, middle)
        return max(math.exp(high), self.least)


def holm(p_values: Sequence[float]) -> list[float]:
    """What each of several p-values is multiplied with, so that with all of them one error has the probability of one.

    At most their number. An interval whose error is divided by it leaves out 0 where the product is below the error.

    Reference: S. Holm, Scandinavian Journal of Statistics 6, 1979
    """
    factors, largest = [1.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, (len(p_values) - rank) * p_values[place])
        factors[place] = largest / p_values[place]
    return factors


def mcnemar_exact(first: int, second: int) -> float:
    """The probability of discordant rows as uneven, either way, were both kinds as likely; 1 where there are none.

    Reference: Q. McNemar, Psychometrika 12, 1947
    """
    few, many = sorted((first, second))
    # That of at most so few heads in fair tosses.
    return 1.0 if few == many else min(1.0, max(2 * beta_below(0.5, many, few + 1), SMALLEST_P))


def mcnemar_mid_p(first: int, second: int) -> float:
    """The same with half the probability of the rows at hand: less conservative, and hardly ever liberal.

    Reference: M. W. Fagerland, S. Lydersen, P. Laake, BMC Medical Research Methodology 13, 2013
    """
    few, many = sorted((first, second))
    if few == many:
        return 1.0
    ways = math.lgamma(few + many + 1) - math.lgamma(few + 1) - math.lgamma(many + 1)
    return max(mcnemar_exact(first, second) - math.exp(ways - (few + many) * math.log(2)), SMALLEST_P)
