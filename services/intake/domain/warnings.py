"""What a person must weigh before approving (SOP 3.0: serving, and registered)."""

from collections.abc import Iterator
from typing import Final

from bmt.contracts.requests import Wish
from bmt.contracts.values import Kind, RequestWarning
from services.intake.domain.submission import Sender, Standing, Submission

OF_SENDER: Final = ("sender_differs", "sender_not_authenticated")
"""What only the message itself can tell."""


def of_standing(kind: Kind, standing: Standing | None) -> Iterator[RequestWarning]:
    """What the directory says against it; a directory that cannot be asked is never a silent yes."""
    if standing is None:
        yield "directory_unavailable"
        return
    if not standing.registered:
        yield "not_registered"
    elif not standing.serving:
        yield "not_serving"
    if kind == "termination" and not standing.enabled:
        yield "no_active_service"
    if kind == "application" and standing.enabled:
        yield "already_active"


def differs_from_directory(wish: Wish, standing: Standing | None) -> bool:
    """Whether notices would go to an address that the directory does not have."""
    if standing is None or not standing.emails:
        return False
    return not standing.has_email(wish.applicant.email)


def warnings(submission: Submission) -> tuple[RequestWarning, ...]:
    """All warnings of a request, in the contract's order."""
    return tuple(_warnings(submission))


def _warnings(submission: Submission) -> Iterator[RequestWarning]:
    wish = submission.wish
    yield from of_standing(wish.kind, submission.standing)
    if submission.open_elsewhere:
        yield "open_request_exists"
    if submission.belongs == "unknown":
        yield "agency_unknown"
    if differs_from_directory(wish, submission.standing):
        yield "email_differs_from_directory"
    if submission.channel == "email" and submission.sender is not None:
        yield from _of_sender(submission.sender, wish, submission.standing)


def _of_sender(sender: Sender, wish: Wish, standing: Standing | None) -> Iterator[RequestWarning]:
    """The address that the form itself names tells nothing, unless nobody knows a better one."""
    known = standing.emails if standing is not None and standing.emails else (wish.applicant.email,)
    theirs = {address.casefold() for address in (*known, wish.applicant.account)}
    if sender.address.casefold() not in theirs:
        yield "sender_differs"
    if sender.authenticated is False:
        yield "sender_not_authenticated"
