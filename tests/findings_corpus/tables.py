"""The page that says what came out: README.md beside this module, and what is demanded."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.coverage_study.tables import table
from tests.findings_corpus.introduction import INTRODUCTION
from tests.findings_corpus.study import INFO, Cell

README = Path(__file__).with_name("README.md")
LEAST_RECALL, MOST_ALARMS, MOST_ALARMED = 0.95, 0.01, 0.05
# Fewer payloads say little of how often a rule errs.
FEWEST_UNTRUE = 200


def share(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else ""


@dataclass(frozen=True)
class Judged:
    """A finding in all payloads of a task."""

    task: str
    code: str
    cells: Sequence[Cell]

    @property
    def demanded(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.family.code == self.code and cell.demanded]

    @property
    def recall(self) -> tuple[int, int]:
        """Of how many payloads that are demanded the finding is found, and how many there are."""
        return sum(cell.found[self.code] for cell in self.demanded), sum(cell.true[self.code] for cell in self.demanded)

    @property
    def false_alarms(self) -> tuple[int, int]:
        return sum(cell.false_alarms[self.code] for cell in self.cells), sum(c.untrue[self.code] for c in self.cells)

    @property
    def left_open(self) -> int:
        """Clean payloads of which it may be said or not. Of corrupted ones it may not be known what else they have."""
        return sum(cell.left_open[self.code] for cell in self.cells if not cell.family.code)

    @property
    def severity(self) -> str:
        return ", ".join(sorted({level for cell in self.cells for code, level in cell.severities if code == self.code}))

    def by_family(self) -> dict[str, tuple[int, int]]:
        """False alarms and payloads of which the finding is not true, by the title of the family."""
        alarms: Counter[str] = Counter()
        untrue: Counter[str] = Counter()
        for cell in self.cells:
            where = of_family(cell)
            alarms[where] += cell.false_alarms[self.code]
            untrue[where] += cell.untrue[self.code]
        return {where: (alarms[where], untrue[where]) for where in untrue if untrue[where]}

    @property
    def worst(self) -> tuple[str, int, int]:
        """The family with the largest share of false alarms."""
        found = self.by_family().items()
        where, (alarms, untrue) = max(found, key=lambda item: item[1][0] / item[1][1], default=("", (0, 0)))
        return where, alarms, untrue

    def broken(self) -> Iterator[str]:
        """What is demanded and does not hold, a line each. One payload says little of a rate."""
        where = f"{self.task}, {self.code}"
        if not self.demanded:
            yield f"{where}: no payload that it is demanded of"
        for title, (found, true) in self.recalls().items():
            if true - found > max(1, (1 - LEAST_RECALL) * true):
                yield f"{where}: found in {found} of {true}, {title}"
        alarms, untrue = self.false_alarms
        if alarms > max(1, MOST_ALARMS * untrue):
            yield f"{where}: {alarms} false alarms in {untrue}"
        for family, (some, of) in self.by_family().items():
            if some > max(1, MOST_ALARMS * of):
                yield f"{where}: {some} false alarms in {of}, {family}"

    def recalls(self) -> dict[str, tuple[int, int]]:
        """Of how many payloads it is found, and how many there are, by strength, where it is demanded."""
        found: Counter[str] = Counter()
        true: Counter[str] = Counter()
        for cell in self.demanded:
            found[cell.family.title] += cell.found[self.code]
            true[cell.family.title] += cell.true[self.code]
        return {title: (found[title], true[title]) for title in true}


def of_family(cell: Cell) -> str:
    """What a cell is counted under: its family, or the corruption whatever its strength."""
    return f"corrupted: {cell.family.code}" if cell.family.code else cell.family.name


def kind(cell: Cell) -> str:
    """The task, or the verb beside it."""
    return cell.family.task if cell.family.verb == "report" else f"{cell.family.task}, {cell.family.verb}"


def judged(cells: Sequence[Cell]) -> list[Judged]:
    """Each finding of each task that is true or untrue of any payload."""
    kinds = dict.fromkeys(map(kind, cells))
    found = []
    for each in kinds:
        members = [cell for cell in cells if kind(cell) == each]
        codes = dict.fromkeys(code for cell in members for code in (*cell.true, *cell.untrue, *cell.left_open))
        found += [Judged(each, code, members) for code in codes]
    return found


def alarmed(cells: Iterable[Cell]) -> dict[tuple[str, str], tuple[int, int]]:
    """Payloads with any false alarm, and all, by task and family."""
    some: Counter[tuple[str, str]] = Counter()
    every: Counter[tuple[str, str]] = Counter()
    for cell in cells:
        key = (kind(cell), of_family(cell))
        some[key] += cell.alarmed
        every[key] += cell.payloads
    return {key: (some[key], every[key]) for key in every}


def shapes(cells: Iterable[Cell]) -> dict[tuple[str, str, str], tuple[int, int]]:
    """Clean payloads with any false alarm, and all, by task, aspect and shape."""
    some: Counter[tuple[str, str, str]] = Counter()
    every: Counter[tuple[str, str, str]] = Counter()
    for cell in cells:
        for shape, number in cell.shapes.items():
            every[kind(cell), *shape] += number
            some[kind(cell), *shape] += cell.alarmed_shapes[shape]
    return {key: (some[key], every[key]) for key in every}


def broken(cells: Sequence[Cell], *, whole: bool = True) -> list[str]:
    """What is demanded and does not hold, a line each; of a sample nothing is demanded of numbers of payloads."""
    lines = []
    for each in judged(cells):
        lines += each.broken()
        if whole and each.false_alarms[1] < FEWEST_UNTRUE:
            lines.append(f"{each.task}, {each.code}: not true of {each.false_alarms[1]} payloads only")
    for where, (some, every) in (*alarmed(cells).items(), *shapes(cells).items()):
        if some > max(1, MOST_ALARMED * every):
            lines.append(f"{', '.join(where)}: any false alarm in {some} of {every}")
    return lines


def summary_row(each: Judged) -> tuple[str, ...]:
    found, true = each.recall
    alarms, untrue = each.false_alarms
    where, some, of = each.worst
    worst = f"{where}: {some} of {of}" if some else ""
    met = "no" if list(each.broken()) else "yes"
    lowest = min((part / whole for part, whole in each.recalls().values() if whole), default=None)
    least = "" if lowest is None else f"{lowest:.3f}"
    counts = (str(true), share(found, true), least, str(untrue), str(alarms), share(alarms, untrue), worst)
    return (each.code, each.severity, *counts, str(each.left_open or ""), met)


SUMMARY = (
    "finding",
    "severity",
    "demanded of",
    "recall",
    "lowest recall",
    "untrue of",
    "false alarms",
    "rate",
    "worst family",
    "left open",
    "met",
)


def strengths(each: Judged) -> Iterator[tuple[str, ...]]:
    """A row for each strength of each corruption."""
    members: dict[str, list[Cell]] = {}
    for cell in each.cells:
        if cell.family.code == each.code:
            members.setdefault(cell.family.title, []).append(cell)
    for cells in members.values():
        family = cells[0].family
        counts = []
        for demanded in (False, True):
            some = [cell for cell in cells if cell.demanded == demanded]
            true = sum(cell.true[each.code] for cell in some)
            found = sum(cell.found[each.code] for cell in some)
            counts.append(f"{found} of {true}" if true else "")
        name = "" if family.name == family.code else family.name
        yield each.code, name, family.strength, f"{family.least} {family.counts}", *counts


STRENGTHS = ("finding", "how", "strength", "least", "found below", "found from there on")


def page(cells: Sequence[Cell]) -> str:
    """The whole page."""
    rows = judged(cells)
    payloads = sum(cell.payloads for cell in cells)
    clean = sum(cell.payloads for cell in cells if not cell.family.code)
    lines = [INTRODUCTION, f"{payloads:,} payloads, of which {clean:,} are clean.", ""]
    for task in dict.fromkeys(each.task for each in rows):
        own = [each for each in rows if each.task == task]
        lines += [f"## {task}", "", *table(map(summary_row, own), SUMMARY)]
        lines += [f"### {task}: strengths", "", *table((row for each in own for row in strengths(each)), STRENGTHS)]
        families = [
            (name, str(every), str(some), share(some, every))
            for (of, name), (some, every) in alarmed(cells).items()
            if of == task
        ]
        header = ("family", "payloads", "any false alarm", "rate")
        lines += [f"### {task}: any false alarm but {INFO}", "", *table(families, header)]
        forms = [
            (aspect, shape, str(every), str(some), share(some, every))
            for (of, aspect, shape), (some, every) in sorted(shapes(cells).items(), key=place)
            if of == task
        ]
        header = ("of clean payloads", "shape", "payloads", "any false alarm", "rate")
        lines += table(forms, header)
    return "\n".join(lines).rstrip() + "\n"


def place(item: tuple[tuple[str, str, str], tuple[int, int]]) -> tuple[str, int, str]:
    """Where a shape stands: numbers by size."""
    _, aspect, shape = item[0]
    return aspect, int(shape) if shape.isdigit() else 0, shape
