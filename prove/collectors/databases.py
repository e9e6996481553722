"""The services' databases as stored, decoded without the services' code."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from bmt.chassis.errors import Unavailable
from bmt.chassis.runtime import mongodb
from bmt.contracts import topics
from prove.evidence import Endpoints, Parked, StoredCommit, StoredEvent, Unreachable, Work

SERVICES: Final = tuple(topics.WRITERS.values())
PATIENCE_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class Stored:
    """What is in the databases."""

    commits: tuple[StoredCommit, ...]
    parked: tuple[Parked, ...]
    work: tuple[Work, ...]
    documents: frozenset[str]


async def gather(where: Endpoints) -> Stored:
    """Everything that the audit looks at.

    Raises:
        Unreachable: MongoDB does not answer in time.
    """
    client = mongodb.connect(where.mongodb_uri)
    try:
        with mongodb.store_errors():
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await _read(client)
    except (Unavailable, mongodb.OperationFailure, TimeoutError) as error:
        raise Unreachable("mongodb", type(error).__name__) from error
    finally:
        client.close()


async def _read(client: mongodb.Client) -> Stored:
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
