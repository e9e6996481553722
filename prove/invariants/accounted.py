"""I8: every consumed record is applied, parked or dead. Every poison record is a whole dead letter, and nothing else is."""

import base64
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from prove.books import SUBSCRIBED, Books
from prove.client_log import Call
from prove.evidence import Record
from prove.finding import Finding, Tally
from prove.published import Said

Place = tuple[str, int, int]

_HEADERS = ("bmt_reason", "bmt_detail", "bmt_origin_topic", "bmt_origin_partition")


def check(books: Books) -> Finding:
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
        what = f"{parked.service} parked {parked.event_id}: {parked.reason}"
        tally.require(False, what, parked.request_id or None)  # noqa: FBT003
    return tally.finding()


def _accounted(
    books: Books,
    event: Said,
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
    what = f"poison {call.key} at {place}"
    tally.require(bool(found), f"{what} is nowhere among the dead letters")
    for letter in found:
        missing = [name for name in _HEADERS if not letter.header(name)]
        tally.require(not missing, f"{what} is dead without {', '.join(missing)}")
        whole = (letter.value or b"") == (_value(call.sent) or b"")
        tally.require(whole, f"{what} is dead without its value")
        headers = {name: raw.decode(errors="replace") for name, raw in letter.headers}
        sent = (call.sent or {}).get("headers") or {}
        kept = all(headers.get(name) == text for name, text in sent.items())
        tally.require(kept, f"{what} is dead without its headers")


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
