"""Comments on a request: whoever may decide on it may note something, before and after."""

from collections.abc import Sequence

from bmt.contracts.events import Event
from services.approval.domain.commands import AddComment
from services.approval.domain.errors import NothingToNote, UnknownRequest
from services.approval.domain.events import CommentAdded
from services.approval.domain.state import Known, State


def add_comment(command: AddComment, state: State) -> Sequence[Event]:
    """It is added, whatever the request's status.

    Raises:
        UnknownRequest: there is none, or it is another agency's.
        NothingToNote: applicants have no part in what is noted of their own request.
    """
    if not isinstance(state, Known) or state.request.agency != command.agency:
        raise UnknownRequest
    if state.request.applicant.account.casefold() == command.officer.subject.casefold():
        raise NothingToNote
    return [
        CommentAdded(
            request=state.request,
            by=command.officer,
            at=command.added_at,
            text=command.text,
            documents=command.documents,
        )
    ]
