"""What reports of a binary task find in their own numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np

from service.metrics import binary, calibration
from service.metrics.area_intervals import roc_estimate_of
from service.metrics.batch import Label, Question, Reading
from service.metrics.binary_states import Cells, ClassTotals, Decisions, Form, Sweep
from service.metrics.cell_intervals import Numbers, share_limits
from service.metrics.denominators import smaller_class
from service.metrics.distributions import beta_below
from service.metrics.findings.rule import CERTAIN, WORDING, Found, Rule, certain
from service.metrics.intervals import wilson_limits
from service.metrics.operating_points import min_cost, precision_at_recall
from service.metrics.recalibration import ends
from service.metrics.sections import plain, samples
from service.metrics.states import LabelState, Rows
from service.metrics.undefined import Undefined


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
        rare = labels.positive <= labels.negative
        shares = (binary.recall, binary.precision) if rare else (binary.specificity, binary.negative_predictive_value)
        yield {"class": rarer(labels, question), "share": share, "look_at": [share.__name__ for share in shares]}


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
    (recall, precision), hits, missed, wrong = (
        ((binary.recall, binary.precision), rows.tp, rows.fn, rows.fp)
        if rare
        else ((binary.specificity, binary.negative_predictive_value), rows.tn, rows.fp, rows.fn)
    )
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


def recall_trade_off(cells: Cells, sweep: Sweep, reading: Reading, low: float) -> Found:
    """The recall is low, below {low} with 99.9 %: what the `target_recall` of the request would take."""
    if share_limits(binary.recall, cells, CERTAIN)[2] < low:
        point = precision_at_recall(sweep, reading)
        yield {"threshold": point["threshold"], "recall": point["recall"], "precision": point["precision"]}


def threshold_far_from_best(sweep: Sweep, cells: Cells, question: Question, reading: Reading, saving: float) -> Found:
    """Another threshold would save more than {saving} of what errors cost by `costs`, and some of it with 99.9 %.

    It is the one that costs least on these rows: the rows between both thresholds, which alone are decided otherwise,
    are the most remarkable of all that start at the threshold. Stretches of like length tell much the same, so that as
    many count as lengths double, upwards and downwards. Nothing is found where predictions were sent.
    """
    best = min_cost(sweep, cells, reading)
    cost = best["cost_of_predictions"]
    if question.threshold is None or cost - best["cost"] <= saving * cost:
        return
    thresholds, tp, fp = sweep.steps
    steps = sorted(
        0 if threshold is None else len(thresholds) - int(np.searchsorted(thresholds[::-1], threshold))
        for threshold in (question.threshold, best["threshold"])
    )
    hits, alarms, hits2, alarms2 = (float(sums[steps[1]] - sums[steps[0]]) for sums in (tp, fp, *sweep.squares))
    # Calling the rows between positive costs no more than calling them negative from this share of positives on.
    even = reading.costs.false_positive / (reading.costs.false_positive + reading.costs.false_negative)
    rows = (hits + alarms) ** 2 / (hits2 + alarms2)
    found = rows * hits / (hits + alarms)
    raised = best["threshold"] is None or best["threshold"] > question.threshold
    # The binomial probability of so few positives between the two, or of so many.
    tail = (1 - even, rows - found, found + 1) if raised else (even, found, rows - found + 1)
    chance = beta_below(*tail) if tail[0] else 0.0
    if chance < 1 - certain(2 * len(thresholds).bit_length()):
        yield {
            "threshold": question.threshold,
            "cost": cost,
            "best_threshold": best["threshold"],
            "best_cost": best["cost"],
            "best_recall": best["recall"],
            "choice": "no positive prediction at all"
            if best["threshold"] is None
            else WORDING.format("a threshold of {0}", best["threshold"]),
            "saving": 1 - best["cost"] / cost,
        }


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


def constant_scores(labels: ClassTotals, question: Question, sweep: Sweep, fewest: float) -> Found:
    """All of at least {fewest} rows have the same score."""
    if sweep.scores[0] == sweep.scores[-1] and samples(labels, question) >= fewest:
        yield {"score": float(sweep.scores[0]), "samples": samples(labels, question)}


def hard_scores(labels: ClassTotals, question: Question, sweep: Sweep, fewest: float) -> Found:
    """At least {fewest} rows have but two different scores."""
    low, high = sweep.scores[[0, -1]].tolist()
    if (
        low < high
        and samples(labels, question) >= fewest
        and int(np.searchsorted(sweep.scores, high)) == int(np.searchsorted(sweep.scores, low, side="right"))
    ):
        yield {"low": low, "high": high, "samples": samples(labels, question)}


def logits(sweep: Sweep, rounding: float) -> Found:
    """Scores lie outside [0, 1]: by no more than {rounding}, within 0 and 100, or further."""
    low, high = sweep.scores[[0, -1]].tolist()
    if low < 0 or high > 1:
        rounded, percent = low >= -rounding and high <= 1 + rounding, low >= 0 and high <= PERCENT
        kind = "rounded probabilities" if rounded else "percentages" if percent else "logits or margins"
        yield {"low": low, "high": high, "looks_like": kind}


def inverted_scores(sweep: Sweep, even_odds: float) -> Found:
    """The area under the ROC curve is below {even_odds}, with 99.9 %: positives score lower than negatives."""
    area = binary.roc_auc(sweep)
    if area < even_odds and roc_estimate_of(sweep, area).limits(CERTAIN)[1] < even_odds:
        yield {"roc_auc": area, "the_right_way_round": 1 - area}


def no_better_than_chance(sweep: Sweep, even_odds: float, most: float) -> Found:
    """The area under the ROC curve may be {even_odds}, and is below {most}, with 99.9 %."""
    area = binary.roc_auc(sweep)
    if area < most and sweep.scores[0] < sweep.scores[-1]:
        low, high = roc_estimate_of(sweep, area).limits(CERTAIN)
        if low <= even_odds <= high < most:
            yield {"roc_auc": area, "low": low, "high": high}


def perfect_scores(cells: Cells, labels: ClassTotals, sweep: Sweep | Undefined, fewest: float) -> Found:
    """At least {fewest} effective rows of each class, and no mistake: by scores, or without any by predictions."""
    if smaller_class(labels) < fewest:
        return
    if isinstance(sweep, Undefined):
        if not cells.fp and not cells.fn:
            yield {"what": "Every prediction is right"}
    elif sweep.scores[ends(~sweep.truth)[1]] < sweep.scores[ends(sweep.truth)[0]]:
        yield {"what": "Every positive row scores above every negative one"}


def miscalibrated(sweep: Sweep, z: float, least_error: float) -> Found:
    """The calibration error is {least_error} above what chance would leave, and either of two z is beyond {z}.

    They are Spiegelhalter's, which does not see that scores around 0.5 are all too high, and that of the mean score.
    Scores are too high or too low where the error of their mean is more than half of it, else over- or underconfident.
    """
    found = calibration.spiegelhalter_z(sweep)
    bins = sweep.reliability
    of_mean = calibration.mean_score_z(bins)
    error, expected = binary.expected_calibration_error(sweep), calibration.expected_error(bins)
    if max(abs(found), abs(of_mean)) > z and error - expected > least_error:
        gap = bins.mean(bins.gap)
        shifted = abs(gap) > error / 2
        yield {
            "direction": ("too low" if gap > 0 else "too high")
            if shifted
            else ("overconfident" if found > 0 else "underconfident"),
            "expected_calibration_error": error,
            "expected_if_calibrated": expected,
            "mean_score": bins.mean(bins.mean_score),
            "fraction_positive": bins.mean(bins.fraction_positive),
            "spiegelhalter_z": found,
            "mean_score_z": of_mean,
        }


def predictions_disagree_with_scores(decisions: Decisions, labels: ClassTotals, most: float) -> Found:
    """Whatever the threshold, more than {most} of the rows are predicted otherwise than by it, with 99.9 %."""
    share = decisions.against
    if share > most and wilson_limits(share, labels.effective, CERTAIN)[0] > most:
        yield {"share": share}


def duplicated_rows(rows: Rows, labels: LabelState, question: Question, fewest: float) -> Found:
    """Every row comes an even number of times, and at least {fewest} are different."""
    distinct = rows.distinct_pairs
    if distinct >= fewest:
        yield {"distinct": distinct, "samples": samples(labels, question)}


PERCENT = 100
COUNTED_TWICE = (
    "If labels came from a model with two outputs, send only the column of the positive class: one label and one score "
    "a row."
)
RULES: tuple[Rule, ...] = (
    Rule(
        inverted_scores,
        severity="error",
        tasks=("binary",),
        thresholds={"even_odds": 0.5},
        explains=(
            "accuracy_paradox",
            "low_recall",
            "low_precision",
            "recall_trade_off",
            "miscalibrated",
            "threshold_far_from_best",
        ),
        message="Scores rank the wrong way round: the area under the ROC curve is {roc_auc:.3f}, worse than drawing "
        "lots, and would be {the_right_way_round:.3f} with all scores turned round.",
        advice="See whether the scores are those of the other class: name it as pos_label, or send 1 - score.",
    ),
    Rule(
        no_better_than_chance,
        severity="warning",
        tasks=("binary",),
        thresholds={"even_odds": 0.5, "most": 0.6},
        explains=("miscalibrated", "recall_trade_off", "threshold_far_from_best"),
        message="Scores tell positive rows from negative ones no better than drawing lots: the area under the ROC "
        "curve is {roc_auc:.3f}, and surely below {high:.3f}.",
        advice="See whether scores and labels are of the same rows, in the same order, and whether the model has "
        "learnt anything.",
    ),
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
        miscalibrated,
        severity="warning",
        tasks=("binary",),
        thresholds={"z": 3.29, "least_error": 0.03},
        message="The scores cannot be read as probabilities: they are {direction}, and miss the share of positives by "
        "{expected_calibration_error:.3f} on average, where chance would explain {expected_if_calibrated:.3f}. Their "
        "mean is {mean_score:.3f}, the share of positives {fraction_positive:.3f}.",
        advice="Recalibrate on rows that the model has not learnt from, such as by Platt's or isotonic regression. "
        "Ranks, and so roc_auc, stay as they are.",
    ),
    Rule(
        threshold_far_from_best,
        severity="warning",
        tasks=("binary",),
        thresholds={"saving": 0.05},
        message="At the threshold of {threshold} errors cost {cost:.4g} a row; with {choice} they would cost "
        "{best_cost:.4g}, {saving:.0%} less, at a recall of {best_recall:.3g}.",
        advice="That is by costs, 1 for each error where the request has none. Choose the threshold on other rows than "
        "you judge it by.",
    ),
    Rule(
        logits,
        severity="warning",
        tasks=("binary",),
        thresholds={"rounding": 1e-3},
        message="Scores run from {low!s} to {high!s} and not from 0 to 1: they look like {looks_like}. They are "
        "used as sent, so that metrics of ranks hold; those of probabilities have no value.",
        advice="Send probabilities: clip what is rounded, divide percentages by 100, and of logits send "
        "1 / (1 + exp(-score)). See that the threshold is meant for what you send.",
    ),
    Rule(
        predictions_disagree_with_scores,
        severity="warning",
        tasks=("binary",),
        thresholds={"most": 0.01},
        message="No threshold on the scores gives these predictions: {share:.1%} of the rows are predicted otherwise, "
        "whichever it is.",
        advice="See whether both come from the same model and rows, and from the same class's score. Metrics of ranks "
        "read scores, those of the confusion matrix predictions.",
    ),
    Rule(
        perfect_scores,
        severity="warning",
        tasks=("binary",),
        thresholds={"fewest": 50},
        message="{what}. That is rare in practice, and often a sign that the label has leaked into the model's input.",
        advice="See that no input is made of the label, and that none of these rows was learnt from.",
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
        constant_scores,
        severity="warning",
        tasks=("binary",),
        thresholds={"fewest": 20},
        explains=("constant_predictions", "low_recall", "low_precision", "recall_trade_off", "threshold_far_from_best"),
        message="All {samples} scores are {score}: they tell no row from another.",
        advice="See whether the model answers with a default, or failed to load.",
    ),
    Rule(
        hard_scores,
        severity="warning",
        tasks=("binary",),
        thresholds={"fewest": 20},
        message="All {samples} scores are {low} or {high}: they are decisions, and no scores that rank rows.",
        advice="Send the probability or margin that the decision was made of, such as that of predict_proba; or send "
        "them as predictions, without scores.",
    ),
    Rule(
        duplicated_rows,
        severity="warning",
        tasks=("binary", "multiclass", "multilabel", "regression"),
        thresholds={"fewest": 20},
        message="Every row comes an even number of times: the {samples} rows look like the same ones sent twice.",
        advice="Send each row once. Metrics stay the same, but intervals here are narrower than they should be.",
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
        recall_trade_off,
        severity="info",
        tasks=("binary",),
        thresholds={"low": 0.5},
        message="To find {recall:.1%} of the positive rows the threshold would have to be {threshold}; {precision:.1%} "
        "of the rows predicted positive would then be right.",
        advice="Weigh a miss against a false alarm, and choose a threshold on other rows than you judge it by.",
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
