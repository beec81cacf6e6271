"""The groups that a request divides its rows into: columns by name, and perhaps each two of these crossed."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
from marshmallow import ValidationError
from numpy.typing import NDArray

from schemas.columns import LabelColumn, Labels, at_rows
from schemas.complaints import Complaint, complaint
from schemas.fields import Field, Limits, OneLabel, OpenAPI, not_a_name
from service.metrics.batch import Batch, Label, Partition
from service.metrics.grouping import starts_of

# Each name, and each crossing of two, divides all rows once more.
MOST_PARTITIONS = 10


class Values(Labels):
    """What group each row belongs to: integers, booleans or strings, unmixed."""

    noun = "group"
    naming = "Leave the row out, or name a group for it."

    def _of_rows(self, column: NDArray[Any]) -> LabelColumn:  # noqa: ARG002  # the signature of its base
        raise complaint("An array of arrays. Send one value a row.")


class Groups(Field):
    """Columns of groups by name."""

    def __init__(self, description: str) -> None:
        super().__init__(description)
        self.values = Values("")

    def _bind_to_schema(self, field_name: str, parent: Any) -> None:
        super()._bind_to_schema(field_name, parent)
        self.values._bind_to_schema(field_name, self)  # noqa: SLF001  # as marshmallow's own containers do

    def read(self, value: Any) -> dict[str, LabelColumn]:
        if not isinstance(value, dict):
            raise complaint('Not an object of columns, like {"region": ["eu", "us"]}.', "bad-option")
        if not value:
            raise complaint("Must hold at least one name.", "bad-option")
        if len(value) > MOST_PARTITIONS:
            raise complaint(f"More than {MOST_PARTITIONS} names.", "limit-exceeded")
        found: dict[str, LabelColumn] = {}
        errors: dict[str, Any] = {}
        for name, column in value.items():
            wrong = not_a_name(name, self.limits, "name")
            if wrong:
                errors[name] = [wrong]
                continue
            try:
                found[name] = self.values.read(column)
            except ValidationError as error:
                errors[name] = error.messages
        if errors:
            raise ValidationError(errors)
        return found

    def openapi(self) -> OpenAPI:
        return {
            "type": "object",
            "additionalProperties": {"type": "array", "items": OneLabel("").openapi(), "minItems": 1},
            "propertyNames": {"pattern": "^[^\\u0000]*$", "maxLength": self.limits.max_label_length},
            "minProperties": 1,
            "maxProperties": MOST_PARTITIONS,
        }


class GroupName(Field):
    """One group, by its value in each name that it goes by."""

    def read(self, value: Any) -> dict[str, Label]:
        if not isinstance(value, dict) or not value:
            raise complaint('Not a group by name, like {"region": "eu"}.', "bad-option")
        return {name: int(of) if isinstance(of, float) and of.is_integer() else of for name, of in value.items()}

    def openapi(self) -> OpenAPI:
        return {"type": "object", "additionalProperties": OneLabel("").openapi(), "minProperties": 1}


def grouped(batch: Batch, data: Mapping[str, Any], limits: Limits) -> tuple[Batch, tuple[Partition, ...]]:
    """A whole batch with the groups of a request, and the partitions that these are of: by name, then crossings.

    Refuses groups that do not fit the rows, split a query, or are too many.
    """
    columns: Mapping[str, LabelColumn] = data.get("groups", {})
    cross = data.get("cross", False)
    if cross and len(columns) < 2:
        raise ValidationError({"cross": [Complaint("There are no two names in groups to be crossed.", "bad-option")]})
    if not columns:
        return batch, ()
    number = len(columns) + (len(columns) * (len(columns) - 1) // 2 if cross else 0)
    if number > MOST_PARTITIONS:
        text = (
            f"{number} names and crossings in all, each of which divides the rows. At most {MOST_PARTITIONS} are taken."
        )
        raise ValidationError({"cross": [Complaint(text, "limit-exceeded")]})
    refuse_lengths(columns, len(batch.truth))
    places: list[NDArray[np.intp]] = []
    partitions: list[Partition] = []
    for partition, place in divided(columns, batch, cross=cross):
        partitions.append(partition)
        places.append(place)
        found = sum(len(each.groups) for each in partitions)
        if found > limits.max_groups:
            text = f"{found} groups or more, over all names and crossings. At most {limits.max_groups} are taken."
            raise ValidationError({"groups": [Complaint(text, "limit-exceeded")]})
    codes = np.stack(places, axis=1).astype(np.uint16)
    return replace(batch, groups=codes), tuple(partitions)


def refuse_lengths(columns: Mapping[str, LabelColumn], rows: int) -> None:
    """Refuse columns that differ in length from the labels."""
    errors = {
        name: [Complaint(f"Of length {len(column)}, but labels is of length {rows}.", "length-mismatch")]
        for name, column in columns.items()
        if len(column) != rows
    }
    if errors:
        raise ValidationError({"groups": errors})


def divided(
    columns: Mapping[str, LabelColumn], batch: Batch, *, cross: bool
) -> Iterator[tuple[Partition, NDArray[np.intp]]]:
    """Each partition with the place of every row's group there. A row of weight 0 makes no group, and has any place."""
    single: dict[str, tuple[list[Label], NDArray[np.intp]]] = {}
    for name in sorted(columns):
        values = sorted(columns[name].counted(batch.weight).distinct())
        places = np.maximum(columns[name].positions(values), 0)
        if batch.query is not None:
            check_queries(batch, name, places)
        single[name] = values, places
        yield Partition((name,), tuple((value,) for value in values)), places
    for pair in combinations(single, 2) if cross else ():
        (left, on_left), (right, on_right) = (single[name] for name in pair)
        cells = on_left * len(right) + on_right
        seen = np.unique(cells if batch.weight is None else cells[batch.weight != 0])
        groups = tuple((left[cell // len(right)], right[cell % len(right)]) for cell in seen.tolist())
        yield Partition(pair, groups), np.minimum(np.searchsorted(seen, cells), len(seen) - 1)


def check_queries(batch: Batch, name: str, places: NDArray[np.intp]) -> None:
    """Refuse rows whose group is not that of the first row of their query."""
    order, _, lengths = batch.by_query
    ordered = places[order]
    wrong = np.zeros(len(places), dtype=np.bool_)
    wrong[order] = ordered != np.repeat(ordered[starts_of(lengths)], lengths)
    if wrong.any():
        text = "Not the group of the query's first row. A query belongs to one group with all its rows."
        raise ValidationError({"groups": {name: at_rows(wrong, text, "bad-label").messages}})
