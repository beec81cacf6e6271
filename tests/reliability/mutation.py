"""Whether the tests notice that the metrics are changed."""

import importlib.util
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.mutants.__main__ import SHARE
from tests.reliability.promise import Row, Scale
from tests.serving import ROOT


def mutants(folder: Path, scale: Scale) -> Iterator[Row]:
    """A few changes of each module of the metrics, each against the tests of the core."""
    promise = f"changes of the metrics, {scale.mutants} in each module: at least {SHARE:.0%} are noticed by a test"
    if importlib.util.find_spec("mutmut") is None:
        yield Row(promise)
        return
    figures = folder / "mutants.json"
    done = subprocess.run(["make", "mutants", f"EACH={scale.mutants}", f"JSON={figures}"], cwd=ROOT, check=False)  # noqa: S607  # the make that runs this
    counts = json.loads(figures.read_text())
    measured = f"{counts['killed']} of {counts['drawn']}, the others with a reason"
    yield Row(
        promise, measured if not done.returncode else f"{counts['killed']} of {counts['drawn']}", not done.returncode
    )
