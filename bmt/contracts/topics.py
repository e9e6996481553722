"""The Kafka topics: each has one writer; the order of a request's events is its key's order. And the answers to integrators."""

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from bmt.contracts.events import (
    Approved,
    AwaitingOperator,
    ConfigurationFailed,
    ConfigurationStarted,
    Configured,
    ConfirmationDue,
    ConfirmationsAwaited,
    Event,
    Filed,
    GrantConfirmed,
    NotificationFailed,
    NotificationPrepared,
    Notified,
    Rejected,
    RequestReceived,
    ReturnedForCorrection,
    ReviewOpened,
    TerminationProposed,
    WithdrawalRequested,
    Withdrawn,
)
from bmt.contracts.faults import FaultValue
from bmt.contracts.values import Moment, RequestId, Status


def _is_none(value: object) -> bool:
    return value is None


def _is_empty(value: object) -> bool:
    return not value


class FaultyField(BaseModel):
    """A field of a submission that is wrong: where it is, and what is allowed there."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    pointer: str = Field(description="RFC 6901 pointer into the data")
    detail: str = Field(description="what is allowed there; never what was sent")
    code: str | None = Field(
        default=None,
        exclude_if=_is_none,
        description="what is wrong, as `code` of the API's field errors; absent in what was published "
        "before there were any",
    )
    values: Mapping[str, FaultValue] = Field(default_factory=dict, exclude_if=_is_empty)


class _SubmissionEvent(Event):
    submission_id: str = Field(
        description="`ce_id` of the submission; of a record that is no event, its origin as "
        "`topic:partition:offset`"
    )


class SubmissionAccepted(_SubmissionEvent):
    """A submission became a request; published to the integrator that submitted it."""

    TYPE = "my.gov.bmt.SubmissionAccepted.v1"
    source_reference: str
    request_id: RequestId
    reference: str
    received_at: Moment


class SubmissionRefused(_SubmissionEvent):
    """A submission was refused and stands whole among the dead letters."""

    TYPE = "my.gov.bmt.SubmissionRefused.v1"
    source_reference: str | None = Field(description="null where it could not be read")
    reason: str = Field(
        description="a problem's name, `malformed`, `unknown_type`, or `discarded`: it could not be "
        "handled, and an operator gave it up"
    )
    detail: str
    errors: tuple[FaultyField, ...] = ()


class RequestProgressed(_SubmissionEvent):
    """The status of a request that an integrator submitted has changed."""

    TYPE = "my.gov.bmt.RequestProgressed.v1"
    source_reference: str
    request_id: RequestId
    reference: str
    status: Status
    at: Moment
    reason: str | None = Field(
        default=None,
        description="why it was returned, rejected or withdrawn, or why its configuration failed",
    )


REQUESTS: Final = "bmt.requests.v1"
DECISIONS: Final = "bmt.decisions.v1"
CONFIGURATIONS: Final = "bmt.configurations.v1"
NOTIFICATIONS: Final = "bmt.notifications.v1"
RECORDS: Final = "bmt.records.v1"
DEAD_LETTERS: Final = "bmt.dead-letters.v1"

PUBLIC: Final = (REQUESTS, DECISIONS, CONFIGURATIONS, NOTIFICATIONS)
"""The topics of the procedure. The record holds every event of these four."""

WRITERS: Final = {
    REQUESTS: "intake",
    DECISIONS: "approval",
    CONFIGURATIONS: "provisioning",
    NOTIFICATIONS: "notification",
    RECORDS: "records",
}

OF_GRANTS: Final = (ConfirmationDue, GrantConfirmed, TerminationProposed, ConfirmationsAwaited)
"""What is asked and answered about a grant long after its request was filed."""

EVENTS: Final[dict[str, tuple[type[Event], ...]]] = {
    REQUESTS: (RequestReceived, WithdrawalRequested),
    DECISIONS: (ReviewOpened, Approved, Rejected, ReturnedForCorrection, Withdrawn),
    CONFIGURATIONS: (
        *(ConfigurationStarted, AwaitingOperator, Configured, ConfigurationFailed),
        *OF_GRANTS,
    ),
    NOTIFICATIONS: (NotificationPrepared, Notified, NotificationFailed),
    RECORDS: (Filed,),
}

ANSWERS: Final[tuple[type[Event], ...]] = (
    SubmissionAccepted,
    SubmissionRefused,
    RequestProgressed,
)
"""What intake publishes on an integrator's outbound topic."""


def inbound(integrator: str) -> str:
    """The only topic that `integrator` may write to."""
    return f"bmt.inbound.{integrator}.v1"


def outbound(integrator: str) -> str:
    """The only topic that `integrator` may read: what became of its submissions."""
    return f"bmt.outbound.{integrator}.v1"
