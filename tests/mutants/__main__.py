"""Changes the metrics in many small ways, one at a time, and counts the changes that no test of the core notices.

mutmut makes about 15,000 mutants, too many to try them all. So a few of each module are drawn, by a seed that makes the
draw the same for the same code. Those that survive are listed in survivors.json beside this file, each with the
reason why no test can or need tell it from the original; one without a reason there fails, and so does a share of
killed mutants below that promised.

mutmut forks a process that has imported everything for each mutant, so that what runs on import, as all that makes the
catalogue, ran before it was changed. Survivors without a reason are therefore tried again from the start.
"""

import argparse
import json
import os
import random
import subprocess
import sys
from pathlib import Path

MUTANTS = Path("mutants/service/metrics")
REASONS = Path(__file__).with_name("survivors.json")
MUTMUT = str(Path(sys.executable).with_name("mutmut"))
# The module whose tests are the quickest: to have mutmut make all mutants and find which tests reach which function.
FIRST = "service.metrics.undefined.*"
SHARE = 0.9
# mutmut's exit codes of the tests: all passed, or no test reaches the mutant.
SURVIVED = {0, 33}


def outcomes() -> dict[str, dict[str, int | None]]:
    """The exit code of the tests for each mutant of each module; None where it was not tried."""
    files = sorted(MUTANTS.rglob("*.meta"))
    return {str(file.relative_to(MUTANTS)): json.loads(file.read_text())["exit_code_by_key"] for file in files}


def drawn(modules: dict[str, dict[str, int | None]], each: int, seed: int) -> list[str]:
    """So many mutants of each module, or all where there are fewer."""
    names = []
    for module, mutants in modules.items():
        draw = random.Random(f"{seed} {module}")
        names += draw.sample(sorted(mutants), min(each, len(mutants)))
    return names


def survives(name: str, environment: dict[str, str]) -> bool:
    """Whether the tests of the core pass in a process that runs the mutant from its start."""
    tests = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "auto"]
    changed = environment | {"MUTANT_UNDER_TEST": name}
    return subprocess.run(tests, cwd="mutants", env=changed, capture_output=True, check=False).returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=3, help="mutants of each module")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="keep the figures in this file")
    options = parser.parse_args()
    # Where Python finds the tree first, it must be that of the mutants.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if not MUTANTS.exists():
        subprocess.run([MUTMUT, "run", FIRST], env=environment, check=True)
    names = drawn(outcomes(), options.each, options.seed)
    subprocess.run([MUTMUT, "run", *names], env=environment, check=True)
    codes = {name: code for mutants in outcomes().values() for name, code in mutants.items() if name in set(names)}
    reasons = json.loads(REASONS.read_text())
    unnoticed = [name for name, code in sorted(codes.items()) if code in SURVIVED]
    survivors = [name for name in unnoticed if name in reasons or survives(name, environment)]
    killed = len(codes) - len(survivors)
    for name in survivors:
        sys.stdout.write(f"survived: {name}: {reasons.get(name, 'no reason is given')}\n")
    sys.stdout.write(f"{killed} of {len(codes)} mutants were killed, {killed / len(codes):.0%}\n")
    if options.json:
        options.json.write_text(json.dumps({"killed": killed, "drawn": len(codes), "survivors": survivors}) + "\n")
    unexplained = set(survivors) - set(reasons)
    sys.exit(
        0 if killed >= SHARE * len(codes) and not unexplained else "Too many mutants survived, or one unexplained."
    )


if __name__ == "__main__":
    main()
