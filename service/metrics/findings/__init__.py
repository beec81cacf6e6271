"""THE list of what reports and comparisons find in their own numbers.

A rule is a function of states, with its thresholds, severity and sentences beside it, in the file of what it is about.
A finding needs statistical certainty, by limits of its own that hold with 99.9 %, and an effect that matters.
"""

from collections.abc import Mapping

from service.metrics.findings import (
    binary,
    binary_scores,
    classes,
    comparison,
    groups,
    multiclass,
    multilabel,
    ranking,
    regression,
)
from service.metrics.findings.rule import Finding, Rule, by_severity

__all__ = ["FINDINGS", "OF_REPORTS", "Finding", "Rule", "by_severity"]

OF_REPORTS: tuple[Rule, ...] = (
    *binary.RULES,
    *binary_scores.RULES,
    *classes.RULES,
    *multiclass.RULES,
    *multilabel.RULES,
    *regression.RULES,
    *ranking.RULES,
)
# By what they are found in.
FINDINGS: Mapping[str, tuple[Rule, ...]] = {
    "report": OF_REPORTS,
    "groups": groups.RULES,
    "compare": comparison.RULES,
}
