"""Writes the generated parts of README.md: a development tool.

Each lies between a comment with its name and a closing one, and comes from the rows that the service itself reads.
"""

import json
import math
from pathlib import Path
from typing import Any

from schemas.binary import BinaryReport
from schemas.compare import CompareRequest
from schemas.reports import REPORTS
from service.api import PATHS
from service.app import create_app
from service.examples import EXAMPLES
from service.limits import limits as in_force
from service.metrics.catalogue import TASKS
from service.metrics.findings import FINDINGS
from service.metrics.findings.rule import ALL_TASKS
from service.metrics.undefined import REASONS
from service.problems import PROBLEMS
from service.settings import Settings

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
EXAMPLE = ROOT / "tests/data/breast_cancer.json"
CANDIDATES = ROOT / "tests/data/breast_cancer_candidates.json"
WIDTH = 118
GATE = """\
jq '. + {{"requirements": [{requirement}]}}' {file} |
  curl -s http://127.0.0.1:8000/v1/binary/report -H 'Content-Type: application/json' -d @- |
  jq -se 'map(.verdict.outcome) == ["pass"]'"""

# What the first answer of the page shows of a report, and of which metrics.
FIRST_SEEN = ("task", "samples", "classes", "pos_label", "prevalence", "threshold", "metrics", "undefined")
FIRST_METRICS = ("accuracy", "recall", "roc_auc")
FIRST = """\
curl -s http://127.0.0.1:8000/v1/binary/report -H 'Content-Type: application/json' -d @{file} |
  jq '{{{seen},
       intervals: .intervals | {{{metrics}}}, baselines: .baselines | {{{metrics}}}, findings}}'"""
FOUND = """\
curl -s http://127.0.0.1:8000/v1/binary/report -H 'Content-Type: application/json' \\
  -d '{body}' |
  jq .findings"""
COMPARISON = """\
jq '. + {asked}' {file} |
  curl -s http://127.0.0.1:8000/v1/binary/compare -H 'Content-Type: application/json' -d @- |
  jq 'del(.candidates)'"""


def text() -> str:
    """README.md with its generated parts made anew."""
    parts = {
        "answer": answer(),
        "points": points(),
        "fields": fields(),
        "endpoints": endpoints(),
        "gates": gates(),
        "comparison": comparison(),
        "groups": groups(),
        "findings": findings(),
        "rules": rules(),
        "intervals": intervals(),
        "metrics": metrics(),
        "settings": settings(),
        "limits": limits(),
        "problem": problem(),
        "problems": problems(),
    }
    written = README.read_text()
    for name, part in parts.items():
        before, after = f"<!-- {name} -->", f"<!-- /{name} -->"
        head, rest = written.split(before)
        written = f"{head}{before}\n\n{part}\n\n{after}{rest.split(after)[1]}"
    return written


def answer() -> str:
    """The first command of the README, and what of the report it shows; then what else there is."""
    client = create_app(Settings()).test_client()
    response = client.post("/v1/binary/report", data=EXAMPLE.read_bytes(), content_type="application/json")
    report = response.get_json()
    shown = {name: report[name] for name in FIRST_SEEN}
    shown |= {name: {metric: report[name][metric] for metric in FIRST_METRICS} for name in ("intervals", "baselines")}
    shown["findings"] = report["findings"]
    others = ", ".join(f"`{name}`" for name in report if name not in shown)
    command = FIRST.format(file=EXAMPLE.relative_to(ROOT), seen=", ".join(FIRST_SEEN), metrics=", ".join(FIRST_METRICS))
    return f"```sh\n{command}\n```\n\n```json\n{pretty(shown)}\n```\n\nWithout jq the report is whole, with {others}."


# A release gate that is passed, one that is failed, and one that these rows cannot decide.
GATES: tuple[tuple[str, str], ...] = (
    (
        "Passed, for not only the value but the whole interval lies above 0.9:",
        '{"metric": "accuracy", "min": 0.9, "decide_on": "interval"}',
    ),
    ("Failed:", '{"metric": "precision", "min": 0.98}'),
    ("Inconclusive, for these rows are too few to tell:", '{"metric": "recall", "min": 0.95, "decide_on": "interval"}'),
)


def gates() -> str:
    """The command of each gate, and the verdict that it gets."""
    client = create_app(Settings()).test_client()
    rows = json.loads(EXAMPLE.read_bytes())
    parts = []
    for what, requirement in GATES:
        answer = client.post("/v1/binary/report", json=rows | {"requirements": [json.loads(requirement)]}).get_json()
        command = GATE.format(file=EXAMPLE.relative_to(ROOT), requirement=requirement)
        parts.append(f"{what}\n\n```sh\n{command}\n```\n\n```json\n{pretty(answer['verdict'])}\n```")
    return "\n\n".join(parts)


def comparison() -> str:
    """The command that compares two candidates by a few metrics, and what it gets but for their reports."""
    client = create_app(Settings()).test_client()
    asked = {"metrics": ["accuracy", "roc_auc"], "margin": 0.02, "min_difference": 0.01}
    answer = client.post("/v1/binary/compare", json=json.loads(CANDIDATES.read_bytes()) | asked).get_json()
    command = COMPARISON.format(file=CANDIDATES.relative_to(ROOT), asked=json.dumps(asked))
    shown = {name: part for name, part in answer.items() if name != "candidates"}
    return f"```sh\n{command}\n```\n\n```json\n{pretty(shown)}\n```"


def groups() -> str:
    """A request with groups, and what its report says of them."""
    _, request = EXAMPLES["binary"]["groups"]
    report = create_app(Settings()).test_client().post("/v1/binary/report", json=request).get_json()
    said = {name: report[name] for name in ("groups", "gaps", "fairness", "verdict")}
    return f"```json\n{pretty(request)}\n```\n\n```json\n{pretty(said)}\n```"


# A model that finds 12 of 100 frauds among 10,000 payments, each cell sent once with the number of its rows.
FRAUD = {
    "labels": [1, 1, 0, 0],
    "predictions": [1, 0, 1, 0],
    "sample_weight": [12, 88, 112, 9788],
    "weights_are": "counts",
}


def findings() -> str:
    """A command whose report has findings, and these."""
    report = create_app(Settings()).test_client().post("/v1/binary/report", json=FRAUD).get_json()
    return f"```sh\n{FOUND.format(body=json.dumps(FRAUD))}\n```\n\n```json\n{pretty(report['findings'])}\n```"


def rules() -> str:
    """Every finding, when it is found and by what sign."""
    return table(
        ["code", "severity", "found in", "when"],
        [
            [
                f"`{rule.name}`",
                rule.severity,
                part if rule.tasks == ALL_TASKS else f"{part}: {', '.join(rule.tasks)}",
                rule.found_when,
            ]
            for part, of_part in FINDINGS.items()
            for rule in of_part
        ],
    )


def points() -> str:
    """A request with costs, and its operating points."""
    _, request = EXAMPLES["binary"]["costs"]
    report = create_app(Settings()).test_client().post("/v1/binary/report", json=request).get_json()
    said = {name: report[name] for name in ("metrics", "operating_points")}
    return f"```json\n{pretty(request)}\n```\n\n```json\n{pretty(said)}\n```"


def pretty(value: Any, indent: str = "") -> str:
    """JSON with a line for each entry, save that what fits into a line and holds no more objects is one."""
    line = json.dumps(value)
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    nested = any(isinstance(part, dict) for part in parts)
    if not parts or (not nested and len(indent + line) <= WIDTH):
        return line
    inner = indent + "  "
    if isinstance(value, dict):
        lines = [f"{inner}{json.dumps(name)}: {pretty(part, inner)}" for name, part in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    return "[\n" + ",\n".join(inner + pretty(part, inner) for part in value) + f"\n{indent}]"


def intervals() -> str:
    """How the intervals of metrics are made."""
    made: dict[tuple[str, str], list[str]] = {}
    for task in TASKS.values():
        for metric in task.metrics:
            made.setdefault((task.name, metric.interval), []).append(f"`{metric.name}`")
    rows = [[task, ", ".join(names), how] for (task, how), names in made.items()]
    return table(["task", "metrics", "interval"], rows)


def fields() -> str:
    """The fields of the requests, with the tasks that have them."""
    tasks: dict[tuple[str, str], list[str]] = {}
    for task, schema in REPORTS.items():
        for name, field in schema(Settings()).fields.items():
            meaning = field.metadata["description"] + (" Required." if field.required else "")
            tasks.setdefault((f"`{name}`", meaning), []).append(task)
    for name, field in CompareRequest(Settings(), BinaryReport).fields.items():
        meaning = field.metadata["description"] + (" Required." if field.required else "")
        tasks[f"`{name}`", meaning] = ["comparisons of all"]
    return table(["field", "tasks", "meaning"], [[name, ", ".join(of), text] for (name, text), of in tasks.items()])


def endpoints() -> str:
    """Method and path of each endpoint, and what it gives."""
    return table(["endpoint", "gives"], [[f"`{path}`", text] for path, text in PATHS.items()])


def metrics() -> str:
    """Every metric of every task."""
    return (
        table(
            ["task", "metric", "meaning", "range", "null when"],
            [
                [
                    task.name,
                    f"`{metric.name}`",
                    metric.documentation()["summary"],
                    f"{bound(metric.low)} to {bound(metric.high)}",
                    "; ".join(f"`{reason}`" for reason in metric.reasons),
                ]
                for task in TASKS.values()
                for metric in task.metrics
            ],
        )
        + "\n\n"
        + table(["reason", "meaning"], [[f"`{reason}`", meaning] for reason, meaning in REASONS.items()])
    )


def bound(value: float) -> str:
    """An end of a range, in few digits."""
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:.4g}"


def limits() -> str:
    """Every limit, and how what is beyond it is refused."""
    return table(
        ["limit", "value", "unit", "meaning", "beyond it"],
        [
            [
                f"`{limit['name']}`",
                f"`{limit['value']}`",
                limit["unit"],
                limit["description"],
                f"{limit['status']} `{limit['problem'].rpartition(':')[2]}`",
            ]
            for limit in in_force(Settings())
        ],
    )


def settings() -> str:
    """The environment variable of each setting."""
    return table(
        ["variable", "default", "meaning"],
        [
            [f"`{name}`", f"`{field.default}`", field.metadata["description"]]
            for name, field in Settings.variables().items()
        ],
    )


def problem() -> str:
    """What the service answers to columns that differ in length."""
    request = {"labels": [0, 1, 1], "scores": [0.2, 0.7]}
    client = create_app(Settings()).test_client()
    response = client.post("/v1/binary/report", json=request, headers={"X-Request-Id": "nightly-42"})
    return f"```json\n{pretty(response.get_json())}\n```"


def problems() -> str:
    """Each kind of problem document."""
    return table(
        ["status", "type", "title"],
        [[str(status), f"`urn:assay:problem:{slug}`", title] for slug, (status, title) in PROBLEMS.items()],
    )


def table(head: list[str], rows: list[list[Any]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


if __name__ == "__main__":
    README.write_text(text())
