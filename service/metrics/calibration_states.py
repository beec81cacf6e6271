"""What calibration is read from: sums over runs of neighbouring rows in order of score, joined to bins."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from service.metrics.exact import Floats
from service.metrics.intervals import limits_of_shares

BINS = 10
# The inner edges of the uniform bins: the floats nearest to k / 10.
UNIFORM_EDGES = np.arange(1, BINS) / BINS
# A block's temporaries stay in the processor's cache.
BLOCK = 1 << 13
# The variance of a single row, however small, stays in the range of float64 times this; so does the sum of 2**60 rows.
VARIANCE_UNIT = 2.0**960


@dataclass(frozen=True, eq=False)
class Runs:
    """Sums over runs of neighbouring rows; run k has the rows `starts[k]` to `starts[k + 1]`.

    Weights are in units of 2**exponents[k]. `linear` holds the sums of w, w y, w p, w (1 - p), w (y - p), w p (1 - p)
    and w (y - p)(1 - 2p); `square` those of w^2, w^2 p (1 - p), in units of 1 / VARIANCE_UNIT
    w^2 (1 - 2p)^2 p (1 - p), and w^2 y, with w in place of w^2 where weights are counts.
    """

    starts: NDArray[np.intp]
    exponents: NDArray[np.intc]
    linear: Floats
    square: Floats

    @classmethod
    def of(
        cls, scores: Floats, truth: NDArray[np.bool_], weights: Floats | None, cuts: NDArray[np.intp], *, counts: bool
    ) -> Self:
        """The sums over the runs that start at these rows, cut further into blocks."""
        cut = np.zeros(len(scores) + 1, dtype=np.bool_)
        cut[cuts] = cut[::BLOCK] = True
        starts = np.flatnonzero(cut[:-1])
        if len(scores) <= BLOCK:
            return cls(starts, *_sums(scores, truth, weights, starts, counts=counts))
        blocks = np.append(np.searchsorted(starts, np.arange(0, len(scores), BLOCK)), len(starts))
        parts = []
        for first, last in zip(blocks[:-1].tolist(), blocks[1:].tolist(), strict=True):
            start = int(starts[first])
            block = slice(start, start + BLOCK)
            weight = None if weights is None else weights[block]
            parts.append(_sums(scores[block], truth[block], weight, starts[first:last] - start, counts=counts))
        exponents, linear, square = zip(*parts, strict=True)
        return cls(starts, np.concatenate(exponents), np.hstack(linear), np.hstack(square))

    def joined(self, cuts: NDArray[np.intp]) -> Self:
        """The sums over longer runs, which start at these of the rows."""
        first = self.starts.searchsorted(cuts)
        exponents = np.maximum.reduceat(self.exponents, first)
        linear, square = self.linear, self.square
        if self.exponents.any():
            lengths = np.diff(first, append=len(self.starts))
            scale = np.ldexp(1.0, self.exponents - np.repeat(exponents, lengths))
            linear, square = linear * scale, square * scale * scale
        return type(self)(
            cuts, exponents, np.add.reduceat(linear, first, axis=1), np.add.reduceat(square, first, axis=1)
        )

    def between(self, scores: Floats, edges: Floats, low: float, high: float) -> "Bins":
        """The bins that hold rows, of these distinct inner edges, at which runs start, and these ends."""
        cuts = np.concatenate([[0], scores.searchsorted(edges), [len(scores)]])
        filled = cuts[1:] > cuts[:-1]
        lows, highs = np.concatenate([[low], edges]), np.concatenate([edges, [high]])
        runs = self.joined(cuts[:-1][filled])
        return Bins(runs, lows[filled], highs[filled], *(runs.linear[1:] / runs.linear[0]))


def _sums(
    p: Floats, truth: NDArray[np.bool_], weights: Floats | None, starts: NDArray[np.intp], *, counts: bool
) -> tuple[NDArray[np.intc], Floats, Floats]:
    """Exponents, linear and square sums of the runs of one block, which start at these of its rows."""
    y = truth.astype(np.float64)
    q, gap, slant = 1 - p, y - p, 1 - 2 * p
    variance = p * q
    linear = [y, p, q, gap, variance, gap * slant]
    square = [variance, variance * VARIANCE_UNIT * slant * slant, y]
    lengths = np.diff(np.append(starts, len(p)))
    if weights is None:
        exponents = np.zeros(len(starts), dtype=np.intc)
        rows = lengths.astype(np.float64)
        sums = [np.add.reduceat(term, starts) for term in linear]
        informative = np.add.reduceat(square[1], starts)
        return exponents, np.array([rows, *sums]), np.array([rows, sums[4], informative, sums[0]])
    exponents = np.frexp(np.maximum.reduceat(weights, starts))[1] - 1
    w = np.ldexp(weights, -np.repeat(exponents, lengths))
    sums = [np.add.reduceat(w * term, starts) for term in linear]
    other = np.asarray(np.ldexp(1.0, -np.repeat(exponents, lengths))) if counts else w
    squares = [np.add.reduceat(w * (other * term), starts) for term in square]
    linear_sums = np.array([np.add.reduceat(w, starts), *sums])
    return exponents, linear_sums, np.array([np.add.reduceat(w * other, starts), *squares])


@dataclass(frozen=True, eq=False)
class Bins:
    """Groups of rows by score, none empty: [low, high), the last one closed.

    The other columns are weighted means of y, p, 1 - p, y - p, p (1 - p) and (y - p)(1 - 2p).
    """

    runs: Runs
    low: Floats
    high: Floats
    fraction_positive: Floats
    mean_score: Floats
    mean_miss: Floats
    gap: Floats
    variance: Floats
    departure: Floats

    @property
    def squared_error(self) -> Floats:
        """The mean of (y - p)^2, which is p (1 - p) + (y - p)(1 - 2p) as y is 0 or 1."""
        return self.variance + self.departure

    @property
    def weight(self) -> Floats:
        """The weight of each bin."""
        return self._sums(0)

    @property
    def positive(self) -> Floats:
        """The weight of the positive rows of each bin."""
        return self._sums(1)

    @property
    def score(self) -> Floats:
        """The weighted sum of the scores of each bin."""
        return self._sums(2)

    @cached_property
    def relative_weight(self) -> Floats:
        """The weight of each bin in units of one power of two."""
        return self._aligned(self.runs.linear[0])

    @property
    def deviation(self) -> Floats:
        """The standard deviation of the positive weight of each calibrated bin, in the units of `relative_weight`."""
        return self._aligned(np.sqrt(self.runs.square[1]))

    def limits(self, level: float) -> tuple[Floats, Floats]:
        """Wilson's limits of the share of positives of each bin."""
        positive, rows = ((self.runs.linear[place], self.runs.square[square]) for place, square in ((1, 3), (0, 0)))
        negative = (rows[0] - positive[0], rows[1] - positive[1])
        low, high = limits_of_shares(positive, negative, level)
        return low, high

    def mean(self, values: Floats) -> float:
        """The mean of one value a bin, by weight."""
        return math.fsum(self.relative_weight * values) / math.fsum(self.relative_weight)

    def _sums(self, column: int) -> Floats:
        return np.asarray(np.ldexp(self.runs.linear[column], self.runs.exponents))

    def _aligned(self, sums: Floats) -> Floats:
        return np.asarray(np.ldexp(sums, self.runs.exponents - self.runs.exponents.max()))


def type_7_edges(scores: Floats, counts: Floats | None = None) -> Floats:
    """The nine inner deciles of sorted numbers by linear interpolation: quantiles of type 7, numpy's default.

    Each number stands as often as `counts` says, once where there are none.
    """
    rows = len(scores) if counts is None else int(counts.sum())
    below, tenths = np.divmod((rows - 1) * np.arange(1, BINS), BINS)
    above = np.minimum(below + 1, rows - 1)
    if counts is not None:
        reached = np.cumsum(counts.astype(np.int64))
        below, above = (np.searchsorted(reached, place, side="right") for place in (below, above))
    low, high = scores[below], scores[above]
    return np.asarray(np.clip(low + (high - low) * (tenths / BINS), low, high))


def weighted_edges(scores: Floats, cumulative: Floats) -> Floats:
    """The nine inner deciles of sorted numbers by cumulative weight: quantiles of type 2, means where two qualify."""
    marks = np.arange(1, BINS) * cumulative[-1] / BINS
    low, high = (np.searchsorted(cumulative, marks, side=side) for side in ("left", "right"))
    last = len(scores) - 1
    low, high = scores[np.minimum(low, last)], scores[np.minimum(high, last)]
    return np.asarray(low + (high - low) / 2)
