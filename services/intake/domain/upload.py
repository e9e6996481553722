"""An uploaded document: who uploaded it, and under which name."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from pydantic import BaseModel

from bmt.chassis.eventsourcing.decider import Decider
from bmt.contracts.events import Event
from bmt.contracts.values import Document, immutable
from services.intake.domain.events import DocumentUploaded


@immutable
class RecordUpload:
    """Record that a document was stored; `agency` is that of the uploader's token, or empty."""

    document: Document
    uploaded_by: str
    uploaded_at: datetime
    agency: str = ""


@immutable
class NotUploaded:
    """No upload was recorded under this key."""


@immutable
class Uploaded:
    """The document was uploaded."""


State = NotUploaded | Uploaded


def decide(command: RecordUpload, _: State) -> Sequence[Event]:
    """Uploaded. The same key again finds its commit, so nothing is decided twice."""
    return [
        DocumentUploaded(
            document=command.document,
            uploaded_by=command.uploaded_by,
            uploaded_at=command.uploaded_at,
            agency=command.agency,
        )
    ]


def evolve(state: State, event: BaseModel) -> State:
    """The state after `event`."""
    return Uploaded() if isinstance(event, DocumentUploaded) else state


DECIDER: Final[Decider[RecordUpload, State]] = Decider(NotUploaded(), decide, evolve)
