"""Measures what the service promises under stress, keeps the figures beside this module, and prints a table of them.

Fails where a promise is not kept, or was not measured. `--only PART` measures one part anew and takes the others from
the figures; `--soak SECONDS` changes how long memory is looked at, and then keeps no figures; `--write FILE` puts the
table between the marks of that file.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.figures import machine
from tests.benchmarks.page import table
from tests.reliability.promise import FULL, NOT_RUN, Row
from tests.reliability.promises import PROMISES, measured

MARKS = ("<!-- reliability -->", "<!-- /reliability -->")
FIGURES = Path(__file__).parent / "figures.json"
# What was measured of each part, when and where.
Figures = dict[str, dict[str, Any]]


def kept(row: Row) -> str:
    """What the table says of a promise."""
    return NOT_RUN if row.measured == NOT_RUN else "yes" if row.kept else "no"


def rows_of(figures: Figures) -> list[Row]:
    """The promises of all parts; a part that was not measured says so."""
    rows = [figures.get(part.__name__, {"rows": [(f"{part.__name__}: measured",)]})["rows"] for part in PROMISES]
    return [Row(*row) for of_part in rows for row in of_part]


def text_of(figures: Figures) -> str:
    """The table, and when and where it was measured."""
    seen = figures.values()
    dates = " and ".join(sorted({part["date"] for part in seen}))
    machines = " and ".join(sorted({f"{part['processor']}, {part['cores']} cores" for part in seen}))
    commits = " and ".join(sorted({part["commit"] for part in seen}))
    lines = table(("promise", "measured", "kept"), ((*row[:2], kept(row)) for row in rows_of(figures)))
    return "\n".join(
        [f"Measured on {dates}, with clients on the same machine: {machines}; commit {commits}.", "", *lines, ""]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--only", choices=[each.__name__ for each in PROMISES], help="measure no other")
    parser.add_argument("--soak", type=float, default=FULL.soak, help="seconds of the look at memory")
    options = parser.parse_args()
    figures: Figures = json.loads(FIGURES.read_text()) if options.only and FIGURES.exists() else {}
    where = {name: machine()[name] for name in ("processor", "cores", "commit")}  # before the figures change
    scale = FULL._replace(soak=options.soak)
    for part in PROMISES:
        if options.only in {None, part.__name__}:
            figures[part.__name__] = {"date": time.strftime("%Y-%m-%d"), **where, "rows": measured(part, scale)}
            if scale == FULL:
                FIGURES.write_text(json.dumps(figures, indent=1) + "\n")
            sys.stderr.write(f"{time.strftime('%H:%M:%S')} {part.__name__} measured\n")
    text = text_of(figures)
    sys.stdout.write(text)
    if options.write:
        before, rest = options.write.read_text().split(MARKS[0])
        options.write.write_text(f"{before}{MARKS[0]}\n{text}{MARKS[1]}{rest.split(MARKS[1])[1]}")
    sys.exit(0 if all(row.kept for row in rows_of(figures)) else "A promise was not kept.")


if __name__ == "__main__":
    main()
