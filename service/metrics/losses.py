"""Losses of a regression: of each row, from its label y and its prediction p."""

import numpy as np

from service.metrics.exact import Floats

# Two numbers whose relative difference is smaller are compared by it, others by their logarithms.
NEAR = 0.5
SMALLEST_QUOTIENT = 1e-300


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
    return np.asarray(np.square(np.where(np.abs(u) < NEAR, np.log1p(u), log_of_quotient(1 + p, 1 + y))))


def poisson_deviance(y: Floats, p: Floats) -> Floats:
    """Deviance under a Poisson distribution; labels may be 0."""
    positive = np.where(y > 0, y, 1.0)
    u = (p - y) / positive
    near, far = y * minus_log1p(u), p - y - y * log_of_quotient(p, positive)
    return np.asarray(2 * np.where(y > 0, np.where(np.abs(u) < NEAR, near, far), p))


def gamma_deviance(y: Floats, p: Floats) -> Floats:
    """Deviance under a gamma distribution."""
    u = (y - p) / p
    return np.asarray(2 * np.where(np.abs(u) < NEAR, minus_log1p(u), u - log_of_quotient(y, p)))


def log_of_quotient(a: Floats, b: Floats) -> Floats:
    """`log(a / b)` of positive numbers, also where the quotient leaves the range of normal floats."""
    quotient = a / b
    normal = (quotient > SMALLEST_QUOTIENT) & (quotient < 1 / SMALLEST_QUOTIENT)
    if normal.all():
        return np.asarray(np.log(quotient))
    return np.asarray(np.where(normal, np.log(quotient), np.log(a) - np.log(b)))


def minus_log1p(u: Floats) -> Floats:
    """`u - log(1 + u)` for |u| < 1/2, without cancellation near 0.

    There log(1 + u) = 2 artanh(s) with s = u / (2 + u), whose series starts with the 2s that u itself contains.
    """
    small = np.abs(u) < 0.125
    s = np.where(small, u, 0) / (2 + u)
    square = s * s
    series = np.zeros_like(s)
    for power in (15, 13, 11, 9, 7, 5, 3):
        series = series * square + 1 / power
    return np.asarray(np.where(small, 2 * square * (1 / (1 - s) - s * series), u - np.log(1 + u)))
