"""What the comparison of candidates says about its own numbers, in words."""

from collections.abc import Iterator, Mapping

import numpy as np

from service.candidates import Candidate, MetricDifference
from service.metrics.batch import Comparison
from service.metrics.findings import Finding

# Candidates of these names are of rows that a model has learnt from.
TRAINING = {"train", "training"}
# How probable a gap may be by chance, and the least of it as a share of what is left to the best value.
LEAST_DOUBT, LEAST_GAP = 0.001, 0.1


def findings_of(
    entries: list[MetricDifference], candidates: Mapping[str, Candidate], comparison: Comparison
) -> list[Finding]:
    """What to know when reading the differences."""
    primary = [each for each in entries if each["metric"] == comparison.primary_metric]
    found = list(undecided(primary, comparison))
    if not comparison.paired:
        reference = candidates[comparison.reference]
        for each in primary:
            found += looks_paired(candidates[each["candidate"]], reference)
            found += overfit(each, candidates[each["candidate"]], reference)
    return found


def undecided(primary: list[MetricDifference], comparison: Comparison) -> Iterator[Finding]:
    """Candidates that the rows do not tell from the reference."""
    for each in primary:
        name, metric, reference = each["candidate"], comparison.primary_metric, comparison.reference
        if each["undefined"]:
            reason = each["undefined"].get("difference") or each["undefined"]["interval"]
            yield {
                "code": "no_comparison",
                "severity": "warning",
                "message": f"By {metric} nothing can be said of {name} and {reference}: {reason['detail']}",
                "evidence": {},
                "advice": "Send more rows, or name another primary_metric.",
            }
        elif not each["better"] and not each["identical"]:
            detectable = each["detectable_difference"]
            evidence = {
                "difference": each["difference"] or 0.0,
                "p_value_adjusted": each["tests"][0]["p_value_adjusted"],
            }
            yield {
                "code": "no_significant_difference",
                "severity": "info",
                "message": f"These rows do not tell {name} from {reference} by {metric}.",
                "evidence": evidence | ({} if detectable is None else {"detectable_difference": detectable}),
                "advice": "That is no proof that they are alike: see the interval for how far apart they may be. Send "
                f"more rows{'' if comparison.paired else ', or the same rows for both'}.",
            }


def looks_paired(candidate: Candidate, reference: Candidate) -> Iterator[Finding]:
    """Candidates of rows of their own that have the same labels."""
    same = candidate.question.classes == reference.question.classes
    if same and np.array_equal(candidate.batch.truth, reference.batch.truth):
        yield {
            "code": "looks_paired",
            "severity": "warning",
            "message": f"{candidate.name} and {reference.name} have the same labels in the same order, but are "
            "compared as if of different rows.",
            "evidence": {"samples": float(candidate.report["samples"])},
            "advice": "If the rows are the same, send the labels once, beside the candidates: differences are then "
            "found with fewer rows.",
        }


def overfit(entry: MetricDifference, candidate: Candidate, reference: Candidate) -> Iterator[Finding]:
    """A model that is better on the rows it learnt from than on others, by more than chance and by much."""
    name = entry["metric"]
    metric = next(each for each in candidate.metrics if each.name == name)
    train, test = (candidate, reference) if candidate.name.lower() in TRAINING else (reference, candidate)
    if train.name.lower() not in TRAINING or test.name.lower() in TRAINING or not entry["tests"]:
        return
    on_train, on_test = (side.report["metrics"][name] for side in (train, test))
    gap, room = metric.towards * (on_train - on_test), abs(metric.best - on_test)
    if gap > LEAST_GAP * room and entry["tests"][0]["p_value"] < LEAST_DOUBT:
        yield {
            "code": "overfit",
            "severity": "warning",
            "message": f"{name} is {on_train:.4g} on {train.name} and {on_test:.4g} on {test.name}: the model has "
            "learnt its rows better than what they have in common.",
            "evidence": {train.name: on_train, test.name: on_test, "p_value": entry["tests"][0]["p_value"]},
            "advice": "Trust the smaller value. Regularise, simplify or stop earlier, or learn from more rows.",
        }
