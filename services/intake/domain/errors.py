"""Why intake refuses a command."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import JsonValue

from bmt.contracts.faults import Values
from bmt.contracts.http.approval import Decision
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import immutable


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a submission: the field, the problem's name, and further members of the problem."""

    error: FieldError
    problem: str = "validation_failed"
    extra: Mapping[str, JsonValue] = field(default_factory=dict)


class SubmissionWrong(Refused):
    """Some fields are wrong; the first fault names the problem, and all are listed."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        extra: dict[str, JsonValue] = {}
        for fault in reversed(faults):
            extra |= fault.extra
        super().__init__(
            " ".join(f"{fault.error.pointer} {fault.error.detail}" for fault in faults),
            problem=faults[0].problem,
            extra=extra,
            errors=tuple(fault.error for fault in faults),
        )


class FieldWrong(Refused):
    """One field is wrong, or a body as a whole; `details` is as of `Refused`."""

    def __init__(self, wrong: FieldError, **details: Any) -> None:
        super().__init__(wrong.detail, errors=(wrong,), **details)


class NotTheirs(Refused):
    """The caller may not submit this for that agency or account, or through that channel."""

    problem = "forbidden"


@immutable
class Excess:
    """The limit that a submission exceeds, and when to try again."""

    code: str
    retry_after_seconds: int
    values: Values = field(default_factory=dict)


class TooMany(Refused):
    """The submission exceeds a limit of one person or one address."""

    problem = "too_many_requests"

    def __init__(self, excess: Excess) -> None:
        self.code = excess.code
        super().__init__(
            values=excess.values, extra={"retry_after_seconds": excess.retry_after_seconds}
        )


class _Unknown(Refused):
    problem = "not_found"
    text = ""

    def __init__(self) -> None:
        super().__init__(self.text)


class UnknownRequest(_Unknown):
    """There is no such request, or it is not the caller's; the answer does not tell which."""

    text = "There is no request of this id among yours."


class UnknownDocument(_Unknown):
    """The request has no such document, or it is no longer kept."""

    text = "The request has no document of this id."


class NoSuchStatus(_Unknown):
    """There is no such request, or its code is another; the answer does not tell which."""

    text = "There is no request with this reference and this code."


class UnknownSubmission(_Unknown):
    """There is no such submission, or it is another integrator's; the answer does not tell which."""

    text = "There is no submission of this id among yours."


class UnknownInboxItem(_Unknown):
    """There is no such item, or it is another agency's; the answer does not tell which."""

    text = "Your agency's inbox has no item of this id."


class InboxItemSettled(Refused):
    """The item was registered or dismissed before."""

    problem = "request_closed"

    def __init__(self, status: Literal["registered", "dismissed"]) -> None:
        self.code = f"inbox_item_{status}"
        super().__init__(extra={"inbox_status": status})


class AlreadyDecided(Refused):
    """The request is decided; the refusal shows the decision."""

    problem = "already_decided"

    def __init__(self, first: Decision) -> None:
        super().__init__(
            "There is a decision on this request: see `decision`.",
            extra={"decision": first.model_dump(mode="json")},
        )


class NobodyReturnedIt(Refused):
    """A correction without a reason answers a return, and the request was not returned."""

    problem = "request_closed"
    code = "not_returned"

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(errors=tuple(fault.error for fault in faults))


class RequestClosed(Refused):
    """The request cannot be changed any more, or not now."""

    problem = "request_closed"

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__()
