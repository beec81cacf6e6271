"""The request for the report of a ranking."""

from typing import Any

import numpy as np
from marshmallow import ValidationError, post_load
from numpy.typing import NDArray

from schemas.columns import Numbers, at_rows, rows_within
from schemas.complaints import complaint, complaints_at
from schemas.fields import EXACT_FLOAT, Field, Flag, OpenAPI, an_array, bad_elements, not_a_name
from schemas.requests import ReportRequest, Request, counts_of, refused, same_length
from service.metrics.batch import Batch, Question
from service.metrics.exact import Floats
from service.metrics.grouping import starts_of

DEFAULT_K = (1, 3, 5, 10)
MOST_RANKS = 20
LARGEST_RANK = 10_000_000


class Relevances(Numbers):
    """Relevances of documents: numbers of 0 or more."""

    def read(self, value: Any) -> Floats:
        relevances = super().read(value)
        if relevances.min() < 0:
            raise at_rows(relevances < 0, "A relevance is negative.", "bad-label")
        return relevances

    def openapi(self) -> OpenAPI:
        return {"type": "array", "items": {"type": "number", "minimum": 0}, "minItems": 1}


class Queries(Field):
    """What query each row belongs to: integers or strings, unmixed."""

    def read(self, value: Any) -> NDArray[Any]:
        column = an_array(value)
        rows_within(column, self.limits)
        if isinstance(column, list):
            return self._of_strings(column)
        if column.ndim == 2:
            raise complaint("An array of arrays. Send one query a row.")
        if column.dtype == np.int64:
            return np.asarray(column)
        fractions = column != np.floor(column)
        if fractions.any():
            raise at_rows(fractions, "A fraction is no query. Send integers or strings.", "schema")
        large = np.abs(column) >= EXACT_FLOAT
        if large.any():
            text = "Beyond 64-bit integers, or from 2^53 on among numbers with a decimal point."
            raise at_rows(large, text, "number-range")
        return np.asarray(column.astype(np.int64))

    def _of_strings(self, column: list[Any]) -> NDArray[Any]:
        if set(map(type, column)) != {str}:
            errors = bad_elements(column, not_a_query)
            if errors:
                raise complaints_at(errors)
            raise complaint("Integers and strings are mixed. Send queries of one type.")
        if any(not_a_name(query, self.limits, "query") for query in set(column)):
            raise complaints_at(bad_elements(column, lambda query: not_a_name(query, self.limits, "query")))
        return np.array(column, dtype=np.dtypes.StringDType())

    def openapi(self) -> OpenAPI:
        string = {"type": "string", "maxLength": self.limits.max_label_length}
        return {"type": "array", "items": {"anyOf": [{"type": "integer"}, string]}, "minItems": 1}


def not_a_query(value: Any) -> str | None:
    """Why a value of JSON cannot name a query."""
    if value is None:
        return "null is no query. Leave the row out."
    return None if type(value) in (int, str) else "Not an integer or a string."


class Ranks(Field):
    """Ranks at which metrics cut: integers of 1 or more, each once."""

    def read(self, value: Any) -> tuple[int, ...]:
        column = an_array(value)
        if len(column) == 0:
            raise complaint("The list is empty. Leave the field out for 1, 3, 5 and 10.", "bad-option")
        if len(column) > MOST_RANKS:
            raise complaint(f"More than {MOST_RANKS} ranks.", "limit-exceeded")
        given = column if isinstance(column, list) else column.tolist()
        wrong = bad_elements(given, self._not_a_rank)
        if wrong:
            raise complaints_at(wrong, "bad-option")
        text = f"A rank is at most {LARGEST_RANK}."
        large = bad_elements(given, lambda rank: text if rank > LARGEST_RANK else None)
        if large:
            raise complaints_at(large, "limit-exceeded")
        seen: set[int] = set()
        again = bad_elements(given, lambda rank: "Named twice." if rank in seen else seen.add(rank))
        if again:
            raise complaints_at(again, "bad-option")
        return tuple(map(int, given))

    @staticmethod
    def _not_a_rank(value: Any) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not float(value).is_integer():
            return "Not an integer."
        return None if value >= 1 else "Must be 1 or more."

    def openapi(self) -> OpenAPI:
        rank = {"type": "integer", "minimum": 1, "maximum": LARGEST_RANK}
        return {"type": "array", "items": rank, "minItems": 1, "maxItems": MOST_RANKS, "uniqueItems": True}


class RankingReport(ReportRequest):
    """A request for the report of a ranking."""

    task = "ranking"

    labels = Relevances("The relevance of each document, 0 or more; above 0 it is relevant.", required=True)
    scores = Numbers("What ranks the documents of a query: the highest score comes first.", required=True)
    queries = Queries("The query that each row belongs to: integers or strings, in any order.", required=True)
    k = Ranks("The ranks at which metrics cut; 1, 3, 5 and 10 where left out.")
    per_query = Flag("Whether to report the metrics of each query; false where left out.")

    @post_load
    def resolved(self, data: dict[str, Any], **_: Any) -> Request:
        """The request as the core takes it."""
        labels, scores, queries, weight = data["labels"], data["scores"], data["queries"], data.get("sample_weight")
        same_length({"scores": scores, "queries": queries, "sample_weight": weight}, len(labels))
        question = Question(self.task, k=data.get("k", DEFAULT_K), counts=counts_of(data))
        batch = Batch(truth=labels, scores=scores, weight=weight, query=queries)
        check_weights(batch)
        batch, question, reading = self.request(data, batch, question)
        count, most = len(batch.by_query.ids) if reading.per_query else 0, self.limits.max_listed_queries
        if count > most:
            raise refused("per_query", f"There are {count} queries, and at most {most} are listed.", "limit-exceeded")
        return batch, question, reading


def check_weights(batch: Batch) -> None:
    """Refuse rows whose weight is not that of the first row of their query."""
    if batch.weight is None:
        return
    order, _, lengths = batch.by_query
    weights = batch.weight[order]
    wrong = np.zeros(len(weights), dtype=np.bool_)
    wrong[order] = weights != np.repeat(weights[starts_of(lengths)], lengths)
    if wrong.any():
        text = "Not the weight of the query's first row. All rows of a query carry the weight of the query."
        raise ValidationError({"sample_weight": at_rows(wrong, text, "bad-weight").messages})
