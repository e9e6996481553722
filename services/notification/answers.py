"""What commands are answered with: read from their commit alone, so that a replay says the same."""

from bmt.chassis.eventsourcing.event_store import Commit
from bmt.contracts.http.notification import PaperDispatched, ResendAccepted


def paper_dispatched(commit: Commit) -> PaperDispatched:
    """The answer to the command that led to `commit`, a paper's handing over."""
    (event,) = commit.events
    return PaperDispatched(
        notification_id=event.data["notification_id"],
        about=event.data["about"],
        channel=event.data["channel"],
        status="notified",
        document_id=event.data["document_id"],
        request_id=commit.subject,
        dispatched_by=event.data["handed_over_by"]["subject"],
        dispatched_at=event.time,
    )


def resend_accepted(commit: Commit, notification_id: str) -> ResendAccepted:
    """The answer to the wish to send a message once more; on its way already is as good."""
    return ResendAccepted(request_id=commit.subject, notification_id=notification_id)
