"""A few rows in the place of many: smooth functions of score and label have the same sum, to about twelve digits."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from service.metrics.exact import Bools, Floats
from service.metrics.states import blocks

# The likelihoods at which log_loss clips, too.
LOWEST, HIGHEST = 2.0**-52, 1 - 2.0**-52
# From this many rows on neighbours stand for each other, in groups of so many rows or more.
MANY = 1 << 15
LEAST_GROUP = 8
# However near each other the scores, there are about so many groups of so many rows, or more.
GROUPS, MOST_GROUP = 1 << 10, 1 << 6
# How wide a group is at most, as a share of the distance to 0 or 1, where logarithms of its scores are cubics of them
# to twelve digits of their sums, and squares of these to eleven.
NARROW = 2.0**-7
# Nearer to 0 or 1 all scores are neighbours: no likelihood tells them apart.
NEAREST = 2.0**-53
# The squares of weights in units of a power of two from this one on stay in the range of float64.
LEAST_EXPONENT = -1000
# Powers of the distance from 0 to 4: squares of what is quadratic in the score are sums of them.
POWERS = 5
# The share of a second moment that a variance has, below which it is rounding.
SMALLEST_VARIANCE = 2.0**-40


class Part(NamedTuple):
    """Some rows of a digest: scores are the sums of `place`, which ascends, and `moved`, which is small beside it."""

    place: Floats
    moved: Floats
    truth: Bools
    mass: Floats

    @property
    def scores(self) -> Floats:
        """The scores of the rows."""
        return self.place + self.moved


Digest = list[Part]


class Ranked(NamedTuple):
    """Rows whose scores ascend; `counts` says that a weight is a number of equal rows."""

    scores: Floats
    truth: Bools
    weights: Floats | None
    counts: bool

    def at(self, chosen: Any) -> "Ranked":
        """Some of the rows."""
        weights = None if self.weights is None else self.weights[chosen]
        return Ranked(self.scores[chosen], self.truth[chosen], weights, self.counts)

    def masses(self, heaviest: Floats, sizes: Any) -> tuple[NDArray[np.intc], list[Floats]]:
        """Exponents of groups of these sizes; in their units the weights, and what the rows add to a variance.

        Where there are no weights that is the same.
        """
        if self.weights is None:
            return np.zeros(len(heaviest), dtype=np.intc), [np.ones(len(self.scores))]
        exponents = np.maximum(np.frexp(heaviest)[1] - 1, LEAST_EXPONENT)
        scale = np.repeat(np.ldexp(1.0, -exponents), sizes)
        mass = self.weights * scale
        return exponents, [mass, mass * (scale if self.counts else mass)]


class Groups(NamedTuple):
    """Neighbours by score, by group: the first row, a score, and sums by label over its positives and its negatives.

    `moments[p]` sums the weight, in units of 2**exponents, times the p-th power of the distance from `places`;
    `squares[p]` does so with what the rows add to a variance, in the squared unit.
    """

    starts: NDArray[np.intp]
    places: Floats
    exponents: NDArray[np.intc]
    moments: Floats
    squares: Floats

    @classmethod
    def of(cls, starts: NDArray[np.intp], rows: Ranked) -> Self:
        """The groups of rows that start at these."""
        sizes = np.diff(starts, append=len(rows.scores))
        places = rows.scores[starts + sizes // 2]
        apart = rows.scores - np.repeat(places, sizes)
        heaviest = places if rows.weights is None else np.maximum.reduceat(rows.weights, starts)
        exponents, masses = rows.masses(heaviest, sizes)
        sums = [moments_of(starts, apart, by_label(mass, rows.truth)) for mass in masses]
        return cls(starts, places, exponents, sums[0], sums[-1])

    @classmethod
    def single(cls, starts: NDArray[np.intp], rows: Ranked) -> Self:
        """Each row as a group, which has no moment but its weight."""
        exponents, masses = rows.masses(rows.scores if rows.weights is None else rows.weights, 1)
        sums = [by_label(mass, rows.truth)[np.newaxis] for mass in masses]
        return cls(starts, rows.scores, exponents, sums[0], sums[-1])

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """The groups of some parts, in their order."""
        return cls(*(np.concatenate(columns, axis=-1) for columns in zip(*parts, strict=True)))


NO_GROUPS = Groups(np.empty(0, np.intp), np.empty(0), np.empty(0, np.intc), *np.empty((2, POWERS, 2, 0)))


def by_label(mass: Floats, truth: Bools) -> Floats:
    """The masses of the positive rows, and those of the negative ones; 0 for the others."""
    both = np.empty((2, len(mass)))
    np.multiply(mass, truth, out=both[0])
    np.subtract(mass, both[0], out=both[1])
    return both


def moments_of(starts: NDArray[np.intp], apart: Floats, masses: Floats) -> Floats:
    """Sums over the groups that start at these rows of the masses by label, times powers of a distance."""
    terms = np.empty((POWERS, *masses.shape))
    terms[0] = masses
    for power in range(1, POWERS):
        np.multiply(terms[power - 1], apart, out=terms[power])
    return np.asarray(np.add.reduceat(terms, starts, axis=2))


def neighbours(rows: Ranked, cuts: NDArray[np.intp], narrow: float) -> tuple[Bools, Groups]:
    """Which rows stand alone, and the groups of the others. Scores are in [0, 1]; groups start at `cuts`, too.

    No group is wider than `narrow` times its distance to 0 or 1. Few rows all stand alone.
    """
    size = len(rows.scores)
    alone = np.ones(size, dtype=np.bool_)
    if size < MANY:
        return alone, NO_GROUPS
    fixed = np.zeros(size + 1, dtype=np.bool_)
    fixed[cuts] = True
    most = max(MOST_GROUP, size // GROUPS)
    found = [NO_GROUPS]
    for block in blocks(size, 2):
        part = rows.at(block)
        starts = np.flatnonzero(cuts_between(part.scores, narrow, most) | fixed[:-1][block])
        sizes = np.diff(starts, append=len(part.scores))
        many = sizes >= LEAST_GROUP
        grouped = np.repeat(many, sizes)
        alone[block] = ~grouped
        if many.any():
            groups = Groups.of(np.cumsum(sizes[many]) - sizes[many], part.at(grouped))
            found.append(groups._replace(starts=starts[many] + block.start))
    return alone, Groups.joined(found)


def cuts_between(scores: Floats, narrow: float, most: int) -> Bools:
    """Which rows start a group of about so many rows at most.

    The leading bits of the distance to 0 or 1 are the same throughout a group.
    """
    leading = np.minimum(scores, 1 - scores)
    bits = np.maximum(leading, NEAREST, out=leading).view(np.int64)
    bits >>= max(0, 51 + math.frexp(narrow)[1])
    cut = np.empty(len(scores), dtype=np.bool_)
    np.not_equal(bits[1:], bits[:-1], out=cut[1:])
    cut[::most] = True
    cut[scores.searchsorted(0.5) :][:1] = True
    return cut


def digest_of(single: Ranked, mass: Floats, places: Floats, sums: Floats) -> Digest:
    """The digest of rows that stand alone, with this mass, and of groups with these sums, each as two rows a label.

    Those have the same sum of every cubic of the score as the rows they stand for.

    Reference: G. H. Golub, J. H. Welsch, Mathematics of Computation 23, 1969 (quadrature from moments)
    """
    digest = [Part(single.scores, np.zeros(len(mass)), single.truth, mass)] if len(mass) else []
    if len(places):
        for label, column in ((True, 0), (False, 1)):
            moved, masses = (column.T.ravel() for column in pairs(sums[:4, column]))
            digest.append(Part(np.repeat(places, 2), moved, np.full(len(moved), label), masses))
    return digest


def clipped(scores: Floats) -> Floats:
    """Ascending scores within the likelihoods that are told apart from 0 and 1."""
    inside = scores[0] >= LOWEST and scores[-1] <= HIGHEST
    return scores if inside else np.clip(scores, LOWEST, HIGHEST)


def pairs(sums: Floats) -> tuple[Floats, Floats]:
    """Two places and their weights with these sums of the weight and of it times the first three powers of the place.

    Where all weight lies at one place, so do both.
    """
    whole = sums[0] + (sums[0] == 0)
    mean, second, third = sums[1:] / whole
    variance = second - mean * mean
    spread = variance > SMALLEST_VARIANCE * second
    skew = (third - mean * (second + 2 * variance)) / np.where(spread, variance, 1)
    half = np.sqrt(np.where(spread, skew * skew / 4 + variance, 1))
    moved = np.where(spread, skew / 2 + [[-1.0], [1.0]] * half, 0)
    share = np.where(spread, 0.5 + [[0.25], [-0.25]] * skew / half, 0.5)
    return mean + moved, share * sums[0]
