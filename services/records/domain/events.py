"""The events that records keeps to itself. Only `Filed` is published."""

from typing import Final

from pydantic import Field

from bmt.contracts.events import About, Event, RequestEvent, RequestFacts, RequestReceived
from bmt.contracts.values import DocumentId, Moment

SOURCE: Final = "/bmt/records"


class DisposalProposed(Event):
    """A disposal was requested. Account and reason are sealed under the person's own `key`."""

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
    """Another administrator approved it."""

    TYPE = "my.gov.bmt.records.DisposalApproved.v1"
    disposal_id: str
    approved_by: str
    at: Moment


class DisposalRejected(Event):
    """An administrator rejected it."""

    TYPE = "my.gov.bmt.records.DisposalRejected.v1"
    disposal_id: str
    rejected_by: str
    at: Moment
    reason: str | None
    key: str


class DisposalBegun(Event):
    """No file had to keep the data. From here on the disposal cannot be stopped."""

    TYPE = "my.gov.bmt.records.DisposalBegun.v1"
    disposal_id: str
    at: Moment


class DisposalCarriedOut(Event):
    """The keys are destroyed, and everything sealed under them is gone."""

    TYPE = "my.gov.bmt.records.DisposalCarriedOut.v1"
    disposal_id: str
    at: Moment


class DisposalStopped(Event):
    """Between approval and start, a file was held or needed its data again."""

    TYPE = "my.gov.bmt.records.DisposalStopped.v1"
    disposal_id: str
    at: Moment
    held: tuple[str, ...]


DISPOSAL_EVENTS: Final = (
    DisposalProposed,
    DisposalApproved,
    DisposalRejected,
    DisposalBegun,
    DisposalCarriedOut,
    DisposalStopped,
)


class FileOpened(RequestEvent):
    """A file was opened with the first event of its request."""

    TYPE = "my.gov.bmt.records.FileOpened.v1"
    file_number: str
    volume: int
    opened_at: Moment


class EventFiled(Event):
    """One event is in the ledger, at this place of the request's chain.

    `request` is set if the event's facts differ from those of the file, `justification` if it has
    one, `about` if it is a notice. `key` is the person's key that seals the leaf and this event;
    None before there were keys. For a disposal, `keys` are the destroyed ones. `while_open` is as
    in `RequestReceived`.

    What the client charter is measured by, absent from events filed before: `at`, when the step was
    done, by the event's own data; `due_at`, when the step that it begins must be done, by the rules
    of that day; `prepared_reason`, which of the agency's prepared reasons a return gives.
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
    while_open: bool = Field(default=False, exclude_if=lambda value: not value)
    at: Moment | None = Field(default=None, exclude_if=lambda value: not value)
    due_at: Moment | None = Field(default=None, exclude_if=lambda value: not value)
    prepared_reason: str | None = Field(default=None, exclude_if=lambda value: not value)

    @property
    def has_facts(self) -> bool:
        """Whether the event carries the request's facts, even if the file already has them."""
        return self.event_type == RequestReceived.TYPE


class FolioDue(Event):
    """An event names this document: it must be fetched, verified and filed.

    `key` is as for the event's leaf.

    `handed_in_by` is the uploader, if the event does not have their name for the document.
    """

    TYPE = "my.gov.bmt.records.FolioDue.v1"
    document_id: DocumentId
    event_id: str
    filename: str | None = None
    media_type: str | None = None
    key: str | None = None
    handed_in_by: str | None = None


class FolioFiled(Event):
    """A document is in the file.

    Its bytes were verified against its SHA-256 while they were copied.

    `key` is the person's key that seals them; None before there were keys.
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
    """A named document cannot be filed, with the reason. It is tried again until it can be."""

    TYPE = "my.gov.bmt.records.FolioMissing.v1"
    document_id: DocumentId
    reason: str
    noticed_at: Moment
    key: str | None = None


class RecordViewed(Event):
    """Somebody saw the file, or one document of it."""

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
    """Somebody searched the files of `agency` (None: of all agencies)."""

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
    """A hold ended.

    Attributes:
        of: whose hold ended, by subject; None: everybody's.
        still_held: somebody else still holds the file.
    """

    TYPE = "my.gov.bmt.records.HoldReleased.v1"
    by: str
    at: Moment
    reason: str | None = None
    of: str | None = None
    still_held: bool = False
    key: str | None = None


PRIVATE: Final = (
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
    *DISPOSAL_EVENTS,
)
