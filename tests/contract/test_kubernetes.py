"""deploy/kubernetes, as far as it can be known without a cluster."""

import importlib
import json
import os
import re
import runpy
import shutil
import subprocess
import sys

import pytest
import yaml
from fixtures.certificates import Authority
from fixtures.compose import CONTAINERS, MODULES, make_secrets
from fixtures.compose import environment as composed
from fixtures.kubernetes import (
    BASE,
    ENTRY_POINTS,
    FOLDER,
    JOBS,
    OVERLAYS,
    PODS,
    PROCESSES,
    ROOT,
    TEMPLATES,
    containers,
    environment,
    kustomization,
    of_kind,
    resources,
    secrets_of_script,
    settings_of,
)

from bmt.agencies import register
from bmt.rights import mongodb_rights
from bmt.rights.kafka_rights import table

SERVING = MODULES.keys() - {"statistics"}
NAME = "app.kubernetes.io/name"
VALIDATE = ROOT / "tools" / "manifests" / "validate.py"
MADE = runpy.run_path(str(VALIDATE))["TOOLS"]
"""Where `make manifests` puts its tools."""
KUSTOMIZE = (
    shutil.which("kustomize") or shutil.which("kubectl") or shutil.which("kustomize", path=MADE)
)

each_process = pytest.mark.parametrize("name", MODULES)
each_pod = pytest.mark.parametrize("name", PODS)
each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The folders of the secrets, and of what is mounted at /etc/bmt."""
    folder = tmp_path_factory.mktemp("kubernetes")
    Authority(folder, "authorities").file.rename(folder / "authorities.pem")
    return make_secrets(folder / "secrets"), folder


def variables(name):
    (container,) = PODS[name]["containers"]
    return {each["name"]: each.get("value") for each in container["env"]}


@each_overlay
@each_process
def test_a_process_has_the_settings_that_it_needs_and_talks_to_nobody_in_the_open(
    name, overlay, files, monkeypatch
):
    secrets, folder = files
    monkeypatch.delenv("BMT_ALLOW_HTTP", raising=False)
    for key, value in environment(name, overlay, secrets, folder).items():
        monkeypatch.setenv(key, value)

    settings = importlib.import_module(f"{MODULES[name]}.settings").Settings()
    assert list(settings.not_encrypted()) == []
    assert settings.host == "0.0.0.0"


@each_process
def test_a_process_is_told_what_compose_tells_it(name):
    (container,) = PODS[name]["containers"]
    assert container["command"] == CONTAINERS[name]["command"]
    there, here = composed(name), variables(name)
    assert {key for key in there if key.endswith("_FILE")} - here.keys() <= {"BMT_AGENCIES_FILE"}
    assert all(there[key] == value for key, value in here.items() if value is not None)


@pytest.mark.parametrize("name", ["reconciliation", "prune"])
def test_a_command_is_the_one_that_compose_runs(name):
    (container,) = PODS[name]["containers"]
    there = CONTAINERS["pruner" if name == "prune" else name]
    assert container["command"] == there["command"][: len(container["command"])]
    assert variables(name).items() <= there["environment"].items()


@each_overlay
def test_every_variable_is_a_setting(overlay):
    page = (ROOT / "docs" / "settings.md").read_text()
    known = set(re.findall(r"`(BMT_\w+)`", page))
    own = {
        each["name"]
        for pod in PODS.values()
        for container in containers(pod)
        for each in container["env"]
    }
    told = own | settings_of(overlay).keys()
    assert told
    assert {key for key in told if key not in known} <= {f"{one}_FILE" for one in known}


@each_overlay
def test_no_secret_stands_among_the_settings(overlay):
    page = (ROOT / "docs" / "settings.md").read_text()
    secret = set(re.findall(r"`(BMT_\w+)` \|[^|]*\| secret", page))
    assert "BMT_MONGODB_URI" in secret
    assert secret.isdisjoint(settings_of(overlay))


@each_overlay
def test_the_agencies_are_such_as_the_services_read(overlay):
    assert register.read(FOLDER / "overlays" / overlay / "agencies.yaml")


@each_pod
def test_a_pod_keeps_to_the_restricted_standard(name):
    pod = PODS[name]
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "fsGroup": 10001,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    for container in containers(pod):
        assert container["securityContext"] == {
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }
    (namespace,) = of_kind("Namespace").values()
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@each_pod
def test_a_container_is_of_the_one_image_and_has_requests_and_limits(name):
    for container in containers(PODS[name]):
        assert container["image"] == "bmt"
        for bound in ("requests", "limits"):
            assert container["resources"][bound].keys() == {"cpu", "memory", "ephemeral-storage"}


@each_overlay
def test_an_overlay_says_which_image_and_never_the_latest(overlay):
    (image,) = kustomization(FOLDER / "overlays" / overlay)["images"]
    assert image["name"] == "bmt"
    assert image.get("digest") or image["newTag"] not in ("", "latest")


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_is_asked_whether_it_lives_and_is_not_taken_away_for_what_it_waits_for(name):
    (container,) = PODS[name]["containers"]
    asked = {
        probe: container[f"{probe}Probe"]["httpGet"]
        for probe in ("startup", "readiness", "liveness")
    }
    (port,) = container["ports"]
    assert str(port["containerPort"]) == variables(name)["BMT_PORT"]
    assert {get["port"] for get in asked.values()} == {port["name"]}
    path = ("/readyz", "/healthz") if name in SERVING else ("/metrics", "/metrics")
    assert asked["startup"]["path"] == path[0]
    assert asked["readiness"]["path"] == asked["liveness"]["path"] == path[1]


@each_pod
def test_every_secret_file_is_in_the_secret_that_is_mounted(name):
    pod, made = PODS[name], secrets_of_script()
    (secret,) = [volume["secret"] for volume in pod["volumes"] if "secret" in volume]
    told = set(re.findall(r"/run/secrets/([\w-]+)", json.dumps(containers(pod))))
    assert told <= made[secret["secretName"]]
    if secret["secretName"] == "administrator":
        told |= {f"mongodb-{user}" for user in mongodb_rights.USERS}
    assert told == made[secret["secretName"]]


def test_the_store_of_secrets_gives_what_the_script_would_make():
    given = {
        each["metadata"]["name"]: {one["secretKey"] for one in each["spec"]["data"]}
        for each in resources(FOLDER / "external-secrets")
    }
    assert given == secrets_of_script()


def test_kafkas_users_come_in_with_the_passwords_that_the_store_has():
    data = list(resources(FOLDER / "data"))
    (kept,) = [
        {one["secretKey"] for one in each["spec"]["data"]}
        for each in data
        if each["metadata"]["name"] == "kafka-passwords"
    ]
    asked = {
        each["metadata"]["name"]: each["spec"]["authentication"]["password"]["valueFrom"]
        for each in data
        if each["kind"] == "KafkaUser"
    }
    assert asked.keys() == {*table().principals, "admin"}
    for user, source in asked.items():
        wanted = {"name": "kafka-passwords", "key": f"kafka-{user}"}
        assert source == {"secretKeyRef": wanted}
    assert kept == {f"kafka-{user}" for user in asked}


@each_pod
def test_what_is_mounted_is_there(name):
    pod = PODS[name]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    for container in containers(pod):
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes.keys()
        assert container["envFrom"] == [{"configMapRef": {"name": "settings"}}]
    claims = of_kind("PersistentVolumeClaim")
    claimed = [
        volume["persistentVolumeClaim"]["claimName"]
        for volume in volumes.values()
        if "persistentVolumeClaim" in volume
    ]
    assert set(claimed) <= claims.keys()
    sources = {source["configMap"]["name"] for source in volumes["files"]["projected"]["sources"]}
    folders = [FOLDER / "base", ROOT / "deploy" / "kafka", FOLDER / "overlays" / "agency"]
    made = {
        each["name"] for folder in folders for each in kustomization(folder)["configMapGenerator"]
    }
    assert sources <= made


def test_every_file_that_a_kustomization_names_is_there_and_every_manifest_is_named():
    named = set()
    for file in FOLDER.rglob("kustomization.yaml"):
        found = kustomization(file.parent)
        entries = [*found.get("resources", ()), *found.get("components", ())]
        for generator in found.get("configMapGenerator", ()):
            entries += [*generator.get("files", ()), *generator.get("envs", ())]
        for entry in entries:
            path = (file.parent / entry).resolve()
            assert path.exists(), f"{file}: {entry}"
            named.add(path)
    manifests = {file for file in FOLDER.rglob("*.yaml") if file.name != "kustomization.yaml"}
    assert manifests <= named


def test_statistics_run_where_faust_may_make_its_folder():
    (container,) = PODS["statistics"]["containers"]
    writable = {
        mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")
    }
    assert container["workingDir"] in writable
    assert CONTAINERS["statistics"]["working_dir"] in CONTAINERS["statistics"]["tmpfs"]


def test_nobody_reaches_anybody_unless_a_policy_says_so():
    policies = of_kind("NetworkPolicy")
    assert policies["default-deny"]["spec"] == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
    }


def _selected(policy):
    selector = policy["spec"]["podSelector"]
    if not selector:
        return set(TEMPLATES)
    (expression,) = selector.get("matchExpressions", [None])
    return set(expression["values"]) if expression else {selector["matchLabels"][NAME]}


@pytest.mark.parametrize(
    ("policy", "variable"), [("kafka", "BMT_KAFKA_USERNAME"), ("mongodb", "BMT_MONGODB_URI_FILE")]
)
def test_whoever_has_an_address_of_kafka_or_mongodb_gets_there_and_nobody_else(policy, variable):
    asks = {name for name in PODS if variable in variables(name)}
    assert _selected(of_kind("NetworkPolicy")[policy]) == asks


@pytest.mark.parametrize("name", PROCESSES)
def test_a_service_leads_to_its_process_under_the_port_that_compose_gives_it(name):
    service = of_kind("Service")[name]["spec"]
    assert service["selector"] == TEMPLATES[name]["metadata"]["labels"] == {NAME: name}
    (port,) = service["ports"]
    assert str(port["port"]) == CONTAINERS[name]["environment"]["BMT_PORT"]
    assert port["targetPort"] == "http"


def test_what_runs_by_itself_is_what_compose_runs():
    own = {name for name, each in CONTAINERS.items() if each.get("image", "").startswith("bmt:")}
    jobs = {"kafka-rights", "mongodb-users", "pruner"}
    assert PROCESSES.keys() == own - jobs
    assert JOBS.keys() == {"prepare", "prune", "backup", "operator"}
    assert JOBS["operator"]["spec"]["suspend"] is True


def test_prometheus_has_the_rules_of_the_repository():
    written = runpy.run_path(str(FOLDER / "monitoring" / "rules.py"))
    assert written["FILE"].read_text() == written["text"]()


def test_prometheus_knows_processes_by_the_names_of_the_rules():
    (monitor,) = [
        each for each in resources(FOLDER / "monitoring") if each["kind"] == "ServiceMonitor"
    ]
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["honorLabels"] is True
    assert {"targetLabel": "job", "replacement": "bmt"} in endpoint["relabelings"]
    assert {one["targetLabel"] for one in endpoint["relabelings"]} == {"job", "service"}


def test_more_processes_come_where_kafka_has_more_and_never_more_than_partitions():
    national = list(resources(FOLDER / "overlays" / "national"))
    scaled = {
        each["metadata"]["name"]: each["spec"]
        for each in national
        if each["kind"] == "ScaledObject"
    }
    groups = {name: each.group for name, each in table().principals.items() if each.group}
    del groups["statistics"]
    assert {
        name: spec["triggers"][0]["metadata"]["consumerGroup"] for name, spec in scaled.items()
    } == groups
    partitions = min(topic.partitions for topic in table().topics.values())
    assert all(
        1 < spec["minReplicaCount"] <= spec["maxReplicaCount"] <= partitions
        for spec in scaled.values()
    )
    spared = {
        each["metadata"]["name"] for each in national if each["kind"] == "PodDisruptionBudget"
    }
    assert spared == {*scaled, "web"}


def test_a_resource_has_one_place():
    for entry in ENTRY_POINTS:
        names = [(each["kind"], each["metadata"]["name"]) for each in resources(FOLDER / entry)]
        assert len(set(names)) == len(names)
    assert len(BASE) > len(PODS)


def _named(node, key):
    """Every value of `key`, wherever it stands."""
    if isinstance(node, dict):
        found = [node[key]] if key in node else []
        return found + [each for value in node.values() for each in _named(value, key)]
    if isinstance(node, list):
        return [each for value in node for each in _named(value, key)]
    return []


def _has(made, written):
    """Whether a rendered node has what is written, beside what kustomize adds to it."""
    if isinstance(written, dict):
        return all(key in made and _has(made[key], value) for key, value in written.items())
    if isinstance(written, list):
        return len(made) == len(written) and all(map(_has, made, written))
    hashed = isinstance(written, str) and re.fullmatch(rf"{re.escape(written)}-\w{{10}}", str(made))
    return made == written or bool(hashed) or (written == "bmt" and "/bmt" in made)


@pytest.mark.skipif(not KUSTOMIZE, reason="no kustomize here: `make manifests` makes it")
@pytest.mark.parametrize("entry", ENTRY_POINTS)
def test_kustomize_makes_of_it_what_is_tested_here(entry):
    build = "build" if KUSTOMIZE.endswith("/kustomize") else "kustomize"
    done = subprocess.run(
        [KUSTOMIZE, build, str(FOLDER / entry)], capture_output=True, text=True, check=True
    )
    made = {
        (each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(done.stdout)
    }
    patched = ("Ingress", "PersistentVolumeClaim")
    for each in resources(FOLDER / entry):
        if each["kind"] not in patched:
            place = each["kind"], each["metadata"]["name"]
            assert _has(made[place], each), place
    settings = {name for kind, name in made if kind == "ConfigMap"}
    assert {one["name"] for one in _named(list(made.values()), "configMapRef")} <= settings
    assert {one["name"] for one in _named(list(made.values()), "configMap")} <= settings
    images = _named(list(made.values()), "image")
    assert all(re.search(r"/bmt(:\d|@sha256:)", image) for image in images)


def test_kubernetes_and_its_operators_know_every_field():
    """With the tools and schemas that `make manifests` brought here: nothing is fetched."""
    if not (shutil.which("go") and shutil.which("kubeconform", path=MADE)):
        pytest.skip("no Go or no kubeconform here: `make manifests` makes the latter")
    done = subprocess.run(
        [sys.executable, str(VALIDATE)],
        env={**os.environ, "GOPROXY": "off", "GOTOOLCHAIN": "local"},
        capture_output=True,
        text=True,
        check=False,
    )
    if lacks := re.search(r".*(GOPROXY=off|GOTOOLCHAIN=local).*", done.stderr):
        pytest.skip(f"`make manifests` must fetch first: {lacks[0]}")
    assert done.returncode == 0, done.stderr
