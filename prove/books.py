"""Indexes of the evidence: by event, by request, by stream, by intention. Nothing is judged here."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final, TypeVar

from bmt.contracts import topics
from prove.client_log import Intention, intentions
from prove.evidence import Evidence, Record, StoredCommit, StoredEvent
from prove.published import Said, said, short

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
    def said(self) -> tuple[Said, ...]:
        """Every readable record of the event topics, each partition in order."""
        return tuple(each for each in map(said, self._records(EVENT_TOPICS)) if each)

    @cached_property
    def unreadable(self) -> tuple[Record, ...]:
        """Records of the event topics that are no events."""
        return tuple(record for record in self._records(EVENT_TOPICS) if said(record) is None)

    @cached_property
    def letters(self) -> tuple[Record, ...]:
        return tuple(self._records((topics.DEAD_LETTERS,)))

    @cached_property
    def copies(self) -> Mapping[str, Sequence[Said]]:
        """Every record of each event, by its id."""
        return _grouped((each.id, each) for each in self.said)

    @cached_property
    def events(self) -> Mapping[str, Said]:
        """Each event once, by its id."""
        return {id_: copies[0] for id_, copies in self.copies.items()}

    @cached_property
    def by_request(self) -> Mapping[str, Sequence[Said]]:
        """Each request's events, each service's in its own order."""
        found = _grouped((each.request_id, each) for each in self.events.values())
        return {
            name: sorted(events, key=lambda each: (each.service, each.sequence))
            for name, events in found.items()
        }

    def told(self, request_id: str, *names: str) -> list[Said]:
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
