"""What the file is told to do; times and numbers come in with the command."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from bmt.contracts.events import RequestEvent
from bmt.contracts.immutable import immutable
from services.records.domain.disposals import DisposalCommand

MissingReason = Literal["not_stored", "content_differs"]
"""Why a document cannot be filed: nobody stored it yet, or its bytes are not those it is named for."""


@immutable
class FileEvent:
    """File an event that stands in the ledger.

    Attributes:
        event: what was heard, with its envelope's id, source, sequence and time.
        leaf_index: its place in the request's chain, from 1.
        leaf_hash: the hash of its leaf.
        file_number: of the request, for the first event of it.
        at: now.
        key: the id of the person's key that the leaf is sealed under.
    """

    event: RequestEvent
    event_id: str
    source: str
    sequence: int
    occurred_at: datetime
    leaf_index: int
    leaf_hash: str
    file_number: str
    at: datetime
    key: str | None = None


@immutable
class FileFolio:
    """File a document whose bytes were copied and checked.

    Attributes:
        filename: as who handed it in called it, for a document that its event does not describe.
        media_type: as filename.
        folios_a_volume: a volume is closed once it holds so many.
    """

    document_id: str
    filename: str
    media_type: str
    size_bytes: int
    folios_a_volume: int
    at: datetime


@immutable
class ReportMissing:
    """Note that a document cannot be filed now."""

    document_id: str
    reason: MissingReason
    at: datetime


@immutable
class Reader:
    """Who reads, and whose files they may see.

    Attributes:
        subject: the token's `sub`.
        roles: the token's roles, sorted.
        agency: the only agency whose files they may see; None: every agency's.
    """

    subject: str
    roles: tuple[str, ...]
    agency: str | None

    def may_see(self, agency: str) -> bool:
        """Whether files of this agency are theirs to see."""
        return self.agency in (None, agency)


@immutable
class ViewRecord:
    """Show the file, or one document of it, to somebody, and remember that it was shown."""

    reader: Reader
    at: datetime
    document_id: str | None = None


@immutable
class ExportRecord:
    """Give somebody the whole file to take away, and remember it."""

    reader: Reader
    at: datetime


@immutable
class NoteSearch:
    """Remember that somebody searched the files, for what, and how much was found on the page."""

    reader: Reader
    agency: str | None
    criteria: Mapping[str, str]
    found: int
    at: datetime


@immutable
class FileDisposal:
    """What was sealed under some keys in this file is disposed of: the ledger tells so.

    Attributes:
        event_id: of the event that the ledger holds of it.
        leaf_index: its place in the request's chain.
        leaf_hash: the hash of its leaf.
        keys: what was sealed under these is gone.
    """

    event_id: str
    leaf_index: int
    leaf_hash: str
    keys: tuple[str, ...]
    at: datetime


@immutable
class PlaceHold:
    """Keep the file's data, whatever its age, until the hold is released (a court, an inquiry)."""

    reader: Reader
    reason: str
    at: datetime


@immutable
class ReleaseHold:
    """The file need not be kept for that any more: the reader's own hold ends, or, by an auditor, every one."""

    reader: Reader
    reason: str
    at: datetime


OnFile = (
    FileFolio | ReportMissing | ViewRecord | ExportRecord | FileDisposal | PlaceHold | ReleaseHold
)
"""What needs a file that was opened."""

Command = FileEvent | NoteSearch | OnFile | DisposalCommand
