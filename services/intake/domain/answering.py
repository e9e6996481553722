"""What integrators are told: pure, from submissions and events to answers.

Each answer is published with its `SubmissionAnswered`, which says to whom; where what became known changes
no status, that one stands alone and nothing is published.
"""

from collections.abc import Sequence
from typing import Final

from bmt.contracts.answers import RequestProgressed, SubmissionAccepted, SubmissionRefused
from bmt.contracts.events import (
    ConfigurationFailed,
    Event,
    Rejected,
    RequestReceived,
    ReturnedForCorrection,
    Withdrawn,
)
from bmt.contracts.progress import Progress
from services.intake.domain.commands import FollowRequest, RefuseSubmission
from services.intake.domain.events import SubmissionAnswered
from services.intake.domain.state import Received, State
from services.intake.domain.submission import Submission

_WITH_REASON: Final = (ReturnedForCorrection, Rejected, Withdrawn, ConfigurationFailed)
_AFTER_THE_OUTCOME: Final = ("notified", "filed")


def accepted(event: RequestReceived, submission: Submission) -> Sequence[Event]:
    """The answer to a submission that became a request; nothing where it came another way."""
    submitted, reference = submission.submitted_event, submission.source_reference
    if submitted is None or reference is None:
        return []
    facts = event.request
    return [
        SubmissionAnswered(
            integrator=submission.caller.subject,
            source=submitted.source,
            submission_id=submitted.id,
            source_reference=reference,
            answered_at=facts.received_at,
            number=1,
            request_id=facts.request_id,
            reference=facts.reference,
            progress=Progress().after(event, 0),
        ),
        SubmissionAccepted(
            submission_id=submitted.id,
            source_reference=reference,
            request_id=facts.request_id,
            reference=facts.reference,
            received_at=facts.received_at,
        ),
    ]


def refuse(command: RefuseSubmission) -> Sequence[Event]:
    """The answer to what became a dead letter."""
    told = {
        "submission_id": command.event.id,
        "source_reference": command.source_reference,
        "reason": command.reason,
        "detail": command.detail,
        "errors": command.errors,
    }
    return [
        SubmissionAnswered(
            integrator=command.integrator,
            source=command.event.source,
            answered_at=command.at,
            number=1,
            **told,
        ),
        SubmissionRefused(**told),
    ]


def follow(command: FollowRequest, state: State) -> Sequence[Event]:
    """What an event of any service means to the integrator that submitted the request."""
    known = state.answered if isinstance(state, Received) else None
    if known is None or known.progress is None:
        return []
    progress = known.progress.after(command.event, command.sequence)
    if progress == known.progress:
        return []
    if progress.status == known.progress.status:
        return [known.model_copy(update={"progress": progress})]
    reason = command.event.reason if isinstance(command.event, _WITH_REASON) else None
    still = known.reason if progress.status in _AFTER_THE_OUTCOME else None
    changes = {"progress": progress, "reason": reason or still, "number": known.number + 1}
    return [
        known.model_copy(update=changes),
        RequestProgressed(
            submission_id=known.submission_id,
            source_reference=known.source_reference or "",
            request_id=known.request_id or "",
            reference=known.reference or "",
            status=progress.status,
            at=command.at,
            reason=reason,
        ),
    ]
