"""What a ruling on an open request leads to, and which fields go with which decision."""

from collections.abc import Sequence

from bmt.contracts.events import Approved, Event, Granted, Rejected, ReturnedForCorrection
from bmt.contracts.http.approval import Ruling
from bmt.contracts.problems import FieldError
from bmt.contracts.requests import RequestFacts
from services.approval.domain.commands import Decide
from services.approval.domain.errors import FieldsWrong, QuotaExceedsMaximum, WarningsNeedReason
from services.approval.domain.policy import Policy
from services.approval.domain.state import Open

_SIZES = ("quota_bytes", "max_file_size_bytes")
_OF_APPROVAL = (*_SIZES, "exception_reason")


def ruled(command: Decide, review: Open) -> Event:
    """The decision, as it is said.

    Raises:
        FieldsWrong: fields are missing, or do not go with this decision on this request.
        QuotaExceedsMaximum: more would be granted than the agency allows.
        WarningsNeedReason: an approval in spite of warnings without a reason.
    """
    match command.ruling.decision:
        case "approve":
            return _approved(command, review)
        case "reject":
            return _refused(Rejected, command, review.request)
        case "return":
            return _refused(ReturnedForCorrection, command, review.request)


def _approved(command: Decide, review: Open) -> Approved:
    ruling, request = command.ruling, review.request
    granted = _granted(ruling, request)
    _require_within(command.policy, granted, request)
    if review.warnings and ruling.exception_reason is None:
        raise WarningsNeedReason(review.warnings)
    return Approved(
        request=request,
        decided_by=command.officer,
        decided_at=command.decided_at,
        approved=granted,
        reason=ruling.reason,
        exception_reason=ruling.exception_reason,
        on_behalf_of=ruling.on_behalf_of,
    )


def _granted(ruling: Ruling, request: RequestFacts) -> Granted:
    """As asked unless the administrator says otherwise; a termination grants nothing."""
    if request.kind == "termination":
        if faults := _present(ruling, _SIZES, "A termination grants nothing."):
            raise FieldsWrong(faults)
        return Granted(quota_bytes=None, max_file_size_bytes=None)
    return Granted(
        quota_bytes=ruling.quota_bytes or request.quota_bytes,
        max_file_size_bytes=ruling.max_file_size_bytes or request.max_file_size_bytes,
    )


def _require_within(policy: Policy, granted: Granted, request: RequestFacts) -> None:
    """What was asked is held to it too: the agency's rules may have changed since."""
    largest_file = policy.largest_file_bytes or request.max_file_size_bytes
    if _exceeds(granted.max_file_size_bytes, largest_file):
        detail = f"At most {largest_file} bytes can be approved."
        raise FieldsWrong([FieldError(pointer="/max_file_size_bytes", detail=detail)])
    largest_quota = policy.largest_quota_bytes or request.quota_bytes
    if largest_quota is not None and _exceeds(granted.quota_bytes, largest_quota):
        raise QuotaExceedsMaximum(largest_quota)


def _exceeds(size: int | None, limit: int | None) -> bool:
    return size is not None and limit is not None and size > limit


def _refused(
    event: type[Rejected] | type[ReturnedForCorrection], command: Decide, request: RequestFacts
) -> Event:
    ruling = command.ruling
    faults = _present(ruling, _OF_APPROVAL, "Only an approval takes this.")
    if ruling.reason is None:
        detail = "Say why: the applicant is told this reason."
        raise FieldsWrong([FieldError(pointer="/reason", detail=detail), *faults])
    if faults:
        raise FieldsWrong(faults)
    return event(
        request=request,
        decided_by=command.officer,
        decided_at=command.decided_at,
        reason=ruling.reason,
        on_behalf_of=ruling.on_behalf_of,
    )


def _present(ruling: Ruling, names: Sequence[str], why: str) -> list[FieldError]:
    """A fault for each of these fields that was sent: nothing said is dropped in silence."""
    return [
        FieldError(pointer=f"/{name}", detail=why)
        for name in names
        if getattr(ruling, name) is not None
    ]
