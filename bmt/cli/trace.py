"""`bmt trace`: one request's way over all services, and what it waits for."""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import orjson
import typer

from bmt.chassis.eventsourcing.event_store import text_of
from bmt.chassis.messaging.parking import PARKED, ParkingLot
from bmt.chassis.runtime import clock
from bmt.chassis.runtime.mongodb import Client, Database, store_errors
from bmt.chassis.runtime.service import WORK
from bmt.chassis.work import WorkQueue
from bmt.cli import connections, request_trace
from bmt.cli.command_line import DEFAULT_DATA, AsJson, Data, NotSo, show
from bmt.cli.connections import MongodbAddress, mongodb_client
from bmt.cli.parked import Waiting
from bmt.cli.request_trace import Folio, Leaf, Notice, Trace, TracedCommit, TracedEvent
from bmt.contracts.values import read_reference
from bmt.reconciliation import COMMITS, PUBLISHERS, REQUESTS, Reconciliation
from services.notification.views import NOTICES
from services.records.domain.events import EventFiled, FileOpened, FolioFiled

OF_A_COMMIT: Final = (
    *("stream", "version", "recorded_at", "outbox", "refusal.problem"),
    *("events.id", "events.type", "events.time", "events.sequence"),
)
"""What is read of a commit: never its events' content."""
OF_A_REQUEST: Final = ("facts.reference", "facts.agency", "facts.kind", "status")
OF_A_NOTICE: Final = ("about", "channel", "status")

Request = Annotated[
    str,
    typer.Argument(
        metavar="REQUEST", help="The request's id, or its reference as people type it (BMT-…)."
    ),
]


def trace(
    request: Request,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Show one request's whole way over all services in the order of time, and what it waits for.

    Ids, names of events, times, statuses and names of services alone: never who a request is about or who decided
    it, no address, no justification, no reason. Exit code 1 where the request is unknown, and where something is
    stuck: parked, failed, or not delivered for over a minute.
    """
    found = asyncio.run(_found(connections.reconciler(data), request))
    now = clock.now()
    show(request_trace.document(found, now), request_trace.lines(found, now), as_json=as_json)
    if request_trace.stuck(found, now):
        raise NotSo(f"request {found.request_id} is stuck")


async def _found(address: MongodbAddress, typed: str) -> Trace:
    """Everything about the request.

    Raises:
        NotSo: no service knows it.
    """
    async with mongodb_client(address) as client:
        found = await _read(client, address.prefix, await _id_of(client, address.prefix, typed))
    if not found.found:
        raise NotSo(f"no service knows a request {found.request_id}")
    return found


async def _id_of(client: Client, prefix: str, typed: str) -> str:
    """The id; intake knows which request has a reference."""
    if (reference := read_reference(typed)) is None:
        try:
            return str(uuid.UUID(typed.strip()))
        except ValueError:
            raise NotSo(f"{typed} is neither a request's id nor a reference") from None
    with store_errors():
        cursor = client[f"{prefix}intake"][REQUESTS].find(
            {"facts.reference": reference}, {"_id": 1}
        )
        ids = [one["_id"] for one in await cursor.to_list(2)]
    if len(ids) != 1:
        have = "several requests have" if ids else "no request has"
        raise NotSo(f"{have} the reference {reference}: name the request's id")
    return str(ids[0])


async def _read(client: Client, prefix: str, request_id: str) -> Trace:
    databases = {service: client[f"{prefix}{service}"] for service in PUBLISHERS}
    with store_errors():
        shown = await databases["intake"][REQUESTS].find_one(
            {"_id": request_id}, dict.fromkeys(OF_A_REQUEST, 1)
        )
    facts: Mapping[str, str] = shown["facts"] if shown else {}
    commits = [
        one
        for service, database in databases.items()
        for one in await _commits(service, database, request_id)
    ]
    work = {
        service: await WorkQueue(database[WORK]).about(request_id)
        for service, database in databases.items()
    }
    return Trace(
        request_id,
        facts.get("reference"),
        facts.get("agency"),
        facts.get("kind"),
        shown["status"] if shown else None,
        commits,
        {service: items for service, items in work.items() if items},
        await _parked(databases, request_id),
        await _notices(databases["notification"], request_id),
        await Reconciliation(client, prefix).missing_of(request_id),
        **await _record(databases["records"], request_id),
    )


async def _commits(service: str, database: Database, request_id: str) -> Sequence[TracedCommit]:
    query = {"stream": f"request-{request_id}"}
    with store_errors():
        cursor = database[COMMITS].find(query, dict.fromkeys(OF_A_COMMIT, 1))
        found = await cursor.sort("version", 1).to_list(None)
    return [
        TracedCommit(
            service,
            one["stream"],
            one["version"],
            one["recorded_at"],
            one["_id"],
            one.get("outbox", False),
            tuple(
                TracedEvent(event["id"], event["type"], event["time"], event["sequence"] > 0)
                for event in one["events"]
            ),
            (one.get("refusal") or {}).get("problem"),
        )
        for one in found
    ]


async def _parked(databases: Mapping[str, Database], request_id: str) -> Sequence[Waiting]:
    return [
        Waiting(service, parked)
        for service, database in databases.items()
        for parked in await ParkingLot(database[PARKED]).of_key(request_id)
    ]


async def _notices(database: Database, request_id: str) -> Sequence[Notice]:
    with store_errors():
        cursor = database[NOTICES.name].find(
            {"request_id": request_id}, dict.fromkeys(OF_A_NOTICE, 1)
        )
        found = await cursor.sort([("place", 1), ("_id", 1)]).to_list(None)
    return [Notice(one["_id"], one["about"], one["channel"], one["status"]) for one in found]


async def _record(database: Database, request_id: str) -> dict[str, Any]:
    """The file's number, leaves and folios. Records' events have personal data sealed."""
    query = {"stream": f"request-{request_id}"}
    with store_errors():
        cursor = database[COMMITS].find(query, {"events.type": 1, "events.data": 1})
        found = await cursor.sort("version", 1).to_list(None)
    events = [
        (event["type"], orjson.loads(text_of(event["data"])))
        for one in found
        for event in one["events"]
    ]
    opened = [data["file_number"] for type_, data in events if type_ == FileOpened.TYPE]
    return {
        "file_number": opened[0] if opened else None,
        "leaves": [
            Leaf(data["leaf_index"], data["event_id"], data["event_type"])
            for type_, data in events
            if type_ == EventFiled.TYPE
        ],
        "folios": [
            Folio(data["number"], data["volume"], data["event_id"])
            for type_, data in events
            if type_ == FolioFiled.TYPE
        ],
    }
