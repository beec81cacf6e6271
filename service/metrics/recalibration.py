"""The logistic regression of labels on the logits of scores, by Newton's method on rows in order of score."""

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.metrics.exact import Floats
from service.metrics.states import blocks
from service.metrics.undefined import Undefined

Bools = NDArray[np.bool_]
# Blocks of logits, ascending within a block, signs (1 positive, -1 negative) and, if there are weights, weights.
Blocks = Callable[[], Iterable[tuple[Floats, ...]]]
# Intercept and slope, with logits relative to one of the scores.
Line = tuple[float, float]

# The likelihoods at which log_loss clips, too.
LOWEST, HIGHEST = 2.0**-52, 1 - 2.0**-52
# A block's temporaries stay in the processor's cache.
BLOCK = 1 << 13
# The logits of up to so many rows are sooner kept than made again for each step.
KEPT = 1 << 16
# From this many rows on neighbours stand for each other, in about so many groups of so many rows or more.
MANY = 1 << 12
GROUPS = 1 << 13
LEAST_GROUP = 64
# How wide a group is at most, as a share of the distance to 0 or 1, where its fit is that of its rows to rounding.
NARROW = 2.0**-7
# Newton's steps square their error, so that a step this small, relative to the largest logit fitted, is the last.
LAST_STEP = 2.0**-23
MOST_STEPS = 100
# A step is halved while it leads beyond the maximum to where the likelihood falls half as steeply as it rose.
MOST_HALVINGS = 60
# The share that the spread of the rows has in their curvature, below which it is lost in rounding.
LEAST_SPREAD = 2.0**-40
# The share of a second moment that a variance has, below which it is rounding.
SMALLEST_VARIANCE = 2.0**-40


class Recalibration(NamedTuple):
    """P(y = 1) = 1 / (1 + exp(-intercept - slope logit(p))), and the variances of both."""

    slope: float
    intercept: float
    slope_variance: float
    intercept_variance: float


class Fit(NamedTuple):
    """The line of the largest likelihood; one next to it, and its information as `derivatives` gives it."""

    line: Line
    near: Line
    origin: float
    information: list[float]


def recalibration(
    scores: Floats, truth: Bools, weights: Floats | None, squares: Floats | None, middle: int
) -> Recalibration:
    """The slope and intercept of the largest likelihood; scores ascend and are clipped to [LOWEST, HIGHEST].

    `weights` are near 1 or below; `squares` are what the rows add to a variance, in their squared unit.

    Raises `Undefined` where there is no finite maximum: with one class, equal scores, or classes that some score
    separates (A. Albert, J. A. Anderson, Biometrika 71, 1984). Logits are taken relative to that of the row `middle`,
    so that scores that differ little keep their difference.
    """
    positive, negative = ends(truth), ends(~truth)
    if not positive or not negative:
        raise Undefined("single_class")
    lowest, centre, highest = clipped(scores[[0, middle, -1]]).tolist()
    if lowest == highest:
        raise Undefined("constant_scores")
    positives, negatives = clipped(scores[positive]), clipped(scores[negative])
    if positives[0] >= negatives[1] or negatives[0] >= positives[1]:
        raise Undefined("separable")
    reach = float(np.abs(logits(np.array([lowest, highest]), centre)).max())
    start = log_odds(truth, weights), 0.0
    near = newton(coarse(scores, truth, weights, centre), start, reach) if len(scores) >= MANY else None
    fit = None
    if near is not None:
        weighted = partial(condensed, scores, truth, centre=centre, steepness=1 + abs(near.line[1]))
        fit = newton(weighted(weights), near.line, reach)
    if fit is None:
        weighted = partial(all_rows, scores, truth, centre=centre)
        fit = newton(weighted(weights), start, reach)
    if fit is None:
        raise Undefined("no_convergence")
    scatter = fit.information
    if squares is not None:
        _, _, *scatter = derivatives(weighted(squares), *fit.near, fit.origin)
    (intercept, slope), even = fit.line, -float(logits(np.array([centre]), 0.5)[0])
    # Of the score function, about the mean logit, over the information.
    (flat, flat_x, flat_xx), (rows, rows_x, rows_xx) = fit.information, scatter
    mean = flat_x / flat
    spread, lever = flat_xx - mean * flat_x, even - fit.origin - mean
    shift, both, turn = rows, rows_x - mean * rows, rows_xx - 2 * mean * rows_x + mean * mean * rows
    lever /= spread
    of_intercept = shift / flat**2 + 2 * both * lever / flat + turn * lever * lever
    of_slope = turn / spread**2
    return Recalibration(slope, intercept + slope * even, of_slope, of_intercept)


def ends(which: Bools) -> list[int]:
    """The first and the last of these rows; nothing if there are none."""
    first = int(which.argmax())
    return [first, len(which) - 1 - int(which[::-1].argmax())] if which[first] else []


def clipped(scores: Floats) -> Floats:
    """Ascending scores within the likelihoods that are told apart from 0 and 1."""
    inside = scores[0] >= LOWEST and scores[-1] <= HIGHEST
    return scores if inside else np.clip(scores, LOWEST, HIGHEST)


def logits(p: Floats, centre: float) -> Floats:
    """logit(p) - logit(centre) of ascending p, to a few units in the last place even near the centre."""
    q = 1 - p
    values = np.empty(len(p))
    # Where the odds are half to twice those of the centre.
    first, last = np.searchsorted(p, [centre / (2 - centre), 2 * centre / (1 + centre)]).tolist()
    near = slice(first, last)
    excess = (p[near] - centre) / (centre * q[near])
    ratio = 1 + excess
    # The second term makes up for the rounding of the first one's argument.
    np.add(np.log(ratio), (excess - (ratio - 1)) / ratio, out=values[near])
    for far in (slice(first), slice(last, None)):
        np.log(p[far] / q[far] * ((1 - centre) / centre), out=values[far])
    return values


def log_odds(truth: Bools, weights: Floats | None) -> float:
    """The logit of the share of the positive labels; not finite where one class has no weight beside the other."""
    positive = np.float64(np.count_nonzero(truth)) if weights is None else weights[truth].sum()
    negative = np.float64(np.count_nonzero(~truth)) if weights is None else weights[~truth].sum()
    return float(np.log(positive / negative))


def all_rows(scores: Floats, truth: Bools, weights: Floats | None, *, centre: float) -> Blocks:
    """Every row, in blocks, which are made once where there are few."""

    def rows() -> Iterator[tuple[Floats, ...]]:
        for start in range(0, len(scores), BLOCK):
            block = slice(start, start + BLOCK)
            sign = 2 * truth[block].astype(np.float64) - 1
            yield logits(clipped(scores[block]), centre), sign, *(() if weights is None else (weights[block],))

    if len(scores) > KEPT:
        return rows
    return list(rows()).copy


def group_size(rows: int) -> int:
    """The number of neighbours in a group."""
    return max(LEAST_GROUP, rows // GROUPS)


def coarse(scores: Floats, truth: Bools, weights: Floats | None, centre: float) -> Blocks:
    """Groups of neighbours as rows: each has the mean score and is a positive and a negative row, of their weights."""
    starts = np.arange(0, len(scores), group_size(len(scores)))
    sizes = np.diff(starts, append=len(scores)).astype(np.float64)
    whole = sizes if weights is None else np.add.reduceat(weights, starts)
    positive = np.add.reduceat(truth if weights is None else truth * weights, starts, dtype=np.float64)
    values = logits(clipped(np.add.reduceat(scores, starts) / sizes), centre)
    sign = np.repeat([1.0, -1.0], len(values))
    return [(np.tile(values, 2), sign, np.concatenate([positive, whole - positive]))].copy


def condensed(scores: Floats, truth: Bools, weights: Floats | None, *, centre: float, steepness: float) -> Blocks:
    """Rows whose fit is that of all rows to rounding: narrow groups of neighbours are two rows a label.

    These have the weight, and the first three moments of the scores, of the rows they stand for, so that they have the
    same sum of every cubic of the score. What a fit of slope `steepness` - 1 sums is one to rounding, within a group
    that is that much narrower than `NARROW`. Other groups are left as they are.

    Reference: G. H. Golub, J. H. Welsch, Mathematics of Computation 23, 1969 (quadrature from moments)
    """
    inside = clipped(scores)
    size = group_size(len(scores))
    groups = inside[: len(scores) // size * size].reshape(-1, size)
    low, high = groups[:, 0], groups[:, -1]
    narrow = (high - low) * steepness <= NARROW * np.minimum(low, 1 - high)
    others = np.ones(len(scores), dtype=np.bool_)
    others[: groups.size] = np.repeat(~narrow, size)
    mass = np.ones(np.count_nonzero(others)) if weights is None else weights[others]
    found = [(logits(inside[others], centre), 2 * truth[others].astype(np.float64) - 1, mass)]
    columns = [truth, *(() if weights is None else (weights,))]
    in_groups = [column[: groups.size].reshape(-1, size) for column in columns]
    for block in blocks(len(groups), 4 * size):
        chosen = narrow[block]
        if chosen.any():
            middle, *sums = moments(groups[block][chosen], *(column[block][chosen] for column in in_groups))
            at_middle = logits(middle, centre)
            for sign, each in zip((1.0, -1.0), sums, strict=True):
                moved, masses = pairs(each)
                moved = at_middle + np.log1p(moved / (middle * (1 - middle - moved)))
                found.append((moved.ravel(), np.full(moved.size, sign), masses.ravel()))
    return found.copy


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


def newton(rows: Blocks, start: Line, reach: float) -> Fit | None:
    """The intercept and slope of the largest likelihood; None where rounding hides it. `reach` is the largest |logit|.

    The likelihood is concave, and a step ends where it still rises or falls less steeply than it rose before, and where
    its curvature still tells the rows apart: too far out only the heaviest has any.
    """
    a, b = start
    origin = 0.0
    pull, pull_x, *curvature = derivatives(rows, a, b, origin)
    for _ in range(MOST_STEPS):
        flat, flat_x, flat_xx = curvature
        shift = flat_x / flat if flat > 0 else math.nan
        spread = flat_xx - shift * flat_x
        if not spread > 0:
            return None
        # From here on logits are taken relative to their mean, so that the heaviest rows cancel no light one.
        origin += shift
        lift, step_b = pull / flat, (pull_x - shift * pull) / spread
        step_a = lift - origin * step_b
        if not math.isfinite(step_a) or not math.isfinite(step_b):
            return None
        if abs(step_a) + abs(step_b) * reach <= LAST_STEP * max(1.0, abs(a) + abs(b) * reach):
            return Fit((a + step_a, b + step_b), (a, b), origin - shift, curvature)
        rise = pull * lift + (pull_x - shift * pull) * step_b
        for halving in range(MOST_HALVINGS):
            size = 0.5**halving
            pull, pull_x, *curvature = derivatives(rows, a + size * step_a, b + size * step_b, origin)
            flat, flat_x, flat_xx = curvature
            curved = flat * flat_xx - flat_x * flat_x > LEAST_SPREAD * flat * flat_xx
            if curved and pull * lift + pull_x * step_b >= -rise / 2:
                break
        a, b = a + size * step_a, b + size * step_b
    return None


def derivatives(rows: Blocks, intercept: float, slope: float, origin: float) -> list[float]:
    """Of the log-likelihood: by a shift and a turn about the origin, and minus the second ones by both."""
    parts = []
    for logit, sign, *weight in rows():
        terms = np.empty((5, len(logit)))
        pull, pull_x, curve, curve_x, curve_xx = terms
        miss = slope * logit
        miss += intercept
        miss *= sign
        np.exp(miss, out=miss)
        miss += 1
        np.divide(1, miss, out=miss)
        np.subtract(1, miss, out=curve)
        curve *= miss
        np.multiply(sign, miss, out=pull)
        for mass in weight:
            pull *= mass
            curve *= mass
        x = logit - origin
        np.multiply(pull, x, out=pull_x)
        np.multiply(curve, x, out=curve_x)
        np.multiply(curve_x, x, out=curve_xx)
        parts.append(np.add.reduce(terms, axis=1).tolist())
    return [math.fsum(column) for column in zip(*parts, strict=True)]
