"""Reads, writes and allocations that fail: injected into what the server hands to the service, and into Python.

What comes back is right, or a problem document, or an exception that has gunicorn close the connection.
"""

import _testcapi
import io
from collections import Counter
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

from flask import Flask
from werkzeug.test import create_environ

from tests.encodings import CSV, LINES, WRITTEN
from tests.fuzzing import COLUMNS, ROUTE, as_json

# Where half a body makes half a report unless someone counts, and where it makes none.
BODIES = {
    "application/json": as_json(COLUMNS),
    CSV: WRITTEN[CSV](COLUMNS),
    LINES: WRITTEN[LINES](COLUMNS),
}
RIGHT, REFUSED, CLOSED, WRONG = "right", "refused", "closed", "wrong"


class Input(io.BytesIO):
    """A body that arrives in pieces, of which the n-th fails: by an exception, or by an end that comes too soon."""

    def __init__(self, body: bytes, piece: int, place: int, failure: Exception | None) -> None:
        super().__init__(body)
        self.piece, self.place, self.failure = piece, place, failure
        self.reads = 0

    def read(self, _: int | None = -1) -> bytes:
        self.reads += 1
        if self.reads <= self.place:
            return super().read(self.piece)
        if self.failure:
            raise self.failure
        return b""


def asked(
    app: Flask, kind: str, stream: Any = None, start: Callable[..., Any] | None = None, taken: int | None = None
) -> tuple[str, bytes]:
    """Ask for a report: its status and body, of which the client takes so many pieces before it is gone."""
    body, statuses = BODIES[kind], []

    def start_response(status: str, *_: Any) -> Callable[[bytes], object]:
        if start:
            start()
        statuses.append(status)
        return print

    environ = create_environ(ROUTE, method="POST", data=body, content_type=kind)
    environ["wsgi.input"] = stream or io.BytesIO(body)
    # In a context of its own, as a thread of the server has one: what a failure leaves there is nobody else's.
    pieces = copy_context().run(app.wsgi_app, environ, start_response)
    try:
        got = []
        for place, piece in enumerate(pieces):
            if taken is not None and place >= taken:
                raise BrokenPipeError
            got.append(piece)
        return statuses[-1], b"".join(got)
    finally:
        close = getattr(pieces, "close", None)
        if close:
            close()


def outcome(ask: Callable[[], tuple[str, bytes]], right: bytes) -> str:
    """What came back of a request in which something failed."""
    try:
        status, got = ask()
    except Exception:  # noqa: BLE001  # as gunicorn does, which then hangs up
        return CLOSED
    if status.startswith("200"):
        return RIGHT if got == right else WRONG
    return REFUSED if b"urn:assay:problem:" in got else WRONG


def after_each(app: Flask, faults: list[Callable[[], tuple[str, bytes]]], kind: str) -> Counter[str]:
    """What came of each fault, where a request without any must be answered right after it."""
    _, right = asked(app, kind)
    outcomes = Counter[str]()
    for fault in faults:
        outcomes[outcome(fault, right)] += 1
        outcomes[WRONG] += asked(app, kind) != ("200 OK", right)
    return outcomes


def reads(app: Flask, kind: str, pieces: tuple[int, ...]) -> Counter[str]:
    """Every read fails, for pieces of several sizes, by an exception and by an early end."""
    body = BODIES[kind]
    streams = [
        Input(body, piece, place, failure)
        for piece in pieces
        for place in range(-(-len(body) // piece))
        for failure in (OSError(), TimeoutError(), None)
    ]
    return after_each(app, [lambda stream=stream: asked(app, kind, stream) for stream in streams], kind)


def writes(app: Flask, kind: str) -> Counter[str]:
    """The head of the answer cannot be sent, or its first piece."""

    def fails() -> None:
        raise BrokenPipeError

    return after_each(app, [lambda: asked(app, kind, start=fails), lambda: asked(app, kind, taken=0)], kind)


def allocations(app: Flask, kind: str, places: range) -> Counter[str]:
    """The n-th allocation of Python fails, for each of these places, and later ones do not."""

    def failing(place: int) -> tuple[str, bytes]:
        _testcapi.set_nomemory(place, place + 1)
        try:
            return asked(app, kind)
        finally:
            _testcapi.remove_mem_hooks()

    return after_each(app, [lambda place=place: failing(place) for place in places], kind)
