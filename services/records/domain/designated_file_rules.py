"""The rules of the designated file: what is filed, what is due, and when the file is complete."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from types import MappingProxyType
from typing import Any, Final

from bmt.chassis.eventsourcing.decider import Decider
from bmt.contracts.events import (
    Configured,
    Event,
    Filed,
    NotificationFailed,
    NotificationPrepared,
    Notified,
    RequestEvent,
    RequestReceived,
)
from bmt.verify_record import DISPOSED
from services.records.domain.designated_file import (
    Command,
    DesignatedFile,
    ExportRecord,
    FileDisposal,
    FileEvent,
    FileFolio,
    OnFile,
    PlaceHold,
    ReleaseHold,
    ReportMissing,
    State,
    Unopened,
    ViewRecord,
    evolve,
)
from services.records.domain.errors import HoldOfAnother, RecordNotFound
from services.records.domain.events import (
    SOURCE,
    EventFiled,
    FileOpened,
    FolioDue,
    FolioFiled,
    FolioMissing,
    HoldPlaced,
    HoldReleased,
    RecordExported,
    RecordViewed,
)
from services.records.domain.reader import Reader

FIRST_VOLUME: Final = 1
_NOTICES: Final = (NotificationPrepared, Notified, NotificationFailed)


def decide(command: Command, state: State) -> Sequence[Event]:
    """The events that `command` leads to. An event opens the file; everything else needs an open one.

    Raises:
        RecordNotFound: there is no such file for this reader.
        HoldOfAnother: only others hold the file, and the reader is no auditor.
    """
    if isinstance(command, FileEvent):
        return _and_closed(_file_event(command, state), state, command)
    if isinstance(state, Unopened):
        raise RecordNotFound
    return _RULES[type(command)](command, state)


def _file_event(command: FileEvent, state: State) -> list[Event]:
    event = command.event
    received = event if isinstance(event, RequestReceived) else None
    milestone = command.milestone
    events: list[Event] = []
    if isinstance(state, Unopened):
        events = [
            FileOpened(
                request=event.request,
                file_number=command.file_number,
                volume=FIRST_VOLUME,
                opened_at=command.at,
            )
        ]
    events.append(
        EventFiled(
            event_id=command.event_id,
            event_type=event.TYPE,
            source=command.source,
            sequence=command.sequence,
            occurred_at=command.occurred_at,
            leaf_index=command.leaf_index,
            leaf_hash=command.leaf_hash,
            request=received.request if received and _facts_differ(command, state) else None,
            justification=received.justification if received else None,
            about=event.about if isinstance(event, _NOTICES) else None,
            while_open=received is not None and received.while_open,
            key=command.key,
            at=milestone and milestone.at,
            due_at=milestone and milestone.due_at,
            prepared_reason=milestone and milestone.prepared_reason,
        )
    )
    due = {one.document_id: one for one in named_by(event, command.event_id, command.key)}
    named = state.named if due and isinstance(state, DesignatedFile) else frozenset()
    copied = {one.document_id: one for one in command.copied}
    for name, one in due.items():
        if name in named:
            continue
        file = reduce(evolve, events, state)
        if name in copied and isinstance(file, DesignatedFile):
            events.append(_folio(one, copied[name], file))
        else:
            events.append(one)
    return events


def _facts_differ(command: FileEvent, state: State) -> bool:
    """Whether the facts differ from the file's, or are sealed under another key."""
    return isinstance(state, DesignatedFile) and (
        state.key != command.key or state.request != command.event.request
    )


def named_by(event: RequestEvent, event_id: str, key: str | None) -> Iterator[FolioDue]:
    """The documents that an event names."""
    match event:
        case RequestReceived():
            for document in event.documents:
                yield FolioDue(
                    document_id=document.document_id,
                    event_id=event_id,
                    filename=document.filename,
                    media_type=document.media_type,
                    key=key,
                )
        case Configured():
            for evidence in event.evidence:
                if evidence.document_id is not None:
                    yield FolioDue(
                        document_id=evidence.document_id,
                        event_id=event_id,
                        key=key,
                        handed_in_by=event.configured_by.subject,
                    )
        case NotificationPrepared(document_id=str(document_id)):
            yield FolioDue(document_id=document_id, event_id=event_id, key=key)


def _file_folio(command: FileFolio, state: DesignatedFile) -> Sequence[Event]:
    due = state.due.get(command.document_id)
    if due is None:
        return ()
    return _and_closed([_folio(due, command, state)], state, command)


def _folio(due: FolioDue, copied: FileFolio, state: DesignatedFile) -> FolioFiled:
    in_volume = sum(folio.volume == state.volume for folio in state.folios)
    return FolioFiled(
        number=len(state.folios) + 1,
        volume=state.volume + (in_volume >= copied.folios_a_volume),
        document_id=due.document_id,
        event_id=due.event_id,
        filename=due.filename or copied.filename,
        media_type=due.media_type or copied.media_type,
        size_bytes=copied.size_bytes,
        filed_at=copied.at,
        key=due.key,
    )


def _and_closed(
    events: list[Event], state: State, command: FileEvent | FileFolio
) -> Sequence[Event]:
    """The events, and `Filed` if they complete the file. It is published once."""
    if not _may_be_last(command, state):
        return events
    for event in events:
        state = evolve(state, event)
    if not isinstance(state, DesignatedFile) or state.filed_at or not state.complete:
        return events
    filed = Filed(
        request=state.request,
        file_number=state.file_number,
        volume=state.volume,
        folios=len(state.folios),
        filed_at=command.at,
    )
    return [*events, filed]


def _may_be_last(command: FileEvent | FileFolio, state: State) -> bool:
    """Whether the notice of the outcome is filed. No file is complete without it."""
    return (isinstance(state, DesignatedFile) and state.progress.outcome_notified) or (
        isinstance(command, FileEvent) and isinstance(command.event, Notified)
    )


def _report_missing(command: ReportMissing, state: DesignatedFile) -> Sequence[Event]:
    due = state.due.get(command.document_id)
    if due is None or state.missing.get(command.document_id) == command.reason:
        return ()
    return [
        FolioMissing(
            document_id=command.document_id,
            reason=command.reason,
            noticed_at=command.at,
            key=due.key,
        )
    ]


def _file_disposal(command: FileDisposal, _: DesignatedFile) -> Sequence[Event]:
    """Decided once: the event's id is the command's causation."""
    return [
        EventFiled(
            event_id=command.event_id,
            event_type=DISPOSED,
            source=SOURCE,
            sequence=0,
            occurred_at=command.at,
            leaf_index=command.leaf_index,
            leaf_hash=command.leaf_hash,
            keys=command.keys,
        )
    ]


def _require_visible(state: DesignatedFile, reader: Reader) -> None:
    if not reader.may_see(state.request.agency):
        raise RecordNotFound


def _view(command: ViewRecord, state: DesignatedFile) -> Sequence[Event]:
    _require_visible(state, command.reader)
    folios = (folio for folio in state.folios if folio.document_id == command.document_id)
    return [
        RecordViewed(
            by=command.reader.subject,
            roles=command.reader.roles,
            viewed_at=command.at,
            document_id=command.document_id,
            key=next((folio.key for folio in folios), None),
        )
    ]


def _export(command: ExportRecord, state: DesignatedFile) -> Sequence[Event]:
    reader = command.reader
    _require_visible(state, reader)
    return [RecordExported(by=reader.subject, roles=reader.roles, exported_at=command.at)]


def _place_hold(command: PlaceHold, state: DesignatedFile) -> Sequence[Event]:
    """One person holds a file at most once. Several people may hold it."""
    _require_visible(state, command.reader)
    by = command.reader.subject
    if any(hold.by == by for hold in state.holds):
        return ()
    return [HoldPlaced(by=by, reason=command.reason, at=command.at, key=state.key)]


def _release_hold(command: ReleaseHold, state: DesignatedFile) -> Sequence[Event]:
    """Ends the reader's own hold, or as an auditor every hold."""
    _require_visible(state, command.reader)
    by, holders = command.reader.subject, [hold.by for hold in state.holds]
    if not holders:
        return ()
    audits = "auditor" in command.reader.roles
    if not audits and by not in holders:
        raise HoldOfAnother
    return [
        HoldReleased(
            by=by,
            at=command.at,
            reason=command.reason,
            of=None if audits else by,
            still_held=not audits and len(holders) > 1,
            key=state.key,
        )
    ]


_RULES: Final[Mapping[type[OnFile], Callable[[Any, DesignatedFile], Sequence[Event]]]] = (
    MappingProxyType(
        {
            FileFolio: _file_folio,
            ReportMissing: _report_missing,
            FileDisposal: _file_disposal,
            ViewRecord: _view,
            ExportRecord: _export,
            PlaceHold: _place_hold,
            ReleaseHold: _release_hold,
        }
    )
)


DECIDER: Final[Decider[Command, State]] = Decider(Unopened(), decide, evolve)
