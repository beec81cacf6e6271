"""What rows, each with all its labels, do to the metrics of a multilabel task, for the comparison of candidates."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Self

import numpy as np

from service.metrics.batch import Batch, Question
from service.metrics.class_area_states import LabelInfluences
from service.metrics.class_intervals import influences, slopes
from service.metrics.exact import Floats, exact_sum
from service.metrics.influences import Influence
from service.metrics.intervals import Case
from service.metrics.multilabel_states import LabelCells, LabelLosses, LabelRanks, LabelRows, SetMatches
from service.metrics.states import Additive, State, effective, factors, joined_weights, total


class EachRow(NamedTuple):
    """A number of each row in the place of their mean."""

    values: Floats

    def mapped(self, function: Callable[[Any], Any]) -> "EachRow":
        """The function of each; that of a mean is the mean of it where it is linear."""
        return EachRow(function(self.values))


@dataclass(frozen=True, eq=False)
class MatchesOfRows(State):
    """Of each row the number of hits, true and predicted labels, and the number of labels there are."""

    numbers: tuple[Floats, Floats, Floats]
    labels: int
    weights: Floats | None

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        hits, predicted, truth = (number.astype(np.float64) for number in SetMatches.of_rows(batch))
        return cls((hits, truth, predicted), batch.truth.shape[1], batch.weight)

    def __add__(self, other: Self) -> Self:
        hits, truth, predicted = map(np.concatenate, zip(self.numbers, other.numbers, strict=True))
        weights = joined_weights(*((part.weights, len(part.numbers[0])) for part in (self, other)))
        return type(self)((hits, truth, predicted), self.labels, weights)

    @staticmethod
    def mean(numbers: Floats) -> EachRow:
        """The number of each row."""
        return EachRow(numbers)


class OfRows(Additive):
    """A state with a number of each row in the place of each mean; None where there is none."""

    def __add__(self, other: Self) -> Self:
        pairs = ((getattr(self, field.name), getattr(other, field.name)) for field in fields(self))
        return type(self)(*(None if any(part is None for part in pair) else np.concatenate(pair) for pair in pairs))


class RanksOfRows(OfRows, LabelRanks):
    """What each row gets for the order of its scores."""

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        return cls(*cls.of_rows(batch))


class LossesOfRows(OfRows, LabelLosses):
    """The log loss of each row."""

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        return cls(*cls.of_rows(batch))


def of_matches(case: Case, rows: MatchesOfRows) -> Influence:
    """By what the metric's function gives each row."""
    return Influence(case.function(rows).values)


def of_ranks(case: Case, ranks: RanksOfRows) -> Influence:
    """By what the row gets for the order of its scores."""
    return Influence(case.function(ranks))


def of_log_loss(losses: LossesOfRows) -> Influence:
    """By the loss of the row."""
    return Influence(np.asarray(losses.log))


def of_pooled(case: Case, rows: MatchesOfRows) -> Influence:
    """On a ratio of all pairs of a row and a label."""
    by = factors(rows.weights)
    weight = total(rows.weights, len(rows.numbers[0]))
    means = tuple(float(exact_sum(number, *by) / weight) for number in rows.numbers)

    def value(*counts: Any) -> Any:
        part, whole = case.statistic.ratio_of(*counts)
        return part / whole

    moved = (slope * number for slope, number in zip(slopes(value, means), rows.numbers, strict=True))
    return Influence(np.asarray(sum(moved)))


def over_labels(*, weighted: bool = False) -> Callable[..., Influence]:
    """On a macro or a weighted average over labels."""

    def influence(case: Case, cells: LabelCells, rows: LabelRows) -> Influence:
        found = influences(cells, case.statistic.ratio_of, weighted=weighted, more=0.0)
        return Influence(effective(cells.weight, cells.weight2) * rows.of_rows(*found))

    return influence


def of_roc_auc_macro(scores: LabelInfluences) -> Influence:
    """By what the row does to the areas of all labels."""
    return of_moves(scores, scores.moves.roc / scores.truth.shape[1])


def of_average_precision_macro(scores: LabelInfluences) -> Influence:
    """By what the row does to the average precision of all labels."""
    return of_moves(scores, scores.moves.precision / scores.truth.shape[1])


def of_roc_auc_micro(scores: LabelInfluences) -> Influence:
    """By what the row does to the area of all pairs."""
    return of_moves(scores, scores.moves.pooled_roc)


def of_average_precision_micro(scores: LabelInfluences) -> Influence:
    """By what the row does to the average precision of all pairs."""
    return of_moves(scores, scores.moves.pooled_precision)


def of_moves(scores: LabelInfluences, moves: Floats) -> Influence:
    """By moves that are times the weight of the row; without it where weights are counts."""
    if scores.weights is None:
        return Influence(moves * len(moves))
    weight = float(total(scores.weights, len(moves)))
    return Influence(moves * weight if scores.counts else moves * weight / scores.weights)
