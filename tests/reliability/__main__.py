"""Measures what the service promises under stress, and prints a table; some minutes. Fails where one is not kept.

`--write FILE` puts the table between the marks of that file, `--json FILE` keeps the figures.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from tests.benchmarks.figures import machine
from tests.benchmarks.page import table
from tests.reliability.promise import FULL, NOT_RUN, Row
from tests.reliability.promises import PROMISES, measured

MARKS = ("<!-- reliability -->", "<!-- /reliability -->")


def kept(row: Row) -> str:
    """What the table says of a promise."""
    return NOT_RUN if row.measured == NOT_RUN else "yes" if row.kept else "no"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--only", choices=[each.__name__ for each in PROMISES], help="measure no other")
    parser.add_argument("--soak", type=float, default=FULL.soak, help="seconds of the look at memory")
    options = parser.parse_args()
    rows: list[Row] = []
    for part in PROMISES:
        if options.only in {None, part.__name__}:
            rows += measured(part, FULL._replace(soak=options.soak))
            sys.stderr.write(f"{time.strftime('%H:%M:%S')} {part.__name__} measured\n")
    when, where = time.strftime("%Y-%m-%d"), machine()
    head = f"Measured on {when}, {where['processor']}, {where['cores']} cores, with clients on the same machine."
    lines = table(("promise", "measured", "kept"), ((*row[:2], kept(row)) for row in rows))
    text = "\n".join([head, "", *lines, ""])
    sys.stdout.write(text)
    if options.json:
        figures = {"date": when, "machine": where, "rows": [row._asdict() for row in rows]}
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    if options.write:
        before, rest = options.write.read_text().split(MARKS[0])
        options.write.write_text(f"{before}{MARKS[0]}\n{text}{MARKS[1]}{rest.split(MARKS[1])[1]}")
    sys.exit(0 if all(row.kept for row in rows) else "A promise was not kept.")


if __name__ == "__main__":
    main()
