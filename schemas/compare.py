"""The requests to compare candidates: each is the request for a report of its own, with what all have in common."""

from collections.abc import Collection, Mapping
from copy import copy
from dataclasses import replace
from itertools import chain
from typing import Any, cast

import numpy as np
from marshmallow import Schema, ValidationError

from schemas.complaints import Complaint, complaint
from schemas.fields import Faulty, Field, Limits, Name, Number, OpenAPI, not_a_name
from schemas.names import nearest, no_field
from schemas.requests import ReportRequest, Request, refused
from schemas.requirements import ComparedRequirements, required
from service.metrics.batch import Comparison, Label, Question

# Fields of a candidate, and those that it has as well where it is of rows of its own.
PREDICTED = ("scores", "predictions", "threshold")
ROWS = ("labels", "sample_weight", "queries", "groups")
# What decides who is better where nothing else is named: the first that all candidates have.
PRIMARY = ("roc_auc", "accuracy", "subset_accuracy", "mean_squared_error", "crps")
DIFFERENT_ROWS = "Send a candidate of other rows with labels of its own, and so all others."


class Candidates(Field):
    """Candidates by name, each with fields of its own."""

    def read(self, value: Any) -> dict[str, dict[str, Any]]:
        if not isinstance(value, dict):
            raise complaint('Not an object like {"champion": {"scores": [0.2, 0.9]}, "challenger": {...}}.')
        most = self.limits.max_candidates
        if len(value) < 2:
            raise complaint("There must be at least 2 candidates.", "bad-option")
        if len(value) > most:
            raise complaint(f"More than {most} candidates.", "limit-exceeded")
        errors: dict[str | int, Any] = {}
        for name, candidate in value.items():
            wrong = not_a_name(name, self.limits, "name") if name else Complaint("A name is empty.", "bad-label")
            if wrong:
                errors[name] = [wrong]
            elif not isinstance(candidate, dict):
                errors[name] = [Complaint("Not an object.")]
        if errors:
            raise ValidationError(errors)
        return value

    def openapi(self) -> OpenAPI:
        report = cast(CompareRequest, self.root).report
        fields = {name: field for name, field in report.fields.items() if name in PREDICTED + ROWS}
        properties = {name: {**field.metadata, **cast(Field, field).openapi()} for name, field in fields.items()}
        candidate = {"type": "object", "properties": properties, "additionalProperties": False}
        most = self.limits.max_candidates
        return {"type": "object", "additionalProperties": candidate, "minProperties": 2, "maxProperties": most}


class Positive(Number):
    """One number above 0."""

    def read(self, value: Any) -> float:
        number = super().read(value)
        if number <= 0:
            raise complaint("Must be above 0, in units of the primary metric.", "bad-option")
        return number

    def openapi(self) -> OpenAPI:
        return {"type": "number", "exclusiveMinimum": 0}


class CompareRequest(Schema):
    """A request to compare candidates."""

    candidates = Candidates(
        "The candidates by name. Of the same rows each has scores or predictions; with labels of its own in each, "
        "every candidate is of rows of its own.",
        required=True,
    )
    reference = Name("The candidate that all others are compared with.", required=True)
    primary_metric = Name(
        "The metric that decides who is better. Where left out, the first there is of roc_auc (where all candidates "
        "have scores), accuracy, subset_accuracy, mean_squared_error, crps, ndcg at the last rank, and all others."
    )
    margin = Positive(
        "A candidate that is not worse by this much, as differences of the primary metric are, is not inferior."
    )
    min_difference = Positive(
        "The difference in the primary metric that would matter: how many samples would settle it is reported."
    )
    requirements = ComparedRequirements(
        "What every candidate but the reference must reach, for a verdict: each names a metric with min, max, or the "
        "min_difference by which it must be better than the reference; or a preset."
    )

    def __init__(self, limits: Limits, report: type[ReportRequest]) -> None:
        self.limits = limits
        self.report = report(limits)
        super().__init__()
        self.of_all = {
            name: field for name, field in self.report.fields.items() if name not in (*PREDICTED, *self.fields)
        }

    @property
    def described(self) -> dict[str, Any]:
        """All fields: those of a comparison, and those of reports that all candidates have in common."""
        common = {name: copy(field) for name, field in self.of_all.items()}
        for field in common.values():
            field.required = False  # candidates may have their own
        return {**common, **self.fields}

    def asked(self, data: Any) -> tuple[dict[str, Request], Comparison]:
        """The request of each candidate and what is asked of them all. Raises `ValidationError` as `load` does."""
        if not isinstance(data, dict):
            raise ValidationError({"_schema": [Complaint("Not an object.")]})
        errors: dict[str, Any] = {}
        for name in data.keys() - self.fields.keys() - self.of_all.keys():
            of_candidates = name in self.report.fields
            text = "Belongs in each of the candidates."
            errors[name] = [Complaint(text) if of_candidates else no_field(name, self.described)]
        try:
            own = self.load({name: value for name, value in data.items() if name in self.fields})
        except ValidationError as error:
            errors |= cast(dict[str, Any], error.messages)
        if errors:
            raise ValidationError(errors)
        common = {name: reread(value) for name, value in data.items() if name in self.of_all}
        paired = all("labels" not in candidate for candidate in own["candidates"].values())
        candidates = {
            name: {field: reread(value) for field, value in candidate.items()}
            for name, candidate in own["candidates"].items()
        }
        check_fields(candidates, common, self.report.fields.keys(), paired=paired)
        requests = self.of_one_question(self.requests(candidates, common), candidates, common)
        return requests, self.comparison(own, requests, paired=paired)

    def requests(self, candidates: Mapping[str, Any], common: Mapping[str, Any]) -> dict[str, Request]:
        """The request of each candidate."""
        errors: dict[str, Any] = {}
        loaded: dict[str, Request] = {}
        for name, candidate in candidates.items():
            try:
                loaded[name] = self.report.load({**common, **candidate})
            except ValidationError as error:
                for field, wrong in cast(dict[str, Any], error.messages).items():
                    if field in common or (field not in PREDICTED and field not in candidate):
                        errors[field] = wrong
                    else:
                        errors.setdefault("candidates", {}).setdefault(name, {})[field] = wrong
        if errors:
            raise ValidationError(errors)
        return loaded

    def of_one_question(
        self, requests: dict[str, Request], candidates: Mapping[str, Any], common: Mapping[str, Any]
    ) -> dict[str, Request]:
        """The requests with the classes of all candidates in each: what one never predicts is a class nevertheless."""
        seen = set(chain.from_iterable(question.classes for _, question, _ in requests.values()))
        if all(seen == set(question.classes) for _, question, _ in requests.values()):
            return requests
        if len(set(map(type, seen - {None}))) > 1:
            raise refused("candidates", "Labels of several types. Send all alike.", "mixed-labels")
        if "classes" in self.report.fields:
            classes = sorted(cast(set[Any], seen))
            column = classes if isinstance(classes[0], str | bool) else np.array(classes)
            return self.requests(candidates, {**common, "classes": column})
        classes = sorted(seen - {None}, key=str)
        if len(classes) > 2:
            raise refused("candidates", "Three or more classes in labels and all predictions.", "bad-label")
        return {
            name: (batch, replace(question, classes=negative_first(classes, question)), reading)
            for name, (batch, question, reading) in requests.items()
        }

    def comparison(self, own: Mapping[str, Any], requests: Mapping[str, Request], *, paired: bool) -> Comparison:
        """What is asked of the candidates. Refuses a reference or a metric that there is not."""
        reference = own["reference"]
        if reference not in requests:
            raise refused("reference", "None of the candidates.", "bad-option")
        _, question, reading = requests[reference]
        compared = {
            each.name: each
            for each in self.report.catalogue.metrics_of(question, reading)
            if each.name in reading.metrics and not each.test_statistic
        }
        deciding = [name for name, metric in compared.items() if metric.towards]
        if not deciding:
            text = "None of which more, or less, is better, and that does not grow with the rows."
            raise refused("metrics", text, "bad-option")
        # 1 and true are one in Python.
        if len({(type(other.pos_label), other.pos_label) for _, other, _ in requests.values()}) > 1:
            raise refused("pos_label", "Candidates differ in it. Name the positive class.", "bad-option")
        if len({batch.truth.shape[1:] for batch, *_ in requests.values()}) > 1:
            raise refused("candidates", "Labels with different numbers of outputs.", "length-mismatch")
        cells, most = (
            sum(self.report.compared_cells(other) for _, other, _ in requests.values()),
            self.limits.max_compared_cells,
        )
        if cells > most:
            text = f"All candidates together have {cells} cells: their classes squared. At most {most} are compared."
            raise refused("candidates", text, "limit-exceeded")
        groups = sum(len(partition.groups) for *_, read in requests.values() for partition in read.partitions)
        if groups > self.limits.max_groups:
            text = f"{groups} groups of all candidates together, and at most {self.limits.max_groups} are reported."
            raise refused("groups", text, "limit-exceeded")
        primary = own.get("primary_metric")
        if primary is None:
            with_scores = all(batch.scores is not None for batch, *_ in requests.values())
            ndcg = f"ndcg_at_{max(question.k)}" if question.k else ""
            wanted = [*(PRIMARY if with_scores else PRIMARY[1:]), ndcg, *deciding]
            primary = next(name for name in wanted if name in deciding)
        elif primary not in deciding:
            text = (
                f"Not among the metrics of this request, or one that decides nothing: it grows with the rows, or "
                f"neither more nor less of it is better.{nearest(primary, deciding)}"
            )
            raise refused("primary_metric", text, "bad-option")
        return Comparison(
            reference,
            primary,
            paired,
            len(requests) - 1,
            own.get("margin"),
            own.get("min_difference"),
            required(
                own.get("requirements", ()),
                compared,
                self.limits.presets,
                reading.partitions,
                intervals=reading.intervals,
            ),
        )


def reread(value: Any) -> Any:
    """The value, so that every candidate can read it."""
    once = isinstance(value, Faulty) and value.rows is not None
    return replace(value, rows=list(value.rows)) if once else value


def negative_first(classes: list[Label], question: Question) -> tuple[Label | None, ...]:
    """Two classes with the positive one last; the other is None where it was never seen."""
    return next((label for label in classes if label != question.pos_label), None), question.pos_label


def check_fields(
    candidates: Mapping[str, Mapping[str, Any]], common: Mapping[str, Any], known: Collection[str], *, paired: bool
) -> None:
    """Refuse fields of candidates, or of all, that do not belong there."""
    errors: dict[str, Any] = {}
    for name, candidate in candidates.items():
        wrong: dict[str, Any] = {}
        for field in candidate:
            if field not in (*PREDICTED, *ROWS) or field not in known:
                fields = ", ".join(each for each in (*PREDICTED, *ROWS) if each in known)
                wrong[field] = [Complaint(f"No field of a candidate. Those are {fields}.")]
            elif paired and field in ROWS:
                wrong[field] = [Complaint("Candidates without labels of their own share it. Send it beside them.")]
            elif paired and field != "threshold" and unlike(candidate[field], common.get("labels")):
                lengths = f"Of length {len(candidate[field])}, but labels is of length {len(common['labels'])}."
                wrong[field] = [Complaint(f"{lengths} {DIFFERENT_ROWS}", "different-labels")]
        if not paired and "labels" not in candidate:
            wrong["labels"] = [
                Complaint("Some candidates have labels of their own, but not this one.", "different-labels")
            ]
        if wrong:
            errors.setdefault("candidates", {})[name] = wrong
    if not paired:
        text = "Candidates with labels of their own have this of their own, too. Send it in each."
        errors |= {field: [Complaint(text, "different-labels")] for field in ROWS if field in common}
    if errors:
        raise ValidationError(errors)


def unlike(column: Any, labels: Any) -> bool:
    """Whether two columns have not as many rows."""
    return (
        isinstance(column, np.ndarray | list) and isinstance(labels, np.ndarray | list) and len(column) != len(labels)
    )
