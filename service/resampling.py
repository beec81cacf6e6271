"""Intervals by the bootstrap: metrics of rows drawn anew, many times.

Metrics of a confusion matrix are drawn from its cells, whatever the number of rows: Dirichlet shares with two rows
more, the same to each cell. Others are drawn from a Poisson number of each distinct row, or of each query. Draws are
made in canonical order from a seed, so that the same rows give the same limits.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from service.metrics.batch import Batch, Question, Reading
from service.metrics.binary_states import Cells
from service.metrics.catalogue import TASKS
from service.metrics.exact import Floats
from service.metrics.intervals import SMALLEST_ERROR, Interval
from service.metrics.multiclass_states import Confusion
from service.metrics.row import Metric
from service.metrics.samples import Units
from service.metrics.undefined import Undefined

# The value of each metric of a batch, None where it has none.
Values = Callable[[Batch], list[float | None]]

# Spread over all cells: half a row to each of four.
ADDED_ROWS = 2.0
# More replicates without a value, as a share, leave no interval.
MOST_UNDEFINED = 0.01
# A median of the replicates that is farther from the value, in standard deviations, is no bias to be corrected.
MOST_BIAS = 1.0
NORMAL = NormalDist()


class Scheme(NamedTuple):
    """How numbers of each unit are drawn, and how units with these numbers are a batch."""

    draw: Callable[[np.random.Generator, Floats], Floats]
    take: Callable[[Units, Floats], Batch | None]


class Replicates(NamedTuple):
    """A metric of batches drawn anew, and of the batch with one of each unit left out; None where it has no value.

    `many` are the numbers of each unit. Nothing is left out where there are more units than draws.
    """

    values: list[float | None]
    without: list[float | None]
    many: Floats


def bootstrap(
    metrics: Sequence[Metric], units: Units, question: Question, reading: Reading, values_of: Callable[..., Values]
) -> Mapping[str, Replicates]:
    """The replicates of each metric; `values_of` makes the function that evaluates some of them."""
    task = TASKS[question.task]
    of_cells = [metric for metric in metrics if {*map(task.kind, metric.states)} <= {Cells, Confusion}]
    others = [metric for metric in metrics if metric not in of_cells]
    found: dict[str, Replicates] = {}
    if of_cells:
        found |= drawn(
            Scheme(dirichlet, Units.weighted), of_cells, cells_of(units, question), reading, values_of(of_cells)
        )
    if others:
        # A row that is drawn twice is two rows; a query twice has twice the weight, and so has a count.
        take = Units.weighted if question.counts or units.rows.query is not None else Units.repeated
        found |= drawn(Scheme(poisson, take), others, units, reading, values_of(others))
    return found


def poisson(generator: np.random.Generator, many: Floats) -> Floats:
    """How often each unit comes."""
    return generator.poisson(many).astype(np.float64)


def dirichlet(generator: np.random.Generator, many: Floats) -> Floats:
    """Shares of the cells, up to a factor that no metric knows of."""
    return generator.standard_gamma(many + ADDED_ROWS / len(many))


def cells_of(units: Units, question: Question) -> Units:
    """The cells of the confusion matrix as units, in effective numbers of rows."""
    size = len(question.classes)
    rows = units.rows
    cell = rows.truth.astype(np.intp) * size + np.asarray(rows.predicted, dtype=np.intp)
    relative = np.ldexp(units.weights, -np.frexp(units.weights.max())[1])
    weights, squares = (np.bincount(cell, units.many * relative**power, size * size) for power in (1, 2))
    truth, predicted = np.divmod(np.arange(size * size), size)
    table = Batch(truth.astype(rows.truth.dtype), predicted.astype(rows.truth.dtype))
    return Units(table, np.ones(size * size), np.arange(size * size), weights * (weights.sum() / squares.sum()))


def drawn(
    scheme: Scheme, metrics: Sequence[Metric], units: Units, reading: Reading, values: Values
) -> dict[str, Replicates]:
    """The replicates of metrics that are drawn alike."""
    generator = np.random.default_rng(reading.seed)

    def of(many: Floats) -> list[float | None]:
        batch = scheme.take(units, many)
        return [None] * len(metrics) if batch is None else values(batch)

    anew = [of(scheme.draw(generator, units.many)) for _ in range(reading.resamples)]
    filled = np.flatnonzero(units.many)
    left_out = [of(without(units.many, unit)) for unit in filled.tolist()] if len(filled) <= reading.resamples else []
    return {
        metric.name: Replicates([row[place] for row in anew], [row[place] for row in left_out], units.many[filled])
        for place, metric in enumerate(metrics)
    }


def without(many: Floats, unit: int) -> Floats:
    """The numbers with one less of a unit."""
    less = many.copy()
    less[unit] = max(0.0, less[unit] - 1)
    return less


def bootstrap_interval(metric: Metric, value: float, replicates: Replicates, level: float) -> Interval:
    """The limits that the replicates give: bias-corrected and accelerated; percentiles where that does not apply.

    Without acceleration (`bootstrap_bc`) where there are too many units to leave each out. Raises `Undefined` where
    too many replicates have no value.

    Reference: B. Efron, Journal of the American Statistical Association 82, 1987
    """
    defined = np.array([replicate for replicate in replicates.values if replicate is not None])
    if len(defined) < (1 - MOST_UNDEFINED) * len(replicates.values):
        raise Undefined("unstable_resampling")
    tail = (1 - level) / 2
    below = float(np.mean(defined < value) + np.mean(defined == value) / 2)
    bias = NORMAL.inv_cdf(below) if 0 < below < 1 else math.inf
    skew = acceleration(replicates)
    ends, method = [tail, 1 - tail], "bootstrap_percentile"
    moved = [bias + z for z in (NORMAL.inv_cdf(tail), -NORMAL.inv_cdf(tail))]
    slowed = [1 - (skew or 0.0) * z for z in moved]
    if metric.smooth and abs(bias) <= MOST_BIAS and min(slowed) > 0:
        ends = [NORMAL.cdf(bias + z / slow) for z, slow in zip(moved, slowed, strict=True)]
        method = "bootstrap_bc" if skew is None else "bootstrap_bca"
    low, high = np.quantile(defined, ends).tolist()
    if high - low <= SMALLEST_ERROR * abs(value):
        raise Undefined("no_variation")
    return Interval(low, high, method)


def acceleration(replicates: Replicates) -> float | None:
    """A sixth of the skewness of the influences, by leaving out one of each unit; None where that is not known."""
    left_out, many = replicates.without, replicates.many
    if not left_out or None in left_out:
        return None
    values = np.array(left_out, dtype=np.float64)
    influence = np.sum(many * values) / np.sum(many) - values
    square = np.sum(many * influence**2)
    return float(np.sum(many * influence**3) / (6 * square**1.5)) if square else None
