"""What the comparison of candidates finds in its own numbers."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from service.metrics.findings.rule import ALL_TASKS, Found, Rule

# Candidates with one of these words in their name are of rows that a model has learnt from.
TRAINING = {"train", "training"}


class Compared(NamedTuple):
    """A candidate against the reference by the primary metric.

    `entry` is what the answer says of them, `values` are the metric's of both, by name, the candidate's first, `best`
    its best value, and `towards` the sign of a change for the better. `paired` candidates are of the same rows;
    `same_labels` says that rows of their own have the same labels in the same order.
    """

    entry: Mapping[str, Any]
    values: Mapping[str, float | None]
    best: float
    towards: int
    paired: bool
    same_labels: bool
    samples: int

    @property
    def named(self) -> dict[str, Any]:
        """Who is compared, by what."""
        candidate, reference = self.values
        return {"candidate": candidate, "reference": reference, "metric": self.entry["metric"]}


def no_comparison(compared: Compared) -> Found:
    """The difference by the primary metric, or its interval, has no value."""
    undefined = compared.entry["undefined"]
    if undefined:
        reason = undefined.get("difference") or undefined["interval"]
        yield {**compared.named, **reason}


def no_significant_difference(compared: Compared) -> Found:
    """The interval of the difference by the primary metric holds 0, and the candidates are not identical."""
    entry = compared.entry
    if not entry["undefined"] and not entry["better"] and not entry["identical"]:
        yield {
            **compared.named,
            "difference": entry["difference"],
            "p_value_adjusted": entry["tests"][0]["p_value_adjusted"],
            "detectable_difference": entry["detectable_difference"],
            "more": "rows" if compared.paired else "rows, or the same rows for both",
        }


def looks_paired(compared: Compared) -> Found:
    """Candidates with rows of their own have the same labels in the same order."""
    if compared.same_labels and not compared.paired:
        yield {**compared.named, "samples": compared.samples}


def learnt_from(name: str) -> bool:
    """Whether a candidate's name says that its rows are those the model has learnt from."""
    return not TRAINING.isdisjoint(re.split("[^a-z]+", name.lower()))


def overfit(compared: Compared, least_doubt: float, least_gap: float) -> Found:
    """A candidate with train or training in its name is better than one without, with p below {least_doubt}.

    And by more than {least_gap} of what that one lacks to the best value. Candidates have rows of their own.
    """
    train, test = sorted(compared.values, key=lambda name: not learnt_from(name))
    on_train, on_test = compared.values[train], compared.values[test]
    tests = compared.entry["tests"]
    learnt = learnt_from(train) and not learnt_from(test)
    if compared.paired or not learnt or not tests or on_train is None or on_test is None:
        return
    gap, room = compared.towards * (on_train - on_test), abs(compared.best - on_test)
    if gap > least_gap * room and tests[0]["p_value"] < least_doubt:
        yield {
            "metric": compared.entry["metric"],
            "train": train,
            "test": test,
            "on_train": on_train,
            "on_test": on_test,
            "p_value": tests[0]["p_value"],
        }


RULES: tuple[Rule, ...] = (
    Rule(
        no_comparison,
        severity="warning",
        tasks=ALL_TASKS,
        message="By {metric} nothing can be said of {candidate} and {reference}: {detail}",
        advice="Name another primary_metric, or send rows of which it has a value.",
    ),
    Rule(
        looks_paired,
        severity="warning",
        tasks=ALL_TASKS,
        message="{candidate} and {reference} have the same labels in the same order, but are compared as if of "
        "different rows.",
        advice="If the rows are the same, send the labels once, beside the candidates: differences are then found with "
        "fewer rows.",
    ),
    Rule(
        overfit,
        severity="warning",
        tasks=ALL_TASKS,
        thresholds={"least_doubt": 0.001, "least_gap": 0.1},
        message="{metric} is {on_train:.4g} on {train} and {on_test:.4g} on {test}: the model does better on rows that "
        "it has learnt from than on others, by more than chance.",
        advice="Trust the value on {test}. Regularise, simplify or stop earlier, or learn from more rows.",
    ),
    Rule(
        no_significant_difference,
        severity="info",
        tasks=ALL_TASKS,
        message="These rows do not tell {candidate} from {reference} by {metric}.",
        advice="That is no proof that they are alike: see the interval for how far apart they may be. Send "
        "more {more}.",
    ),
)
