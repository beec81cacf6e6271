"""The populations of binary payloads, and what is true of a payload drawn from one."""

from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np
from scipy.special import expit, logit

from tests.findings_corpus.corpus import FEW, FEW_OF_A_CLASS, Array, Payload, Rng, Truth, beyond, effective, weights
from tests.findings_corpus.models import model

BINS = 10


@dataclass(frozen=True)
class Law:
    """Finitely many rows, each as probable: the scores as they are sent, and how probable the positive class is."""

    scores: Array
    chance: Array
    threshold: float = 0.5
    costs: tuple[float, float] = (1.0, 1.0)

    @cached_property
    def prevalence(self) -> float:
        return float(self.chance.mean())

    @cached_property
    def predicted(self) -> Array:
        return np.asarray(self.scores >= self.threshold)

    @cached_property
    def recall(self) -> float:
        return float(self.chance[self.predicted].sum() / self.chance.sum())

    @cached_property
    def specificity(self) -> float:
        return float((1 - self.chance)[~self.predicted].sum() / (1 - self.chance).sum())

    @cached_property
    def precision(self) -> float:
        """Share of the positive among the predicted; 1 where none is predicted."""
        return float(self.chance[self.predicted].mean()) if self.predicted.any() else 1.0

    @cached_property
    def accuracy(self) -> float:
        return self.prevalence * self.recall + (1 - self.prevalence) * self.specificity

    @cached_property
    def rates(self) -> tuple[Array, Array]:
        """Shares of the positive and of the negative rows at or above each distinct score, and above all."""
        order = np.argsort(-self.scores, kind="stable")
        ends = np.append(np.flatnonzero(np.diff(self.scores[order])), len(order) - 1)
        hits, alarms = (np.cumsum(part[order])[ends] / part.sum() for part in (self.chance, 1 - self.chance))
        return np.append(0.0, hits), np.append(0.0, alarms)

    @cached_property
    def auc(self) -> float:
        return float(np.trapezoid(*self.rates))

    @cached_property
    def gain(self) -> float:
        """The share of the cost of mistakes that the best threshold saves."""
        per_alarm, per_miss = self.costs
        hits, alarms = self.rates
        costs = per_alarm * (1 - self.prevalence) * alarms + per_miss * self.prevalence * (1 - hits)
        missed, alarmed = 1 - self.recall, 1 - self.specificity
        own = per_alarm * (1 - self.prevalence) * alarmed + per_miss * self.prevalence * missed
        return float(1 - costs.min() / own) if own > 0 else 0.0

    @cached_property
    def miscalibration(self) -> float:
        """How far scores are from the share of the positive, on average over bins of scores; 0 of other numbers."""
        if not self.probabilities:
            return 0.0
        place = np.minimum((self.scores * BINS).astype(int), BINS - 1)
        off = np.bincount(place, self.chance - self.scores, BINS)
        return float(np.abs(off).sum() / len(place))

    @cached_property
    def probabilities(self) -> bool:
        return bool(self.scores.min() >= 0 and self.scores.max() <= 1)

    @property
    def of_negatives(self) -> "Law":
        """The same with the negative class as the positive one."""
        turned = Law(-self.scores, 1 - self.chance)
        return turned.at(float(turned.scores[~self.predicted].min(initial=np.inf)))

    def at(self, threshold: float) -> "Law":
        return replace(self, threshold=threshold)

    def with_recall(self, recall: float) -> "Law":
        """The law with the threshold that leaves this recall, or the next lower one."""
        distinct = np.unique(self.scores)[::-1]
        hits = self.rates[0][1:]
        kept = np.flatnonzero(hits <= recall)
        return self.at(float(distinct[kept[-1]]) if len(kept) else float(np.nextafter(distinct[0], np.inf)))

    def with_precision(self, precision: float) -> "Law":
        """The law with the lowest threshold that leaves this precision or more, if any."""
        distinct = np.unique(self.scores)[::-1]
        hits, alarms = (rates[1:] for rates in self.rates)
        share = self.prevalence * hits / (self.prevalence * hits + (1 - self.prevalence) * alarms)
        kept = np.flatnonzero(share >= precision)
        return self.at(float(distinct[kept[-1]]))

    def sharpened(self, power: float, offset: float = 0.0) -> "Law":
        """The law of scores whose log-odds are multiplied, and moved."""
        return replace(self, scores=expit(power * logit(inside(self.scores)) + offset))


def inside(scores: Array) -> Array:
    """Probabilities that are neither 0 nor 1."""
    return np.clip(scores, 1e-6, 1 - 1e-6)


@cache
def calibrated(name: str, prevalence: float | None = None) -> Law:
    """The law of a model whose scores are right: labels are drawn with them.

    With another prevalence all log-odds are moved by as much as it takes.
    """
    scores = model("binary", name).said
    if prevalence is not None:
        odds = logit(inside(scores))
        low, high = -30.0, 30.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if expit(odds + middle).mean() < prevalence else (low, middle)
        scores = expit(odds + low)
    return Law(scores, scores)


@cache
def as_found(name: str) -> Law:
    """The law of a model with the labels that the rows really have."""
    labels, said = model("binary", name)
    return Law(said, labels.astype(float))


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
    def minority(self) -> float:
        """How many equal rows those of the rarer class are worth."""
        return min(effective(self.weight, self.labels), effective(self.weight, ~self.labels))

    @property
    def minority_share(self) -> float:
        share = np.average(self.labels, weights=self.weight)
        return float(min(share, 1 - share))


def sample(rng: Rng, law: Law, rows: int, weighted: str = "none") -> Sample:
    """Rows drawn with replacement, each with a label of its own."""
    chosen = rng.integers(len(law.scores), size=rows)
    return Sample(law, chosen, rng.random(rows) < law.chance[chosen], weights(rng, weighted, rows))


def with_classes(rng: Rng, law: Law, positives: int, negatives: int) -> Sample:
    """So many rows of either class."""
    chosen = [
        rng.choice(len(part), number, p=part / part.sum())
        for part, number in ((law.chance, positives), (1 - law.chance, negatives))
    ]
    labels = np.arange(positives + negatives) < positives
    order = rng.permutation(len(labels))
    return Sample(law, np.concatenate(chosen)[order], labels[order])


# Scores this far above chance are left open: few rows do not tell them from it.
NEARLY_CHANCE = 0.6
# Below one and above the other a condition is true or false; between them it is left open.
OPEN_ACCURACY = (0.77, 0.8)
OPEN_GAIN = (0.03, 0.05)
OPEN_MISCALIBRATION = (0.02, 0.03)
OPEN_AUC = (0.99, 1 - 1e-9)


def truth_of(drawn: Sample, *, scored: bool = True) -> dict[str, bool | None]:
    """What is true of a sample: of its law, and of rows what can be counted. Without scores nothing is of them."""
    law = drawn.law
    one_class = bool(drawn.labels.all() or not drawn.labels.any())
    rare = law if law.prevalence < 0.5 else law.of_negatives
    missed = rare.recall < 0.5 or rare.precision < 0.5
    distinct = np.unique(drawn.scores)
    # Two other scores than 0 and 1 may be all that a model has to say.
    hard = (set(distinct.tolist()) <= {-1.0, 0.0, 1.0} or None) if len(distinct) == 2 else False
    enough = len(drawn.rows) >= FEW
    of_scores = {
        "hard_scores": hard and enough,
        "constant_scores": len(distinct) == 1 and enough,
        "inverted_scores": law.auc < 0.5 - 1e-9,
        "no_better_than_chance": True if abs(law.auc - 0.5) < 1e-9 else None if law.auc < NEARLY_CHANCE else False,
        "logits": bool(distinct[0] < 0 or distinct[-1] > 1),
        "perfect_scores": beyond(law.auc, OPEN_AUC),
        "recall_trade_off": law.recall < 0.5,
        "threshold_far_from_best": beyond(law.gain, OPEN_GAIN),
        "miscalibrated": beyond(law.miscalibration, OPEN_MISCALIBRATION),
    }
    predicted = drawn.law.predicted[drawn.rows]
    one_prediction = enough and bool(predicted.all() or not predicted.any())
    return {
        # What one score for all rows explains is left open.
        "constant_predictions": one_prediction and not one_class if len(distinct) > 1 or not scored else None,
        "class_imbalance": None if one_class else drawn.minority_share < 0.1,
        "accuracy_paradox": beyond(law.accuracy, OPEN_ACCURACY) if missed else False,
        "low_recall": law.recall < 0.5,
        "low_precision": law.precision < 0.5,
        "one_hot_binary": False,
        "identical_metrics": False,
        "small_sample": None if one_class else drawn.minority < FEW_OF_A_CLASS,
        "single_class": one_class,
        "predictions_disagree_with_scores": False,
        "duplicated_rows": False,
        **(of_scores if scored else dict.fromkeys(of_scores, False)),
    }


def labels_as(kind: str, labels: Array) -> dict[str, Any]:
    """The fields that say labels, or predictions, as values of a kind."""
    if kind == "strings":
        return {"labels": np.where(labels, "ill", "healthy").tolist(), "pos_label": "ill"}
    if kind == "booleans":
        return {"labels": labels.tolist()}
    return {"labels": np.where(labels, 1, -1 if kind == "-1 and 1" else 0)}


def requested(drawn: Sample, kind: str = "integers", form: str = "scores") -> dict[str, Any]:
    """The request for the report of a sample."""
    asked = labels_as(kind, drawn.labels)
    if form == "pairs" and kind != "strings":
        asked["scores"] = np.column_stack([1 - drawn.scores, drawn.scores])
    elif form != "predictions":
        asked["scores"] = drawn.scores
    if form in {"predictions", "both"}:
        asked["predictions"] = labels_as(kind, drawn.law.predicted[drawn.rows])["labels"]
    elif drawn.law.threshold != 0.5:
        asked["threshold"] = drawn.law.threshold
    if drawn.weight is not None:
        asked["sample_weight"] = drawn.weight
    if drawn.law.costs != (1.0, 1.0):
        asked["costs"] = dict(zip(("false_positive", "false_negative"), drawn.law.costs, strict=True))
    return asked


def payload(drawn: Sample, truth: Truth | None = None, kind: str = "integers", form: str = "scores") -> Payload:
    """The payload of a sample; what differs from what is true of the sample is said."""
    columns = form == "pairs" and kind != "strings"
    found = {**truth_of(drawn, scored=form != "predictions"), "one_hot_binary": columns, **(truth or {})}
    return Payload(requested(drawn, kind, form), found)
