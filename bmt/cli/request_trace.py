"""One request's way over all services: what is shown of it, what is stuck, and what it waits for.

Nothing of an event's content is here but the file's number, leaves and folios: ids, names of events, times,
statuses and names of services are no personal data. Errors and reasons, which outside systems and people wrote, are
left out, as are causations that have another form than those of this house.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from bmt.chassis.work import WorkItem
from bmt.cli import parked
from bmt.cli.command_line import counted, moment
from bmt.cli.parked import NEXT_TRY, OPERATOR, Waiting
from bmt.contracts import topics
from bmt.reconciliation import MISSING_AFTER, Missing

LATE_AFTER: Final = timedelta(minutes=1)
"""A commit that is in the outbox for longer means that Kafka or its service is down."""

_ORDER: Final = tuple(topics.WRITERS.values())
_VERSION: Final = re.compile(r"\.v\d+$")
_HARMLESS: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9:/._-]{0,199}")
_BY_HAND: Final = ("memo", "letter", "form")


def name_of(type_: str) -> str:
    """The last word of an event's type, which names it."""
    return _VERSION.sub("", type_).rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class TracedEvent:
    """An event without its content; `public`: it goes to Kafka."""

    id: str
    type: str
    time: datetime
    public: bool

    @property
    def name(self) -> str:
        return name_of(self.type)


@dataclass(frozen=True, slots=True)
class TracedCommit:
    """A commit without its events' content.

    Attributes:
        time: when it was recorded, UTC.
        outbox: whether it is still to be published, or to be taken in by its service's own views.
        refusal: the problem's name, if the command was refused.
    """

    service: str
    stream: str
    version: int
    time: datetime
    causation: str
    outbox: bool
    events: tuple[TracedEvent, ...]
    refusal: str | None = None

    @property
    def names(self) -> str:
        return ", ".join(event.name for event in self.events)


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice: what it is about, how it leaves, and how far it is."""

    id: str
    about: str
    channel: str
    status: str


@dataclass(frozen=True, slots=True)
class Leaf:
    """The number of an event's leaf in the request's chain."""

    number: int
    event_id: str
    event_type: str


@dataclass(frozen=True, slots=True)
class Folio:
    """The number of a document in the file, and the event that names it."""

    number: int
    volume: int
    event_id: str


@dataclass(frozen=True)
class Trace:
    """What all services know of one request.

    Attributes:
        status: as intake shows it; None: it is not in intake's view.
        unrecorded: what a consumer has yet to record.
    """

    request_id: str
    reference: str | None
    agency: str | None
    kind: str | None
    status: str | None
    commits: Sequence[TracedCommit]
    work: Mapping[str, Sequence[WorkItem]] = field(default_factory=dict)
    parked: Sequence[Waiting] = ()
    notices: Sequence[Notice] = ()
    unrecorded: Sequence[Missing] = ()
    file_number: str | None = None
    leaves: Sequence[Leaf] = ()
    folios: Sequence[Folio] = ()

    @property
    def found(self) -> bool:
        return bool(self.commits or self.status)

    @property
    def event_names(self) -> Mapping[str, str]:
        """By the event's id."""
        return {event.id: event.name for one in self.commits for event in one.events}


def in_order(commits: Iterable[TracedCommit]) -> list[TracedCommit]:
    """By time; of the same moment in the procedure's order, and of one stream by version."""
    return sorted(commits, key=lambda one: (one.time, _ORDER.index(one.service), one.version))


def shown_causation(causation: str) -> str:
    """The causation if it has the form of an id, of a hash or of work; else that it is not shown."""
    return causation if _HARMLESS.fullmatch(causation) else "(not shown)"


# What is wrong, and what comes next.


def stuck(trace: Trace, now: datetime) -> list[str]:
    """What does not go on by itself, or should have gone on by now, a line each."""
    return [
        *(_parked(one) for one in trace.parked if one.waits_for in (OPERATOR, NEXT_TRY)),
        *_late(trace, now),
        *(
            f"{_unrecorded(trace, one)}, of {moment(one.recorded_at)}:"
            f" {one.consumer} is down or behind (`bmt status`)"
            for one in trace.unrecorded
            if now - one.recorded_at > MISSING_AFTER
        ),
        *_failed(trace),
    ]


def _parked(one: Waiting) -> str:
    name = name_of(one.type or "an event of unknown type")
    if one.waits_for == NEXT_TRY:
        tries = f"{one.parked.tries} tries" if one.parked.tries != 1 else "1 try"
        return f"{one.service} failed on {name} ({tries}) and tries again by itself"
    return f"{one.service} failed on {name}: an operator has to look at it (`bmt parked list`)"


def _late(trace: Trace, now: datetime) -> Iterator[str]:
    for one in trace.commits:
        if one.outbox and now - one.time > LATE_AFTER:
            yield (
                f"{one.service} has {one.names} in its outbox since {moment(one.time)}:"
                " Kafka or the service is down"
            )


def _unrecorded(trace: Trace, one: Missing) -> str:
    event = trace.event_names.get(one.event_id, f"event {one.event_id}")
    return f"{one.consumer} has not recorded {one.publisher}'s {event}"


def _failed(trace: Trace) -> Iterator[str]:
    if trace.status == "configuration_failed":
        yield (
            "the configuration failed: `bmt failures list` has the reason,"
            " `bmt failures retry` tries again"
        )
    for one in trace.notices:
        if one.status == "failed":
            yield f"the notice {one.about} by {one.channel} failed: somebody has to inform the user"


def waits_for(trace: Trace, now: datetime) -> str:
    """What the request waits for now, in one sentence."""
    if wrong := stuck(trace, now):
        return f"It is stuck: {wrong[0]}."
    if trace.unrecorded:
        return f"It is on its way: {_unrecorded(trace, trace.unrecorded[0])} yet."
    for each in trace.commits:
        if each.outbox:
            return f"It waits for {each.service}, which has yet to deliver {each.names}."
    return _step(trace)


def _step(trace: Trace) -> str:
    """By the status, if nothing is on its way between services."""
    return _STEPS.get(trace.status or "", _outcome)(trace)


def _decision(trace: Trace) -> str:
    endorsed = any(name == "Endorsed" for name in trace.event_names.values())
    approver = "another administrator" if endorsed else "an administrator"
    return f"It waits for {approver} of {trace.agency} to decide."


def _configuration(trace: Trace) -> str:
    return _work(trace, "provisioning", "It waits for provisioning to configure it")


def _without_status(trace: Trace) -> str:
    names = {event.name for one in trace.commits for event in one.events}
    if "InboxItemDismissed" in names:
        return "It waits for nothing: the inbox item was dismissed."
    if "InboxItemReceived" in names:
        return "It waits in the inbox, for somebody to register or dismiss it."
    if "Filed" in names:
        return "It waits for nothing: it is filed, and its working copies were removed."
    return (
        "Intake does not show it: nobody can tell what it waits for (`bmt views rebuild intake`)."
    )


def _work(trace: Trace, service: str, sentence: str) -> str:
    # A delivery to another system holds up nothing of the request.
    items = [one for one in trace.work.get(service, ()) if not one.target.startswith("webhook.")]
    if not items:
        return f"{sentence}."
    first = items[0]
    tried = f", after {counted(first.attempts, 'attempt')}" if first.attempts else ""
    reason = "a worker holds it until" if first.held else "it is due"
    return f"{sentence}: {first.target}{tried}, {reason} {moment(first.due_at)}."


def _outcome(trace: Trace) -> str:
    """After a decision or a configuration, the user must be notified."""
    last = trace.notices[-1] if trace.notices else None
    if last is not None and last.status == "prepared" and last.channel in _BY_HAND:
        return f"It waits for somebody to hand over the {last.channel} ({last.about})."
    return _work(trace, "notification", "It waits for notification to tell its user the outcome")


_STEPS: Final[Mapping[str, Callable[[Trace], str]]] = {
    "": _without_status,
    "received": _decision,
    "returned": lambda _: "It waits for the applicant, who has to correct it.",
    "approved": _configuration,
    "configuring": _configuration,
    "awaiting_operator": lambda _: (
        "It waits for an officer, who has to do its task by hand and to confirm it."
    ),
    "notified": lambda trace: _work(trace, "records", "It waits for records to file its documents"),
    "filed": lambda _: "It waits for nothing: it is filed.",
}
"""What follows each status; after any other, the user must be notified."""


# How it is shown.


def document(trace: Trace, now: datetime) -> Mapping[str, Any]:
    """JSON."""
    return {
        "request_id": trace.request_id,
        "reference": trace.reference,
        "agency": trace.agency,
        "kind": trace.kind,
        "status": trace.status,
        "waits_for": waits_for(trace, now),
        "stuck": stuck(trace, now),
        "commits": [_commit_item(one) for one in in_order(trace.commits)],
        "work": [
            {"service": service, **item}
            for service, items in trace.work.items()
            for item in _items(items, "id", "target", "due_at", "attempts", "held")
        ],
        "parked": parked.document(trace.parked, len(trace.parked))["items"],
        "unrecorded": _items(trace.unrecorded, "publisher", "consumer", "event_id", "recorded_at"),
        "notices": [
            {
                "notification_id": one.id,
                "about": one.about,
                "channel": one.channel,
                "status": one.status,
            }
            for one in trace.notices
        ],
        "record": {
            "file_number": trace.file_number,
            "leaves": _items(trace.leaves, "number", "event_id", "event_type"),
            "folios": _items(trace.folios, "number", "volume", "event_id"),
        },
    }


def _items(found: Iterable[object], *names: str) -> list[Mapping[str, Any]]:
    return [{name: getattr(one, name) for name in names} for one in found]


def _commit_item(one: TracedCommit) -> Mapping[str, Any]:
    return {
        "recorded_at": one.time,
        "service": one.service,
        "stream": one.stream,
        "version": one.version,
        "causation": shown_causation(one.causation),
        "outbox": one.outbox,
        "refusal": one.refusal,
        "events": _items(one.events, "id", "type", "time", "public"),
    }


def lines(trace: Trace, now: datetime) -> list[str]:
    """Text."""
    known = (trace.reference, trace.request_id, trace.agency, trace.kind, trace.status)
    waiting = parked.lines(trace.parked, len(trace.parked)) if trace.parked else []
    return [
        "  ".join(one for one in known if one),
        *_commit_lines(trace),
        *_work_lines(trace),
        *waiting,
        *(f"notice {one.about} by {one.channel}: {one.status}" for one in trace.notices),
        *_record_lines(trace),
        *stuck(trace, now)[1:],
        waits_for(trace, now),
    ]


def _commit_lines(trace: Trace) -> Iterator[str]:
    causes = {
        event.id: f"{one.service}'s {event.name}" for one in trace.commits for event in one.events
    }
    for one in in_order(trace.commits):
        state = "  IN THE OUTBOX" if one.outbox else ""
        at = f"{moment(one.time).removesuffix(' UTC')}.{one.time.microsecond // 1000:03} UTC"
        yield f"{at}  {one.service}  {one.stream} version {one.version}{state}"
        events = [f"{e.name} ({'public' if e.public else 'private'})" for e in one.events]
        outcome = f"refused: {one.refusal}" if one.refusal else ", ".join(events) or "nothing to do"
        cause = causes.get(one.causation)
        by = f"{cause} ({one.causation})" if cause else shown_causation(one.causation)
        yield f"    {outcome}; caused by {by}"


def _work_lines(trace: Trace) -> Iterator[str]:
    for service, items in trace.work.items():
        for item in items:
            due = "held until" if item.held else "due"
            tries = counted(item.attempts, "attempt")
            yield f"open work of {service}: {item.target}, {tries}, {due} {moment(item.due_at)}"


def _record_lines(trace: Trace) -> Iterator[str]:
    if trace.file_number is not None or trace.leaves:
        named = ", ".join(f"{one.number} {name_of(one.event_type)}" for one in trace.leaves)
        folios = ", ".join(str(one.number) for one in trace.folios) or "none"
        yield f"file {trace.file_number or 'without a number'}, folios {folios}; leaves {named}"
