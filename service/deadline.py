"""How long a request may compute: whoever computes looks now and then whether its time is over.

Between two looks lies one function of the catalogue, or one state: numpy cannot be stopped within.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

DEADLINE: ContextVar[float] = ContextVar("deadline", default=math.inf)


class Overdue(Exception):
    """The time of a request is over."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Give what is computed here so many seconds."""
    before = DEADLINE.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        DEADLINE.reset(before)


def check_time() -> None:
    """Raises `Overdue` where the time is over."""
    if time.monotonic() > DEADLINE.get():
        raise Overdue
