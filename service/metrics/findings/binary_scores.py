"""What reports of a binary task find in their scores."""

from functools import partial

import numpy as np

from service.metrics import binary, calibration
from service.metrics.area_intervals import roc_estimate_of
from service.metrics.batch import Question, Reading
from service.metrics.binary_states import Cells, ClassTotals
from service.metrics.cell_intervals import share_limits
from service.metrics.denominators import smaller_class
from service.metrics.distributions import at_most
from service.metrics.findings.rule import CERTAIN, WORDING, Found, Rule, certain
from service.metrics.intervals import wilson_limits
from service.metrics.operating_points import least_cost, precision_at_recall
from service.metrics.recalibration import ends
from service.metrics.sections import samples
from service.metrics.states import LabelState, Rows
from service.metrics.sweep_states import Decisions, Sweep
from service.metrics.undefined import Undefined

PERCENT = 100


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
    best = least_cost(sweep, cells, reading.costs)
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
    # Of so few positives between the two, or of so few negatives.
    chance = at_most(found, rows, even) if raised else at_most(rows - found, rows, 1 - even)
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


# What no mistake is a sign of, in whichever task.
leaked = partial(
    Rule,
    severity="warning",
    thresholds={"fewest": 50},
    message="{what}. That is rare in practice, and often a sign that the label has leaked into the model's input.",
    advice="See that no input is made of the label, and that none of these rows was learnt from.",
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
    leaked(perfect_scores, tasks=("binary",)),
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
        recall_trade_off,
        severity="info",
        tasks=("binary",),
        thresholds={"low": 0.5},
        message="To find {recall:.1%} of the positive rows the threshold would have to be {threshold}; {precision:.1%} "
        "of the rows predicted positive would then be right.",
        advice="Weigh a miss against a false alarm, and choose a threshold on other rows than you judge it by.",
    ),
)
