"""What metrics must reach, and the verdict on a report by it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, NotRequired, TypedDict

# What a check can say, from the best to the worst.
OUTCOMES = ("pass", "inconclusive", "fail")


class Requirement(NamedTuple):
    """Limits that a metric must keep, both included: its value, or with `on_interval` its whole interval.

    `preset` names the list that the requirement is from, `group` the group that is to keep the limits, if any. With
    `min_difference` it is a limit of how much better a candidate must be than the reference.
    """

    metric: str
    low: float | None
    high: float | None
    on_interval: bool = False
    preset: str | None = None
    group: Mapping[str, Any] | None = None
    min_difference: float | None = None

    def outcome(self, value: float | None, interval: Mapping[str, Any] | None) -> str:
        """Whether a metric keeps the limits. An undefined one never does, one without an interval may."""
        if value is None:
            return "fail"
        if self.on_interval and interval is None:
            return "inconclusive"
        low, high = (interval["low"], interval["high"]) if self.on_interval and interval else (value, value)
        least = max((limit for limit in (self.low, self.min_difference) if limit is not None), default=-math.inf)
        most = math.inf if self.high is None else self.high
        if least <= low and high <= most:
            return "pass"
        return "fail" if high < least or low > most else "inconclusive"


# A teaching default: what is good enough depends on what mistakes cost.
PRESETS: Mapping[str, tuple[Requirement, ...]] = {
    "good": (
        Requirement("accuracy", 0.8, None),
        Requirement("precision", 0.85, None),
        Requirement("recall", 0.85, None),
    )
}


class Check(TypedDict):
    """A requirement, what it was judged by, and the outcome: `pass`, `fail`, or `inconclusive` on an interval.

    With `min_difference` the value is the difference to the reference, positive where the candidate is better.
    """

    candidate: NotRequired[str]
    metric: str
    min: NotRequired[float]
    max: NotRequired[float]
    min_difference: NotRequired[float]
    preset: NotRequired[str]
    group: NotRequired[dict[str, int | bool | str]]
    decide_on: str
    value: float | None
    interval: NotRequired[dict[str, Any] | None]
    outcome: str


class Verdict(TypedDict):
    """The worst outcome of all requirements (`pass`, `inconclusive` or `fail`), and the check of each."""

    outcome: str
    checks: list[Check]


def verdict(requirements: Sequence[Requirement], report: Mapping[str, Any]) -> Verdict:
    """The checks of at least one requirement by a report, in the order asked for."""
    return verdict_of([check_in(report, each) for each in requirements])


def check_in(report: Mapping[str, Any], requirement: Requirement) -> Check:
    """The check of a requirement by a report, or by that of a group in it: one that has no rows never passes."""
    parts = ({**report, "by": None}, *report.get("groups", ()))
    of: Mapping[str, Any] = next((part for part in parts if part["by"] == requirement.group), {"metrics": {}})
    name = requirement.metric
    return check(requirement, of["metrics"].get(name), of.get("intervals", {}).get(name))


def verdict_of(checks: list[Check]) -> Verdict:
    """The verdict by at least one check."""
    return {"outcome": max((each["outcome"] for each in checks), key=OUTCOMES.index), "checks": checks}


def check(requirement: Requirement, value: float | None, interval: dict[str, Any] | None) -> Check:
    """The check of a metric of this value and interval."""
    checked: Check = {
        "metric": requirement.metric,
        "decide_on": "interval" if requirement.on_interval else "value",
        "value": value,
        "outcome": requirement.outcome(value, interval),
    }
    if requirement.low is not None:
        checked["min"] = requirement.low
    if requirement.high is not None:
        checked["max"] = requirement.high
    if requirement.min_difference is not None:
        checked["min_difference"] = requirement.min_difference
    if requirement.preset is not None:
        checked["preset"] = requirement.preset
    if requirement.group is not None:
        checked["group"] = dict(requirement.group)
    if requirement.on_interval:
        checked["interval"] = interval
    return checked
