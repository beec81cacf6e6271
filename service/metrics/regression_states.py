"""States of a regression, each of one output."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from service.metrics.batch import Batch, Question
from service.metrics.exact import Floats, Total, exact_sum, exact_sums
from service.metrics.influences import Influences, Standard
from service.metrics.losses import (
    absolute_error,
    gamma_deviance,
    poisson_deviance,
    relative_error,
    squared_log_error,
    symmetric_error,
)
from service.metrics.states import LabelState, Range, Rows, State, factors, total, total_of_squares


@dataclass(frozen=True)
class Moments(State):
    """Exact totals of the weight, labels, predictions, their squares and their product; the number of rows."""

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
        weight = total(batch.weight, len(batch.truth))
        return cls(int(weight) if question.counts else len(batch.truth), weight, **sums)

    @cached_property
    def error(self) -> Total:
        """Sum of the errors."""
        return self.predicted - self.truth

    @cached_property
    def squared_error(self) -> Total:
        """Sum of the squared errors."""
        return self.predicted_squared - 2 * self.product + self.truth_squared

    @cached_property
    def truth_variation(self) -> Total:
        """Sum of squared deviations of the labels from their mean, times the total weight."""
        return self.weight * self.truth_squared - self.truth * self.truth

    @cached_property
    def predicted_variation(self) -> Total:
        """Sum of squared deviations of the predictions from their mean, times the total weight."""
        return self.weight * self.predicted_squared - self.predicted * self.predicted

    @cached_property
    def error_variation(self) -> Total:
        """Sum of squared deviations of the errors from their mean, times the total weight."""
        return self.weight * self.squared_error - self.error * self.error

    @cached_property
    def covariation(self) -> Total:
        """Sum of products of the deviations from both means, times the total weight."""
        return self.weight * self.product - self.truth * self.predicted

    @cached_property
    def label_scale(self) -> Standard:
        """The mean and the standard deviation of the labels."""
        return Standard.of(self.truth, self.truth_variation, self.weight)

    @cached_property
    def prediction_scale(self) -> Standard:
        """The mean and the standard deviation of the predictions."""
        return Standard.of(self.predicted, self.predicted_variation, self.weight)

    @cached_property
    def error_scale(self) -> Standard:
        """The mean and the standard deviation of the errors."""
        return Standard.of(self.error, self.error_variation, self.weight)


@dataclass(frozen=True)
class AbsoluteErrors(State):
    """Total of the magnitudes of the errors, and their range."""

    weight: Total
    absolute: Total
    magnitude: Range

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        magnitude = absolute_error(batch.truth, batch.predictions)
        absolute = exact_sum(magnitude, *factors(batch.weight))
        return cls(total(batch.weight, len(magnitude)), absolute, Range.of(magnitude))


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
        zero = y == 0
        numbers = batch.weight[zero] if batch.weight is not None and question.counts else zero
        sums = exact_sums(
            lambda y, p: {"relative": (relative_error(y, p),), "symmetric": (symmetric_error(y, p),)},
            y,
            batch.predictions,
            weights=batch.weight,
        )
        return cls(total(batch.weight, len(y)), int(numbers.sum()), **sums)


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


class Numbers(Rows):
    """Numbers in ascending order."""

    @classmethod
    def sorted(cls, *columns: NDArray[Any], weights: Floats | None, counts: bool = False) -> Self:
        if weights is not None:
            return super().sorted(*columns, weights=weights, counts=counts)
        return cls((np.sort(columns[0]),), None, counts)

    @property
    def values(self) -> Floats:
        return self.columns[0]

    @cached_property
    def weight(self) -> Total:
        """The total weight."""
        return total(self.weights, len(self.values))

    @property
    def weight2(self) -> Total:
        """The total of what the numbers add to a variance."""
        return total_of_squares(self.weights, len(self.values), counts=self.counts)

    @cached_property
    def median(self) -> float:
        """The middle value; the mean of the two middle ones where the weights below and above are equal."""
        low, high = self.around(Fraction(1, 2))
        return float((Fraction(low) + Fraction(high)) / 2)

    def around(self, share: Fraction) -> tuple[float, float]:
        """The numbers at which this share of the weight, above 0 and below 1, is reached and exceeded.

        Rounded sums come close, exact ones decide.
        """
        weights = self.weights
        if weights is None:
            place = share * len(self.values)
            return float(self.values[math.ceil(place) - 1]), float(self.values[math.floor(place)])
        below = np.cumsum(weights)
        row = int(np.searchsorted(below, below[-1] * float(share)))
        reached, sought = exact_sum(weights[: row + 1]), self.weight * share
        while reached < sought:
            row += 1
            reached += Fraction(weights[row].item())
        while reached - Fraction(weights[row].item()) >= sought:
            reached -= Fraction(weights[row].item())
            row -= 1
        return float(self.values[row]), float(self.values[row + (reached == sought)])


class Labels(Numbers, LabelState):
    """The labels."""

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        return cls.sorted(batch.truth, weights=batch.weight, counts=question.counts)

    @property
    def rows(self) -> int:
        return len(self.values)

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
        magnitudes = absolute_error(batch.truth, batch.predictions)
        return cls.sorted(magnitudes, weights=batch.weight, counts=question.counts)


class Pairs(Influences):
    """Label and prediction of each row, by label, then prediction."""

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        return cls.sorted(batch.truth, batch.predictions, weights=batch.weight, counts=question.counts)

    @property
    def truth(self) -> Floats:
        return self.columns[0]

    @property
    def predicted(self) -> Floats:
        return self.columns[1]

    @cached_property
    def by_prediction(self) -> NDArray[np.intp]:
        """The order that sorts the rows by prediction."""
        return np.argsort(self.predicted)

    @cached_property
    def ties(self) -> "tuple[Ties, Ties]":
        """The rows of equal labels, and those of equal predictions in the order of these."""
        return Ties.of(self.truth), Ties.of(self.predicted[self.by_prediction])

    @cached_property
    def ranks(self) -> tuple[Floats, Floats]:
        """The rank of each row by label and by prediction, in units of the relative weights where there are any.

        The weight below a value plus half of the weight at it, less half of all: the mean over the weight is 0.
        """
        order, weights = self.by_prediction, None if self.masses is None else self.masses[0]
        predicted = np.empty(len(order))
        predicted[order] = self.ties[1].ranks(None if weights is None else weights[order])
        return self.ties[0].ranks(weights), predicted

    @cached_property
    def rank_squares(self) -> tuple[float, float]:
        """The sums of the squared ranks, times the relative weights."""
        by = 1.0 if self.masses is None else self.masses[0]
        labels, predicted = (float(np.sum(by * ranks * ranks)) for ranks in self.ranks)
        return labels, predicted


def single(rows: Rows) -> bool:
    """Whether there is one row, and not a count of equal ones."""
    return len(rows.columns[0]) == 1 and not (rows.counts and rows.weights_or_ones[0] > 1)


class Ties(NamedTuple):
    """Runs of equal values among so many ascending ones: where each starts; None where no two are equal."""

    rows: int
    starts: NDArray[np.intp] | None

    @classmethod
    def of(cls, ascending: Floats) -> "Ties":
        """The runs of these."""
        apart = ascending[1:] != ascending[:-1]
        return cls(len(ascending), None if apart.all() else np.flatnonzero(np.concatenate([[True], apart])))

    def ranks(self, weights: Floats | None) -> Floats:
        """The weight below each value plus half of the weight at it, less half of all; 0 where all are equal."""
        if self.starts is not None and len(self.starts) == 1:
            return np.zeros(self.rows)
        at = self._sums(np.ones(self.rows) if weights is None else weights)
        ranks = np.cumsum(at)
        ranks -= at / 2
        ranks -= at.sum() / 2
        return self._each(ranks)

    def above(self, terms: Floats) -> Floats:
        """For each row the sum of the terms above its value, and half of those at it. The terms are overwritten."""
        at = self._sums(terms)
        sums = np.cumsum(at[::-1])[::-1]
        at /= 2
        sums -= at
        return self._each(sums)

    def _sums(self, terms: Floats) -> Floats:
        return terms if self.starts is None else np.add.reduceat(terms, self.starts)

    def _each(self, values: Floats) -> Floats:
        return values if self.starts is None else np.repeat(values, np.diff(self.starts, append=self.rows))
