"""What a finding is made of: a rule looks at states, and says in words what a reader should know."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from string import Formatter
from typing import Any, TypedDict

from service.metrics.row import Row

# The numbers behind a finding, by name.
Evidence = dict[str, Any]
# What a function of a rule gives: the evidence of each of its findings, nothing where there are none.
Found = Iterator[Evidence]
SEVERITIES = ("error", "warning", "info")
ALL_TASKS = ("binary", "multiclass", "multilabel", "regression", "ranking")
# Limits of findings cover the true value this often, whatever the confidence level of the request.
CERTAIN = 0.999


def certain(number: int) -> float:
    """The level at which so many limits hold all together with 99.9 % (Bonferroni)."""
    return 1 - (1 - CERTAIN) / max(number, 1)


class Finding(TypedDict):
    """Something to know when reading the answer: a code for programs, a sentence, the numbers behind it, what to do.

    `severity` is `error` where the numbers do not mean what they seem to, `warning` where they mislead or are bad, and
    `info` else.
    """

    code: str
    severity: str
    message: str
    evidence: dict[str, Any]
    advice: str


BRACES = str.maketrans("<>", "{}")


class Wording(Formatter):
    """Formats numbers for people: whole ones in full, others to four digits; lists with commas and an `and`.

    The format of an object is a sentence with the names of its values in angle brackets.
    """

    def format_field(self, value: Any, format_spec: str) -> str:
        if value is None:
            return "undefined"
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, list):
            *others, last = [self.format_field(each, format_spec) for each in value]
            return f"{', '.join(others)} and {last}" if others else last
        if isinstance(value, dict):
            return self.format(format_spec.translate(BRACES), **value)
        if isinstance(value, float) and not format_spec:
            return f"{value:,.0f}" if value.is_integer() and abs(value) < 2**53 else f"{value:,.4g}"
        return f"{value:,}" if isinstance(value, int) and not format_spec else format(value, format_spec)


WORDING = Wording()


@dataclass(frozen=True, eq=False)
class Rule(Row):
    """A row of the table of findings: `function` takes states, and yields the evidence of each finding.

    Its name is the code, unless `title` is, its docstring says when there is a finding. `thresholds` are arguments of
    it that no request changes. `message` and `advice` are sentences with the names of evidence in braces. `explains`
    are codes of findings that follow from this one and are left out beside it: to act on them would not mend it.
    """

    severity: str = field(kw_only=True)
    tasks: tuple[str, ...] = field(kw_only=True)
    message: str = field(kw_only=True)
    advice: str = field(kw_only=True)
    thresholds: Mapping[str, float] = field(default_factory=dict, kw_only=True)
    explains: tuple[str, ...] = field(default=(), kw_only=True)
    title: str = field(default="", kw_only=True)

    @property
    def name(self) -> str:
        return self.title or self.function.__name__

    @cached_property
    def bound(self) -> Mapping[str, Any]:
        """The thresholds as text."""
        return {name: WORDING.format("{0}", value) for name, value in self.thresholds.items()}

    @property
    def found_when(self) -> str:
        """When there is a finding, from the docstring."""
        return " ".join((self.function.__doc__ or "").format(**self.bound).split())

    def findings(self, given: Mapping[str, Any], where: str = "") -> Iterator[Finding]:
        """The findings in these arguments of the function; `where` starts their sentences."""
        for evidence in self.function(**given, **self.thresholds):
            yield {
                "code": self.name,
                "severity": self.severity,
                "message": where + WORDING.format(self.message, **evidence),
                "evidence": evidence,
                "advice": WORDING.format(self.advice, **evidence),
            }


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """The findings, errors first; in the order of the table where they are alike."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding["severity"]))
