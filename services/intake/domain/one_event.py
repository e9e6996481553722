"""Streams that begin and end with one call or record: an upload, a delivery, a scan, a refusal.

The same key or record again finds its commit, so nothing is decided twice.
"""

from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel

from bmt.chassis.eventsourcing.decider import Decider
from bmt.contracts.events import Event
from bmt.contracts.values import immutable
from services.intake.domain.events import DocumentUploaded, ScanReceived


@immutable
class Record:
    """Record what happened. Metrics name each kind by its class."""

    events: Sequence[Event]


class RecordUpload(Record):
    """A document was stored: `DocumentUploaded`."""


class RecordDelivery(Record):
    """A message was delivered under a key: `EmailDelivered`."""


class ReceiveScan(Record):
    """A scan was handed in, with all its papers: `ScanReceived`."""


class RefuseSubmission(Record):
    """What an integrator published is a dead letter: `SubmissionAnswered` and the answer itself."""


@immutable
class Nothing:
    """No later step depends on what the stream has."""


@immutable
class Uploaded:
    """The document was uploaded."""


@immutable
class Scanned:
    """The scan was received."""

    scan: ScanReceived


State = Nothing | Uploaded | Scanned


def decide(command: Record, _: State) -> Sequence[Event]:
    return command.events


def evolve(state: State, event: BaseModel) -> State:
    match event:
        case ScanReceived():
            return Scanned(event)
        case DocumentUploaded():
            return Uploaded()
        case _:
            return state


DECIDER: Final[Decider[Record, State]] = Decider(Nothing(), decide, evolve)
