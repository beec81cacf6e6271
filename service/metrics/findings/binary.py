"""What reports of a binary task find in their own numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np

from service.metrics import binary
from service.metrics.batch import Label, Question
from service.metrics.binary_states import Cells, ClassTotals, Form
from service.metrics.cell_intervals import Numbers, share_limits
from service.metrics.denominators import smaller_class
from service.metrics.findings.rule import CERTAIN, Found, Rule
from service.metrics.sections import plain, samples
from service.metrics.sweep_states import Sweep
from service.metrics.undefined import Undefined

# Recall and precision of the negative and of the positive class, as the report has them.
SHARES = ((binary.specificity, binary.negative_predictive_value), (binary.recall, binary.precision))


def rows_of(cells: Cells) -> Numbers:
    """The effective number of rows of each cell: the number itself where there are no weights, or these are counts."""
    return Numbers(*map(plain, cells.effective[0]))


def single_class(labels: ClassTotals, question: Question) -> Found:
    """All labels are of one class."""
    if not labels.positive or not labels.negative:
        (only,) = [
            label for label, weight in zip(question.classes, (labels.negative, labels.positive), strict=True) if weight
        ]
        yield {"class": only, "samples": samples(labels, question)}


def small_sample(labels: ClassTotals, question: Question, fewest: float) -> Found:
    """The rarer class has fewer than {fewest} effective rows."""
    rows = smaller_class(labels)
    if 0 < rows < fewest:
        yield {"class": rarer(labels, question), "effective_samples": rows}


def class_imbalance(labels: ClassTotals, question: Question, least_share: float) -> Found:
    """The rarer class has less than {least_share} of the weight."""
    share = min(labels.prevalence, 1 - labels.prevalence)
    if 0 < share < least_share:
        look_at = [each.__name__ for each in SHARES[labels.positive <= labels.negative]]
        yield {"class": rarer(labels, question), "share": share, "look_at": look_at}


def rarer(labels: ClassTotals, question: Question) -> Label | None:
    """The class with less weight, the positive one of a tie."""
    return question.classes[labels.positive <= labels.negative]


def accuracy_paradox(cells: Cells, question: Question, least_accuracy: float, low: float) -> Found:
    """At least {least_accuracy} of the rows are right, but the rarer class is missed, or predicted at a loss.

    Missed: its recall is below {low}. At a loss: of the rows predicted so less than {low} are, so that always
    predicting the other class would be right more often. Both with 99.9 %.
    """
    accuracy, rows = float(binary.accuracy(cells)), rows_of(cells)
    rare = rows.tp + rows.fn <= rows.tn + rows.fp
    recall, precision = SHARES[rare]
    hits, missed, wrong = (rows.tp, rows.fn, rows.fp) if rare else (rows.tn, rows.fp, rows.fn)
    is_missed = share_limits(recall, cells, CERTAIN)[2] < low
    at_a_loss = hits + wrong and share_limits(precision, cells, CERTAIN)[2] < low
    if accuracy >= least_accuracy and (is_missed or at_a_loss):
        yield {
            "accuracy": accuracy,
            "baseline": 1 - (hits + missed) / sum(rows),
            "majority": question.classes[not rare],
            "minority": question.classes[rare],
            "found": hits,
            "samples": hits + (missed if is_missed else wrong),
            "what": "rows" if is_missed else "predictions",
            "look_at": [share.__name__ for share in (recall, precision)],
        }


def low_recall(cells: Cells, low: float) -> Found:
    """Less than {low} of the positive rows are predicted positive, with 99.9 %."""
    recall, _, most = share_limits(binary.recall, cells, CERTAIN)
    if most < low:
        rows = rows_of(cells)
        yield {"recall": recall, "missed": rows.fn, "positives": rows.tp + rows.fn}


def low_precision(cells: Cells, low: float) -> Found:
    """Less than {low} of the rows predicted positive are positive, with 99.9 %."""
    precision, _, most = share_limits(binary.precision, cells, CERTAIN)
    if most < low:
        rows = rows_of(cells)
        yield {"precision": precision, "wrong": rows.fp, "predicted": rows.tp + rows.fp}


def constant_predictions(cells: Cells, question: Question, fewest: float) -> Found:
    """All of at least {fewest} rows are predicted as one class, while labels are of both."""
    rows = rows_of(cells)
    positive = rows.tp + rows.fp > 0
    both = rows.tp + rows.fn > 0 < rows.tn + rows.fp
    if both and sum(rows) >= fewest and not (rows.fn + rows.tn if positive else rows.tp + rows.fp):
        yield {"class": question.classes[positive], "samples": sum(rows)}


def one_hot_binary(form: Form, cells: Cells) -> Found:
    """Labels or scores came as two columns, one for each class."""
    if form.one_hot or form.pairs:
        columns = ["labels"] * bool(form.one_hot) + ["scores"] * bool(form.pairs)
        shares = {share.__name__: defined(share, cells) for share in (binary.precision, binary.recall)}
        yield {"columns": columns, "naive": float(binary.accuracy(cells)), **shares}


def defined(share: Callable[[Cells], Any], cells: Cells) -> float | None:
    """The share, None where it is undefined."""
    try:
        return float(share(cells))
    except Undefined:
        return None


def equal_by_counts(cells: Cells, fewest: float) -> bool:
    """Whether both classes have the same numbers of right and of wrong predictions, of enough rows."""
    return bool(cells.tp == cells.tn and cells.fp == cells.fn != 0 and sum(cells.effective[0]) >= fewest)


def identical_metrics(cells: Cells, sweep: Sweep, fewest: float, fewest_scores: float, rounding: float) -> Found:
    """Accuracy, precision and recall are equal, and the scores of one class mirror those of the other.

    Looked for from {fewest} rows and {fewest_scores} scores on, which may be rounded by {rounding} of the largest.
    """
    if not equal_by_counts(cells, fewest) or len(sweep.steps.thresholds) < fewest_scores:
        return
    positive, negative = sweep.scores[sweep.truth], sweep.scores[~sweep.truth]
    if len(positive) != len(negative):
        return
    both = positive + negative[::-1]
    if float(np.ptp(both)) <= rounding * max(abs(sweep.scores[0]), abs(sweep.scores[-1])):
        rows = rows_of(cells)
        yield {"accuracy": float(binary.accuracy(cells)), "right": rows.tp, "wrong": rows.fp}


def identical_metrics_of_predictions(cells: Cells, sweep: Sweep | Undefined, fewest: float) -> Found:
    """Accuracy, precision and recall are equal in at least {fewest} rows without scores."""
    if isinstance(sweep, Undefined) and equal_by_counts(cells, fewest):
        rows = rows_of(cells)
        yield {"accuracy": float(binary.accuracy(cells)), "right": rows.tp, "wrong": rows.fp}


COUNTED_TWICE = (
    "If labels came from a model with two outputs, send only the column of the positive class: one label and one score "
    "a row."
)

RULES: tuple[Rule, ...] = (
    Rule(
        identical_metrics,
        severity="error",
        tasks=("binary",),
        thresholds={"fewest": 200, "fewest_scores": 20, "rounding": 1e-5},
        message="Accuracy, precision and recall are all {accuracy:.4g}, as both classes have {right} right and {wrong} "
        "wrong rows, and the scores of one class mirror those of the other: each row seems to have been sent twice, "
        "once for each class.",
        advice=COUNTED_TWICE,
    ),
    Rule(
        accuracy_paradox,
        severity="warning",
        tasks=("binary",),
        thresholds={"least_accuracy": 0.8, "low": 0.5},
        message="{accuracy:.1%} of the predictions are right, but always predicting class {majority} would be right in "
        "{baseline:.1%}: of {samples} {what} of class {minority} only {found} are right.",
        advice="Do not judge this model by accuracy. Look at {look_at}, which are those of class {minority}, or at "
        "balanced_accuracy and matthews_corrcoef.",
    ),
    Rule(
        low_recall,
        severity="warning",
        tasks=("binary",),
        thresholds={"low": 0.5},
        message="The model misses {missed} of {positives} positive rows: its recall is {recall:.3g}.",
        advice="If a miss costs more than a false alarm, call more rows positive: lower the threshold.",
    ),
    Rule(
        low_precision,
        severity="warning",
        tasks=("binary",),
        thresholds={"low": 0.5},
        message="Of {predicted} rows predicted positive {wrong} are negative: the precision is {precision:.3g}.",
        advice="If a false alarm costs more than a miss, call fewer rows positive: raise the threshold.",
    ),
    Rule(
        constant_predictions,
        severity="warning",
        tasks=("binary",),
        thresholds={"fewest": 20},
        message="All {samples} predictions are class {class}, though labels are of both classes.",
        advice="See whether the model answers with a default, or whether the threshold is meant for these scores.",
    ),
    Rule(
        single_class,
        severity="warning",
        tasks=("binary",),
        explains=("recall_trade_off", "threshold_far_from_best"),
        message="All {samples} labels are of class {class}: how well the classes are told apart cannot be seen.",
        advice="Send rows of both classes, such as those of a longer time.",
    ),
    Rule(
        small_sample,
        severity="warning",
        tasks=("binary",),
        thresholds={"fewest": 10},
        message="There are only {effective_samples} effective rows of class {class}: what is said of it is mostly "
        "chance.",
        advice="Read the intervals and not the values, and send more rows of that class.",
    ),
    Rule(
        one_hot_binary,
        severity="info",
        tasks=("binary",),
        message="There are two columns of {columns}, one a class; the second is that of the positive class, and counts "
        "alone. Counting both would give accuracy, precision and recall alike as {naive:.4g}; in truth precision is "
        "{precision:.4g} and recall {recall:.4g}.",
        advice="If another tool reports the same figure three times, it counts both columns.",
    ),
    Rule(
        identical_metrics_of_predictions,
        title="identical_metrics",
        severity="info",
        tasks=("binary",),
        thresholds={"fewest": 200},
        message="Accuracy, precision and recall are all {accuracy:.4g}, as both classes have {right} right and {wrong} "
        "wrong rows. That is always so where each row is counted twice, once for each class, and by chance now and "
        "then.",
        advice=COUNTED_TWICE,
    ),
    Rule(
        class_imbalance,
        severity="info",
        tasks=("binary",),
        thresholds={"least_share": 0.1},
        message="Only {share:.2%} of the rows are of class {class}.",
        advice="Accuracy says little here: look at {look_at}, which are those of that class.",
    ),
)
