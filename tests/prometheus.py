"""Prometheus reading the service under test, as deploy/grafana/prometheus.yml sets it up."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest
import yaml

from tests.serving import ROOT, free_port, running
from tests.wire import request

FOLDER = ROOT / "deploy/grafana"
PROMETHEUS, PROMTOOL = shutil.which("prometheus"), shutil.which("promtool")
# A rate needs two scrapes.
SCRAPES = 3
needs_prometheus = pytest.mark.skipif(
    PROMETHEUS is None or PROMTOOL is None, reason="prometheus is not installed: apt-get install prometheus"
)


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus."""

    port: int

    def ask(self, path: str, **parameters: str) -> list:
        """What its HTTP interface finds; fails where it finds the question wrong."""
        target = f"/api/v1/{path}?{urlencode(parameters)}"
        answer = request(self.port, "GET", target, headers={}).json()
        assert answer["status"] == "success", (answer, parameters)
        return answer["data"]["result"] if path == "query" else answer["data"]

    def value(self, query: str) -> float:
        """The value of a query that has one; nan where it has none as yet."""
        found = self.ask("query", query=query)
        return float(found[0]["value"][1]) if found else float("nan")


@contextmanager
def scraping(service: int, folder: Path, key: str) -> Iterator[Prometheus]:
    """A Prometheus that has read the service on this port a few times, with a key; it ends with the context."""
    written = (FOLDER / "prometheus.yml").read_text()
    # The comment shows how a key is sent.
    for given, wanted in (
        ("assay:8000", f"127.0.0.1:{service}"),
        ("15s", "200ms"),
        ("# authorization:", "authorization:"),
    ):
        assert given in written
        written = written.replace(given, wanted)
    (folder / "prometheus.yml").write_text(written)
    (folder / "assay.key").write_text(key)
    shutil.copy(FOLDER / "alerts.yml", folder)
    port = free_port()
    command = [str(PROMETHEUS), "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=warn"]
    started = Prometheus(port)
    with running([*command, f"--web.listen-address=127.0.0.1:{port}"], folder, lambda: has_read(started)):
        yield started


def has_read(prometheus: Prometheus) -> bool:
    """Whether it has read the service a few times."""
    with suppress(OSError, json.JSONDecodeError):
        return prometheus.value("min(count_over_time(assay_rows_total[1m]))") >= SCRAPES
    return False


def rules() -> list[dict]:
    """The alerts of the tree."""
    (group,) = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    return group["rules"]


def promtool(*arguments: str, given: bytes = b"") -> None:
    """Run promtool; fails with what it prints where it finds something wrong."""
    done = subprocess.run([str(PROMTOOL), *arguments], cwd=ROOT, input=given, capture_output=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
