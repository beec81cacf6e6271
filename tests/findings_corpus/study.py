"""What the service says of the payloads of the corpus, counted."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache

from schemas.compare import CompareRequest
from schemas.reports import REPORTS
from service.api import Answer, comparison_of, report_of
from service.settings import Settings
from tests.findings_corpus.corpus import Family, Payload

# The severity that is no alarm.
INFO = "info"
# Findings are the same whatever metrics are asked for, but for those of the metrics themselves: few are soon reported.
SOON = {
    "binary": ["accuracy"],
    "multiclass": ["accuracy", "f1_micro", "f1_macro"],
    "multilabel": ["subset_accuracy"],
    "regression": ["mean_squared_error"],
    "ranking": ["mrr"],
}


@dataclass(frozen=True)
class Cell:
    """The payloads of a family of one size, counted by code.

    A finding is `true` of some payloads, in which it is `found` or not, and not true of others, in which it may be a
    `false_alarm`; the rest are left open. `alarmed` are the payloads with any false alarm that is no mere information.
    `shapes` counts payloads by aspect and word, `alarmed_shapes` those of them that are alarmed.
    """

    family: Family
    size: int
    payloads: int = 0
    true: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    untrue: Counter[str] = field(default_factory=Counter)
    false_alarms: Counter[str] = field(default_factory=Counter)
    left_open: Counter[str] = field(default_factory=Counter)
    severities: frozenset[tuple[str, str]] = frozenset()
    alarmed: int = 0
    shapes: Counter[tuple[str, str]] = field(default_factory=Counter)
    alarmed_shapes: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def demanded(self) -> bool:
        """Whether the finding is to be found in payloads of this size."""
        return bool(self.family.code) and self.size >= self.family.least


@cache
def answers(task: str, verb: str) -> Answer:
    """Answers columns as the route does."""
    schema, settings = REPORTS[task], Settings()
    return report_of(schema(settings)) if verb == "report" else comparison_of(CompareRequest(settings, schema))


def said(family: Family, payload: Payload) -> dict[str, str]:
    """The severity of each finding in the answer, by code."""
    asked = {"intervals": False, "metrics": SOON[family.task], **payload.request}
    answer = answers(family.task, family.verb)
    report, _ = answer.made(answer.asked(asked))
    return {finding["code"]: finding["severity"] for finding in report["findings"]}


def run(family: Family, size: int, numbers: Iterable[int], ask: Callable[..., dict[str, str]] = said) -> Cell:
    """What is said of payloads of a family with these numbers."""
    made = [family.payload(size, number) for number in numbers]
    cell = Cell(family, size, len(made))
    severities: set[tuple[str, str]] = set()
    alarmed = 0
    for payload in made:
        told = ask(family, payload)
        severities |= told.items()
        alarms = {code for code in told if payload.truth.get(code, False) is False}
        alarm = any(told[code] != INFO for code in alarms)
        alarmed += alarm
        cell.false_alarms.update(alarms)
        for code, true in payload.truth.items():
            (cell.left_open if true is None else cell.true if true else cell.untrue)[code] += 1
            cell.found[code] += bool(true) and code in told
        shape = [("rows", str(size)), *payload.shape.items()] if not family.code else []
        cell.shapes.update(shape)
        cell.alarmed_shapes.update(shape if alarm else ())
    return Cell(**{**vars(cell), "severities": frozenset(severities), "alarmed": alarmed})
