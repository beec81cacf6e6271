"""Losses of a regression: of each row, from its label y and its prediction p."""

from collections.abc import Callable

import numpy as np

from service.metrics.exact import Bools, Floats

# Two numbers whose relative difference is smaller are compared by it, others by their logarithms.
NEAR = 0.5
SMALLEST_QUOTIENT = 1e-300
# The series of a logarithm has all digits with the terms up to this power.
LAST_POWER = 33


def absolute_error(y: Floats, p: Floats) -> Floats:
    """Magnitude of the error; infinite where it leaves the range of float64."""
    return np.asarray(np.abs(p - y))


def half_absolute_error(y: Floats, p: Floats) -> Floats:
    """The pinball loss of a median."""
    return absolute_error(y, p) / 2


def squared_error(y: Floats, p: Floats) -> Floats:
    """Square of the error."""
    return np.asarray(np.square(p - y))


def relative_error(y: Floats, p: Floats) -> Floats:
    """Magnitude of the error relative to the label; 0 where that is 0."""
    return np.asarray(np.divide(absolute_error(y, p), np.abs(y), out=np.zeros_like(y), where=y != 0))


def symmetric_error(y: Floats, p: Floats) -> Floats:
    """Magnitude of the error relative to the mean magnitude of label and prediction; 0 where both are 0."""
    # Halves of large numbers: their sum stays in the range of float64. Halves of small ones might lose a bit.
    half = np.where(np.maximum(np.abs(y), np.abs(p)) > 1, 0.5, 1.0)
    scale = half * np.abs(y) + half * np.abs(p)
    return np.asarray(2 * np.divide(np.abs(half * p - half * y), scale, out=np.zeros_like(y), where=scale != 0))


def squared_log_error(y: Floats, p: Floats) -> Floats:
    """Squared difference of the logarithms of 1 + label and 1 + prediction."""
    u = (p - y) / (1 + y)
    difference = replaced(np.log1p(u), far(u), lambda y, p: log_of_quotient(1 + p, 1 + y), y, p)
    return np.square(difference, out=difference)


def poisson_deviance(y: Floats, p: Floats) -> Floats:
    """Deviance under a Poisson distribution; labels may be 0."""
    u = (p - y) / y
    deviance = y * minus_log1p(u)
    replaced(deviance, far(u), lambda y, p: p - y - y * log_of_quotient(p, y), y, p)
    replaced(deviance, y == 0, lambda p: p, p)
    deviance *= 2
    return deviance


def gamma_deviance(y: Floats, p: Floats) -> Floats:
    """Deviance under a gamma distribution."""
    u = (y - p) / p
    deviance = replaced(minus_log1p(u), far(u), lambda u, y, p: u - log_of_quotient(y, p), u, y, p)
    deviance *= 2
    return deviance


def far(u: Floats) -> Bools:
    """Where two numbers of this relative difference are compared by their logarithms."""
    return ~(np.abs(u) < NEAR)


def replaced(values: Floats, where: Bools, function: Callable[..., Floats], *columns: Floats) -> Floats:
    """The values, those at some places replaced by what a function gives of columns there."""
    if where.any():
        values[where] = function(*(column[where] for column in columns))
    return values


def log_of_quotient(a: Floats, b: Floats) -> Floats:
    """`log(a / b)` of positive numbers, also where the quotient leaves the range of normal floats."""
    quotient = a / b
    normal = (quotient > SMALLEST_QUOTIENT) & (quotient < 1 / SMALLEST_QUOTIENT)
    return replaced(np.log(quotient), ~normal, lambda a, b: np.log(a) - np.log(b), a, b)


def minus_log1p(u: Floats) -> Floats:
    """`u - log(1 + u)` for |u| < 1/2, without cancellation near 0.

    There log(1 + u) = 2 artanh(s) with s = u / (2 + u), whose series starts with the 2s that u itself contains.
    """
    s = u / (2 + u)
    square = s * s
    series = square / LAST_POWER
    for power in range(LAST_POWER - 2, 3, -2):
        series += 1 / power
        series *= square
    series += 1 / 3
    series *= s
    s = 1 / (1 - s)
    s -= series
    s *= square
    s *= 2
    return s
