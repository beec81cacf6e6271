"""States of a multiclass task. Classes are positions in `Question.classes`."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from service.metrics.batch import Batch, Question
from service.metrics.binary_states import Bools, Sweep
from service.metrics.class_states import Areas, ClassCounts, ClassTable, ColumnScores, scores_of
from service.metrics.exact import Floats, Total, canonical_order, exact_sum
from service.metrics.recalibration import Recalibration
from service.metrics.states import LabelState, State, blocks, factors, total
from service.metrics.sums import Sums
from service.metrics.undefined import Undefined

Positions = NDArray[np.intp]


@dataclass(frozen=True)
class Support(LabelState):
    """The number of rows, and the total weight of the labels of each class."""

    number: int
    classes: Sums

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        return cls(len(batch.truth), Sums.of(batch.truth, len(question.classes), batch.weight))

    @property
    def rows(self) -> int:
        return self.number

    @property
    def weight(self) -> Total:
        return self.classes.total

    def blind(self, question: Question) -> Batch:
        """One row a class that is seen: the most frequent class predicted, the first of a tie, and its prevalences."""
        weight = self.classes.floats
        seen = np.flatnonzero(weight)
        exact = self.classes.exact
        predicted = np.full(len(seen), exact.index(max(exact)))
        scores = np.broadcast_to(weight / float(self.weight), (len(seen), len(weight)))
        return Batch(seen, predicted, scores, weight[seen])


@dataclass(frozen=True)
class Confusion(ClassTable):
    """The confusion matrix: the total weight of the rows of each label (rows) that are predicted so (columns)."""

    cells: Sums

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        size = len(question.classes)
        return cls(Sums.of(batch.truth * size + batch.predictions, size * size, batch.weight))

    @property
    def size(self) -> int:
        """The number of classes."""
        return math.isqrt(self.cells.size)

    @property
    def weight(self) -> Total:
        return self.cells.total

    @cached_property
    def truth(self) -> Sums:
        """The weight of each label."""
        return self.cells.by(np.arange(self.cells.size) // self.size, self.size)

    @cached_property
    def predicted(self) -> Sums:
        """The weight of each prediction."""
        return self.cells.by(np.arange(self.cells.size) % self.size, self.size)

    @cached_property
    def hits(self) -> Sums:
        """The weight of each class where label and prediction agree."""
        return self.cells.at(np.arange(self.size) * (self.size + 1))

    @property
    def counts(self) -> ClassCounts:
        return ClassCounts(self.hits, self.truth, self.predicted)

    @cached_property
    def distances(self) -> Sums:
        """The weight of the rows whose prediction is 0, 1, 2, ... classes away from the label."""
        rows = np.arange(self.size)
        return self.cells.by(np.abs(rows[:, None] - rows).ravel(), self.size)


@dataclass(frozen=True)
class ClassLosses(State):
    """Totals of the weight, the log loss and the squared error of the probabilities of all classes."""

    weight: Total
    log: Total
    squared: Total

    # The smallest likelihood a row is given, as scikit-learn's log_loss in float64.
    SMALLEST: ClassVar[float] = 2.0**-52

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        scores = scores_of(batch)
        log, squared = np.empty((2, len(scores)))
        for block in blocks(*scores.shape):
            errors = scores[block].T.copy()  # a column a row: sums over columns are then fast
            own = (batch.truth[block], np.arange(errors.shape[1]))
            log[block] = -np.log(np.clip(errors[own], cls.SMALLEST, 1 - cls.SMALLEST))
            errors[own] -= 1
            squared[block] = np.square(errors, out=errors).sum(axis=0)
        by = factors(batch.weight)
        return cls(total(batch.weight, len(scores)), exact_sum(log, *by), exact_sum(squared, *by))


@dataclass(frozen=True)
class TrueRanks(State):
    """The weight of the rows whose true class is outscored by 0 .. 4 others and tied with so many, itself included.

    `cells` is the table of both numbers, row by row; those of ties end with the number of classes.
    """

    cells: Sums

    DEEPEST: ClassVar[int] = 5

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        scores = scores_of(batch)
        size = len(question.classes)
        above, tied = np.empty((2, len(scores)), dtype=np.intp)
        for block in blocks(*scores.shape):
            own = scores[block][np.arange(len(scores[block])), batch.truth[block]][:, None]
            above[block] = np.count_nonzero(scores[block] > own, axis=1)
            tied[block] = np.count_nonzero(scores[block] == own, axis=1)
        groups = np.minimum(above, cls.DEEPEST) * (size + 1) + tied
        return cls(Sums.of(groups, (cls.DEEPEST + 1) * (size + 1), batch.weight))

    @property
    def size(self) -> int:
        """The number of classes."""
        return self.cells.size // (self.DEEPEST + 1) - 1


class TopLabel(Sweep):
    """The largest probability of each row as score, and whether its class, the first of a tie, is the label."""

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        scores = scores_of(batch)
        top = np.argmax(scores, axis=1)
        largest = scores[np.arange(len(scores)), top]
        return cls.sorted(largest, top == batch.truth, weights=batch.weight)

    @cached_property
    def recalibration(self) -> Recalibration:
        if self.truth.all() or not self.truth.any():
            raise Undefined("one_outcome")
        return super().recalibration


class Judged(NamedTuple):
    """What one pass over the sorted columns gives.

    `areas` are those of each class against all others. `versus[i, j]` is the probability that a row of class i has a
    larger score for it than a row of class j, ties counting half; it holds nothing where one of the two has no rows.
    """

    areas: list[Areas]
    versus: Floats


@dataclass(frozen=True, eq=False)
class ClassScores(ColumnScores):
    """Labels and the probabilities of all classes."""

    truth: Positions

    def positive(self, position: int) -> Bools:
        return np.asarray(self.truth == position)

    @property
    def areas(self) -> list[Areas]:
        return self.judged.areas

    @cached_property
    def judged(self) -> Judged:
        """Each class against all others, and against each other one."""
        areas, versus = [], []
        for position, column in enumerate(self.columns()):
            order = np.argsort(column) if self.weights is None else canonical_order(column, self.truth, self.weights)
            truth = self.truth[order]
            weights = None if self.weights is None else self.weights[order]
            sweep = Sweep((column[order], truth == position), weights)
            areas.append(Areas.of(sweep))
            versus.append(self._against_each(sweep, truth))
        return Judged(areas, np.array(versus))

    def _against_each(self, sweep: Sweep, truth: Positions) -> Floats:
        # Brought near 1: the product of two classes of light rows would leave the range of float64.
        tp = np.ldexp(sweep.steps.tp, -np.frexp(sweep.steps.tp[-1])[1])
        step_of_row = np.zeros(len(truth), dtype=np.intp)
        np.cumsum(sweep.scores[1:] != sweep.scores[:-1], out=step_of_row[1:])
        # Twice what each row loses to: all that lies above it, and half of what is tied.
        twice = (tp[1:] + tp[:-1])[::-1][step_of_row]
        weights = None if sweep.weights is None else sweep.relative_weights
        classes = self.scores.shape[1]
        lost = np.bincount(truth, twice if weights is None else twice * weights, classes)
        pairs = 2.0 * tp[-1] * np.bincount(truth, weights, classes)
        return np.asarray(np.minimum(1.0, lost / pairs))
