"""Measures this tree against another commit: `make bench-compare BASE=<commit>`. Both get the same bodies in turn."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import numpy as np

from tests.benchmarks.batches import Load
from tests.benchmarks.measuring import LARGE, Client, seconds
from tests.benchmarks.page import table
from tests.serving import ROOT, start

GIT = shutil.which("git") or "git"
# Task, rows, rounds.
WORKS = (
    ("binary", 100, 200),
    ("binary", 10**4, 50),
    ("binary", 10**6, 7),
    *((task, 10**5, 7) for task in ("multiclass", "regression", "ranking", "compare")),
)


@contextmanager
def checked_out(commit: str, folder: Path):
    """A work tree of a commit, which is removed afterwards."""
    subprocess.run([GIT, "worktree", "add", "--quiet", "--detach", folder, commit], cwd=ROOT, check=True)
    try:
        yield folder
    finally:
        subprocess.run([GIT, "worktree", "remove", "--force", folder], cwd=ROOT, check=True)


def ratios(task: str, rows: int, rounds: int, base: Client, new: Client) -> np.ndarray:
    """Time of the new one as a multiple of the base's, on each body."""
    rng = np.random.default_rng(rows)
    found = []
    for turn in range(rounds + 1):
        request = Load.drawn(task, rows, rng).request()
        taken = {}
        for client in rng.permutation([0, 1]).tolist():
            taken[client] = seconds(lambda client=client, request=request: (base, new)[client].post(request))
        if turn:  # the first warms up
            found.append(taken[1] / taken[0])
    return np.array(found)


def main(base: str, works=WORKS) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        tree = stack.enter_context(checked_out(base, folder / "base"))
        servers = []
        for root in (tree, ROOT):
            server = start(folder / f"{root.name}.log", root=root, PYTHONPATH=str(root), **LARGE)
            stack.callback(server.stop)
            servers.append(server)
        for server in servers:
            server.wait()
        clients = [stack.enter_context(closing(Client(server))) for server in servers]
        rows = []
        for task, size, rounds in works:
            found = ratios(task, size, rounds, *clients)
            spread = (f"{value:.3f}" for value in np.quantile(found, [0.5, 0.25, 0.75, 0, 1]))
            rows.append((f"{task}, {size:,} rows", *spread, str(rounds)))
        head = (f"this tree / {base}", "median", "quarter below", "quarter above", "least", "most", "bodies")
        sys.stdout.write("\n".join(table(head, rows)) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base")
    main(parser.parse_args().base)
