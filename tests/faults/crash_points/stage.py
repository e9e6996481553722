"""One service with all that it needs, that dies where it is told to and is started again each time."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.group import LeaveGroupRequest
from eventually import eventually
from fixtures.samples import APPLICANT, facts
from fixtures.service import LocalIssuer, Surroundings
from fixtures.unreadable import publish_bomb
from fixtures.uploads import Archive
from mortal import Life, Nursery
from pymongo.errors import NetworkTimeout
from tape import Tape, Taped

from bmt.chassis.messaging import republishing
from bmt.chassis.readmodels import rebuilding
from bmt.chassis.runtime import clock
from bmt.chassis.runtime.documents import DocumentStore, received_bytes
from bmt.chassis.runtime.mongodb import Database, connect
from bmt.contracts import topics
from bmt.contracts.events import RequestEvent, RequestFacts
from bmt.contracts.values import Document
from evaluation.ports import any_free_port
from services.records.tree import sequencer

INBOUND, OUTBOUND = topics.inbound("hrmis"), topics.outbound("hrmis")
SUBSCRIBED = {
    "intake": (
        topics.DECISIONS,
        topics.CONFIGURATIONS,
        topics.NOTIFICATIONS,
        topics.RECORDS,
        INBOUND,
    ),
    "approval": (topics.REQUESTS,),
    "provisioning": (topics.DECISIONS,),
    "notification": (topics.REQUESTS, topics.DECISIONS, topics.CONFIGURATIONS),
    "records": topics.PUBLIC,
}
SAYS = {writer: topic for topic, writer in topics.WRITERS.items()}
PATIENCE = 180.0
OPERATORS_POINTS = ("parking.discarding", "parking.discarded")
"""Those of a call that gives a parked event up: its process is not the service's."""


@dataclass(frozen=True)
class Called:
    """A call that was answered: the same again must be answered the same."""

    method: str
    path: str
    headers: dict[str, str]
    content: dict[str, Any]
    answer: httpx.Response


class Stage:
    """What a story plays on. Its calls and looks bear it that the service dies meanwhile."""

    def __init__(
        self,
        service: str,
        kafka: Any,
        mongodb: str,
        issuer: LocalIssuer,
        nursery: Nursery,
        folder: Path,
        more: dict[str, str],
    ) -> None:
        """`more` are the service's own variables."""
        self.service = service
        self.prefix = f"test-{uuid.uuid4().hex[:12]}."
        self.around = Surroundings(kafka, mongodb, issuer, self.prefix)
        self.log = folder / f"{service}.log"
        self._issuer = issuer
        self._nursery = nursery
        self._options = kafka.options
        self._mongodb = connect(mongodb)
        self.mongodb_uri = mongodb
        self.database: Database = self._mongodb[f"{self.around.name}_{service}"]
        self.port = any_free_port()
        self.environment = {
            f"BMT_{name.upper()}": str(v) for name, v in self.around._settings.items()
        }
        self.environment |= {
            "BMT_PORT": str(self.port),
            "BMT_LOG_LEVEL": "warning",
            **more,
        }
        self.tape = Tape(
            kafka.options, self.prefix, (*topics.WRITERS, topics.DEAD_LETTERS, INBOUND, OUTBOUND)
        )
        self.client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}", trust_env=False, timeout=20
        )
        self.documents = DocumentStore(self._mongodb[f"{self.around.name}_documents"])
        self.archive = Archive(self._mongodb[f"{self.around.name}_documents"])
        self.deaths: list[str | None] = []
        self.calls: list[Called] = []
        self.stumbling: set[str] = set()
        self.poison: set[tuple[str, int, int]] = set()
        self.operator_counts: Counter[str] = Counter()
        self.armed: tuple[str, int] | None = None
        self.life: Life

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Stage"]:
        """The service lives, again and again, until the block ends."""
        await self.around.start()
        await self.around.wire.create(INBOUND, OUTBOUND)
        await self.documents.prepare()
        await self.tape.start()
        self.producer = AIOKafkaProducer(**self._options)
        await self.producer.start()
        self._admin = AIOKafkaAdminClient(**self._options)
        await self._admin.start()
        await self._bear()
        keeping = asyncio.create_task(self._keep())
        try:
            await eventually(self._ready, PATIENCE)
            yield self
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping
            self.life.end()
            await self.life.ended
            await self.client.aclose()
            await self.tape.stop()
            await self.producer.stop()
            await self._admin.close()
            with suppress(NetworkTimeout):  # dropping databases takes long on a busy machine
                await self.around.stop()
            self._mongodb.close()

    async def _bear(self) -> None:
        self.life = await self._nursery.bear(
            self.service, self.environment, self.log, stumbles_over=sorted(self.stumbling)
        )

    async def _keep(self) -> None:
        """Start it again whenever it died."""
        while True:
            await asyncio.shield(self.life.ended)
            self.deaths.append(self.life.died_at)
            if self.life.died_at == "parking.giving_up":
                await self._end_transactions()
            await self._let_leases_run_out()
            await self._leave_group()
            await self._bear()

    async def _let_leases_run_out(self) -> None:
        """What a dead process held is free after 6 to 30 s: here it is at once."""
        now = clock.now()
        await self.database.work.update_many({"held": True}, {"$set": {"due_at": now}})
        for jobs in (republishing.COLLECTION, rebuilding.COLLECTION):
            held = {"held_until": {"$gt": now}}
            await self.database[jobs].update_many(held, {"$set": {"held_until": now}})
        await self.database[sequencer.COLLECTION].update_many({}, {"$set": {"until": now}})

    @property
    def _group(self) -> str:
        return f"{self.prefix}bmt.{self.service}"

    async def _leave_group(self) -> None:
        """The broker misses a dead member after 10 s: here it is told at once."""
        coordinator = await self._admin.find_coordinator(self._group)
        for answer in await self._admin.describe_consumer_groups([self._group], coordinator):
            for group in answer.groups:
                for member_id, *_ in group[5]:
                    leaving = LeaveGroupRequest(self._group, member_id)
                    await self._admin._send_request(leaving, coordinator)

    async def _ready(self) -> None:
        try:
            answer = await self.client.get("/readyz")
        except httpx.TransportError as error:
            raise AssertionError(self.log.read_text()[-2000:]) from error
        assert answer.status_code == 200, answer.text

    async def arm(self, point: str, nth: int) -> None:
        """The service, or the operator's call, ends when `point` is reached for the nth time from now."""
        self.armed = (point, nth)
        assert await self.life.does({"arm": [point, nth]}) is not None

    async def disarm(self) -> None:
        self.armed = None
        await self.life.does({"disarm": True})

    async def counts(self) -> Counter[str]:
        """How often each point was reached in this life."""
        return Counter(await self.life.does({"ping": True}) or {}) + self.operator_counts

    async def stumble(self, *keys: str) -> None:
        """From now on the handlers fail at what these requests say; without any: no longer."""
        self.stumbling = set(keys)
        await eventually(self._stumbles)

    async def _stumbles(self) -> None:
        assert await self.life.does({"stumble": sorted(self.stumbling)}) is not None

    async def operate(self, parked_id: str) -> None:
        """An operator gives a parked event up; a call that dies is made again."""
        life = await self._nursery.bear(
            "operator",
            self.environment,
            self.log,
            arm=self.armed,
            mongodb=self.mongodb_uri,
            database=self.database.name,
            parked_id=parked_id,
        )
        await life.ended
        self.operator_counts.update(OPERATORS_POINTS)
        if life.died_at is not None:
            self.armed = None
            self.deaths.append(life.died_at)
            await self.operate(parked_id)

    async def _end_transactions(self) -> None:
        """MongoDB ends what a dead client began after 60 s: here it is told at once."""
        look = {
            "currentOp": 1,
            "$all": True,
            "transaction": {"$exists": True},
            "type": "idleSession",
        }
        found = (await self._mongodb.admin.command(look))["inprog"]
        if left := [
            {"lsid": {"id": one["lsid"]["id"], "uid": one["lsid"]["uid"]}} for one in found
        ]:
            await self._mongodb.admin.command({"killAllSessionsByPattern": left})

    def request(self, **changes: Any) -> RequestFacts:
        """A request of an applicant whom no other story knows."""
        name = f"ahmad{uuid.uuid4().hex[:10]}"
        agency = str(changes.get("agency", "MAMPU")).lower()
        account = f"{name}.{agency}@mygovuc.gov.my"
        who = {"account": account, "email": f"{name}@mampu.gov.my"}
        return facts(**{"applicant": APPLICANT.model_copy(update=who), **changes})

    async def say(
        self,
        event: RequestEvent,
        sequence: int = 1,
        event_id: str = "",
        at: datetime | None = None,
    ) -> str:
        """As another service says it."""
        return await self.around.wire.say(event, sequence=sequence, event_id=event_id, at=at)

    async def publish(
        self, topic: str, value: bytes, headers: dict[str, str] | None = None, key: str = "k"
    ) -> tuple[str, int, int]:
        """As anybody may write; its place."""
        raw = [(name, text.encode()) for name, text in (headers or {}).items()]
        sent = await self.producer.send_and_wait(
            self.prefix + topic, value, key.encode(), headers=raw
        )
        return topic, sent.partition, sent.offset

    async def publish_undecodable(self, topic: str) -> tuple[str, int, int]:
        """A batch that a client library fails at; its place."""
        return topic, 0, await publish_bomb(self._options, self.prefix + topic)

    async def incoming(self, topic: str, request_id: str, *names: str) -> list[Taped]:
        """What the topic says of a request, once these are all of it; said twice counts once."""

        async def look() -> list[Taped]:
            said = {one.id: one for one in await self.tape.of(topic) if one.key == request_id}
            assert [one.name for one in said.values()] == list(names), self._story_of(request_id)
            return list(said.values())

        return await eventually(look, PATIENCE)

    def _story_of(self, request_id: str) -> list[tuple[str, str]]:
        every = [one for t in (*topics.WRITERS, INBOUND) for one in self.tape.known(t)]
        return [(one.name, one.id) for one in every if one.key == request_id]

    async def buried(self, *places: tuple[str, int, int]) -> None:
        """Wait until what stands at these places is a dead letter."""
        self.poison |= set(places)

        async def look() -> None:
            letters = {one.origin for one in await self.tape.of(topics.DEAD_LETTERS)}
            assert set(places) <= letters, f"not buried: {set(places) - letters}"

        await eventually(look, PATIENCE)

    async def parked(self, count: int, tries: int = 0) -> list[dict[str, Any]]:
        """The parked events, the oldest first, once they are so many and the first was tried so often."""

        async def look() -> list[dict[str, Any]]:
            oldest = self.database.parked.find().sort([("parked_at", 1), ("_id", 1)])
            found = await oldest.to_list(None)
            assert len(found) >= count, found
            assert max(one["tries"] for one in found) >= tries, found
            return found

        return await eventually(look, PATIENCE)

    async def gives_up(self, parked_id: str) -> None:
        """An operator gives a parked event up, and the service takes it out of its lot."""

        async def gone() -> None:
            found = await self.database.parked.find_one({"_id": parked_id})
            # Where it is being tried this moment, the operator is told to call again.
            if found and "discarding" not in found:
                await self.operate(parked_id)
            assert not found, "it is still parked"

        await eventually(gone, PATIENCE)

    async def work_waits(self, id_: str) -> None:
        """Wait until this work was tried, and waits for something."""

        async def look() -> None:
            item = await self.database.work.find_one({"_id": id_})
            assert item is not None
            assert item["waiting_for"]

        await eventually(look, PATIENCE)

    async def call(
        self, method: str, path: str, *who: str, key: str = "", **content: Any
    ) -> httpx.Response:
        """As a good client: the same call with the same key until it is answered."""
        headers = {
            **content.pop("headers", {}),
            "Idempotency-Key": key or uuid.uuid4().hex,
        }
        answer = await self._answered(method, path, who, headers, content)
        if method != "GET":
            headers |= self._bearer(who)
            self.calls.append(Called(method, path, headers, content, answer))
        return answer

    async def again(self, called: Called) -> httpx.Response:
        """The same call once more."""
        return await self._answered(called.method, called.path, (), called.headers, called.content)

    def _bearer(self, who: Sequence[str]) -> dict[str, str]:
        role, agency, subject = (*who, "MAMPU", "siti")[:3] if len(who) < 3 else who[:3]
        claims = {"agency": agency, "name": subject, "email": f"{subject}@example.gov.my"}
        return {"Authorization": f"Bearer {self._issuer.token(subject, role, **claims)}"}

    async def _answered(
        self, method: str, path: str, who: Sequence[str], headers: Any, content: Any
    ) -> httpx.Response:
        sent = {**(self._bearer(who) if who else {}), **headers}

        async def attempt() -> httpx.Response:
            try:
                answer = await self.client.request(method, path, headers=sent, **content)
            except httpx.TransportError as error:
                raise AssertionError(f"{method} {path}: {error!r}") from error
            assert answer.status_code != 503, answer.text
            return answer

        return await eventually(attempt, PATIENCE)

    async def put(self, content: bytes, filename: str = "borang.pdf") -> Document:
        """A document that intake took in."""
        received = await received_bytes(content)
        stored = await self.documents.put(received, filename=filename, media_type="application/pdf")
        return Document(
            document_id=stored.document_id,
            filename=filename,
            media_type="application/pdf",
            size_bytes=len(content),
        )

    async def settled(self) -> None:
        """Wait until nothing is under way any more."""
        await eventually(self._at_rest, PATIENCE)

    async def _at_rest(self) -> None:
        pending = await self.database.commits.count_documents({"outbox": True})
        assert not pending, f"{pending} commits in the outbox"
        work = await self.database.work.find().to_list(None)
        assert not work, f"work left: {work}"
        parked = await self.database.parked.find().to_list(None)
        assert not parked, f"parked: {[(one['_id'], one['reason']) for one in parked]}"
        await self.tape.read()
        committed = await self.committed()
        behind = {
            place: (end, committed.get(place, 0))
            for place, end in self.tape.ends.items()
            if place[0] in SUBSCRIBED[self.service] and end != committed.get(place, 0)
        }
        assert not behind, f"not consumed: {behind}"
        assert await self.life.does({"ping": True}) is not None, "it died"

    async def committed(self) -> dict[tuple[str, int], int]:
        """The offsets of the service's group."""
        found = await self._admin.list_consumer_group_offsets(self._group)
        return {
            (p.topic.removeprefix(self.prefix), p.partition): o.offset for p, o in found.items()
        }
