"""What the tests know of a task, and what tasks share of it: weights, strategies of columns, helpers of references."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from numpy.typing import NDArray
from sklearn import metrics as sk

from service.metrics.batch import Batch, Question

Oracle = Callable[[Batch], float | None]
Weights = np.ndarray | None

SMALLEST, LARGEST = 5e-324, 1.7976931348623157e308

GRID = st.integers(0, 8).map(lambda k: k / 8)
TENTHS = st.integers(0, 10).map(lambda k: k / 10)
UNIT = st.floats(0, 1)
UNIT_32 = st.floats(0, 1, width=32)
ENDS = st.sampled_from([0.0, 1.0, SMALLEST, 2.0**-52, 1 - 2.0**-53, 0.5])
FINITE = st.floats(allow_nan=False, allow_infinity=False)
EXTREME = st.sampled_from([0.0, 1.0, -1.0, SMALLEST, -SMALLEST, 1e-200, 1e200, -1e200, LARGEST, -LARGEST])
COUNTS = st.integers(-3, 6).map(float)
MODEST = st.floats(-1e6, 1e6).map(lambda x: round(x, 3))

WHOLE = st.integers(1, 5).map(float)
SOME_ZERO = st.integers(0, 3).map(float)
REAL = st.floats(1e-3, 1e3)
WILD = st.floats(1e-12, 1e12) | st.just(1.0)

WEIGHTS = ("none", "integers", "floats")
ROWS = 1_000_000
# Rows of several classes or labels each.
MANY_ROWS = ROWS // 4
# What hypothesis tries of each law; the measurement of branches takes fewer.
EXAMPLES = int(os.environ.get("EXAMPLES", "60"))


def rows_as_units(batch: Batch) -> NDArray[Any]:
    """Each row alone."""
    return np.arange(len(batch.truth))


def repeated_rows(batch: Batch) -> Batch:
    """Each row as often as its weight says, without weights."""
    return replace(batch.rows(np.repeat(np.arange(len(batch.truth)), batch.weight.astype(int))), weight=None)


def unchanged(batch: Batch) -> Batch:
    return batch


@dataclass(frozen=True)
class Known:
    """What the tests know of one task.

    `question`: what every batch below answers. `batches`: a strategy of everything a request may hold; `tame`: of rows
    whose sums stay far from the ends of float64. Both take `weights`, the kinds to draw from.
    `random`: that many seeded batches; `degenerate`: the seeded corner cases; both are compared with `oracles`.
    `oracles`: by metric a reference, which returns a float, NaN where the library answers so, or None where it refuses
    or has no definition. `exact`: by metric a quick reference from the definition, None where undefined, which takes
    the place of a library's in most of the random batches.
    `when`: the keys that the task's rows of data/disagreements.json name in `when`.
    `provoking`: batches that each leave something undefined, and between them every metric and section for every
    reason it declares. `hard`: a million rows of wildly different magnitudes; `summed`: what a plain sum would be taken
    of. `plain`: a small ordinary batch.
    `units`: the unit that each row belongs to, which is dropped as a whole. `repeated`: the batch with its integer
    weights as repetitions, without weights. `apart`: the same rows, as units that meet no other batch's.
    `options`: of readings in which every metric is.
    """

    question: Question
    batches: Callable[..., SearchStrategy[Batch]]
    tame: Callable[..., SearchStrategy[Batch]]
    random: Callable[[int], Iterator[Batch]]
    degenerate: Callable[[], Iterator[Batch]]
    oracles: dict[str, Oracle]
    when: dict[str, Callable[[Batch], bool]]
    provoking: list[Batch]
    hard: Callable[[], Batch]
    summed: Callable[[Batch], NDArray[Any]]
    plain: Batch
    units: Callable[[Batch], NDArray[Any]] = rows_as_units
    repeated: Callable[[Batch], Batch] = repeated_rows
    apart: Callable[[Batch], Batch] = unchanged
    options: Mapping[str, Any] = field(default_factory=dict)
    exact: dict[str, Oracle] = field(default_factory=dict)


def joined(parts: Sequence[Batch]) -> Batch:
    """One batch with the rows of all parts, which have the same columns."""
    named = {column.name: [getattr(part, column.name) for part in parts] for column in fields(Batch)}
    arrays = {name: np.concatenate(every) for name, every in named.items() if isinstance(every[0], np.ndarray)}
    return replace(parts[0], **arrays)


def weights_of(kind: str, rng: np.random.Generator, rows: int) -> Weights:
    """Weights above 0 of a kind."""
    if kind == "none":
        return None
    return rng.integers(1, 6, rows).astype(float) if kind == "integers" else rng.random(rows) + 0.05


def magnitudes(rng: np.random.Generator, rows: int = ROWS) -> np.ndarray:
    """Numbers evenly spread over 24 powers of ten."""
    return 10.0 ** rng.uniform(-12, 12, rows)


def columns(draw, kinds, weights):
    """Rows of the drawn kinds, and their weights or None; the weights have a positive sum."""
    kind = draw(st.sampled_from(weights))
    rows = draw(st.lists(st.tuples(*kinds, st.none() if kind is None else kind), min_size=1, max_size=9))
    *values, weight = zip(*rows, strict=True)
    if kind is None:
        return [*values, None]
    return [*values, weight if any(weight) else [1.0] * len(rows)]


def constant(values: Any) -> bool:
    return bool(values.min() == values.max())


def answer_of(function: Callable[..., Any], *columns: Any, **options: Any) -> Any:
    """A library's answer; None where it refuses the rows."""
    try:
        return function(*columns, **options)
    except ValueError:
        return None


def of_predictions(function: Callable[..., Any], **options: Any) -> Oracle:
    """A function of labels and predictions."""

    def oracle(batch: Batch) -> float | None:
        truth, predicted = (column * 1 for column in (batch.truth, batch.predicted))
        value = answer_of(function, truth, predicted, sample_weight=batch.weight, **options)
        return None if value is None else float(value)

    return oracle


@lru_cache(maxsize=16)
def averages(batch: Batch, average: str, labels: tuple[int, ...] | None, beta: float) -> Any:
    """Precision, recall and F-beta of all classes or labels."""
    options = {"labels": labels, "average": average, "beta": beta, "zero_division": 0}
    truth, predicted = (column * 1 for column in (batch.truth, batch.predicted))
    return sk.precision_recall_fscore_support(truth, predicted, sample_weight=batch.weight, **options)


def averaged(position: int, average: str, labels: tuple[int, ...] | None = None, beta: float = 1) -> Oracle:
    """One of what is averaged together."""
    return lambda batch: float(averages(batch, average, labels, beta)[position])


def of_scores(function: Callable[..., Any], **options: Any) -> Oracle:
    """A function of labels and scores."""

    def oracle(batch: Batch) -> float | None:
        if batch.scores is None:
            return None
        value = answer_of(function, batch.truth * 1, batch.scores, sample_weight=batch.weight, **options)
        return None if value is None else float(value)

    return oracle


def rows_of(batch: Batch, *columns: Any) -> list[tuple[Fraction, ...]]:
    """Each row as fractions, its weight first."""
    weight = np.ones(len(batch.truth)) if batch.weight is None else batch.weight
    return [tuple(map(Fraction, row)) for row in np.column_stack((weight, *columns)).astype(float).tolist()]


@lru_cache(maxsize=1)
def predictions_of(batch: Batch) -> list[tuple[Fraction, ...]]:
    """Each row's weight, label and prediction."""
    return rows_of(batch, batch.truth, batch.predicted)


def mean_of(loss: Callable[[Fraction, Fraction], Fraction]) -> Oracle:
    """The mean of a loss of label and prediction, exactly."""

    def oracle(batch: Batch) -> float:
        rows = predictions_of(batch)
        return float(sum(w * loss(y, p) for w, y, p in rows) / sum(w for w, _, _ in rows))

    return oracle
