"""The events that intake consumes to decide on; its views take in all events of `TOPICS`."""

from typing import Final

from bmt.chassis.messaging.dispatch import Table
from bmt.contracts import topics
from bmt.contracts.events import (
    Approved,
    AwaitingOperator,
    ConfigurationFailed,
    ConfigurationStarted,
    Configured,
    Filed,
    Notified,
    Rejected,
    RequestSubmitted,
    ReturnedForCorrection,
    Withdrawn,
)
from services.intake.integrators import follow_request, receive_submission

TABLE: Final[Table] = {
    RequestSubmitted: receive_submission,
    ReturnedForCorrection: follow_request,
    Approved: follow_request,
    Rejected: follow_request,
    Withdrawn: follow_request,
    ConfigurationStarted: follow_request,
    AwaitingOperator: follow_request,
    Configured: follow_request,
    ConfigurationFailed: follow_request,
    Notified: follow_request,
    Filed: follow_request,
}

TOPICS: Final = (
    topics.DECISIONS,
    topics.CONFIGURATIONS,
    topics.NOTIFICATIONS,
    topics.RECORDS,
)
"""The topics that a request's status depends on, besides intake's own events."""
