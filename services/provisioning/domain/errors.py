"""Why provisioning says no, each named for what went wrong."""

from collections.abc import Sequence

from bmt.contracts.problems import FieldError, Refused
from services.provisioning.domain.events import TaskClaimed


class ApprovalIncomplete(Refused):
    """An approved application says how much storage and how large a file: one of them is missing."""

    def __init__(self) -> None:
        super().__init__("approved: an application needs quota_bytes and max_file_size_bytes")


class SizesWrong(Refused):
    """No decision could grant these sizes."""

    problem = "validation_failed"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        """Names all of them at once."""
        super().__init__("; ".join(fault.detail for fault in errors), errors=tuple(errors))


class QuotaAboveMaximum(Refused):
    """No decision could grant more than the agency's maximum."""

    problem = "quota_exceeds_maximum"

    def __init__(self, maximum_bytes: int, pointer: str) -> None:
        """Names the maximum, and where the quota stood."""
        wrong = FieldError.of(pointer, "size_above_maximum", maximum_bytes=maximum_bytes)
        super().__init__(wrong.detail, extra={"maximum": maximum_bytes}, errors=(wrong,))


class UnknownRequest(Refused):
    """Nothing of it was heard, or it is another agency's: which of the two is not told."""

    problem = "not_found"

    def __init__(self) -> None:
        super().__init__("Your agency has no request of this id here.")


class UnknownTask(Refused):
    """There is none, or it is another agency's: which of the two is not told."""

    problem = "not_found"

    def __init__(self) -> None:
        super().__init__("Your agency has no task of this id.")


class ClaimedByAnother(Refused):
    """Somebody else took the task on before; `decision` shows who."""

    problem = "already_decided"
    code = "claimed_by_another"

    def __init__(self, first: TaskClaimed) -> None:
        """Shows the claim that stands."""
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
    """Nobody has the task: there is nobody to take it over from."""

    problem = "validation_failed"

    def __init__(self) -> None:
        wrong = FieldError.of("/claimed_by", "not_claimed")
        super().__init__(wrong.detail, errors=(wrong,))


class TaskFinished(Refused):
    """The task was completed before."""

    problem = "request_closed"
    code = "task_finished"


class ApproverMayNotConfigure(Refused):
    """The agency separates the two duties."""

    problem = "forbidden"
    code = "approver_may_not_configure"


class NothingToRetry(Refused):
    """The request is configured: retrying could only do harm."""

    problem = "request_closed"
    code = "nothing_to_retry"


class NotRetryable(Refused):
    """The failure is one that no retry mends."""

    problem = "request_closed"
    code = "retry_cannot_help"

    def __init__(self, reason: str) -> None:
        """Repeats why it failed."""
        super().__init__(f"Trying again cannot help: {reason}. A new request is needed.")


class Overtaken(Refused):
    """A later decision on the same account counts now."""

    problem = "request_closed"
    code = "overtaken"
