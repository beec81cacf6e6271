"""What a report finds in the gaps between groups of its rows."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from service.metrics.findings.rule import ALL_TASKS, Found, Rule
from service.metrics.gaps import Gap
from service.metrics.row import Metric

# The widest range of shares and correlations.
WIDEST = 2.0


class Apart(NamedTuple):
    """How far groups are apart in a metric, with its values in the `group` and in the `reference` of the gap."""

    gap: Gap
    values: tuple[float, float]
    metric: Metric

    @property
    def sides(self) -> list[tuple[float, dict[str, Any]]]:
        """The values and groups, the worse one first."""
        groups = (self.gap["group"] or {}, self.gap["reference"] or {})
        return sorted(zip(self.values, groups, strict=True), key=lambda side: side[0] * self.metric.towards)

    @property
    def p_value(self) -> float:
        """The p-value of the test that the groups are alike; 1 where there is none."""
        p_value = self.gap.get("p_value")
        return 1.0 if p_value is None else p_value

    def beyond(self, difference: float, ratio: float) -> bool:
        """Whether it is surely more than a difference of shares, of losses more than a ratio as it is."""
        interval = self.gap.get("interval")
        if self.metric.high - self.metric.low > WIDEST:
            loss = self.metric.low == self.metric.best == 0 and not self.metric.ratio
            return loss and self.gap["ratio"] is not None and self.gap["ratio"] * ratio < 1
        return interval is not None and max(interval["low"], -interval["high"]) > difference


def group_far_behind(apart: Sequence[Apart], doubt: float, difference: float, ratio: float) -> Found:
    """Groups are not alike in a metric, with p below {doubt} for all metrics together, and far apart.

    Far is a difference of shares that is surely more than {difference}, of losses a value {ratio} times the other. Of
    several metrics the first of the report is named. Nothing is found where there are no intervals.
    """
    judged = [each for each in apart if each.metric.towards]
    far = [each for each in judged if each.p_value * len(judged) < doubt and each.beyond(difference, ratio)]
    if far:
        worst = far[0]
        (value, behind), (other_value, other) = worst.sides
        yield {
            "metric": worst.metric.name,
            "group": [f"{name} {level}" for name, level in behind.items()],
            "value": value,
            "other": [f"{name} {level}" for name, level in other.items()],
            "other_value": other_value,
            "p_value": worst.p_value,
        }


RULES: tuple[Rule, ...] = (
    Rule(
        group_far_behind,
        severity="warning",
        tasks=ALL_TASKS,
        thresholds={"doubt": 0.001, "difference": 0.05, "ratio": 1.5},
        message="By {metric} the model serves {group} worse than {other}: {value:.4g} against {other_value:.4g}, "
        "further apart than chance would have it.",
        advice="See gaps for all metrics, some of which may favour the other group, and whether labels are as frequent "
        "in both, and made alike.",
    ),
)
