"""References in fractions, from the definitions: None where undefined. They take a tenth of the time of a library's."""

import math
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from itertools import compress, groupby
from typing import Any, NamedTuple

from service.metrics.batch import Batch
from tests.tasks.known import Oracle

Matrix = list[list[Fraction]]
Value = Fraction | float | None
# Whether each row is positive, its score and its weight.
Column = tuple[Any, Any, list[Fraction]]


class Counts(NamedTuple):
    """The weight of the rows of a class that are predicted so, of all its rows, and of all that are predicted so."""

    hits: Fraction
    labels: Fraction
    calls: Fraction


def as_float(function: Callable[[Batch], Value]) -> Oracle:
    """The reference as other oracles are."""

    def oracle(batch: Batch) -> float | None:
        value = function(batch)
        return None if value is None else float(value)

    return oracle


def weights(batch: Batch) -> list[Fraction]:
    """The weight of each row."""
    return [Fraction(1)] * len(batch.truth) if batch.weight is None else [*map(Fraction, batch.weight.tolist())]


def share(part: Fraction, whole: Fraction) -> Fraction | None:
    """A part of a whole; None of nothing."""
    return part / whole if whole else None


def mean(by: Iterable[Fraction], values: Iterable[Fraction]) -> Fraction | None:
    """The mean of values with these weights; None where nothing has weight."""
    pairs = [*zip(by, values, strict=True)]
    return share(sum(weight * value for weight, value in pairs), sum(weight for weight, _ in pairs))


def f_beta(beta: Fraction) -> Callable[[Counts], Fraction | None]:
    return lambda n: share((1 + beta**2) * n.hits, beta**2 * n.labels + n.calls)


SCORES: dict[str, Callable[[Counts], Fraction | None]] = {
    "precision": lambda n: share(n.hits, n.calls),
    "recall": lambda n: share(n.hits, n.labels),
    "f1": f_beta(Fraction(1)),
    "f2": f_beta(Fraction(2)),
    "f0_5": f_beta(Fraction(1, 2)),
    "jaccard": lambda n: share(n.hits, n.labels + n.calls - n.hits),
}


def averages(name: str, counts: Callable[[Batch], list[Counts]]) -> dict[str, Oracle]:
    """The means over classes of a score, an undefined one counting as 0, and the score of all counts together."""
    score = SCORES[name]

    def scores(batch: Batch) -> list[Fraction]:
        return [score(n) or Fraction(0) for n in counts(batch)]

    return {
        f"{name}_macro": as_float(lambda batch: sum(scores(batch)) / len(counts(batch))),
        f"{name}_micro": as_float(lambda batch: score(Counts(*map(sum, zip(*counts(batch), strict=True))))),
        f"{name}_weighted": as_float(lambda batch: mean((n.labels for n in counts(batch)), scores(batch))),
    }


def matrix_of(batch: Batch, size: int) -> Matrix:
    """The weight of the rows by class and prediction, counted row by row."""
    matrix = [[Fraction(0)] * size for _ in range(size)]
    for weight, true, call in zip(weights(batch), batch.truth.tolist(), batch.predicted.tolist(), strict=True):
        matrix[true][call] += weight
    return matrix


def counts_of(matrix: Matrix) -> list[Counts]:
    """The counts of each class of a confusion matrix."""
    columns = zip(*matrix, strict=True)
    return [Counts(row[k], sum(row), sum(column)) for k, (row, column) in enumerate(zip(matrix, columns, strict=True))]


def accuracy(matrix: Matrix) -> Value:
    return share(sum(row[k] for k, row in enumerate(matrix)), sum(map(sum, matrix)))


def balanced_accuracy(matrix: Matrix) -> Value:
    recalls = [*map(SCORES["recall"], counts_of(matrix))]
    return None if None in recalls else sum(recalls) / len(recalls)


def matthews_corrcoef(matrix: Matrix) -> Value:
    """The correlation of labels and predictions, each of them a unit vector."""
    counts, total = counts_of(matrix), sum(map(sum, matrix))
    both = total * sum(n.hits for n in counts) - sum(n.labels * n.calls for n in counts)
    _, labels, calls = (total**2 - sum(weight**2 for weight in side) for side in zip(*counts, strict=True))
    return math.copysign(math.sqrt(both**2 / (labels * calls)), both) if labels and calls else None


def cohen_kappa(distance: Callable[[int, int], int]) -> Callable[[Matrix], Value]:
    """One less the mean distance of label and prediction, over what it would be by chance."""

    def kappa(matrix: Matrix) -> Value:
        counts, places = counts_of(matrix), range(len(matrix))
        found = sum(distance(i, j) * matrix[i][j] for i in places for j in places)
        chance = sum(distance(i, j) * counts[i].labels * counts[j].calls for i in places for j in places)
        return 1 - found * sum(map(sum, matrix)) / chance if chance else None

    return kappa


OF_MATRIX: dict[str, Callable[[Matrix], Value]] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "matthews_corrcoef": matthews_corrcoef,
    "cohen_kappa": cohen_kappa(lambda i, j: i != j),
    "cohen_kappa_linear": cohen_kappa(lambda i, j: abs(i - j)),
    "cohen_kappa_quadratic": cohen_kappa(lambda i, j: (i - j) ** 2),
}


def tied(truth: Any, scores: Any, weight: list[Fraction]) -> Iterator[tuple[Fraction, Fraction]]:
    """The weights of the positive and of the negative rows of each score, ascending."""
    rows = sorted(zip(scores.tolist(), truth.tolist(), weight, strict=True))
    for _, group in groupby(rows, key=lambda row: row[0]):
        sides = [Fraction(0), Fraction(0)]
        for _, true, each in group:
            sides[true] += each
        yield sides[1], sides[0]


def roc_auc(truth: Any, scores: Any, weight: list[Fraction]) -> Fraction | None:
    """Share of the pairs of a positive and a negative row in which the positive scores higher; a tie is half a pair."""
    below = positives = won = Fraction(0)
    for positive, negative in tied(truth, scores, weight):
        won += positive * (below + negative / 2)
        below, positives = below + negative, positives + positive
    return share(won, positives * below)


def average_precision(truth: Any, scores: Any, weight: list[Fraction]) -> Fraction | None:
    """The precision at each score as threshold, weighted by the recall that it adds."""
    found = called = gained = Fraction(0)
    for positive, negative in reversed([*tied(truth, scores, weight)]):
        found, called = found + positive, called + positive + negative
        gained += positive * found / called
    return share(gained, found)


def lost(probability: float) -> Fraction:
    """The logarithmic loss of what came true with this probability, which is clipped."""
    return Fraction(-math.log(min(max(probability, 2.0**-52), 1 - 2.0**-52)))


def of_scores(
    measure: Callable[..., Fraction | None], columns: Callable[[Batch], list[Column]], *, by_positives: bool = False
) -> Oracle:
    """The mean over columns of what is measured of each, or that by their positive rows; None where one has none."""

    def value(batch: Batch) -> Value:
        if batch.scores is None:
            return None
        asked = columns(batch)
        values = [measure(*column) for column in asked]
        by = [sum(compress(weight, truth)) if by_positives else Fraction(1) for truth, _, weight in asked]
        return None if None in values else mean(by, values)

    return as_float(value)
