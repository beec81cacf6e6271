"""What intervals of binary batches are made of, row by row: the tests' own formulas, and batches to try them on."""

import numpy as np
from statsmodels.stats.proportion import proportion_confint

from tests.tasks.binary import binary

WEIGHTS = ["none", "real", "whole"]


def drawn(rows, weights="none", *, seed=0, digits=1, lift=0.2):
    """Noisy scores with ties, at least two rows of each class, and weights of a kind."""
    rng = np.random.default_rng(seed)
    truth = np.concatenate([[True, True, False, False], rng.random(rows - 4) < 0.4])
    scores = np.clip(np.round(rng.normal(0.4 + lift * truth, 0.2), digits), 0, 1)
    weight = {"none": None, "real": rng.uniform(0.2, 3, rows), "whole": rng.integers(1, 6, rows)}[weights]
    return binary(truth, scores, weight)


def weight_of(batch):
    return np.ones(len(batch.truth)) if batch.weight is None else batch.weight


def kish(weight):
    """The effective number of rows."""
    return weight.sum() ** 2 / (weight**2).sum()


def wilson(hit, weight, level):
    """The weighted share of hits, and its limits by the rows of its linearised variance, Kish's where that is 0."""
    total = weight.sum()
    share, size = (weight * hit).sum() / total, kish(weight)
    if hit.any() and not hit.all():
        size = share * (1 - share) / sum((w / total * (x - share)) ** 2 for w, x in zip(weight, hit, strict=True))
    return share, *proportion_confint(share * size, size, 1 - level, method="wilson")
