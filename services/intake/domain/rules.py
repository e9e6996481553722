"""What an agency's rules allow, and who may hand in what."""

from collections.abc import Iterator

from bmt.agencies.agency import Agency
from bmt.contracts.events import RequestReceived
from bmt.contracts.requests import RequestFacts
from services.intake.domain.errors import Fault, NotTheirs, SubmissionWrong
from services.intake.domain.submission import Caller, Submission


def faults(submission: Submission) -> tuple[Fault, ...]:
    """Everything that is wrong with it, at once."""
    return (
        *_against_the_agency(submission),
        *_email(submission),
        *_documents(submission),
        *_account(submission),
    )


def require_theirs(submission: Submission) -> None:
    """Applicants hand in the form, for themselves; others anything, for their agencies.

    Raises:
        NotTheirs: the caller may not submit this.
    """
    caller, agency = submission.caller, submission.wish.agency
    if not caller.acts_for(agency):
        raise NotTheirs(f"You may not submit requests of {agency}.")
    if caller.role != "applicant":
        return
    if not caller.is_account(submission.wish.applicant.account):
        raise NotTheirs("You apply for yourself: applicant.account must be your own account.")
    if submission.channel != "form":
        raise NotTheirs("Applicants use the channel form; others are for administrators.")


def may_see(caller: Caller, facts: RequestFacts) -> bool:
    """Whether a request is the caller's to know of: their own, or their agency's."""
    if caller.role == "applicant":
        return caller.is_account(facts.applicant.account)
    return caller.acts_for(facts.agency)


def not_to_be_changed(
    submission: Submission, before: RequestReceived, *, while_open: bool
) -> tuple[Fault, ...]:
    """What a correction changes that makes it another request.

    An account that somebody else wrote down may be a slip of theirs, which an administrator corrects; one
    that the applicant signed in with, or another system names, is none. What was returned is the
    applicant's to correct, who stays the same.
    """
    wish, facts = submission.wish, before.request
    was_written_down = before.submitted_by.role != "applicant" and facts.channel != "event"
    may_change = while_open and was_written_down and submission.caller.role != "applicant"
    same_account = wish.applicant.account.casefold() == facts.applicant.account.casefold()
    kept = {
        "/kind": wish.kind == facts.kind,
        "/agency": wish.agency == facts.agency,
        "/applicant/account": same_account or may_change,
    }
    detail = "A correction cannot change this: withdraw, and submit a new request."
    return tuple(Fault(pointer, detail) for pointer, is_same in kept.items() if not is_same)


def without_reason(reason: str | None) -> tuple[Fault, ...]:
    """Whoever corrects what nobody returned says why."""
    detail = "Say why: it is kept on record with the correction."
    return () if reason else (Fault("/correction_reason", detail),)


def require_channel(agency: Agency, channel: str) -> None:
    """Raises `SubmissionWrong` where the agency receives nothing that way."""
    if closed := tuple(_channel_in(agency, channel)):
        raise SubmissionWrong(closed)


def _channel_in(agency: Agency, channel: str) -> Iterator[Fault]:
    """`event` comes from another agency's system, and is always allowed."""
    allowed = agency.rules.channels.in_
    if channel not in (*allowed, "event"):
        yield _channel_fault("/channel", "receives requests", allowed)


def _account(submission: Submission) -> Iterator[Fault]:
    if submission.agency is not None and submission.belongs == "other":
        yield Fault(
            "/applicant/account",
            "It is another agency's: only that agency may ask for it.",
            "account_of_other_agency",
        )


def _email(submission: Submission) -> Iterator[Fault]:
    """Applicants are told at an address that somebody else vouches for: they name no stranger's."""
    caller, applicant = submission.caller, submission.wish.applicant
    if caller.role != "applicant":
        return
    known = submission.standing.emails if submission.standing else ()
    vouched_for = tuple(one for one in (caller.email, *known) if one) or (applicant.account,)
    if applicant.email.casefold() not in map(str.casefold, vouched_for):
        yield Fault(
            "/applicant/email",
            "Your sign-in's address or the directory's is needed; "
            "an administrator of your agency can name another.",
        )


def _against_the_agency(submission: Submission) -> Iterator[Fault]:
    agency = submission.agency
    if agency is None:
        yield Fault("/agency", f"One of these is needed: {', '.join(submission.agencies)}.")
        return
    yield from _channel_in(agency, submission.channel)
    asked = submission.wish.reply_through
    out = agency.rules.channels.out
    if asked is not None and asked not in out:
        yield _channel_fault("/reply_through", "answers", out)
    if submission.wish.kind == "application":
        yield from _sizes(submission, agency)


def _channel_fault(pointer: str, does: str, allowed: tuple[str, ...]) -> Fault:
    detail = f"The agency {does} through {', '.join(allowed)}."
    return Fault(pointer, detail, "channel_not_allowed", {"allowed": list(allowed)})


def _sizes(submission: Submission, agency: Agency) -> Iterator[Fault]:
    quota, maximum = submission.wish.quota_bytes, agency.rules.quota_bytes.maximum
    if quota is not None and quota > maximum:
        detail = f"At most {maximum} is allowed."
        yield Fault("/quota_bytes", detail, "quota_exceeds_maximum", {"maximum": maximum})
    size, largest = submission.wish.max_file_size_bytes, agency.rules.max_file_size_bytes
    if size is not None and size > largest:
        yield Fault("/max_file_size_bytes", f"At most {largest} is allowed.")


def _documents(submission: Submission) -> Iterator[Fault]:
    named = submission.wish.documents
    unknown = [document for document in named if document not in submission.documents]
    for document in dict.fromkeys(unknown):
        yield Fault(
            f"/documents/{named.index(document)}",
            "There is no such document of yours: upload it first, to /v1/documents.",
            "document_unknown",
            {"documents": list(dict.fromkeys(unknown))},
        )
