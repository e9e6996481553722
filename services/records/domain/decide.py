"""What follows from a command: pure, so that tests and auditors can rely on it."""

from collections.abc import Iterator, Sequence

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
from services.records.domain import disposals
from services.records.domain.commands import (
    Command,
    ExportRecord,
    FileDisposal,
    FileEvent,
    FileFolio,
    NoteSearch,
    OnFile,
    PlaceHold,
    ReleaseHold,
    ReportMissing,
    ViewRecord,
)
from services.records.domain.disposals import (
    BeginDisposal,
    EndDisposal,
    ProposeDisposal,
    RuleOnDisposal,
)
from services.records.domain.errors import HoldOfAnother, RecordNotFound
from services.records.domain.events import (
    EventFiled,
    FileOpened,
    FolioDue,
    FolioFiled,
    FolioMissing,
    HoldPlaced,
    HoldReleased,
    RecordExported,
    RecordsSearched,
    RecordViewed,
)
from services.records.domain.state import DesignatedFile, State, Unopened, evolve

FIRST_VOLUME = 1
_NOTICES = (NotificationPrepared, Notified, NotificationFailed)
SOURCE = "/bmt/records"


def decide(command: Command, state: State) -> Sequence[Event]:
    """The events that `command` leads to.

    Raises:
        RecordNotFound: there is no such file for this reader.
    """
    match command:
        case FileEvent():
            return _and_closed(_file_event(command, state), state, command)
        case ProposeDisposal() | RuleOnDisposal() | BeginDisposal() | EndDisposal():
            return disposals.decide(command, state)
        case NoteSearch():
            return _note_search(command)
        case _ if isinstance(state, DesignatedFile):
            return _on_file(command, state)
        case _:
            raise RecordNotFound


def _on_file(command: OnFile, state: DesignatedFile) -> Sequence[Event]:
    by_reader = ViewRecord | ExportRecord | PlaceHold | ReleaseHold
    if isinstance(command, by_reader) and not command.reader.may_see(state.request.agency):
        raise RecordNotFound
    match command:
        case FileFolio():
            return _and_closed(_file_folio(command, state), state, command)
        case ReportMissing():
            return _report_missing(command, state)
        case ViewRecord():
            return _view(command, state)
        case ExportRecord():
            return _export(command)
        case FileDisposal():
            return _file_disposal(command)
        case PlaceHold() | ReleaseHold():
            return _hold(command, state)


def _file_event(command: FileEvent, state: State) -> list[Event]:
    event = command.event
    received = event if isinstance(event, RequestReceived) else None
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
            request=received.request if received and _tells_other(command, state) else None,
            justification=received.justification if received else None,
            about=event.about if isinstance(event, _NOTICES) else None,
            while_open=received is not None and received.while_open,
            key=command.key,
        )
    )
    due = {one.document_id: one for one in _named(event, command.event_id, command.key)}
    named = state.named if due and isinstance(state, DesignatedFile) else frozenset()
    return [*events, *(one for name, one in due.items() if name not in named)]


def _tells_other(command: FileEvent, state: State) -> bool:
    """Whether the facts differ from the file's, or are sealed under another key."""
    return isinstance(state, DesignatedFile) and (
        state.key != command.key or state.request != command.event.request
    )


def _named(event: RequestEvent, event_id: str, key: str | None) -> Iterator[FolioDue]:
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


def _file_folio(command: FileFolio, state: DesignatedFile) -> list[Event]:
    due = state.due.get(command.document_id)
    if due is None:
        return []
    in_volume = sum(folio.volume == state.volume for folio in state.folios)
    return [
        FolioFiled(
            number=len(state.folios) + 1,
            volume=state.volume + (in_volume >= command.folios_a_volume),
            document_id=due.document_id,
            event_id=due.event_id,
            filename=due.filename or command.filename,
            media_type=due.media_type or command.media_type,
            size_bytes=command.size_bytes,
            filed_at=command.at,
            key=due.key,
        )
    ]


def _report_missing(command: ReportMissing, state: DesignatedFile) -> list[Event]:
    due = state.due.get(command.document_id)
    if due is None or state.missing.get(command.document_id) == command.reason:
        return []
    return [
        FolioMissing(
            document_id=command.document_id,
            reason=command.reason,
            noticed_at=command.at,
            key=due.key,
        )
    ]


def _view(command: ViewRecord, state: DesignatedFile) -> list[Event]:
    return [
        RecordViewed(
            by=command.reader.subject,
            roles=command.reader.roles,
            viewed_at=command.at,
            document_id=command.document_id,
            key=_key_of(state, command.document_id),
        )
    ]


def _key_of(state: DesignatedFile, document_id: str | None) -> str | None:
    folios = (folio for folio in state.folios if folio.document_id == document_id)
    return next((folio.key for folio in folios), None)


def _export(command: ExportRecord) -> list[Event]:
    reader = command.reader
    return [RecordExported(by=reader.subject, roles=reader.roles, exported_at=command.at)]


def _note_search(command: NoteSearch) -> list[Event]:
    return [
        RecordsSearched(
            by=command.reader.subject,
            roles=command.reader.roles,
            searched_at=command.at,
            agency=command.agency,
            criteria=dict(command.criteria),
            found=command.found,
        )
    ]


def _file_disposal(command: FileDisposal) -> list[Event]:
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


def _hold(command: PlaceHold | ReleaseHold, state: DesignatedFile) -> list[Event]:
    """One person holds a file at most once. Several people may hold it.

    Raises:
        HoldOfAnother: only others hold it, and the reader is no auditor.
    """
    by, holders = command.reader.subject, [one.by for one in state.holds]
    own = by in holders
    if isinstance(command, PlaceHold):
        placed = HoldPlaced(by=by, reason=command.reason, at=command.at, key=state.key)
        return [] if own else [placed]
    if not holders:
        return []
    audits = "auditor" in command.reader.roles
    if not audits and not own:
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


def _may_be_last(command: FileEvent | FileFolio, state: State) -> bool:
    """Whether the notice of the outcome is filed. No file is complete without it."""
    return (isinstance(state, DesignatedFile) and state.progress.outcome_notified) or (
        isinstance(command, FileEvent) and isinstance(command.event, Notified)
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
