"""A running system whose processes and connections can be disturbed, and that is awaited until it has no work left."""

import asyncio
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from bmt.chassis.errors import Unavailable
from bmt.chassis.messaging.kafka_client import bounded
from bmt.chassis.runtime import mongodb
from evaluation import ready_file, services
from evaluation.issuer import holder, mint
from evaluation.kafka import Kafka
from evaluation.layout import Layout
from evaluation.ports import HOST, ONE_OF_EACH, Ports, Scale, free_base
from evaluation.ready_file import Document
from evaluation.services import System
from evaluation.supervisor import Program, Supervisor
from prove.evidence import Endpoints
from prove.workload import SERVICES, WIRES

CHUNK_BYTES: Final = 64 * 1024
SLOW_CHUNK_BYTES: Final = 2 * 1024
SECONDS_A_SLOW_CHUNK: Final = 0.05


class Wire:
    """A TCP proxy on loopback that can be cut, held and slowed."""

    def __init__(self, port: int, target: int) -> None:
        self._port = port
        self._target = target
        self._writers: set[asyncio.StreamWriter] = set()
        self._passes = asyncio.Event()
        self._passes.set()
        self._slow = False
        self._cut = False

    @asynccontextmanager
    async def laid(self) -> AsyncIterator["Wire"]:
        server = await asyncio.start_server(self._connected, HOST, self._port)
        try:
            yield self
        finally:
            server.close()
            self._passes.set()
            self._abort()

    def cut(self) -> None:
        """Every connection breaks, and so does every new one."""
        self._cut = True
        self._abort()

    def stall(self) -> None:
        """Bytes are held; nobody sees an error."""
        self._passes.clear()

    def slow(self) -> None:
        """A few bytes pass at a time, and late."""
        self._slow = True

    def mend(self) -> None:
        """Normal again; held bytes pass now."""
        self._cut = self._slow = False
        self._passes.set()

    def _abort(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            writer.transport.abort()
            return
        try:
            there, back = await asyncio.open_connection(HOST, self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, back}
        try:
            await asyncio.gather(self._pass(reader, back), self._pass(there, writer))
        finally:
            self._writers -= {writer, back}

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(SLOW_CHUNK_BYTES if self._slow else CHUNK_BYTES):
                if self._slow:
                    await asyncio.sleep(SECONDS_A_SLOW_CHUNK)
                await self._passes.wait()
                writer.write(chunk)
                await writer.drain()
        writer.close()


FIRST_BASE: Final = 20_000
"""Above the ports of systems started by hand, below the kernel's ephemeral ones."""
FIRST_WIRE: Final = 60
"""Added to the base: the first wire's port."""
DIRECTORY_REFRESH_SECONDS: Final = "30"
SECONDS_BETWEEN_LOOKS: Final = 0.1
AGENCIES: Final = ("MAMPU", "JPA", "KPM")

Alter = Callable[[Program], Program]
"""How a test changes a program before it is started."""


def unaltered(program: Program) -> Program:
    """The program itself."""
    return program


class Site:
    """A running system in `layout`, whose ports begin at `base`; `alter` is applied to each service's program.

    Every program runs as under `bmt up`, but services reach Kafka and MongoDB through wires, unless these have several
    nodes. The statistics are left out: they hold nothing that is promised.
    """

    def __init__(
        self,
        layout: Layout,
        base: int,
        alter: Alter = unaltered,
        scale: Scale = ONE_OF_EACH,
    ) -> None:
        self.system = System(layout, Ports(base), scale)
        wires = WIRES if scale.nodes == 1 else ()
        self._wired = {name: base + FIRST_WIRE + number for number, name in enumerate(wires)}
        self.wires = {
            name: Wire(port, self.system.ports[name.partition(" ")[0]])
            for name, port in self._wired.items()
        }
        if self.wires:
            self.system.kafka = _behind(self.system.kafka, self._wired["kafka"])
        self.programs = {
            each.name: each for each in (*self.system.programs(), *self._services(alter))
        }
        self._supervisor = Supervisor(self.programs.values(), layout.logs)
        self._tokens: dict[tuple[str, str, str | None], str] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Site"]:
        """The system, while the block lasts.

        Raises:
            CannotRun: a program did not start; nothing is left running.
        """
        async with AsyncExitStack() as stack:
            for wire in self.wires.values():
                await stack.enter_async_context(wire.laid())
            await self._supervisor.start()
            try:
                yield self
            finally:
                await self._supervisor.stop()

    @property
    def ready(self) -> Document:
        """The document of a ready file."""
        return ready_file.document(self.system, self._supervisor.pids)

    def signal(self, program: str, number: signal.Signals) -> None:
        """Sent to the present process, if there is one."""
        self._supervisor.signal(program, number)

    async def lose_kafka(self) -> None:
        """Kills the broker and removes its data; it returns empty, with users and topics."""
        process = self._supervisor.pids["kafka"]
        self.signal("kafka", signal.SIGKILL)
        while _runs(process):  # noqa: ASYNC110 - another process
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        await asyncio.to_thread(shutil.rmtree, self.system.kafka.data())

    async def up(self, names: Sequence[str] = SERVICES, seconds: float = 90) -> bool:
        """Waits until these are ready; False if they are not within `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                while not all(  # noqa: ASYNC110 - other processes can only be polled
                    await asyncio.gather(*map(self._is_ready, names))
                ):
                    await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        except TimeoutError:
            return False
        return True

    async def _is_ready(self, name: str) -> bool:
        try:
            return await self.programs[name].ready()
        except (OSError, Unavailable):
            return False

    def token(self, role: str, agency: str = "", subject: str | None = None) -> str:
        """A bearer token; made once."""
        wanted = (role, agency, subject)
        if wanted not in self._tokens:
            key = self.system.layout.root / "issuer" / "key.json"
            maker = mint(self.system.issuer.url, key)
            self._tokens[wanted] = maker.token(holder([role], agency, subject))
        return self._tokens[wanted]

    def endpoints(self) -> Endpoints:
        return Endpoints(
            ready=self.ready,
            mongodb_uri=self.system.mongodb.uri(),
            client_log=self.system.layout.root / "clients.jsonl",
            auditor_token=self.token("auditor"),
            administrators={each: self.token("administrator", each) for each in AGENCIES},
            ipms_journal=self.system.ipms.journal,
        )

    def _services(self, alter: Alter) -> Iterator[Program]:
        for program in services.programs(self.system):
            service = program.name.partition("-")[0]
            if service in SERVICES:
                unlimited = {"BMT_CALLS_PER_SECOND": "0"}  # one token makes all calls of an agency
                environment = {**program.environment, **unlimited, **self._detour(service)}
                yield alter(replace(program, environment=environment))

    def _detour(self, service: str) -> Mapping[str, str]:
        """The driver must stay on the wire and not ask mongod for its address."""
        seldom = {"BMT_DIRECTORY_REFRESH_SECONDS": DIRECTORY_REFRESH_SECONDS}
        if not self.wires:
            return seldom
        wire = self._wired[f"mongodb of {service}"]
        return {**seldom, "BMT_MONGODB_URI": self.system.mongodb.direct_uri(service, wire)}


def _runs(pid: int) -> bool:
    """Whether this process runs; an ended one may not have been waited for yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _behind(kafka: Kafka, wire: int) -> Kafka:
    """A broker that tells its clients to connect through the wire."""
    (only,) = kafka.nodes
    return replace(kafka, nodes=[replace(only, advertised_port=wire)])


def unused_base() -> int:
    """Free ports for another site.

    Raises:
        PartMissing: there are none.
    """
    return free_base(FIRST_BASE, range(FIRST_WIRE, FIRST_WIRE + len(WIRES)))


SECONDS_BETWEEN_COUNTS: Final = 0.5
LONGEST_LOOK_SECONDS: Final = 20.0


async def settled(site: Site, no_progress_seconds: float) -> Mapping[str, int]:
    """The work left: empty, or what has not changed for `no_progress_seconds`."""
    left: Mapping[str, int] = {}
    since = time.monotonic()
    while time.monotonic() - since < no_progress_seconds:
        try:
            found = {
                name: count
                for name, count in (await bounded(_left(site), LONGEST_LOOK_SECONDS)).items()
                if count
            }
        except (Unavailable, KafkaError, OSError, TimeoutError):
            await asyncio.sleep(SECONDS_BETWEEN_COUNTS)
            continue
        if not found:
            return {}
        if found != left:
            left, since = found, time.monotonic()
        await asyncio.sleep(SECONDS_BETWEEN_COUNTS)
    return left


async def _left(site: Site) -> Mapping[str, int]:
    counts = await _stored(site.system.mongodb.uri())
    options = site.system.kafka.options()
    return counts | {f"{name} has to hear": await _lag(name, options) for name in SERVICES}


async def _stored(uri: str) -> dict[str, int]:
    client = mongodb.connect(uri)
    counts: dict[str, int] = {}
    try:
        with mongodb.store_errors():
            for name in SERVICES:
                database = client[f"bmt_{name}"]
                outbox = database["commits"].count_documents({"outbox": True})
                counts[f"{name} has to say"] = await outbox
                counts[f"{name} has to do"] = await database["work"].count_documents({})
    finally:
        client.close()
    return counts


async def _lag(service: str, options: Mapping[str, Any]) -> int:
    administrator = AIOKafkaAdminClient(**options)
    await administrator.start()
    try:
        committed = await administrator.list_consumer_group_offsets(f"bmt.{service}")
    finally:
        await administrator.close()
    offsets: dict[TopicPartition, int] = {place: each.offset for place, each in committed.items()}
    consumer = AIOKafkaConsumer(**options)
    await consumer.start()
    try:
        ends = await consumer.end_offsets(list(offsets))
    finally:
        await consumer.stop()
    return sum(max(0, end - max(0, offsets[place])) for place, end in ends.items())
