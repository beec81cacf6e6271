"""The multiclass payloads: clean ones of many shapes, and every corruption in three strengths."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import chain

import numpy as np

from tests.findings_corpus.class_laws import (
    Law,
    as_found,
    calibrated,
    labels_as,
    normal,
    payload,
    requested,
    sample,
    truth_of,
    with_classes,
)
from tests.findings_corpus.corpus import Family, Payload, Rng, copies, corruption, exact, one_of, only
from tests.findings_corpus.models import MULTICLASS

SIZES = (50, 100, 200, 500, 1000, 2000, 10_000)
KINDS = ("integers", "strings", "one-hot rows")
FORMS = ("scores", "predictions", "both")
WEIGHTS = ("none", "none", "uniform", "lognormal")
CAMPS, VISITS = "camps, logistic regression", "doctor visits, logistic regression"
IRIS, TRAVEL = "iris, logistic regression", "travel, logistic regression"
DIGITS, WINE = "digits, 15 neighbours", "wine, naive Bayes"
# Models that are mostly right, with mistakes in every class.
GOOD = (IRIS, TRAVEL, DIGITS)


def shaped(rng: Rng, law: Law, rows: int) -> Payload:
    """A payload of any shape."""
    kind, form, weighted = one_of(rng, KINDS), one_of(rng, FORMS), one_of(rng, WEIGHTS)
    made = payload(sample(rng, law, rows, weighted), kind=kind, form=form)
    if rng.random() < 0.4:  # one of those that are equal by definition
        asked = {**made.request, "metrics": ["accuracy", "f1_macro"]}
        made = Payload(asked, {**made.truth, "micro_equals_accuracy": False})
    shape = {"labels": kind, "sent": form, "weights": weighted, "classes": str(law.classes)}
    return replace(made, shape=shape)


def right_scores(name: str, rng: Rng, rows: int) -> Payload:
    return shaped(rng, calibrated(name, one_of(rng, (1.0, 1.0, 0.3, 0.05))), rows)


def real_labels(name: str, rng: Rng, rows: int) -> Payload:
    return shaped(rng, as_found(name), rows)


def rounded(rng: Rng, rows: int) -> Payload:
    """Scores of two digits, that add up."""
    law = calibrated(one_of(rng, (*GOOD, CAMPS)))
    return shaped(rng, replace(law, scores=normal(np.round(law.scores, 2))), rows)


def chance(rng: Rng, rows: int) -> Payload:
    """Scores that know nothing of the labels, beyond how many are of each class on average."""
    prevalence = rng.dirichlet(np.full(one_of(rng, (3, 5)), 20.0))
    scores = normal(prevalence * np.exp(0.02 * rng.standard_normal((1000, len(prevalence)))))
    return shaped(rng, Law(scores, np.tile(prevalence, (1000, 1))), rows)


def clean() -> Iterator[Family]:
    for name in MULTICLASS:
        yield Family("multiclass", f"right scores: {name}", partial(right_scores, name), SIZES, 20)
        yield Family("multiclass", f"real labels: {name}", partial(real_labels, name), SIZES, 16)
    yield Family("multiclass", "rounded scores", rounded, SIZES, 20)
    yield Family("multiclass", "scores by chance", chance, SIZES, 20)


# What is not known where classes do not have the shares that they have in the population.
OTHER_SHARES = dict.fromkeys(("miscalibrated", "accuracy_paradox", "confused_classes"))


def any_law(rng: Rng) -> Law:
    return calibrated(one_of(rng, GOOD))


def imbalanced(ratio: float, rng: Rng, rows: int) -> Payload:
    """So many rows of each class, but of one a share of it."""
    law = calibrated(one_of(rng, (IRIS, TRAVEL)))
    numbers = [rows] * (law.classes - 1) + [max(1, round(ratio * rows))]
    return payload(with_classes(rng, law, numbers), OTHER_SHARES, kind=one_of(rng, KINDS))


def paradox(recall: float, rng: Rng, rare: int) -> Payload:
    """The rarest class is seldom predicted, and the others are mostly right."""
    law = calibrated(*one_of(rng, ((IRIS, 0.1), (DIGITS, 0.3))))
    share = law.prevalence[-1]
    return payload(sample(rng, held_back(law, recall), round(rare / share)), kind=one_of(rng, KINDS))


def held_back(law: Law, recall: float) -> Law:
    """The law whose last class is predicted only in the rows that it is surest of, so that its recall is this."""
    rows = np.flatnonzero(law.predicted == law.classes - 1)
    rows = rows[np.argsort(law.scores[rows, -1], kind="stable")]
    kept = law.chance[rows, -1][::-1].cumsum()[::-1] / law.chance[:, -1].sum()
    scores = law.scores.copy()
    scores[rows[kept > recall], -1] = 0.0
    return replace(law, scores=normal(np.maximum(scores, 1e-9)))


def worst(recall: float, rng: Rng, rows: int) -> Payload:
    """A class that is seldom predicted."""
    law = held_back(any_law(rng), recall)
    return payload(sample(rng, law, round(rows / law.prevalence[-1])), kind=one_of(rng, KINDS))


def confused(share: float, rng: Rng, rows: int) -> Payload:
    """Two classes of which a share is taken for the other: their columns are exchanged in some rows."""
    law = calibrated(one_of(rng, (WINE, DIGITS)))
    two = rng.permutation(law.classes)[:2]
    scores = law.scores.copy()
    by_class = np.argsort(law.predicted, kind="stable")
    swapped = by_class[(np.arange(len(scores)) * share + rng.random()) % 1 < share]
    scores[np.ix_(swapped, two)] = scores[np.ix_(swapped, two[::-1])]
    mixed = replace(law, scores=scores)
    return payload(sample(rng, mixed, round(rows / law.prevalence[two].min())), kind=one_of(rng, KINDS))


def constant_predictions(rng: Rng, rows: int) -> Payload:
    law = any_law(rng)
    scores = 0.4 * law.scores
    scores[:, rng.integers(law.classes)] += 0.6
    return payload(sample(rng, replace(law, scores=scores), rows), kind=one_of(rng, KINDS), form=one_of(rng, FORMS))


def constant_scores(rng: Rng, rows: int) -> Payload:
    law = any_law(rng)
    same = np.tile(law.prevalence, (len(law.scores), 1))
    return payload(sample(rng, replace(law, scores=same), rows), kind=one_of(rng, KINDS))


def hard(rng: Rng, rows: int) -> Payload:
    law = any_law(rng)
    one_hot = np.eye(law.classes)[law.predicted]
    return payload(sample(rng, replace(law, scores=one_hot), rows), kind=one_of(rng, KINDS))


def leaked(rng: Rng, per_class: int) -> Payload:
    """Scores that follow the labels without a mistake."""
    law = as_found(one_of(rng, GOOD))
    told = replace(law, scores=0.4 * law.scores + 0.6 * law.chance)
    return payload(with_classes(rng, told, [per_class] * law.classes), kind=one_of(rng, KINDS))


def miscalibrated(power: float, rng: Rng, rows: int) -> Payload:
    law = calibrated(one_of(rng, (TRAVEL, CAMPS))).sharpened(power)
    return payload(sample(rng, law, rows), kind=one_of(rng, KINDS))


def few_rows(rng: Rng, per_class: int) -> Payload:
    law = any_law(rng)
    return payload(with_classes(rng, law, [per_class] * law.classes), OTHER_SHARES, kind=one_of(rng, KINDS))


def one_class(rng: Rng, rows: int) -> Payload:
    law = any_law(rng)
    made = sample(rng, law, rows)
    made = replace(made, labels=np.full(rows, rng.integers(law.classes)))
    return payload(made, only("single_class", truth_of(made)), kind=one_of(rng, KINDS))


def unstable(number: int, rng: Rng, per_class: int) -> Payload:
    """So few rows of one class of three."""
    law = calibrated(IRIS)
    numbers = [per_class] * (law.classes - 1) + [number]
    return payload(with_classes(rng, law, numbers), OTHER_SHARES, kind=one_of(rng, KINDS))


def permuted(columns: int, rng: Rng, rows: int) -> Payload:
    """Scores of which so many columns stand at the place of another one; all if there are fewer."""
    law = any_law(rng) if columns < 4 else calibrated(one_of(rng, (TRAVEL, DIGITS)))
    moved = rng.permutation(law.classes)[:columns]
    order = np.arange(law.classes)
    order[moved] = np.roll(moved, 1)
    wrong = replace(law, scores=law.scores[:, order])
    return payload(sample(rng, wrong, rows), {"columns_permuted": True}, kind=one_of(rng, KINDS))


def misaligned(share: float, rng: Rng, rows: int) -> Payload:
    """Predictions of which some belong to other rows than the scores beside them."""
    law = any_law(rng)
    made = sample(rng, law, rows)
    predicted = law.predicted[made.rows]
    moved = rng.permutation(rows)[: round(share * rows)]
    predicted[moved] = predicted[np.roll(moved, 1)]
    asked = requested(made) | {"predictions": labels_as("integers", predicted, law.classes)}
    return Payload(asked, only("predictions_disagree_with_scores", truth_of(made)))


def copied(times: int, rng: Rng, rows: int) -> Payload:
    return copies(rng, payload(sample(rng, any_law(rng), rows // times), kind=one_of(rng, KINDS)), times)


def plain(rng: Rng, rows: int) -> Payload:
    return payload(sample(rng, any_law(rng), rows), kind=one_of(rng, KINDS), form=one_of(rng, FORMS))


corrupt, exactly = partial(corruption, "multiclass"), partial(exact, "multiclass")
CORRUPTED: tuple[Iterator[Family], ...] = (
    corrupt(
        "class_imbalance",
        ("6 % of the others", 2000, partial(imbalanced, 0.06)),
        ("3 % of the others", 800, partial(imbalanced, 0.03)),
        ("1 % of the others", 600, partial(imbalanced, 0.01)),
        counts="rows of each other class",
    ),
    corrupt(
        "accuracy_paradox",
        ("recall 0.4", 800, partial(paradox, 0.4)),
        ("recall 0.25", 120, partial(paradox, 0.25)),
        ("recall 0.1", 40, partial(paradox, 0.1)),
        sizes=(40, 120, 800),
        counts="rare rows",
    ),
    corrupt(
        "worst_classes",
        ("recall 0.4", 1200, partial(worst, 0.4)),
        ("recall 0.25", 120, partial(worst, 0.25)),
        ("recall 0.1", 40, partial(worst, 0.1)),
        sizes=(40, 120, 1200),
        counts="rows of the class",
    ),
    corrupt(
        "confused_classes",
        ("25 % of two classes", 600, partial(confused, 0.25)),
        ("35 % of two classes", 200, partial(confused, 0.35)),
        ("45 % of two classes", 100, partial(confused, 0.45)),
        counts="rows of the rarer of both",
    ),
    exactly("constant_predictions", constant_predictions),
    exactly("constant_scores", constant_scores),
    exactly("hard_scores", hard),
    exactly("perfect_scores", leaked, (50, 100, 400), counts="rows a class"),
    *(
        corrupt("miscalibrated", *(grade(power, least) for power, least in ((1.5, 4000), (2, 1000), (4, 300))))
        for grade in (
            lambda power, least: (f"overconfident {power} times", least, partial(miscalibrated, power)),
            lambda power, least: (f"underconfident {power} times", least, partial(miscalibrated, 1 / power)),
        )
    ),
    exactly("small_sample", few_rows, (9, 6, 3), counts="rows a class"),
    exactly("single_class", one_class),
    corrupt(
        "unstable_macro",
        *((f"{number} rows of a class", 20, partial(unstable, number)) for number in (6, 4, 2)),
        sizes=(20, 60, 300),
        counts="rows of each other class",
    ),
    corrupt(
        "columns_permuted",
        ("two columns", 600, partial(permuted, 2)),
        ("three columns", 300, partial(permuted, 3)),
        ("all columns", 400, partial(permuted, 10)),
    ),
    corrupt(
        "predictions_disagree_with_scores",
        ("25 % of the rows", 1000, partial(misaligned, 0.25)),
        ("50 % of the rows", 200, partial(misaligned, 0.5)),
        ("all rows", 60, partial(misaligned, 1.0)),
    ),
    corrupt(
        "duplicated_rows",
        *((f"{times} times", 180, partial(copied, times)) for times in (2, 4, 6)),
        sizes=(180, 600, 6000),
    ),
    exactly("micro_equals_accuracy", plain),
)
FAMILIES: tuple[Family, ...] = (*clean(), *chain.from_iterable(CORRUPTED))
