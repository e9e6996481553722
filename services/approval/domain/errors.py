"""The refusals of approval."""

from collections.abc import Sequence

from pydantic import JsonValue

from bmt.contracts.http.approval import Decision
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import RequestWarning


class UnknownRequest(Refused):
    """There is no such request, or it is another agency's; the caller does not learn which."""

    problem = "not_found"

    def __init__(self) -> None:
        super().__init__("Your agency has no request of this id.")


class OwnRequest(Refused):
    """Applicants never decide on their own request (separation of duties)."""

    problem = "own_request"

    def __init__(self) -> None:
        super().__init__("This request is your own: another administrator must decide.")


class NothingToNote(Refused):
    """Applicants cannot comment on their own request."""

    problem = "own_request"

    def __init__(self) -> None:
        super().__init__("This request is your own: other administrators comment on it.")


class ApprovedBefore(Refused):
    """Each of the approvals must come from another person."""

    problem = "another_person_needed"
    code = "approved_before"

    def __init__(self, given: int, needed: int) -> None:
        super().__init__(values={"given": given, "needed": needed})


class RegistrarMayNotApprove(Refused):
    """The agency forbids whoever submitted a request for somebody to approve it."""

    problem = "another_person_needed"
    code = "registrar_may_not_approve"


class AlreadyDecided(Refused):
    """There is a decision, which the refusal shows."""

    problem = "already_decided"

    def __init__(self, first: Decision) -> None:
        super().__init__(
            "There is a decision on this request: see `decision`.",
            extra={"decision": first.model_dump(mode="json")},
        )


class RequestClosed(Refused):
    """The request was withdrawn."""

    problem = "request_closed"
    code = "withdrawn_before_decision"


class BeingCorrected(Refused):
    """A correction is being submitted and must be decided on in the request's place."""

    problem = "unavailable"

    def __init__(self, seconds: int) -> None:
        """`seconds`: the longest it can take."""
        super().__init__(
            f"This request is being corrected: look at it again in a moment, at most {seconds} s.",
            extra={"retry_after_seconds": 1},
        )


class AccountOfOtherAgency(Refused):
    """The account belongs to another agency, which alone gives and ends its service."""

    problem = "account_of_other_agency"

    def __init__(self) -> None:
        super().__init__(
            "The account is another agency's: reject this request, or return it for correction."
        )


class FieldsWrong(Refused):
    """Fields do not fit this decision on this request; all are named."""

    problem = "validation_failed"

    def __init__(self, errors: Sequence[FieldError], **extra: JsonValue) -> None:
        detail = " ".join(fault.detail for fault in errors)
        super().__init__(detail, errors=tuple(errors), extra=extra)

    def naming_also(self, others: "Sequence[FieldsWrong]") -> "FieldsWrong":
        """This problem, with the fields and members of the others."""
        whole = (self, *others)
        extra = {name: value for each in reversed(whole) for name, value in each.extra.items()}
        refused = FieldsWrong([fault for each in whole for fault in each.errors], **extra)
        refused.problem = self.problem
        return refused


class QuotaExceedsMaximum(FieldsWrong):
    """No administrator can grant more than the agency's maximum."""

    problem = "quota_exceeds_maximum"

    def __init__(self, maximum_bytes: int) -> None:
        wrong = FieldError.of("/quota_bytes", "size_above_maximum", maximum_bytes=maximum_bytes)
        super().__init__([wrong], maximum=maximum_bytes)


class WarningsNeedReason(FieldsWrong):
    """Approving a request with warnings is an exception and needs a reason."""

    problem = "warnings_need_reason"

    def __init__(self, warnings: Sequence[RequestWarning]) -> None:
        wrong = FieldError.of("/exception_reason", "exception_reason_needed")
        super().__init__([wrong], warnings=list(warnings))


class UnknownAgency(Refused):
    """There is no such agency, or the caller may not read its rules; the answer does not tell which."""

    problem = "not_found"

    def __init__(self) -> None:
        super().__init__("You can read the rules of no agency of this code.")


class RulesChanged(Refused):
    """The last version is not the one that the caller had read."""

    problem = "rules_changed"

    def __init__(self, number: int) -> None:
        super().__init__(
            f"Version {number} is the last now: read it, and change it again.",
            extra={"number": number},
        )


class ChangeWaits(Refused):
    """One change waits for its day at a time."""

    problem = "rules_changed"
    code = "change_waits"


class NoChangeWaits(Refused):
    """There is no change to withdraw: it came into force, or was withdrawn."""

    problem = "rules_changed"
    code = "no_change_waits"
