"""Why intake says no, each named for what went wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import JsonValue

from bmt.contracts.http.approval import Decision
from bmt.contracts.problems import FieldError, Refused
from services.intake.domain.submission import Excess


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a submission.

    Attributes:
        error: the field, and what is allowed there.
        problem: its name in the contract.
        extra: further members of the problem.
    """

    error: FieldError
    problem: str = "validation_failed"
    extra: Mapping[str, JsonValue] = field(default_factory=dict)


class SubmissionWrong(Refused):
    """Some fields are not as they should be; the first fault names the problem, all are listed."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        """Names all faults at once."""
        extra: dict[str, JsonValue] = {}
        for fault in reversed(faults):
            extra |= fault.extra
        super().__init__(
            " ".join(f"{fault.error.pointer} {fault.error.detail}" for fault in faults),
            problem=faults[0].problem,
            extra=extra,
            errors=tuple(fault.error for fault in faults),
        )


class NotTheirs(Refused):
    """The caller may not submit this for that agency or account, or not that way."""

    problem = "forbidden"


class TooMany(Refused):
    """It is one more than one person may hand in, or one address be told of."""

    problem = "too_many_requests"

    def __init__(self, excess: Excess) -> None:
        """Says what there is too much of, and when to ask again."""
        self.code = excess.code
        super().__init__(
            values=excess.values, extra={"retry_after_seconds": excess.retry_after_seconds}
        )


class _Unknown(Refused):
    problem = "not_found"
    said = ""

    def __init__(self) -> None:
        super().__init__(self.said)


class UnknownRequest(_Unknown):
    """There is no such request, or it is not the caller's; the answer does not tell which."""

    said = "There is no request of this id among yours."


class UnknownSubmission(_Unknown):
    """There is no such submission, or it is another integrator's; the answer does not tell which."""

    said = "There is no submission of this id among yours."


class UnknownInboxItem(_Unknown):
    """There is no such item, or it is another agency's; the answer does not tell which."""

    said = "Your agency's inbox has no item of this id."


class InboxItemSettled(Refused):
    """The item was registered or dismissed before."""

    problem = "request_closed"

    def __init__(self, how: Literal["registered", "dismissed"]) -> None:
        """Says what became of it."""
        self.code = f"inbox_item_{how}"
        super().__init__(extra={"inbox_status": how})


class AlreadyDecided(Refused):
    """There is a decision; this refusal shows it."""

    problem = "already_decided"

    def __init__(self, first: Decision) -> None:
        """Shows the decision that stands."""
        super().__init__(
            "There is a decision on this request: see `decision`.",
            extra={"decision": first.model_dump(mode="json")},
        )


class NobodyReturnedIt(Refused):
    """A correction that does not say why answers a return, and there is none to answer."""

    problem = "request_closed"
    code = "not_returned"

    def __init__(self, faults: Sequence[Fault]) -> None:
        """Names what is missing."""
        super().__init__(errors=tuple(fault.error for fault in faults))


class RequestClosed(Refused):
    """Nothing can be changed about the request any more, or not now."""

    problem = "request_closed"

    def __init__(self, code: str) -> None:
        """Takes what lies behind it."""
        self.code = code
        super().__init__()
