"""The logistic regression of labels on the logits of scores, by Newton's method on rows in order of score."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from service.metrics.digest import NARROW, Digest, clipped
from service.metrics.exact import Bools, Floats
from service.metrics.undefined import Undefined

# Blocks of logits, signs (1 positive, -1 negative) and weights.
Blocks = Sequence[tuple[Floats, Floats, Floats]]
# Intercept and slope, with logits relative to one of the scores.
Line = tuple[float, float]

# Of so many rows a first fit is made with so many neighbours as one.
MANY, NEIGHBOURS = 1 << 12, 1 << 6
# Groups of `NARROW` are narrow enough for slopes up to this one.
STEEPEST = 3.0
# Newton's steps square their error, so that a step this small, relative to the largest logit fitted, is the last.
LAST_STEP = 2.0**-23
MOST_STEPS = 100
# A step is halved while it leads beyond the maximum to where the likelihood falls half as steeply as it rose.
MOST_HALVINGS = 60
# The share that the spread of the rows has in their curvature, below which it is lost in rounding.
LEAST_SPREAD = 2.0**-40


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
    scores: Floats, truth: Bools, weights: Floats | None, digests: Callable[[float], Sequence[Digest]], middle: int
) -> Recalibration:
    """The slope and intercept of the largest likelihood; scores ascend and are clipped to [LOWEST, HIGHEST].

    `weights` are near 1 or below. `digests` gives, of groups that are this narrow, the digest of the rows by weight and
    if there are weights that by what they add to a variance, in the squared unit of the weights.

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
    found = digests(NARROW)
    each = rows_of(found[0], centre)
    near = newton(coarse(each), start, reach) if sum(len(mass) for *_, mass in each) >= MANY else None
    fit = newton(each, start if near is None else near.line, reach)
    if fit is not None and abs(fit.line[1]) > STEEPEST:
        found = digests(NARROW * STEEPEST / abs(fit.line[1]))
        fit = newton(rows_of(found[0], centre), fit.line, reach)
    if fit is None:
        found = digests(0.0)
        fit = newton(rows_of(found[0], centre), start, reach)
    if fit is None:
        raise Undefined("no_convergence")
    scatter = fit.information
    if len(found) > 1:
        _, _, *scatter = derivatives(rows_of(found[1], centre), *fit.near, fit.origin)
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
    return [first, which.tobytes().rfind(b"\1")] if which[first] else []


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
    positive = np.float64(np.count_nonzero(truth)) if weights is None else np.compress(truth, weights).sum()
    negative = np.float64(np.count_nonzero(~truth)) if weights is None else np.compress(~truth, weights).sum()
    return float(np.log(positive / negative))


def rows_of(digest: Digest, centre: float) -> Blocks:
    """What stands for the rows, in blocks."""
    found = []
    for place, moved, truth, mass in digest:
        inside = clipped(place)
        apart = np.where(inside == place, moved, 0)
        logit = logits(inside, centre) + np.log1p(apart / (inside * (1 - inside - apart)))
        found.append((logit, 2 * truth.astype(np.float64) - 1, mass))
    return found


def coarse(rows: Blocks) -> Blocks:
    """Neighbours as one row a label, with their weight and their mean logit."""
    found = []
    for logit, sign, mass in rows:
        starts = np.arange(0, len(logit), NEIGHBOURS)
        for label in (1.0, -1.0):
            own = np.where(sign == label, mass, 0)
            whole = np.add.reduceat(own, starts)
            total = np.add.reduceat(own * logit, starts)
            found.append((total / np.where(whole > 0, whole, 1), np.full(len(starts), label), whole))
    return found


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
    for logit, sign, mass in rows:
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
        pull *= mass
        curve *= mass
        x = logit - origin
        np.multiply(pull, x, out=pull_x)
        np.multiply(curve, x, out=curve_x)
        np.multiply(curve_x, x, out=curve_xx)
        parts.append(np.add.reduce(terms, axis=1).tolist())
    return [math.fsum(column) for column in zip(*parts, strict=True)]
