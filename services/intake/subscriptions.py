"""The events that intake consumes to decide on; its views take in all events of `TOPICS`."""

from typing import Final

from bmt.chassis.messaging.dispatch import Table
from bmt.contracts import events, topics
from services.intake.integrators import follow_request, receive_submission, receive_termination

TABLE: Final[Table] = {
    events.RequestSubmitted: receive_submission,
    events.TerminationProposed: receive_termination,
    events.ReturnedForCorrection: follow_request,
    events.Approved: follow_request,
    events.Rejected: follow_request,
    events.Withdrawn: follow_request,
    events.ConfigurationStarted: follow_request,
    events.AwaitingOperator: follow_request,
    events.Configured: follow_request,
    events.ConfigurationFailed: follow_request,
    events.Notified: follow_request,
    events.Filed: follow_request,
}

TOPICS: Final = (
    topics.DECISIONS,
    topics.CONFIGURATIONS,
    topics.NOTIFICATIONS,
    topics.RECORDS,
)
"""The topics that a request's status depends on, besides intake's own events."""
