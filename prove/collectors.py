"""Collects what is left of a run, from outside: topics, databases (decoded without the code of the services), answers, metrics.

The order hardly matters: a system at rest changes only by being asked (reading a record is an event of records).
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from bmt.chassis.errors import Unavailable
from bmt.chassis.runtime import mongodb
from bmt.contracts import topics
from prove import outside_systems
from prove.books import Books
from prove.evidence import (
    Answers,
    Endpoints,
    Evidence,
    Parked,
    Record,
    Sample,
    StoredCommit,
    StoredEvent,
    Unreachable,
    Work,
    read,
)

READ: Final = (*topics.PUBLIC, topics.RECORDS, topics.DEAD_LETTERS)
PATIENCE_SECONDS: Final = 120.0


async def _read_topics(endpoints: Endpoints) -> tuple[Record, ...]:
    """All records, each partition in order.

    Raises:
        Unreachable: the broker does not answer in time.
    """
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await _read(endpoints)
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unreachable("kafka", type(error).__name__) from error


async def _read(endpoints: Endpoints) -> tuple[Record, ...]:
    kafka = endpoints.ready["kafka"]
    consumer = AIOKafkaConsumer(
        *READ,
        bootstrap_servers=kafka["bootstrap_servers"],
        security_protocol=kafka["security_protocol"],
        sasl_mechanism=kafka["sasl_mechanism"],
        sasl_plain_username=endpoints.kafka_user,
        sasl_plain_password=kafka["principals"][endpoints.kafka_user],
        group_id=None,  # reads all partitions and commits nothing
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
        max_partition_fetch_bytes=8 * 1024 * 1024,
    )
    await consumer.start()
    try:
        return await _drained(consumer)
    finally:
        await consumer.stop()


async def _drained(consumer: AIOKafkaConsumer) -> tuple[Record, ...]:
    places = sorted(consumer.assignment())
    await consumer.seek_to_beginning(*places)
    ends = await consumer.end_offsets(places)
    found: dict[TopicPartition, list[Record]] = {place: [] for place in places}
    while [place for place in places if await consumer.position(place) < ends[place]]:
        batch = await consumer.getmany(timeout_ms=500)
        for place, records in batch.items():
            found[place] += [Record.of(each) for each in records if each.offset < ends[place]]
    return tuple(record for place in places for record in found[place])


async def gather(endpoints: Endpoints) -> Evidence:
    """All evidence.

    Raises:
        Unreachable: a part does not answer.
    """
    calls = tuple(read(endpoints.client_log))
    records = await _read_topics(endpoints)
    stored = await _read_databases(endpoints)
    accounts = await outside_systems.read_accounts(endpoints)
    names = {each.account for each in accounts} | set(_applicants(stored.commits))
    changes, mails = await asyncio.gather(
        asyncio.to_thread(outside_systems.read_changes, endpoints),
        asyncio.to_thread(outside_systems.read_mails, endpoints),
    )
    from_services = await _query_services(
        endpoints, _agencies(Evidence(calls=calls, commits=stored.commits, records=records))
    )
    return Evidence(
        calls=calls,
        records=records,
        commits=stored.commits,
        parked=stored.parked,
        work=stored.work,
        accounts=accounts,
        changes=changes,
        volumes=await outside_systems.read_volumes(endpoints, names),
        mails=mails,
        answers=from_services.answers,
        samples=from_services.samples,
        documents=stored.documents,
        unfinished=from_services.unfinished,
        tasks=from_services.tasks,
        gathered_at=datetime.now(UTC),
    )


def _applicants(commits: Iterable[StoredCommit]) -> Iterable[str]:
    for commit in commits:
        for event in commit.events:
            applicant = (event.data.get("request") or {}).get("applicant") or {}
            if account := applicant.get("account"):
                yield str(account)


def _agencies(evidence: Evidence) -> Mapping[str, str]:
    """Every request that is named anywhere, with its agency (empty if unknown)."""
    books = Books(evidence)
    agencies = {
        commit.stream.partition("-")[2]: str(event.data["request"].get("agency", ""))
        for commit, event in books.stored()
        if isinstance(event.data.get("request"), dict)
    }
    return {name: agencies.get(name, "") for name in books.request_ids}


SERVICES: Final = tuple(topics.WRITERS.values())


@dataclass(frozen=True, slots=True)
class Stored:
    """What is in the databases."""

    commits: tuple[StoredCommit, ...]
    parked: tuple[Parked, ...]
    work: tuple[Work, ...]
    documents: frozenset[str]


async def _read_databases(endpoints: Endpoints) -> Stored:
    """Everything that the audit looks at.

    Raises:
        Unreachable: MongoDB does not answer in time.
    """
    client = mongodb.connect(endpoints.mongodb_uri)
    try:
        with mongodb.store_errors():
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await _read_database(client)
    except (Unavailable, mongodb.OperationFailure, TimeoutError) as error:
        raise Unreachable("mongodb", type(error).__name__) from error
    finally:
        client.close()


async def _read_database(client: mongodb.Client) -> Stored:
    commits: list[StoredCommit] = []
    parked: list[Parked] = []
    work: list[Work] = []
    for service in SERVICES:
        database = client[f"bmt_{service}"]
        commits += [_commit(service, each) async for each in _all(database["commits"])]
        parked += [_parked(service, each) async for each in _all(database["parked"])]
        work += [_work(service, each) async for each in _all(database["work"])]
    files = client["bmt_documents"]["documents.files"]
    names = frozenset(
        [
            str((each.get("metadata") or {}).get("document_id", ""))
            async for each in files.find({}, {"metadata": 1})
        ]
    )
    return Stored(tuple(commits), tuple(parked), tuple(work), names)


async def _all(collection: mongodb.Collection) -> AsyncIterator[dict[str, Any]]:
    async for document in collection.find():
        yield document


def _commit(service: str, document: Mapping[str, Any]) -> StoredCommit:
    return StoredCommit(
        service=service,
        id=document["_id"],
        stream=document["stream"],
        version=document["version"],
        sequence=document["sequence"],
        events=tuple(
            StoredEvent(
                each["id"], each["type"], _utc(each["time"]), each["sequence"], _data(each["data"])
            )
            for each in document["events"]
        ),
        fingerprint=document["fingerprint"],
        recorded_at=_utc(document["recorded_at"]),
        outbox=bool(document.get("outbox")),
        refusal=document.get("refusal"),
    )


def _data(stored: Any) -> dict[str, Any]:
    """Text; earlier versions stored a sub-document."""
    found: dict[str, Any] = json.loads(stored) if isinstance(stored, str) else stored
    return found


def _parked(service: str, document: Mapping[str, Any]) -> Parked:
    headers = {name.lower(): bytes(raw) for name, raw in document.get("headers", ())}
    return Parked(
        service=service,
        topic=str(document.get("topic", "")),
        event_id=headers.get("ce_id", b"").decode(errors="replace"),
        request_id=headers.get("ce_subject", b"").decode(errors="replace"),
        reason=str(document.get("reason", "")),
    )


def _work(service: str, document: Mapping[str, Any]) -> Work:
    return Work(
        service=service,
        id=document["_id"],
        target=document["target"],
        request_id=document["subject"],
        due_at=_utc(document["due_at"]),
        attempts=document["attempts"],
        waiting_for=document["waiting_for"],
    )


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


CONCURRENCY: Final = 24
TRIES: Final = 5
MOST: Final = 200
_SAMPLE: Final = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? ([^ ]+)")
_LABEL: Final = re.compile(r'\b(\w++)="((?:[^"\\]|\\.)*+)"')


@dataclass(frozen=True, slots=True)
class ServiceAnswers:
    """All answers."""

    answers: Mapping[str, Answers]
    samples: tuple[Sample, ...]
    unfinished: Mapping[str, str]
    tasks: frozenset[str]


class AuditorClient:
    """The auditor's HTTP calls."""

    def __init__(self, endpoints: Endpoints, client: httpx.AsyncClient) -> None:
        self._urls = {name: each["url"] for name, each in endpoints.ready["services"].items()}
        self._client = client
        self._slots = asyncio.Semaphore(CONCURRENCY)

    async def get(
        self, service: str, path: str, token: str, **parameters: str | int
    ) -> httpx.Response | None:
        """The answer; None for `not_found`.

        Raises:
            Unreachable: there was none after several tries.
        """
        why = ""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        for tries in range(TRIES):
            await asyncio.sleep(tries)
            try:
                async with self._slots:
                    answer = await self._client.get(
                        f"{self._urls[service]}{path}", headers=headers, params=parameters
                    )
            except httpx.TransportError as error:
                why = type(error).__name__
                continue
            if answer.is_success:
                return answer
            if answer.status_code == HTTPStatus.NOT_FOUND:
                return None
            why = f"{path} is answered {answer.status_code}"
        raise Unreachable(service, why)

    async def document(self, service: str, path: str, token: str) -> Mapping[str, Any] | None:
        answer = await self.get(service, path, token)
        return answer.json() if answer is not None else None

    async def items(self, service: str, path: str, token: str) -> AsyncIterator[Mapping[str, Any]]:
        """A list, page after page."""
        cursor: str | None = ""
        while cursor is not None:
            more = {"cursor": cursor} if cursor else {}
            answer = await self.get(service, path, token, limit=MOST, **more)
            page = answer.json() if answer is not None else {}
            for item in page.get("items", ()):
                yield item
            cursor = page.get("next_cursor")


async def _query_services(endpoints: Endpoints, agencies: Mapping[str, str]) -> ServiceAnswers:
    """Ask about each request; `agencies` has each request's agency.

    Raises:
        Unreachable: a service does not answer.
    """
    async with httpx.AsyncClient(timeout=60.0, trust_env=False) as client:
        api = AuditorClient(endpoints, client)
        open_ = {
            str(item["request_id"])
            for token in endpoints.administrators.values()
            async for item in api.items("approval", "/v1/worklist", token)
        }
        tasks = {
            str(item["request_id"])
            for token in endpoints.administrators.values()
            async for item in api.items("provisioning", "/v1/tasks", token)
            if item.get("status") == "open"
        }
        unfinished = {
            str(item["request_id"]): str(item["waiting_for"])
            async for item in api.items(
                "provisioning", "/v1/configurations", endpoints.auditor_token
            )
        }
        # Before records are read: each read is an event of the record and changes the metrics.
        samples = [
            sample for name in endpoints.ready["services"] for sample in await _samples(api, name)
        ]
        answers = await asyncio.gather(
            *(_answers(api, endpoints, each, agencies[each], each in open_) for each in agencies)
        )
    return ServiceAnswers(
        dict(zip(agencies, answers, strict=True)), tuple(samples), unfinished, frozenset(tasks)
    )


async def _answers(
    api: AuditorClient,
    endpoints: Endpoints,
    request_id: str,
    agency: str,
    on_worklist: bool,  # noqa: FBT001
) -> Answers:
    auditor = endpoints.auditor_token
    path = f"/v1/requests/{request_id}"
    administrator = endpoints.administrators.get(agency)
    review = await api.document("approval", path, administrator) if administrator else None
    notices = await api.document("notification", f"{path}/notifications?limit={MOST}", auditor)
    return Answers(
        status=await api.document("intake", path, auditor),
        review=review,
        record=await api.document("records", f"/v1/records/{request_id}", auditor),
        notifications=tuple(notices["items"]) if notices else None,
        on_worklist=on_worklist,
    )


async def _samples(api: AuditorClient, service: str) -> Sequence[Sample]:
    answer = await api.get(service, "/metrics", "")
    lines = answer.text.splitlines() if answer is not None else []
    found = (_SAMPLE.match(line) for line in lines)
    return [
        Sample(service, each[1], dict(_LABEL.findall(each[2] or "")), float(each[3]))
        for each in found
        if each
    ]
