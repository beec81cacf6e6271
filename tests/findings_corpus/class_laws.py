"""The populations of multiclass payloads, and what is true of a payload drawn from one."""

from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import permutations
from typing import Any

import numpy as np

from tests.findings_corpus import binary_laws
from tests.findings_corpus.corpus import (
    FEW,
    FEW_OF_A_CLASS,
    Array,
    Payload,
    Rng,
    Truth,
    beyond,
    drawn,
    effective,
    weights,
)
from tests.findings_corpus.models import model

BINS = 10
# Rows of a large data set that are enough of a population.
MOST_ROWS = 4000
# Below one and above the other a condition is true or false; between them it is left open.
OPEN_ACCURACY = (0.77, 0.8)
OPEN_MISCALIBRATION = (0.02, 0.03)
OPEN_AUC = (0.99, 1 - 1e-9)
OPEN_CONFUSION = (0.1, 0.15)
OPEN_TIMES = (1.5, 3.0)
# How far one row moves a macro average of an unstable one.
FAR = 0.05


@dataclass(frozen=True)
class Law:
    """Finitely many rows, each as probable: the scores as they are sent, and how probable each class is."""

    scores: Array
    chance: Array

    @property
    def classes(self) -> int:
        return self.chance.shape[1]

    @cached_property
    def predicted(self) -> Array:
        return self.scores.argmax(axis=1)

    @cached_property
    def shares(self) -> Array:
        """The share of each class, and in its row what is predicted for it."""
        return np.stack([np.bincount(self.predicted, column, self.classes) for column in self.chance.T]) / len(
            self.chance
        )

    @property
    def prevalence(self) -> Array:
        return self.chance.mean(axis=0)

    @property
    def accuracy(self) -> float:
        return float(np.trace(self.shares))

    @property
    def recalls(self) -> Array:
        return np.asarray(np.diag(self.shares) / self.prevalence)

    @cached_property
    def lowest_auc(self) -> float:
        columns = zip(self.scores.T, self.chance.T, strict=True)
        return min(binary_laws.Law(scores, chance).auc for scores, chance in columns)

    @cached_property
    def miscalibration(self) -> float:
        """How far the largest scores are from the share that is right, on average over bins of them."""
        top = self.scores.max(axis=1)
        right = np.take_along_axis(self.chance, self.predicted[:, None], axis=1)[:, 0]
        place = np.minimum((top * BINS).astype(int), BINS - 1)
        return float(np.abs(np.bincount(place, right - top, BINS)).sum() / len(top))

    def sharpened(self, power: float) -> "Law":
        """The law of scores whose logarithms are multiplied."""
        return replace(self, scores=normal(np.maximum(self.scores, 1e-9) ** power))


def normal(scores: Array) -> Array:
    """Rows that add up to 1."""
    return np.asarray(scores / scores.sum(axis=1, keepdims=True))


@cache
def calibrated(name: str, rare: float = 1.0) -> Law:
    """The law of a model whose scores are right: labels are drawn with them.

    The odds of the last class are multiplied, so that it may be rare.
    """
    said = model("multiclass", name).said
    said = said[:: max(1, len(said) // MOST_ROWS)]
    factors = np.ones(said.shape[1])
    factors[-1] = rare
    scores = normal(said * factors)
    return Law(scores, scores)


@cache
def as_found(name: str) -> Law:
    """The law of a model with the labels that the rows really have."""
    labels, said = model("multiclass", name)
    step = max(1, len(said) // MOST_ROWS)
    return Law(said[::step], np.eye(said.shape[1])[labels[::step]])


@dataclass(frozen=True)
class Sample:
    """Rows of a law: positions in it, labels, and weights."""

    law: Law
    rows: Array
    labels: Array
    weight: Array | None = None

    @property
    def scores(self) -> Array:
        return self.law.scores[self.rows]

    @property
    def counts(self) -> Array:
        """How many equal rows those of each class are worth."""
        return np.array([effective(self.weight, self.labels == place) for place in range(self.law.classes)])


def sample(rng: Rng, law: Law, rows: int, weighted: str = "none") -> Sample:
    """Rows drawn with replacement, each with a label of its own."""
    chosen = rng.integers(len(law.scores), size=rows)
    return Sample(law, chosen, drawn(rng, law.chance[chosen]), weights(rng, weighted, rows))


def with_classes(rng: Rng, law: Law, numbers: list[int]) -> Sample:
    """So many rows of each class."""
    pairs = zip(law.chance.T, numbers, strict=True)
    chosen = [rng.choice(len(part), number, p=part / part.sum()) for part, number in pairs]
    labels = np.repeat(np.arange(law.classes), numbers)
    order = rng.permutation(len(labels))
    return Sample(law, np.concatenate(chosen)[order], labels[order])


def imbalanced(drawn: Sample) -> bool | None:
    """Whether the rarest class of the rows has less than a tenth of the weight of the most frequent one."""
    weights = np.bincount(drawn.labels, drawn.weight, drawn.law.classes)
    return bool(weights.min() < 0.1 * weights.max()) if weights.all() else None


def paradox(law: Law) -> bool | None:
    """Whether most rows are right, but a class is missed, or its prediction a loss to always predicting the largest."""
    if law.recalls.min() < 0.5 or law.accuracy < law.prevalence.max():
        return beyond(law.accuracy, OPEN_ACCURACY)
    return False


def mixed_up(law: Law) -> bool | None:
    """Whether a class is predicted to be one other in many of its rows, and more often than rows of the others are."""
    shares, prevalence = law.shares, law.prevalence
    found: list[bool | None] = []
    for a, b in permutations(range(law.classes), 2):
        others = [c for c in range(law.classes) if c not in {a, b}]
        of_a, of_others = shares[a, b] / prevalence[a], shares[others, b].sum() / prevalence[others].sum()
        often = beyond(of_a, OPEN_CONFUSION)
        more = beyond(of_a, (OPEN_TIMES[0] * of_others, OPEN_TIMES[1] * of_others))
        found.append(False if False in (often, more) else None if None in (often, more) else True)
    return True if True in found else None if None in found else False


def truth_of(drawn: Sample, *, scored: bool = True) -> dict[str, bool | None]:
    """What is true of a sample: of its law, and of rows what can be counted. Without scores nothing is of them."""
    law, counts = drawn.law, drawn.counts
    present = np.flatnonzero(counts)
    enough = len(drawn.rows) >= FEW
    few = counts[present] < FEW_OF_A_CLASS
    moves = 1 / (counts[present].min() * law.classes)
    distinct = np.ptp(drawn.scores, axis=0).any()
    of_scores = {
        "hard_scores": bool(np.isin(drawn.scores, (0.0, 1.0)).all()) and enough,
        "constant_scores": bool(not distinct) and enough,
        "miscalibrated": beyond(law.miscalibration, OPEN_MISCALIBRATION),
    }
    return {
        "class_imbalance": imbalanced(drawn),
        "accuracy_paradox": paradox(law),
        "worst_classes": bool(law.recalls.min() < 0.5),
        "confused_classes": mixed_up(law),
        "constant_predictions": len(np.unique(law.predicted[drawn.rows])) == 1 and enough,
        "perfect_scores": beyond(min(law.lowest_auc, 1.0 if scored else law.accuracy), OPEN_AUC),
        "small_sample": bool(few.any()),
        "single_class": len(present) == 1,
        "unstable_macro": (bool(moves >= FAR) or None) if few.any() else False,
        "columns_permuted": False,
        "predictions_disagree_with_scores": False,
        "duplicated_rows": False,
        "micro_equals_accuracy": True,
        **(of_scores if scored else dict.fromkeys(of_scores, False)),
    }


def labels_as(kind: str, labels: Array, classes: int) -> Any:
    """Labels, or predictions, as values of a kind."""
    if kind == "strings":
        return [f"class {place}" for place in labels.tolist()]
    return np.eye(classes, dtype=np.int64)[labels] if kind == "one-hot rows" else labels.astype(np.int64)


def requested(drawn: Sample, kind: str = "integers", form: str = "scores") -> dict[str, Any]:
    """The request for the report of a sample."""
    law = drawn.law
    asked = {"labels": labels_as(kind, drawn.labels, law.classes)}
    names = np.arange(law.classes)
    asked["classes"] = labels_as("strings", names, law.classes) if kind == "strings" else names
    if form != "predictions":
        asked["scores"] = drawn.scores
    if form != "scores":
        asked["predictions"] = labels_as(kind, law.predicted[drawn.rows], law.classes)
    return asked if drawn.weight is None else {**asked, "sample_weight": drawn.weight}


def payload(drawn: Sample, truth: Truth | None = None, kind: str = "integers", form: str = "scores") -> Payload:
    """The payload of a sample; what differs from what is true of the sample is said."""
    found = {**truth_of(drawn, scored=form != "predictions"), **(truth or {})}
    return Payload(requested(drawn, kind, form), found)
