"""I2: versions are 1 to n in every stream, and so is the published `ce_sequence`.

I3: what is stored is published, and each consumer applies each event once.

A record may be in the topic twice (a crash between publishing and noting it), but unchanged. A consumer keeps one
commit for it, whose id is the event's, and one effect.

I8: every consumed record is applied, parked or dead. Every poison record is a whole dead letter, and nothing else is.
"""

import base64
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from bmt.contracts import topics
from prove.books import SUBSCRIBED, Books, Finding, Published, Tally, short
from prove.evidence import Call, Record, StoredCommit, StoredEvent


def check_versions(books: Books) -> Finding:
    """Every stream as stored, then as published."""
    tally = Tally()
    for (service, stream), commits in books.streams.items():
        subject = stream.partition("-")[2]
        versions = [commit.version for commit in commits]
        tally.require(
            versions == list(range(1, len(commits) + 1)),
            f"{service}: versions of {stream} are {versions}",
            subject,
        )
        stored = [each.sequence for one in commits for each in one.events if each.sequence]
        tally.require(
            stored == list(range(1, len(stored) + 1)),
            f"{service}: stored sequences are {stored}",
            subject,
        )
        tally.require(
            _counted(commits), f"{service}: a commit counts its sequence wrongly", subject
        )
    _published_in_order(books, tally)
    return tally.finding()


def _counted(commits: Sequence[StoredCommit]) -> bool:
    """A commit's sequence counts all published events so far."""
    so_far = 0
    for commit in commits:
        so_far += sum(1 for each in commit.events if each.sequence)
        if commit.sequence != so_far:
            return False
    return True


def _published_in_order(books: Books, tally: Tally) -> None:
    """First copies come in order; later copies may come any time."""
    incoming: dict[tuple[str, str], dict[int, str]] = defaultdict(dict)
    for each in books.published:
        ids = incoming[each.service, each.request_id]
        known = ids.setdefault(each.sequence, each.id)
        tally.require(
            known == each.id,
            f"{each.service} said two events under sequence {each.sequence}",
            each.request_id,
        )
    for (service, request_id), ids in incoming.items():
        order = list(ids)
        tally.require(
            order == list(range(1, len(order) + 1)),
            f"{service} said sequences {order}",
            request_id,
        )


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


def check_applied_once(books: Books) -> Finding:
    """Stored against published, published against stored, then each event's effects."""
    tally = Tally()
    for record in books.unreadable:
        tally.require(False, f"{record.topic} holds a record that is no event")  # noqa: FBT003
    for commit, event in books.stored():
        if event.sequence:
            _is_published(books, commit, event, tally)
        _has_cause(books, commit, event, tally)
    for each in books.published:
        _is_stored(books, each, tally)
    for id_, copies in books.copies.items():
        same = all(copy.same_as(copies[0]) for copy in copies)
        tally.require(same, f"event {id_} was said in two ways", copies[0].request_id)
    _effects(books, tally)
    return tally.finding()


def _is_published(books: Books, commit: StoredCommit, event: StoredEvent, tally: Tally) -> None:
    subject = commit.stream.partition("-")[2]
    label = f"{commit.service}: {short(event.type)} {event.id} is stored and"
    tally.require(not commit.outbox, f"{label} still waits to be said", subject)
    sent = books.events.get(event.id)
    if sent is None:
        tally.require(False, f"{label} was never said", subject)  # noqa: FBT003
        return
    same = _without(sent.data, event) == _without(event.data, event)
    tally.require(same, f"{label} was said otherwise", subject)
    name = (sent.name, sent.sequence, sent.cause, sent.request_id, sent.service)
    wanted = (short(event.type), event.sequence, commit.id, subject, commit.service)
    tally.require(name == wanted, f"{label} its envelope says {name}", subject)


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


def _is_stored(books: Books, each: Published, tally: Tally) -> None:
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


Place = tuple[str, int, int]

_HEADERS = ("bmt_reason", "bmt_detail", "bmt_origin_topic", "bmt_origin_partition")


def check_accounted(books: Books) -> Finding:
    """Every event at every consumer, every poison record, every dead letter, every parked event."""
    tally = Tally()
    letters: dict[Place, list[Record]] = defaultdict(list)
    for letter in books.letters:
        letters[_origin(letter)].append(letter)
    for each in books.events.values():
        for service, names in SUBSCRIBED.items():
            if each.name in names:
                _accounted(books, each, service, letters, tally)
    poisons = list(_poisons(books))
    for call in poisons:
        if call.accepted:
            _buried_whole(call, letters, tally)
    places = {_place(call.answer) for call in poisons if call.accepted}
    values = {_value(call.sent) for call in poisons}
    for place, copies in letters.items():
        for letter in copies:
            known = place in places or letter.value in values
            tally.require(known, f"{place} is dead: {letter.header('bmt_reason')}", _about(letter))
    for parked in books.evidence.parked:
        label = f"{parked.service} parked {parked.event_id}: {parked.reason}"
        tally.require(False, label, parked.request_id or None)  # noqa: FBT003
    return tally.finding()


def _accounted(
    books: Books,
    event: Published,
    service: str,
    letters: Mapping[Place, list[Record]],
    tally: Tally,
) -> None:
    record = event.record
    dead = [
        letter
        for letter in letters.get((record.topic, record.partition, record.offset), ())
        if letter.header("bmt_refused_by") in (service, None)
    ]
    parked = any(
        each.event_id == event.id and each.service == service for each in books.evidence.parked
    )
    applied = event.id in books.commits.get(service, {})
    tally.require(
        applied or parked or bool(dead),
        f"{service} heard {event.name} {event.id} and nothing came of it",
        event.request_id,
    )


def _poisons(books: Books) -> Iterator[Call]:
    """Each intention's last call, which has the record's place if it was acknowledged."""
    for intention in books.intentions:
        if intention.action == "poison":
            yield (intention.accepted or intention.calls)[-1]


def _buried_whole(call: Call, letters: Mapping[Place, list[Record]], tally: Tally) -> None:
    place = _place(call.answer)
    found = letters.get(place, ())
    label = f"poison {call.key} at {place}"
    tally.require(bool(found), f"{label} is nowhere among the dead letters")
    for letter in found:
        missing = [name for name in _HEADERS if not letter.header(name)]
        tally.require(not missing, f"{label} is dead without {', '.join(missing)}")
        whole = (letter.value or b"") == (_value(call.sent) or b"")
        tally.require(whole, f"{label} is dead without its value")
        headers = {name: raw.decode(errors="replace") for name, raw in letter.headers}
        sent = (call.sent or {}).get("headers") or {}
        intact = all(headers.get(name) == text for name, text in sent.items())
        tally.require(intact, f"{label} is dead without its headers")


def _value(sent: Any) -> bytes | None:
    encoded = sent.get("value") if isinstance(sent, dict) else None
    return base64.b64decode(encoded) if encoded is not None else None


def _place(answer: Any) -> Place:
    place = answer if isinstance(answer, dict) else {}
    return (
        str(place.get("topic")),
        int(place.get("partition", -1)),
        int(place.get("offset", -1)),
    )


def _origin(letter: Record) -> Place:
    return (
        letter.header("bmt_origin_topic") or "",
        int(letter.header("bmt_origin_partition") or -1),
        int(letter.header("bmt_origin_offset") or -1),
    )


def _about(letter: Record) -> str | None:
    return letter.header("ce_subject")
