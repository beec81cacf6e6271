"""How long a request may compute: whoever computes looks now and then whether its time is over.

Between two looks lies one function of the catalogue, or one state: numpy cannot be stopped within.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import local


class Deadline(local):
    """When the time of what this thread computes is over.

    It is no `ContextVar`: where there is no memory left to set one, CPython 3.11 crashes.
    """

    at = math.inf


DEADLINE = Deadline()


class Overdue(Exception):
    """The time of a request is over."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Give what is computed here so many seconds."""
    before, DEADLINE.at = DEADLINE.at, time.monotonic() + seconds
    try:
        yield
    finally:
        DEADLINE.at = before


def check_time() -> None:
    """Raises `Overdue` where the time is over."""
    if time.monotonic() > DEADLINE.at:
        raise Overdue
