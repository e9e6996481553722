"""What the containers of deploy/compose run, run here: the same scripts, settings and users.

What their images bring (Kafka's and MongoDB's commands) is made of the embedded parts.
"""

import asyncio
import os
import sys
from functools import partial

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import TopicAuthorizationFailedError
from fixtures.compose import FOLDER, environment, make_secrets

from bmt.chassis.runtime.mongodb import OperationFailure, connect
from bmt.contracts import topics
from bmt.rights.kafka_rights import acls_file
from evaluation import machine
from evaluation.kafka import JVM, _from_archive
from evaluation.machine import java, mongod
from evaluation.ports import any_free_port, listening
from evaluation.supervisor import Program, running

pytestmark = pytest.mark.integration

KAFKA_TOOLS = {
    "kafka-storage.sh": "kafka.tools.StorageTool",
    "kafka-server-start.sh": "kafka.Kafka",
}
MONGODB_ENTRY_POINT = """\
#!/bin/bash
shift
arguments=("${{@/--bind_ip_all/--bind_ip=127.0.0.1}}")
exec {mongod} --dbpath {data} --port {port} --nounixsocket "${{arguments[@]}}"
"""


def executable(file, text):
    file.write_text(text)
    file.chmod(0o755)


async def job(file, variables):
    """Run a container's script to its end, which must be a good one."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, str(FOLDER / file), env={**os.environ, **variables}
    )
    assert await asyncio.wait_for(child.wait(), 60) == 0


@pytest.fixture(scope="module")
def secrets(tmp_path_factory):
    return make_secrets(tmp_path_factory.mktemp("compose") / "secrets")


@pytest.fixture
async def kafka_container(tmp_path, secrets):
    """The container `kafka`; yields how a user comes in from the host."""
    tools, port, host_port = tmp_path / "bin", any_free_port(), any_free_port()
    tools.mkdir()
    for name, main in KAFKA_TOOLS.items():
        options = " ".join((*JVM, *_from_archive()))
        run = f"{java()} {options} -cp '{machine.classpath()}' {main}"
        executable(tools / name, f'#!/bin/bash\nexec {run} "$@"\n')
    given = environment("kafka", secrets) | {
        "KAFKA_BIN": str(tools),
        "KAFKA_DATA": str(tmp_path / "data"),
        "KAFKA_BIND": "127.0.0.1",
        "KAFKA_PORT": str(port),
        "KAFKA_HOST_PORT": str(host_port),
        "KAFKA_CONTROLLER_PORT": str(any_free_port()),
        "KAFKA_ADDRESS": f"127.0.0.1:{port}",
        "KAFKA_HOST_ADDRESS": f"127.0.0.1:{host_port}",
        "BMT_ACLS_FILE": str(acls_file()),
    }
    program = Program(
        name="kafka",
        command=("bash", str(FOLDER / "kafka" / "start.sh")),
        environment=given,
        ready=partial(listening, port),
    )
    async with running(program, tmp_path / "logs"):
        await job(
            "kafka/rights.py",
            environment("kafka-rights", secrets)
            | {name: given[name] for name in ("KAFKA_ADDRESS", "BMT_ACLS_FILE")},
        )
        yield lambda user: {
            "bootstrap_servers": given["KAFKA_HOST_ADDRESS"],
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": user,
            "sasl_plain_password": (secrets / f"kafka-{user}").read_text().strip(),
        }


async def test_kafka_has_its_topics_users_and_rights(kafka_container):
    async with AIOKafkaProducer(**kafka_container("intake")) as intake:
        assert (await intake.send_and_wait(topics.REQUESTS, b"{}")).topic == topics.REQUESTS
    async with AIOKafkaProducer(**kafka_container("hrmis")) as hrmis:
        with pytest.raises(TopicAuthorizationFailedError):
            await hrmis.send_and_wait(topics.REQUESTS, b"{}")


@pytest.fixture
async def mongodb_container(tmp_path, secrets):
    """The container `mongodb`, with the root user that its image makes; yields its address."""
    port, given = any_free_port(), environment("mongodb", secrets)
    data = tmp_path / "data"
    data.mkdir()
    executable(
        tmp_path / "docker-entrypoint.sh",
        MONGODB_ENTRY_POINT.format(mongod=mongod(), data=data, port=port),
    )
    unguarded = (str(mongod()), "--dbpath", str(data), "--port", str(port), "--nounixsocket")
    ready = partial(listening, port)
    async with running(Program("before", unguarded, ready), tmp_path / "logs"):
        client = connect(f"mongodb://127.0.0.1:{port}/?directConnection=true")
        await client.admin.command(
            "createUser",
            given["MONGO_INITDB_ROOT_USERNAME"],
            pwd=(secrets / "mongodb-admin").read_text().strip(),
            roles=["root"],
        )
        client.close()
    start = ("bash", str(FOLDER / "mongodb" / "start.sh"))
    given["PATH"] = f"{tmp_path}:{os.environ['PATH']}"
    async with running(Program("mongodb", start, ready, given), tmp_path / "logs"):
        yield f"127.0.0.1:{port}"


async def test_mongodb_is_a_replica_set_whose_services_own_one_database_each(
    mongodb_container, secrets
):
    given = environment("mongodb-users", secrets) | {"MONGODB_ADDRESS": mongodb_container}
    await job("mongodb/users.py", given)
    await job("mongodb/users.py", given)  # a second start

    uri = (secrets / "mongodb-intake").read_text().replace("mongodb:27017", mongodb_container)
    client = connect(uri)
    await client["bmt_intake"]["commits"].insert_one({"_id": "x"})
    with pytest.raises(OperationFailure, match="not authorized"):
        await client["bmt_approval"]["commits"].find_one()
    client.close()


@pytest.fixture
async def storage_container(tmp_path, secrets):
    """The container `storage`, with its settings written; yields its address."""
    port = any_free_port()
    given = {
        "STORAGE_FOLDER": str(tmp_path),
        "STORAGE_HOST": "127.0.0.1",
        "STORAGE_PORT": str(port),
    }
    await job("storage/settings.py", environment("storage-settings", secrets) | given)
    program = Program(
        name="storage",
        command=(sys.executable, "-m", "copyparty", "-c", str(tmp_path / "copyparty.conf"), "-q"),
        environment={"XDG_CONFIG_HOME": str(tmp_path / "state")},
        ready=partial(listening, port),
        folder=tmp_path,
    )
    async with running(program, tmp_path / "logs"):
        yield f"http://127.0.0.1:{port}"


async def test_storage_knows_its_admin_and_answers_the_health_check(storage_container, secrets):
    password = (secrets / "storage").read_text().strip()
    async with httpx.AsyncClient(base_url=storage_container, trust_env=False) as client:
        assert (await client.get("/?reset=/._")).is_success
        assert (await client.get("/?reload=cfg", auth=("admin", password))).is_success
        assert (await client.get("/?reload=cfg", auth=("admin", "guessed"))).status_code == 403


@pytest.fixture
async def ipms_container(tmp_path, secrets):
    """The container `ipms`; yields its address."""
    port = any_free_port()
    given = {
        "IPMS_PORT": str(port),
        "IPMS_JOURNAL": str(tmp_path / "accounts.jsonl"),
        "IPMS_ACCOUNTS": str(FOLDER.parents[1] / "examples" / "accounts.yaml"),
    }
    program = Program(
        name="ipms",
        command=(sys.executable, str(FOLDER / "ipms" / "serve.py")),
        environment=environment("ipms", secrets) | given,
        ready=partial(listening, port),
    )
    async with running(program, tmp_path / "logs"):
        yield f"http://127.0.0.1:{port}/v2"


async def test_ipms_serves_the_sample_accounts_to_who_knows_the_token(ipms_container, secrets):
    token = (secrets / "ipms-token").read_text().strip()
    async with httpx.AsyncClient(base_url=ipms_container, trust_env=False) as client:
        assert (await client.get("/ServiceProviderConfig")).is_success
        assert (await client.get("/Users")).status_code == 401
        known = await client.get("/Users", headers={"Authorization": f"Bearer {token}"})
    assert known.json()["totalResults"] > 0
