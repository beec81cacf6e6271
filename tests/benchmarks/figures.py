"""What a run measured: contests of several who did the same work, kept as JSON; and the budgets read from them."""

import dataclasses
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from tests.benchmarks.batches import VARIANTS
from tests.benchmarks.peers import PEERS
from tests.serving import ROOT

ASSAY = "Assay, json"
FLOOR, BARE = "floor: parse and one sort", "bare Flask route that parses"
SKLEARN, TORCHMETRICS = "scikit-learn in-process", "torchmetrics in-process"
PACKAGES = ("numpy", "scikit-learn", "torchmetrics", "torch", "flask", "marshmallow", "fastapi", "pydantic", "uvicorn")
UNITS = {"time": "seconds", "requests": "seconds a request", "memory": "bytes above idle", "start": "seconds"}


@dataclass(frozen=True)
class Contest:
    """The same work done by several, the first of whom is Assay, in the unit of its kind.

    `missing` says why one has no values, `sizes` how many bytes the request of each had.
    """

    kind: str
    task: str = ""
    rows: int = 0
    numbers: int = 0
    values: dict[str, list[float]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def median(self, who: str = ASSAY) -> float:
        return statistics.median(self.values[who])

    def ratio(self, who: str, to: str = ASSAY) -> float:
        """The median of one as a multiple of that of another."""
        return self.median(who) / self.median(to)


@dataclass(frozen=True)
class Figures:
    """All that one run measured, and where."""

    machine: dict[str, Any]
    contests: list[Contest]

    def to_json(self) -> str:
        fields = dataclasses.asdict(self) | {"units": UNITS, "metrics": {task: list(PEERS[task]) for task in PEERS}}
        return json.dumps(fields, separators=(",", ":")).replace('{"kind"', '\n{"kind"') + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Figures":
        fields = json.loads(text)
        return cls(fields["machine"], [Contest(**each) for each in fields["contests"]])

    def find(self, kind: str, task: str = "", rows: int = 0) -> list[Contest]:
        """The contest of this kind, task and number of rows, if it was held."""
        return [each for each in self.contests if (each.kind, each.task, each.rows) == (kind, task, rows)]


def machine() -> dict[str, Any]:
    """The processor, the versions and the commit of this run."""
    info = Path("/proc/cpuinfo")
    models = [line.split(": ")[1] for line in info.read_text().splitlines() if line.startswith("model name")]
    describe = [shutil.which("git") or "git", "describe", "--always", "--dirty"]
    commit = subprocess.run(describe, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    return {
        "processor": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "versions": {"Python": platform.python_version()} | {name: version(name) for name in PACKAGES if found(name)},
        "commit": commit,
        "arguments": sys.argv[1:],
    }


def found(name: str) -> bool:
    """Whether a package is installed."""
    return find_spec({"scikit-learn": "sklearn"}.get(name, name)) is not None


class Budget(NamedTuple):
    """What was aimed at, and what was measured."""

    work: str
    aim: str
    measured: str
    kept: bool


def at_least(work: str, least: float, value: float) -> Budget:
    return Budget(work, f"at least {least:g}", f"{value:.1f}", value >= least)


def at_most(work: str, most: float, value: float, unit: str = "") -> Budget:
    return Budget(work, f"at most {most:g}{unit}", f"{value:.2f}{unit}", value <= most)


def budgets(figures: Figures) -> Iterator[Budget]:
    """What each budget became, of those that the run measured."""
    for million in figures.find("time", "binary", 10**6):
        yield at_least("1,000,000 rows in JSON: times as fast as scikit-learn", 20, million.ratio(SKLEARN))
        yield at_most("the same: times the floor", 3, million.ratio(ASSAY, FLOOR))
        arrow = "Assay, arrow.stream"
        if arrow in million.values:
            yield at_least("the same as an Arrow stream: times as fast", 40, million.ratio(SKLEARN, arrow))
        for name in VARIANTS:
            if (variant := f"{ASSAY}, {name}") in million.values:
                yield at_most(f"the same with {name}: times without", 3, million.ratio(variant))
    for small in figures.find("time", "binary", 100):
        yield at_most("100 rows: times a bare Flask route that parses", 2, small.ratio(ASSAY, BARE))
        yield at_least("the same: times as fast as scikit-learn", 10, small.ratio(SKLEARN))
    times = [each for each in figures.contests if each.kind == "time" and each.task == "binary" and each.rows >= 10**5]
    if len(times) > 1:
        costs = [each.median() / each.rows for each in times]
        sizes = f"{min(each.rows for each in times):,} to {max(each.rows for each in times):,}"
        yield at_most(f"time a row from {sizes} rows: largest to smallest", 1.6, max(costs) / min(costs))
    for each in figures.contests:
        if each.kind == "memory":
            what = f"memory above idle, {each.task} of {each.rows:,} rows"
            size, peak = each.sizes[ASSAY], each.median()
            yield at_most(f"{what}: bodies", 5, peak / size)
            yield at_most(
                f"{what}: of 2 bodies + 32 B a number + 16 MB", 1, peak / (2 * size + 32 * each.numbers + 16e6)
            )
    for start in figures.find("start"):
        yield at_most("from start to ready", 1, start.median(), " s")
