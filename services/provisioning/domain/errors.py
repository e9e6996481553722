"""Why provisioning refuses a command."""

from collections.abc import Sequence
from datetime import datetime

from bmt.contracts.envelope import rfc3339
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Officer
from services.provisioning.domain.events import TaskClaimed


class ApprovalIncomplete(Refused):
    """An approved application lacks a size."""

    def __init__(self) -> None:
        super().__init__("approved: an application needs quota_bytes and max_file_size_bytes")


class SizesWrong(Refused):
    """No decision could grant these sizes."""

    def __init__(self, errors: Sequence[FieldError], largest_quota: int | None = None) -> None:
        """`largest_quota`, in bytes, if the quota is above it."""
        above = largest_quota is not None
        super().__init__(
            " ".join(fault.detail for fault in errors),
            problem="quota_exceeds_maximum" if above else "validation_failed",
            extra={"maximum": largest_quota} if above else None,
            errors=tuple(errors),
        )


class UnknownRequest(Refused):
    """There is no such request, or it is another agency's; the answer does not tell which."""

    problem = "not_found"

    def __init__(self) -> None:
        super().__init__("Your agency has no request of this id here.")


class UnknownTask(Refused):
    """There is no such task, or it is another agency's; the answer does not tell which."""

    problem = "not_found"

    def __init__(self) -> None:
        super().__init__("Your agency has no task of this id.")


class ClaimedByAnother(Refused):
    """Somebody else has claimed the task; `decision` shows who."""

    problem = "already_decided"
    code = "claimed_by_another"

    def __init__(self, first: TaskClaimed) -> None:
        super().__init__(
            "Another officer has claimed this task: see `decision`. Who takes it over says from whom.",
            extra={
                "decision": {
                    "decision": "claim",
                    "decided_by": first.claimed_by.model_dump(mode="json"),
                    "decided_at": first.model_dump(mode="json")["claimed_at"],
                }
            },
        )


class NotClaimed(Refused):
    """Nobody has the task, so it cannot be taken over."""

    problem = "validation_failed"

    def __init__(self) -> None:
        wrong = FieldError.of("/claimed_by", "not_claimed")
        super().__init__(wrong.detail, errors=(wrong,))


class TaskFinished(Refused):
    """The task is completed."""

    problem = "request_closed"
    code = "task_finished"


class ApproverMayNotConfigure(Refused):
    """The agency separates the two duties."""

    problem = "forbidden"
    code = "approver_may_not_configure"


class NothingToRetry(Refused):
    """The request is configured."""

    problem = "request_closed"
    code = "nothing_to_retry"


class NotRetryable(Refused):
    """No retry can succeed after this failure."""

    problem = "request_closed"
    code = "retry_cannot_help"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Trying again cannot help: {reason}. A new request is needed.")


class NotByHand(Refused):
    """Only IPMS has a portal: nobody sets the transfer storage by hand."""

    problem = "validation_failed"

    def __init__(self) -> None:
        wrong = FieldError.of("/by_hand", "not_by_hand")
        super().__init__(wrong.detail, errors=(wrong,))


class Overtaken(Refused):
    """A later decision on the same account counts."""

    problem = "request_closed"
    code = "overtaken"


class NoDrift(Refused):
    """Nothing differs from what was configured, or the request is not configured."""

    problem = "request_closed"
    code = "no_drift"


class NoConfirmation(Refused):
    """The agency is not asked about this grant."""

    problem = "request_closed"
    code = "no_confirmation"


class Answered(Refused):
    """Somebody has answered; `decision` shows who."""

    problem = "already_decided"
    code = "confirmation_answered"

    def __init__(self, decision: str, by: Officer, at: datetime) -> None:
        super().__init__(
            extra={
                "decision": {
                    "decision": decision,
                    "decided_by": by.model_dump(mode="json"),
                    "decided_at": rfc3339(at),
                }
            },
        )


class OwnAccount(Refused):
    """Nobody decides what becomes of their own account."""

    problem = "own_request"


class UnknownRun(Refused):
    """There is no such comparison."""

    problem = "not_found"

    def __init__(self) -> None:
        super().__init__("There was no comparison of this id.")


class NotHeldBack(Refused):
    """The next comparison holds back as before."""

    problem = "not_waiting"

    def __init__(self) -> None:
        super().__init__(
            "This is not the latest comparison, it held nothing back, or it was released before: "
            "GET /v1/drift/runs shows them."
        )
