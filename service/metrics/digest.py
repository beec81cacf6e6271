"""A few rows in the place of many: what depends smoothly on score and label has the same sum, to twelve digits."""

from typing import NamedTuple

import numpy as np

from service.metrics.exact import Bools, Floats
from service.metrics.states import blocks, factors

# The likelihoods at which log_loss clips, too.
LOWEST, HIGHEST = 2.0**-52, 1 - 2.0**-52
# From this many rows on neighbours stand for each other, in about so many groups of so many rows or more.
MANY = 1 << 12
GROUPS = 1 << 13
LEAST_GROUP = 64
# How wide a group is at most, as a share of the distance to 0 or 1, where logarithms of its scores are cubics of them
# to twelve digits of their sums.
NARROW = 2.0**-8
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


def group_size(rows: int) -> int:
    """The number of neighbours in a group."""
    return max(LEAST_GROUP, rows // GROUPS)


def clipped(scores: Floats) -> Floats:
    """Ascending scores within the likelihoods that are told apart from 0 and 1."""
    inside = scores[0] >= LOWEST and scores[-1] <= HIGHEST
    return scores if inside else np.clip(scores, LOWEST, HIGHEST)


def digest_of(scores: Floats, truth: Bools, weights: Floats | None, narrow: float) -> Digest:
    """The digest of rows whose scores ascend, of which narrow groups of neighbours are two rows a label.

    These have the weight, and the first three moments of the scores, of the rows they stand for, so that they have the
    same sum of every cubic of the score. Groups that are wider than `narrow` times their distance to 0 or 1 are left as
    they are; so are few rows.

    Reference: G. H. Golub, J. H. Welsch, Mathematics of Computation 23, 1969 (quadrature from moments)
    """
    if len(scores) < MANY:
        return [Part(scores, np.zeros(len(scores)), truth, np.ones(len(scores)) if weights is None else weights)]
    size = group_size(len(scores))
    whole = len(scores) // size * size
    groups = scores[:whole].reshape(-1, size)
    low, high = groups[:, 0], groups[:, -1]
    within = (low >= LOWEST) & (high <= HIGHEST)
    joined = (low == high) | (within & (high - low <= narrow * np.minimum(low, 1 - high)))
    alone = np.ones(len(scores), dtype=np.bool_)
    alone[:whole] = np.repeat(~joined, size)
    mass = np.ones(np.count_nonzero(alone)) if weights is None else weights[alone]
    digest = [Part(scores[alone], np.zeros(len(mass)), truth[alone], mass)] if len(mass) else []
    columns = [column[:whole].reshape(-1, size) for column in (truth, *factors(weights))]
    for block in blocks(len(groups), 4 * size):
        chosen = joined[block]
        if chosen.any():
            place, *sums = moments(groups[block][chosen], *(column[block][chosen] for column in columns))
            for label, each in zip((True, False), sums, strict=True):
                moved, masses = (column.T.ravel() for column in pairs(each))
                digest.append(Part(np.repeat(place, 2), moved, np.full(len(moved), label), masses))
    return digest


def moments(scores: Floats, truth: Bools, *weights: Floats) -> tuple[Floats, Floats, Floats]:
    """A score of each group, and the sums over its positives, and over its negatives.

    These are of the weight, and of it times the first three powers of the distance from that score.
    """
    middle = scores[:, scores.shape[1] // 2]
    terms = np.empty((2, 4, *scores.shape))
    terms[0, 0], apart = 1.0, scores - middle[:, np.newaxis]
    for mass in weights:
        terms[0, 0] = mass
    np.multiply(truth.astype(np.float64), terms[0, 0], out=terms[1, 0])
    for power in range(3):
        np.multiply(terms[:, power], apart, out=terms[:, power + 1])
    every, positives = np.add.reduce(terms, axis=3)
    return middle, positives, every - positives


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
