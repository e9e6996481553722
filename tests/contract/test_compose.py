"""deploy/compose, as far as it can be known without a Docker engine."""

import importlib
import json
import re

import pytest
import yaml
from fixtures.certificates import Authority
from fixtures.compose import (
    CONTAINERS,
    FOLDER,
    JOBS,
    MODULES,
    OWN,
    RAW,
    ROOT,
    SERVICES,
    SYSTEM,
    TEXT,
    environment,
    make_secrets,
    required,
)

from bmt.rights import mongodb_rights
from bmt.rights.kafka_rights import table
from evaluation.ports import Ports
from web.login import BACK_CHANNEL, CALLBACK, SIGNED_OUT
from web.site import ACCOUNT

KAFKA = (*SERVICES, "statistics")

MONGODB = (*SERVICES, "web")

HARD = {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}

SECRET = re.compile(r"PASSWORD|TOKEN|SECRET|_KEY$|_URI$")

BY_DIGEST = re.compile(
    r"    image: ([\w/-]+)@\$\{(\w+)_DIGEST:\?.*\} # (v?\d+\.\d+\.\d+)$", re.MULTILINE
)

REALM = json.loads((FOLDER / "keycloak" / "bmt-realm.json").read_text())

each_container = pytest.mark.parametrize("name", CONTAINERS)


@pytest.fixture(scope="module")
def secrets(tmp_path_factory):
    return make_secrets(tmp_path_factory.mktemp("compose") / "secrets")


@pytest.mark.parametrize("name", MODULES)
def test_a_service_is_told_what_it_must_know_and_nothing_that_it_does_not(
    name, secrets, monkeypatch
):
    settings = importlib.import_module(f"{MODULES[name]}.settings").Settings
    given = {
        key: value for key, value in environment(name, secrets).items() if key.startswith("BMT_")
    }
    monkeypatch.delenv("BMT_ALLOW_HTTP")
    fields = {f"BMT_{field.upper()}": field for field in settings.model_fields}
    for key, value in given.items():
        monkeypatch.setenv(key, value)

    assert {key if key in fields else key.removesuffix("_FILE") for key in given} <= fields.keys()
    settings()


@pytest.mark.parametrize("name", MODULES)
def test_a_service_runs_its_own_module_as_its_own_kafka_and_mongodb_user(name):
    given = environment(name)
    assert CONTAINERS[name]["command"] == ["python", "-m", f"{MODULES[name]}.main"]
    assert given["BMT_HOST"] == "0.0.0.0"
    if name in KAFKA:
        assert given["BMT_KAFKA_USERNAME"] == name
        assert given["BMT_KAFKA_PASSWORD_FILE"] == f"/run/secrets/kafka-{name}"
    if name in MONGODB:
        assert given["BMT_MONGODB_URI_FILE"] == f"/run/secrets/mongodb-{name}"


@each_container
def test_a_container_has_a_health_check_and_comes_back(name):
    container = CONTAINERS[name]
    if name in JOBS:
        awaited = {"condition": "service_completed_successfully"}
        assert any(
            other.get("depends_on", {}).get(name) == awaited for other in CONTAINERS.values()
        )
    else:
        assert container["restart"] == "unless-stopped"
        assert container["healthcheck"].keys() >= {"test", "interval", "timeout", "retries"}


@pytest.mark.parametrize("name", [*MODULES, "reconciliation"])
def test_the_health_check_asks_what_the_process_answers(name):
    asked = CONTAINERS[name]["healthcheck"]["test"][3:]
    assert asked == (["/metrics"] if name in ("statistics", "reconciliation") else [])


@each_container
def test_a_container_may_do_nothing_that_it_need_not(name):
    container = CONTAINERS[name]
    assert {key: container.get(key) for key in HARD} == HARD
    if name in OWN:
        assert container["user"] == "10001:10001"
        assert container["read_only"] is True
        assert container["tmpfs"] == ["/tmp"]


def test_an_image_of_others_is_named_by_its_digest_which_has_to_be_known():
    others = {container["image"] for name, container in RAW.items() if name not in OWN}
    named = {
        f"{image}@${{{name}_DIGEST:?is missing in .env}}"
        for image, name, _ in BY_DIGEST.findall(TEXT)
    }
    assert others == named

    found = (FOLDER / "digests.sh").read_text()
    versions = {f"{name} {image}:{version}" for image, name, version in BY_DIGEST.findall(TEXT)}
    assert versions <= set(found.splitlines())
    bases = re.findall(r"^FROM (python\S*)", (FOLDER / "Dockerfile").read_text(), re.MULTILINE)
    assert set(bases) == {"python@${PYTHON_DIGEST}"}


def test_where_no_image_of_others_can_be_had_ours_stands_in_its_place_as_guarded_as_the_services():
    text = (FOLDER / "embedded.yaml").read_text().replace("!override ", "")
    over = yaml.safe_load(text)["services"]
    assert over.keys() == CONTAINERS.keys() - OWN
    for name, container in over.items():
        if container.get("profiles") == ["monitoring"]:
            continue
        assert container["image"] == "bmt-embedded:0.1.0", name
        assert container["build"]["target"] == "embedded"
        assert container["user"] == "10001:10001"
        assert container["read_only"] is True


@each_container
def test_a_port_is_open_on_loopback_alone(name):
    assert all(port.startswith("127.0.0.1:") for port in CONTAINERS[name].get("ports", []))


@each_container
def test_secrets_are_files(name):
    held = {
        key: value
        for key, value in RAW[name].get("environment", {}).items()
        if SECRET.search(key) and not key.endswith("_FILE")
    }
    assert held == {}
    told = set(re.findall(r"/run/secrets/([\w-]+)", json.dumps(CONTAINERS[name])))
    assert told <= set(CONTAINERS[name].get("secrets", []))


def test_every_secret_is_made_once_and_for_the_containers_alone(secrets):
    made = {file.name: file.read_bytes() for file in secrets.iterdir()}
    assert made.keys() == SYSTEM["secrets"].keys()
    assert made.keys() == {name for each in CONTAINERS.values() for name in each.get("secrets", [])}
    assert len(set(made.values())) == len(made)
    assert all(SYSTEM["secrets"][name] == {"file": f"./secrets/{name}"} for name in made)
    assert secrets.stat().st_mode & 0o077 == 0

    make_secrets(secrets)
    assert {file.name: file.read_bytes() for file in secrets.iterdir()} == made


@each_container
def test_its_log_is_bounded_by_what_docker_and_podman_both_have(name):
    assert CONTAINERS[name]["logging"] == {"driver": "json-file", "options": {"max-size": "10m"}}


@each_container
def test_what_is_mounted_is_there(name):
    for mount in CONTAINERS[name].get("volumes", []):
        source = mount.split(":")[0]
        if source.startswith("."):
            assert (FOLDER / source).exists(), source
            assert mount.endswith(":ro"), mount
        else:
            assert source in SYSTEM["volumes"]


@each_container
def test_what_is_waited_for_can_come(name):
    for other, wait in CONTAINERS[name].get("depends_on", {}).items():
        healthy = wait["condition"] == "service_healthy"
        assert "healthcheck" in CONTAINERS[other] if healthy else other in JOBS


def test_the_example_of_the_environment_names_what_must_be_known_and_gives_none():
    lines = (FOLDER / ".env.example").read_text().splitlines()
    assert {line for line in lines if line and line[0] != "#"} == {
        f"{name}=" for name in required()
    }


def test_services_listen_where_the_embedded_system_has_them():
    ports = {name: str(Ports()[name]) for name in MODULES}
    assert {name: environment(name)["BMT_PORT"] for name in MODULES} == ports
    assert all(
        CONTAINERS[name]["ports"] == [f"127.0.0.1:{ports[name]}:{ports[name]}"] for name in ports
    )


def test_prometheus_finds_every_process():
    targets = json.loads((ROOT / "deploy" / "prometheus" / "targets" / "compose.json").read_text())
    found = {target["labels"]["service"]: target["targets"] for target in targets}
    scraped = (*MODULES, "reconciliation")
    assert found == {name: [f"{name}:{Ports()[name]}"] for name in scraped}


def test_every_user_of_kafka_and_mongodb_gets_a_password():
    kafka = CONTAINERS["kafka"]["secrets"]
    mongodb = CONTAINERS["mongodb-users"]["secrets"]

    assert all(f"kafka-{user}" in kafka for user in table().principals)
    assert all(f"mongodb-{name}" in mongodb for name in mongodb_rights.USERS)


def test_no_client_takes_passwords():
    assert not [one["clientId"] for one in REALM["clients"] if one["directAccessGrantsEnabled"]]
    clients = [client for client in REALM["clients"] if client["standardFlowEnabled"]]
    assert {client["clientId"] for client in clients} == {"bmt-web"}
    for client in clients:
        assert client["attributes"]["pkce.code.challenge.method"] == "S256"


def test_the_realm_has_the_roles_and_claims_of_the_contract():
    users = {user["username"]: user for user in REALM["users"]}

    assert {role["name"] for role in REALM["roles"]["realm"]} == {
        "applicant",
        "administrator",
        "agency_manager",
        "operator",
        "auditor",
        "integrator",
    }
    for client in REALM["clients"]:
        mappers = [mapper["config"] for mapper in client["protocolMappers"]]
        claims = {config["claim.name"] for config in mappers if "claim.name" in config}
        assert claims == {"sub", "email", "agency", "roles"}
        assert [
            (config["included.custom.audience"], config["id.token.claim"])
            for config in mappers
            if "included.custom.audience" in config
        ] == [("bmt-api", "false")]
    assert users["aminah.mampu@mygovuc.gov.my"]["attributes"] == {"agency": ["MAMPU"]}
    assert all(
        user["credentials"][0]["value"] == "${SAMPLE_USERS_PASSWORD}" for user in users.values()
    )


def test_pages_sign_in_with_a_client_of_their_own_that_is_told_when_a_session_ends():
    given = environment("web")
    (client,) = [one for one in REALM["clients"] if one["clientId"] == "bmt-web"]

    assert given["BMT_LOGIN_CLIENT_ID"] == client["clientId"] != "bmt-api"
    assert given["BMT_REQUIRE_AT_JWT"] == client["attributes"]["access.token.header.type.rfc9068"]
    assert client["attributes"]["pkce.code.challenge.method"] == "S256"
    outside, inside = given["BMT_PUBLIC_URL"] + ACCOUNT, f"http://web:{Ports()['web']}{ACCOUNT}"
    assert f"{outside}{CALLBACK}" in client["redirectUris"]
    assert client["attributes"]["post.logout.redirect.uris"] == f"{outside}{SIGNED_OUT}"
    assert client["attributes"]["backchannel.logout.url"] == f"{inside}{BACK_CHANNEL}"
    assert client["attributes"]["backchannel.logout.session.required"] == "true"


def test_every_link_to_a_page_leads_to_the_pages():
    pages = environment("web")["BMT_PUBLIC_URL"]
    assert {environment(name)["BMT_WEB_URL"] for name in SERVICES} == {pages}


def test_the_image_is_made_of_hashed_packages_and_does_not_run_as_root():
    stages = re.split(r"^FROM ", (FOLDER / "Dockerfile").read_text(), flags=re.MULTILINE)[1:]
    named = {stage.split()[2]: stage for stage in stages if " AS " in stage.splitlines()[0]}

    assert all("--require-hashes" in stage for stage in named.values() if "install" in stage)
    assert "USER 10001:10001" in named["service"]
    assert "HEALTHCHECK" in named["service"]
    assert named["evaluation"].startswith("service AS")


def test_what_the_image_copies_is_there_and_not_left_out():
    let_in = {
        line[1:]
        for line in (FOLDER / "Dockerfile.dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    copied = re.findall(r"^COPY (?!--from)(\S+)", (FOLDER / "Dockerfile").read_text(), re.MULTILINE)
    assert copied
    for path in copied:
        assert (ROOT / path).exists()
        assert any(path == entry or path.startswith(f"{entry}/") for entry in let_in), path


PRODUCTION = (FOLDER / "production.yaml").read_text()

GIVEN = re.compile(r"\$\{(\w+):\?[^}]*\}")


def _given(variable):
    return "X-Forwarded-For" if variable.endswith("_HEADER") else f"https://{variable}.example"


class Loader(yaml.SafeLoader):
    """Knows `!reset`, by which compose takes away what another file says."""


Loader.add_constructor("!reset", lambda *_: None)

ADDED = yaml.load(GIVEN.sub(lambda found: _given(found[1]), PRODUCTION), Loader)["services"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("production")
    return make_secrets(folder / "secrets"), Authority(folder, "authorities").file


@pytest.mark.parametrize("name", MODULES)
def test_a_process_talks_to_nobody_in_the_open(name, files, monkeypatch):
    secrets, authorities = files
    told = environment(name, secrets) | ADDED[name]["environment"]
    monkeypatch.delenv("BMT_ALLOW_HTTP")
    for key, value in told.items():
        if key.startswith("BMT_"):
            monkeypatch.setenv(key, value.replace("/etc/bmt/authorities.pem", str(authorities)))

    settings = importlib.import_module(f"{MODULES[name]}.settings").Settings()
    assert list(settings.not_encrypted()) == []


def test_a_gateway_ends_https_and_must_be_asked_for_the_clients_address():
    """Else all people are one client, and anybody's wrong codes at /status/ lock out everybody."""
    wanted = GIVEN.findall(PRODUCTION)
    assert "BMT_CLIENT_ADDRESS_HEADER" in wanted
    serving = set(MODULES) - {"statistics"}
    assert all("BMT_CLIENT_ADDRESS_HEADER" in ADDED[name]["environment"] for name in serving)
    assert all("BMT_TRUSTED_PROXIES" in environment(name) for name in serving)


def test_nothing_of_an_evaluation_runs_and_nothing_waits_for_it():
    stay = {name for name, container in ADDED.items() if "profiles" not in container}
    assert stay == {*MODULES, "pruner", "reconciliation"}
    assert CONTAINERS.keys() - ADDED.keys() == {"prometheus", "grafana"}
    assert all(ADDED[name]["depends_on"] is None for name in stay)
