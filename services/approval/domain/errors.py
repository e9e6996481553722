"""Why approval says no, each named for what went wrong."""

from collections.abc import Sequence

from bmt.contracts.http.approval import Decision
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import RequestWarning


class UnknownRequest(Refused):
    """There is none, or it is another agency's: which of the two is not told."""

    problem = "not_found"

    def __init__(self) -> None:
        super().__init__("Your agency has no request of this id.")


class OwnRequest(Refused):
    """Whoever applies never decides on it, whatever the agency's policy (separation of duties)."""

    problem = "own_request"

    def __init__(self) -> None:
        super().__init__("This request is your own: another administrator must decide.")


class NothingToNote(Refused):
    """Applicants have no part in what is noted of their own request."""

    problem = "own_request"

    def __init__(self) -> None:
        super().__init__("This request is your own: other administrators comment on it.")


class ApprovedBefore(Refused):
    """Several must approve, and each approval is another person's."""

    problem = "another_person_needed"
    code = "approved_before"

    def __init__(self, given: int, needed: int) -> None:
        """Says how many of how many there are."""
        super().__init__(values={"given": given, "needed": needed})


class RegistrarMayNotApprove(Refused):
    """The agency separates handing in for somebody from approving."""

    problem = "another_person_needed"
    code = "registrar_may_not_approve"


class AlreadyDecided(Refused):
    """There is a decision; this refusal shows it."""

    problem = "already_decided"

    def __init__(self, first: Decision) -> None:
        """Shows the decision that stands."""
        super().__init__(
            "There is a decision on this request: see `decision`.",
            extra={"decision": first.model_dump(mode="json")},
        )


class RequestClosed(Refused):
    """It was withdrawn: there is nothing to decide any more."""

    problem = "request_closed"
    code = "withdrawn_before_decision"


class BeingCorrected(Refused):
    """Somebody hands in a correction at this very moment: what it says is decided on, not what it said."""

    problem = "unavailable"

    def __init__(self, seconds: int) -> None:
        """Says how long that takes at most, in seconds."""
        super().__init__(
            f"This request is being corrected: look at it again in a moment, at most {seconds} s.",
            extra={"retry_after_seconds": 1},
        )


class AccountOfOtherAgency(Refused):
    """Nobody gives or ends another agency's service, however the request was received."""

    problem = "account_of_other_agency"

    def __init__(self) -> None:
        super().__init__(
            "The account is another agency's: reject this request, or return it for correction."
        )


class FieldsWrong(Refused):
    """The fields do not go with this decision on this request."""

    problem = "validation_failed"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        """Names all of them at once."""
        super().__init__("; ".join(fault.detail for fault in errors), errors=tuple(errors))


class QuotaExceedsMaximum(Refused):
    """No administrator can grant more than the agency's maximum."""

    problem = "quota_exceeds_maximum"

    def __init__(self, maximum_bytes: int) -> None:
        """Names the maximum."""
        wrong = FieldError.of("/quota_bytes", "size_above_maximum", maximum_bytes=maximum_bytes)
        super().__init__(wrong.detail, extra={"maximum": maximum_bytes}, errors=(wrong,))


class WarningsNeedReason(Refused):
    """A request with warnings is approved as an exception, and an exception carries its reason."""

    problem = "warnings_need_reason"

    def __init__(self, warnings: Sequence[RequestWarning]) -> None:
        """Names the warnings."""
        wrong = FieldError.of("/exception_reason", "exception_reason_needed")
        super().__init__(wrong.detail, extra={"warnings": list(warnings)}, errors=(wrong,))
