"""The grid of the study: what is drawn, how many rows, how often, and which laws are beyond the demand."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from service.metrics.batch import Batch, Question
from service.metrics.catalogue import TASKS
from tests.coverage_study import populations as of

SIZES = (20, 50, 100, 200, 1000, 10_000)
SMALLER = SIZES[:-1]
AUCS = (0.6, 0.75, 0.9, 0.99)
PREVALENCES = (0.01, 0.05, 0.1, 0.3, 0.5)
RANKS = ("roc_auc", "average_precision", "ks_statistic")
PROBABILITIES = ("log_loss", "brier_score", "spiegelhalter_z", "calibration_slope", "calibration_intercept")
# One minus another metric.
COMPLEMENTS = ("false_positive_rate", "false_negative_rate", "false_discovery_rate")

# Weights that are independent of the rows, so that what is true of the population stays true.
WEIGHTS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "uniform": lambda rng, rows: rng.uniform(0.2, 3, rows),
    "lognormal": lambda rng, rows: rng.lognormal(size=rows),
}
# How many equal weights one of these is worth: the square of the mean over the mean of the square.
WORTH = {"": 1.0, "uniform": 1.6**2 / (1.6**2 + 2.8**2 / 12), "lognormal": float(np.exp(-1))}


@dataclass(frozen=True)
class Design:
    """Samples of some sizes from one population.

    `metrics` are read, all where none are named. `heavy` are those whose law has too heavy tails for the demand.
    `repetitions` says how often a sample of each size is drawn, of the largest less often. Below 1, `max_fpr` asks for
    a partial area.
    """

    question: Question
    name: str
    population: Callable[[], Batch]
    sizes: tuple[int, ...] = SMALLER
    weights: str = ""
    metrics: tuple[str, ...] = ()
    heavy: frozenset[str] = frozenset()
    repetitions: int = 1000
    max_fpr: float = 1.0

    @property
    def task(self) -> str:
        return self.question.task

    @property
    def title(self) -> str:
        return f"{self.task}: {self.name}"

    def times(self, size: int) -> int:
        """How many samples of a size are drawn."""
        return self.repetitions * 3 // 10 if size == SIZES[-1] else self.repetitions


def weighted(name: str, weights: str) -> str:
    return f"{name}, {weights} weights" if weights else name


def binormal(auc: float, prevalence: float, what: str = "", **options: object) -> Design:
    """A design of normal evidence in both classes."""
    population = {key: options.pop(key) for key in ("sharpness", "decimals", "threshold") if key in options}
    question = Question("binary", (0, 1), 1, population.get("threshold", prevalence))
    name = weighted(f"AUC {auc}, prevalence {prevalence}{what}", options.get("weights", ""))
    return Design(question, name, partial(of.binormal, auc, prevalence, **population), **options)


def binary() -> Iterator[Design]:
    every = TASKS["binary"].names(Question("binary"))
    base = tuple(name for name in every if name not in COMPLEMENTS)
    cells = tuple(name for name in every if name not in RANKS + PROBABILITIES)
    for prevalence in PREVALENCES:
        for auc in AUCS:
            yield binormal(auc, prevalence, sizes=SIZES, metrics=base)
    for prevalence in (0.1, 0.3, 0.5):
        for auc in (0.75, 0.9, 0.99):
            yield binormal(auc, prevalence, ", rounded to 0.1", sizes=SIZES, metrics=RANKS, decimals=1)
        for auc in (0.75, 0.9):
            yield binormal(auc, prevalence, ", overconfident", sizes=SIZES, metrics=PROBABILITIES, sharpness=2.0)
    for auc, prevalence in ((0.75, 0.3), (0.9, 0.1)):
        yield binormal(auc, prevalence, ", threshold 0.5", metrics=cells, threshold=0.5)
    for weights in WEIGHTS:
        for auc, prevalence in ((0.9, 0.1), (0.75, 0.3), (0.99, 0.5)):
            yield binormal(auc, prevalence, sizes=(50, 200, 1000), metrics=base, weights=weights)


def partial_areas() -> Iterator[Design]:
    for max_fpr in (0.1, 0.3):
        partial_area = {"sizes": SIZES, "metrics": ("partial_roc_auc",), "max_fpr": max_fpr}
        up_to = f", up to {max_fpr}"
        for prevalence in (0.05, 0.1, 0.5):
            for auc in AUCS:
                yield binormal(auc, prevalence, up_to, **partial_area)
        yield binormal(0.9, 0.3, f", rounded to 0.1{up_to}", decimals=1, **partial_area)
        yield binormal(0.9, 0.3, up_to, weights="lognormal", **partial_area)


def multiclass() -> Iterator[Design]:
    def design(name: str, priors: tuple[float, ...], sizes: tuple[int, ...], **options: object) -> Design:
        question = Question("multiclass", tuple(range(len(priors))))
        population = partial(of.gaussian_classes, priors, options.pop("apart", 1.5), options.pop("sharpness", 1.0))
        name = weighted(f"{len(priors)} classes, {name}", options.get("weights", ""))
        return Design(question, name, population, sizes, repetitions=600, **options)

    rare = (0.05, 0.25, 0.7)
    yield design("even", (1 / 3,) * 3, SMALLER)
    yield design("rare", rare, SIZES)
    yield design("even", (0.2,) * 5, (50, 200, 1000))
    yield design("rare", (0.02, 0.08, 0.15, 0.25, 0.5), (50, 200, 1000))
    yield design("even", (0.1,) * 10, (100, 1000))
    yield design("rare", (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.12, 0.15, 0.2, 0.25), (100, 1000))
    yield design("rare, overconfident", rare, SMALLER, metrics=PROBABILITIES, sharpness=1.7)
    yield design("even, far apart", (1 / 3,) * 3, SMALLER, metrics=PROBABILITIES, apart=4.0)
    yield design("rare", rare, (100, 1000), weights="uniform")
    yield design("rare", rare, (100, 1000), weights="lognormal")


def multilabel() -> Iterator[Design]:
    def design(name: str, shares: tuple[float, ...], sizes: tuple[int, ...], **options: object) -> Design:
        question = Question("multilabel", ("a", "b", "c", "d"), threshold=0.5)
        name = weighted(f"4 correlated labels, {name}", options.get("weights", ""))
        return Design(question, name, partial(of.correlated_labels, shares), sizes, repetitions=600, **options)

    yield design("frequent", (0.2, 0.3, 0.5, 0.6), SMALLER)
    yield design("rare", (0.03, 0.1, 0.3, 0.5), SMALLER)
    yield design("frequent", (0.2, 0.3, 0.5, 0.6), (100, 1000), weights="lognormal")


def regression() -> Iterator[Design]:
    squared = frozenset({"mean_squared_error", "root_mean_squared_error"})
    all_but = frozenset(TASKS["regression"].names(Question("regression"))).difference
    positive = frozenset(f"mean_{name}" for name in ("squared_log_error", "poisson_deviance", "gamma_deviance")) | {
        "mean_absolute_percentage_error",
        "symmetric_mean_absolute_percentage_error",
    }
    # Labels around 0 leave no relative errors worth a mean.
    signed = tuple(name for name in TASKS["regression"].names(Question("regression")) if name not in positive)

    def design(name: str, population: Callable[[], Batch], **options: object) -> Design:
        return Design(Question("regression"), weighted(name, options.get("weights", "")), population, **options)

    for law in ("normal", "Laplace", "uniform"):
        yield design(f"{law} errors", partial(of.with_errors, law), metrics=signed)
    explained = {"r2", "explained_variance", "pearson"}
    yield design("t5 errors", partial(of.with_errors, "t5"), metrics=signed, heavy=squared | explained)
    for weights in WEIGHTS:
        yield design("normal errors", partial(of.with_errors, "normal"), metrics=signed, weights=weights)
    shares = ("pearson", "spearman", "r2", "explained_variance", "d2_absolute_error")
    yield design("normal, correlation 0.3", partial(of.weak_predictions, 0.3), metrics=shares)
    yield design("normal, correlation 0.99", partial(of.weak_predictions, 0.99), metrics=shares)
    correlations = ("pearson", "spearman")
    yield design("lognormal", partial(of.skewed, 0.7), metrics=correlations, heavy=frozenset({"pearson"}))
    yield design("normal relative errors", partial(of.relative_errors, 0.15), heavy=all_but(positive))
    yield design(
        "Poisson counts", of.counted, metrics=("mean_poisson_deviance", "mean_absolute_error"), heavy=all_but()
    )
    gamma = ("mean_gamma_deviance", "mean_absolute_percentage_error")
    yield design("gamma labels", of.skewed_labels, metrics=gamma, heavy=all_but())
    yield design("two outputs, normal errors", of.two_outputs, metrics=signed)


def quantiles() -> Iterator[Design]:
    question = Question("regression", quantiles=of.LEVELS)
    names = TASKS["regression"].names(question)
    read = tuple(name for name in names if name.startswith(("pinball", "crps", "crossing")))
    for noise, name in ((0.1, "sharp quantiles"), (0.8, "crossing quantiles")):
        yield Design(question, name, partial(of.quantile_predictions, noise), metrics=read)


def ranking() -> Iterator[Design]:
    sizes = (20, 50, 100, 200, 500)
    question = Question("ranking", k=(1, 5, 10))

    def design(name: str, signal: float, decimals: int | None = None, **options: object) -> Design:
        population = partial(of.queries, signal, decimals)
        return Design(question, weighted(name, options.get("weights", "")), population, sizes, **options)

    yield design("good order", 1.0, repetitions=600)
    yield design("poor order", 0.3, repetitions=600)
    yield design("good order, tied scores", 1.0, 0, repetitions=600)
    yield design("good order", 1.0, weights="uniform", repetitions=600)


DESIGNS: tuple[Design, ...] = tuple(
    design
    for part in (binary, partial_areas, multiclass, multilabel, regression, quantiles, ranking)
    for design in part()
)

# A few cells of each task, with the number of samples: what `make test` runs.
FAST: tuple[tuple[str, int, int], ...] = (
    ("binary: AUC 0.9, prevalence 0.01", 20, 150),
    ("binary: AUC 0.75, prevalence 0.5", 50, 300),
    ("binary: AUC 0.99, prevalence 0.3", 50, 300),
    ("binary: AUC 0.9, prevalence 0.1", 200, 300),
    ("binary: AUC 0.9, prevalence 0.3, rounded to 0.1", 50, 300),
    ("binary: AUC 0.9, prevalence 0.3, overconfident", 200, 300),
    ("binary: AUC 0.9, prevalence 0.1, lognormal weights", 1000, 200),
    ("binary: AUC 0.9, prevalence 0.1, up to 0.3", 200, 300),
    ("multiclass: 3 classes, rare", 200, 200),
    ("multiclass: 3 classes, even, far apart", 200, 100),
    ("multiclass: 5 classes, even", 200, 120),
    ("multiclass: 10 classes, rare", 100, 40),
    ("multilabel: 4 correlated labels, frequent", 100, 200),
    ("multilabel: 4 correlated labels, rare", 20, 50),
    ("regression: normal errors", 20, 300),
    ("regression: Laplace errors", 100, 300),
    ("regression: uniform errors", 50, 300),
    ("regression: normal errors, lognormal weights", 200, 200),
    ("regression: lognormal", 100, 200),
    ("regression: normal relative errors", 50, 200),
    ("regression: two outputs, normal errors", 50, 100),
    ("regression: crossing quantiles", 50, 200),
    ("ranking: good order", 50, 200),
    ("ranking: good order, tied scores", 100, 80),
)
