"""What happens to a file, kept within this service; what all hear of it is `Filed`."""

from typing import Final

from pydantic import Field

from bmt.contracts.events import About, Event, RequestEvent, RequestReceived
from bmt.contracts.requests import RequestFacts
from bmt.contracts.values import DocumentId, Moment

# What happens to a disposal; its own stream, `disposal-<id>`.


class DisposalProposed(Event):
    """Somebody asks for it. Account and reason are sealed under the person's key (`key`) themselves."""

    TYPE = "my.gov.bmt.records.DisposalProposed.v1"
    disposal_id: str
    agency: str
    account: str
    reason: str
    keys: tuple[str, ...]
    request_ids: tuple[str, ...]
    proposed_by: str
    at: Moment
    key: str


class DisposalApproved(Event):
    """Another administrator agrees: it is carried out."""

    TYPE = "my.gov.bmt.records.DisposalApproved.v1"
    disposal_id: str
    approved_by: str
    at: Moment


class DisposalRejected(Event):
    """Another administrator, or the same, does not."""

    TYPE = "my.gov.bmt.records.DisposalRejected.v1"
    disposal_id: str
    rejected_by: str
    at: Moment
    reason: str | None
    key: str


class DisposalBegun(Event):
    """No file had to keep the data: from here on it goes, whatever comes in between."""

    TYPE = "my.gov.bmt.records.DisposalBegun.v1"
    disposal_id: str
    at: Moment


class DisposalCarriedOut(Event):
    """The keys are destroyed: what was sealed under them is gone."""

    TYPE = "my.gov.bmt.records.DisposalCarriedOut.v1"
    disposal_id: str
    at: Moment


class DisposalStopped(Event):
    """A file came to need its data, or was held, between the approval and the beginning."""

    TYPE = "my.gov.bmt.records.DisposalStopped.v1"
    disposal_id: str
    at: Moment
    held: tuple[str, ...]


EVENTS: Final = (
    DisposalProposed,
    DisposalApproved,
    DisposalRejected,
    DisposalBegun,
    DisposalCarriedOut,
    DisposalStopped,
)


class FileOpened(RequestEvent):
    """A request has its file: the first event of it was heard."""

    TYPE = "my.gov.bmt.records.FileOpened.v1"
    file_number: str
    volume: int
    opened_at: Moment


class EventFiled(Event):
    """One event stands in the ledger, at this place of the request's chain.

    `request` is there when the event tells other facts than the file has; `justification` when it tells one; `about`
    when it is a notice.
    `key` names the person's key that the leaf and this event are sealed under; None before there were keys.
    Where the event is a disposal, `keys` are those that are gone; `while_open` as `RequestReceived` says it.
    """

    TYPE = "my.gov.bmt.records.EventFiled.v1"
    event_id: str
    event_type: str
    source: str
    sequence: int
    occurred_at: Moment
    leaf_index: int
    leaf_hash: str
    request: RequestFacts | None = None
    about: About | None = None
    justification: str | None = None
    key: str | None = None
    keys: tuple[str, ...] = ()
    while_open: bool = Field(default=False, exclude_if=lambda told: not told)

    @property
    def tells_facts(self) -> bool:
        """Whether the event tells the request's facts, be they those that the file has."""
        return self.event_type == RequestReceived.TYPE


class FolioDue(Event):
    """An event names this document: it must be fetched, checked and filed. `key`: as its event's leaf.

    `handed_in_by`: who handed it in, where the event does not say what they called it.
    """

    TYPE = "my.gov.bmt.records.FolioDue.v1"
    document_id: DocumentId
    event_id: str
    filename: str | None = None
    media_type: str | None = None
    key: str | None = None
    handed_in_by: str | None = None


class FolioFiled(Event):
    """A document stands in the file: its bytes were checked against its SHA-256 while copying.

    `key` names the person's key that they are sealed under; None before there were keys.
    """

    TYPE = "my.gov.bmt.records.FolioFiled.v1"
    number: int
    volume: int
    document_id: DocumentId
    event_id: str
    filename: str
    media_type: str
    size_bytes: int
    filed_at: Moment
    key: str | None = None


class FolioMissing(Event):
    """A document that an event names cannot be filed, and why; it is tried again until it can."""

    TYPE = "my.gov.bmt.records.FolioMissing.v1"
    document_id: DocumentId
    reason: str
    noticed_at: Moment
    key: str | None = None


class RecordViewed(Event):
    """Somebody looked at the file, or took a copy of one document of it."""

    TYPE = "my.gov.bmt.records.RecordViewed.v1"
    by: str
    roles: tuple[str, ...]
    viewed_at: Moment
    document_id: DocumentId | None = None
    key: str | None = None


class RecordExported(Event):
    """Somebody took a bundle of the file away."""

    TYPE = "my.gov.bmt.records.RecordExported.v1"
    by: str
    roles: tuple[str, ...]
    exported_at: Moment


class RecordsSearched(Event):
    """Somebody searched the files; `agency` is whose, None being all agencies."""

    TYPE = "my.gov.bmt.records.RecordsSearched.v1"
    by: str
    roles: tuple[str, ...]
    searched_at: Moment
    agency: str | None
    criteria: dict[str, str]
    found: int


class HoldPlaced(Event):
    """The file's data must be kept, whatever its age."""

    TYPE = "my.gov.bmt.records.HoldPlaced.v1"
    by: str
    reason: str
    at: Moment
    key: str | None = None


class HoldReleased(Event):
    """It need not be kept for that any more.

    Attributes:
        of: whose hold ended, by subject; None: everybody's.
        still_held: somebody else holds the file.
    """

    TYPE = "my.gov.bmt.records.HoldReleased.v1"
    by: str
    at: Moment
    reason: str | None = None
    of: str | None = None
    still_held: bool = False
    key: str | None = None


PRIVATE = (
    FileOpened,
    EventFiled,
    FolioDue,
    FolioFiled,
    FolioMissing,
    RecordViewed,
    RecordExported,
    RecordsSearched,
    HoldPlaced,
    HoldReleased,
    *EVENTS,
)
"""All of them."""
