"""States of a regression, each of one output."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from service.metrics.batch import Batch, Question
from service.metrics.exact import Floats, Product, Total, exact_sum, exact_sums
from service.metrics.states import LabelState, Range, Rows, State, factors, total

# Two numbers whose relative difference is smaller are compared by it, others by their logarithms.
NEAR = 0.5
SMALLEST_QUOTIENT = 1e-300


@dataclass(frozen=True)
class Moments(State):
    """Exact totals of the weight, labels, predictions, their squares and their product."""

    rows: int
    weight: Total
    truth: Total
    predicted: Total
    truth_squared: Total
    predicted_squared: Total
    product: Total

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        sums = exact_sums(
            lambda y, p: {
                "truth": (y,),
                "predicted": (p,),
                "truth_squared": (y, y),
                "predicted_squared": (p, p),
                "product": (y, p),
            },
            batch.truth,
            batch.predictions,
            weights=batch.weight,
        )
        return cls(len(batch.truth), total(batch.weight, len(batch.truth)), **sums)

    @property
    def error(self) -> Total:
        """Sum of the errors."""
        return self.predicted - self.truth

    @property
    def squared_error(self) -> Total:
        """Sum of the squared errors."""
        return self.predicted_squared - 2 * self.product + self.truth_squared

    @property
    def truth_variation(self) -> Total:
        """Sum of squared deviations of the labels from their mean, times the total weight."""
        return self.weight * self.truth_squared - self.truth * self.truth

    @property
    def predicted_variation(self) -> Total:
        """Sum of squared deviations of the predictions from their mean, times the total weight."""
        return self.weight * self.predicted_squared - self.predicted * self.predicted

    @property
    def error_variation(self) -> Total:
        """Sum of squared deviations of the errors from their mean, times the total weight."""
        return self.weight * self.squared_error - self.error * self.error

    @property
    def covariation(self) -> Total:
        """Sum of products of the deviations from both means, times the total weight."""
        return self.weight * self.product - self.truth * self.predicted


@dataclass(frozen=True)
class AbsoluteErrors(State):
    """Total of the magnitudes of the errors, and their range."""

    weight: Total
    absolute: Total
    magnitude: Range

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        magnitude = error_magnitudes(batch)
        absolute = exact_sum(magnitude, *factors(batch.weight))
        return cls(total(batch.weight, len(magnitude)), absolute, Range.of(magnitude))


def error_magnitudes(batch: Batch) -> Floats:
    """The magnitude of each row's error; infinite where it leaves the range of float64."""
    return np.asarray(np.abs(batch.predictions - batch.truth))


@dataclass(frozen=True)
class RelativeErrors(State):
    """Totals of the error relative to the label, and to the mean magnitude of label and prediction."""

    weight: Total
    zero_labels: int
    relative: Total
    symmetric: Total

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        y = batch.truth
        zero_labels = len(y) - int(np.count_nonzero(y))
        sums = exact_sums(cls._terms, y, batch.predictions, weights=batch.weight)
        return cls(total(batch.weight, len(y)), zero_labels, **sums)

    @staticmethod
    def _terms(y: Floats, p: Floats) -> dict[str, Product]:
        magnitude = np.abs(p - y)
        # Halves of large numbers: their sum stays in the range of float64. Halves of small ones might lose a bit.
        half = np.where(np.maximum(np.abs(y), np.abs(p)) > 1, 0.5, 1.0)
        scale = half * np.abs(y) + half * np.abs(p)
        share = np.divide(np.abs(half * p - half * y), scale, out=np.zeros_like(y), where=scale != 0)
        return {
            "relative": (np.divide(magnitude, np.abs(y), out=np.zeros_like(y), where=y != 0),),
            "symmetric": (2 * share,),
        }


@dataclass(frozen=True)
class PositiveErrors(State):
    """Totals of losses that need positive numbers: squared logarithmic error, Poisson and gamma deviance.

    A loss holds nothing once a number lies outside its domain: the ranges of `truth` and `predicted` tell.
    """

    weight: Total
    squared_log: Total
    poisson: Total
    gamma: Total
    truth: Range
    predicted: Range

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        y, p = batch.truth, batch.predictions
        labels, predictions = Range.of(y), Range.of(p)
        losses = {
            squared_log_error: labels.low > -1 and predictions.low > -1,
            poisson_deviance: labels.low >= 0 and predictions.low > 0,
            gamma_deviance: labels.low > 0 and predictions.low > 0,
        }
        defined = [loss for loss, within_domain in losses.items() if within_domain]
        sums = exact_sums(lambda y, p: {loss.__name__: (loss(y, p),) for loss in defined}, y, p, weights=batch.weight)
        squared_log, poisson, gamma = (sums.get(loss.__name__, 0) for loss in losses)
        return cls(total(batch.weight, len(y)), squared_log, poisson, gamma, labels, predictions)


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


class Numbers(Rows):
    """Numbers in ascending order."""

    @classmethod
    def sorted(cls, *columns: NDArray[Any], weights: Floats | None) -> Self:
        if weights is not None:
            return super().sorted(*columns, weights=weights)
        return cls((np.sort(columns[0]),), None)

    @property
    def values(self) -> Floats:
        return self.columns[0]

    @property
    def median(self) -> float:
        """The middle value; the mean of the two middle ones where the weights below and above are equal."""
        if self.weights is None:
            rows = len(self.values)
            low, high = (rows - 1) // 2, rows // 2
        else:
            low, high = self._middle(self.weights)
        return float((Fraction(float(self.values[low])) + Fraction(float(self.values[high]))) / 2)

    @staticmethod
    def _middle(weights: Floats) -> tuple[int, int]:
        """The rows at which half of the weight is reached and exceeded: rounded sums come close, exact ones decide."""
        below = np.cumsum(weights)
        row = int(np.searchsorted(below, below[-1] / 2))
        reached, half = exact_sum(weights[: row + 1]), exact_sum(weights) / 2
        while reached < half:
            row += 1
            reached += Fraction(weights[row].item())
        while reached - Fraction(weights[row].item()) >= half:
            reached -= Fraction(weights[row].item())
            row -= 1
        return row, row + (reached == half)


class Labels(Numbers, LabelState):
    """The labels."""

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        return cls.sorted(batch.truth, weights=batch.weight)

    @property
    def rows(self) -> int:
        return len(self.values)

    @cached_property
    def weight(self) -> Total:
        return total(self.weights, self.rows)

    def blind(self, question: Question) -> Batch:
        """The mean of the labels as every prediction, their own quantiles as every predicted one."""
        mean = float(exact_sum(self.values, *factors(self.weights)) / self.weight)
        levels = len(question.quantiles)
        scores = np.broadcast_to(self.quantiles(question.quantiles), (self.rows, levels)) if levels else None
        return Batch(self.values, np.full(self.rows, mean), scores, self.weights)

    def quantiles(self, levels: Sequence[float]) -> Floats:
        """For each level the smallest label with that share of the weight at or below it: the best constant."""
        below = np.cumsum(self.weights_or_ones)
        return np.asarray(self.values[np.searchsorted(below, np.multiply(levels, below[-1]))])


class ErrorMagnitudes(Numbers):
    """The magnitudes of the errors."""

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        return cls.sorted(error_magnitudes(batch), weights=batch.weight)


class Pairs(Rows):
    """Label and prediction of each row, by label, then prediction."""

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        return cls.sorted(batch.truth, batch.predictions, weights=batch.weight)

    @property
    def truth(self) -> Floats:
        return self.columns[0]

    @property
    def predicted(self) -> Floats:
        return self.columns[1]
