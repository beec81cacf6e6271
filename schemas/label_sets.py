"""Fields of requests where a row has several labels: rows of 0 and 1, rows of names, and rows of scores."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, compress, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.columns import Classes, LabelColumn, at_rows, finite_numbers, rows_within
from schemas.complaints import complaint, complaints_at
from schemas.fields import Faulty, Field, Limits, OneLabel, OpenAPI, an_array, bad_elements, not_a_name
from service.metrics.batch import Label
from service.metrics.exact import Floats

Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class NameSets:
    """The names of the labels of each row, in any order."""

    rows: list[list[str]]

    def __len__(self) -> int:
        return len(self.rows)

    def distinct(self, weight: Floats | None) -> set[str]:
        """The names in rows that count."""
        rows: Iterable[list[str]] = self.rows if weight is None else compress(self.rows, weight)
        return set(chain.from_iterable(rows))

    def matrix(self, classes: Sequence[Label | None], weight: Floats | None) -> tuple[Bools, Bools]:
        """Which labels each row has, by the order of the classes, and which rows count and name others."""
        places = {name: place for place, name in enumerate(classes)}
        lengths = np.fromiter(map(len, self.rows), np.intp, len(self.rows))
        names = (places.get(name, -1) for name in chain.from_iterable(self.rows))
        columns = np.fromiter(names, np.intp, int(lengths.sum()))
        rows = np.repeat(np.arange(len(self.rows)), lengths)
        held = np.zeros((len(self.rows), len(classes)), dtype=np.bool_)
        held[rows[columns >= 0], columns[columns >= 0]] = True
        unknown = np.zeros(len(self.rows), dtype=np.bool_)
        unknown[rows[columns < 0]] = True
        return held, unknown if weight is None else unknown & (weight != 0)


class LabelSets(Field):
    """The labels of each row: a row of 0 and 1 with a column for each label, or an array of the names it has."""

    def read(self, value: Any) -> Bools | NameSets:
        if isinstance(value, Faulty) and value.rows is not None:
            rows = list(islice(value.rows, self.limits.max_rows + 1))
            rows_within(rows, self.limits)
            first = next((row for row in rows if not isinstance(row, list) or row), [""])
            if isinstance(first, list) and isinstance(first[0], str):
                return self._of_names(rows)
        column = an_array(value)
        rows_within(column, self.limits)
        if isinstance(column, list) or column.ndim == 1:
            raise complaint("Not rows. Send a row of 0 and 1, or an array of names, for each row.")
        check_width(column.shape[1], self.limits)
        held = np.asarray(column == 1)
        wrong = ~(held | (column == 0)).all(axis=1)
        if wrong.any():
            raise at_rows(wrong, "The row holds something other than 0 and 1.", "bad-label")
        return held

    def _of_names(self, rows: list[Any]) -> NameSets:
        no_names = bad_elements(rows, not_names)
        if no_names:
            raise complaints_at(no_names, "bad-label")
        wrong = {name for name in set(chain.from_iterable(rows)) if not_a_name(name, self.limits)}
        twice = bad_elements(rows, lambda row: self._wrong(row, wrong))
        if twice:
            raise complaints_at(twice, "bad-label")
        return NameSets(rows)

    def _wrong(self, row: list[str], wrong: set[str]) -> str | None:
        if len(set(row)) < len(row):
            return "A name stands twice in the row."
        bad = wrong.intersection(row)
        return not_a_name(min(bad), self.limits) if bad else None

    def openapi(self) -> OpenAPI:
        most = self.limits.max_classes
        numbers = {
            "type": "array",
            "items": {"type": "integer", "minimum": 0, "maximum": 1},
            "minItems": 1,
            "maxItems": most,
        }
        names = {
            "type": "array",
            "items": {"type": "string", "maxLength": self.limits.max_label_length},
            "maxItems": most,
            "uniqueItems": True,
        }
        return {"type": "array", "items": {"anyOf": [numbers, names]}, "minItems": 1}


def not_names(row: Any) -> str | None:
    """What is wrong with an element that should be an array of names."""
    if not isinstance(row, list):
        return "Not an array, like the first row."
    return None if all(isinstance(name, str) for name in row) else "The row holds something other than names."


class LabelNames(Classes):
    """The names of labels: distinct integers or strings, unmixed."""

    def read(self, value: Any) -> LabelColumn:
        column = super().read(value)
        if column.kind == "boolean":
            raise complaint("true and false are no names. Send integers or strings.", "bad-option")
        return column

    def too_many(self, number: int) -> str | None:
        return too_many_labels(number, self.limits)

    def openapi(self) -> OpenAPI:
        name = {"anyOf": [kind for kind in OneLabel("").openapi()["anyOf"] if kind["type"] != "boolean"]}
        return {**super().openapi(), "items": name}


def too_many_labels(number: int, limits: Limits) -> str | None:
    """What is wrong with so many labels."""
    return None if number <= limits.max_classes else f"{number} labels. At most {limits.max_classes} are taken."


def check_width(number: int, limits: Limits) -> None:
    """Refuse rows of so many labels."""
    too_many = too_many_labels(number, limits)
    if too_many:
        raise complaint(too_many, "limit-exceeded")


class LabelScores(Field):
    """Rows of finite numbers, one for each label."""

    def read(self, value: Any) -> Floats:
        scores = finite_numbers(value, self.limits)
        if scores.ndim == 1:
            raise complaint("Not rows of numbers. Send a score for each label in every row.")
        check_width(scores.shape[1], self.limits)
        return scores

    def openapi(self) -> OpenAPI:
        row = {"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": self.limits.max_classes}
        return {"type": "array", "items": row, "minItems": 1}
