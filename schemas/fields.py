"""Fields of requests: whole columns checked as numpy arrays, and scalars of exactly the type they claim.

Each field knows its own OpenAPI schema. A number in a string is no number, true is not 1, and 1.0 is the integer 1.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any, Protocol

import numpy as np
from marshmallow import ValidationError, fields
from numpy.typing import NDArray

from schemas.columns import Faulty
from schemas.complaints import Complaint, complaint, complaints_at
from service.metrics.batch import Label
from service.metrics.exact import Floats

INT64 = np.iinfo(np.int64)
# From here on integers are no longer distinct as floats, which is what an integer among floats is decoded to.
EXACT_FLOAT = 2.0**53
MOST_ERRORS = 100
OpenAPI = dict[str, Any]
TOO_LARGE = "Too large for a 64-bit float."


class Limits(Protocol):
    """The limits that the schemas check."""

    @property
    def max_rows(self) -> int: ...
    @property
    def max_outputs(self) -> int: ...
    @property
    def max_label_length(self) -> int: ...
    @property
    def max_curve_points(self) -> int: ...


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


def at_rows(wrong: NDArray[Any] | np.bool_, text: str, slug: str) -> ValidationError:
    """The refusal of a column for the rows that are marked wrong, the first hundred of them."""
    return complaints_at(dict.fromkeys(np.flatnonzero(wrong)[: MOST_ERRORS + 1].tolist(), text), slug)


def not_a_number(value: Any) -> str | None:
    """What is wrong with an element where a number belongs."""
    if isinstance(value, str):
        return "A string is not a number. Send numbers without quotes."
    if isinstance(value, bool):
        return "true and false are no numbers."
    if value is None:
        return "null is no number. Leave the row out."
    return None if isinstance(value, int | float) else "Not a number."


def rows_within(value: Sequence[Any] | NDArray[Any], limits: Limits) -> None:
    """Refuse a column without rows or with too many."""
    if len(value) == 0:
        raise complaint("There are no rows. Send at least one.", "empty-input")
    if len(value) > limits.max_rows:
        raise complaint(f"More than {limits.max_rows} rows. Send fewer.", "too-many-rows")


def an_array(value: Any) -> Any:
    """The value if it is a column; refuses objects, scalars and arrays that no column can be."""
    if isinstance(value, Faulty):
        raise complaints_at(value.errors)
    if not isinstance(value, np.ndarray | list):
        raise complaint("Not an array.")
    return value


class Numbers(Field):
    """Finite numbers, one a row, as float64."""

    def read(self, value: Any) -> Floats:
        numbers = self.finite_numbers(value)
        if numbers.ndim == 2:
            raise complaint("An array of arrays. Send one number a row.")
        return numbers

    def finite_numbers(self, value: Any) -> Floats:
        """A column of numbers or of rows of numbers."""
        column = an_array(value)
        rows_within(column, self.limits)
        if isinstance(column, list):
            raise complaints_at(bad_elements(column, not_a_number))
        numbers: Floats = column.astype(np.float64) + 0.0  # no negative zero
        finite = np.isfinite(numbers)
        if not finite.all():
            raise at_rows(np.any(~finite.reshape(len(numbers), -1), axis=1), TOO_LARGE, "nonfinite-number")
        return numbers

    def openapi(self) -> OpenAPI:
        return {"type": "array", "items": {"type": "number"}, "minItems": 1}


class Outputs(Numbers):
    """Finite numbers as float64: one a row, or in every row one for each output."""

    def read(self, value: Any) -> Floats:
        numbers = self.finite_numbers(value)
        if numbers.ndim == 2 and numbers.shape[1] > self.limits.max_outputs:
            raise complaint(f"More than {self.limits.max_outputs} outputs.", "limit-exceeded")
        return numbers

    def openapi(self) -> OpenAPI:
        row = {"type": "array", "items": {"type": "number"}, "minItems": 1}
        return {"type": "array", "items": {"anyOf": [{"type": "number"}, row]}, "minItems": 1}


class Weights(Numbers):
    """Weights of rows: numbers of 0 or more with a positive, finite sum."""

    def read(self, value: Any) -> Floats:
        weights = super().read(value)
        if weights.min() < 0:
            raise at_rows(weights < 0, "A weight is negative.", "bad-weight")
        with np.errstate(over="ignore"):
            total = weights.sum()
        if total == 0:
            raise complaint("All weights are 0, so no row counts.", "bad-weight")
        if not np.isfinite(total):
            raise complaint("The weights add up to more than a 64-bit float holds. Scale them down.", "bad-weight")
        return weights

    def openapi(self) -> OpenAPI:
        return {"type": "array", "items": {"type": "number", "minimum": 0}, "minItems": 1}


@dataclass(frozen=True, eq=False)
class LabelColumn:
    """Labels of one kind: int64 or boolean arrays, or a list of strings; `one_hot` where they came as pairs."""

    kind: str
    values: NDArray[Any] | list[str]
    one_hot: bool = False

    def __len__(self) -> int:
        return len(self.values)

    def some_distinct(self) -> set[Label]:
        """The distinct labels, if there are at most two; otherwise three of them or more."""
        if isinstance(self.values, list):
            return set(self.values)
        low, high = self.values.min(), self.values.max()
        others = self.values[(self.values != low) & (self.values != high)][:1]
        return {low.item(), high.item(), *others.tolist()}

    def counted(self, weight: Floats | None) -> "LabelColumn":
        """The column without the rows of weight 0."""
        if weight is None or weight.all():
            return self
        kept = weight != 0
        values = list(compress(self.values, kept)) if isinstance(self.values, list) else self.values[kept]
        return replace(self, values=values)

    def equal_to(self, label: Label) -> NDArray[np.bool_]:
        """Which rows hold the label."""
        if isinstance(self.values, list):
            return np.fromiter(map(str(label).__eq__, self.values), np.bool_, len(self.values))
        return np.asarray(self.values == label)


KINDS: dict[type, str] = {bool: "boolean", int: "integer", str: "string"}


class Labels(Field):
    """Class labels: integers, booleans or strings, unmixed, or pairs of 0 and 1 whose second is the positive class."""

    def read(self, value: Any) -> LabelColumn:
        column = an_array(value)
        rows_within(column, self.limits)
        if isinstance(column, list):
            return self._of_scalars(column)
        if column.ndim == 2:
            return self._of_pairs(column)
        return LabelColumn("integer", whole(column))

    def _of_scalars(self, column: list[Any]) -> LabelColumn:
        types = set(map(type, column))
        if types == {bool}:
            return LabelColumn("boolean", np.array(column, dtype=np.bool_))
        if types == {str}:
            if max(map(len, column)) > self.limits.max_label_length or any("\0" in label for label in set(column)):
                raise complaints_at(bad_elements(column, self._not_a_label), "bad-label")
            return LabelColumn("string", column)
        errors = bad_elements(column, lambda label: None if type(label) in KINDS else not_a_label_type(label))
        if errors:
            raise complaints_at(errors, "bad-label")
        raise complaint("Integers, booleans and strings are mixed. Send labels of one type.", "mixed-labels")

    def _not_a_label(self, label: str) -> str | None:
        if len(label) > self.limits.max_label_length:
            return f"A label is longer than {self.limits.max_label_length} characters."
        return "A label holds the character NUL." if "\0" in label else None

    @staticmethod
    def _of_pairs(column: NDArray[Any]) -> LabelColumn:
        if column.shape[1] != 2:
            raise complaint("Rows of a length other than 2. A binary label is one value or a pair of 0 and 1.")
        one_hot = ((column == 0) | (column == 1)).all(axis=1) & (column.sum(axis=1) == 1)
        if not one_hot.all():
            raise at_rows(~one_hot, "Not a pair of one 0 and one 1.", "bad-label")
        return LabelColumn("integer", column[:, 1].astype(np.int64), one_hot=True)

    def openapi(self) -> OpenAPI:
        return {"type": "array", "items": {"$ref": "#/components/schemas/Label"}, "minItems": 1}


def not_a_label_type(value: Any) -> str:
    """Why a value that is no integer, boolean or string cannot be a label."""
    if value is None:
        return "null is no label. Leave the row out, or name the class."
    return "Not an integer, a boolean or a string."


def whole(column: NDArray[Any]) -> NDArray[np.int64]:
    """The column as integers; refuses fractions and what is too large to be told apart."""
    if column.dtype == np.int64:
        return column
    fractions = column != np.floor(column)
    if fractions.any():
        raise at_rows(fractions, "A fraction is no label. Send integers.", "bad-label")
    large = np.abs(column) >= EXACT_FLOAT
    if large.any():
        raise at_rows(
            large, "Beyond 64-bit integers, or from 2^53 on among numbers with a decimal point.", "number-range"
        )
    return column.astype(np.int64)


class Scores(Numbers):
    """Scores of a binary task: one number a row, or pairs [p_negative, p_positive], of which the second is taken."""

    def read(self, value: Any) -> Floats:
        scores = self.finite_numbers(value)
        if scores.ndim == 1:
            return scores
        if scores.shape[1] != 2:
            raise complaint("Rows of a length other than 2. Send one score a row, or [p_negative, p_positive].")
        outside = np.any((scores < 0) | (scores > 1), axis=1)
        if outside.any():
            raise at_rows(outside, "A probability lies outside [0, 1].", "bad-scores")
        off = np.abs(scores.sum(axis=1) - 1) > 2e-6
        if off.any():
            text = "The row does not add up to 1. Send softmax probabilities, or the positive class's score alone."
            raise at_rows(off, text, "bad-scores")
        return np.ascontiguousarray(scores[:, 1])

    def openapi(self) -> OpenAPI:
        pair = {"type": "array", "items": {"type": "number", "minimum": 0, "maximum": 1}, "minItems": 2, "maxItems": 2}
        return {"type": "array", "items": {"anyOf": [{"type": "number"}, pair]}, "minItems": 1}


class OneLabel(Field):
    """One label: an integer within int64, a boolean or a string."""

    def read(self, value: Any) -> Label:
        if isinstance(value, float) and value.is_integer() and abs(value) < EXACT_FLOAT:
            return int(value)
        if type(value) not in KINDS:
            raise complaint("Not an integer, a boolean or a string.", "bad-label")
        if isinstance(value, int) and not INT64.min <= value <= INT64.max:
            raise complaint("Beyond 64-bit integers.", "number-range")
        if isinstance(value, str) and (len(value) > self.limits.max_label_length or "\0" in value):
            raise complaint(
                f"Longer than {self.limits.max_label_length} characters, or with the character NUL.", "bad-label"
            )
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


class CurvePoints(Field):
    """A whole number from 10 to the limit in force."""

    LOW = 10

    def read(self, value: Any) -> int:
        high = self.limits.max_curve_points
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
            raise complaint("Not an integer.", "bad-option")
        if not self.LOW <= value <= high:
            raise complaint(f"Not from {self.LOW} to {high}.", "bad-option")
        return int(value)

    def openapi(self) -> OpenAPI:
        return {"type": "integer", "minimum": self.LOW, "maximum": 2000}


class Flag(Field):
    """true or false."""

    def read(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise complaint("Neither true nor false.", "bad-option")
        return value

    def openapi(self) -> OpenAPI:
        return {"type": "boolean"}


class MetricNames(Field):
    """Names of metrics of the schema's task, each at most once."""

    @property
    def names(self) -> list[str]:
        """The names of the task's metrics."""
        return self.root.names  # type: ignore[union-attr, no-any-return]  # every request for a report has names

    def read(self, value: Any) -> tuple[str, ...]:
        column = an_array(value)
        if len(column) == 0:
            raise complaint("The list is empty. Leave the field out for all metrics.", "bad-option")
        known = set(self.names)
        unknown = bad_elements(
            column, lambda name: None if isinstance(name, str) and name in known else "No metric of this task."
        )
        if unknown:
            raise complaints_at(unknown, "bad-option")
        seen: set[str] = set()
        again = bad_elements(column, lambda name: "Named twice." if name in seen else seen.add(name))
        if again:
            raise complaints_at(again, "bad-option")
        return tuple(column)

    def openapi(self) -> OpenAPI:
        return {
            "type": "array",
            "items": {"type": "string", "enum": self.names},
            "minItems": 1,
            "uniqueItems": True,
        }


class Strings(Field):
    """An object of at most a hundred strings."""

    def read(self, value: Any) -> dict[str, str]:
        if not isinstance(value, dict):
            raise complaint("Not an object.", "bad-option")
        if len(value) > MOST_ERRORS:
            raise complaint(f"More than {MOST_ERRORS} entries.", "bad-option")
        wrong = {
            key: [Complaint("Not a string, or its name holds the character NUL.", "bad-option")]
            for key in value
            if not isinstance(value[key], str) or "\0" in key
        }
        if wrong:
            raise ValidationError(dict(wrong))
        return value

    def openapi(self) -> OpenAPI:
        return {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "propertyNames": {"pattern": "^[^\\u0000]*$"},
            "maxProperties": MOST_ERRORS,
        }
