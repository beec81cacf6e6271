"""The rows of a binary task in order of score: what every threshold would do."""

from collections.abc import Callable, Iterator
from functools import cached_property
from operator import itemgetter
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from service.metrics.batch import Batch, Question
from service.metrics.calibration_states import UNIFORM_EDGES, Bins, Runs, type_7_edges, weighted_edges
from service.metrics.digest import NARROW, NO_GROUPS, Digest, Groups, Ranked, digest_of, neighbours
from service.metrics.exact import Bools, Floats, canonical_order
from service.metrics.recalibration import Recalibration, recalibration
from service.metrics.states import Rows, blocks, once
from service.metrics.undefined import Undefined

# So many steps are looked at together.
STRETCH = 64
# So few steps are sooner looked at than left out.
FEW_STEPS = 1024
# Values that differ by a smaller share may be in the other order but for rounding.
ROUNDING = 2.0**-40


class Steps(NamedTuple):
    """What each distinct score does as threshold, thresholds descending.

    `tp` and `fp` are the true and false positives, without weights numbers of rows, otherwise weights relative to the
    largest. They start with a 0 that has no threshold: nothing is predicted positive.
    """

    thresholds: Floats
    tp: NDArray[np.int64] | Floats
    fp: NDArray[np.int64] | Floats


class Descent(NamedTuple):
    """The way down the scores of positive rows, from above all rows to below them, as positives meet negatives.

    `places` tells which these scores are. `reached` is the weight of the positives that score as much or more, `passed`
    that of such negatives, both after the 0 of the start; `above` is the weight of the negatives that score more. Sums
    of squares may stand in place of weights.
    """

    places: Any
    reached: Any
    above: Any
    passed: Any

    def at(self, block: slice) -> "Stretch":
        """A block of the scores."""
        later = slice(block.start + 1, block.stop + 1)
        reached, passed = self.reached[later], self.passed[later]
        before = slice(block.start, block.start + len(reached))
        return Stretch(self.reached[before], reached, self.passed[before], self.above[block], passed)


class Stretch(NamedTuple):
    """A part of a descent: at each score what is reached and passed, what was before, and what lies above."""

    reached_before: Any
    reached: Any
    passed_before: Any
    above: Any
    passed: Any


class Sweep(Rows):
    """The rows by score, then label: what every threshold would do, from one sort."""

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        if batch.scores is None:
            raise Undefined("no_scores")
        return cls.sorted(batch.scores, batch.truth, weights=batch.weight, counts=question.counts)

    @property
    def scores(self) -> Floats:
        return self.columns[0]

    @property
    def truth(self) -> Bools:
        return self.columns[1]

    @classmethod
    def sorted(cls, *columns: NDArray[Any], weights: Floats | None, counts: bool = False) -> Self:
        scores, truth = columns
        if scores.min() >= 0 and scores.max() < 2:
            # These floats leave the top two bits clear and order like integers, so a key has room for the label.
            keys = scores.view(np.uint64) << np.uint64(1)
            keys |= truth
            if weights is None:
                keys.sort()
            else:
                order = canonical_order(keys, weights)
                keys, weights = keys[order], weights[order]
            truth = (keys & np.uint64(1)).astype(np.bool_)
            keys >>= np.uint64(1)
            return cls((keys.view(np.float64), truth), weights, counts)
        if weights is not None:
            return super().sorted(*columns, weights=weights, counts=counts)
        negatives = np.sort(np.compress(~truth, scores))
        both = np.concatenate([negatives, np.sort(np.compress(truth, scores))])
        order = np.argsort(both, kind="stable")  # merges the two sorted runs
        return cls((both[order], order >= len(negatives)), None, counts)

    @cached_property
    def steps(self) -> Steps:
        """What each distinct score does as threshold."""
        scores = self.scores[::-1]
        if self.weights is None:
            apart = self.scores[1:] != self.scores[:-1]
            tp = np.zeros(len(scores) + 1, dtype=np.int64)
            np.cumsum(self.truth[::-1], out=tp[1:])
            passed = np.arange(len(tp))
            if not apart.all():
                passed = np.flatnonzero(np.concatenate([[True], apart[::-1], [True]]))
                tp, scores = tp[passed], scores[passed[1:] - 1]
            passed -= tp
            return Steps(scores, tp, passed)
        return Steps(scores[self.last], *self._sides(self.relative_weights))

    @cached_property
    def last(self) -> NDArray[np.intp]:
        """The last row of each distinct score, from the top."""
        scores = self.scores[::-1]
        return np.flatnonzero(np.concatenate([scores[1:] != scores[:-1], [True]]))

    def best_step(self, value: Callable[[Any, Any], Any]) -> tuple[int, Any]:
        """The place of the threshold whose true and false positives have the largest value, the first of several.

        The value rises with the true and falls with the false positives, or is the size of one that does.
        """
        _, tp, fp = self.steps
        if len(tp) <= FEW_STEPS:
            values = value(tp[1:], fp[1:])
            best = int(values.argmax())
            return best, values[best]
        last = self.stretches[1]
        reached = value(tp[last], fp[last]).max()
        found: list[tuple[int, Any]] = []
        for places in self.steps_with(value, reached):
            values = value(tp[places], fp[places])
            best = int(np.argmax(values))
            found.append((int(places[best]) - 1, values[best]))
        return max(found, key=itemgetter(1))

    def steps_with(self, value: Callable[[Any, Any], Any], least: float) -> Iterator[NDArray[np.intp]]:
        """All steps with at least this value, and others near them, some at a time and descending by threshold.

        Of most stretches of steps the value at their corners tells that it is less.
        """
        _, tp, fp = self.steps
        if len(tp) <= FEW_STEPS:
            yield np.arange(1, len(tp))
            return
        first, last = self.stretches
        bounds = np.maximum(value(tp[last], fp[first]), value(tp[first], fp[last]))
        # With those whose bound overflowed, and is no number.
        reaching = first[~(bounds < least - ROUNDING * abs(least))]
        for block in blocks(len(reaching), STRETCH):
            places = (reaching[block, np.newaxis] + np.arange(STRETCH)).ravel()
            yield places[: np.searchsorted(places, len(tp))]

    @cached_property
    def stretches(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The first and the last step of each of the stretches that all steps with a threshold are cut into."""
        first = np.arange(1, len(self.steps.tp), STRETCH)
        return first, np.minimum(first + STRETCH, len(self.steps.tp)) - 1

    def at_false_positive_rate(self, rate: float) -> tuple[int, float]:
        """The last step up to a false positive rate below 1, and the true positive rate there on the way to the next.

        There must be rows of both classes.
        """
        _, tp, fp = self.steps
        place = rate * fp[-1].item()
        last = min(int(np.searchsorted(fp, place, side="right")), len(fp) - 1) - 1
        across = (place - fp[last].item()) / (fp[last + 1].item() - fp[last].item())
        return last, (tp[last].item() + across * (tp[last + 1].item() - tp[last].item())) / tp[-1].item()

    @cached_property
    def squares(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """What the true and the false positives of each step add to a variance, in the squared unit of the steps."""
        return self.steps[1:] if self.weights is None else self._sides(self.relative_squares)

    @cached_property
    def descent(self) -> Descent:
        """The way down the steps that positives have, and last a place below all rows."""
        _, tp, fp = self.steps
        return self._descent(np.flatnonzero(np.concatenate([tp[1:] != tp[:-1], [True]])), tp, fp)

    @cached_property
    def descent_of_squares(self) -> Descent:
        """The same way with what the rows add to a variance, in the squared unit of the steps."""
        return self.descent if self.weights is None else self._descent(self.descent.places, *self.squares)

    @staticmethod
    def _descent(places: NDArray[np.intp], tp: NDArray[Any], fp: NDArray[Any]) -> Descent:
        after = np.concatenate([[0], np.minimum(places + 1, len(tp) - 1)])
        found = ((tp, after), (fp, places), (fp, after))
        return Descent(places, *(column[where].astype(np.float64, copy=False) for column, where in found))

    def apart(self, tp: Any, fp: Any) -> Any:
        """How far recall is from the false positive rate, times both classes: exact where there are no weights."""
        _, tps, fps = self.steps
        return tp * fps[-1] - fp * tps[-1]

    def _sides(self, weights: Floats) -> tuple[Floats, Floats]:
        """The sums over the positive and over the negative rows from the top to each distinct score, after a 0."""
        from_top, positive = weights[::-1], self.truth[::-1]
        # An addition waits for the one before, so that two sums at once take the time of one.
        both = np.empty(len(from_top), dtype=np.complex128)
        np.multiply(from_top, positive, out=both.real)
        np.multiply(from_top, ~positive, out=both.imag)
        np.cumsum(both, out=both)
        tp, fp = (np.concatenate([[0.0], side[self.last]]) for side in (both.real, both.imag))
        return tp, fp

    @cached_property
    def runs(self) -> Runs:
        """Sums over the rows between the edges of both kinds of bins, and over those of the scores 0, 0.5 and 1 alone.

        Raises `Undefined` where a score lies outside [0, 1].
        """
        if self.scores[0] < 0 or self.scores[-1] > 1:
            raise Undefined("scores_not_probabilities")
        alone, groups = self.neighbours(NARROW)
        places = np.flatnonzero(alone)
        runs = Runs.of(Groups.single(places, self.ranked.at(places)))
        if len(groups.starts):
            runs = runs.merged(Runs.of(groups))
        return runs.joined(self.cuts)

    @property
    def ranked(self) -> Ranked:
        """The rows."""
        return Ranked(self.scores, self.truth, self.weights, self.counts)

    @cached_property
    def cuts(self) -> NDArray[np.intp]:
        """The first rows of `runs`."""
        scores = self.scores
        without_variance = scores.searchsorted([0.5, 1.0]), scores.searchsorted([0.0, 0.5], side="right")
        uniform, quantile = scores.searchsorted(UNIFORM_EDGES), scores.searchsorted(self.deciles)
        cuts = np.unique(np.concatenate([[0], *without_variance, uniform, quantile]))
        return cuts[cuts < len(scores)]

    @once
    def neighbours(self, narrow: float) -> tuple[Bools, Groups]:
        """Which rows stand alone, and the groups of the others, none of which has rows of two runs."""
        return neighbours(self.ranked, self.cuts, narrow)

    @cached_property
    def reliability(self) -> Bins:
        """Bins of scores of equal width: [k / 10, (k + 1) / 10), the last one closed, those without rows left out.

        Edges are the floats nearest to k / 10, so that 0.3 lies in [0.3, 0.4).
        """
        return self.runs.between(self.scores, UNIFORM_EDGES, 0.0, 1.0)

    @cached_property
    def quantile_bins(self) -> Bins:
        """Groups of about equal weight: a score that equals an edge lies above it, and equal edges are one."""
        scores = self.scores
        return self.runs.between(scores, np.unique(self.deciles), scores[0], scores[-1])

    @cached_property
    def deciles(self) -> Floats:
        """The nine scores that cut the rows in ten: quantiles of type 7 where all weights are equal, else of type 2."""
        if self.counts:
            return type_7_edges(self.scores, self.weights)
        if self.weights is None or self.weights.min() == self.weights.max():
            return type_7_edges(self.scores)
        return weighted_edges(self.scores, self.weight_below)

    @cached_property
    def recalibration(self) -> Recalibration:
        """The logistic regression of the labels on the logits of the scores. Raises `Undefined` as it does."""
        if self.scores[0] < 0 or self.scores[-1] > 1:
            raise Undefined("scores_not_probabilities")
        weights = None if self.weights is None else self.relative_weights
        return recalibration(self.scores, self.truth, weights, self.digests, self.middle)

    @once
    def digests(self, narrow: float) -> list[Digest]:
        """The rows in narrow groups by relative weight, and if there are weights by what they add to a variance.

        Where `narrow` is 0 every row stands alone.
        """
        alone, groups = self.neighbours(narrow) if narrow else (np.ones(len(self.scores), dtype=np.bool_), NO_GROUPS)
        single = self.ranked.at(alone)
        masses, sums = [np.ones(len(single.scores))], [groups.moments]
        if self.weights is not None:
            masses = [self.relative_weights[alone], self.relative_squares[alone]]
            shift = groups.exponents - self.weight_exponent
            sums = [np.ldexp(groups.moments, shift), np.ldexp(groups.squares, 2 * shift)]
        return [digest_of(single, mass, groups.places, each) for mass, each in zip(masses, sums, strict=True)]

    @property
    def middle(self) -> int:
        """The row with half of the weight at or below its place."""
        if self.weights is None:
            return (len(self.scores) - 1) // 2
        below = self.weight_below
        return int(np.searchsorted(below, below[-1] / 2))

    @cached_property
    def weight_below(self) -> Floats:
        """The weight of the rows up to each, relative to the largest."""
        return np.cumsum(self.relative_weights)


class Decisions(Sweep):
    """The rows by score, then prediction, where both were sent: what no threshold explains."""

    @classmethod
    def of(cls, batch: Batch, question: Question) -> Self:
        if batch.scores is None or question.threshold is not None:
            raise Undefined("no_scores")
        return cls.sorted(batch.scores, batch.predictions, weights=batch.weight, counts=question.counts)

    @property
    def against(self) -> float:
        """The share of the weight that is predicted otherwise than by the threshold that explains most."""
        _, above, below = self.steps
        _, gain = self.best_step(lambda tp, fp: tp - fp)
        return float(above[-1] - max(gain, 0)) / float(above[-1] + below[-1])
