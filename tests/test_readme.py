"""The README tells the truth: its generated parts are current and its commands work."""

import json
import re
import subprocess
import sys
from http import HTTPStatus

from service import media, readme
from service.app import create_app
from service.metrics.catalogue import TASKS
from service.settings import Settings
from tests.serving import Server

ANSWER = re.compile(r"<!-- answer -->\n\n```json\n(.*?)\n```\n\n<!-- /answer -->", re.DOTALL)


def test_generated_parts_are_current() -> None:
    committed, built = readme.README.read_text(), readme.text()
    assert ANSWER.sub("", committed) == ANSWER.sub("", built), "stale README.md: run make openapi"


def test_answer_is_the_services_own() -> None:
    """To ten digits: the last ones of a logarithm differ between processors."""
    committed, built = (
        json.loads(ANSWER.search(text)[1], parse_float=lambda number: f"{float(number):.9e}")
        for text in (readme.README.read_text(), readme.text())
    )
    assert committed == built, "stale README.md: run make openapi"


def test_what_the_readme_posts_to_each_task_gets_a_report() -> None:
    rows = re.findall(r"^\| (\w+) \| (.*`\{.*)", readme.README.read_text(), re.MULTILINE)
    client = create_app(Settings()).test_client()
    assert {task for task, _ in rows} == TASKS.keys()
    for task, text in rows:
        for body in re.findall(r"`(\{.*?\})`", text):
            answer = client.post(f"/v1/{task}/report", data=body, content_type="application/json")
            assert answer.status_code == HTTPStatus.OK, (body, answer.text)


def test_the_commands_that_send_columns_get_a_report(server: Server) -> None:
    section = re.search(r"^## Columns\n(.*?)^## ", readme.README.read_text(), re.MULTILINE | re.DOTALL)[1]
    commands = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    assert len(commands) == len(media.accepted("report")) - 1
    for command in commands:
        local = command.replace(":8000", f":{server.port}").replace("python -c", f"{sys.executable} -c")
        answer = subprocess.run(["bash", "-c", local], capture_output=True, check=True).stdout  # noqa: S607  # the bash of whoever reads it
        assert json.loads(answer)["task"] == "binary", answer


def test_the_metric_that_contributing_shows_is_the_one_in_the_tree() -> None:
    """Every added line of the example stands in its file, in this order."""
    diff = re.search(r"```diff\n(.*?)```", (readme.ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)[1]
    for part in diff.split("--- a/")[1:]:
        name, *lines = part.splitlines()
        added = [line[1:] for line in lines if line.startswith("+") and not line.startswith("+++")]
        assert added
        stands = "\n".join(added).strip() in (readme.ROOT / name).read_text()
        assert stands, f"CONTRIBUTING.md shows a change of {name} that is no longer in the tree"
