"""A whole system whose parts can be taken away, fill up, misbehave and come back, as places are."""

import asyncio
import os
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from eventually import eventually
from fixtures.outside import Caller, Json, registered
from little_room import LittleRoom, NoRoom, little_room
from stand_in import StandIn
from wire_to_mail import WireToMail

from bmt.rights.kafka_rights import STATISTICS
from bmt.rights.mongodb_rights import WEB
from evaluation import ready_file, services
from evaluation.issuer import administrator, holder, mint
from evaluation.layout import Layout
from evaluation.ports import Ports, free_base
from evaluation.services import System
from evaluation.supervisor import Program, Supervisor

ROOM_MEGABYTES = 768
HERE = Path(__file__).parent


class Site:
    """The system, and who calls it. IPMS, storage and mail are behind what stands before them."""

    def __init__(self, root: Path) -> None:
        layout = Layout.at(root)
        layout.make()
        self.system = System(layout, Ports(free_base()))
        self.ipms = StandIn(self.system.ipms.url.removesuffix("/v2"))
        self.storage = StandIn(self.system.storage.url)
        self.mail = WireToMail(self.system.mail.port)
        self.room: LittleRoom | None = None
        self.no_room = ""
        self._gates: dict[str, asyncio.Event] = {}
        self._programs: dict[str, Program] = {}
        self._supervisor: Supervisor
        self.http: httpx.AsyncClient
        self._mint = mint(self.system.issuer.url, root / "issuer" / "key.json")

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Site"]:
        with ExitStack() as stack:
            stack.enter_context(self.ipms.answering())
            stack.enter_context(self.storage.answering())
            self._make_room(stack)
            # Shorter than services keep an idle connection, which would be closed under a call.
            limits = httpx.Limits(keepalive_expiry=1)
            http_client = httpx.AsyncClient(timeout=60, trust_env=False, limits=limits)
            async with self.mail.laid(), http_client as http:
                self.http = http
                self._programs = {each.name: each for each in self._wanted()}
                logs = self.system.layout.logs
                self._supervisor = Supervisor(self._programs.values(), logs)
                await self._supervisor.start()
                try:
                    yield self
                finally:
                    await self._supervisor.stop()

    def _make_room(self, stack: ExitStack) -> None:
        data = self.system.mongodb.data()
        try:
            self.room = stack.enter_context(little_room(data, ROOM_MEGABYTES))
        except NoRoom as error:
            self.no_room = str(error)

    def _wanted(self) -> Iterator[Program]:
        for program in (*self.system.programs(), *services.programs(self.system)):
            if program.name not in (STATISTICS, WEB):
                yield self._behind_a_gate(self._altered(program))

    def _altered(self, program: Program) -> Program:
        if program.name == "mongodb" and self.room is not None:
            # A checkpoint a second: a full disk is felt at once, not at the end of a minute.
            command = (*program.command, "--syncdelay", "1")
            return replace(program, command=self.room.inside(command))
        if program.name not in services.SERVICES:
            return program
        python, _, module = program.command
        return replace(
            program,
            command=(python, str(HERE / "off_by.py"), str(self._clock(program.name)), module),
            environment={
                **program.environment,
                **dict(self._detours()),
                "PYTHONPATH": str(HERE.parents[2]),
            },
        )

    def _detours(self) -> Iterator[tuple[str, str]]:
        yield "BMT_IPMS_URL", f"{self.ipms.url}/v2"
        yield "BMT_STORAGE_URL", self.storage.url
        yield "BMT_SMTP_PORT", str(self.mail.port)

    def _behind_a_gate(self, program: Program) -> Program:
        gate = self._gates[program.name] = asyncio.Event()
        gate.set()

        async def prepare() -> None:
            await gate.wait()
            await program.prepare()

        return replace(program, prepare=prepare)

    def _clock(self, name: str) -> Path:
        return self.system.layout.root / f"{name}.off-by"

    @property
    def ready(self) -> Json:
        """What a ready file would say now."""
        return ready_file.document(self.system, self._supervisor.pids)

    def url(self, service: str) -> str:
        return self.system.ports.url(service)

    def pid(self, name: str) -> int:
        return self._supervisor.pids[name]

    @asynccontextmanager
    async def without(
        self, *names: str, by: signal.Signals = signal.SIGKILL
    ) -> AsyncIterator[None]:
        """Killed, and kept from coming back until the block ends; then ready again."""
        ended = {name: self.pid(name) for name in names}
        for name, pid in ended.items():
            self._gates[name].clear()
            os.kill(pid, by)
        try:
            yield
        finally:
            for name in names:
                self._gates[name].set()
            # Who was asked to end answers for a while, as it did before.
            await eventually(lambda: all(self.pid(name) != ended[name] for name in names), 180)
            await self.back(*names)

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """It neither answers nor goes away, as a machine that hangs."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    async def back(self, *names: str, seconds: float = 180) -> None:
        """Until these are ready, and all the services with them."""
        for name in (*names, *services.SERVICES):
            await eventually(self._programs[name].ready, seconds)

    @asynccontextmanager
    async def clocks_off(self, **seconds: float) -> AsyncIterator[None]:
        """These services are started anew with their clocks off by so much, and at the end set right."""
        for name, each in seconds.items():
            self._clock(name).write_text(str(each))
        await self._anew(*seconds)
        try:
            yield
        finally:
            for name in seconds:
                self._clock(name).unlink()
            await self._anew(*seconds)

    async def _anew(self, *names: str) -> None:
        """Stopped in an orderly way, and started again."""
        async with self.without(*names, by=signal.SIGTERM):
            pass

    def caller(self, role: str, agency: str = "MAMPU", subject: str | None = None) -> Caller:
        if role == "administrator" and subject is None:
            subject = administrator(agency).subject
        token = self._mint.token(holder([role], agency, subject))
        return Caller(self.http, self.ready, token)

    async def account(self) -> str:
        """A new account, registered and serving; not by way of what stands before IPMS."""
        return await registered(self.http, self.ready)

    async def accounts(self, count: int) -> list[str]:
        return list(await asyncio.gather(*(self.account() for _ in range(count))))

    async def samples(self, service: str, name: str) -> Counter[str]:
        """The samples of one metric now, by their labels."""
        text = (await self.http.get(f"{self.url(service)}/metrics")).text
        found = re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", text, re.MULTILINE)
        return Counter({labels: float(value) for labels, value in found})

    async def outcomes(self, service: str) -> Counter[str]:
        """How many events a service has handled since it started, by outcome."""
        counts: Counter[str] = Counter()
        for labels, value in (await self.samples(service, "bmt_events_handled_total")).items():
            counts[re.search(r'outcome="(\w+)"', labels)[1]] += int(value)  # type: ignore[index]
        return counts

    def as_user(self, name: str) -> dict[str, Any]:
        """How a Kafka client comes in as this user."""
        return self.system.kafka.options(name)
