"""What approval remembers beside what it says: events without a topic, for its own views and replays."""

from typing import Final

from bmt.contracts.events import Event, RequestEvent
from bmt.contracts.http.approval import RulingResult
from bmt.contracts.values import Document, Officer, Submitter


class PapersReceived(RequestEvent):
    """What a decider reads of a request, beside what ReviewOpened says; again after a correction."""

    TYPE = "my.gov.bmt.approval.PapersReceived.v1"
    submitted_by: Submitter
    justification: str
    documents: tuple[Document, ...]


class BulkBegun(Event):
    """A bulk call was taken up: its Idempotency-Key belongs to this body from now on."""

    TYPE = "my.gov.bmt.approval.BulkBegun.v1"
    begun_by: Officer
    request_ids: tuple[str, ...]


class BulkAnswered(Event):
    """Every item of a bulk call was decided or refused: what the call is answered with, each time."""

    TYPE = "my.gov.bmt.approval.BulkAnswered.v1"
    results: tuple[RulingResult, ...]


PRIVATE: Final = (PapersReceived, BulkBegun, BulkAnswered)
