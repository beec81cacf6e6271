"""The compute slot of a worker process: one report at a time, so that probes answer while it computes."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Semaphore

from service.deadline import within
from service.problems import Problem

# Half of the threads of a worker (deploy/gunicorn.conf.py): those who wait must leave some to refuse the others and to
# answer probes, or both would stand in a line that no time bounds.
MOST_WAITING = 16


class Gate:
    """Lets one request compute at a time, for a bounded time; a few wait as boundedly, all others come back later."""

    def __init__(self, wait_seconds: float, compute_seconds: float) -> None:
        self.wait_seconds, self.compute_seconds = wait_seconds, compute_seconds
        self.places = Semaphore(1 + MOST_WAITING)
        self.slot = Semaphore(1)

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Hold the slot. Raises `Problem` (overloaded) where none comes free in time.

        What computes meanwhile raises `Overdue` where it takes too long.
        """
        if not self.places.acquire(blocking=False):
            raise overloaded()
        try:
            if not self.slot.acquire(timeout=self.wait_seconds):
                raise overloaded()
            try:
                with within(self.compute_seconds):
                    yield
            finally:
                self.slot.release()
        finally:
            self.places.release()


def overloaded() -> Problem:
    """The refusal of a request for which no slot came free."""
    return Problem("overloaded", "All workers are computing. Try again soon.", headers={"Retry-After": "1"})
