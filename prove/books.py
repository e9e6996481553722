"""Indexes of the evidence: by event, by request, by stream, by intention; and the findings of the checks. Nothing is judged here.

Events are read from raw Kafka records without the code of the services (CloudEvents 1.0, Kafka protocol binding, binary
mode; the services publish no other).
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, TypeVar

from bmt.contracts import topics
from bmt.contracts.events import OUTCOMES
from prove.evidence import Evidence, Intention, Record, StoredCommit, StoredEvent, intentions


@dataclass(frozen=True, slots=True)
class Published:
    """One published event.

    Attributes:
        service: the last part of `ce_source`.
        name: the type without its prefix and version, as in `RequestReceived`.
        sequence: 0 if there is none.
        cause: `ce_causationid`.
    """

    record: Record
    id: str
    service: str
    name: str
    request_id: str
    sequence: int
    time: str
    cause: str
    data: Mapping[str, Any]

    @property
    def request(self) -> Mapping[str, Any]:
        facts: Mapping[str, Any] = self.data.get("request") or {}
        return facts

    @property
    def account(self) -> str:
        """The applicant's account in lower case, as IPMS compares it."""
        return str((self.request.get("applicant") or {}).get("account", "")).casefold()

    def same_as(self, other: "Published") -> bool:
        return self.meaning == other.meaning

    @property
    def meaning(self) -> tuple[object, ...]:
        """Everything but the place in the topic."""
        named = (self.id, self.service, self.name, self.request_id, self.sequence, self.cause)
        return (*named, self.data)


def short(type_: str) -> str:
    """`my.gov.bmt.Approved.v1` is `Approved`."""
    parts = type_.split(".")
    return parts[-2] if len(parts) > 1 else type_


def event_of(record: Record) -> Published | None:
    """The event of a record; None if it is none."""
    sequence = record.header("ce_sequence") or "0"
    try:
        data = json.loads(record.value or b"")
    except ValueError:
        return None
    if not isinstance(data, dict) or not record.header("ce_id") or not sequence.isdigit():
        return None
    return Published(
        record=record,
        id=record.header("ce_id") or "",
        service=(record.header("ce_source") or "").rpartition("/")[2],
        name=short(record.header("ce_type") or ""),
        request_id=record.header("ce_subject") or "",
        sequence=int(sequence),
        time=record.header("ce_time") or "",
        cause=record.header("ce_causationid") or "",
        data=data,
    )


_DECIDED: Final = {"Approved": "approved", "Rejected": "rejected", "Withdrawn": "withdrawn"}
_CONFIGURED: Final = {
    "ConfigurationStarted": "configuring",
    "AwaitingOperator": "awaiting_operator",
    "Configured": "configured",
    "ConfigurationFailed": "configuration_failed",
}


def status_after(events: Sequence[Published]) -> str:
    """The status after `events`, each service's in its own order."""
    names = [each.name for each in events]
    if "Filed" in names:
        return "filed"
    if any(each.name == "Notified" and each.data.get("about") in OUTCOMES for each in events):
        return "notified"
    for table in (_CONFIGURED, _DECIDED):
        reached = [table[name] for name in names if name in table]
        if reached:
            return reached[-1]
    returned = names.count("ReturnedForCorrection")
    return "returned" if returned and returned >= times_received(events) else "received"


def times_received(events: Sequence[Published]) -> int:
    """How often it was received: once, and for each correction that was asked for."""
    return sum(
        each.name == "RequestReceived" and not each.data.get("while_open") for each in events
    )


K = TypeVar("K")
V = TypeVar("V")

EVENT_TOPICS: Final = (*topics.PUBLIC, topics.RECORDS)

SUBSCRIBED: Final[Mapping[str, frozenset[str]]] = {
    "approval": frozenset({"RequestReceived", "WithdrawalRequested"}),
    "provisioning": frozenset({"Approved"}),
    "notification": frozenset(
        {"RequestReceived", "Rejected", "ReturnedForCorrection", "Withdrawn", "Configured"}
    ),
    "records": frozenset(
        short(event.TYPE) for topic in topics.PUBLIC for event in topics.EVENTS[topic]
    ),
}
"""The events that each service must record in its own commit, whose id is the event's."""


class Books:
    """One run's evidence with the indexes that the checks need."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence

    @cached_property
    def published(self) -> tuple[Published, ...]:
        """Every readable record of the event topics, each partition in order."""
        return tuple(each for each in map(event_of, self._records(EVENT_TOPICS)) if each)

    @cached_property
    def unreadable(self) -> tuple[Record, ...]:
        """Records of the event topics that are no events."""
        return tuple(record for record in self._records(EVENT_TOPICS) if event_of(record) is None)

    @cached_property
    def letters(self) -> tuple[Record, ...]:
        return tuple(self._records((topics.DEAD_LETTERS,)))

    @cached_property
    def copies(self) -> Mapping[str, Sequence[Published]]:
        """Every record of each event, by its id."""
        return _grouped((each.id, each) for each in self.published)

    @cached_property
    def events(self) -> Mapping[str, Published]:
        """Each event once, by its id."""
        return {id_: copies[0] for id_, copies in self.copies.items()}

    @cached_property
    def by_request(self) -> Mapping[str, Sequence[Published]]:
        """Each request's events, each service's in its own order."""
        found = _grouped((each.request_id, each) for each in self.events.values())
        return {
            name: sorted(events, key=lambda each: (each.service, each.sequence))
            for name, events in found.items()
        }

    def events_named(self, request_id: str, *names: str) -> list[Published]:
        """A request's events of these names, each service's in its own order."""
        return [each for each in self.by_request.get(request_id, ()) if each.name in names]

    @cached_property
    def commits(self) -> Mapping[str, Mapping[str, StoredCommit]]:
        """By service, then by id."""
        found: dict[str, dict[str, StoredCommit]] = defaultdict(dict)
        for commit in self.evidence.commits:
            found[commit.service][commit.id] = commit
        return found

    @cached_property
    def streams(self) -> Mapping[tuple[str, str], Sequence[StoredCommit]]:
        """Each stream's commits in the order of their versions, by service and stream."""
        found = _grouped(((one.service, one.stream), one) for one in self.evidence.commits)
        return {name: sorted(each, key=lambda one: one.version) for name, each in found.items()}

    def stored(self) -> Iterator[tuple[StoredCommit, StoredEvent]]:
        for commit in self.evidence.commits:
            for event in commit.events:
                yield commit, event

    def stored_of(self, service: str, request_id: str, *names: str) -> list[StoredEvent]:
        """A request's stored events of these names in one service."""
        commits = self.streams.get((service, f"request-{request_id}"), ())
        return [each for one in commits for each in one.events if short(each.type) in names]

    @cached_property
    def by_reference(self) -> Mapping[str, frozenset[str]]:
        """The requests with an integrator's own reference."""
        found = _grouped(
            (str(event.data["source_reference"]), commit.stream.partition("-")[2])
            for commit, event in self.stored()
            if commit.service == "intake" and short(event.type) == "RequestReceived"
            if event.data.get("source_reference")
        )
        return {reference: frozenset(ids) for reference, ids in found.items()}

    @cached_property
    def request_ids(self) -> tuple[str, ...]:
        """Every request that is named anywhere."""
        named = (name for each in self.intentions for name in each.request_ids)
        received = (
            commit.stream.partition("-")[2]
            for commit, event in self.stored()
            if commit.service == "intake" and short(event.type) == "RequestReceived"
        )
        return tuple(dict.fromkeys([*named, *received, *self.by_request]))

    @cached_property
    def intentions(self) -> tuple[Intention, ...]:
        return intentions(self.evidence.calls)

    def _records(self, names: Sequence[str]) -> Iterable[Record]:
        return (record for record in self.evidence.records if record.topic in names)


def _grouped(pairs: Iterable[tuple[K, V]]) -> dict[K, list[V]]:
    found: dict[K, list[V]] = defaultdict(list)
    for key, value in pairs:
        found[key].append(value)
    return found


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong; `request_id` is null if it concerns none."""

    what: str
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    checked: int
    violations: tuple[Violation, ...]


@dataclass(slots=True)
class Tally:
    """Counts the checks, and collects the violations."""

    checked: int = 0
    violations: list[Violation] = field(default_factory=list)

    def require(self, holds: bool, fault: str, request_id: str | None = None) -> None:  # noqa: FBT001
        """Count one check; `fault` says what is wrong unless it holds."""
        self.checked += 1
        if not holds:
            self.violations.append(Violation(fault, request_id))

    def finding(self) -> Finding:
        """The result; each violation appears once."""
        return Finding(self.checked, tuple(dict.fromkeys(self.violations)))
