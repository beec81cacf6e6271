"""What a stranger relies on: the wheel twice and its parts, the floors, the security page, the forge."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from tests.floors import floors
from tests.serving import ROOT

GIT = shutil.which("git") or "git"
OWASP = [f"API{number}" for number in range(1, 11)]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone of what is committed."""
    subprocess.run([GIT, "clone", "--quiet", ROOT, tmp_path / "clone"], check=True, capture_output=True)
    return tmp_path / "clone"


def released(clone: Path, target: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "deploy/release.py", target]
    return subprocess.run(command, cwd=clone, capture_output=True, text=True, check=False)


def test_a_release_is_the_wheel_and_what_runs_with_it(clone, tmp_path):
    done = released(clone, tmp_path / "dist")
    assert done.returncode == 0, done.stderr
    sums = dict(reversed(line.split("  ")) for line in (tmp_path / "dist/SHA256SUMS").read_text().splitlines())
    assert {path.name for path in (tmp_path / "dist").iterdir()} == {*sums, "SHA256SUMS"}
    for name, digest in sums.items():
        assert hashlib.sha256((tmp_path / "dist" / name).read_bytes()).hexdigest() == digest
    (parts,) = (json.loads((tmp_path / "dist" / name).read_text()) for name in sums if name.endswith(".cdx.json"))
    locked = re.findall(r"^([a-z0-9.-]+)==", (clone / "deploy/requirements.lock").read_text(), re.MULTILINE)
    assert sorted(part["name"] for part in parts["components"]) == sorted(locked)
    assert parts["metadata"]["component"]["name"] == "assay"
    (clone / "README.md").write_text("changed")
    assert released(clone, tmp_path / "again").returncode != 0
    assert not (tmp_path / "again").exists()


def test_every_need_has_a_floor():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = {Requirement(pin).name for pin in floors()}
    assert {Requirement(need).name for need in project["dependencies"]} - pinned <= {"pysimdjson"}
    assert {"pyarrow", "joserfc", "opentelemetry-sdk"} <= pinned


def test_every_row_of_the_security_page_names_tests_that_exist_or_says_why_not():
    page = (ROOT / "SECURITY.md").read_text()
    rows = [line.split("|")[1:-1] for line in page.splitlines() if line.startswith("| API")]
    assert [name.split()[0] for name, _, _ in rows] == OWASP
    for name, _, shown in rows:
        assert "`tests/" in shown or shown.strip().startswith("not tested: "), name
    for path, test in re.findall(r"`(tests/\w+\.py)::(\w+)`", page):
        assert f"def {test}(" in (ROOT / path).read_text(), test


def test_the_forge_runs_what_ci_runs_on_every_python():
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]
    commands = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    assert any(command.endswith("bash .ci/run") for command in commands)
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert all(command.split()[1] in targets for command in commands if command.startswith("make "))
    lowest = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert f">={jobs['check']['strategy']['matrix']['python'][0]}" == lowest
