"""What is deployed: the wheel, the locks, the image and its composition, as far as no container engine is needed."""

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import requires
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.serving import ROOT, free_port

BENCH = "tests/benchmarks/requirements.lock"
LOCKS = ("requirements.lock", "deploy/requirements.lock", BENCH)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SYSTEMD = shutil.which("systemd-analyze")
IGNORED = re.compile(r"__pycache__|\.py[co]$")


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile as (instruction, arguments), continuation lines joined."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "deploy/Dockerfile").read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines if line.strip()]


def final_stage() -> dict[str, str]:
    """The last arguments of each instruction of the stage that becomes the image."""
    every = instructions()
    last = max(number for number, (name, _) in enumerate(every) if name == "FROM")
    return dict(every[last:])


def files_of(*folders: str) -> set[str]:
    """The files below these folders that belong to the project."""
    paths = (path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file())
    return {str(path.relative_to(ROOT)) for path in paths if not IGNORED.search(str(path))}


def locked(lock: str) -> dict[Requirement, set[str]]:
    """The requirements of a lock and their hashes."""
    lines = (ROOT / lock).read_text().replace("\\\n", " ").splitlines()
    found = {}
    for line in lines:
        name, *hashes = re.split(r"\s+--hash=", line.strip())
        found[Requirement(name)] = set(hashes)
    return found


def names_of(lock: str) -> set[str]:
    return {canonicalize_name(requirement.name) for requirement in locked(lock)}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as hatchling builds it for the image."""
    folder = tmp_path_factory.mktemp("wheel")
    hatchling = Path(sys.executable).with_name("hatchling")
    subprocess.run([hatchling, "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_wheel_holds_the_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        content = {name for name in archive.namelist() if ".dist-info/" not in name}
        assert archive.read("openapi.yaml") == (ROOT / "openapi.yaml").read_bytes()
    assert content == files_of("service", "schemas") | {"openapi.yaml"}
    assert "service/templates/index.html" in content


def test_wheel_serves_pages_and_description(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    script = """
import json, service
from service.app import create_app
client = create_app().test_client()
paths = ("/", "/openapi.yaml", "/openapi.json", "/livez")
print(json.dumps([service.__file__, *(client.get(path, headers={"Accept": "*/*"}).status_code for path in paths),
    client.get("/", headers={"Accept": "text/html"}).text]))
"""
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, check=True, capture_output=True
    )
    origin, *statuses, page = json.loads(answer.stdout)
    assert Path(origin).is_relative_to(tmp_path)
    assert statuses == [200] * 4
    assert "<html" in page


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_pin_with_hashes_and_name_no_index(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert not re.search(r"https?:|file:|--index|--extra-index|--find-links|--trusted|\s@\s", text)
    for requirement, hashes in locked(lock).items():
        assert re.fullmatch(r"==[^*]+", str(requirement.specifier))
        assert hashes
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in hashes)


def test_the_image_installs_what_was_tested() -> None:
    whole = locked("requirements.lock")
    for requirement, hashes in locked("deploy/requirements.lock").items():
        assert whole[requirement] == hashes


def test_locks_hold_what_the_project_names() -> None:
    runtime = [*PROJECT["dependencies"], *extras()["zstd"]]
    assert {canonicalize_name(Requirement(name).name) for name in runtime} <= names_of("deploy/requirements.lock")
    every = [(name, "requirements.lock") for name in PROJECT["dependencies"]]
    every += [(name, BENCH if key == "bench" else "requirements.lock") for key in extras() for name in extras()[key]]
    for wanted, lock in ((Requirement(name), lock) for name, lock in every):
        name = canonicalize_name(wanted.name)
        pins = [pin for pin in locked(lock) if canonicalize_name(pin.name) == name]
        assert pins
        for pin in pins:
            (version,) = pin.specifier
            assert wanted.specifier.contains(version.version)


def extras() -> dict[str, list[str]]:
    return PROJECT["optional-dependencies"]


def test_dockerfile_copies_files_that_exist_and_that_the_builder_gets() -> None:
    sent = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for name, arguments in instructions():
        if name == "COPY" and not arguments.startswith("--from"):
            *sources, _ = arguments.split()
            assert set(sources) <= set(sent)
    assert all((ROOT / path).exists() for path in sent)


def test_dockerfile_takes_all_that_hatchling_needs() -> None:
    (kept,) = re.findall(r"kept = /\^\(([^)]+)\)==/", (ROOT / "deploy/Dockerfile").read_text())
    needed, waiting = set(), ["hatchling"]
    while waiting:
        name = waiting.pop()
        needed.add(name)
        wanted = [Requirement(line) for line in requires(name) or ()]
        names = {canonicalize_name(one.name) for one in wanted if not one.marker or one.marker.evaluate({"extra": ""})}
        waiting += names - needed
    assert set(kept.split("|")) == needed


@pytest.mark.skipif(sys.platform != "linux", reason="hadolint is installed on Linux")
def test_hadolint_finds_nothing_wrong_with_the_dockerfile() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, "deploy/Dockerfile"], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_image_runs_as_nobody_in_particular() -> None:
    user, group = final_stage()["USER"].split(":")
    assert int(user) >= 10000
    assert int(group) >= 10000
    assert not any(name in ("ADD", "VOLUME", "ONBUILD") for name, _ in instructions())
    assert final_stage()["EXPOSE"] == "8000"


def test_image_starts_as_documented() -> None:
    documented = "gunicorn -c deploy/gunicorn.conf.py -b 0.0.0.0:8000 'service.app:create_app()'"
    assert json.loads(final_stage()["CMD"]) == shlex.split(documented)
    serve = re.search(r"\$\(BIN\)/(gunicorn .*)", (ROOT / "Makefile").read_text())
    assert serve
    assert serve[1].replace("$(HOST):$(PORT)", "0.0.0.0:8000") == documented


def test_health_check_needs_python_only(server_port: int) -> None:
    options, _, check = final_stage()["HEALTHCHECK"].partition("CMD ")
    assert "--timeout" in options
    program, *arguments = json.loads(check)
    assert program == "python3"
    assert not re.search("curl|wget", check)

    def status(port: int) -> int:
        there = [argument.replace("8000", str(port)) for argument in arguments]
        return subprocess.run([sys.executable, *there], check=False, capture_output=True, timeout=15).returncode

    assert status(server_port) == 0
    assert status(free_port()) != 0


@pytest.fixture
def server_port(start_server) -> int:
    """The port of a service that is ready."""
    return start_server().port


COMPOSED = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())["services"]


@pytest.mark.parametrize("name", COMPOSED)
def test_composition_is_locked_down(name: str) -> None:
    service = COMPOSED[name]
    assert service["read_only"] is True
    assert service["init"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"privileged", "cap_add"}.isdisjoint(service)
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    assert all(mount.endswith(":ro") for mount in service.get("volumes", ()))
    assert all({"noexec", "nosuid", "nodev"} <= set(mount.split(":")[1].split(",")) for mount in service["tmpfs"])
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}


def test_composition_runs_the_image() -> None:
    service = COMPOSED["assay"]
    build = service["build"]
    assert (ROOT / "deploy" / build["context"]).resolve() == ROOT.resolve()
    assert (ROOT / build["dockerfile"]).is_file()
    assert [mount.split(":")[0] for mount in service["tmpfs"]] == ["/dev/shm"]  # noqa: S108 - of the container
    assert {"ports", "volumes", "user"}.isdisjoint(service)
    _, _, check = final_stage()["HEALTHCHECK"].partition("CMD ")
    assert service["healthcheck"]["test"] == ["CMD", *json.loads(check)]
    workers = service["deploy"]["resources"]["limits"]["cpus"]
    assert service["environment"]["GUNICORN_CMD_ARGS"] == f"--workers={workers}"


def test_composition_puts_nginx_in_front() -> None:
    nginx = COMPOSED["nginx"]
    written = (ROOT / "deploy/nginx.conf").read_text()
    (mounted,) = nginx["volumes"]
    source, target, _ = mounted.split(":")
    assert (ROOT / "deploy" / source).read_text() == written
    program, *arguments = nginx["entrypoint"]
    given = dict(zip(arguments[::2], arguments[1::2], strict=True))
    assert program == "nginx"
    assert given["-c"] == target
    assert given["-p"] == nginx["tmpfs"][0].split(":")[0]
    assert given["-g"] == "daemon off;"
    (upstream,) = set(re.findall(r"server (\w+:\d+)", written))
    assert upstream == f"assay:{final_stage()['EXPOSE']}"
    assert COMPOSED["assay"]["expose"] == [final_stage()["EXPOSE"]]
    assert nginx["depends_on"] == {"assay": {"condition": "service_healthy"}}
    (listening,) = re.findall(r"listen (\d+);", written)
    assert nginx["ports"] == [f"127.0.0.1:8000:{listening}"]


def test_numpy_is_imported_after_the_variables_that_it_reads():
    """Otherwise its libraries start threads, and its sort is five times slower on processors of Zen 3 and 4."""
    program = """
import json, os, runpy
import threadpoolctl
runpy.run_path("deploy/gunicorn.conf.py")
from numpy._core._multiarray_umath import __cpu_features__ as features
disabled = os.environ.get("NPY_DISABLE_CPU_FEATURES", "").split()
threads = [library["num_threads"] for library in threadpoolctl.threadpool_info()]
print(json.dumps([threads, [features[name] for name in disabled]]))
"""
    unset = {name: value for name, value in os.environ.items() if not name.startswith(("OPENBLAS_", "OMP_", "NPY_"))}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=unset, capture_output=True, check=True, text=True
    )
    threads, features = json.loads(done.stdout)
    assert threads
    assert set(threads) == {1}
    assert not any(features)


def unit() -> configparser.RawConfigParser:
    """deploy/assay.service; of settings that stand twice, the last."""
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    parser.read_string((ROOT / "deploy/assay.service").read_text())
    return parser


def test_unit_starts_what_the_image_starts() -> None:
    """On this machine only: nginx stands in front, or the keys and a wider address are set together."""
    program, *arguments = shlex.split(unit()["Service"]["ExecStart"])
    assert [Path(program).name, *arguments] == [
        argument.replace("0.0.0.0", "127.0.0.1")  # noqa: S104  # of the container
        for argument in json.loads(final_stage()["CMD"])
    ]
    assert unit()["Service"]["TimeoutStopSec"] + "s" == COMPOSED["assay"]["stop_grace_period"]


@pytest.mark.skipif(SYSTEMD is None, reason="systemd-analyze is not installed: apt-get install systemd")
def test_unit_is_one_that_systemd_takes_and_finds_safe(tmp_path: Path) -> None:
    """With a program that is there. systemd itself does not run here: what it denies at run time is not tried."""
    text = (ROOT / "deploy/assay.service").read_text()
    written = tmp_path / "assay.service"
    written.write_text(text.replace("/opt/assay/.venv/bin/gunicorn", sys.executable))
    for arguments in (["verify", written], ["security", "--offline=true", "--threshold=15", written]):
        done = subprocess.run([str(SYSTEMD), *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "assay.service:" not in done.stderr


def test_all_ways_to_deploy_fit_reports_into_the_same_memory() -> None:
    base = yaml.safe_load((ROOT / "deploy/kubernetes/base/deployment.yaml").read_text())
    (container,) = base["spec"]["template"]["spec"]["containers"]
    limits = {each["name"]: each["value"] for each in container["env"] if each["name"].startswith("ASSAY_MAX_")}
    composed = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())["services"]["assay"]
    unit = (ROOT / "deploy/assay.service").read_text()
    assert len(limits) == 2
    assert limits.items() <= composed["environment"].items()
    assert all(f"{name}={value}" in unit for name, value in limits.items())
    assert container["resources"]["limits"]["memory"] == "4Gi"
    assert composed["deploy"]["resources"]["limits"]["memory"] == "4g"
    assert "\nMemoryMax=4G\n" in unit
