"""Which of several candidates is better: their reports, and the differences of their metrics with limits and tests."""

import math
from collections.abc import Mapping
from itertools import chain
from typing import Any

import numpy as np

from service.candidates import Candidate, Judged, MetricDifference, Pair
from service.compare_findings import findings_of
from service.metrics.batch import Batch, Comparison, Question, Reading
from service.metrics.differences import Difference, holm
from service.metrics.requirements import Check, Verdict, check, check_in, verdict_of
from service.metrics.row import Metric
from service.metrics.undefined import Undefined


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
        "findings": findings_of(entries, candidates, comparison),
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
                made = check(each, apart["difference"], apart["interval"])
            checks.append({"candidate": pair.candidate.name, **made})
    return verdict_of(checks)


def entries_of(metric: Metric, pairs: list[Pair], comparison: Comparison) -> list[MetricDifference]:
    """The differences of all candidates by a metric, their tests adjusted for one another."""
    judged: list[Judged | Undefined] = []
    for pair in pairs:
        try:
            judged.append(pair.difference(metric))
        except Undefined as reason:
            judged.append(reason)
    tests: list[list[tuple[str, float | None, float]]] = []
    for pair, each in zip(pairs, judged, strict=True):
        of_pair = []
        if isinstance(each, Judged) and not isinstance(each.found, Undefined):
            statistic = each.found.statistic if isinstance(each.found, Difference) else None
            of_pair = [(each.test, statistic, each.found.p_value), *pair.mcnemar(metric)]
        tests.append(of_pair)
    factors: dict[tuple[int, str], float] = {}
    for name in dict.fromkeys(test for of_pair in tests for test, *_ in of_pair):
        found = {place: p for place, of_pair in enumerate(tests) for test, _, p in of_pair if test == name}
        for place, factor in zip(found, holm(list(found.values())), strict=True):
            factors[place, name] = factor
    return [
        entry(metric, pair, each, [(*test, factors[place, test[0]]) for test in of_pair], comparison)
        for place, (pair, each, of_pair) in enumerate(zip(pairs, judged, tests, strict=True))
    ]


def entry(
    metric: Metric,
    pair: Pair,
    judged: Judged | Undefined,
    tests: list[tuple[str, float | None, float, float]],
    comparison: Comparison,
) -> MetricDifference:
    """The entry of a candidate; each test comes with what its p-value is multiplied with for all candidates."""
    made: MetricDifference = {
        "candidate": pair.candidate.name,
        "metric": metric.name,
        "scale": "plain",
        "difference": None,
        "interval": None,
        "tests": [
            {"name": name, "statistic": statistic, "p_value": p, "p_value_adjusted": min(1.0, p * factor)}
            for name, statistic, p, factor in tests
        ],
        "better": None,
        "identical": False,
        "detectable_difference": None,
        "undefined": {},
    }
    primary = metric.name == comparison.primary_metric
    if primary and comparison.margin is not None:
        made["non_inferior"] = None
    if primary and comparison.min_difference is not None:
        made["samples_to_settle"] = None
    if isinstance(judged, Undefined):
        made["undefined"]["difference"] = judged.explanation
        return made
    made["difference"], made["scale"] = judged.value + 0.0, judged.scale
    if isinstance(judged.found, Undefined):
        made["undefined"]["interval"] = judged.found.explanation
        return made
    error = 1 - pair.candidate.reading.confidence_level
    level = 1 - error / tests[0][3]
    low, high = judged.found.limits(level)
    span = metric.high - metric.low if judged.scale == "plain" else math.inf
    low, high = max(-span, min(low, judged.value)), min(span, max(high, judged.value))
    if not math.isfinite(high - low):
        made["undefined"]["interval"] = Undefined("too_few_rows").explanation
        return made
    made["interval"] = {"low": low + 0.0, "high": high + 0.0, "method": judged.test}
    if metric.towards and (low > 0 or high < 0):
        made["better"] = pair.candidate.name if low > 0 else pair.reference.name
    if isinstance(judged.found, Difference):
        made["identical"] = judged.found.variance == 0
        detectable = made["detectable_difference"] = judged.found.detectable(level)
        if primary and comparison.min_difference is not None:
            made["samples_to_settle"] = math.ceil(pair.rows * (detectable / comparison.min_difference) ** 2)
    if primary and comparison.margin is not None:
        made["non_inferior"] = low > -comparison.margin
    return made


def winner(entries: list[MetricDifference], comparison: Comparison) -> str | None:
    """Who is better by the primary metric: the reference if it beats all, else who beats it by most, else nobody."""
    primary = [each for each in entries if each["metric"] == comparison.primary_metric]
    ahead = [each for each in primary if each["better"] == each["candidate"]]
    if ahead:
        return max(ahead, key=lambda each: each["difference"] or 0.0)["candidate"]
    return comparison.reference if all(each["better"] == comparison.reference for each in primary) else None
