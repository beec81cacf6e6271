"""The README tells the truth: its generated parts are current and its commands work."""

import json
import re
import shutil
import socket
import subprocess
import sys
from http import HTTPStatus

import pytest

from service import media, readme
from service.app import create_app
from service.metrics.catalogue import TASKS
from service.settings import Settings
from tests.serving import Server
from tests.wire import JSON, request

SERVICE = ".venv/bin/gunicorn -c deploy/gunicorn.conf.py"
# Commands of the page without a request, and what runs them.
SHOWN = "tests/test_kubernetes.py, up to the cluster"
ELSEWHERE = {
    "make serve": "the line that it runs is that of tests/serving.py",
    "make test": "this is it",
    "make key NAME=pipeline": "tests/test_access.py",
    "kubectl apply -f deploy/kubernetes/production/namespace.yaml": "not run: it needs a cluster",
    "kubectl create secret generic assay-keys -n assay --from-file=keys": SHOWN,
    "kubectl create secret tls assay-tls -n assay --cert=server.pem --key=server.key": SHOWN,
    "kubectl create secret generic assay-clients -n assay --from-file=ca.crt=clients.pem": SHOWN,
    "kubectl apply -k deploy/kubernetes/production": "not run: it needs a cluster; its manifests are made by a test",
    f"{SERVICE} -b 127.0.0.1:8000 -w 2 'service.app:create_app()'": "tests/serving.py",
}
# The last line of each command of a gate starts with it.
GATE = "jq -se"
FLOAT = re.compile(r"\d+\.\d+(?:e[+-]?\d+)?")


def to_ten_digits(text: str) -> str:
    """The text with ten digits of each number: the last ones of a logarithm differ between C libraries."""
    return FLOAT.sub(lambda number: f"{float(number[0]):.9e}", text)


def test_generated_parts_are_current() -> None:
    committed, built = map(to_ten_digits, (readme.README.read_text(), readme.text()))
    assert committed == built, "stale README.md: run make openapi"


def test_what_the_readme_posts_to_each_task_gets_a_report() -> None:
    rows = re.findall(r"^\| (\w+) \| (.*`\{.*)", readme.README.read_text(), re.MULTILINE)
    client = create_app(Settings()).test_client()
    assert {task for task, _ in rows} == TASKS.keys()
    for task, text in rows:
        for body in re.findall(r"`(\{.*?\})`", text):
            answer = client.post(f"/v1/{task}/report", data=body, content_type="application/json")
            assert answer.status_code == HTTPStatus.OK, (body, answer.text)


def test_a_command_shows_every_media_type_of_columns() -> None:
    section = re.search(r"^## Columns\n(.*?)^## ", readme.README.read_text(), re.MULTILINE | re.DOTALL)[1]
    assert len(re.findall(r"```sh\n(.*?)```", section, re.DOTALL)) == len(media.accepted("report")) - 1


def blocks() -> list[str]:
    """The commands of the page, as they stand."""
    return re.findall(r"^```sh\n(.*?)^```", readme.README.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("command", [block for block in blocks() if "curl" in block])
def test_every_request_of_the_page_gets_an_answer(server: Server, command: str) -> None:
    for program in ("curl", "jq"):
        if program in command and shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    local = command.replace(":8000", f":{server.port}").replace(".venv/bin/python -c", f"{sys.executable} -c")
    failing = f"set -o pipefail\n{local.replace('curl -s', 'curl -sf')}"
    done = subprocess.run(["bash", "-c", failing], cwd=readme.ROOT, capture_output=True, check=False)  # noqa: S607  # the bash of whoever reads it
    assert done.returncode == 0 or GATE in command, done.stderr
    assert json.loads(done.stdout) is not None


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
@pytest.mark.parametrize("command", [block for block in blocks() if GATE in block])
def test_no_gate_is_passed_where_nobody_answers(command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = taken.getsockname()[1]
    done = subprocess.run(["bash", "-c", command.replace(":8000", f":{closed}")], cwd=readme.ROOT, check=False)  # noqa: S607  # the bash of whoever reads it
    assert done.returncode != 0


def test_the_line_of_the_log_is_one_that_the_service_writes(server: Server) -> None:
    shown = json.loads(re.search(r"```json\n(\{\"event\": \"request\".*?)```", readme.README.read_text(), re.DOTALL)[1])
    trace = f"00-{shown['trace_id']}-b7ad6b7169203331-01"
    headers = JSON | {"X-Request-Id": shown["request_id"], "traceparent": trace}
    answer = request(server.port, "POST", shown["route"], headers=headers, body=readme.EXAMPLE.read_bytes())
    assert answer.status == shown["status"]
    lines = map(json.loads, server.log.read_text().splitlines())
    written = next(line for line in lines if line.get("request_id") == shown["request_id"])
    assert list(written) == list(shown)
    assert list(written["ms"]) == list(shown["ms"])
    measured = {"ms", "timestamp", "caller"}  # nobody needs a key here
    assert {name: written[name] for name in shown.keys() - measured} == {
        name: shown[name] for name in shown.keys() - measured
    }


def test_every_other_command_of_the_page_is_tried_elsewhere() -> None:
    others = {line.split("  #")[0].strip() for block in blocks() if "curl" not in block for line in block.splitlines()}
    assert others - {""} == ELSEWHERE.keys()


def test_the_metric_that_contributing_shows_is_the_one_in_the_tree() -> None:
    """Every added line of the example stands in its file, in this order."""
    diff = re.search(r"```diff\n(.*?)```", (readme.ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)[1]
    for part in diff.split("--- a/")[1:]:
        name, *lines = part.splitlines()
        added = [line[1:] for line in lines if line.startswith("+") and not line.startswith("+++")]
        assert added
        stands = "\n".join(added).strip() in (readme.ROOT / name).read_text()
        assert stands, f"CONTRIBUTING.md shows a change of {name} that is no longer in the tree"
