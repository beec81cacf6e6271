"""What is wrong with a request, in words and as a slug for programs."""

from collections.abc import Mapping
from typing import Self

from marshmallow import ValidationError


class Complaint(str):
    """A sentence about a request, with the slug of its kind of problem."""

    __slots__ = ("slug",)
    slug: str

    def __new__(cls, text: str, slug: str = "schema") -> Self:
        said = super().__new__(cls, text)
        said.slug = slug
        return said


def complaint(text: str, slug: str = "schema") -> ValidationError:
    """The refusal of a field."""
    return ValidationError([Complaint(text, slug)])


def complaints_at(errors: Mapping[int, str], slug: str = "schema") -> ValidationError:
    """The refusal of a field for some of its elements, of this slug where a text has none of its own."""
    return ValidationError(
        {index: [text if isinstance(text, Complaint) else Complaint(text, slug)] for index, text in errors.items()}
    )
