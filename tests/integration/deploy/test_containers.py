"""deploy/compose with embedded.yaml, started for real where Docker or podman is at hand with the Python image.

Nothing is pulled: all images are made here. Everything is looked at from outside.
"""

import json
import os
import re
import shutil
import subprocess
import uuid
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from eventually import eventually, eventually_in_this_thread
from fixtures import containers
from fixtures.compose import CONTAINERS, FOLDER, JOBS, OWN, ROOT, make_secrets, required
from fixtures.kafka import administering, make_topics
from fixtures.thoroughness import only_long
from packaging.utils import canonicalize_name

from bmt.chassis.runtime.mongodb import connect
from evaluation.ports import any_free_port

pytestmark = [pytest.mark.integration, only_long]

PYTHON = "python:3.12-slim-bookworm"
IMAGES = {"service": "bmt", "evaluation": "bmt-evaluation", "embedded": "bmt-embedded"}
ABSENT = {"prometheus", "grafana"}
PORTS = {"intake": 8101, "approval": 8102, "notification": 8104, "records": 8105}
"""What is called from outside: on ports that are free, as the evaluation may have its own."""
RUNNING = sorted(CONTAINERS.keys() - JOBS - ABSENT)
PARTS = sorted({*RUNNING} - OWN - {"storage"} | {"ipms"})
APPLICATION = {
    "kind": "application",
    "agency": "MAMPU",
    "channel": "form",
    "applicant": {
        "account": "siti.mampu@mygovuc.gov.my",
        "name": "Siti Nurhaliza binti Ahmad",
        "email": "siti.mampu@mygovuc.gov.my",
    },
    "reply_through": "letter",
    "justification": "Menghantar lukisan kejuruteraan.",
}
PATIENCE = 300.0


def answers(*command):
    return (
        shutil.which(command[0])
        and not subprocess.run(command, check=False, capture_output=True).returncode
    )


def said(*command, **options):
    """What a command prints; it must end well."""
    ended = subprocess.run(command, check=False, capture_output=True, text=True, **options)
    assert ended.returncode == 0, (
        f"{' '.join(command)}\n{ended.stdout[-2000:]}{ended.stderr[-2000:]}"
    )
    return ended.stdout.strip()


@pytest.fixture(scope="module")
def engine():
    for name in ("docker", "podman"):
        if answers(name, "info"):
            return name
    pytest.skip("neither docker nor podman answers")


@pytest.fixture(scope="module")
def images(engine):
    """The three of them, made of this checkout."""
    if not answers(engine, "image", "inspect", PYTHON):
        pytest.skip(f"{engine} has no image {PYTHON}: deploy/compose/digests.sh pulls it")
    named = said(engine, "image", "inspect", "--format", "{{index .RepoDigests 0}}", PYTHON)
    digest = named.partition("@")[2]
    for target in IMAGES:
        said(
            str(FOLDER / "image.sh"),
            target,
            env={**os.environ, "DOCKER": engine, "PYTHON_DIGEST": digest},
        )
    return {"PYTHON_DIGEST": digest}


@pytest.fixture(scope="module")
def compose(engine, images, tmp_path_factory):
    """`compose("exec", "mail", ...)` and `compose.container("mail")`, its id, where all of it runs."""
    tool = next(
        (each for each in ((engine, "compose"), ("podman-compose",)) if answers(*each, "version")),
        None,
    )
    if tool is None:
        pytest.skip(f"no {engine} compose and no podman-compose")
    root = tmp_path_factory.mktemp("compose")
    for folder in ("deploy", "examples"):
        shutil.copytree(
            ROOT / folder, root / folder, ignore=shutil.ignore_patterns("secrets", ".env")
        )
    folder = root / "deploy" / "compose"
    make_secrets(folder / "secrets")
    known = dict.fromkeys(required(), "none") | images
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in known.items()))
    ports = {name: f"{any_free_port()}:{PORTS[name]}" for name in PORTS}
    published = {
        name: [f"127.0.0.1:{ports[name]}"] if name in ports else []
        for name, container in CONTAINERS.items()
        if "ports" in container
    }
    lines = (f"  {name}: {{ports: !override {json.dumps(it)}}}" for name, it in published.items())
    (folder / "ports.yaml").write_text("\n".join(("services:", *lines)))
    project = f"bmt-test-{uuid.uuid4().hex[:8]}"

    def run(*arguments):
        files = ("-f", "compose.yaml", "-f", "embedded.yaml", "-f", "ports.yaml")
        return said(*tool, *files, "-p", project, *arguments, cwd=folder)

    def container(service):
        labels = {"project": project, "service": service}
        filters = (f"--filter=label=com.docker.compose.{key}={it}" for key, it in labels.items())
        return said(engine, "ps", "--all", "--quiet", *filters)

    run.container = container
    run.urls = {
        name: f"http://127.0.0.1:{port.partition(':')[0]}/v1" for name, port in ports.items()
    }
    try:
        for services in (PARTS, JOBS, RUNNING):  # by hand: podman 4.3 starts no chain of three
            run("up", "--detach", "--no-build", "--no-deps", *services)
            for job in JOBS.intersection(services):
                said(engine, "wait", run.container(job))
        yield run
    finally:
        run("down", "--volumes")


@pytest.mark.parametrize("service", RUNNING)
def test_its_health_check_finds_it_well(engine, compose, service):
    def well():
        if engine == "podman":  # whose timers are systemd's
            said(engine, "healthcheck", "run", compose.container(service))
        else:
            state = "{{.State.Health.Status}}"
            assert (
                said(engine, "inspect", "--format", state, compose.container(service)) == "healthy"
            )

    eventually_in_this_thread(well, PATIENCE)


async def test_an_application_goes_from_the_form_to_its_letter_and_the_file(compose):
    token = compose(
        *("exec", "-T", "keycloak", "python", "/etc/bmt/issuer.py"),
        *("administrator", "MAMPU", "aminah.mampu@mygovuc.gov.my"),
    )
    headers = {"Authorization": f"Bearer {token.splitlines()[-1]}"}
    async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=60) as client:

        async def post(service, path, body):
            key = {"Idempotency-Key": uuid.uuid4().hex}
            answer = await client.post(compose.urls[service] + path, json=body, headers=key)
            assert answer.is_success, answer.text
            return answer.json()

        async def get(service, path):
            answer = await client.get(compose.urls[service] + path)
            assert answer.is_success, answer.text
            return answer

        async def status(*expected):
            told = (await get("intake", f"/requests/{request}")).json()["status"]
            assert told in expected, told

        request = (await post("intake", "/requests", APPLICATION))["request_id"]
        await eventually(lambda: get("approval", f"/requests/{request}"), PATIENCE)
        await post("approval", f"/requests/{request}/decision", {"decision": "approve"})
        await eventually(lambda: status("configured"), PATIENCE)

        async def letters():
            items = (await get("notification", f"/requests/{request}/notifications")).json()[
                "items"
            ]
            assert {item["about"] for item in items} == {"acknowledgement", "configured"}
            return items

        for letter in await eventually(letters, PATIENCE):
            path = f"/notifications/{letter['notification_id']}"
            assert (await get("notification", f"{path}/document")).content.startswith(b"%PDF-")
            await post("notification", f"{path}/dispatch", {})
        await eventually(lambda: status("filed"), PATIENCE)
        file = (await get("records", f"/records/{request}")).json()
        types = [event["type"].split(".")[3] for event in file["events"]]
        assert types[0] == "RequestReceived"
        assert types.count("Notified") == 2


@pytest.mark.parametrize("service", RUNNING)
def test_it_runs_as_nobody_who_may_do_anything(engine, compose, service):
    state = said(engine, "exec", compose.container(service), "cat", "/proc/1/status")
    told = dict(line.split(":\t", 1) for line in state.splitlines() if ":\t" in line)
    assert told["CapEff"] == told["CapBnd"] == "0" * 16
    assert told["NoNewPrivs"] == "1"
    if service in OWN and not CONTAINERS[service].get("init"):  # else an init of the engine's
        assert told["Uid"].split()[0] == "10001"
    (about,) = json.loads(said(engine, "inspect", compose.container(service)))
    assert about["HostConfig"]["ReadonlyRootfs"]


def test_the_image_says_which_commit_it_is_of_and_what_it_holds(engine, images):
    image = f"bmt:{CONTAINERS['intake']['image'].partition(':')[2]}"
    (about,) = json.loads(said(engine, "image", "inspect", image))
    labels = about["Config"]["Labels"]
    revision = said("git", "rev-parse", "HEAD", cwd=ROOT)
    assert labels["org.opencontainers.image.revision"].removesuffix("-dirty") == revision
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"

    bill = json.loads(said(engine, "run", "--rm", image, "cat", "/usr/share/bmt/sbom.cdx.json"))
    held = {(canonicalize_name(each["name"]), each["version"]) for each in bill["components"]}
    lock = (ROOT / "locks" / "services.txt").read_text()
    assert len(held) > 80
    assert held <= set(re.findall(r"^([\w.-]+)==([^\s;]+)", lock, re.MULTILINE))


async def test_tests_take_kafka_and_mongodb_from_containers(engine, images, monkeypatch, tmp_path):
    version = CONTAINERS["intake"]["image"].partition(":")[2]
    for name in ("KAFKA_IMAGE", "MONGODB_IMAGE"):
        monkeypatch.setattr(containers, name, f"bmt-embedded:{version}")
    monkeypatch.setenv("TESTCONTAINERS_RYUK_DISABLED", "true")  # an image of its own
    with ExitStack() as ended:
        if engine == "podman":
            socket = f"unix://{tmp_path}/podman.sock"
            monkeypatch.setenv("DOCKER_HOST", socket)
            ended.enter_context(_answering(socket))
        bootstrap_servers = ended.enter_context(containers.kafka())
        uri = ended.enter_context(containers.mongodb())
        assert bootstrap_servers
        assert uri
        async with administering({"bootstrap_servers": bootstrap_servers}) as admin:
            assert await make_topics(admin, "test.", ["one"], 3)
        client = connect(uri)
        await client["test"]["one"].insert_one({"_id": 1})
        client.close()


@contextmanager
def _answering(socket):
    """Podman, as an engine that Docker's clients know."""
    service = subprocess.Popen(["podman", "system", "service", "--time=0", socket])

    def answers():
        assert Path(socket.removeprefix("unix://")).exists()

    try:
        eventually_in_this_thread(answers, PATIENCE)
        yield
    finally:
        service.terminate()
        service.wait()
