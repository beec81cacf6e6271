"""What intervals and tests are made with: quantiles of normal, t and fair coin variables, tails of chi-square."""

import math
from fractions import Fraction
from functools import lru_cache
from statistics import NormalDist

# From so many degrees of freedom on the series for t has all digits.
SERIES_FREEDOM = 300.0
# The step after one of this size is below rounding: steps are squared.
LAST_STEP = 1e-8
LAST_TERM = 1e-15
MOST_STEPS, MOST_TERMS = 60, 1000
# Beyond so many tosses the binomial distribution is as good as normal.
MANY_TOSSES = 2000


@lru_cache(maxsize=64)
def normal_critical(level: float) -> float:
    """The z with this probability between -z and z."""
    return -NormalDist().inv_cdf((1 - level) / 2)


@lru_cache(maxsize=64)
def sign_rank(level: float, tosses: int) -> int:
    """The largest rank r with at most the probability (1 - level) / 2 of fewer than r heads in so many fair tosses.

    A median lies between the values of rank r from below and from above with at least the probability `level`; r is 0
    where there are too few tosses for that.
    """
    if tosses > MANY_TOSSES:
        return math.floor((tosses + 1 - normal_critical(level) * math.sqrt(tosses)) / 2)
    most = Fraction((1 - level) / 2) * 2**tosses
    rank, ways, fewer = 0, 1, 1  # ways to get exactly, and at most, `rank` heads
    while fewer <= most:
        ways = ways * (tosses - rank) // (rank + 1)
        rank += 1
        fewer += ways
    return rank


@lru_cache(maxsize=1024)
def t_critical(level: float, freedom: float) -> float:
    """The t with this probability between -t and t; `freedom` need not be whole.

    Newton's method on the logarithms of t and of the tails, where it converges from everywhere.

    Reference: the start is the series of M. Abramowitz, I. A. Stegun, Handbook of Mathematical Functions, 26.7.5,
    with one term more
    """
    z = normal_critical(level)
    t = z + sum(term * (1 / freedom) ** power for power, term in enumerate(series(z), 1))
    if freedom >= SERIES_FREEDOM or z == 0:
        return t
    t = max(t, z)
    for _ in range(MOST_STEPS):
        tails = t_tails(t, freedom)
        steepness = 2 * t * t_density(t, freedom) / tails
        step = math.log(tails / (1 - level)) / steepness
        t *= math.exp(step)
        if abs(step) < LAST_STEP:
            break
    return t


def chi_square_tail(value: float, freedom: int) -> float:
    """The probability that a chi-square variable with so many degrees of freedom, a whole number, exceeds the value.

    Each two degrees more add a term.

    Reference: M. Abramowitz, I. A. Stegun, Handbook of Mathematical Functions, 26.4.4 and 26.4.5
    """
    half = value / 2
    if half <= 0:
        return 1.0
    if math.isinf(half):
        return 0.0
    odd = freedom % 2
    terms = [math.erfc(math.sqrt(half)) if odd else math.exp(-half)]
    for step in range((freedom - 1) // 2):
        power = step + (0.5 if odd else 1.0)
        terms.append(math.exp(power * math.log(half) - half - math.lgamma(power + 1)))
    return min(1.0, math.fsum(terms))


def series(z: float) -> tuple[float, ...]:
    """The terms that turn a normal quantile into one of t, by the power of the degrees of freedom below them."""
    return (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
        (27 * z**11 + 339 * z**9 + 930 * z**7 - 1782 * z**5 - 765 * z**3 + 17955 * z) / 368640,
    )


def t_density(t: float, freedom: float) -> float:
    """The density of Student's t."""
    scale = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - math.log(freedom * math.pi) / 2
    return math.exp(scale - (freedom + 1) / 2 * math.log1p(t * t / freedom))


def t_tails(t: float, freedom: float) -> float:
    """The probability of lying outside -t and t."""
    outer = freedom / (freedom + t * t)
    if t * t * (freedom + 2) > 3 * freedom:
        return beta_below(outer, freedom / 2, 0.5) if outer else 0.0
    return 1 - beta_below(t * t / (freedom + t * t), 0.5, freedom / 2)


def beta_below(x: float, a: float, b: float) -> float:
    """The probability that a beta variable is below x, by its continued fraction.

    Reference: M. Abramowitz, I. A. Stegun, Handbook of Mathematical Functions, 26.5.8
    """
    front = a * math.log(x) + b * math.log1p(-x) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    # Evaluated from its head, as by J. Lentz (Applied Optics 15, 1976).
    fraction = upper = 1.0
    lower = 0.0
    for step in range(1, MOST_TERMS):
        half = step // 2
        factor = -(a + half) * (a + b + half) if step % 2 else half * (b - half)
        term = factor * x / ((a + step - 1) * (a + step))
        lower = 1 / (1 + term * lower)
        upper = 1 + term / upper
        fraction *= upper * lower
        if abs(upper * lower - 1) < LAST_TERM:
            break
    return math.exp(front) / (a * fraction)


def at_most(found: float, rows: float, share: float) -> float:
    """The probability of at most so many hits in these rows, of a share below which they are fewer than expected."""
    others = 1 - share
    if others >= 1 or found >= rows:
        return 1.0
    return beta_below(others, rows - found, found + 1) if others > 0 else 0.0
