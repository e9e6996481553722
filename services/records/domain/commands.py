"""The commands of records. Times and numbers are part of the command."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from bmt.contracts.events import RequestEvent
from bmt.contracts.immutable import immutable
from services.records.domain.disposals import DisposalCommand

MissingReason = Literal["not_stored", "content_differs"]
"""Why a document cannot be filed: it is not stored yet, or its bytes do not match its hash."""


@immutable
class FileEvent:
    """File an event that is in the ledger.

    Attributes:
        leaf_index: its place in the request's chain, from 1.
        file_number: of the request, used with its first event.
        key: the id of the person's key that seals the leaf.
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
    """File a document whose bytes were copied and verified.

    Attributes:
        filename: the uploader's name for it, used if the event has none. Likewise `media_type`.
        folios_a_volume: a volume is closed at this number of folios.
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
    """A reader, and whose files they may see.

    Attributes:
        subject: the token's `sub`.
        roles: the token's roles, sorted.
        agency: the only agency whose files they may see; None: every agency.
    """

    subject: str
    roles: tuple[str, ...]
    agency: str | None

    def may_see(self, agency: str) -> bool:
        return self.agency in (None, agency)


@immutable
class ViewRecord:
    """Record that somebody sees the file, or one document of it."""

    reader: Reader
    at: datetime
    document_id: str | None = None


@immutable
class ExportRecord:
    """Record that somebody takes a bundle of the file away."""

    reader: Reader
    at: datetime


@immutable
class NoteSearch:
    """Record a search, its criteria, and the number of files on the page."""

    reader: Reader
    agency: str | None
    criteria: Mapping[str, str]
    found: int
    at: datetime


@immutable
class FileDisposal:
    """File the disposal of everything that is sealed under `keys` in this file.

    Attributes:
        event_id: of the event in the ledger.
        leaf_index: its place in the request's chain.
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
    """End the reader's own hold, or as an auditor every hold."""

    reader: Reader
    reason: str
    at: datetime


OnFile = (
    FileFolio | ReportMissing | ViewRecord | ExportRecord | FileDisposal | PlaceHold | ReleaseHold
)
"""The commands that need an open file."""

Command = FileEvent | NoteSearch | OnFile | DisposalCommand
