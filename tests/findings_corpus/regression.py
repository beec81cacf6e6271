"""The payloads of regressions: clean ones of many shapes, and every corruption in three strengths."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from tests.findings_corpus.corpus import (
    FEW,
    FEW_OF_A_CLASS,
    Array,
    Family,
    Payload,
    Rng,
    Truth,
    beyond,
    copies,
    corruption,
    either,
    exact,
    one_of,
    only,
    weights,
)
from tests.findings_corpus.models import REGRESSION, model

SIZES = (30, 50, 100, 200, 500, 1000, 2000, 10_000)
WEIGHTS = ("none", "none", "uniform", "lognormal")
RIDGE, FOREST = "progression, ridge", "progression, random forest"
# Models of labels that are positive, and predicted well.
ACCURATE = ("petals, linear regression", "food, linear regression")
ORDINARY = (RIDGE, FOREST, "alcohol, ridge")
LEVELS = (0.1, 0.5, 0.9)
# Below one and above the other a condition is true or false; between them it is left open.
OPEN_BIAS = (0.08, 0.1)
OPEN_OUTLIERS = (0.45, 0.55)
OPEN_CORRELATION = (1e-9, 0.1)
OPEN_COVERAGE = (0.01, 0.05)
OPEN_R2 = (-0.01, 0.0)


@dataclass(frozen=True)
class Law:
    """Finitely many rows, each as probable: the labels, and the predictions as they are sent."""

    labels: Array
    predictions: Array

    @property
    def correlation(self) -> float:
        """Of labels and predictions; 0 where these are constant."""
        if not np.ptp(self.predictions):
            return 0.0
        return float(np.corrcoef(self.labels, self.predictions)[0, 1])

    @property
    def error(self) -> Array:
        return self.predictions - self.labels

    @property
    def r2(self) -> float:
        return float(1 - np.mean(self.error**2) / np.var(self.labels))

    @property
    def bias(self) -> tuple[float, float]:
        """How far the mean error is from 0, in units of the larger and of the smaller of two standard deviations.

        These are that of the labels and that of the errors.
        """
        scales = sorted((float(self.labels.std()), float(self.error.std())))
        away = abs(float(self.error.mean()))
        return (away / scales[1], away / scales[0]) if scales[0] else (away, away)


def law_of(name: str) -> Law:
    return Law(*model("regression", name))


def of_labels(labels: Array, predictions: Array) -> Law:
    return Law(labels.astype(float), predictions.astype(float))


def biased(law: Law) -> bool | None:
    least, most = law.bias
    low, high = OPEN_BIAS
    return True if least >= high else False if most < low else None


def outlying(error: Array) -> bool | None:
    """Whether a hundredth of the rows have most of the squared error: rounded down, and up."""
    squared = np.sort(error**2)[::-1]
    total, rows = squared.sum(), len(squared)
    if not total or rows < 100:
        return False
    low, high = (squared[:number].sum() / total for number in (rows // 100, -(-rows // 100)))
    return True if low >= OPEN_OUTLIERS[1] else False if high < OPEN_OUTLIERS[0] else None


def truth_of(law: Law, chosen: Array, weight: Array | None = None) -> dict[str, bool | None]:
    """What is true of rows: of their law, and of themselves what can be counted."""
    labels, predictions = law.labels[chosen], law.predictions[chosen]
    error = predictions - labels
    constant = bool(np.ptp(labels) == 0)
    worth = len(chosen) if weight is None else weight.sum() ** 2 / np.square(weight).sum()
    return {
        "worse_than_mean": None if constant else beyond(-law.r2, (OPEN_R2[0], 1e-12)) if law.r2 < 0 else False,
        "biased": biased(law),
        "inverted_scores": beyond(-law.correlation, OPEN_CORRELATION),
        "miscalibrated": False,
        "outliers_dominate": outlying(error) if weight is None else None if outlying(error) is not False else False,
        "labels_look_categorical": False,
        "constant_predictions": bool(np.ptp(predictions) == 0) and len(chosen) >= FEW,
        "units_differ": False,
        "perfect_scores": bool(not error.any()) and len(chosen) >= FEW,
        "small_sample": bool(worth < FEW_OF_A_CLASS),
        "duplicated_rows": False,
    }


def drawn(rng: Rng, law: Law, rows: int, truth: Truth | None = None, weighted: str = "none") -> Payload:
    """A payload of rows of a law; what differs from what is true of its rows is said."""
    chosen = rng.integers(len(law.labels), size=rows)
    weight = weights(rng, weighted, rows)
    asked: dict[str, Any] = {"labels": law.labels[chosen], "predictions": law.predictions[chosen]}
    asked |= {} if weight is None else {"sample_weight": weight}
    return Payload(asked, {**truth_of(law, chosen, weight), **(truth or {})}, {"weights": weighted})


def out_of_fold(name: str, rng: Rng, rows: int) -> Payload:
    return drawn(rng, law_of(name), rows, weighted=one_of(rng, WEIGHTS))


def scaled(rng: Rng, rows: int) -> Payload:
    """Labels and predictions in other units, or around another zero."""
    law, scale, zero = law_of(one_of(rng, (*ORDINARY, *ACCURATE))), one_of(rng, (1e-6, 0.1, 100, 1e7)), rng.normal()
    moved = (scale * (side + zero * law.labels.std()) for side in (law.labels, law.predictions))
    return drawn(rng, Law(*moved), rows, weighted=one_of(rng, WEIGHTS))


def whole_numbers(rng: Rng, rows: int) -> Payload:
    """Counts, and predicted counts."""
    law = law_of(one_of(rng, (RIDGE, FOREST, "doctor visits, Poisson regression")))
    return drawn(rng, Law(np.round(law.labels), np.round(law.predictions)), rows)


def two_outputs(rng: Rng, rows: int) -> Payload:
    """Two models of one target, as if of two."""
    laws = [law_of(RIDGE), law_of(FOREST)]
    chosen = rng.integers(len(laws[0].labels), size=rows)
    asked = {side: np.column_stack([getattr(law, side)[chosen] for law in laws]) for side in ("labels", "predictions")}
    return Payload(asked, either([truth_of(law, chosen) for law in laws]), {"weights": "none"})


def with_quantiles(width: float, rng: Rng, rows: int) -> Payload:
    """Predicted quantiles, the median among them, so many times as far apart as errors are."""
    law = law_of(one_of(rng, ORDINARY))
    middle = float(np.median(-law.error))
    around = width * (np.quantile(-law.error, LEVELS) - middle)
    law = replace(law, predictions=law.predictions + middle)
    shares = np.mean(-law.error[:, None] <= around, axis=0)
    off = beyond(float(np.abs(shares - LEVELS).max()), OPEN_COVERAGE)
    made = drawn(rng, law, rows, {"miscalibrated": off})
    columns = made.request["predictions"][:, None] + around
    return replace(made, request={**made.request, "predictions": columns, "quantiles": np.array(LEVELS)})


def mirrored(noise: float, rng: Rng, rows: int) -> Payload:
    """Predictions that rise where labels fall, with so many of their standard deviations of noise."""
    law = law_of(one_of(rng, ORDINARY))
    spread = noise * law.predictions.std() * np.random.default_rng(0).standard_normal(len(law.labels))
    return drawn(rng, Law(law.labels, 2 * law.labels.mean() - law.predictions + spread), rows)


def clean() -> Iterator[Family]:
    for name in REGRESSION:
        yield Family("regression", f"real rows: {name}", partial(out_of_fold, name), SIZES, 20)
    yield Family("regression", "other units", scaled, SIZES, 20)
    yield Family("regression", "whole numbers", whole_numbers, SIZES, 20)
    yield Family("regression", "two outputs", two_outputs, SIZES, 16)
    yield Family("regression", "quantiles", partial(with_quantiles, 1.0), SIZES, 16)


def useless(r2: float, rng: Rng, rows: int) -> Payload:
    """Predictions of other rows, spread as far as leaves this R2."""
    law = law_of(one_of(rng, ORDINARY))
    others = law.predictions[rng.permutation(len(law.labels))] - law.predictions.mean()
    slope = np.mean(others * (law.labels - law.labels.mean())) / law.labels.var()
    # R2 is 2 a slope - a^2 spread of a times these predictions.
    spread = others.var() / law.labels.var()
    factor = (slope + np.sqrt(slope**2 - r2 * spread)) / spread
    return drawn(rng, Law(law.labels, law.labels.mean() + factor * others), rows)


def moved(by: float, rng: Rng, rows: int) -> Payload:
    """Predictions that are all too high, or too low, by so many standard deviations of the labels."""
    law = law_of(one_of(rng, ORDINARY))
    away = (by if rng.random() < 0.5 else -by) * law.labels.std()
    return drawn(rng, Law(law.labels, law.predictions - law.error.mean() + away), rows)


def slips(times: float, rng: Rng, rows: int) -> Payload:
    """One label in two hundred typed with the decimal point at another place."""
    law = law_of(one_of(rng, ORDINARY))
    made = drawn(rng, law, rows)
    labels = made.request["labels"].copy()
    labels[rng.permutation(rows)[: rows // 200]] *= times
    # Slips may bias the mean, and worsen R2: that is not judged.
    return Payload({**made.request, "labels": labels}, only("outliers_dominate", made.truth))


def codes(task: str, name: str, first: int, rng: Rng, rows: int) -> Payload:
    """Numbers of classes as labels and predictions, neighbours of which are mixed up at times."""
    labels, said = model(task, name)
    chosen = said.argmax(axis=1) if task == "multiclass" else said >= 0.5
    near = np.abs(labels - chosen) <= 1
    law = of_labels(first + labels[near], first + chosen[near])
    return drawn(rng, law, rows, {"labels_look_categorical": True})


def constant(rng: Rng, rows: int) -> Payload:
    law = law_of(one_of(rng, ORDINARY))
    return drawn(rng, Law(law.labels, np.full_like(law.labels, law.labels.mean())), rows)


def other_unit(times: float, rng: Rng, rows: int) -> Payload:
    law = law_of(one_of(rng, ACCURATE))
    factor = times if rng.random() < 0.5 else 1 / times
    made = drawn(rng, Law(law.labels, law.predictions * factor), rows)
    return replace(made, truth={**made.truth, "units_differ": True})


def perfect(rng: Rng, rows: int) -> Payload:
    law = law_of(one_of(rng, ORDINARY))
    return drawn(rng, Law(law.labels, law.labels), rows)


def few(rng: Rng, rows: int) -> Payload:
    return drawn(rng, law_of(one_of(rng, ORDINARY)), rows)


def copied(times: int, rng: Rng, rows: int) -> Payload:
    made = drawn(rng, law_of(one_of(rng, ORDINARY)), rows // times)
    return copies(rng, made, times)


corrupt, exactly = partial(corruption, "regression"), partial(exact, "regression")
CORRUPTED: tuple[Iterator[Family], ...] = (
    corrupt(
        "worse_than_mean",
        ("R2 -0.3", 400, partial(useless, -0.3)),
        ("R2 -1", 120, partial(useless, -1.0)),
        ("R2 -4", 60, partial(useless, -4.0)),
    ),
    corrupt(
        "biased",
        ("by 0.2 standard deviations", 800, partial(moved, 0.2)),
        ("by 0.5 standard deviations", 120, partial(moved, 0.5)),
        ("by 1 standard deviation", 40, partial(moved, 1.0)),
    ),
    corrupt(
        "inverted_scores",
        ("correlation -0.3", 400, partial(mirrored, 2.0)),
        ("correlation -0.5", 120, partial(mirrored, 1.0)),
        ("correlation -0.7", 50, partial(mirrored, 0.0)),
    ),
    corrupt(
        "miscalibrated",
        ("quantiles 0.6 times as far apart", 400, partial(with_quantiles, 0.6)),
        ("quantiles 0.3 times as far apart", 150, partial(with_quantiles, 0.3)),
        ("quantiles 4 times as far apart", 400, partial(with_quantiles, 4.0)),
    ),
    corrupt(
        "outliers_dominate",
        *((f"1 label in 200 is {times} times as large", 200, partial(slips, times)) for times in (10, 100, 1000)),
        sizes=(200, 1000, 10_000),
    ),
    corrupt(
        "labels_look_categorical",
        ("classes 0 and 1", 200, partial(codes, "binary", "votes, random forest", 0)),
        ("classes 1 and 2", 200, partial(codes, "binary", "votes, random forest", 1)),
        ("classes 0, 1 and 2", 200, partial(codes, "multiclass", "iris, logistic regression", 0)),
    ),
    exactly("constant_predictions", constant),
    corrupt(
        "units_differ",
        ("feet for metres", 500, partial(other_unit, 0.3048)),
        ("percent for shares", 500, partial(other_unit, 100)),
        ("grams for kilograms", 500, partial(other_unit, 1000)),
        sizes=(100, 500, 2000),
    ),
    exactly("perfect_scores", perfect, (50, 250, 1000)),
    exactly("small_sample", few, (9, 6, 3)),
    corrupt(
        "duplicated_rows",
        *((f"{times} times", 180, partial(copied, times)) for times in (2, 4, 6)),
        sizes=(180, 600, 6000),
    ),
)
FAMILIES: tuple[Family, ...] = (*clean(), *chain.from_iterable(CORRUPTED))
