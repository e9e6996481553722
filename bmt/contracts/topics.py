"""The Kafka topics: each has one writer; the order of a request's events is its key's order."""

from typing import Final

from bmt.contracts.answers import RequestProgressed, SubmissionAccepted, SubmissionRefused
from bmt.contracts.events import (
    Approved,
    AwaitingOperator,
    ConfigurationFailed,
    ConfigurationStarted,
    Configured,
    Event,
    Filed,
    NotificationFailed,
    NotificationPrepared,
    Notified,
    Rejected,
    RequestReceived,
    ReturnedForCorrection,
    ReviewOpened,
    WithdrawalRequested,
    Withdrawn,
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

EVENTS: Final[dict[str, tuple[type[Event], ...]]] = {
    REQUESTS: (RequestReceived, WithdrawalRequested),
    DECISIONS: (ReviewOpened, Approved, Rejected, ReturnedForCorrection, Withdrawn),
    CONFIGURATIONS: (ConfigurationStarted, AwaitingOperator, Configured, ConfigurationFailed),
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
