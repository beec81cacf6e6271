"""States of a multiclass task. Classes are positions in `Question.classes`."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from service.metrics.averages import Average, averages_of
from service.metrics.batch import Batch, Question
from service.metrics.class_states import Areas, ClassCounts, ClassTable, ColumnScores, SortedColumn, scores_of
from service.metrics.exact import Bools, Floats, Rational, Total, canonical_order, exact_sum
from service.metrics.recalibration import Recalibration
from service.metrics.states import LabelState, State, blocks, factors, total
from service.metrics.sums import Sums, average, sums_with_squares
from service.metrics.sweep_states import Sweep
from service.metrics.undefined import Undefined

Positions = NDArray[np.intp]
# Of a table: which row, and which column.
Cells = tuple[Positions, Positions]


@dataclass(frozen=True)
class Support(LabelState):
    """The number of rows, and of each class the total weight of its labels and what they add to a variance."""

    number: int
    classes: Sums
    squares: Sums

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        size = len(question.classes)
        return cls(len(batch.truth), *sums_with_squares(batch.truth, size, batch.weight, counts=question.counts))

    @property
    def rows(self) -> int:
        return self.number

    @property
    def weight(self) -> Total:
        return self.classes.total

    @property
    def weight2(self) -> Total:
        return self.squares.total

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
    """The confusion matrix: the total weight of the rows of each label (rows) that are predicted so (columns).

    `cells2` is what the same rows add to a variance.
    """

    cells: Sums
    cells2: Sums

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        size = len(question.classes)
        groups = batch.truth * size + batch.predictions
        return cls(*sums_with_squares(groups, size * size, batch.weight, counts=question.counts))

    @property
    def size(self) -> int:
        """The number of classes."""
        return math.isqrt(self.cells.size)

    @cached_property
    def weight(self) -> Rational:
        return self.cells.total

    @cached_property
    def weight2(self) -> Rational:
        return self.cells2.total

    @cached_property
    def counts(self) -> ClassCounts:
        return self._of_classes(self.cells)

    @cached_property
    def squares(self) -> ClassCounts:
        return self.counts if self.cells2 is self.cells else self._of_classes(self.cells2)

    def _of_classes(self, cells: Sums) -> ClassCounts:
        places = np.arange(cells.size)
        hits = cells.at(places[:: self.size + 1])
        return ClassCounts(hits, cells.by(places // self.size, self.size), cells.by(places % self.size, self.size))

    @property
    def right(self) -> Average:
        """The mean of the rows, 1 where label and prediction agree and 0 elsewhere."""
        parts = ((self.weight, self.counts.hits.total), (self.weight2, self.squares.hits.total))
        return Average(*(part for weight, hits in parts for part in (weight, hits, hits)))

    @cached_property
    def distances(self) -> Sums:
        """The weight of the rows whose prediction is 0, 1, 2, ... classes away from the label."""
        rows = np.arange(self.size)
        return self.cells.by(np.abs(rows[:, None] - rows).ravel(), self.size)


@dataclass(frozen=True)
class TopChoices(State):
    """The weight of the rows of each label that score highest as each class, and are predicted otherwise or so.

    `cells` is the table of label, class and both. `cells2` is what the same rows add to a variance. Of classes that are
    tied at the top it is the predicted one, else the first.
    """

    cells: Sums
    cells2: Sums

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        size, top = len(question.classes), batch.predictions.copy()
        scores, agrees = scores_of(batch), np.empty(len(top), dtype=np.bool_)
        for block in blocks(*scores.shape):
            probabilities = scores[block].T.copy()  # the largest of columns is found fast
            own = probabilities[top[block], np.arange(probabilities.shape[1])]
            agrees[block] = own == probabilities.max(axis=0)
        others = np.flatnonzero(~agrees)
        top[others] = np.argmax(scores[others], axis=1)
        groups = 2 * (batch.truth * size + top) + agrees
        return cls(*sums_with_squares(groups, 2 * size * size, batch.weight, counts=question.counts))

    @cached_property
    def matrix(self) -> Confusion:
        """The confusion matrix of always predicting the class that scores highest."""
        size = self.cells.size // 2
        cells, cells2 = (sums.by(np.arange(2 * size) // 2, size) for sums in (self.cells, self.cells2))
        return Confusion(cells, cells2)

    @property
    def agree(self) -> bool:
        """Whether every row is predicted as a class that scores highest."""
        return bool(np.all(self.cells.groups % 2))

    @property
    def overruled(self) -> Average:
        """The mean of the rows, 1 where the prediction is another class than scores highest."""
        return average(self.cells, self.cells2, (self.cells.groups % 2 == 0).astype(np.float64))


@dataclass(frozen=True)
class ClassLosses(State):
    """The log loss and the squared error of the probabilities of all classes, at most 2 a row."""

    log: Average
    squared: Average

    # The smallest likelihood a row is given, as scikit-learn's log_loss in float64.
    SMALLEST: ClassVar[float] = 2.0**-52
    LARGEST: ClassVar[float] = 2.0

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        losses = cls.of_rows(scores_of(batch), batch.truth)
        return cls(**averages_of(cls.named, batch, question, *losses))

    @classmethod
    def of_rows(cls, scores: Floats, truth: Positions) -> Floats:
        """Both losses of each row."""
        return cls.each(scores, truth, cls._of_labels)

    @staticmethod
    def named(log: Floats, squared: Floats) -> dict[str, Floats]:
        """The losses of some rows by name."""
        return {"log": log, "squared": squared}

    @classmethod
    def each(cls, scores: Floats, truth: Positions, read: Callable[[Floats, Cells], tuple[Floats, Floats]]) -> Floats:
        """Both losses of each row. `read` takes probabilities, a column a row, and the cells of the labels.

        It gives the likelihoods and the squared errors.
        """
        losses = np.empty((2, len(scores)))
        for block in blocks(*scores.shape):
            probabilities = scores[block].T.copy()  # sums over columns are fast
            likelihoods, squares = read(probabilities, (truth[block], np.arange(probabilities.shape[1])))
            losses[0, block] = -np.log(np.clip(likelihoods, cls.SMALLEST, 1 - cls.SMALLEST))
            losses[1, block] = np.minimum(squares, cls.LARGEST)  # a row may add up to a little more than 1
        return losses

    @staticmethod
    def _of_labels(probabilities: Floats, labels: Cells) -> tuple[Floats, Floats]:
        likelihoods = probabilities[labels]
        probabilities[labels] -= 1
        return likelihoods, np.square(probabilities, out=probabilities).sum(axis=0)


@dataclass(frozen=True)
class TrueRanks(State):
    """The weight of the rows whose true class is outscored by 0 .. 4 others and tied with so many, itself included.

    `cells` is the table of both numbers, row by row; those of ties end with the number of classes. `cells2` is what the
    same rows add to a variance.
    """

    cells: Sums
    cells2: Sums

    DEEPEST: ClassVar[int] = 5

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        size = len(question.classes)
        above, tied = cls.ranks(scores_of(batch), batch.truth)
        groups = np.minimum(above, cls.DEEPEST) * (size + 1) + tied
        cells = (cls.DEEPEST + 1) * (size + 1)
        return cls(*sums_with_squares(groups, cells, batch.weight, counts=question.counts))

    @staticmethod
    def ranks(scores: Floats, truth: Positions) -> tuple[Positions, Positions]:
        """For each row how many classes score above the true one, and how many as much, itself included."""
        above, tied = np.empty((2, len(scores)), dtype=np.intp)
        for block in blocks(*scores.shape):
            own = scores[block][np.arange(len(scores[block])), truth[block]][:, None]
            above[block] = np.count_nonzero(scores[block] > own, axis=1)
            tied[block] = np.count_nonzero(scores[block] == own, axis=1)
        return above, tied

    def among_first(self, k: int) -> Average:
        """The mean of the rows, 1 where the true class is among the first k: of tied ones each is equally often."""
        above, tied = np.divmod(self.cells.groups, self.cells.size // (self.DEEPEST + 1))
        return average(self.cells, self.cells2, np.clip((k - above) / tied, 0, 1))


class TopLabel(Sweep):
    """The largest probability of each row as score, and whether its class, the first of a tie, is the label."""

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        scores = scores_of(batch)
        top = np.argmax(scores, axis=1)
        largest = scores[np.arange(len(scores)), top]
        return cls.sorted(largest, top == batch.truth, weights=batch.weight, counts=question.counts)

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
class ClassColumn(SortedColumn):
    """The rows by their score for one class, with the class of each."""

    truth: Positions


class ClassScores(ColumnScores):
    """Labels and the probabilities of all classes."""

    def positive(self, position: int) -> Bools:
        return np.asarray(self.truth == position)

    @property
    def areas(self) -> list[Areas]:
        return self.judged.areas

    @cached_property
    def judged(self) -> Judged:
        """Each class against all others, and against each other one."""
        areas, versus = [], []
        for column in self.sorted_columns():
            areas.append(Areas.of(column.sweep))
            versus.append(self.against_each(column))
        return Judged(areas, np.array(versus))

    def sorted_columns(self) -> Iterator[ClassColumn]:
        """The rows by their score for each class."""
        for position, column in enumerate(self.by_class()):
            order = np.argsort(column) if self.weights is None else canonical_order(column, self.truth, self.weights)
            truth = self.truth[order]
            weights = None if self.weights is None else self.weights[order]
            yield ClassColumn(order, Sweep((column[order], truth == position), weights, self.counts), truth)

    def mistaken(self, loss: int) -> float:
        """The mean log loss (0) or squared error (1), were the class of each row the most probable other one."""

        def read(probabilities: Floats, labels: Cells) -> tuple[Floats, Floats]:
            squares = np.square(probabilities).sum(axis=0)
            probabilities[labels] = 0
            likelihoods = probabilities.max(axis=0)
            return likelihoods, squares + (1 - 2 * likelihoods)

        losses = ClassLosses.each(self.scores, self.truth, read)[loss]
        return float(exact_sum(losses, *factors(self.weights)) / total(self.weights, len(losses)))

    def against_each(self, column: ClassColumn) -> Floats:
        """How often a row of the class has a larger score for it than a row of each class, ties counting half."""
        # Brought near 1: the product of two classes of light rows would leave the range of float64.
        tp = np.ldexp(column.sweep.steps.tp, -np.frexp(column.sweep.steps.tp[-1])[1])
        # Twice what each row loses to: all that lies above it, and half of what is tied.
        twice = column.at(tp[1:] + tp[:-1])
        weights = None if column.sweep.weights is None else column.sweep.relative_weights
        classes = self.scores.shape[1]
        lost = np.bincount(column.truth, twice if weights is None else twice * weights, classes)
        pairs = 2.0 * tp[-1] * np.bincount(column.truth, weights, classes)
        return np.asarray(np.minimum(1.0, lost / pairs))
