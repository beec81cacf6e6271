"""The compute slot of a worker process: one report at a time, so that probes answer while it computes."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Semaphore

from service.deadline import within
from service.problems import Problem


class Gate:
    """Lets one request compute at a time, for a bounded time; others wait as boundedly, then are told to come back."""

    def __init__(self, wait_seconds: float, compute_seconds: float) -> None:
        self.wait_seconds, self.compute_seconds = wait_seconds, compute_seconds
        self.slot = Semaphore(1)

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Hold the slot. Raises `Problem` (overloaded) where none comes free in time.

        What computes meanwhile raises `Overdue` where it takes too long.
        """
        if not self.slot.acquire(timeout=self.wait_seconds):
            raise Problem("overloaded", "All workers are computing. Try again soon.", headers={"Retry-After": "1"})
        try:
            with within(self.compute_seconds):
                yield
        finally:
            self.slot.release()
