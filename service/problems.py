"""Everything that goes wrong, as RFC 9457 problem documents: the only place that makes an error response."""

import json
import logging
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, g
from marshmallow import ValidationError
from werkzeug.exceptions import HTTPException

from schemas.complaints import Complaint
from service.deadline import Overdue

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:assay:problem:"
MOST_ERRORS = 100

# Slug: status and title. A slug is stable for programs, a title for people.
PROBLEMS: dict[str, tuple[int, str]] = {
    "bad-encoding": (400, "The body is not encoded as declared"),
    "bad-framing": (400, "The body is not framed as declared"),
    "bad-request": (400, "The request is malformed"),
    "duplicate-key": (400, "An object has a key twice"),
    "malformed-body": (400, "The body is not what its media type says"),
    "malformed-json": (400, "The body is not JSON"),
    "too-deep": (400, "The body is nested too deeply"),
    "unknown-parameter": (400, "The request has an unknown query parameter"),
    "unauthorized": (401, "The request needs a key"),
    "not-found": (404, "There is nothing here"),
    "method-not-allowed": (405, "The method is not allowed here"),
    "not-acceptable": (406, "No accepted media type is available"),
    "request-timeout": (408, "The body took too long to arrive"),
    "body-too-large": (413, "The body is too large"),
    "too-many-rows": (413, "The request has too many rows"),
    "too-many-values": (413, "The request has too many values"),
    "memory-limit": (413, "The request takes too much memory"),
    "unsupported-media-type": (415, "The media type is not supported"),
    "unsupported-encoding": (415, "The content coding is not supported"),
    "schema": (422, "The request does not match the schema"),
    "empty-input": (422, "The request has no rows"),
    "different-labels": (422, "The candidates are not of the same rows"),
    "length-mismatch": (422, "The columns differ in length"),
    "mixed-labels": (422, "The labels mix types"),
    "bad-label": (422, "A label is not acceptable"),
    "bad-option": (422, "An option is not acceptable"),
    "bad-scores": (422, "The scores are not acceptable"),
    "bad-weight": (422, "The weights are not acceptable"),
    "nonfinite-number": (422, "A number is not finite"),
    "number-range": (422, "A number is out of range"),
    "limit-exceeded": (422, "The request exceeds a limit"),
    "internal-error": (500, "The service failed"),
    "compute-timeout": (503, "The request took too long to compute"),
    "overloaded": (503, "The service is busy"),
    "stopping": (503, "The service is stopping"),
}

# Where the next request would start on the connection is unknown, or too far away.
UNREAD = {"bad-framing", "body-too-large", "request-timeout"}

log = logging.getLogger(__name__)


class Problem(Exception):
    """A request that gets no report: what is wrong, where, and what to do.

    `errors` are pairs of a JSON Pointer and a sentence; `headers` go with the response.
    """

    def __init__(
        self,
        slug: str,
        detail: str,
        errors: list[tuple[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.slug = slug
        self.detail = detail
        self.errors = errors or []
        self.headers = dict(headers or {})
        super().__init__(slug)

    @property
    def status(self) -> int:
        return PROBLEMS[self.slug][0]

    def response(self) -> Response:
        """The problem document."""
        status, title = PROBLEMS[self.slug]
        document: dict[str, Any] = {
            "type": TYPE_PREFIX + self.slug,
            "title": title,
            "status": status,
            "detail": self.detail,
            "request_id": g.request_id,
        }
        if self.slug in UNREAD:
            self.headers["Connection"] = "close"
        if self.errors:
            document["errors"] = [{"pointer": pointer, "detail": detail} for pointer, detail in self.errors]
        return Response(json.dumps(document), status, self.headers, content_type=MEDIA_TYPE)


def invalid(error: ValidationError) -> Problem:
    """The problem of a request that its schema refused: all that is wrong, at most 100 places."""
    complaints = list(complaints_in(error.messages, "#"))
    slugs = {slug for _, _, slug in complaints}
    # A limit on size says more than what else is wrong with a request of that size.
    too_large = sorted(slug for slug in slugs if PROBLEMS[slug][0] == HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    slug = too_large[0] if too_large else slugs.pop() if len(slugs) == 1 else "schema"
    detail = f"{len(complaints)} things are wrong; `errors` lists them."
    if len(complaints) == 1:
        detail = "At {}: {}".format(*complaints[0])
    if len(complaints) > MOST_ERRORS:
        detail = f"More than {MOST_ERRORS} things are wrong; `errors` lists the first."
    return Problem(slug, detail, [(pointer, text) for pointer, text, _ in complaints[:MOST_ERRORS]])


def complaints_in(messages: Any, pointer: str) -> Iterator[tuple[str, str, str]]:
    """Pointer, sentence and slug of each message in marshmallow's nested messages."""
    if isinstance(messages, dict):
        for key, inner in messages.items():
            of_whole = key == "_schema" and pointer == "#"
            place = pointer if of_whole else f"{pointer}/{escaped(key)}"
            yield from complaints_in(inner, place)
    elif isinstance(messages, list):
        for inner in messages:
            yield from complaints_in(inner, pointer)
    else:
        yield pointer, str(messages), messages.slug if isinstance(messages, Complaint) else "schema"


def escaped(key: Any) -> str:
    """A key as a token of a JSON Pointer (RFC 6901), cut where a hostile key is long."""
    return str(key)[:100].replace("~", "~0").replace("/", "~1")


def of_http_error(error: HTTPException) -> Problem:
    """The problem of an error that Flask's routing found."""
    if error.code == HTTPStatus.NOT_FOUND:
        return Problem("not-found", "No such path. GET / lists what there is.")
    if error.code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = ", ".join(sorted(getattr(error, "valid_methods", None) or []))
        return Problem("method-not-allowed", f"Use {allowed}.", headers={"Allow": allowed})
    return Problem("bad-request", "The request could not be understood.")


def register(app: Flask) -> None:
    """Answer every failure of the application with a problem document."""

    @app.errorhandler(Problem)
    def of_ours(problem: Problem) -> Response:
        return problem.response()

    @app.errorhandler(ValidationError)
    def of_schema(error: ValidationError) -> Response:
        # marshmallow raises from a frame that keeps the error, and so both would keep the columns.
        error.__traceback__ = None
        return invalid(error).response()

    @app.errorhandler(Overdue)
    def of_time(error: Overdue) -> Response:
        error.__traceback__ = None
        detail = (
            "It took too long to compute. Send fewer rows or ask for fewer metrics, or try again when less is going on."
        )
        return Problem("compute-timeout", detail, headers={"Retry-After": "1"}).response()

    @app.errorhandler(MemoryError)
    def of_memory(error: MemoryError) -> Response:
        error.__traceback__ = None
        return Problem("memory-limit", "It takes more memory than there is for it. Send fewer rows.").response()

    @app.errorhandler(HTTPException)
    def of_routing(error: HTTPException) -> Response:
        return of_http_error(error).response()

    @app.errorhandler(Exception)
    def of_defect(error: Exception) -> Response:
        log.error("request %s failed", g.request_id, exc_info=error)
        return Problem("internal-error", "This is a defect of the service. Please report it.").response()
