"""What a ruling on an open request leads to."""

from bmt.contracts.events import Event, Rejected, ReturnedForCorrection
from bmt.contracts.problems import FieldError
from bmt.contracts.requests import RequestFacts
from services.approval.domain.approval import approved
from services.approval.domain.commands import Decide
from services.approval.domain.errors import FieldsWrong
from services.approval.domain.fields import OF_APPROVAL, acting_wrong, present
from services.approval.domain.state import Open


def ruled(command: Decide, review: Open) -> Event:
    """The decision, as it is said; of an approval that is not the last, what is remembered.

    Raises:
        FieldsWrong: fields are missing, or do not go with this decision on this request.
        Refused: an approval as `approved` says.
    """
    match command.ruling.decision:
        case "approve":
            return approved(command, review)
        case "reject":
            return _refused(Rejected, command, review.request)
        case "return":
            return _refused(ReturnedForCorrection, command, review.request)


def _refused(
    event: type[Rejected] | type[ReturnedForCorrection], command: Decide, request: RequestFacts
) -> Event:
    ruling = command.ruling
    faults = [*present(ruling, OF_APPROVAL, "of_approval_alone"), *acting_wrong(command)]
    if ruling.reason is None:
        raise FieldsWrong([FieldError.of("/reason", "reason_for_applicant"), *faults])
    if faults:
        raise FieldsWrong(faults)
    return event(
        request=request,
        decided_by=command.officer,
        decided_at=command.decided_at,
        reason=ruling.reason,
        on_behalf_of=ruling.on_behalf_of,
    )
