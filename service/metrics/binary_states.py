"""States of a binary task."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from service.metrics.batch import Batch, Question
from service.metrics.exact import Bools, Floats, Total, exact_sum, exact_sums, whole
from service.metrics.states import LabelState, State, squares_of, total
from service.metrics.undefined import Undefined


@dataclass(frozen=True)
class ClassTotals(LabelState):
    """Rows and total weight of the negative and of the positive labels; `negative2` is what they add to a variance."""

    negative_rows: int
    positive_rows: int
    negative: Total
    positive: Total
    negative2: Total
    positive2: Total

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        positive = int(np.count_nonzero(batch.truth))
        rows = (len(batch.truth) - positive, positive)
        if batch.weight is None:
            return cls(*rows, *rows, *rows)
        return cls(*rows, *sums_of(batch.weight, (~batch.truth, batch.truth), question))

    @property
    def rows(self) -> int:
        return self.negative_rows + self.positive_rows

    @property
    def weight(self) -> Total:
        return self.negative + self.positive

    @property
    def weight2(self) -> Total:
        return self.negative2 + self.positive2

    @property
    def prevalence(self) -> float:
        """The share of the positive labels in the total weight."""
        return float(self.positive / self.weight)

    def blind(self, question: Question) -> Batch:
        """One row a class: the majority predicted (negative where tied), the prevalence as score."""
        weight = np.array([float(self.negative), float(self.positive)])
        seen = weight > 0
        truth = np.array([False, True])[seen]
        predicted = np.full(len(truth), self.positive > self.negative)
        return Batch(truth, predicted, np.full(len(truth), self.prevalence), weight[seen])


@dataclass(frozen=True)
class Cells(State):
    """The confusion matrix: total weights of true and false positives and negatives.

    `tp2` and so on are what the same rows add to a variance.
    """

    tp: Any
    fp: Any
    fn: Any
    tn: Any
    tp2: Any = 0
    fp2: Any = 0
    fn2: Any = 0
    tn2: Any = 0

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        truth, predicted = batch.truth, batch.predictions
        masks = (truth & predicted, ~truth & predicted, truth & ~predicted, ~(truth | predicted))
        if batch.weight is None:
            counts = [int(np.count_nonzero(mask)) for mask in masks]
            return cls(*counts, *counts)
        return cls(*sums_of(batch.weight, masks, question))

    @cached_property
    def effective(self) -> tuple[list[float], list[float]]:
        """The cells in units that make their sum the effective number of rows, and what they add to a variance there.

        No factor on all weights shows. Raises `Undefined` where a total left the range of float64.
        """
        weights, squares = (self.tp, self.fp, self.fn, self.tn), (self.tp2, self.fp2, self.fn2, self.tn2)
        if any(isinstance(part, float) for part in weights + squares) or not any(squares):
            raise Undefined("overflow")
        unit = Fraction(sum(weights)) / sum(squares)
        unit = unit.numerator if unit.denominator == 1 else unit  # products of whole numbers are fast
        return [float(part * unit) for part in weights], [float(part * unit * unit) for part in squares]


def sums_of(weights: Floats, masks: Iterable[Bools], question: Question) -> list[Total]:
    """The total weights of some rows, then what they add to a variance."""
    squares = squares_of(weights, counts=question.counts)
    masks = list(masks)
    return [whole(exact_sum(np.compress(mask, column))) for column in (weights, squares) for mask in masks]


@dataclass(frozen=True)
class Form(State):
    """How the rows came: the number of those whose label was a pair of 0 and 1, and of those with two scores."""

    one_hot: int
    pairs: int

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        return cls(*(len(batch.truth) * came for came in batch.layout))


@dataclass(frozen=True)
class ProbabilityLosses(State):
    """Totals of the weight, the log loss and the squared error of scores.

    The losses are None once a score lies outside [0, 1].
    """

    weight: Total
    log: Total | None
    squared: Total | None

    # The smallest likelihood a row is given, as scikit-learn's log_loss in float64.
    SMALLEST: ClassVar[float] = 2.0**-52

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        if batch.scores is None:
            raise Undefined("no_scores")
        weight = total(batch.weight, len(batch.truth))
        if batch.scores.min() < 0 or batch.scores.max() > 1:
            return cls(weight, None, None)
        sums = exact_sums(
            lambda truth, scores: {"log": (log_losses(truth, scores),), "squared": (squared_errors(truth, scores),)},
            batch.truth,
            batch.scores,
            weights=batch.weight,
        )
        return cls(weight, **sums)


def log_losses(truth: Bools, scores: Floats) -> Floats:
    """The log loss of each row."""
    smallest = ProbabilityLosses.SMALLEST
    likelihood = np.abs(~truth - scores)
    return np.asarray(-np.log(np.clip(likelihood, smallest, 1 - smallest, out=likelihood)))


def squared_errors(truth: Bools, scores: Floats) -> Floats:
    """The squared difference of probability and outcome of each row."""
    return np.asarray(np.square(truth - scores))
