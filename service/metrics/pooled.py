"""Areas under the curves of all pairs of a row and a label, in less memory than their scores take."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from service.metrics.area_intervals import Moves, joined, precision_moves, roc_moves
from service.metrics.class_states import Areas
from service.metrics.exact import Bools, Floats, exact_sum
from service.metrics.states import BLOCK_NUMBERS, blocks
from service.metrics.sweep_states import Descent
from service.metrics.undefined import Undefined

# Weights that are nothing beside the largest are 0, and so may sums of them be: no division is by 0.
SMALLEST = 5e-324
# Scores of a path lie so close that the weights above them differ by a factor of at most 1 + 1 / PATH_STEPS.
PATH_STEPS = 512
# Labels whose columns are copied at a time.
COLUMNS = 16
# More pairs than these are sorted in so many ranges of their scores, one after the other.
MANY_PAIRS, RANGES = 1 << 20, 4


class Pairs(NamedTuple):
    """Tables of scores, labels and weights, a column for each label; without weights every pair counts once."""

    scores: Floats
    truth: Bools
    weights: Floats | None

    def by_label(self) -> Iterator["Pairs"]:
        """The pairs of each label."""
        for start in range(0, self.truth.shape[1], COLUMNS):
            columns = slice(start, start + COLUMNS)
            scores, truth = transposed(self.scores[:, columns]), transposed(self.truth[:, columns])
            weights = None if self.weights is None else transposed(self.weights[:, columns])
            for label in range(len(truth)):
                weight = None if weights is None else weights[label, :, None]
                yield Pairs(scores[label, :, None], truth[label, :, None], weight)

    def ranges(self) -> Iterator[tuple[float, float]]:
        """Ranges of scores from the top, above the first and up to the second; those of many pairs hold about as many.

        The edges are scores of some of the rows: no result depends on them.
        """
        cuts: list[float] = []
        rows, width = self.truth.shape
        if rows * width > MANY_PAIRS:
            step = math.ceil(rows * width / BLOCK_NUMBERS)
            sample = np.sort(self.scores[::step], axis=None)
            cuts = np.unique(sample[[len(sample) * part // RANGES for part in range(1, RANGES)]]).tolist()
        yield from reversed([*pairwise([-math.inf, *cuts, math.inf])])


def transposed(table: NDArray[Any]) -> NDArray[Any]:
    """A copy whose rows are the columns, made by blocks of rows that share pages of memory."""
    columns = np.empty(table.shape[::-1], table.dtype)
    for block in blocks(len(table), 128):
        columns[:, block] = table[block].T
    return columns


@dataclass(frozen=True, eq=False)
class Descending:
    """The scores of a range from the highest to the lowest, negated; with weights as the real parts of complex numbers.

    Their imaginary parts are the sums of the weights so far, so that the complex numbers ascend, too. Scores that are
    equal come by weight: no order of the rows shows. First comes -inf, which stands for all scores above the range.
    """

    keys: NDArray[Any]
    above: Any

    @classmethod
    def of(cls, pairs: Pairs, low: float, high: float, above: Any, *, positive: bool) -> Self:
        """The scores of the pairs that are positive, or of those that are not; `above` is the weight of higher ones."""
        chosen = (cls._chosen(pairs, block, low, high, positive=positive) for block in blocks(*pairs.truth.shape))
        filled, size = 1, 1 + sum(int(np.count_nonzero(part)) for part in chosen)
        keys = np.empty(size, np.float64 if pairs.weights is None else np.complex128)
        keys[0] = -math.inf
        for block in blocks(*pairs.truth.shape):
            found = cls._chosen(pairs, block, low, high, positive=positive)
            scores = np.compress(found, pairs.scores[block])
            part = keys[filled : filled + len(scores)]
            np.negative(scores, out=part.real)
            if pairs.weights is not None:
                part.imag = np.compress(found, pairs.weights[block])
            filled += len(scores)
        keys.sort()
        if pairs.weights is not None:
            keys.imag[0] = above
            np.cumsum(keys.imag, out=keys.imag)
        return cls(keys, above)

    @staticmethod
    def _chosen(pairs: Pairs, block: slice, low: float, high: float, *, positive: bool) -> Bools:
        scores, truth = pairs.scores[block], pairs.truth[block]
        inside = (scores > low) & (scores <= high)
        chosen: Bools = inside & truth if positive else inside > truth
        return chosen.ravel()

    def until(self, positions: Any) -> Any:
        """The weight of the scores up to these positions and above the range, without weights their number."""
        return self.keys.imag[positions] if np.iscomplexobj(self.keys) else self.above + positions

    def beyond(self, thresholds: Floats, *, and_equal: bool) -> Any:
        """The weight of the scores before each threshold, or of these and of those equal to it."""
        if not np.iscomplexobj(self.keys):
            return self.until(np.searchsorted(self.keys, thresholds, side="right" if and_equal else "left") - 1)
        marks = np.empty(len(thresholds), dtype=np.complex128)
        marks.real, marks.imag = thresholds, math.inf if and_equal else -math.inf
        return self.until(np.searchsorted(self.keys, marks) - 1)


class Meeting(NamedTuple):
    """Some distinct scores of positives, from the top, negated, and the weight of the pairs that score more or as much.

    `reached` is that of the positives that score as much or more, `passed` that of such negatives, `above` that of the
    negatives that score more.
    """

    scores: Floats
    reached: Any
    above: Any
    passed: Any


class Tally:
    """The areas as they grow from the top down."""

    def __init__(self) -> None:
        # By weight of the positives: twice what they lose to negatives above or equal, and the precision at each.
        self.lost: Any = 0
        self.precise: Any = 0
        self.tp: Any = 0
        self.fp: Any = 0

    def add(self, meeting: Meeting) -> None:
        """Count the next positives."""
        _, reached, above, passed = meeting
        gained = np.diff(reached, prepend=self.tp)
        twice = gained * (above + passed)
        self.lost += int(np.sum(twice)) if np.issubdtype(twice.dtype, np.integer) else exact_sum(twice)
        self.precise += exact_sum(gained * (reached / np.maximum(reached + passed, SMALLEST)))
        self.tp = reached[-1]

    @property
    def areas(self) -> Areas:
        """The areas of all that was counted."""
        if not self.tp:
            return Areas(Undefined("single_class"), Undefined("no_positive_labels"))
        if not self.fp:
            return Areas(Undefined("single_class"), 1.0)
        found, others = exact_sum(np.array([self.tp], float)), exact_sum(np.array([self.fp], float))
        area = 1 - self.lost / (2 * found * others)
        return Areas(min(1.0, max(0.0, float(area))), min(1.0, float(self.precise / found)))


def pooled_areas(pairs: Pairs) -> Areas:
    """The areas of all pairs of a row and a label as if each were a row of a binary task."""
    return tallied(pairs, lambda _: None).areas


def tallied(pairs: Pairs, seen: Callable[[Meeting], None]) -> Tally:
    """The areas of all pairs. Positives and negatives of a range are sorted apart; `seen` is told where they meet."""
    tally = Tally()
    for low, high in pairs.ranges():
        positives = Descending.of(pairs, low, high, tally.tp, positive=True)
        negatives = Descending.of(pairs, low, high, tally.fp, positive=False)
        scores = positives.keys.real
        ends = 1 + np.flatnonzero(np.append(scores[2:] != scores[1:-1], [True] * (len(scores) > 1)))
        for block in blocks(len(ends), 5):
            thresholds = scores[ends[block]]
            above, passed = (negatives.beyond(thresholds, and_equal=equal) for equal in (False, True))
            meeting = Meeting(thresholds, positives.until(ends[block]), above, passed)
            tally.add(meeting)
            seen(meeting)
        tally.fp = negatives.until(len(negatives.keys) - 1)
        del positives, negatives, scores  # before the next ones are made
    return tally


class Path:
    """Scores of positives on the way down: few of them, but each where few pairs lie above it.

    Which ones they are does not depend on how the way is cut into parts.
    """

    def __init__(self) -> None:
        self.parts: list[Meeting] = []

    def add(self, meeting: Meeting) -> None:
        """Keep what is needed of the next positives."""
        self.parts.append(thinned(meeting))

    @property
    def kept(self) -> Meeting:
        """The scores that are kept."""
        return thinned(Meeting(*(np.concatenate(columns) for columns in zip(*self.parts, strict=True))))


def thinned(meeting: Meeting) -> Meeting:
    """The last of the scores between the same marks."""
    marks = [marks_of(np.asarray(weight, dtype=np.float64)) for weight in (meeting.reached, meeting.passed)]
    last = np.append((marks[0][1:] != marks[0][:-1]) | (marks[1][1:] != marks[1][:-1]), True)
    return Meeting(*(column[last] for column in meeting))


def marks_of(weights: Floats) -> NDArray[np.int64]:
    """Whole numbers that grow by PATH_STEPS as the weights double."""
    mantissas, exponents = np.frexp(weights)
    marks = PATH_STEPS * exponents.astype(np.int64) + np.floor(PATH_STEPS * (2 * mantissas - 1)).astype(np.int64)
    return np.where(weights > 0, marks, np.iinfo(np.int64).min)


class Pool(NamedTuple):
    """All pairs on the way down, by what more weight of one does to the areas of all.

    `scores` are those of a path, negated. A pair moves as the first score does that is not above its own; a negative
    that scores more than that, and thus less than the one before, as those between.
    """

    scores: Floats
    roc: Moves
    precision: Moves

    @classmethod
    def of(cls, path: Meeting, area: float, found: float, others: float) -> Self:
        """The pairs of a path, with so much weight of positives and of negatives."""
        scores, reached, above, passed = path
        ways = [np.concatenate([[0], side, [end]]) for side, end in ((reached, found), (passed, others))]
        descent = Descent(scores, ways[0], np.append(above, others), ways[1])
        precise = np.sum(np.diff(reached, prepend=0) * (reached / (reached + passed))) / found
        return cls(
            scores,
            joined(len(reached) + 1, roc_moves(descent, area, found, others)),
            joined(len(reached) + 1, precision_moves(descent, float(precise), found)),
        )

    def at(self, thresholds: Floats) -> tuple[tuple[Floats, Floats], ...]:
        """On either area, of a positive and of a negative pair at each of these descending scores."""
        keys = -thresholds
        if len(keys) < len(self.scores):
            places = np.searchsorted(self.scores, keys)
        else:
            ends = np.searchsorted(keys, self.scores, side="right")
            places = np.repeat(np.arange(len(ends) + 1), np.diff(ends, prepend=0, append=len(keys)))
        tied = self.scores[np.minimum(places, len(self.scores) - 1)] == keys
        return tuple(
            (positive[places], np.where(tied, at_score[places], between[places]))
            for _, positive, at_score, between in (self.roc, self.precision)
        )
