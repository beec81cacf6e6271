"""The binary payloads: clean ones of many shapes, and every corruption in three strengths."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain

import numpy as np
from scipy.special import logit

from tests.findings_corpus.binary_laws import (
    Law,
    Sample,
    as_found,
    calibrated,
    inside,
    labels_as,
    payload,
    requested,
    sample,
    truth_of,
    with_classes,
)
from tests.findings_corpus.corpus import Family, Payload, Rng, copies, corruption, exact, one_of, only
from tests.findings_corpus.models import BINARY

SIZES = (50, 100, 200, 500, 1000, 2000, 5000, 20_000)
KINDS = ("integers", "booleans", "strings", "-1 and 1")
FORMS = ("scores", "pairs", "predictions", "both")
WEIGHTS = ("none", "none", "uniform", "lognormal")
COSTS = ((1.0, 1.0), (1.0, 1.0), (1.0, 5.0), (3.0, 1.0))
PREVALENCES = (None, 0.5, 0.3, 0.1, 0.03, 0.9)
# Models that are neither perfect nor useless.
FALLIBLE = ("affairs, logistic regression", "votes, random forest", "progression, gradient boosting")
TUMOURS, EIGHTS = "tumours, logistic regression", "eights, decision tree"
AT_A_LOSS = "rare class at a loss"
VISITS = "doctor visits, logistic regression"


def shaped(rng: Rng, law: Law, rows: int) -> Payload:
    """A payload of any shape."""
    kind, form, weighted = one_of(rng, KINDS), one_of(rng, FORMS), one_of(rng, WEIGHTS)
    if not law.probabilities and form == "pairs":
        form = "scores"
    made = payload(sample(rng, law, rows, weighted), kind=kind, form=form)
    shape = {"labels": kind, "sent": form, "weights": weighted, "threshold": said(law), "costs": str(law.costs[1])}
    return replace(made, shape={**shape, "prevalence": f"about {law.prevalence:.1f}"})


def said(law: Law) -> str:
    return "0.5" if law.threshold == 0.5 else "another"


def with_options(rng: Rng, law: Law) -> Law:
    """The law at a threshold that suits its costs, or half of the time at 0.5."""
    costs = one_of(rng, COSTS)
    best = costs[0] / sum(costs)
    return replace(law, costs=costs, threshold=one_of(rng, (0.5, best)))


def right_scores(name: str, rng: Rng, rows: int) -> Payload:
    return shaped(rng, with_options(rng, calibrated(name, one_of(rng, PREVALENCES))), rows)


def real_labels(name: str, rng: Rng, rows: int) -> Payload:
    return shaped(rng, with_options(rng, as_found(name)), rows)


def rounded(rng: Rng, rows: int) -> Payload:
    """Scores of a digit or two after the point, as people send them."""
    law = calibrated(one_of(rng, FALLIBLE))
    scores = np.round(law.scores, one_of(rng, (1, 2)))
    return shaped(rng, with_options(rng, replace(law, scores=scores)), rows)


def chance(rng: Rng, rows: int) -> Payload:
    """Scores that know nothing of the labels, beyond how many are positive on average."""
    prevalence = one_of(rng, (0.1, 0.3, 0.5, 0.6))
    scores = np.clip(prevalence + 0.02 * rng.standard_normal(2000), 0, 1)
    return shaped(rng, Law(scores, np.full(2000, prevalence)), rows)


def margins(rng: Rng, rows: int) -> Payload:
    """As many misses as false alarms, as often positive as not, so that accuracy, precision and recall are equal."""
    law = calibrated(one_of(rng, (*FALLIBLE, TUMOURS)), 0.5)
    right = law.predicted
    half, wrong = rows // 2, round(rows / 2 * (1 - law.accuracy))
    pools = {
        (True, True): half - wrong,
        (True, False): wrong,
        (False, False): half - wrong,
        (False, True): wrong,
    }
    chosen, labels = [], []
    for (label, as_positive), number in pools.items():
        share = (law.chance if label else 1 - law.chance) * (right == as_positive)
        chosen.append(rng.choice(len(right), number, p=share / share.sum()))
        labels += [label] * number
    drawn = Sample(law, np.concatenate(chosen), np.array(labels))
    return payload(drawn)


def nearly_hard(rng: Rng, rows: int) -> Payload:
    """Scores of which most are 0 or 1."""
    law = calibrated(EIGHTS, one_of(rng, (None, 0.3)))
    return shaped(rng, law, rows)


def clean() -> Iterator[Family]:
    for name in BINARY:
        yield Family("binary", f"right scores: {name}", partial(right_scores, name), SIZES, 24)
        yield Family("binary", f"real labels: {name}", partial(real_labels, name), SIZES, 16)
    yield Family("binary", "rounded scores", rounded, SIZES, 24)
    yield Family("binary", "scores by chance", chance, SIZES, 24)
    yield Family("binary", "misses equal false alarms", margins, (200, 1000, 5000), 40)
    yield Family("binary", "few leaves", nearly_hard, SIZES, 16)


def any_law(rng: Rng) -> Law:
    return calibrated(one_of(rng, FALLIBLE), one_of(rng, (None, 0.3, 0.5)))


def on_law(law: Callable[[Rng], Law], rng: Rng, rows: int, form: str = "scores") -> Payload:
    return payload(sample(rng, law(rng), rows), kind=one_of(rng, KINDS), form=form)


def imbalanced(prevalence: float, rng: Rng, rows: int) -> Payload:
    """So many positives, or as many negatives."""
    law = calibrated(one_of(rng, FALLIBLE), prevalence)
    few = max(1, round(rows * prevalence))
    drawn = with_classes(rng, law, few, rows - few)
    if rng.random() < 0.5:
        turned = replace(law, scores=1 - law.scores, chance=1 - law.chance)
        drawn = Sample(turned, drawn.rows, ~drawn.labels)
    return payload(drawn, kind=one_of(rng, KINDS))


def paradox(recall: float, rng: Rng, positives: int) -> Payload:
    """One positive in twenty, of which a model finds few."""
    law = calibrated(one_of(rng, FALLIBLE), 0.05).with_recall(recall)
    return payload(with_classes(rng, law, positives, 19 * positives), kind=one_of(rng, KINDS))


def loss(precision: float, rng: Rng, rows: int) -> Payload:
    """A rare class, predicted more often wrongly than rightly, in rows that are mostly right."""
    law = calibrated(one_of(rng, (TUMOURS, "votes, random forest")), 0.03).with_precision(precision)
    return payload(sample(rng, law, rows), kind=one_of(rng, KINDS))


def missing(code: str, recall: float, rng: Rng, positives: int) -> Payload:
    law = calibrated(one_of(rng, FALLIBLE), 0.3).with_recall(recall)
    form = one_of(rng, FORMS[:2] if code == "recall_trade_off" else FORMS)
    return payload(with_classes(rng, law, positives, positives * 7 // 3), kind=one_of(rng, KINDS), form=form)


def imprecise(prevalence: float, precision: float, rng: Rng, rows: int) -> Payload:
    law = calibrated(one_of(rng, FALLIBLE), prevalence).with_precision(precision)
    law = law if law.precision < 0.5 else law.at(0.0)
    return payload(
        sample(rng, law, round(rows / law.predicted.mean())), kind=one_of(rng, KINDS), form=one_of(rng, FORMS)
    )


def one_hot(rng: Rng, rows: int) -> Payload:
    """Labels as pairs of 0 and 1, beside scores, pairs of scores, or predictions as pairs."""
    drawn = sample(rng, any_law(rng), rows)
    made = payload(drawn, {"one_hot_binary": True}, form=one_of(rng, FORMS))
    asked = dict(made.request)
    for column in asked.keys() & {"labels", "predictions"}:
        asked[column] = np.column_stack([1 - asked[column], asked[column]])
    return replace(made, request=asked)


def flattened(form: str, rng: Rng, rows: int) -> Payload:
    """Every row twice, once for each column of one-hot labels and scores."""
    law = any_law(rng)
    both = Law(np.concatenate([1 - law.scores, law.scores]), np.concatenate([1 - law.chance, law.chance]))
    drawn = sample(rng, law, rows // 2)
    places = np.column_stack([drawn.rows, drawn.rows + len(law.scores)])
    labels = np.column_stack([~drawn.labels, drawn.labels])
    order = "C" if rng.random() < 0.5 else "F"
    twice = Sample(both, places.ravel(order), labels.ravel(order))
    return payload(twice, {"identical_metrics": True}, form=form)


def hard(rng: Rng, rows: int) -> Payload:
    law = any_law(rng)
    return payload(sample(rng, replace(law, scores=law.predicted.astype(float)), rows), kind=one_of(rng, KINDS))


def constant(rng: Rng, rows: int) -> Payload:
    law = any_law(rng)
    same = one_of(rng, (0.0, 0.3, law.prevalence, 0.5, 1.0))
    return payload(sample(rng, replace(law, scores=np.full_like(law.scores, same)), rows))


def undecided(rng: Rng, rows: int) -> Payload:
    """A threshold that no score reaches, or that all do."""
    law = calibrated(FALLIBLE[0], 0.5)
    beyond = replace(law, threshold=one_of(rng, (0.0, 1.5)))
    return payload(sample(rng, beyond, rows), form=one_of(rng, ("scores", "predictions")))


def shuffled(rng: Rng, rows: int) -> Payload:
    """Labels that have nothing to do with their scores."""
    law = calibrated(one_of(rng, FALLIBLE), 0.5)
    return payload(sample(rng, replace(law, chance=np.full_like(law.chance, law.prevalence)), rows))


def inverted(name: str, rng: Rng, per_class: int) -> Payload:
    law = calibrated(name, 0.5)
    turned = replace(law, scores=1 - law.scores)
    return payload(with_classes(rng, turned, per_class, per_class), kind=one_of(rng, KINDS))


def as_logits(scale: float, rng: Rng, rows: int) -> Payload:
    """Log-odds, or scores on a scale of their own."""
    law = any_law(rng)
    return payload(sample(rng, replace(law, scores=scale * logit(inside(law.scores))), rows))


def leaked(rng: Rng, per_class: int) -> Payload:
    """Scores that follow the labels without a mistake, as those of a model that has seen them."""
    law = as_found(one_of(rng, FALLIBLE))
    told = replace(law, scores=np.where(law.chance > 0.5, 0.6 + 0.4 * law.scores, 0.4 * law.scores))
    return payload(with_classes(rng, told, per_class, per_class), kind=one_of(rng, KINDS), form=one_of(rng, FORMS[:2]))


def misplaced(offset: float, rng: Rng, rows: int) -> Payload:
    """Scores of a model that learnt from rows of another prevalence, still cut at 0.5."""
    law = calibrated(one_of(rng, FALLIBLE), 0.5).sharpened(1.0, offset if rng.random() < 0.5 else -offset)
    return payload(sample(rng, law, rows), kind=one_of(rng, KINDS))


def miscalibrated(power: float, offset: float, rng: Rng, rows: int) -> Payload:
    law = calibrated(one_of(rng, FALLIBLE)).sharpened(power, offset)
    return payload(sample(rng, law, rows), kind=one_of(rng, KINDS))


def few(number: int, rng: Rng, rows: int) -> Payload:
    positives = number if rng.random() < 0.5 else rows - number
    law = calibrated(one_of(rng, FALLIBLE), positives / rows)
    return payload(with_classes(rng, law, positives, rows - positives), kind=one_of(rng, KINDS))


def one_class(rng: Rng, rows: int) -> Payload:
    law = any_law(rng)
    label = bool(rng.random() < 0.5)
    drawn = replace(sample(rng, law, rows), labels=np.full(rows, label))
    # What is true of both classes says little of rows of one of them.
    return payload(drawn, only("single_class", truth_of(drawn)), kind=one_of(rng, ("integers", "booleans")))


def misaligned(share: float, rng: Rng, rows: int) -> Payload:
    """Predictions of which some belong to other rows than the scores beside them."""
    law = calibrated(one_of(rng, FALLIBLE), 0.5)
    drawn = sample(rng, law, rows)
    predicted = law.predicted[drawn.rows]
    moved = rng.permutation(rows)[: round(share * rows)]
    predicted[moved] = predicted[np.roll(moved, 1)]
    asked = requested(drawn) | {"predictions": labels_as("integers", predicted)["labels"]}
    return Payload(asked, only("predictions_disagree_with_scores", truth_of(drawn)))


def copied(times: int, rng: Rng, rows: int) -> Payload:
    return copies(rng, payload(sample(rng, any_law(rng), rows // times), kind=one_of(rng, KINDS)), times)


corrupt, exactly = partial(corruption, "binary"), partial(exact, "binary")
CORRUPTED: tuple[Iterator[Family], ...] = (
    corrupt(
        "class_imbalance",
        ("9 % of the rows", 100, partial(imbalanced, 0.09)),
        ("5 % of the rows", 100, partial(imbalanced, 0.05)),
        ("1 % of the rows", 400, partial(imbalanced, 0.01)),
    ),
    corrupt(
        "accuracy_paradox",
        ("recall 0.4", 800, partial(paradox, 0.4)),
        ("recall 0.25", 120, partial(paradox, 0.25)),
        ("recall 0.1", 40, partial(paradox, 0.1)),
        name="rare class missed",
        counts="rare rows",
    ),
    corrupt("accuracy_paradox", ("precision 0.4", 20_000, partial(loss, 0.4)), name=AT_A_LOSS, sizes=(20_000,)),
    corrupt(
        "accuracy_paradox",
        ("precision 0.25", 4000, partial(loss, 0.25)),
        ("precision 0.15", 4000, partial(loss, 0.15)),
        name=AT_A_LOSS,
        sizes=(1000, 4000),
    ),
    *(
        corrupt(
            code,
            ("recall 0.4", 800, partial(missing, code, 0.4)),
            ("recall 0.25", 120, partial(missing, code, 0.25)),
            ("recall 0.1", 40, partial(missing, code, 0.1)),
            counts="positive rows",
        )
        for code in ("low_recall", "recall_trade_off")
    ),
    corrupt(
        "low_precision",
        ("precision 0.4", 800, partial(imprecise, 0.3, 0.4)),
        ("precision 0.25", 120, partial(imprecise, 0.15, 0.25)),
        ("precision 0.1", 40, partial(imprecise, 0.05, 0.1)),
        counts="rows predicted positive",
    ),
    exactly("one_hot_binary", one_hot),
    *(
        exactly("identical_metrics", partial(flattened, form), (200, 1000, 5000), name=f"columns one by one, {form}")
        for form in ("scores", "predictions")
    ),
    exactly("hard_scores", hard),
    exactly("constant_scores", constant),
    exactly("constant_predictions", undecided),
    exactly("no_better_than_chance", shuffled, (1500, 5000, 20_000)),
    corrupt(
        "inverted_scores",
        ("AUC 0.34", 200, partial(inverted, VISITS)),
        ("AUC 0.26", 80, partial(inverted, FALLIBLE[0])),
        ("AUC 0.08", 25, partial(inverted, FALLIBLE[1])),
        counts="rows a class",
    ),
    corrupt(
        "logits",
        *((f"{scale} times the log-odds", 20, partial(as_logits, scale)) for scale in (0.5, 1, 10)),
        sizes=(20, 200, 2000),
    ),
    exactly("perfect_scores", leaked, (50, 250, 1000), counts="rows a class"),
    corrupt(
        "threshold_far_from_best",
        ("log-odds 1 off", 4000, partial(misplaced, 1.0)),
        ("log-odds 2 off", 800, partial(misplaced, 2.0)),
        ("log-odds 4 off", 400, partial(misplaced, 4.0)),
    ),
    *(
        corrupt("miscalibrated", *(grade(power, least) for power, least in ((1.5, 4000), (2, 1000), (4, 300))))
        for grade in (
            lambda power, least: (f"overconfident {power} times", least, partial(miscalibrated, power, 0.0)),
            lambda power, least: (f"underconfident {power} times", least, partial(miscalibrated, 1 / power, 0.0)),
        )
    ),
    *(
        corrupt("miscalibrated", *(grade(offset, least) for offset, least in ((0.5, 2000), (1, 500), (2, 200))))
        for grade in (
            lambda offset, least: (f"log-odds {offset} too high", least, partial(miscalibrated, 1.0, offset)),
            lambda offset, least: (f"log-odds {offset} too low", least, partial(miscalibrated, 1.0, -offset)),
        )
    ),
    corrupt(
        "small_sample",
        *((f"{number} rows in a class", 20, partial(few, number)) for number in (9, 6, 3)),
        sizes=(20, 200, 2000),
    ),
    exactly("single_class", one_class),
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
)
FAMILIES: tuple[Family, ...] = (*clean(), *chain.from_iterable(CORRUPTED))
