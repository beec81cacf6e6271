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
    """The weighted share of hits, and its limits by the rows of its linearised variance.

    That is read of these rows, and two hits and two misses more of mean weight, which are no rows of the share.
    """
    mean, rows = (weight**2).sum() / weight.sum(), kish(weight)
    more, among = np.append(weight, [mean] * 4), np.append(hit, [1, 1, 0, 0])
    near = np.average(among, weights=more)
    varies = sum((w / more.sum() * (x - near)) ** 2 for w, x in zip(more, among, strict=True))
    size = near * (1 - near) / varies * rows / (rows + 4)
    share = np.average(hit, weights=weight)
    return share, *proportion_confint(share * size, size, 1 - level, method="wilson")
