"""An approval: by whom, of how much, and whether it is the last that is needed."""

from bmt.contracts.events import Approved, Endorsement, Granted
from bmt.contracts.http.approval import Ruling
from bmt.contracts.problems import FieldError
from bmt.contracts.requests import RequestFacts
from services.approval.domain.commands import Decide
from services.approval.domain.errors import (
    AccountOfOtherAgency,
    ApprovedBefore,
    FieldsWrong,
    QuotaExceedsMaximum,
    RegistrarMayNotApprove,
    WarningsNeedReason,
)
from services.approval.domain.events import Endorsed
from services.approval.domain.fields import SIZES, acting_wrong, present
from services.approval.domain.policy import Policy
from services.approval.domain.state import Open


def approved(command: Decide, review: Open) -> Approved | Endorsed:
    """The decision; or one of the approvals that are needed before it.

    Raises:
        Refused: `another_person_needed`, `account_of_other_agency`, `validation_failed`, `quota_exceeds_maximum`, `warnings_need_reason`.
    """
    _require_another_person(command, review)
    request = review.request
    if command.policy.claims.belonging(request.agency, request.applicant.account) == "other":
        raise AccountOfOtherAgency
    granted = _granted(command, review)
    _require_within(command.policy, granted, request)
    ruling = command.ruling
    if review.warnings and ruling.exception_reason is None:
        raise WarningsNeedReason(review.warnings)
    level = len(review.endorsements) + 1
    if level < review.levels:
        endorsement = Endorsement(
            level=level,
            endorsed_by=command.officer,
            endorsed_at=command.decided_at,
            approved=granted,
            reason=ruling.reason,
            exception_reason=ruling.exception_reason,
            on_behalf_of=ruling.on_behalf_of,
        )
        return Endorsed(request=review.request, endorsement=endorsement, levels=review.levels)
    return Approved(
        request=review.request,
        decided_by=command.officer,
        decided_at=command.decided_at,
        approved=granted,
        reason=ruling.reason,
        exception_reason=ruling.exception_reason,
        on_behalf_of=ruling.on_behalf_of,
        endorsements=review.endorsements,
    )


def _require_another_person(command: Decide, review: Open) -> None:
    """Not who handed it in or corrected it, where the agency says so; and nobody twice, be it by who acts for them."""
    officer = command.officer.subject.casefold()
    wrote_it = {review.submitted_by.casefold(), *review.correctors}
    if not command.policy.registrar_may_approve and officer in wrote_it:
        raise RegistrarMayNotApprove
    behind = _folded(command.ruling.on_behalf_of)
    for before in review.endorsements:
        acted_for = _folded(before.on_behalf_of)
        by = {before.endorsed_by.subject.casefold(), _folded(before.endorsed_by.name)}
        theirs = {officer, _folded(command.officer.name)}
        if (
            officer in by
            or (acted_for and acted_for in theirs)
            or (behind and behind in {*by, acted_for})
        ):
            raise ApprovedBefore(len(review.endorsements), review.levels)


def _folded(name: str | None) -> str:
    return (name or "").strip().casefold()


def _granted(command: Decide, review: Open) -> Granted:
    """As this administrator says, else the one before, else as asked; a termination grants nothing."""
    ruling, request = command.ruling, review.request
    faults = acting_wrong(command)
    if request.kind == "termination":
        faults += present(ruling, SIZES, "termination_grants_nothing")
    if faults:
        raise FieldsWrong(faults)
    if request.kind == "termination":
        return Granted(quota_bytes=None, max_file_size_bytes=None)
    return _sizes(ruling, review.endorsements[-1].approved if review.endorsements else request)


def _sizes(ruling: Ruling, otherwise: Granted | RequestFacts) -> Granted:
    return Granted(
        quota_bytes=ruling.quota_bytes or otherwise.quota_bytes,
        max_file_size_bytes=ruling.max_file_size_bytes or otherwise.max_file_size_bytes,
    )


def _require_within(policy: Policy, granted: Granted, request: RequestFacts) -> None:
    """What was asked is held to it too: the agency's rules may have changed since."""
    largest_file = policy.largest_file_bytes or request.max_file_size_bytes
    if _exceeds(granted.max_file_size_bytes, largest_file):
        wrong = FieldError.of(
            "/max_file_size_bytes", "size_above_maximum", maximum_bytes=largest_file or 0
        )
        raise FieldsWrong([wrong])
    largest_quota = policy.largest_quota_bytes or request.quota_bytes
    if largest_quota is not None and _exceeds(granted.quota_bytes, largest_quota):
        raise QuotaExceedsMaximum(largest_quota)


def _exceeds(size: int | None, limit: int | None) -> bool:
    return size is not None and limit is not None and size > limit
