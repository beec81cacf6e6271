"""Binary and regression payloads with groups, of which one may be served worse than the others."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain

import numpy as np

from tests.findings_corpus import binary_laws, regression
from tests.findings_corpus.binary import KINDS, any_law
from tests.findings_corpus.binary_laws import Law, calibrated
from tests.findings_corpus.corpus import Array, Family, Payload, Rng, corruption, one_of

CODE = "group_far_behind"
SIZES = (100, 200, 500, 1000, 2000, 5000)
# How many groups there are, and how many names of them.
NUMBERS, NAMES = (2, 3, 5, 10), (1, 2)


def columns(rng: Rng, rows: int) -> dict[str, Array]:
    """Groups that have nothing to do with the rows, some larger than others."""
    made = {}
    for name in ("region", "device")[: one_of(rng, NAMES)]:
        number = one_of(rng, NUMBERS)
        made[name] = rng.choice(number, rows, p=rng.dirichlet(np.full(number, 5.0)))
    return made


def asked(made: Payload, groups: dict[str, Array], *, behind: bool) -> Payload:
    """The payload with groups."""
    named = {"groups": groups, "metrics": METRICS["scores" in made.request or "pos_label" in made.request]}
    names = "one name" if len(groups) == 1 else "two names"
    most = str(max(len(np.unique(column)) for column in groups.values()))
    request = {**made.request, **named, "intervals": True}
    return Payload(request, {**made.truth, CODE: behind}, {"names": names, "groups of a name": most})


# Of each half what people read, so that reports are made soon: of binary scores, and of a regression.
METRICS = {
    True: ["accuracy", "recall", "precision", "specificity", "roc_auc", "brier_score"],
    False: ["mean_squared_error", "mean_absolute_error", "r2"],
}


def alike(rng: Rng, rows: int) -> Payload:
    made = binary_laws.payload(binary_laws.sample(rng, any_law(rng), rows), kind=one_of(rng, KINDS))
    return asked(made, columns(rng, rows), behind=False)


def alike_errors(rng: Rng, rows: int) -> Payload:
    made = regression.drawn(rng, regression.law_of(one_of(rng, regression.ORDINARY)), rows)
    return asked(made, columns(rng, rows), behind=False)


def together(rng: Rng, most: binary_laws.Sample, others: binary_laws.Sample) -> Payload:
    """Two groups, of which the second is of another law."""
    rows, ours = len(most.rows), len(most.law.scores)
    law = Law(np.append(most.law.scores, others.law.scores), np.append(most.law.chance, others.law.chance))
    order = rng.permutation(rows + len(others.rows))
    places = np.append(most.rows, others.rows + ours)[order]
    made = binary_laws.Sample(law, places, np.append(most.labels, others.labels)[order])
    groups = {"region": np.where(order < rows, "north", "south").tolist()}
    return asked(binary_laws.payload(made, kind=one_of(rng, KINDS)), groups, behind=True)


def missed(recall: float, rng: Rng, rows: int) -> Payload:
    """A group in which fewer positives are found: its scores are lower."""
    law = calibrated("votes, random forest", 0.5)
    other = law.with_recall(recall)
    lower = replace(law, scores=np.clip(law.scores - (other.threshold - 0.5), 0, 1))
    return together(rng, binary_laws.sample(rng, law, rows), binary_laws.sample(rng, lower, rows))


def told_nothing(share: float, rng: Rng, rows: int) -> Payload:
    """A group of which the model knows less: so many of its scores are those of other rows."""
    law = calibrated("votes, random forest", 0.5)
    mixed = law.scores.copy()
    moved = rng.permutation(len(mixed))[: round(share * len(mixed))]
    mixed[moved] = mixed[np.roll(moved, 1)]
    other = replace(law, scores=mixed)
    return together(rng, binary_laws.sample(rng, law, rows), binary_laws.sample(rng, other, rows))


def larger_errors(times: float, rng: Rng, rows: int) -> Payload:
    """A group whose errors are so many times as large."""
    law = regression.law_of(one_of(rng, regression.ORDINARY))
    far = regression.Law(np.tile(law.labels, 2), np.append(law.predictions, law.labels + times * law.error))
    chosen = rng.integers(len(far.labels), size=2 * rows)
    request = {"labels": far.labels[chosen], "predictions": far.predictions[chosen]}
    made = Payload(request, regression.truth_of(far, chosen))
    return asked(made, {"region": (chosen >= len(law.labels)).astype(np.int64)}, behind=True)


def clean() -> Iterator[Family]:
    yield Family("binary", "groups alike", alike, SIZES, 40)
    yield Family("regression", "groups alike", alike_errors, SIZES, 40)


def corrupt(task: str, name: str, *grades: tuple[str, int, Callable[[Rng, int], Payload]]) -> Iterator[Family]:
    return corruption(task, CODE, *grades, name=name, counts="rows of each of two groups")


CORRUPTED: tuple[Iterator[Family], ...] = (
    corrupt(
        "binary",
        "more positives missed",
        ("recall 0.6 beside 0.83", 800, partial(missed, 0.6)),
        ("recall 0.4 beside 0.83", 300, partial(missed, 0.4)),
        ("recall 0.2 beside 0.83", 150, partial(missed, 0.2)),
    ),
    corrupt(
        "binary",
        "scores of other rows",
        ("40 % of a group", 800, partial(told_nothing, 0.4)),
        ("60 % of a group", 300, partial(told_nothing, 0.6)),
        ("all of a group", 150, partial(told_nothing, 1.0)),
    ),
    corrupt(
        "regression",
        "larger errors",
        ("1.5 times as large", 800, partial(larger_errors, 1.5)),
        ("2 times as large", 300, partial(larger_errors, 2.0)),
        ("4 times as large", 100, partial(larger_errors, 4.0)),
    ),
)
FAMILIES: tuple[Family, ...] = (*clean(), *chain.from_iterable(CORRUPTED))
