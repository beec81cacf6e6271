"""Damaged bodies, and reads, writes and allocations that fail."""

from collections import Counter
from collections.abc import Iterator
from logging import CRITICAL, disable
from pathlib import Path

from service.app import create_app
from service.settings import Settings
from tests.faults import BODIES, CLOSED, REFUSED, RIGHT, WRONG, allocations, reads, writes
from tests.fuzzing import DECODERS, fuzz
from tests.reliability.promise import Row, Scale

# More than a report takes.
ALLOCATIONS = 40_000


def damaged_bodies(_: Path, scale: Scale) -> Iterator[Row]:
    """Every decoder gets damaged bodies."""
    client = create_app(Settings()).test_client()
    for name in DECODERS:
        promise = f"damaged {name}: a right report, or a refusal that is the client's fault"
        try:
            statuses = fuzz(client, name, scale.examples)
        except AssertionError as defect:
            yield Row(promise, f"{defect}".partition("\n")[0])
        else:
            yield Row(promise, f"{statuses[200]} reports of {statuses.total():,} bodies, all right", kept=True)


def faults(_: Path, scale: Scale) -> Iterator[Row]:
    """Every read fails, every write, and allocations all over a request."""
    app = create_app(Settings())
    disable(CRITICAL)  # each makes a traceback
    places = range(0, ALLOCATIONS, ALLOCATIONS // scale.examples)
    try:
        for what, outcomes in (
            ("reads", sum((reads(app, kind, (7, 64)) for kind in BODIES), Counter())),
            ("writes", sum((writes(app, kind) for kind in BODIES), Counter())),
            ("allocations", sum((allocations(app, kind, places) for kind in BODIES), Counter())),
        ):
            kinds = ", ".join(f"{outcomes[kind]:,} {kind}" for kind in (RIGHT, REFUSED, CLOSED, WRONG))
            yield Row(
                f"{what} that fail: no wrong report, and the next request is answered", kinds, not outcomes[WRONG]
            )
    finally:
        disable(0)
