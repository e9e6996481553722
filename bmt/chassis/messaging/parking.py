"""The parking lot: events whose handler failed wait here, durably, each request's in order.

A failed event is retried with backoff and full jitter. After its last try it waits for an operator. Later
events of the same key queue behind it, while all others flow.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from bmt.chassis import crash_points
from bmt.chassis.runtime import mongodb
from bmt.chassis.runtime.background import backoff
from bmt.chassis.runtime.clock import new_id
from bmt.contracts.envelope import MalformedEvent, read_kafka
from bmt.contracts.problems import FieldError, listed
from bmt.contracts.values import immutable

TRIES: Final = 6
FIRST_BACKOFF_SECONDS: Final = 0.2
LONGEST_BACKOFF_SECONDS: Final = 30.0
LEASE: Final = timedelta(seconds=60)
QUEUED_BEHIND: Final = "an earlier event of the same key is parked"
"""The reason of an event that was not tried, since it must not overtake."""


class DeadLetter(Exception):  # noqa: N818  named for where the event goes
    """This event can never be accepted: it goes to the dead letters at once, whole.

    Attributes:
        reason: a problem's name or a short token, for `bmt_reason`.
        detail: what is wrong and what is allowed, without the values, for `bmt_detail`. `errors` replace it.
        errors: the wrong fields, if they are known.
    """

    def __init__(self, reason: str, detail: str, errors: tuple[FieldError, ...] = ()) -> None:
        self.reason = reason
        self.detail = listed(errors) or detail
        super().__init__(f"{reason}: {self.detail}")
        self.errors = errors


@immutable
class Record:
    """A Kafka record as it was fetched.

    `key` is text for queueing. A record without a key queues by its own place. `unread` gives the reason it
    cannot be decoded; `value` is then the bytes of the record, or of its batch.
    """

    topic: str
    partition: int
    offset: int
    key: str
    headers: tuple[tuple[str, bytes], ...]
    value: bytes | None
    raw_key: bytes | None = None
    unread: DeadLetter | None = None

    @property
    def place(self) -> str:
        """`topic:partition:offset`, unique in the cluster."""
        return f"{self.topic}:{self.partition}:{self.offset:020d}"


@immutable
class Discarding:
    """An operator's decision to give an event up: who, why, and when (UTC)."""

    by: str
    reason: str
    at: datetime


WaitsFor = Literal["operator", "earlier_event", "next_try", "leaving"]
"""What makes a parked event go on; `leaving`: it was discarded, and its service takes it out."""


@immutable
class Parked:
    """A record in the lot.

    Attributes:
        reason: the error's name, without personal data.
        tries: how often its handler failed.
        due_at: when it is retried. None: it waits for an operator, or for an earlier event of its key
            (see `reason`), which makes it due by leaving.
        parked_at: UTC.
        discarding: an operator gave it up. It is moved out of the lot and never handled.
        beside: its id where another record has its place: one of a topic that was lost and made anew.
    """

    record: Record
    reason: str
    tries: int
    due_at: datetime | None
    parked_at: datetime
    discarding: Discarding | None = None
    beside: str | None = None

    @property
    def id(self) -> str:
        return self.beside or self.record.place

    @property
    def waits_for(self) -> WaitsFor:
        if self.discarding:
            return "leaving"
        if self.reason == QUEUED_BEHIND:
            return "earlier_event"
        return "operator" if self.due_at is None else "next_try"


def after_failure(parked: Parked, reason: str, now: datetime) -> Parked:
    """The same after one more failure: due again after a random part of a growing wait, or never."""
    tries = parked.tries + 1
    if tries >= TRIES:
        return replace(parked, reason=reason, tries=tries, due_at=None)
    seconds = backoff(tries, first=FIRST_BACKOFF_SECONDS, longest=LONGEST_BACKOFF_SECONDS)
    due_at = now + timedelta(seconds=seconds)
    return replace(parked, reason=reason, tries=tries, due_at=due_at)


_BESIDE: Final = "~"
"""In the id of a record whose place another one has."""

_OF_THE_LOT: Final = frozenset({"_id", "lease_until", "calls", "discarding"})
"""The lot's own fields."""


def _discarded(document: dict[str, Any]) -> dict[str, Any]:
    """The document that is kept for ever, under an id of its own.

    The same place may be parked and discarded again, after its topic was read anew.
    """
    event = {name: value for name, value in document.items() if name not in _OF_THE_LOT}
    discarding = Discarding(**document["discarding"])
    return {
        "parked_id": document["_id"].partition(_BESIDE)[0],
        **event,
        "discarded_by": discarding.by,
        "discarded_because": discarding.reason,
        "discarded_at": discarding.at,
    }


def _is_of(document: dict[str, Any], record: Record) -> bool:
    """Whether the document holds this record. A topic that was recreated has other records at the same places."""
    return all(document[name] == value for name, value in _content(record).items())


def _document(parked: Parked) -> dict[str, Any]:
    record = parked.record
    return {
        "_id": parked.id,
        "key": record.key,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        **_content(record),
        "reason": parked.reason,
        "tries": parked.tries,
        "due_at": parked.due_at,
        "parked_at": parked.parked_at,
    }


def _content(record: Record) -> dict[str, Any]:
    return {
        "headers": [[name, value] for name, value in record.headers],
        "value": record.value,
        "raw_key": record.raw_key,
    }


def _parked(document: dict[str, Any]) -> Parked:
    return Parked(
        record=Record(
            topic=document["topic"],
            partition=document["partition"],
            offset=document["offset"],
            key=document["key"],
            headers=tuple((name, value) for name, value in document["headers"]),
            value=document["value"],
            raw_key=document["raw_key"],
        ),
        reason=document["reason"],
        tries=document["tries"],
        due_at=document["due_at"],
        parked_at=document["parked_at"],
        discarding=Discarding(**mark) if (mark := document.get("discarding")) else None,
        beside=document["_id"] if _BESIDE in document["_id"] else None,
    )


def _beside(parked: Parked) -> Parked:
    """The same under an id of its own, which is the same whenever it is made."""
    record = parked.record
    headers = b"".join([name.encode() + value for name, value in record.headers])
    told_apart = hashlib.sha256(headers + (record.value or b"")).hexdigest()[:16]
    return replace(parked, beside=f"{record.place}{_BESIDE}{told_apart}")


PARKED: Final = "parked"
"""The lot's collection in a service's own database."""

DISCARDED: Final = "discarded"
"""The collection of discarded events, to which they are only ever added."""

_KEPT: Final = {"discarding": None}
"""Matches events that no operator gave up."""

_IN_TURN: Final = [("parked_at", 1), ("_id", 1)]
INDEXES: Final = (
    mongodb.IndexModel([("key", 1), *_IN_TURN]),
    mongodb.IndexModel([("due_at", 1), ("reason", 1)]),
    mongodb.IndexModel(_IN_TURN),
)
INDEXES_OF_DISCARDED: Final = (mongodb.IndexModel([("parked_id", 1)]),)
_FOR_AN_OPERATOR: Final = {"due_at": None, "reason": {"$ne": QUEUED_BEHIND}}

_CALL: Final[list[dict[str, Any]]] = [
    {
        "$set": {
            "calls": {"$add": [{"$ifNull": ["$calls", 0]}, 1]},
            "due_at": {
                "$cond": [
                    {"$and": [{"$eq": ["$reason", QUEUED_BEHIND]}, {"$eq": ["$due_at", None]}]},
                    "$parked_at",
                    "$due_at",
                ]
            },
        }
    }
]
"""Makes the first event of a key due if it waited for one that is gone.

We always write to it, so a concurrent removal gets a write conflict and re-reads which event is next.
"""


class ParkingLot:
    """Failed events, in a service's own database.

    Every method raises `StoreUnavailable` if the database cannot be reached.
    """

    def __init__(self, collection: mongodb.Collection) -> None:
        self._lot = collection
        self._discarded = collection.database[DISCARDED]

    async def prepare(self) -> None:
        with mongodb.store_errors():
            await self._lot.create_indexes(list(INDEXES))
            await self._discarded.create_indexes(list(INDEXES_OF_DISCARDED))

    async def waiting_keys(self, keys: Collection[str]) -> Collection[str]:
        """Which of `keys` have an event here: later ones must queue behind."""
        with mongodb.store_errors():
            return set(await self._lot.distinct("key", {"key": {"$in": list(keys)}}))

    async def given_up(self, records: Sequence[Record]) -> Collection[str]:
        """The places of records that an operator gave up: after a crash they may be read again."""
        by_place = {record.place: record for record in records}
        with mongodb.store_errors():
            found = self._discarded.find({"parked_id": {"$in": list(by_place)}})
            return {
                place
                async for document in found
                if _is_of(document, by_place[place := document["parked_id"]])
            }

    async def park(self, parked: Sequence[Parked]) -> None:
        """Add these. One that is here already stays as it is; another at its place is kept beside it."""
        if not parked:
            return
        crash_points.reached("parking.parking")
        with mongodb.store_errors():
            refused = await self._insert(parked)
            if others := await self._of_other_topics(refused):
                await self._insert([_beside(item) for item in others])
            # The event they queue behind may be gone by now.
            for key in {item.record.key for item in parked if item.reason == QUEUED_BEHIND}:
                await self._call_first(key)
        crash_points.reached("parking.parked")

    async def _insert(self, parked: Sequence[Parked]) -> Sequence[Parked]:
        """Returns those whose id is taken."""
        try:
            await self._lot.insert_many([_document(item) for item in parked], ordered=False)
        except mongodb.BulkWriteError as error:
            return [parked[place] for place in mongodb.duplicates(error)]
        return ()

    async def _of_other_topics(self, refused: Sequence[Parked]) -> Sequence[Parked]:
        """Those whose place another record has, and not the same one that was read before."""
        if not refused:
            return ()
        found = await self._lot.find({"_id": {"$in": [item.id for item in refused]}}).to_list(None)
        there = {document["_id"]: document for document in found}
        return [
            item for item in refused if item.id in there and not _is_of(there[item.id], item.record)
        ]

    async def _call_first(self, key: str, session: Any = None) -> None:
        await self._lot.find_one_and_update({"key": key}, _CALL, sort=_IN_TURN, session=session)

    async def take_due(self, now: datetime) -> Parked | None:
        """One due event, leased to the caller: the first of its key, or one that was given up."""
        with mongodb.store_errors():
            due = self._lot.find(
                {"due_at": {"$lte": now}, "lease_until": {"$not": {"$gt": now}}}
            ).sort("due_at", 1)
            async for candidate in due:
                if not await self._has_its_turn(candidate):
                    continue
                taken = await self._lot.find_one_and_update(
                    {"_id": candidate["_id"], "lease_until": {"$not": {"$gt": now}}},
                    {"$set": {"lease_until": now + LEASE}},
                )
                if taken is not None:
                    return _parked(taken)
        return None

    async def _has_its_turn(self, candidate: dict[str, Any]) -> bool:
        """A discarded event is not handled, and so overtakes nobody."""
        if "discarding" in candidate:
            return True
        first = await self._lot.find_one({"key": candidate["key"]}, sort=_IN_TURN)
        return first is not None and first["_id"] == candidate["_id"]

    async def keep(self, parked: Parked) -> None:
        """Put back what was taken, with the result of the try. What an operator decided meanwhile stays so."""
        with mongodb.store_errors():
            await self._lot.update_one(
                {"_id": parked.id, "tries": parked.tries - 1, **_KEPT},
                {
                    "$set": {
                        "reason": parked.reason,
                        "tries": parked.tries,
                        "due_at": parked.due_at,
                    },
                    "$unset": {"lease_until": ""},
                },
            )

    async def release(self, id_: str) -> bool:
        """Remove an event that was handled. False: it was not here."""
        return await self._take_out({"_id": id_})

    async def discard(
        self, id_: str, discarding: Discarding, session: mongodb.Session = None
    ) -> bool:
        """Give an event up: it is due now, is moved out by `give_up`, and is never handled.

        False: it was not here, was given up before, or is being tried at this moment.
        """
        crash_points.reached("parking.discarding")
        with mongodb.store_errors():
            result = await self._lot.update_one(
                {"_id": id_, "lease_until": {"$not": {"$gt": discarding.at}}, **_KEPT},
                {"$set": {"due_at": discarding.at, "discarding": asdict(discarding)}},
                session=session,
            )
        crash_points.reached("parking.discarded")
        return bool(result.matched_count)

    async def give_up(self, id_: str) -> bool:
        """Move a discarded event, whole, to the discarded ones, with the operator and the reason.

        It is never in both places or in none. False: it was not here, or nobody discarded it.
        """
        return await self._take_out({"_id": id_, "discarding": {"$ne": None}}, to_discarded=True)

    async def _take_out(self, here: dict[str, Any], *, to_discarded: bool = False) -> bool:
        """Remove this one and make the next of its key due, in one transaction. False: it was not here.

        Raises:
            StoreUnavailable: not known to be done; repeating is safe.
        """

        async def taken_out(session: mongodb.Session) -> bool:
            document = await self._lot.find_one_and_delete(here, session=session)
            if document is None:
                return False
            if to_discarded:
                crash_points.reached("parking.giving_up")
                await self._discarded.insert_one(_discarded(document), session=session)
            await self._call_first(document["key"], session)
            return True

        return await mongodb.in_transaction(self._lot, taken_out)

    async def retry(self, id_: str, now: datetime, session: mongodb.Session = None) -> bool:
        """Make an event due now, with all its tries. False: it was not here, or was given up."""
        with mongodb.store_errors():
            result = await self._lot.update_one({"_id": id_, **_KEPT}, _due(now), session=session)
        return bool(result.matched_count)

    async def retry_all(self, now: datetime, session: mongodb.Session = None) -> int:
        """As `retry`, for each event that waits for an operator. Returns how many."""
        with mongodb.store_errors():
            result = await self._lot.update_many(_FOR_AN_OPERATOR, _due(now), session=session)
        return int(result.matched_count)

    async def find(self, id_: str) -> Parked | None:
        with mongodb.store_errors():
            document = await self._lot.find_one({"_id": id_})
        return None if document is None else _parked(document)

    async def list(self, limit: int, after: tuple[datetime, str] | None = None) -> Sequence[Parked]:
        """The oldest; `after` is the time and the id of the last one before."""
        behind = {} if after is None else _behind(*after)
        with mongodb.store_errors():
            found = await self._lot.find(behind).sort(_IN_TURN).limit(limit).to_list(None)
        return [_parked(document) for document in found]

    async def of_key(self, key: str) -> Sequence[Parked]:
        """The events of one key, in their order."""
        with mongodb.store_errors():
            found = await self._lot.find({"key": key}).sort(_IN_TURN).to_list(None)
        return [_parked(document) for document in found]

    async def size(self) -> int:
        with mongodb.store_errors():
            return int(await self._lot.count_documents({}, hint="_id_"))

    async def count(self) -> int:
        """How many wait for an operator."""
        with mongodb.store_errors():
            return int(await self._lot.count_documents(_FOR_AN_OPERATOR))


def _behind(parked_at: datetime, id_: str) -> dict[str, Any]:
    return {
        "$or": [{"parked_at": {"$gt": parked_at}}, {"parked_at": parked_at, "_id": {"$gt": id_}}]
    }


def _due(now: datetime) -> dict[str, Any]:
    return {"$set": {"due_at": now, "tries": 0}}


@immutable
class Order:
    """An operator's decision.

    Attributes:
        at: UTC.
        id: of the command; the same one is carried out once.
        fingerprint: of what was asked under this id.
    """

    by: str
    at: datetime
    reason: str | None = None
    id: str = field(default_factory=new_id)
    fingerprint: str = ""


def event_type(headers: Iterable[tuple[str, bytes]], value: bytes | None) -> str | None:
    """The event's type, even if the event is malformed; None: unknown."""
    named = list(headers)
    try:
        return read_kafka(named, value).type
    except MalformedEvent:
        said = dict(named).get("ce_type")
        return said.decode(errors="replace") if said is not None else None


# A record's place in Kafka is written `topic:partition:offset`.

_PLACE: Final = re.compile(
    r"(?P<topic>[A-Za-z0-9._-]+):(?P<partition>[0-9]{1,10}):(?P<offset>[0-9]{1,20})"
)


def place_of(topic: str, partition: int, offset: int) -> str:
    """The place in the form that operators see."""
    return f"{topic}:{partition}:{offset}"


def written_place(record: Record) -> str:
    """The place of a record."""
    return place_of(record.topic, record.partition, record.offset)


def read_place(text: str) -> str:
    """A place in its usual form; other text unchanged."""
    if not (found := _PLACE.fullmatch(text)):
        return text
    return place_of(found["topic"], int(found["partition"]), int(found["offset"]))


def stored_place(text: str) -> str:
    """The place in the parking lot's form (`Record.place`); other text unchanged."""
    if not (found := _PLACE.fullmatch(text)):
        return text
    return Record(found["topic"], int(found["partition"]), int(found["offset"]), "", (), None).place


def request_id(key: bytes | None) -> str | None:
    """The request's id in the key. Other keys may be personal, such as an account."""
    try:
        return str(UUID((key or b"").decode("ascii")))
    except ValueError:
        return None
