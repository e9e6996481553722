"""What happens to a disposal; its own stream, `disposal-<id>`."""

from typing import Final

from bmt.contracts.events import Event
from bmt.contracts.values import Moment


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
