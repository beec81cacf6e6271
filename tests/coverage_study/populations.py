"""Populations that the study draws from: finite ones, so that every metric has one exact value in them.

A sample takes rows (queries) of a population with replacement. Its rows are independent, and the true value of a metric
is its value of the whole population. Numbers that stand for a continuous law are its quantiles or a sample of it.
"""

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri

from service.metrics.batch import Batch

ROWS = 2**17
QUERIES = 2**14
LEVELS = (0.1, 0.5, 0.9)
SEED = 20


def rng() -> np.random.Generator:
    return np.random.default_rng(SEED)


def normal_quantiles(rows: int) -> np.ndarray:
    return ndtri((np.arange(rows) + 0.5) / rows)


def distance(auc: float) -> float:
    """How far apart the means of two standard normals lie, one of which exceeds the other with this probability."""
    return float(ndtri(auc) * np.sqrt(2))


def binormal(
    auc: float, prevalence: float, sharpness: float = 1.0, decimals: int | None = None, threshold: float | None = None
) -> Batch:
    """Normal evidence in either class, and the probability it leaves as score, its logit times the sharpness.

    The threshold is the prevalence unless given, so that both classes have the same recall.
    """
    positives = round(ROWS * prevalence)
    apart = distance(auc)
    truth = np.arange(ROWS) < positives
    evidence = np.concatenate([normal_quantiles(positives) + apart, normal_quantiles(ROWS - positives)])
    scores = expit(sharpness * (logit(prevalence) + apart * evidence - apart**2 / 2))
    if decimals is not None:
        scores = np.round(scores, decimals)
    return Batch(truth, scores >= (prevalence if threshold is None else threshold), scores)


def gaussian_classes(priors: tuple[float, ...], apart: float, sharpness: float = 1.0) -> Batch:
    """Classes that each raise the mean of one of K normals, and the probabilities these leave, calibrated at 1."""
    draw = rng()
    classes = len(priors)
    truth = np.repeat(np.arange(classes), np.diff(np.round(ROWS * np.cumsum([0, *priors])).astype(int)))
    evidence = draw.normal(size=(ROWS, classes))
    evidence[np.arange(ROWS), truth] += apart
    odds = np.exp(sharpness * (apart * evidence + np.log(priors)))
    scores = odds / odds.sum(axis=1, keepdims=True)
    return Batch(truth.astype(np.intp), scores.argmax(axis=1).astype(np.intp), scores)


def correlated_labels(shares: tuple[float, ...], correlation: float = 0.5, noise: float = 0.8) -> Batch:
    """Labels where correlated normals exceed a bound, and probabilities from what can be seen of these."""
    draw = rng()
    size = ROWS, len(shares)
    common = draw.normal(size=(ROWS, 1))
    latent = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * draw.normal(size=size)
    seen = (latent + noise * draw.normal(size=size)) / (1 + noise**2)
    above = -ndtri(shares)
    scores = ndtr((seen - above) / np.sqrt(noise**2 / (1 + noise**2)))
    return Batch(latent > above, scores >= 0.5, scores)


def errors_of(law: str) -> np.ndarray:
    """Errors of a law with variance 1, t5 with 5/3."""
    draw = rng()
    return {
        "normal": draw.normal,
        "Laplace": lambda size: draw.laplace(scale=np.sqrt(0.5), size=size),
        "uniform": lambda size: draw.uniform(-np.sqrt(3), np.sqrt(3), size),
        "t5": lambda size: draw.standard_t(5, size),
    }[law](size=ROWS)


def labels() -> np.ndarray:
    """Normal labels, independent of the errors."""
    return np.random.default_rng(SEED + 1).normal(size=ROWS)


def with_errors(law: str, spread: float = 2.0, bias: float = 0.2) -> Batch:
    """Normal labels of this standard deviation, and predictions that are off by an error of the law and a bias."""
    truth = spread * labels()
    return Batch(truth, truth + errors_of(law) + bias)


def weak_predictions(correlation: float) -> Batch:
    """Labels and predictions that are normal, with this correlation."""
    truth = labels()
    return Batch(truth, correlation * truth + np.sqrt(1 - correlation**2) * errors_of("normal"))


def skewed(correlation: float) -> Batch:
    """Labels and predictions that are lognormal."""
    weak = weak_predictions(correlation)
    return Batch(np.exp(weak.truth), np.exp(weak.predictions))


def relative_errors(spread: float) -> Batch:
    """Labels between 5 and 15, and predictions that are off by a normal share of them."""
    truth = np.random.default_rng(SEED + 1).uniform(5, 15, ROWS)
    return Batch(truth, truth * (1 + spread * errors_of("normal")))


def counted() -> Batch:
    """Poisson counts of a mean between 2 and 12 that is predicted."""
    draw = rng()
    predicted = draw.uniform(2, 12, ROWS)
    return Batch(draw.poisson(predicted).astype(float), predicted)


def skewed_labels() -> Batch:
    """Gamma labels, with a mean that is predicted."""
    draw = rng()
    predicted = draw.uniform(2, 12, ROWS)
    return Batch(draw.gamma(4, predicted / 4), predicted)


def two_outputs() -> Batch:
    """Two regressions whose errors are correlated."""
    one, other = with_errors("normal"), weak_predictions(0.7)
    predicted = np.column_stack([one.predictions, other.predictions + 0.5 * (one.predictions - one.truth)])
    return Batch(np.column_stack([one.truth, other.truth]), predicted)


def quantile_predictions(noise: float) -> Batch:
    """Quantiles of normal labels around a known mean, each with a noise of its own, which may let them cross."""
    draw = rng()
    mean = draw.normal(size=ROWS)
    scores = mean[:, None] + ndtri(LEVELS) + noise * draw.normal(size=(ROWS, len(LEVELS)))
    return Batch(mean + draw.normal(size=ROWS), scores[:, LEVELS.index(0.5)].copy(), scores)


def queries(signal: float, decimals: int | None = None) -> Batch:
    """Queries of 5 to 20 documents with grades 0 to 3, and scores of the grade and normal noise."""
    draw = rng()
    lengths = draw.integers(5, 21, QUERIES)
    query = np.repeat(np.arange(QUERIES), lengths)
    grades = draw.choice(np.arange(4.0), len(query), p=[0.75, 0.13, 0.08, 0.04])
    scores = signal * grades + draw.normal(size=len(query))
    return Batch(grades, scores=scores if decimals is None else np.round(scores, decimals), query=query)
