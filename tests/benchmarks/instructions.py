"""Instructions from the bytes of a request to those of its report, counted by callgrind: the same on a busy machine.

Each figure is the count of a process that answers some requests more than another does. numpy's kernels are those of
AVX2, the most that valgrind's processor has. What makes a request a tenth dearer fails, and so does what makes it a
tenth cheaper: `--write` renews the figures.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from schemas.reports import REPORTS
from service import media
from service.api import report_of
from service.settings import Settings
from tests.serving import ROOT

FIGURES = Path(__file__).with_name("instructions.json")
# Requests that are counted, by rows of each: small ones are repeated.
REQUESTS = {100: 20, 100_000: 1}
WARM = 3
TOLERANCE = 0.1
# Others take other steps for the same.
PYTHON = "{}.{}".format(*sys.version_info)
PINNED = {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}


class Run(NamedTuple):
    """Requests of one body that a process answers."""

    body: Path
    times: int


def body(rows: int) -> bytes:
    """A binary request with smooth scores."""
    rng = np.random.default_rng(rows)
    scores = rng.beta(0.8, 1.5, rows)
    return json.dumps({"labels": (rng.random(rows) < scores).astype(int).tolist(), "scores": scores.tolist()}).encode()


def answer(*runs: Run) -> None:
    """Answer the requests of some bodies."""
    settings = Settings()
    answered, decode = report_of(REPORTS["binary"](settings)), media.ACCEPTED[media.JSON].decode
    for run in runs:
        for _ in range(run.times):
            report, _ = answered.made(answered.asked(decode(bytearray(run.body.read_bytes()), settings)))
            media.encode(report)


def counting(*runs: Run) -> "subprocess.Popen[str]":
    """A process that answers under callgrind."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable, "-m", __spec__.name]
    command += [f"{run.body}:{run.times}" for run in runs]
    return subprocess.Popen(command, cwd=ROOT, env=os.environ | PINNED, stderr=subprocess.PIPE, text=True)


def counted(process: "subprocess.Popen[str]") -> int:
    """The instructions it took. Raises `RuntimeError` with what it wrote where it failed."""
    _, written = process.communicate()
    found = re.search(r"Collected : (\d+)", written)
    if process.returncode or not found:
        raise RuntimeError(written)
    return int(found[1])


def instructions() -> dict[str, int]:
    """The instructions of one request, by its rows."""
    with tempfile.TemporaryDirectory() as folder:
        bodies = {rows: Path(folder) / str(rows) for rows in REQUESTS}
        for rows, path in bodies.items():
            path.write_bytes(body(rows))
        warm = Run(bodies[min(bodies)], WARM)
        processes = [counting(warm, Run(bodies[rows], times)) for rows, times in REQUESTS.items()]
        base = counted(counting(warm))
        totals = [counted(process) for process in processes]
    return {str(rows): (total - base) // times for (rows, times), total in zip(REQUESTS.items(), totals, strict=True)}


def main(arguments: list[str]) -> None:
    """Answer the requests that arguments name; without any compare the counts with the figures, or write these."""
    if arguments and arguments != ["--write"]:
        answer(*(Run(Path(path), int(times)) for path, _, times in (each.partition(":") for each in arguments)))
        return
    if platform.machine() != "x86_64" or shutil.which("valgrind") is None:
        sys.stdout.write("not run: valgrind is not installed, or this is no x86-64\n")
        sys.exit("CI" in os.environ)
    committed = json.loads(FIGURES.read_text())
    if committed["python"] != PYTHON and not arguments:
        sys.stdout.write(f"not run: the figures are those of Python {committed['python']}\n")
        return
    found = instructions()
    if arguments:
        committed = {"python": PYTHON} | found
        FIGURES.write_text(json.dumps(committed, indent=2) + "\n")
    for rows, count in found.items():
        sys.stdout.write(f"{rows} rows: {count:,} instructions, {committed[rows]:,} are committed\n")
    if any(abs(count / committed[rows] - 1) > TOLERANCE for rows, count in found.items()):
        sys.exit("More than a tenth apart. If that is wanted: python -m tests.benchmarks.instructions --write")


if __name__ == "__main__":
    main(sys.argv[1:])
