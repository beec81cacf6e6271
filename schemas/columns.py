"""Fields of requests that are columns: whole arrays, checked as numpy holds them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress, repeat
from typing import Any, ClassVar

import numpy as np
from marshmallow import ValidationError
from numpy.typing import NDArray

from schemas.complaints import complaint, complaints_at
from schemas.fields import (
    EXACT_FLOAT,
    KINDS,
    MOST_ERRORS,
    TOO_LARGE,
    Field,
    Limits,
    OneLabel,
    OpenAPI,
    an_array,
    bad_elements,
    not_a_name,
    not_a_number,
)
from service.metrics.batch import Label
from service.metrics.exact import Floats

NOT_A_NUMBER = "NaN, or too large for a 64-bit float. Leave the row out."
# Weights beyond it, or below its inverse, have products that leave the range of float64.
LARGEST_WEIGHT = 1e100
# How far the sum of a row of probabilities may be from 1, for each of them.
SUM_TOLERANCE = 1e-6


def at_rows(wrong: NDArray[Any] | np.bool_, text: str, slug: str) -> ValidationError:
    """The refusal of a column for the rows that are marked wrong, the first hundred of them."""
    return complaints_at(dict.fromkeys(np.flatnonzero(wrong)[: MOST_ERRORS + 1].tolist(), text), slug)


def rows_within(value: Sequence[Any] | NDArray[Any], limits: Limits) -> None:
    """Refuse a column without rows or with too many."""
    if len(value) == 0:
        raise complaint("There are no rows. Send at least one.", "empty-input")
    if len(value) > limits.max_rows:
        raise complaint(f"More than {limits.max_rows} rows. Send fewer.", "too-many-rows")


def finite_numbers(value: Any, limits: Limits) -> Floats:
    """A column of numbers or of rows of numbers."""
    column = an_array(value)
    rows_within(column, limits)
    if isinstance(column, list):
        raise complaints_at(bad_elements(column, not_a_number))
    numbers: Floats = column.astype(np.float64) + 0.0  # no negative zero
    finite = np.isfinite(numbers)
    if not finite.all():
        text = NOT_A_NUMBER if np.isnan(numbers).any() else TOO_LARGE
        raise at_rows(np.any(~finite.reshape(len(numbers), -1), axis=1), text, "nonfinite-number")
    return numbers


class Numbers(Field):
    """Finite numbers, one a row, as float64."""

    def read(self, value: Any) -> Floats:
        numbers = finite_numbers(value, self.limits)
        if numbers.ndim == 2:
            raise complaint("An array of arrays. Send one number a row.")
        return numbers

    def openapi(self) -> OpenAPI:
        return {"type": "array", "items": {"type": "number"}, "minItems": 1}


class Outputs(Numbers):
    """Finite numbers as float64: one a row, or in every row one for each output."""

    def read(self, value: Any) -> Floats:
        numbers = finite_numbers(value, self.limits)
        if numbers.ndim == 2 and numbers.shape[1] > self.limits.max_outputs:
            raise complaint(f"More than {self.limits.max_outputs} outputs.", "limit-exceeded")
        return numbers[:, 0] if numbers.ndim == 2 and numbers.shape[1] == 1 else numbers

    def openapi(self) -> OpenAPI:
        most = self.limits.max_outputs
        row = {"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": most}
        return {"type": "array", "items": {"anyOf": [{"type": "number"}, row]}, "minItems": 1}


class Weights(Numbers):
    """Weights of rows: 0, or numbers whose sums and products stay in the range of float64; not all of them 0."""

    def read(self, value: Any) -> Floats:
        weights = super().read(value)
        if weights.min() < 0:
            raise at_rows(weights < 0, "A weight is negative. Send 0 for a row that is not to count.", "bad-weight")
        if not weights.any():
            raise complaint("All weights are 0, so no row counts.", "bad-weight")
        extreme = (weights > LARGEST_WEIGHT) | ((weights > 0) & (weights < 1 / LARGEST_WEIGHT))
        if extreme.any():
            raise at_rows(extreme, f"Not from {1 / LARGEST_WEIGHT:g} to {LARGEST_WEIGHT:g}. Scale them.", "bad-weight")
        return weights

    def openapi(self) -> OpenAPI:
        return {"type": "array", "items": {"type": "number", "minimum": 0, "maximum": LARGEST_WEIGHT}, "minItems": 1}


@dataclass(frozen=True, eq=False)
class ScoreColumn:
    """Scores of the positive class; `pairs` where they came with those of the negative one."""

    values: Floats
    pairs: bool

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, eq=False)
class LabelColumn:
    """Labels of one kind: int64 or boolean arrays, or a list of strings.

    `width` is the number of columns where they came as one-hot rows; the values are then the positions of the 1.
    """

    kind: str
    values: NDArray[Any] | list[str]
    width: int = 0

    def __len__(self) -> int:
        return len(self.values)

    def some_distinct(self) -> set[Label]:
        """The distinct labels, if there are at most two; otherwise three of them or more."""
        if isinstance(self.values, list):
            return set(self.values)
        low, high = self.values.min(), self.values.max()
        others = self.values[(self.values != low) & (self.values != high)][:1]
        return {low.item(), high.item(), *others.tolist()}

    def distinct(self) -> set[Label]:
        """The distinct labels."""
        return set(self.values) if isinstance(self.values, list) else set(np.unique(self.values).tolist())

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

    def positions(self, classes: Sequence[Label]) -> NDArray[np.intp]:
        """The position of each label among some distinct classes of this kind, -1 where it is none of them."""
        if isinstance(self.values, list):
            of_label = {label: place for place, label in enumerate(classes)}
            return np.fromiter(map(of_label.get, self.values, repeat(-1)), np.intp, len(self.values))
        names = np.array(classes, dtype=self.values.dtype)
        order = np.argsort(names)
        places = order[np.minimum(np.searchsorted(names[order], self.values), len(names) - 1)]
        return np.asarray(np.where(names[places] == self.values, places, -1))


class Labels(Field):
    """Class labels: integers, booleans or strings, unmixed, or pairs of 0 and 1 whose second is the positive class.

    `noun` is what a complaint calls one of them, `naming` how else the row could be sent.
    """

    noun: ClassVar[str] = "label"
    naming: ClassVar[str] = "Leave the row out, or name the class."

    def read(self, value: Any) -> LabelColumn:
        column = an_array(value)
        rows_within(column, self.limits)
        if isinstance(column, list):
            return self._of_scalars(column)
        if column.ndim == 2:
            return self._of_rows(column)
        return LabelColumn("integer", whole(column, self.noun))

    def _of_scalars(self, column: list[Any]) -> LabelColumn:
        distinct = set(column)
        if set(map(type, distinct)) == {str}:  # which equal nothing of another type
            if any(not_a_name(label, self.limits, self.noun) for label in distinct):
                wrong = bad_elements(column, lambda label: not_a_name(label, self.limits, self.noun))
                raise complaints_at(wrong, "bad-label")
            return LabelColumn("string", column)
        if set(map(type, column)) == {bool}:
            return LabelColumn("boolean", np.array(column, dtype=np.bool_))
        errors = bad_elements(column, self._not_of_a_type)
        if errors:
            raise complaints_at(errors, "bad-label")
        raise complaint(f"Integers, booleans and strings are mixed. Send {self.noun}s of one type.", "mixed-labels")

    def _not_of_a_type(self, value: Any) -> str | None:
        if value is None:
            return f"null is no {self.noun}. {self.naming}"
        return None if type(value) in KINDS else "Not an integer, a boolean or a string."

    def _of_rows(self, column: NDArray[Any]) -> LabelColumn:
        if column.shape[1] != 2:
            raise complaint("Rows of a length other than 2. A binary label is one value or a pair of 0 and 1.")
        return of_one_hot(column, "Not a pair of one 0 and one 1.")

    def openapi(self) -> OpenAPI:
        return {"type": "array", "items": {"$ref": "#/components/schemas/Label"}, "minItems": 1}


def of_one_hot(column: NDArray[Any], text: str) -> LabelColumn:
    """The labels of one-hot rows; refuses with the text what is none."""
    one_hot = ((column == 0) | (column == 1)).all(axis=1) & (column.sum(axis=1) == 1)
    if not one_hot.all():
        raise at_rows(~one_hot, text, "bad-label")
    return LabelColumn("integer", np.argmax(column, axis=1).astype(np.int64), column.shape[1])


class ClassLabels(Labels):
    """Class labels: integers, booleans or strings, unmixed, or one-hot rows with a column for each class."""

    def _of_rows(self, column: NDArray[Any]) -> LabelColumn:
        return of_one_hot(column, "Not a row of one 1 and otherwise 0.")

    def openapi(self) -> OpenAPI:
        most = self.limits.max_classes
        place = {"type": "integer", "minimum": 0, "maximum": 1}
        row = {"type": "array", "items": place, "minItems": 1, "maxItems": most}
        return {"type": "array", "items": {"anyOf": [*OneLabel("").openapi()["anyOf"], row]}, "minItems": 1}


class Classes(Labels):
    """The names of classes: distinct integers, booleans or strings, unmixed."""

    def read(self, value: Any) -> LabelColumn:
        if len(an_array(value)) == 0:
            raise complaint("No classes. Leave the field out.", "bad-option")
        column = super().read(value)
        too_many = self.too_many(len(column))
        if too_many:
            raise complaint(too_many, "limit-exceeded")
        values = column.values if isinstance(column.values, list) else column.values.tolist()
        seen: set[Label] = set()
        again = bad_elements(values, lambda name: "Named twice." if name in seen else seen.add(name))
        if again:
            raise complaints_at(again, "bad-option")
        return column

    def too_many(self, number: int) -> str | None:
        """What is wrong with so many classes."""
        return too_many_classes(number, self.limits)

    def _of_rows(self, column: NDArray[Any]) -> LabelColumn:  # noqa: ARG002  # the signature of its base
        raise complaint("An array of arrays. Send the names of the classes.", "bad-option")

    def openapi(self) -> OpenAPI:
        most = self.limits.max_classes
        return {
            "type": "array",
            "items": OneLabel("").openapi(),
            "minItems": 1,
            "maxItems": most,
            "uniqueItems": True,
        }


def too_many_classes(number: int, limits: Limits) -> str | None:
    """What is wrong with so many classes: what they cost grows with their square."""
    most = limits.max_classes
    if number <= most:
        return None
    return f"{number} classes make a matrix of {number**2} cells. At most {most} classes, {most**2} cells, are taken."


def whole(column: NDArray[Any], noun: str = "label") -> NDArray[np.int64]:
    """The column as integers; refuses fractions and what is too large to be told apart."""
    if column.dtype == np.int64:
        return column
    fractions = column != np.floor(column)
    if fractions.any():
        raise at_rows(fractions, f"A fraction is no {noun}. Send integers.", "bad-label")
    large = np.abs(column) >= EXACT_FLOAT
    if large.any():
        raise at_rows(
            large, "Beyond 64-bit integers, or from 2^53 on among numbers with a decimal point.", "number-range"
        )
    return column.astype(np.int64)


class Scores(Field):
    """Scores of a binary task: one number a row, or pairs [p_negative, p_positive], of which the second is taken."""

    def read(self, value: Any) -> ScoreColumn:
        scores = finite_numbers(value, self.limits)
        if scores.ndim == 1:
            return ScoreColumn(scores, pairs=False)
        if scores.shape[1] != 2:
            raise complaint("Rows of a length other than 2. Send one score a row, or [p_negative, p_positive].")
        check_probabilities(scores, "Send unrounded softmax probabilities, or the positive class's score alone.")
        return ScoreColumn(np.ascontiguousarray(scores[:, 1]), pairs=True)

    def openapi(self) -> OpenAPI:
        pair = {"type": "array", "items": {"type": "number", "minimum": 0, "maximum": 1}, "minItems": 2, "maxItems": 2}
        return {"type": "array", "items": {"anyOf": [{"type": "number"}, pair]}, "minItems": 1}


class Probabilities(Field):
    """Rows of probabilities, one for each class, that add up to 1."""

    def read(self, value: Any) -> Floats:
        scores = finite_numbers(value, self.limits)
        if scores.ndim == 1:
            raise complaint("Not rows of numbers. Send a probability for each class in every row.")
        too_many = too_many_classes(scores.shape[1], self.limits)
        if too_many:
            raise complaint(too_many, "limit-exceeded")
        check_probabilities(scores, "Send unrounded softmax probabilities.")
        return scores

    def openapi(self) -> OpenAPI:
        most = self.limits.max_classes
        number = {"type": "number", "minimum": 0, "maximum": 1}
        row = {"type": "array", "items": number, "minItems": 1, "maxItems": most}
        return {"type": "array", "items": row, "minItems": 1}


def check_probabilities(scores: Floats, advice: str) -> None:
    """Refuse rows that are no probabilities of classes, one of which is true."""
    outside = np.any((scores < 0) | (scores > 1), axis=1)
    if outside.any():
        raise at_rows(outside, "A probability lies outside [0, 1].", "bad-scores")
    off = np.abs(scores.sum(axis=1) - 1) > SUM_TOLERANCE * scores.shape[1]
    if off.any():
        raise at_rows(off, f"The row does not add up to 1 within {SUM_TOLERANCE:g} a column. {advice}", "bad-scores")
