"""What reports of a multilabel task find in their own numbers."""

import numpy as np

from service.metrics.batch import Question
from service.metrics.class_states import Areas, ClassTable, ColumnScores
from service.metrics.denominators import size
from service.metrics.exact import Floats
from service.metrics.findings.binary_scores import leaked
from service.metrics.findings.classes import effective_rows, named
from service.metrics.findings.rule import Found, Rule, certain
from service.metrics.intervals import wilson_limits
from service.metrics.multilabel_states import LabelDecisions
from service.metrics.sections import samples
from service.metrics.states import LabelState
from service.metrics.undefined import Undefined


def fewer_rows(table: ClassTable) -> Floats:
    """Of each label the effective number of the rows that have it, or of those that do not, whichever is less."""
    sides = zip(table.counts.truth.exact, table.squares.truth.exact, strict=True)
    without = [size(table.weight - weight, table.weight2 - weight2) for weight, weight2 in sides]
    return np.minimum(effective_rows(table), without)


def roc_areas(areas: list[Areas]) -> Floats:
    """The area under the ROC curve of each label, NaN where there is none."""
    return np.array([np.nan if isinstance(each.roc_auc, Undefined) else each.roc_auc for each in areas])


def single_class(table: ClassTable, question: Question) -> Found:
    """Every row has a label, or none does."""
    truth = table.counts.truth.exact
    for rows, weight in (("no row", 0), ("every row", table.weight)):
        places = [place for place, own in enumerate(truth) if own == weight]
        if places:
            yield {"rows": rows, **named(question, places)}


def inverted_scores(table: ClassTable, scores: ColumnScores, question: Question, even_odds: float) -> Found:
    """The area under the ROC curve of a label is below {even_odds}, with 99.9 % for all labels together.

    An area varies no more than a share of as many rows as have the label, or have it not, whichever are fewer.
    """
    areas = roc_areas(scores.areas)
    _, most = wilson_limits(areas, fewer_rows(table), certain(len(areas)))
    places = np.flatnonzero(most < even_odds)
    if len(places):
        yield named(question, places.tolist(), areas.tolist(), roc_auc=areas.tolist())


def perfect_scores(table: ClassTable, scores: ColumnScores | Undefined, question: Question, fewest: float) -> Found:
    """A label with at least {fewest} effective rows, and as many without it, has no mistake.

    By scores: all rows with it score above all others. Without scores by predictions.
    """
    if isinstance(scores, Undefined):
        right = [len(set(parts)) == 1 for parts in zip(*(sums.exact for sums in table.counts), strict=True)]
    else:
        right = (roc_areas(scores.areas) == 1).tolist()
    enough = fewer_rows(table) >= fewest
    places = [place for place, perfect in enumerate(right) if perfect and enough[place]]
    if places:
        yield named(question, places)


def logits(scores: ColumnScores) -> Found:
    """Scores lie outside [0, 1]."""
    low, high = (float(end) for end in (scores.ends[0].min(), scores.ends[1].max()))
    if low < 0 or high > 1:
        yield {"low": low, "high": high}


def constant_scores(labels: LabelState, scores: ColumnScores, question: Question, fewest: float) -> Found:
    """All of at least {fewest} rows have the same score for a label."""
    places = np.flatnonzero(scores.ends[0] == scores.ends[1]).tolist()
    if places and samples(labels, question) >= fewest:
        yield {"samples": samples(labels, question), **named(question, places, score=scores.ends[0].tolist())}


def predictions_disagree_with_scores(
    decisions: LabelDecisions, labels: LabelState, question: Question, most: float
) -> Found:
    """Whatever the threshold, more than {most} of the rows of a label are predicted otherwise than by it.

    With 99.9 % for all labels together.
    """
    shares = decisions.against
    low, _ = wilson_limits(shares, labels.effective, certain(len(shares)))
    places = np.flatnonzero(low > most)
    if len(places):
        yield named(question, places.tolist(), (-shares).tolist(), share=shares.tolist())


RULES: tuple[Rule, ...] = (
    Rule(
        inverted_scores,
        severity="error",
        tasks=("multilabel",),
        thresholds={"even_odds": 0.5},
        message="Scores of {number} of {of} classes rank the wrong way round, worse than drawing lots: the area under "
        "the ROC curve is {classes:<roc_auc:.3f> for class <class>}.",
        advice="See whether the columns of scores are in the order of classes, and whether these are scores against "
        "the class: send 1 - score then.",
    ),
    Rule(
        logits,
        severity="warning",
        tasks=("multilabel",),
        message="Scores run from {low} to {high} and not from 0 to 1: they look like logits or margins. They are used "
        "as sent, so that metrics of ranks hold; those of probabilities have no value.",
        advice="If they are logits, send 1 / (1 + exp(-score)), and check that the threshold is meant for them.",
    ),
    Rule(
        predictions_disagree_with_scores,
        severity="warning",
        tasks=("multilabel",),
        thresholds={"most": 0.01},
        message="No thresholds on the scores give these predictions: whichever they are, {classes:<share:.1%> of the "
        "rows are predicted otherwise for class <class>}.",
        advice="See whether both come from the same model and rows, and whether the columns are in the same order. "
        "Metrics of ranks read scores, all others predictions.",
    ),
    leaked(
        perfect_scores,
        tasks=("multilabel",),
        message="There is no mistake in {number} of {of} classes: {classes:class <class>}. That is rare in practice, "
        "and often a sign that the label has leaked into the model's input.",
    ),
    Rule(
        constant_scores,
        severity="warning",
        tasks=("multilabel",),
        thresholds={"fewest": 20},
        message="Scores of {number} of {of} classes are the same in all {samples} rows: {classes:<score> for class "
        "<class>}.",
        advice="See whether the model has learnt these classes, or answers with a default.",
    ),
    Rule(
        single_class,
        severity="warning",
        tasks=("multilabel",),
        message="In the labels {rows} is of {number} of {of} classes: {classes:class <class>}. How well these are told "
        "from others cannot be seen.",
        advice="Send rows with and without each label, such as those of a longer time.",
    ),
)
