"""I3: what is stored is published, and each consumer applies each event once.

A record may be in the topic twice (a crash between publishing and noting it), but unchanged. A consumer keeps one
commit for it, whose id is the event's, and one effect.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from bmt.contracts import topics
from prove.books import Books
from prove.evidence import StoredCommit, StoredEvent
from prove.finding import Finding, Tally
from prove.published import Said, short

CAUSES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "ReviewOpened": frozenset({"RequestReceived"}),
        "Withdrawn": frozenset({"WithdrawalRequested"}),
        "ConfigurationDue": frozenset({"Approved"}),
        "EventFiled": frozenset(),
    }
)
"""What only an event can lead to, and which; an empty set means any."""

_ONCE_A_REQUEST: Final = ("ConfigurationDue", "Filed", "FileOpened", "Withdrawn")


def check(books: Books) -> Finding:
    """Stored against published, published against stored, then each event's effects."""
    tally = Tally()
    for record in books.unreadable:
        tally.require(False, f"{record.topic} holds a record that is no event")  # noqa: FBT003
    for commit, event in books.stored():
        if event.sequence:
            _is_said(books, commit, event, tally)
        _has_cause(books, commit, event, tally)
    for each in books.said:
        _is_stored(books, each, tally)
    for id_, copies in books.copies.items():
        same = all(copy.same_as(copies[0]) for copy in copies)
        tally.require(same, f"event {id_} was said in two ways", copies[0].request_id)
    _effects(books, tally)
    return tally.finding()


def _is_said(books: Books, commit: StoredCommit, event: StoredEvent, tally: Tally) -> None:
    subject = commit.stream.partition("-")[2]
    what = f"{commit.service}: {short(event.type)} {event.id} is stored and"
    tally.require(not commit.outbox, f"{what} still waits to be said", subject)
    told = books.events.get(event.id)
    if told is None:
        tally.require(False, f"{what} was never said", subject)  # noqa: FBT003
        return
    same = _without(told.data, event) == _without(event.data, event)
    tally.require(same, f"{what} was said otherwise", subject)
    name = (told.name, told.sequence, told.cause, told.request_id, told.service)
    wanted = (short(event.type), event.sequence, commit.id, subject, commit.service)
    tally.require(name == wanted, f"{what} its envelope says {name}", subject)


def _without(data: Mapping[str, Any], stored: StoredEvent) -> Any:
    """The readable part of stored data: records seals what is personal and names the places."""
    sealed = stored.data.get("sealed")
    if not isinstance(sealed, Mapping):
        return data
    places = frozenset(sealed["places"])

    def open_(value: Any, place: str) -> Any:
        if place in places:
            return None
        if isinstance(value, Mapping):
            return {name: open_(inner, f"{place}/{name}") for name, inner in value.items()}
        if isinstance(value, list):
            return [open_(inner, f"{place}/{number}") for number, inner in enumerate(value)]
        return value

    return open_({name: inner for name, inner in data.items() if name != "sealed"}, "")


def _is_stored(books: Books, each: Said, tally: Tally) -> None:
    commit = books.commits.get(each.service, {}).get(each.cause)
    stored = commit is not None and any(event.id == each.id for event in commit.events)
    tally.require(stored, f"{each.name} {each.id} was said and is not stored", each.request_id)
    writer = topics.WRITERS.get(each.record.topic)
    tally.require(
        writer == each.service, f"{each.service} spoke on {each.record.topic}", each.request_id
    )


def _has_cause(books: Books, commit: StoredCommit, event: StoredEvent, tally: Tally) -> None:
    """What follows from an event names it, and concerns the same request."""
    name = short(event.type)
    if name not in CAUSES:
        return
    cause = books.events.get(commit.id)
    subject = commit.stream.partition("-")[2]
    right = (
        cause is not None
        and cause.request_id == subject
        and (not CAUSES[name] or cause.name in CAUSES[name])
    )
    tally.require(right, f"{commit.service}: {name} has no cause that was said", subject)


def _effects(books: Books, tally: Tally) -> None:
    """An event's effect exists once, however often the event came."""
    filed: Counter[str] = Counter()
    notices: Counter[str] = Counter()
    once: dict[tuple[str, str], int] = defaultdict(int)
    opened: Counter[str] = Counter()
    received: Counter[str] = Counter()
    for commit, event in books.stored():
        name, subject = short(event.type), commit.stream.partition("-")[2]
        if name == "EventFiled":
            filed[str(event.data.get("event_id"))] += 1
        elif name == "NoticeDue":
            notices[str((event.data.get("notice") or {}).get("notification_id"))] += 1
        elif name in _ONCE_A_REQUEST:
            once[subject, name] += 1
        opened[subject] += name == "ReviewOpened"
        received[subject] += name == "RequestReceived"
    for id_, times in filed.items():
        event_of = books.events.get(id_)
        subject = event_of.request_id if event_of else ""
        tally.require(times == 1, f"records filed event {id_} {times} times", subject)
    for id_, times in notices.items():
        event_of = books.events.get(id_)
        subject = event_of.request_id if event_of else ""
        tally.require(times == 1, f"notification took in {id_} {times} times", subject)
    for (subject, name), times in once.items():
        tally.require(times == 1, f"{name} happened {times} times", subject)
    for subject, times in opened.items():
        if times:
            tally.require(
                times <= received[subject],
                f"reviewed {times} times, received {received[subject]} times",
                subject,
            )
