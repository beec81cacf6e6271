"""Which of several candidates is better: their reports, and the differences of their metrics with limits and tests."""

import math
from collections.abc import Mapping
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from service.candidates import Candidate, Judged, MetricDifference, Pair, SignificanceTest
from service.metrics.batch import Batch, Comparison, Question, Reading
from service.metrics.differences import IDENTICAL, Difference, holm
from service.metrics.findings import Finding, by_severity
from service.metrics.findings.comparison import RULES, Compared
from service.metrics.requirements import Check, Verdict, check, check_in, verdict_of
from service.metrics.row import Metric
from service.metrics.undefined import Undefined


class AdjustedTest(NamedTuple):
    """A test, and what its p-value is multiplied with for all candidates."""

    name: str
    statistic: float | None
    p_value: float
    factor: float

    @property
    def said(self) -> SignificanceTest:
        """What the answer says of it."""
        adjusted = min(1.0, self.p_value * self.factor)
        return {
            "name": self.name,
            "statistic": self.statistic,
            "p_value": self.p_value,
            "p_value_adjusted": adjusted,
        }


def compare(requests: Mapping[str, tuple[Batch, Question, Reading]], comparison: Comparison) -> dict[str, Any]:
    """Each candidate's report, the difference of each to the reference by every metric, and who wins."""
    with np.errstate(all="ignore"):
        candidates = {name: Candidate(name, *request) for name, request in requests.items()}
        reference = candidates[comparison.reference]
        pairs = [Pair(each, reference, paired=comparison.paired) for each in candidates.values() if each != reference]
        entries = list(chain.from_iterable(entries_of(metric, pairs, comparison) for metric in reference.metrics))
    return {
        "task": reference.question.task,
        "paired": comparison.paired,
        "reference": comparison.reference,
        "primary_metric": comparison.primary_metric,
        "winner": winner(entries, comparison),
        "candidates": {name: candidate.report for name, candidate in candidates.items()},
        "differences": entries,
        "findings": findings(entries, pairs, comparison),
        **({"verdict": verdict(entries, pairs, comparison)} if comparison.requirements else {}),
    }


def verdict(entries: list[MetricDifference], pairs: list[Pair], comparison: Comparison) -> Verdict:
    """The checks of every candidate but the reference, by its report or by its difference to that."""
    differences = {(each["candidate"], each["metric"]): each for each in entries}
    checks: list[Check] = []
    for pair in pairs:
        for each in comparison.requirements:
            made = check_in(pair.candidate.report, each)
            if each.min_difference is not None:
                apart = differences[pair.candidate.name, each.metric]
                made = check(each, apart["difference"], apart.get("simultaneous_interval", apart["interval"]))
            checks.append({"candidate": pair.candidate.name, **made})
    return verdict_of(checks)


def entries_of(metric: Metric, pairs: list[Pair], comparison: Comparison) -> list[MetricDifference]:
    """The differences of all candidates by a metric, their tests adjusted for one another."""
    judged: list[Judged | Undefined] = []
    for pair in pairs:
        try:
            judged.append(pair.difference(metric))
        except Undefined as reason:
            judged.append(reason.again())
    tests: list[list[tuple[str, float | None, float]]] = []
    for pair, each in zip(pairs, judged, strict=True):
        of_pair = []
        if isinstance(each, Judged) and not isinstance(each.found, Undefined):
            statistic = each.found.statistic if isinstance(each.found, Difference) else None
            of_pair = [(each.test, statistic, each.found.p_value), *pair.mcnemar(metric)]
        tests.append(of_pair)
    adjusted: list[list[AdjustedTest]] = [[] for _ in pairs]
    for rank in range(max(map(len, tests), default=0)):  # the first decides, whatever its name
        places = [place for place, of_pair in enumerate(tests) if rank < len(of_pair)]
        factors = holm([tests[place][rank][2] for place in places])
        for place, factor in zip(places, factors, strict=True):
            adjusted[place].append(AdjustedTest(*tests[place][rank], factor))
    return [
        entry(metric, pair, each, of_pair, comparison)
        for pair, each, of_pair in zip(pairs, judged, adjusted, strict=True)
    ]


def entry(
    metric: Metric, pair: Pair, judged: Judged | Undefined, tests: list[AdjustedTest], comparison: Comparison
) -> MetricDifference:
    """What is said of a candidate by a metric."""
    made: MetricDifference = {
        "candidate": pair.candidate.name,
        "metric": metric.name,
        "scale": "plain",
        "difference": None,
        "interval": None,
        "tests": [test.said for test in tests],
        "better": None,
        "identical": False,
        "detectable_difference": None,
        "undefined": {},
    }
    if metric.name == comparison.primary_metric:
        made |= {"non_inferior": None} if comparison.margin is not None else {}
        made |= {"samples_to_settle": None} if comparison.min_difference is not None else {}
    if isinstance(judged, Undefined):
        made["undefined"]["difference"] = judged.explanation
        return made
    made["difference"], made["scale"] = judged.value + 0.0, judged.scale
    if isinstance(judged.found, Undefined):
        made["undefined"]["interval"] = judged.found.explanation
        return made
    error = 1 - pair.candidate.reading.confidence_level
    level, strict = 1 - error / tests[0].factor, 1 - error / comparison.pairs
    span = metric.high - metric.low if judged.scale == "plain" else math.inf
    (low, high), (least, most) = (within(judged.found.limits(each), judged.value, span) for each in (level, strict))
    if not math.isfinite(high - low):
        made["undefined"]["interval"] = Undefined("too_few_rows").explanation
        return made
    made["interval"] = {"low": low, "high": high, "method": judged.test}
    if comparison.pairs > 1 and math.isfinite(most - least):
        made["simultaneous_interval"] = {"low": least, "high": most, "method": judged.test}
    if metric.towards and (low > 0 or high < 0):
        made["better"] = pair.candidate.name if low > 0 else pair.reference.name
    if "non_inferior" in made and comparison.margin is not None:
        made["non_inferior"] = least > -comparison.margin
    if isinstance(judged.found, Difference):
        made["identical"] = judged.found is IDENTICAL
        made["detectable_difference"] = judged.found.detectable(level)
        if "samples_to_settle" in made and comparison.min_difference is not None:
            made["samples_to_settle"] = judged.found.settled_by(pair.rows, comparison.min_difference, level)
    return made


def within(limits: tuple[float, float], value: float, span: float) -> tuple[float, float]:
    """Limits that hold the value and are no further apart than the range of a metric lets them be."""
    low, high = limits
    return max(-span, min(low, value)) + 0.0, min(span, max(high, value)) + 0.0


def winner(entries: list[MetricDifference], comparison: Comparison) -> str | None:
    """Who is better by the primary metric: the reference if it beats all, else who beats it by most, else nobody."""
    primary = [each for each in entries if each["metric"] == comparison.primary_metric]
    ahead = [each for each in primary if each["better"] == each["candidate"]]
    if ahead:
        return max(ahead, key=lambda each: each["difference"] or 0.0)["candidate"]
    return comparison.reference if all(each["better"] == comparison.reference for each in primary) else None


def findings(entries: list[MetricDifference], pairs: list[Pair], comparison: Comparison) -> list[Finding]:
    """What to know when reading the differences by the primary metric."""
    primary = [each for each in entries if each["metric"] == comparison.primary_metric]
    found: list[Finding] = []
    for pair, entry in zip(pairs, primary, strict=True):
        metric = next(each for each in pair.reference.metrics if each.name == comparison.primary_metric)
        sides = (pair.candidate, pair.reference)
        compared = Compared(
            entry,
            {side.name: side.report["metrics"][metric.name] for side in sides},
            metric.best,
            metric.towards,
            comparison.paired,
            pair.same_labels,
            pair.candidate.report["samples"],
        )
        for rule in RULES:
            found += rule.findings({"compared": compared})
    return by_severity(found)
