"""The lists of files and of disposals, and the work of fetching documents and disposing of data."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, Field

from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.readmodels.view_store import MOST_WORDS, Body, words_of
from bmt.chassis.readmodels.views import View
from bmt.chassis.work import Remove, WorkChange, WorkItem
from bmt.contracts.events import Event, Filed, Progress, RequestFacts
from bmt.contracts.http.records import DisposalItem
from bmt.contracts.values import GONE, Applicant, Status
from bmt.verify_record import DISPOSED
from services.records.charter.cases import Case, charter_changes
from services.records.domain.designated_file import NOBODY, PENDING, original
from services.records.domain.disposal import STATUS
from services.records.domain.events import (
    DISPOSAL_EVENTS,
    DisposalApproved,
    DisposalCarriedOut,
    DisposalProposed,
    DisposalRejected,
    DisposalStopped,
    EventFiled,
    FileOpened,
    FolioDue,
    FolioFiled,
    FolioMissing,
    HoldPlaced,
    HoldReleased,
    RecordsSearched,
)

FOLIOS: Final = "folios"
"""The work of fetching documents."""

DISPOSAL: Final = "disposal"
"""The work of disposing of people's data."""


class FileEntry(Case):
    """One file, as it is searched and listed.

    `words` are the search index. `unfiled` has the reason for each document that is named but not
    filed. `key` is the key that seals the applicant's data, `document_keys` the keys that seal the
    documents.
    """

    reference: str
    applicant: Applicant
    file_number: str
    volume: int
    status: Status = "received"
    words: tuple[str, ...] = ()
    document_ids: tuple[str, ...] = ()
    document_keys: tuple[str | None, ...] = ()
    key: str | None = None
    held: bool = False
    unfiled: dict[str, str] = Field(default_factory=dict)
    filed_at: datetime | None = None
    progress: Progress = Progress()
    request_sequence: int = 0


def _fold(entry: Body | None, incoming: IncomingEvent[BaseModel]) -> Body | None:
    event = incoming.data
    if isinstance(event, FileOpened):
        return _opened(event)
    if entry is None:
        return None
    change = _CHANGES.get(type(event))
    return change(entry, event) if change else entry


def _opened(event: FileOpened) -> Body:
    return {
        **_facts(event.request),
        "file_number": event.file_number,
        "volume": event.volume,
        "status": "received",
        "words": _more_words((), _known_by(event.request, event.file_number)),
        "document_ids": [],
        "document_keys": [],
        "key": None,
        "held": False,
        "unfiled": {},
        "filed_at": None,
        "progress": Progress().model_dump(),
        "request_sequence": 0,
        "open": True,
        "noted": [],
    }


def _with_event(entry: Body, event: EventFiled) -> Body:
    if event.event_type == DISPOSED:
        return _disposed_of(entry, event.keys)
    changes = {
        **_progressed(entry, original(event), event.sequence),
        **charter_changes(entry, event),
    }
    if event.has_facts and event.sequence > entry["request_sequence"]:
        changes |= _facts(event.request) if event.request else {}
        changes |= {"request_sequence": event.sequence, "key": event.key}
    known = _known_by(event.request, entry["file_number"]) if event.request else ()
    return _found_by({**entry, **changes}, *known, event.justification)


def _progressed(entry: Body, event: Event, sequence: int) -> Body:
    """What changes in the entry as the procedure continues."""
    before = Progress.model_validate(entry["progress"])
    progress = before.after(event, sequence)
    if progress is before:
        return {}
    return {"progress": progress.model_dump(), "status": progress.status}


def _with_folio(entry: Body, event: FolioFiled) -> Body:
    listed = {
        "document_ids": [*entry["document_ids"], event.document_id],
        "document_keys": [*entry["document_keys"], event.key],
        "unfiled": {
            name: why for name, why in entry["unfiled"].items() if name != event.document_id
        },
        "volume": event.volume,
    }
    return _found_by({**entry, **listed}, event.filename)


def _with_due(entry: Body, event: FolioDue) -> Body:
    unfiled = {**entry["unfiled"], event.document_id: PENDING}
    return _found_by({**entry, "unfiled": unfiled}, event.filename)


def _with_missing(entry: Body, event: FolioMissing) -> Body:
    return {**entry, "unfiled": {**entry["unfiled"], event.document_id: event.reason}}


def _disposed_of(entry: Body, keys: Collection[str]) -> Body:
    """What was sealed under these keys is no longer listed or found."""
    left = [
        (document_id, key)
        for document_id, key in zip(entry["document_ids"], entry["document_keys"], strict=True)
        if key not in keys
    ]
    changes: Body = {
        "document_ids": [document_id for document_id, _ in left],
        "document_keys": [key for _, key in left],
        "words": _more_words((), (entry["reference"], entry["file_number"])),
    }
    if entry["key"] in keys:
        changes["applicant"] = NOBODY.model_dump()
    return {**entry, **changes}


def _with_hold(entry: Body, _: HoldPlaced) -> Body:
    return {**entry, "held": True}


def _without_hold(entry: Body, event: HoldReleased) -> Body:
    return {**entry, "held": event.still_held}


def _filed(entry: Body, event: Filed) -> Body:
    return {**entry, **_progressed(entry, event, 0), "filed_at": event.filed_at}


_CHANGES: Final[Mapping[type[BaseModel], Callable[[Body, Any], Body]]] = {
    EventFiled: _with_event,
    FolioDue: _with_due,
    FolioFiled: _with_folio,
    FolioMissing: _with_missing,
    Filed: _filed,
    HoldPlaced: _with_hold,
    HoldReleased: _without_hold,
}


def _facts(request: RequestFacts) -> Body:
    return {
        "request_id": request.request_id,
        "reference": request.reference,
        "kind": request.kind,
        "channel": request.channel,
        "agency": request.agency,
        "applicant": request.applicant.model_dump(),
        "received_at": request.received_at,
    }


def _known_by(request: RequestFacts, file_number: str) -> Sequence[str]:
    applicant = request.applicant
    return (request.reference, applicant.account, applicant.name, file_number)


def _more_words(words: Sequence[str], texts: Sequence[str]) -> list[str]:
    """Words are only added: after a correction, the earlier words still find the file."""
    return sorted({*words, *words_of(texts)})[:MOST_WORDS]


def _found_by(entry: Body, *texts: str | None) -> Body:
    """The entry with the words of these texts added."""
    new = [text for text in texts if text]
    return {**entry, "words": _more_words(entry["words"], new)} if new else entry


def of_file(incoming: IncomingEvent[BaseModel]) -> str | None:
    """Searches and disposals have their own streams, which belong to no file."""
    return (
        None if isinstance(incoming.data, (RecordsSearched, *DISPOSAL_EVENTS)) else incoming.subject
    )


FILES: Final = View(
    name="files",
    model=FileEntry,
    fold=_fold,
    key=of_file,
    lags=True,
    indexes=(
        ("received_at", "_id"),
        ("status", "received_at", "_id"),
        ("agency", "received_at", "_id"),
        ("agency", "status", "received_at", "_id"),
        ("agency", "open", "received_at", "_id"),
        ("document_ids", "_id"),
        ("words",),
    ),
)
"""All files, newest request first."""


def work_of(incoming: IncomingEvent[BaseModel]) -> Sequence[WorkChange]:
    """Fetch a document that is due until it is filed. Carry out an approved disposal."""
    match incoming.data:
        case FolioDue(document_id=document_id):
            return (
                WorkItem(
                    work_id(incoming.subject, document_id), FOLIOS, incoming.subject, incoming.time
                ),
            )
        case FolioFiled(document_id=document_id):
            return (Remove(work_id(incoming.subject, document_id)),)
        case DisposalApproved(disposal_id=disposal_id):
            return (WorkItem(disposal_id, DISPOSAL, disposal_id, incoming.time),)
        case _:
            return ()


def work_id(request_id: str, document_id: str) -> str:
    """Names the work of fetching a document for a file."""
    return f"{request_id}/{document_id}"


def document_of(item: WorkItem) -> str:
    """The document to be fetched."""
    return item.id.partition("/")[2]


def _fold_disposal(item: Body | None, incoming: IncomingEvent[BaseModel]) -> Body | None:
    event: Any = incoming.data
    if isinstance(event, DisposalProposed):
        return _proposed(event)
    if item is None:
        return None
    changes: Body = {"status": STATUS[event.TYPE]}
    match event:
        case DisposalApproved(approved_by=by, at=at) | DisposalRejected(rejected_by=by, at=at):
            changes |= {"decided_by": by, "decided_at": at}
        case DisposalCarriedOut(at=at):
            changes |= {"ended_at": at, "account": GONE, "reason": GONE}
        case DisposalStopped(at=at):
            changes |= {"ended_at": at}
    return {**item, **changes}


def _proposed(event: DisposalProposed) -> Body:
    return {
        "disposal_id": event.disposal_id,
        "status": "proposed",
        "agency": event.agency,
        "account": event.account,
        "reason": event.reason,
        "request_ids": list(event.request_ids),
        "proposed_by": event.proposed_by,
        "proposed_at": event.at,
        "decided_by": None,
        "decided_at": None,
        "ended_at": None,
    }


DISPOSALS: Final = View(
    name="disposals",
    model=DisposalItem,
    fold=_fold_disposal,
    key=lambda incoming: incoming.subject if isinstance(incoming.data, DISPOSAL_EVENTS) else None,
    indexes=(("agency", "proposed_at", "_id"), ("proposed_at", "_id")),
)
"""All disposals, newest first."""
