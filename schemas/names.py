"""Names that a request may have but for a slip of the pen: of fields, columns and metrics."""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any

from marshmallow import Schema, ValidationError

from schemas.complaints import Complaint

# No name of ours is longer; a long one would take long to compare.
LONGEST = 64


def nearest(name: Any, known: Collection[str]) -> str:
    """The known name that is probably meant, as a question after a sentence; empty where there is none."""
    if not isinstance(name, str) or len(name) > LONGEST:
        return ""
    return "".join(f" Did you mean {close}?" for close in get_close_matches(name, known, n=1))


def no_field(name: Any, known: Collection[str]) -> Complaint:
    """What is said of a field that there is not."""
    return Complaint(f"There is no such field.{nearest(name, known)} The fields are {', '.join(known)}.")


class Strict(Schema):
    """A schema that names its fields to who sends another."""

    def handle_error(self, error: ValidationError, data: Any, **_: Any) -> None:
        """Say which field is probably meant by one that there is not."""
        if isinstance(data, Mapping) and isinstance(error.messages, dict):
            error.messages |= {name: [no_field(name, self.fields)] for name in data.keys() - self.fields.keys()}
