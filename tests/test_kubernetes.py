"""What Kubernetes gets: the manifests as kustomize makes them, valid, locked down, and true to image and settings."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import trustme
import yaml

from service.access import OPEN
from service.app import create_app
from service.settings import Settings
from tests.data.bad_inputs import FINE, JSON
from tests.serving import ROOT
from tests.test_deploy import PROJECT, final_stage
from tests.wire import request

FOLDER = ROOT / "deploy/kubernetes"
OLDEST, NEWEST = "1.30", kubernetes_validate.latest_version().removesuffix(".0")
KEY = "assay_test"
KUBECTL = Path(sys.executable).with_name("kubectl")
ANNOTATION = "nginx.ingress.kubernetes.io/"
# What the profile `restricted` of the Pod Security Standards allows.
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
UNITS = {"": 1, "m": 1e-3, "Mi": 2**20, "Gi": 2**30}

Manifest = dict[str, Any]


def amount(quantity: str) -> float:
    """A quantity of Kubernetes as a number."""
    number, unit = re.fullmatch(r"([0-9.]+)(m|Mi|Gi|)", quantity).groups()
    return float(number) * UNITS[unit]


class Rendered:
    """The manifests of a folder as a cluster gets them."""

    def __init__(self, folder: str) -> None:
        command = [KUBECTL, "kustomize", FOLDER / folder]
        made = subprocess.run(command, check=True, capture_output=True, text=True)
        assert not made.stderr
        self.all: list[Manifest] = list(yaml.safe_load_all(made.stdout))
        self.deployment = self.one("Deployment")
        self.template = self.deployment["spec"]["template"]
        self.pod = self.template["spec"]
        (self.container,) = self.pod["containers"]
        self.environment = {each["name"]: each for each in self.container["env"]}
        self.literal = {name: each["value"] for name, each in self.environment.items() if "value" in each}

    def of(self, kind: str) -> list[Manifest]:
        return [each for each in self.all if each["kind"] == kind]

    def one(self, kind: str) -> Manifest:
        (found,) = self.of(kind)
        return found

    @property
    def ports(self) -> dict[str, int]:
        return {port["name"]: port["containerPort"] for port in self.container["ports"]}

    @property
    def probes(self) -> dict[str, Manifest]:
        return {name: self.container[f"{name}Probe"] for name in ("startup", "liveness", "readiness")}

    def settings(self, tmp_path: Path) -> dict[str, str]:
        """The variables whose value is written, and beside them a file of keys where one is asked for."""
        keys = {"ASSAY_API_KEYS_FILE": keys_file(tmp_path)} if "ASSAY_API_KEYS_FILE" in self.literal else {}
        return {**self.literal, **keys}


def keys_file(folder: Path, key: str = KEY) -> str:
    """A file that knows one key, laid out as Kubernetes mounts a secret: a link to a folder that it replaces."""
    version = folder / hashlib.sha256(key.encode()).hexdigest()
    version.mkdir()
    (version / "keys").write_text(f"pipeline {version.name}\n")
    (folder / "..new").symlink_to(version.name)
    (folder / "..new").rename(folder / "..data")
    if not (folder / "keys").is_symlink():
        (folder / "keys").symlink_to("..data/keys")
    return str(folder / "keys")


@pytest.fixture(scope="module", params=["base", "production"])
def rendered(request: pytest.FixtureRequest) -> Rendered:
    return Rendered(request.param)


@pytest.fixture(scope="module")
def production() -> Rendered:
    return Rendered("production")


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_manifests_are_valid(rendered: Rendered, version: str) -> None:
    assert OLDEST in (FOLDER / "base/kustomization.yaml").read_text()
    for manifest in rendered.all:
        assert kubernetes_validate.validate(manifest, version, strict=True) == version


def test_a_manifest_with_a_slip_of_the_pen_is_not(production: Rendered) -> None:
    wrong = {**production.one("Service"), "specs": {}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, NEWEST, strict=True)


def test_every_file_is_part_of_a_kustomization() -> None:
    for folder in ("base", "production"):
        listed = yaml.safe_load((FOLDER / folder / "kustomization.yaml").read_text())
        named = {*listed["resources"], *(patch["path"] for patch in listed.get("patches", ()))} - {"../base"}
        assert named | {"kustomization.yaml"} == {path.name for path in (FOLDER / folder).iterdir()}
    assert {path.name for path in FOLDER.iterdir()} == {"base", "production"}


def test_pod_keeps_to_the_restricted_profile(rendered: Rendered) -> None:
    pod, container = rendered.pod, rendered.container
    assert {"initContainers", "ephemeralContainers", "hostNetwork", "hostPID", "hostIPC", "hostUsers"}.isdisjoint(pod)
    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert all("hostPort" not in port for port in container["ports"])
    for volume in pod["volumes"]:
        (kind,) = volume.keys() - {"name"}
        assert kind in VOLUMES
    assert pod["automountServiceAccountToken"] is False


def test_the_cluster_is_asked_to_enforce_it(production: Rendered) -> None:
    namespace = production.one("Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    rest = [each for each in production.all if each is not namespace]
    assert {each["metadata"]["namespace"] for each in rest} == {namespace["metadata"]["name"]}


def test_any_user_may_run_it(rendered: Rendered) -> None:
    """The image names one by number, so that `runAsNonRoot` can be told to hold; a cluster may take another."""
    assert int(final_stage()["USER"].split(":")[0]) > 0
    for context in (rendered.pod["securityContext"], rendered.container["securityContext"]):
        assert {"runAsUser", "runAsGroup", "fsGroup"}.isdisjoint(context)


def test_what_is_written_is_bounded_memory(rendered: Rendered) -> None:
    (mount,) = (mount for mount in rendered.container["volumeMounts"] if not mount.get("readOnly"))
    (volume,) = (volume for volume in rendered.pod["volumes"] if volume["name"] == mount["name"])
    assert volume["emptyDir"] == {"medium": "Memory", "sizeLimit": "64Mi"}
    conf = (ROOT / "deploy/gunicorn.conf.py").read_text()
    assert f'MEMORY = "{mount["mountPath"]}"' in conf
    assert "worker_tmp_dir = MEMORY" in conf
    assert "dir=MEMORY" in conf


def test_probes_are_open_routes_on_the_port_of_the_image(rendered: Rendered) -> None:
    routes = {rule.rule for rule in create_app(Settings()).url_map.iter_rules()}
    assert rendered.ports == {"http": int(final_stage()["EXPOSE"])}
    paths = {name: probe["httpGet"]["path"] for name, probe in rendered.probes.items()}
    assert set(paths.values()) <= OPEN & routes
    assert paths["liveness"] == "/livez"
    assert paths["readiness"] == paths["startup"] == "/readyz"
    for probe in rendered.probes.values():
        assert probe["httpGet"]["port"] == "http"
        assert {"periodSeconds", "timeoutSeconds", "failureThreshold"} <= probe.keys()
    assert {"command", "args"}.isdisjoint(rendered.container)


@pytest.fixture(scope="module")
def gunicorn(rendered: Rendered) -> dict[str, str]:
    """What gunicorn takes its settings to be where the limit of CPUs is that of the manifest."""
    limit = rendered.container["resources"]["limits"]["cpu"]
    command = [Path(sys.executable).with_name("gunicorn"), "--print-config", "-c", "deploy/gunicorn.conf.py"]
    told = subprocess.run(
        [*command, "service.app:create_app()"],
        cwd=ROOT,
        env=os.environ | {"WEB_CONCURRENCY": limit},
        check=True,
        capture_output=True,
        text=True,
    )
    return dict(re.findall(r"^(\w+)\s+= (.*)$", told.stdout, re.MULTILINE))


def test_pod_outlives_the_reports_under_way(rendered: Rendered, gunicorn: dict[str, str]) -> None:
    pause = rendered.container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert rendered.pod["terminationGracePeriodSeconds"] > pause + int(gunicorn["graceful_timeout"])
    assert f"timeout of {gunicorn['graceful_timeout']} s" in (FOLDER / "base/deployment.yaml").read_text()


def test_there_are_as_many_workers_as_the_limit_has_cpus(rendered: Rendered, gunicorn: dict[str, str]) -> None:
    source = rendered.environment["WEB_CONCURRENCY"]["valueFrom"]
    assert source == {"resourceFieldRef": {"resource": "limits.cpu"}}
    assert gunicorn["workers"] == rendered.container["resources"]["limits"]["cpu"]


def test_variables_are_settings(rendered: Rendered, tmp_path: Path) -> None:
    ours = {name for name in rendered.environment if name.startswith("ASSAY_")}
    assert ours <= Settings.variables().keys()
    assert Settings.from_environment(rendered.settings(tmp_path)).max_rows == Settings().max_rows


def test_no_variable_of_the_service_stops_the_start(rendered: Rendered) -> None:
    """A service of this name would bring these to every pod of the namespace, if it were not forbidden."""
    name = rendered.one("Service")["metadata"]["name"].upper()
    with pytest.raises(ValueError, match="no such setting"):
        Settings.from_environment({f"{name}_SERVICE_HOST": "10.0.0.1"})
    assert rendered.pod["enableServiceLinks"] is False


def test_memory_suffices_for_the_largest_report_in_every_worker(rendered: Rendered, tmp_path: Path) -> None:
    """By the rule of the README: two bodies, 32 bytes a number and 16 MB, times the most that was measured of that."""
    settings = Settings.from_environment(rendered.settings(tmp_path))
    times = [float(found) for found in re.findall(r"16 MB \| at most 1 \| ([0-9.]+)", (ROOT / "README.md").read_text())]
    report = max(times) * (2 * settings.max_decoded_bytes + 32 * settings.max_values + 16e6)
    resources = rendered.container["resources"]
    written = sum(amount(volume["emptyDir"]["sizeLimit"]) for volume in rendered.pod["volumes"] if "emptyDir" in volume)
    assert amount(resources["limits"]["cpu"]) * report + written < amount(resources["limits"]["memory"])
    # Memory that is promised but not there ends pods, so what may be used is asked for.
    assert resources["requests"]["memory"] == resources["limits"]["memory"]


def test_all_mean_the_same_pods(rendered: Rendered) -> None:
    labels = rendered.template["metadata"]["labels"]
    assert rendered.one("Service")["spec"]["selector"] == labels
    selectors = [rendered.deployment["spec"]["selector"], rendered.one("PodDisruptionBudget")["spec"]["selector"]]
    selectors += [policy["spec"]["podSelector"] for policy in rendered.of("NetworkPolicy")]
    selectors += [constraint["labelSelector"] for constraint in rendered.pod["topologySpreadConstraints"]]
    assert all(selector == {"matchLabels": labels} for selector in selectors)
    target = rendered.one("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert target == {
        "apiVersion": rendered.deployment["apiVersion"],
        "kind": "Deployment",
        "name": rendered.deployment["metadata"]["name"],
    }


def test_a_pod_more_or_less_is_no_outage(rendered: Rendered) -> None:
    least = rendered.one("HorizontalPodAutoscaler")["spec"]["minReplicas"]
    assert least > rendered.one("PodDisruptionBudget")["spec"]["maxUnavailable"] > 0
    # A number here would undo what the autoscaler did, each time that the manifest is applied.
    assert "replicas" not in rendered.deployment["spec"]
    assert rendered.deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    spread = {constraint["topologyKey"] for constraint in rendered.pod["topologySpreadConstraints"]}
    assert spread == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}


def test_the_service_reaches_the_port_and_calls_nobody(rendered: Rendered) -> None:
    (port,) = rendered.one("Service")["spec"]["ports"]
    assert port["targetPort"] in rendered.ports
    policies = [policy["spec"] for policy in rendered.of("NetworkPolicy")]
    assert any("Egress" in policy["policyTypes"] for policy in policies)
    assert all("egress" not in policy for policy in policies)
    for rule in (rule for policy in policies for rule in policy["ingress"]):
        assert rule["from"]
        assert all(port["port"] in rendered.ports for port in rule["ports"])


def test_the_commands_of_the_readme_make_the_secrets_that_are_asked_for(production: Rendered, tmp_path: Path) -> None:
    """Without a cluster: kubectl shows what it would send. No test runs the commands that apply folders."""
    section = (ROOT / "README.md").read_text().split("### Kubernetes")[1]
    commands = section.split("```sh\n")[1].split("```")[0]
    paths = re.findall(r"deploy/\S+", commands)
    assert len(paths) == 2
    assert all((ROOT / path).exists() for path in paths)

    server, clients = trustme.CA().issue_cert("assay.example.org"), trustme.CA()
    server.cert_chain_pems[0].write_to_path(tmp_path / "server.pem")
    server.private_key_pem.write_to_path(tmp_path / "server.key")
    clients.cert_pem.write_to_path(tmp_path / "clients.pem")
    (tmp_path / "keys").write_text("pipeline\n")
    made = {}
    for command in re.findall(r"kubectl (create secret .*?)(?:  #.*)?\n", commands):
        shown = subprocess.run(
            [KUBECTL, *command.split(), "--dry-run=client", "-o", "yaml"],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
        )
        secret = yaml.safe_load(shown.stdout)
        assert secret["metadata"]["namespace"] == production.deployment["metadata"]["namespace"]
        made[secret["metadata"]["name"]] = set(secret["data"])
    ingress = production.one("Ingress")
    (keys,) = (volume["secret"]["secretName"] for volume in production.pod["volumes"] if "secret" in volume)
    assert made == {
        keys: {Path(production.literal["ASSAY_API_KEYS_FILE"]).name},
        ingress["spec"]["tls"][0]["secretName"]: {"tls.crt", "tls.key"},
        ingress["metadata"]["annotations"][f"{ANNOTATION}auth-tls-secret"].partition("/")[2]: {"ca.crt"},
    }


def test_production_asks_clients_for_certificates(production: Rendered) -> None:
    """As the annotations say it: no controller is here to try them; tests/test_mtls.py tries nginx itself."""
    ingress = production.one("Ingress")
    told = {key.removeprefix(ANNOTATION): value for key, value in ingress["metadata"]["annotations"].items()}
    secret, verified = told["auth-tls-secret"], told["auth-tls-verify-client"]
    assert verified == "on"
    assert secret.partition("/")[0] == ingress["metadata"]["namespace"]
    megabytes = int(told["proxy-body-size"].removesuffix("m"))
    assert megabytes * 2**20 == Settings.from_environment({}).max_body_bytes

    (rule,), (tls,) = ingress["spec"]["rules"], ingress["spec"]["tls"]
    assert tls["hosts"] == [rule["host"]]
    (path,) = rule["http"]["paths"]
    service = production.one("Service")
    assert path["backend"]["service"] == {
        "name": service["metadata"]["name"],
        "port": {"name": service["spec"]["ports"][0]["name"]},
    }


def test_production_lets_in_whoever_ends_tls(production: Rendered) -> None:
    """The controller is named twice, by its class and by the namespace where it runs: the same word by custom."""
    (outside,) = (each for each in production.of("NetworkPolicy") if each["metadata"]["name"] == "assay-from-outside")
    (source,) = outside["spec"]["ingress"][0]["from"]
    (expression,) = source["namespaceSelector"]["matchExpressions"]
    assert production.one("Ingress")["spec"]["ingressClassName"] in expression["values"]


def test_production_names_this_release(production: Rendered) -> None:
    assert production.container["image"].partition(":")[2] == PROJECT["version"]


def test_production_lets_in_those_with_keys(production: Rendered, tmp_path: Path, start_server) -> None:
    """In the environment of the manifest probes answer, and keys that Kubernetes exchanges are those that count."""
    (mount,) = (mount for mount in production.container["volumeMounts"] if mount.get("readOnly"))
    assert production.literal["ASSAY_API_KEYS_FILE"] == f"{mount['mountPath']}/keys"
    assert "subPath" not in mount
    (volume,) = (volume for volume in production.pod["volumes"] if volume["name"] == mount["name"])
    assert volume["secret"] == {"secretName": "assay-keys"}

    port = start_server(**production.settings(tmp_path)).port
    for probe in production.probes.values():
        assert request(port, "GET", probe["httpGet"]["path"]).status == 200

    def asked(key: str) -> int:
        return request(port, headers=JSON | {"Authorization": f"Bearer {key}"}, body=FINE).status

    assert (asked(KEY), asked("assay_other")) == (200, 401)
    keys_file(tmp_path, "assay_other")
    assert (asked(KEY), asked("assay_other")) == (401, 200)
