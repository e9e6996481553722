"""Kafka and MongoDB over TLS, as in production: a service runs on them, and trusts nobody whom it was not told of."""

import asyncio
import json
import os
import shutil
import signal
import ssl
import sys
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
from aiokafka import AIOKafkaConsumer
from eventually import eventually
from fixtures.certificates import Authority
from fixtures.kafka import KafkaServer, embedded_kafka
from fixtures.mongodb import embedded_mongodb
from fixtures.outside import application
from fixtures.service import AGENCIES_FILE
from fixtures.thoroughness import only_long

from bmt.chassis.errors import BrokerUnavailable, StoreUnavailable
from bmt.chassis.messaging.kafka_client import KafkaPublisher
from bmt.chassis.runtime import mongodb
from bmt.chassis.runtime.settings import tls_context
from bmt.contracts import topics
from bmt.integrator import Connection, Integrator, Unreachable
from evaluation import machine, ports
from evaluation.kafka import Kafka
from evaluation.mongodb import MongoDB
from evaluation.supervisor import Program, running
from services.approval.main import build
from services.approval.settings import Settings

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
SERVER = """\
listener.name.clients.ssl.keystore.type=PEM
listener.name.clients.ssl.keystore.location={certificate}
listener.name.clients.ssl.truststore.type=PEM
listener.name.clients.ssl.truststore.location={authority}
"""


@dataclass(frozen=True)
class KafkaWithTls(Kafka):
    authority: Authority | None = None

    def settings(self, number, data):
        certificate = self.authority.certificate("kafka")
        said = super().settings(number, data)
        return said.replace("CLIENTS:SASL_PLAINTEXT", "CLIENTS:SASL_SSL") + SERVER.format(
            certificate=certificate, authority=self.authority.file
        )

    def options(self, user="admin"):
        return {
            **super().options(user),
            "security_protocol": "SASL_SSL",
            "ssl_context": tls_context("TEST", self.authority.file, None),
        }


@dataclass(frozen=True)
class MongodbWithTls(MongoDB):
    authority: Authority | None = None
    ours: Path | None = None

    def program(self):
        own = self.authority.certificate("mongodb")
        without = super().program()
        options = ("--tlsMode", "requireTLS", "--tlsCertificateKeyFile", str(own))
        return replace(
            without, command=(*without.command, *options, "--tlsCAFile", str(self.authority.file))
        )

    def uri(self, user="admin"):
        return f"{super().uri(user)}&{self._tls}"

    def direct_uri(self, user, port):
        return f"{super().direct_uri(user, port)}&{self._tls}"

    @property
    def _tls(self):
        return f"tls=true&tlsCAFile={self.authority.file}&tlsCertificateKeyFile={self.ours}"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"), "ours")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger")


@pytest.fixture(scope="module")
async def broker(tmp_path_factory, authority):
    folder = tmp_path_factory.mktemp("kafka-tls")
    plain = embedded_kafka(folder)
    part = KafkaWithTls(**vars(plain), authority=authority)
    async with running(part.program(), folder / "logs"):
        yield part


@pytest.fixture(scope="module")
async def database(tmp_path_factory, authority):
    folder = tmp_path_factory.mktemp("mongodb-tls")
    plain = embedded_mongodb(folder)
    ours = authority.certificate("test")
    part = MongodbWithTls(**vars(plain), authority=authority, ours=ours)
    async with running(part.program(), folder / "logs"):
        yield part


@pytest.fixture
def settings(broker, database, authority, local_issuer):
    """`settings(**others)`: those of approval, which came to trust `authority` and has a certificate of it."""

    def made(**others):
        given = {
            "port": 1,
            "kafka_bootstrap_servers": broker.bootstrap_servers,
            "kafka_security_protocol": "SASL_SSL",
            "kafka_sasl_mechanism": "SCRAM-SHA-512",
            "kafka_username": "approval",
            "kafka_password": broker.passwords["approval"],
            "kafka_ca_file": authority.file,
            "mongodb_uri": MongoDB.uri(database, "approval"),
            "mongodb_ca_file": authority.file,
            "mongodb_certificate_file": authority.certificate("approval"),
            "issuer": local_issuer.url,
            "agencies_file": AGENCIES_FILE,
        }
        return Settings(**given | others)

    return made


async def test_a_service_runs_on_both(settings):
    app = build(settings())
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client,
    ):

        async def ready():
            answer = await client.get("/readyz")
            assert answer.status_code == 200, answer.text

        await eventually(ready, 20)


async def test_a_kafka_that_a_stranger_vouches_for_is_not_spoken_to(settings, stranger):
    publisher = KafkaPublisher(settings(kafka_ca_file=stranger.file).kafka_client_options())
    with pytest.raises(BrokerUnavailable):
        await publisher.reachable()
    await publisher.close()


@pytest.mark.parametrize("lacking", ["its authority", "our certificate"])
async def test_a_mongodb_is_not_spoken_to_where_either_side_does_not_trust_the_other(
    settings, stranger, lacking
):
    wrong = (
        {"mongodb_ca_file": stranger.file}
        if lacking == "its authority"
        else {"mongodb_certificate_file": stranger.certificate("approval")}
    )
    given = settings(**wrong)
    client = mongodb.connect(given.mongodb_uri.get_secret_value(), **given.mongodb_tls())
    with pytest.raises(StoreUnavailable):
        await mongodb.reachable(client["bmt_approval"])
    client.close()


@pytest.fixture
async def elsewhere(authority):
    """The port of a server whose certificate, of the authority that is trusted, is for another address; whom it spoke to."""
    spoken_to = []

    async def speaks(_, writer):
        spoken_to.append(True)
        writer.close()

    own = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    own.load_cert_chain(authority.certificate("elsewhere", "127.0.0.2"))
    async with await asyncio.start_server(speaks, "127.0.0.1", 0, ssl=own) as server:
        yield server.sockets[0].getsockname()[1], spoken_to


async def test_nobody_is_spoken_to_whose_certificate_is_for_another_address(settings, elsewhere):
    port, spoken_to = elsewhere
    given = settings(
        kafka_bootstrap_servers=f"127.0.0.1:{port}",
        mongodb_uri=f"mongodb://127.0.0.1:{port}/?directConnection=true",
        mongodb_certificate_file=None,
    )
    publisher = KafkaPublisher(given.kafka_client_options())
    with pytest.raises(BrokerUnavailable):
        await publisher.reachable()
    await publisher.close()
    client = mongodb.connect(given.mongodb_uri.get_secret_value(), **given.mongodb_tls())
    with pytest.raises(StoreUnavailable):
        await mongodb.reachable(client["bmt_approval"])
    client.close()
    assert spoken_to == []


async def test_the_statistics_run_over_tls_too(broker, authority, tmp_path):
    port = ports.any_free_port()
    without = {
        name: value for name, value in broker.options("statistics").items() if "ssl" not in name
    }

    async def ready():
        return await ports.listening(port)

    program = Program(
        name="statistics",
        command=(sys.executable, "-m", "services.records.statistics.main"),
        ready=ready,
        environment={
            **KafkaServer(without).environment,
            "BMT_KAFKA_CA_FILE": str(authority.file),
            "BMT_PORT": str(port),
        },
        folder=ROOT,
    )
    async with running(program, tmp_path / "logs"):
        assert await ready()


@pytest.mark.parametrize("known", [True, False])
async def test_integrators_trust_the_authority_that_they_name_alone(hrmis, stranger, known):
    connection = Connection.read(hrmis)
    if not known:
        connection = connection.model_copy(update={"ca_file": stranger.file})
    body = application(channel=..., source_reference="HR/1")
    async with Integrator(connection) as integrator:
        with nullcontext() if known else pytest.raises(Unreachable):
            await integrator.submit(body, "HR-1")


EXAMPLES = ROOT / "examples" / "integrator"
SECONDS_TO_PUBLISH = 300
"""Patience with a compiler on a busy machine."""


@pytest.fixture
def hrmis(broker, authority, tmp_path):
    """The connection file of the sample integrator, over TLS."""
    connection = {
        "integrator": "hrmis",
        "bootstrap_servers": broker.bootstrap_servers,
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "username": "hrmis",
        "password": broker.passwords["hrmis"],
        "ca_file": str(authority.file),
    }
    file = tmp_path / "hrmis.json"
    file.write_text(json.dumps(connection))
    return file


def commands(folder):
    return {
        "submit.py": (sys.executable, EXAMPLES / "submit.py"),
        "publish.py": (sys.executable, EXAMPLES / "publish.py"),
        "publish.mjs": ("node", folder / "publish.mjs"),
        "Publish.java": ("java", "-cp", machine.classpath(), EXAMPLES / "java" / "Publish.java"),
        "main.go": ("go", "run", "-C", EXAMPLES / "go", "."),
    }


@pytest.mark.parametrize(
    "example",
    [
        "submit.py",
        "publish.py",
        *(
            pytest.param(each, marks=only_long)
            for each in ("publish.mjs", "Publish.java", "main.go")
        ),
    ],
)
async def test_the_examples_of_integrators_publish_over_tls(broker, hrmis, tmp_path, example):
    command = commands(tmp_path)[example]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]}: not on this machine")
    if example == "publish.mjs":
        shutil.copytree(EXAMPLES / "javascript", tmp_path, dirs_exist_ok=True)
        options = ("--ignore-scripts", "--no-audit", "--no-fund")
        fetching = await asyncio.create_subprocess_exec("npm", "ci", *options, cwd=tmp_path)
        if await fetching.wait():
            pytest.skip("npm cannot fetch kafkajs")
    async with AIOKafkaConsumer(topics.inbound("hrmis"), **broker.options()) as consumer:
        await consumer.seek_to_end()
        publishing = await asyncio.create_subprocess_exec(
            *map(str, (*command, hrmis)),
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            start_new_session=True,
        )
        try:
            record = await asyncio.wait_for(consumer.getone(), SECONDS_TO_PUBLISH)
        finally:
            with suppress(ProcessLookupError):  # it ended
                os.killpg(publishing.pid, signal.SIGKILL)  # nobody answers it here
            await publishing.wait()
    assert json.loads(record.value)["agency"] == "MAMPU"
