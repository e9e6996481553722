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
        detail = f"At most {maximum_bytes} bytes can be approved; ask with a lower quota_bytes."
        super().__init__(
            detail,
            extra={"maximum": maximum_bytes},
            errors=(FieldError(pointer=pointer, detail=detail),),
        )


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
        detail = "Nobody has claimed this task: claim it."
        super().__init__(detail, errors=(FieldError(pointer="/claimed_by", detail=detail),))


class TaskFinished(Refused):
    """The task was completed before."""

    problem = "request_closed"

    def __init__(self) -> None:
        super().__init__("This task was completed before: nothing is left to do.")


class ApproverMayNotConfigure(Refused):
    """The agency separates the two duties."""

    problem = "forbidden"

    def __init__(self) -> None:
        super().__init__(
            "You approved this request, and at your agency another officer must configure it."
        )


class NothingToRetry(Refused):
    """The request is configured: retrying could only do harm."""

    problem = "request_closed"

    def __init__(self) -> None:
        super().__init__("This request is configured: there is nothing to retry.")


class NotRetryable(Refused):
    """The failure is one that no retry mends."""

    problem = "request_closed"

    def __init__(self, reason: str) -> None:
        """Repeats why it failed."""
        super().__init__(f"Trying again cannot help: {reason}. A new request is needed.")


class Overtaken(Refused):
    """A later decision on the same account counts now."""

    problem = "request_closed"

    def __init__(self) -> None:
        super().__init__(
            "A request for the same account that was approved later is under way or configured. "
            "Retrying this one would undo it."
        )
