"""How often comparisons find a difference: where there is none (errors of the first kind), and where there is one.

Candidates without a difference are exchangeable: their predictions have one law, on the same rows with a correlation.
Then no metric differs, whatever it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import NamedTuple, Protocol

import numpy as np
from scipy.special import expit

from service.candidates import Candidate, Pair
from service.comparison import entries_of
from service.metrics.batch import Batch, Comparison, Question, Reading
from service.metrics.catalogue import TASKS
from tests.coverage_study.populations import distance

ERROR = 0.05
# What an error of the first kind may be; from ENOUGH rows a class on, tests of EXACT metrics keep a closer range.
MOST, CLOSE, ENOUGH = 0.065, (0.04, 0.06), 50
EXACT = {"roc_auc", "log_loss", "brier_score", "mean_squared_error", "mean_absolute_error", "mean_error"}
# The least rows a class, or queries, with which it is demanded.
FEWEST = 10
SAMPLES = 2000
QUESTIONS = {
    "binary": Question("binary", (0, 1), 1, 0.5),
    "multiclass": Question("multiclass", (0, 1, 2)),
    "multilabel": Question("multilabel", (0, 1, 2), threshold=0.5),
    "regression": Question("regression"),
    "ranking": Question("ranking", k=(5,)),
}
# An interval of a gap of groups may miss the true one in seven of 100 samples, as any interval may.
DEMANDS = {"mcnemar_exact": ERROR, "mover": 0.07, "mover_bonferroni": 0.07}
Rng = np.random.Generator


class Draw(Protocol):
    """Draws two candidates with so many rows of the rarest class and a correlation, of the same rows where paired."""

    def __call__(self, rng: Rng, size: int, correlation: float, *, paired: bool) -> tuple[Batch, Batch]: ...


def noise(rng: Rng, shape: tuple[int, ...], correlation: float) -> tuple[np.ndarray, np.ndarray]:
    """Two normal arrays with this correlation."""
    common, one, other = rng.normal(size=(3, *shape))
    return tuple(np.sqrt(correlation) * common + np.sqrt(1 - correlation) * each for each in (one, other))


def binary(
    rng: Rng,
    size: int,
    correlation: float,
    *,
    paired: bool,
    auc: float,
    others: float,
    gain: float = 0.0,
    weights: float = 0,
) -> tuple[Batch, Batch]:
    """Normal scores in either class, `others` negatives for each positive; b is better by a gain in AUC."""
    rows, share = round(size * (1 + others)), 1 / (1 + others)
    truths = [np.arange(rows) < size] * 2 if paired else [drawn(rng, rows, share) for _ in range(2)]
    parts = noise(rng, (rows,), correlation if paired else 0.0)
    weight = rng.lognormal(sigma=weights, size=rows) if weights else None
    made = []
    for truth, part, gained in zip(truths, parts, (0.0, gain), strict=True):
        d = distance(auc + gained)
        scores = expit(d * (d * truth + part) - d**2 / 2 - np.log(others))
        made.append(Batch(truth, scores >= share, scores, weight))
    return tuple(made)


def drawn(rng: Rng, rows: int, share: float) -> np.ndarray:
    """Labels of which each is positive with this probability, and some of either kind."""
    while True:
        truth = rng.random(rows) < share
        if 2 <= truth.sum() <= rows - 2:
            return truth


def multiclass(
    rng: Rng, size: int, correlation: float, *, paired: bool, apart: float, priors: tuple[int, ...]
) -> tuple[Batch, Batch]:
    """Three classes that each raise a normal; so many rows of each for one of the rarest."""
    truth = np.repeat(np.arange(len(priors)), np.multiply(priors, size))
    made = []
    for part in noise(rng, (len(truth), len(priors)), correlation if paired else 0.0):
        odds = np.exp(apart * (part + apart * np.eye(len(priors))[truth]))
        scores = odds / odds.sum(axis=1, keepdims=True)
        made.append(Batch(truth, scores.argmax(axis=1), scores))
    return tuple(made)


def multilabel(rng: Rng, size: int, correlation: float, *, paired: bool) -> tuple[Batch, Batch]:
    """Three labels that each raise a normal, every one in half of the rows."""
    truth = np.stack([rng.permutation(2 * size) < size for _ in range(3)], axis=1)
    parts = noise(rng, truth.shape, correlation if paired else 0.0)
    scores = [expit(1.5 * (part + 1.2 * (truth - 0.5))) for part in parts]
    return tuple(Batch(truth, each >= 0.5, each) for each in scores)


def regression(
    rng: Rng, size: int, correlation: float, *, paired: bool, law: str = "normal", gain: float = 0.0
) -> tuple[Batch, Batch]:
    """Normal labels and errors, heavy-tailed errors (t5), or both lognormal; the error of b is smaller by a gain."""
    rows = 2 * size
    truths = [rng.normal(size=rows)] * 2 if paired else list(rng.normal(size=(2, rows)))
    errors = list(noise(rng, (rows,), correlation if paired else 0.0))
    if law == "t5":
        errors = [each / np.sqrt(rng.chisquare(5, rows) / 5) for each in errors]
    scale = 0.7, 0.7 * (1 - gain)
    made = [(truth, truth + s * e) for truth, s, e in zip(truths, scale, errors, strict=True)]
    return tuple(Batch(*(np.exp(0.5 * side) if law == "lognormal" else side for side in pair)) for pair in made)


def ranking(rng: Rng, size: int, correlation: float, *, paired: bool) -> tuple[Batch, Batch]:
    """Queries of eight documents, of which some are relevant."""
    query = np.repeat(np.arange(size), 8)
    grades = [rng.choice(3, len(query), p=[0.7, 0.2, 0.1]).astype(float)] * 2
    if not paired:
        grades[1] = rng.choice(3, len(query), p=[0.7, 0.2, 0.1]).astype(float)
    parts = noise(rng, query.shape, correlation if paired else 0.0)
    return tuple(Batch(g, None, g + part, None, query) for g, part in zip(grades, parts, strict=True))


class Outcome(NamedTuple):
    """What a test, or an interval, by its rank among those of a metric, says of a sample: whether it errs."""

    metric: str
    rank: int
    test: str
    errs: bool


@dataclass(frozen=True)
class Design:
    """Two laws of rows, at several numbers of rows of the rarest class (of queries in a ranking)."""

    task: str
    name: str
    draw: Draw
    sizes: tuple[int, ...]
    correlation: float = 0.5
    paired: bool = True
    close: bool = True

    @property
    def title(self) -> str:
        return f"{self.task}: {self.name}, {'paired' if self.paired else 'unpaired'}"

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that are compared."""
        return metrics_of(self.task)

    def outcomes(self, rng: Rng, size: int) -> Iterator[Outcome]:
        """What each test says of a new sample."""
        batches = self.draw(rng, size, self.correlation, paired=self.paired)
        for entry in entries(self, batches, self.metrics):
            for rank, test in enumerate(entry["tests"]):
                yield Outcome(entry["metric"], rank, test["name"], test["p_value"] < ERROR)


SIZES = (10, 50, 200)
DESIGNS: tuple[Design, ...] = (
    Design("binary", "AUC 0.6, 1 in 2", partial(binary, auc=0.6, others=1), SIZES),
    Design("binary", "AUC 0.75, 1 in 2", partial(binary, auc=0.75, others=1), (*SIZES, 1000), 0.8),
    Design("binary", "AUC 0.9, 1 in 2", partial(binary, auc=0.9, others=1), SIZES),
    Design("binary", "AUC 0.97, 1 in 2", partial(binary, auc=0.97, others=1), SIZES, close=False),
    Design("binary", "AUC 0.8, 1 in 10", partial(binary, auc=0.8, others=9), SIZES),
    Design("binary", "AUC 0.8, 1 in 2, weights", partial(binary, auc=0.8, others=1, weights=0.7), SIZES, close=False),
    Design("binary", "AUC 0.75, 1 in 2", partial(binary, auc=0.75, others=1), SIZES, paired=False),
    Design("binary", "AUC 0.9, 1 in 10", partial(binary, auc=0.9, others=9), SIZES, paired=False),
    Design("multiclass", "even", partial(multiclass, apart=1.0, priors=(1, 1, 1)), SIZES),
    Design("multiclass", "1 : 3 : 6", partial(multiclass, apart=1.2, priors=(1, 3, 6)), SIZES),
    Design("multiclass", "even", partial(multiclass, apart=1.0, priors=(1, 1, 1)), SIZES, paired=False),
    Design("multilabel", "even", multilabel, SIZES),
    Design("multilabel", "even", multilabel, SIZES, paired=False),
    Design("regression", "normal errors", regression, SIZES),
    Design("regression", "t5 errors", partial(regression, law="t5"), SIZES, close=False),
    Design("regression", "lognormal", partial(regression, law="lognormal"), SIZES, close=False),
    Design("regression", "normal errors", regression, SIZES, paired=False),
    Design("ranking", "good order", ranking, SIZES),
    Design("ranking", "good order", ranking, SIZES, paired=False),
)


@dataclass
class Found:
    """How often a test of a metric finds a difference in samples of a design."""

    design: Design
    size: int
    metric: str
    test: str
    samples: int = 0
    found: int = 0

    @property
    def rate(self) -> float:
        return self.found / self.samples

    @property
    def error(self) -> float:
        """The standard error of the rate, were it the largest that is allowed."""
        return float(np.sqrt(MOST * (1 - MOST) / self.samples))

    @property
    def demand(self) -> tuple[float, float]:
        """The range that is demanded."""
        if self.test in DEMANDS:
            return 0.0, DEMANDS[self.test]
        rows = self.size if self.design.task not in {"regression", "multilabel"} else 2 * self.size
        close = self.metric in EXACT and self.design.close and rows >= ENOUGH
        return CLOSE if close else (0.0, MOST)

    @property
    def met(self) -> bool:
        """Whether the rate lies there but for three standard errors."""
        low, high = self.demand
        return low - 3 * self.error <= self.rate <= high + 3 * self.error


def entries(design: Design, batches: tuple[Batch, Batch], metrics: tuple[str, ...], **asked: float) -> Iterator[dict]:
    """The differences of two candidates by some metrics."""
    question = QUESTIONS[design.task]
    reading = Reading(metrics, intervals=False)
    a, b = (Candidate(name, batch, question, reading) for name, batch in zip("ab", batches, strict=True))
    pair, comparison = Pair(b, a, paired=design.paired), Comparison("a", metrics[0], design.paired, **asked)
    for metric in a.metrics:
        yield from entries_of(metric, [pair], comparison)


def metrics_of(task: str) -> tuple[str, ...]:
    """The metrics whose differences are tested by influences."""
    compared = TASKS[task].metrics_of(QUESTIONS[task])
    return tuple(metric.name for metric in compared if metric.influence and not metric.test_statistic)


def errors_of(design: Design, size: int, samples: int) -> list[Found]:
    """How often each test of each metric errs."""
    rng = np.random.default_rng([size, *design.title.encode()])
    found: dict[tuple[str, int], Found] = {}
    with np.errstate(all="ignore"):
        for outcome in chain.from_iterable(design.outcomes(rng, size) for _ in range(samples)):
            named = Found(design, size, outcome.metric, outcome.test)
            cell = found.setdefault((outcome.metric, outcome.rank), named)
            if cell.test == "intervals":  # stands in where rows do not vary
                cell.test = outcome.test
            cell.samples += 1
            cell.found += outcome.errs
    return list(found.values())


@dataclass(frozen=True)
class Real:
    """A law with a true difference by a metric: b is the better one."""

    design: Design
    metric: str
    size: int


REAL: tuple[Real, ...] = (
    Real(
        Design("binary", "AUC 0.75 and 0.79, 1 in 2", partial(binary, auc=0.75, others=1, gain=0.04), ()),
        "roc_auc",
        100,
    ),
    Real(
        Design("binary", "AUC 0.75 and 0.79, 1 in 2", partial(binary, auc=0.75, others=1, gain=0.04), ()),
        "accuracy",
        100,
    ),
    Real(
        Design("binary", "AUC 0.75 and 0.79, 1 in 2", partial(binary, auc=0.75, others=1, gain=0.04), (), paired=False),
        "roc_auc",
        100,
    ),
    Real(
        Design("regression", "errors smaller by a tenth", partial(regression, gain=0.1), ()), "mean_squared_error", 50
    ),
)
PILOTS, TRIALS, ROWS = 60, 600, 200_000
POWER = (0.74, 0.86)


@dataclass
class Power:
    """Of a true difference: the samples that are said to settle it, and how often they do.

    Then how often a candidate that is worse by just the margin is called not inferior.
    """

    real: Real
    difference: float
    samples: int
    rate: float
    not_inferior: float

    @property
    def met(self) -> bool:
        """Whether four in five samples settle it, and one in forty at most errs but for three standard errors."""
        error = 3 * np.sqrt(0.025 * 0.975 / TRIALS)
        return POWER[0] <= self.rate <= POWER[1] and self.not_inferior <= 0.025 + error


def power_of(real: Real) -> Power:
    """What comparisons promise of a true difference, and what they hold."""
    design, metrics = real.design, (real.metric,)
    rng = np.random.default_rng([real.size, *f"{design.title} {real.metric}".encode()])

    def drawn(size: int, **asked: float) -> dict:
        batches = design.draw(rng, size, design.correlation, paired=design.paired)
        return next(entries(design, batches, metrics, **asked))

    def turned(size: int, margin: float) -> bool:
        a, b = design.draw(rng, size, design.correlation, paired=design.paired)
        return bool(next(entries(design, (b, a), metrics, margin=margin))["non_inferior"])

    with np.errstate(all="ignore"):
        true = drawn(ROWS)["difference"]
        pilots = [drawn(real.size, min_difference=true)["samples_to_settle"] for _ in range(PILOTS)]
        samples = int(np.median(pilots))
        size = samples // (2 if design.paired else 4)
        rate = np.mean([drawn(size)["better"] == "b" for _ in range(TRIALS)])
        boundary = np.mean([turned(real.size, true) for _ in range(TRIALS)])
    return Power(real, true, samples, float(rate), float(boundary))
