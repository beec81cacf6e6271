"""Fields of requests that are no columns, each of exactly the type it claims, and what all fields share.

A decoder hands over an array of numbers as a numpy array, int64 where all are integers, else float64; rows of numbers
of one length as a 2-d array; any other array of scalars as a list; and one that no column can be as `Faulty`.

Each field knows its own OpenAPI schema. A number in a string is no number, true is not 1, and 1.0 is the integer 1.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from marshmallow import ValidationError, fields

from schemas.complaints import Complaint, complaint, complaints_at
from service.metrics.batch import Costs, Label
from service.metrics.requirements import Requirement

INT64 = np.iinfo(np.int64)
# From here on integers are no longer distinct as floats, which is what an integer among floats is decoded to.
EXACT_FLOAT = 2.0**53
MOST_ERRORS = 100
MOST_ENTRIES = 100
OpenAPI = dict[str, Any]
TOO_LARGE = "Too large for a 64-bit float."


@dataclass(frozen=True)
class Faulty:
    """An array with elements that no column holds: the position of each, at most 100, and what is wrong there.

    `rows` are the elements, to be read once, where the first is an array: each array a list of its own elements.
    `objects` are the elements where the first is an object: plain Python values.
    """

    errors: dict[int, str]
    rows: Iterable[Any] | None = None
    objects: list[Any] | None = None


class Limits(Protocol):
    """The limits that the schemas check."""

    @property
    def max_rows(self) -> int: ...
    @property
    def max_values(self) -> int: ...
    @property
    def max_outputs(self) -> int: ...
    @property
    def max_classes(self) -> int: ...
    @property
    def max_groups(self) -> int: ...
    @property
    def max_group_columns(self) -> int: ...
    @property
    def max_label_length(self) -> int: ...
    @property
    def max_listed_queries(self) -> int: ...
    @property
    def max_candidates(self) -> int: ...
    @property
    def max_compared_cells(self) -> int: ...
    @property
    def max_curve_points(self) -> int: ...
    @property
    def max_resamples(self) -> int: ...
    @property
    def max_resampled_values(self) -> int: ...
    @property
    def presets(self) -> Mapping[str, tuple[Requirement, ...]]: ...


class Field(fields.Field[Any], ABC):
    """A field that describes itself in OpenAPI and is refused when null."""

    def __init__(self, description: str, *, required: bool = False) -> None:
        messages: dict[str, str | list[Any] | dict[Any, Any]] = {
            "required": "This field is required.",
            "null": "null has no meaning here. Leave the field out.",
        }
        super().__init__(required=required, error_messages=messages, metadata={"description": description})

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        return self.read(value)

    @abstractmethod
    def read(self, value: Any) -> Any:
        """The value as the core takes it. Raises `ValidationError` with what is wrong."""

    @property
    def limits(self) -> Limits:
        """The limits in force."""
        return self.root.limits  # type: ignore[union-attr, no-any-return]  # every schema of ours has limits

    @abstractmethod
    def openapi(self) -> OpenAPI:
        """The field's schema."""


def bad_elements(values: Iterable[Any], judge: Callable[[Any], str | None]) -> dict[int, str]:
    """What `judge` says is wrong with elements of a column, by position, at most 100 of them."""
    errors: dict[int, str] = {}
    for index, value in enumerate(values):
        text = judge(value)
        if text:
            errors[index] = text
            if len(errors) > MOST_ERRORS:
                break
    return errors


def not_a_number(value: Any) -> str | None:
    """What is wrong with an element where a number belongs."""
    if isinstance(value, str):
        return "Text is not a number. In JSON send numbers without quotes."
    if isinstance(value, bool):
        return "true and false are no numbers."
    if value is None:
        return "null is no number. Leave the row out."
    return None if isinstance(value, int | float) else "Not a number."


def an_array(value: Any) -> Any:
    """The value if it is a column; refuses objects, scalars and arrays that no column can be."""
    if isinstance(value, Faulty):
        raise complaints_at(value.errors)
    if not isinstance(value, np.ndarray | list):
        raise complaint("Not an array.")
    return value


def not_a_name(name: str, limits: Limits, noun: str = "label") -> Complaint | None:
    """What is wrong with a string as a label, or as what a noun says."""
    if len(name) > limits.max_label_length:
        return Complaint(f"A {noun} is longer than {limits.max_label_length} characters.", "limit-exceeded")
    return Complaint(f"A {noun} holds the character NUL.", "bad-label") if "\0" in name else None


KINDS: dict[type, str] = {bool: "boolean", int: "integer", str: "string"}


class OneLabel(Field):
    """One label: an integer within int64, a boolean or a string."""

    def read(self, value: Any) -> Label:
        if isinstance(value, float) and value.is_integer() and abs(value) < EXACT_FLOAT:
            return int(value)
        if type(value) not in KINDS:
            raise complaint("Not an integer, a boolean or a string.", "bad-label")
        if isinstance(value, int) and not INT64.min <= value <= INT64.max:
            raise complaint("Beyond 64-bit integers.", "number-range")
        wrong = not_a_name(value, self.limits) if isinstance(value, str) else None
        if wrong:
            raise ValidationError([wrong])
        return value  # type: ignore[no-any-return]  # its type was checked

    def openapi(self) -> OpenAPI:
        return {"anyOf": [{"type": "integer"}, {"type": "boolean"}, {"type": "string", "maxLength": 256}]}


class Number(Field):
    """One finite number."""

    def read(self, value: Any) -> float:
        wrong = not_a_number(value)
        if wrong:
            raise complaint(wrong, "bad-option")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise complaint(TOO_LARGE, "nonfinite-number")
        return number

    def openapi(self) -> OpenAPI:
        return {"type": "number"}


class Integer(Field):
    """A whole number from a lowest one to a limit in force, which `high` names, or to a fixed one."""

    def __init__(self, description: str, low: int, high: int | str) -> None:
        super().__init__(description)
        self.low, self._high = low, high

    @property
    def high(self) -> int:
        """The largest number."""
        return self._high if isinstance(self._high, int) else int(getattr(self.limits, self._high))

    def read(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float) or not float(value).is_integer():
            raise complaint("Not an integer.", "bad-option")
        if not self.low <= value <= self.high:
            slug = "bad-option" if value < self.low or self._high == self.high else "limit-exceeded"
            raise complaint(f"Must be from {self.low} to {self.high}.", slug)
        return int(value)

    def openapi(self) -> OpenAPI:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


class Probability(Number):
    """One number between 0 and 1, neither of them."""

    def read(self, value: Any) -> float:
        number = super().read(value)
        if not 0 < number < 1:
            raise complaint("Must lie between 0 and 1, as 0.95 does.", "bad-option")
        return number

    def openapi(self) -> OpenAPI:
        return {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}


class CostsOfErrors(Field):
    """What the two kinds of errors cost."""

    def __init__(self, description: str) -> None:
        super().__init__(description)
        self.cost = Number("")

    def read(self, value: Any) -> Costs:
        if not isinstance(value, dict):
            raise complaint('Not an object like {"false_positive": 1, "false_negative": 5}.', "bad-option")
        errors: dict[str | int, Any] = {}
        for name in value.keys() - set(Costs._fields):
            errors[name] = [Complaint(f"There is no such cost. They are {' and '.join(Costs._fields)}.", "bad-option")]
        costs: dict[str, float] = {}
        for name in Costs._fields:
            try:
                costs[name] = self.cost_of(value, name)
            except ValidationError as error:
                errors[name] = error.messages
        if errors:
            raise ValidationError(errors)
        if not any(costs.values()):
            raise complaint("Both costs are 0, so that all thresholds are alike.", "bad-option")
        return Costs(**costs)

    def cost_of(self, value: Mapping[str, Any], name: str) -> float:
        """One of the costs."""
        if name not in value:
            raise complaint(
                "This cost is missing. Send both: only their ratio tells which threshold is best.", "bad-option"
            )
        cost = self.cost.read(value[name])
        if cost < 0:
            raise complaint("Must be 0 or more.", "bad-option")
        return cost + 0.0

    def openapi(self) -> OpenAPI:
        cost = {**self.cost.openapi(), "minimum": 0}
        return {
            "type": "object",
            "properties": dict.fromkeys(Costs._fields, cost),
            "required": list(Costs._fields),
            "additionalProperties": False,
        }


class Choice(Field):
    """One of some words."""

    def __init__(self, description: str, *words: str) -> None:
        super().__init__(description)
        self.words = words

    def read(self, value: Any) -> str:
        if not isinstance(value, str) or value not in self.words:
            raise complaint(f"Neither {' nor '.join(self.words)}.", "bad-option")
        return value

    def openapi(self) -> OpenAPI:
        return {"type": "string", "enum": list(self.words)}


class Name(Field):
    """A name."""

    def read(self, value: Any) -> str:
        if not isinstance(value, str) or not value:
            raise complaint("Not a name: a string that is not empty.", "bad-option")
        return value

    def openapi(self) -> OpenAPI:
        return {"type": "string", "minLength": 1}


class Flag(Field):
    """true or false."""

    def read(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise complaint("Neither true nor false.", "bad-option")
        return value

    def openapi(self) -> OpenAPI:
        return {"type": "boolean"}


class MetricNames(Field):
    """Names of metrics, each at most once. Which there are, the question tells: it may make several of one."""

    def read(self, value: Any) -> tuple[str, ...]:
        column = an_array(value)
        if len(column) == 0:
            raise complaint("The list is empty. Leave the field out for all metrics.", "bad-option")
        no_names = bad_elements(column, lambda name: None if isinstance(name, str) else "Not a string.")
        if no_names:
            raise complaints_at(no_names, "bad-option")
        seen: set[str] = set()
        again = bad_elements(column, lambda name: "Named twice." if name in seen else seen.add(name))
        if again:
            raise complaints_at(again, "bad-option")
        return tuple(column)

    def openapi(self) -> OpenAPI:
        names = self.root.catalogue.metrics  # type: ignore[union-attr]  # every request for a report has a catalogue
        fixed = {"type": "string", "enum": [metric.name for metric in names if not metric.each]}
        several = [{"type": "string", "pattern": metric.pattern} for metric in names if metric.each]
        items = {"anyOf": [fixed, *several]} if several else fixed
        return {"type": "array", "items": items, "minItems": 1, "uniqueItems": True}


class Strings(Field):
    """An object of at most a hundred strings."""

    def read(self, value: Any) -> dict[str, str]:
        if not isinstance(value, dict):
            raise complaint("Not an object.", "bad-option")
        if len(value) > MOST_ENTRIES:
            raise complaint(f"More than {MOST_ENTRIES} entries.", "limit-exceeded")
        wrong: dict[str | int, Any] = {
            key: [Complaint("The name holds the character NUL." if "\0" in key else "Not a string.", "bad-option")]
            for key in value
            if not isinstance(value[key], str) or "\0" in key
        }
        if wrong:
            raise ValidationError(wrong)
        return value

    def openapi(self) -> OpenAPI:
        return {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "propertyNames": {"pattern": "^[^\\u0000]*$"},
            "maxProperties": MOST_ENTRIES,
        }
