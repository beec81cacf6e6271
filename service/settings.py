"""Every setting and limit of the service: one frozen dataclass, read from the environment."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from marshmallow import Schema, ValidationError, fields
from marshmallow.validate import OneOf, Range

from schemas.requirements import presets_of
from service.access import Access
from service.metrics.requirements import PRESETS, Requirement
from service.problems import complaints_in

PREFIX = "ASSAY_"

# A JSON array that simdjson decodes reports its length in 24 bits.
MOST_ROWS = 2**24 - 2
# The place of a group is held in 16 bits.
MOST_GROUPS = 2**16


def setting(default: Any, description: str, field: fields.Field[Any]) -> Any:
    """A field of `Settings` with what it means and how its variable is read."""
    return dataclasses.field(default=default, metadata={"description": description, "field": field})


def count(default: int, description: str, high: int | None = None) -> Any:
    """A setting that is a whole number of 1 or more."""
    return setting(default, description, fields.Integer(validate=Range(1, high)))


def seconds(default: float, description: str) -> Any:
    """A setting that is a time above 0."""
    return setting(default, description, fields.Float(validate=Range(0, min_inclusive=False)))


def limit(of: Any, unit: str, problem: str = "limit-exceeded") -> Any:
    """A setting that limits requests: its unit, and the slug of the problem that one beyond it gets."""
    return dataclasses.field(default=of.default, metadata={**of.metadata, "unit": unit, "problem": problem})


@dataclass(frozen=True)
class Settings:
    """The settings in force. Each is read from the variable `ASSAY_` + its name in capitals."""

    max_body_bytes: int = limit(
        count(67_108_864, "Largest request body on the wire, in bytes."), "bytes", "body-too-large"
    )
    max_decoded_bytes: int = limit(
        count(268_435_456, "Largest request body once decompressed, in bytes."), "bytes", "body-too-large"
    )
    max_rows: int = limit(count(10_000_000, "Most rows of a request.", MOST_ROWS), "rows", "too-many-rows")
    max_values: int = limit(
        count(40_000_000, "Most values of a request: commas in its body, plus one; or its rows times its labels."),
        "values",
        "too-many-values",
    )
    max_outputs: int = limit(
        count(100, "Most outputs (columns of the labels) of a regression, and most quantiles."), "columns"
    )
    max_classes: int = limit(
        count(1000, "Most classes of a multiclass task, whose cost is their square, and labels of a multilabel one."),
        "classes",
    )
    max_groups: int = limit(
        count(1000, "Most groups of a request: of all names, crossings and candidates together.", MOST_GROUPS), "groups"
    )
    max_group_columns: int = limit(
        count(10_000, "Most groups of a request times its classes, labels, outputs or quantiles."), "columns"
    )
    max_label_length: int = limit(
        count(256, "Longest label, query, group or name of one or of a candidate, in characters."), "characters"
    )
    max_listed_queries: int = limit(count(10_000, "Most queries of a ranking whose metrics a report lists."), "queries")
    max_candidates: int = limit(count(10, "Most candidates of a comparison.", 100), "candidates")
    max_compared_cells: int = limit(
        count(2_500_000, "Most cells of a multiclass comparison: its candidates times its classes squared."), "cells"
    )
    max_curve_points: int = limit(count(2000, "Most points that a request may ask a curve to have."), "points")
    max_resamples: int = limit(count(10_000, "Most resamples of a bootstrap."), "resamples")
    max_resampled_values: int = limit(
        count(20_000_000, "Most values that a bootstrap draws: resamples times columns times rows and columns."),
        "values",
    )
    max_memory_bytes: int = limit(
        count(8_589_934_592, "Most address space that a worker takes beyond what it starts with and keeps, in bytes."),
        "bytes of memory",
        "memory-limit",
    )
    presets_file: str = setting(
        "", "Path of a JSON file with presets of requirements by name, each a list as in a request.", fields.String()
    )
    kept_bytes: int = count(
        268_435_456, "Most memory that a worker keeps between requests, for the next one, in bytes.", 2**31 - 1
    )
    body_seconds: float = limit(
        seconds(15.0, "How long a request may take to arrive, head and body."), "seconds", "request-timeout"
    )
    send_seconds: float = seconds(
        60.0, "How long a client may take to read an answer; the connection is closed on one who takes longer."
    )
    compute_seconds: float = limit(seconds(30.0, "How long a request may compute."), "seconds", "compute-timeout")
    wait_seconds: float = limit(
        seconds(0.25, "How long a request waits for a worker that is computing."), "seconds", "overloaded"
    )
    api_keys_file: str = setting("", "Path of a file with the callers' names and SHA-256 of keys.", fields.String())
    jwt_keys_file: str = setting(
        "", "Path of a JSON Web Key Set: the public keys of who issues tokens to callers.", fields.String()
    )
    jwt_issuer: str = setting("", "Who issues tokens: their `iss`.", fields.String())
    jwt_audience: str = setting("", "Whom tokens are for: one of their `aud`.", fields.String())
    log_level: str = setting(
        "info",
        "Least severe level that is logged.",
        fields.String(validate=OneOf(["debug", "info", "warning", "error", "critical"])),
    )

    @classmethod
    def variables(cls) -> dict[str, "dataclasses.Field[Any]"]:
        """The environment variable of each setting."""
        return {PREFIX + field.name.upper(): field for field in dataclasses.fields(cls)}

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """The settings of an environment. Raises `ValueError` for an unknown `ASSAY_` variable or a bad value."""
        variables = cls.variables()
        schema = Schema.from_dict({name: field.metadata["field"] for name, field in variables.items()})()
        schema.error_messages |= {"unknown": "There is no such setting."}
        ours = {name: value for name, value in environment.items() if name.startswith(PREFIX)}
        try:
            loaded: Any = schema.load(ours)
        except ValidationError as error:
            messages: Any = error.messages
            wrong = (f"{name}: {' '.join(texts)}" for name, texts in messages.items())
            raise ValueError(" ".join(wrong)) from None
        settings = cls(**{variables[name].name: value for name, value in loaded.items()})
        try:
            settings.presets  # noqa: B018  # reads the file, and keeps what it read
        except ValidationError as error:
            complaints = (f"{pointer}: {text}" for pointer, text, _ in complaints_in(error.messages, "#"))
            raise ValueError(f"{PREFIX}PRESETS_FILE: {' '.join(complaints)}") from None
        except (OSError, ValueError) as error:
            raise ValueError(f"{PREFIX}PRESETS_FILE: {error}") from None
        settings.access  # noqa: B018  # the same
        return settings

    @cached_property
    def access(self) -> Access:
        """Who may call. Raises `ValueError` where what says so cannot be read."""
        return Access(self.api_keys_file, self.jwt_keys_file, self.jwt_issuer, self.jwt_audience)

    @cached_property
    def presets(self) -> Mapping[str, tuple[Requirement, ...]]:
        """The presets of requirements: those of the service, and those of the file, which win."""
        ours = presets_of(json.loads(Path(self.presets_file).read_bytes())) if self.presets_file else {}
        return {**PRESETS, **ours}
