"""What calibration is read from: sums over runs of neighbouring rows in order of score, joined to bins."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from service.metrics.digest import Groups
from service.metrics.exact import Floats
from service.metrics.intervals import limits_of_shares

BINS = 10
# The inner edges of the uniform bins: the floats nearest to k / 10.
UNIFORM_EDGES = np.arange(1, BINS) / BINS
# The variance of a single row, however small, stays in the range of float64 times this; so does the sum of 2**60 rows.
VARIANCE_UNIT = 2.0**960


class Runs(NamedTuple):
    """Sums over runs of neighbouring rows; run k has the rows `starts[k]` to `starts[k + 1]`.

    Weights are in units of 2**exponents[k]. `linear` holds the sums of w, w y, w p, w (1 - p), w (y - p), w p (1 - p)
    and w (y - p)(1 - 2p); `square` those of w^2, w^2 p (1 - p), in units of 1 / VARIANCE_UNIT
    w^2 (1 - 2p)^2 p (1 - p), w^2 y, w^2 (y - p)(1 - 2p) and w^2 (y - p)^2 (1 - 2p)^2, with w in place of w^2 where
    weights are counts.
    """

    starts: NDArray[np.intp]
    exponents: NDArray[np.intc]
    linear: Floats
    square: Floats

    @classmethod
    def of(cls, groups: Groups) -> Self:
        """Each of the groups as a run."""
        linear = np.array(linear_sums(groups.places, groups.moments))
        return cls(groups.starts, groups.exponents, linear, np.array(square_sums(groups.places, groups.squares)))

    def merged(self, other: Self) -> Self:
        """These runs and those between them."""
        pairs: Any = zip(self, other, strict=True)
        both = [np.concatenate(pair, axis=-1) for pair in pairs]
        order = both[0].argsort()
        return type(self)(*(column[..., order] for column in both))

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


def linear_sums(c: Floats, moments: Floats) -> list[Floats]:
    """The sums of `Runs.linear` over groups with moments of the distance from c: of polynomials of p - c."""
    q, slant, every = 1 - c, 1 - 2 * c, moments.sum(axis=1)
    return [
        every[0],
        moments[0, 0],
        polynomial(every, c, 1),
        polynomial(every, q, -1),
        polynomial(moments, np.array([q, -c]), -1).sum(axis=0),
        polynomial(every, c * q, slant, -1),
        polynomial(moments, *departure(c)).sum(axis=0),
    ]


def square_sums(c: Floats, moments: Floats) -> list[Floats]:
    """The sums of `Runs.square` in the same way."""
    q, slant, every = 1 - c, 1 - 2 * c, moments.sum(axis=1)
    unit, slope = c * VARIANCE_UNIT * q, VARIANCE_UNIT * slant
    mixed = slant * (slope * slant - 4 * unit), 4 * unit - 5 * slope * slant
    flat, steep, curved = departure(c)
    return [
        every[0],
        polynomial(every, c * q, slant, -1),
        polynomial(every, unit * slant * slant, *mixed, 8 * slope, -4 * VARIANCE_UNIT),
        moments[0, 0],
        polynomial(moments, flat, steep, curved).sum(axis=0),
        polynomial(
            moments, flat * flat, 2 * flat * steep, steep * steep + 2 * flat * curved, 2 * steep * curved, curved**2
        ).sum(axis=0),
    ]


def departure(c: Floats) -> tuple[Floats, Floats, float]:
    """The coefficients of (y - p)(1 - 2p) as a polynomial of p - c, for a positive and for a negative row."""
    miss, slant = np.array([1 - c, -c]), 1 - 2 * c
    return miss * slant, -slant - 2 * miss, 2.0


def polynomial(moments: Floats, *coefficients: Floats | float) -> Floats:
    """The sum of a polynomial over rows with as many moments as there are: others are 0."""
    total: Floats = coefficients[0] * moments[0]
    for coefficient, moment in zip(coefficients[1:], moments[1:], strict=False):
        total += coefficient * moment
    return total


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
