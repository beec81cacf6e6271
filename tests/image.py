"""The image of deploy/Dockerfile, built and run without a container engine: `make image-test`, as root.

A base of Debian, which mmdebstrap makes, takes the place of the one named in the Dockerfile, and buildah builds on it
from wheels that are fetched before. The image runs in mount and PID namespaces of its own, on a root file system that
is mounted read-only, with no new privileges and no capabilities. What only an engine has is not tried: its seccomp
profile, its limits of memory and CPU, a network of its own, and when it asks whether the image is healthy.
"""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.serving import ROOT, Server, free_port
from tests.test_deploy import locked
from tests.test_workers import computing
from tests.wire import request

# Debian's, and its Python, by which pip chooses: not by the one that runs this.
SUITE, PYTHON = "bookworm", {"python_version": "3.11", "python_full_version": "3.11.2"}
NEEDED = ("buildah", "mmdebstrap", "setpriv", "unshare")
# As long as deploy/compose.yaml grants.
STOP_SECONDS = 35
REPORT = (ROOT / "tests/data/breast_cancer.json").read_bytes()
# Makes the root read-only, with what an engine mounts on it, and becomes the program; all mounts end with it.
CONTAIN = """
mount --bind "$0" "$0"
mount -o remount,bind,ro "$0"
mount -t proc proc "$0/proc"
mount -t tmpfs -o size=64m,mode=1777,noexec,nosuid,nodev tmpfs "$0/dev/shm"
exec chroot --userspec="$1" --groups= "$0" env --ignore-environment --chdir=/app "${@:2}"
"""

pytestmark = [
    pytest.mark.skipif(any(shutil.which(name) is None for name in NEEDED), reason=f"one of {NEEDED} is not installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="mounts are made by root"),
]


def run(*command: object, **options: object) -> str:
    """What a command prints; fails with it where the command does."""
    done = subprocess.run(
        list(map(str, command)), check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    )
    assert done.returncode == 0, done.stdout
    return done.stdout.strip()


@dataclass(frozen=True)
class Image:
    """The root file system of an image, and its configuration."""

    root: Path
    config: dict

    def command(self, program: list[str], user: str = "", *environment: str) -> list[str]:
        """The command that runs a program in it, as this user or its own, with these variables, too."""
        environment = (*self.config["Env"], *environment)
        contained = ["bash", "-e", "-c", CONTAIN, str(self.root), user or self.config["User"], *environment, *program]
        return ["setpriv", "--no-new-privs", "unshare", "--mount", "--pid", "--fork", "--kill-child", *contained]

    @contextmanager
    def started(self, log: Path, user: str = "", *environment: str) -> Iterator["Container"]:
        """The service in it, as the image starts it but for the port; it is ready, and ends with the context."""
        port = free_port()
        program = [word.replace("0.0.0.0:8000", f"127.0.0.1:{port}") for word in self.config["Cmd"]]
        assert program != self.config["Cmd"]
        with log.open("wb") as output:
            process = subprocess.Popen(self.command(program, user, *environment), stdout=output, stderr=output)
        try:
            container = Container(port, process, log)
            container.wait()
            yield container
        finally:
            process.kill()
            process.wait()


@dataclass(frozen=True)
class Container(Server):
    """A running image."""

    @property
    def pid(self) -> int:
        """Its first process, gunicorn's arbiter: unshare waits for it, and itself heeds no signal but SIGKILL."""
        (first,) = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(first)

    def stop(self) -> None:
        """Ask it to end, as an engine does, and see that it does so cleanly."""
        os.kill(self.pid, signal.SIGTERM)
        assert self.process.wait(STOP_SECONDS) == 0, self.log.read_text()
        assert "Traceback" not in self.log.read_text()


def fetch_wheels(folder: Path) -> None:
    """Download what the Dockerfile installs: its lock, and the build backend, picked as it does."""
    (pick,) = re.findall(r"awk '[^']+' requirements\.lock", (ROOT / "deploy/Dockerfile").read_text())
    folder.mkdir()
    (folder / "backend").write_text(run("bash", "-c", pick, cwd=ROOT))
    for lock in ("deploy/requirements.lock", str(folder / "backend")):
        wanted = [
            f"{one.name}{one.specifier} {' '.join(f'--hash={digest}' for digest in hashes)}\n"
            for one, hashes in locked(lock).items()
            if one.marker is None or one.marker.evaluate(PYTHON)
        ]
        (folder / "wanted").write_text("".join(wanted))
        pip = (
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--require-hashes",
            "--only-binary=:all:",
            "--no-deps",
        )
        run(
            *pip, f"--python-version={PYTHON['python_version']}", f"--dest={folder}", "--requirement", folder / "wanted"
        )


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The image as it is built of this tree, in a store of its own that goes with it."""
    folder = tmp_path_factory.mktemp("image")
    store = ("--root", folder / "store", "--runroot", folder / "run")

    def buildah(verb: str, *arguments: object) -> str:
        return run("buildah", *store, verb, *arguments, cwd=ROOT, env=os.environ | {"BUILDAH_ISOLATION": "chroot"})

    try:
        run("mmdebstrap", "--quiet", "--variant=minbase", "--include=python3,python3-venv", SUITE, folder / "base.tar")
        base = buildah("from", "scratch")
        buildah("add", "--quiet", base, folder / "base.tar", "/")
        buildah("commit", "--quiet", "--rm", base, "python-base")
        fetch_wheels(folder / "wheels")
        (folder / "pip.conf").write_text("[global]\nno-index = true\nfind-links = /wheels\n")
        mounts = (f"--volume={folder}/wheels:/wheels:ro", f"--volume={folder}/pip.conf:/etc/pip.conf:ro")
        built = ("--build-arg=PYTHON_IMAGE=localhost/python-base", "--pull-never", "--format=docker", "--tag=assay")
        buildah("build", *built, *mounts, "--file=deploy/Dockerfile", ".")
        container = buildah("from", "--pull-never", "localhost/assay")
        config = json.loads(buildah("inspect", "--type=image", "localhost/assay"))["Docker"]["config"]
        yield Image(Path(buildah("mount", container)), config)
    finally:
        buildah("rm", "--all")
        shutil.rmtree(folder)


@pytest.mark.parametrize("user", ["", "12345:0"], ids=["its own user", "one whom some platforms choose"])
def test_it_answers_as_the_tree_does_and_ends_when_asked(image: Image, user: str, tmp_path: Path, start_server) -> None:
    there = start_server()
    with image.started(tmp_path / "log", user) as container:
        assert "CapEff:\t0000000000000000\n" in Path(f"/proc/{container.pid}/status").read_text()
        assert Path(f"/proc/{container.pid}").stat().st_uid == int((user or image.config["User"]).split(":")[0])
        for path in ("/livez", "/readyz", "/openapi.yaml", "/v1/metrics"):
            answer, ours = (request(port, "GET", path, headers={}) for port in (container.port, there.port))
            assert (answer.status, answer.body) == (200, ours.body)
        answer, ours = (request(port, body=REPORT) for port in (container.port, there.port))
        assert (answer.status, answer.body) == (200, ours.body)
        container.stop()


def test_it_finishes_what_it_has_begun(image: Image, tmp_path: Path) -> None:
    draw = random.Random(0)
    asked = {name: [draw.gauss(0, 1) for _ in range(90_000)] for name in ("labels", "predictions")}
    asked |= {"intervals": True, "interval_method": "bootstrap", "resamples": 200}
    with image.started(tmp_path / "log", "", "WEB_CONCURRENCY=1") as container:
        with computing(container, json.dumps(asked).encode()) as report:
            assert not report.done()
            container.stop()
        assert report.result().status == 200


def test_it_can_write_to_memory_only(image: Image) -> None:
    memory = "/dev/shm"  # noqa: S108  # of the image, as the next ones
    folders = ("/", "/app", "/opt/assay", "/tmp", "/var/tmp", memory)  # noqa: S108
    script = "import os, sys; print(*(path for path in sys.argv[1:] if os.access(path, os.W_OK)))"
    assert run(*image.command(["python3", "-c", script, *folders], "12345:0")) == memory


def test_its_health_check_tells_a_service_from_none(image: Image, tmp_path: Path) -> None:
    _, *check = image.config["Healthcheck"]["Test"]
    with image.started(tmp_path / "log") as container:
        for port, healthy in ((container.port, True), (free_port(), False)):
            program = [word.replace("8000", str(port)) for word in check]
            done = subprocess.run(image.command(program), check=False, capture_output=True)
            assert (done.returncode == 0) is healthy


def test_it_holds_what_runs_the_service_alone(image: Image) -> None:
    packages = {path.name for path in image.root.glob("opt/assay/lib/python3*/site-packages/*")}
    assert {"service", "schemas"} <= packages
    assert not packages & {"pip", "hatchling", "pytest", "tests"}
    assert not (image.root / "build").exists()
    assert {path.name for path in (image.root / "app").rglob("*")} == {"deploy", "gunicorn.conf.py"}
    for path in (image.root / "opt/assay", image.root / "app"):
        assert not [found for found in (path, *path.rglob("*")) if found.lstat().st_uid or found.stat().st_mode & 0o22]
