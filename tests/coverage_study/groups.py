"""How often gaps of groups are found and covered: where groups are alike, and where one of them is apart.

A group is a candidate of its own rows: the first of two, and where one is apart, the last group is the second, the
better one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy import stats

from service.by_group import Asked, reported
from service.evaluate import states_of
from service.metrics.batch import Batch, Partition, Reading
from tests.coverage_study.comparisons import (
    DEMANDS,
    ERROR,
    QUESTIONS,
    ROWS,
    SAMPLES,
    Design,
    Outcome,
    Rng,
    binary,
    multiclass,
    regression,
)

METRICS = {
    "binary": (
        *("accuracy", "recall", "precision", "f1", "matthews_corrcoef"),
        *("roc_auc", "average_precision", "log_loss", "brier_score"),
    ),
    "multiclass": ("accuracy", "balanced_accuracy", "f1_macro", "log_loss"),
    "regression": ("mean_absolute_error", "mean_squared_error", "mean_error", "r2"),
}


@dataclass(frozen=True)
class Groups(Design):
    """Groups of one law, each with its share of the rows: so many times those of the size."""

    shares: tuple[int, ...] = (1, 1)
    apart: bool = False

    @property
    def title(self) -> str:
        even = "" if len(set(self.shares)) == 1 else f" ({' : '.join(map(str, self.shares))})"
        return f"{self.task}: {self.name}, {len(self.shares)} groups{even}{', one apart' if self.apart else ''}"

    @property
    def metrics(self) -> tuple[str, ...]:
        return METRICS[self.task]

    def drawn(self, rng: Rng, size: int) -> list[Batch]:
        """The rows of each group of a new sample."""
        places = [0] * (len(self.shares) - 1) + [int(self.apart)]
        return [
            self.draw(rng, size * share, 0.0, paired=False)[place]
            for share, place in zip(self.shares, places, strict=True)
        ]

    def report(self, batches: list[Batch], metrics: tuple[str, ...]) -> dict[str, Any]:
        """What a report says of these groups."""
        question = QUESTIONS[self.task]
        partition = Partition(("group",), tuple((place,) for place in range(len(batches))))
        reading = Reading(metrics, partitions=(partition,))
        kinds = Asked(question, reading).kinds
        return reported([[states_of(batch, question, kinds) for batch in batches]], question, reading)

    def outcomes(self, rng: Rng, size: int) -> Iterator[Outcome]:
        """Whether the test finds a gap where there is none, and whether the interval does not hold that."""
        for gap in self.report(self.drawn(rng, size), self.metrics)["gaps"]:
            if gap["metric"] in self.metrics and gap["interval"]:
                yield Outcome(gap["metric"], 0, "homogeneity", gap["p_value"] < ERROR)
                yield Outcome(gap["metric"], 1, gap["interval"]["method"], misses(gap["interval"], 0.0))


def misses(interval: dict[str, float], true: float) -> bool:
    """Whether an interval does not hold the true gap."""
    return not interval["low"] <= true <= interval["high"]


# At 15 rows of a class nearly every group has the ten with which it is compared.
SIZES = (15, 50, 200)
SHARES = ((1, 1), (1, 1, 1), (1,) * 6, (1, 5))
DESIGNS: tuple[Groups, ...] = tuple(
    Groups(task, name, draw, SIZES, shares=shares, close=False)
    for task, name, draw in (
        ("binary", "AUC 0.75, 1 in 2", partial(binary, auc=0.75, others=1)),
        ("binary", "AUC 0.9, 1 in 5", partial(binary, auc=0.9, others=4)),
        ("multiclass", "even", partial(multiclass, apart=1.0, priors=(1, 1, 1))),
        ("regression", "normal errors", regression),
    )
    for shares in SHARES
)


@dataclass(frozen=True)
class Apart:
    """A law of groups of which one is better by a metric."""

    design: Groups
    metric: str
    size: int


def better(shares: tuple[int, ...]) -> Groups:
    """Groups of which the last has a larger AUC."""
    return Groups(
        "binary", "AUC 0.75 and 0.85", partial(binary, auc=0.75, others=1, gain=0.1), (), shares=shares, apart=True
    )


def smaller(shares: tuple[int, ...]) -> Groups:
    """Groups of which the last has smaller errors."""
    return Groups(
        "regression", "errors smaller by a fifth", partial(regression, gain=0.2), (), shares=shares, apart=True
    )


APART: tuple[Apart, ...] = (
    *(Apart(better(shares), metric, 100) for shares in SHARES[:3] for metric in ("roc_auc", "accuracy", "brier_score")),
    *(Apart(smaller(shares), "mean_absolute_error", 50) for shares in SHARES[:3]),
)
# How much less often than at best a true gap may be found: limits that lean to one side cost the test some power.
LOSS = 0.15


@dataclass
class Seen:
    """How often the test finds a true gap, and the interval misses it.

    `best` is how often Cochran's test would find it that knew how much the value of each group varies.
    """

    of: Apart
    difference: float
    found: float
    best: float
    missed: float

    @property
    def met(self) -> bool:
        most = DEMANDS["mover"]
        return self.found >= self.best - LOSS and self.missed <= most + 3 * np.sqrt(most * (1 - most) / SAMPLES)


def seen_of(of: Apart, samples: int = SAMPLES) -> Seen:
    """What the groups of so many samples tell."""
    design, metrics = of.design, (of.metric,)
    rng = np.random.default_rng([of.size, *f"{design.title} {of.metric}".encode()])

    def drawn(size: int) -> tuple[dict[str, Any], list[float]]:
        said = design.report(design.drawn(rng, size), metrics)
        gap = next(gap for gap in said["gaps"] if gap["metric"] == of.metric)
        return gap, [group["metrics"][of.metric] for group in said["groups"]]

    with np.errstate(all="ignore"):
        _, true = drawn(ROWS // 2)
        gaps, values = zip(*(drawn(of.size) for _ in range(samples)), strict=True)
    difference = true[-1] - float(np.mean(true[:-1]))
    gap = difference if len(true) == 2 else abs(difference)
    weight = 1 / np.var(values, axis=0)
    share = weight[-1] / weight.sum()
    freedom = len(true) - 1
    apart = difference**2 * share * (1 - share) * weight.sum()
    best = stats.ncx2.sf(stats.chi2.isf(ERROR, freedom), freedom, apart)
    found = np.mean([each["p_value"] < ERROR for each in gaps])
    missed = np.mean([misses(each["interval"], gap) for each in gaps])
    return Seen(of, gap, float(found), float(best), float(missed))
