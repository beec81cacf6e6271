"""Clients that generators make from openapi.yaml compile and work, in Python and in TypeScript."""

import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Server
from sklearn.metrics import confusion_matrix, roc_auc_score

from service.metrics.catalogue import TASKS

CLIENTS = Path(__file__).parent / "clients"
DATA = ROOT / "tests/data/breast_cancer.json"
NODE, NPM = shutil.which("node"), shutil.which("npm")
OFFLINE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ENETUNREACH", "ETIMEDOUT")


@pytest.fixture(scope="module")
def service(start_server: Callable[..., Server]) -> Server:
    return start_server()


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """What the command prints; fails with all of it where the command fails."""
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def expected(client: str) -> dict[str, Any]:
    """What either client prints."""
    batch = json.loads(DATA.read_text(encoding="utf-8"))
    calls = [score >= 0.5 for score in batch["scores"]]
    return {
        "samples": len(batch["labels"]),
        "roc_auc": pytest.approx(roc_auc_score(batch["labels"], batch["scores"]), rel=1e-12),
        "true_positives": confusion_matrix(batch["labels"], calls)[1, 1],
        "first_threshold": None,
        "last_rate": 1,
        "echoed": client,
        "recall": None,
        "reason": "no_positive_labels",
        "metrics": [metric.name for task in TASKS.values() for metric in task.metrics],
        "problem": "urn:assay:problem:length-mismatch",
        "refused": "#/scores/0",
        "pointer": "#/scores",
        "matrix": [[1, 0, 0], [0, 1, 1], [1, 0, 0]],
        "recalls": {"art": 1, "law": 0},
        "no_log_loss": "scores_not_probabilities",
        "ndcg_at_2": pytest.approx((1 / math.log2(3) + 1) / 2, rel=1e-12),
        "of_queries": pytest.approx([1 / math.log2(3), 1], rel=1e-12),
        "coverage": pytest.approx(2 / 3, rel=1e-12),
        "pinball_loss_at_0_25": pytest.approx((0.25 + 0.25 + 0.75) / 3, rel=1e-12),
    }


def test_python_client(service: Server, tmp_path: Path) -> None:
    tools = Path(sys.executable).parent
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"  # the generator formats with ruff
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"content_type_overrides": {"application/yaml": "application/octet-stream"}}))
    generated = tmp_path / "assay_client"
    generate = [tools / "openapi-python-client", "generate", "--path", ROOT / "openapi.yaml", "--meta", "none"]
    options = ["--output-path", generated, "--config", config, "--fail-on-warning"]
    run(*generate, *options, cwd=tmp_path, PATH=path)
    client = shutil.copy(CLIENTS / "client.py", tmp_path)
    run(tools / "mypy", "--strict", "--config-file=", "--follow-imports=silent", "client.py", cwd=tmp_path)
    answers = run(sys.executable, client, service.url, DATA, cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert json.loads(answers) == expected("python")


def not_run(reason: str) -> None:
    """Skip, except in continuous integration, which runs everything."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the locked packages of tests/clients installed."""
    if not NODE or not NPM:
        not_run("needs node and npm: install them to test the TypeScript client")
    place = tmp_path_factory.mktemp("typescript")
    for name in ("package.json", "package-lock.json", "client.ts"):
        shutil.copy(CLIENTS / name, place)
    install = [NPM, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(install, cwd=place, capture_output=True, text=True, timeout=120, check=False)
    if any(code in done.stderr for code in OFFLINE):
        not_run("needs the packages of tests/clients/package.json, and npm reaches no registry")
    assert done.returncode == 0, done.stderr
    return place


def test_typescript_client(service: Server, node_modules: Path) -> None:
    tools = node_modules / "node_modules/.bin"
    run(tools / "openapi-typescript", ROOT / "openapi.yaml", "-o", "api.d.ts", cwd=node_modules)
    compiler = [tools / "tsc", "--strict", "--target", "es2022", "--module", "nodenext", "--types", "node"]
    run(*compiler, "--outDir", "built", "client.ts", cwd=node_modules)
    answers = run(str(NODE), "built/client.js", service.url, DATA, cwd=node_modules)
    assert json.loads(answers) == expected("typescript")
