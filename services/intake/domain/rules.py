"""What an agency's rules allow, and what each caller may hand in."""

from collections.abc import Iterator

from bmt.agencies.agency import Agency
from bmt.contracts.problems import FieldError
from services.intake.domain.errors import Fault, NotTheirs, SubmissionWrong
from services.intake.domain.submission import Submission


def faults(submission: Submission) -> tuple[Fault, ...]:
    """All faults of a submission."""
    return (
        *_against_the_agency(submission),
        *_email(submission),
        *_documents(submission),
        *_account(submission),
    )


def require_theirs(submission: Submission) -> None:
    """Applicants may submit the form for themselves; others may submit anything for their agencies.

    Raises:
        NotTheirs: the caller may not submit this.
    """
    caller, agency = submission.caller, submission.requested.agency
    if not caller.acts_for(agency):
        raise NotTheirs(f"You may not submit requests of {agency}.")
    if caller.role != "applicant":
        return
    if not caller.is_account(submission.requested.applicant.account):
        raise NotTheirs("You apply for yourself: applicant.account must be your own account.")
    if submission.channel != "form":
        raise NotTheirs("Applicants use the channel form; others are for administrators.")


def require_channel(agency: Agency, channel: str) -> None:
    """Raises `SubmissionWrong` if the agency does not receive this channel."""
    if closed := tuple(_channel_in(agency, channel)):
        raise SubmissionWrong(closed)


def _channel_in(agency: Agency, channel: str) -> Iterator[Fault]:
    """`event` is the channel of another agency's system, and always allowed."""
    allowed = agency.rules.channels.in_
    if channel not in (*allowed, "event"):
        yield _channel_fault("/channel", "channel_in_not_allowed", allowed)


def _account(submission: Submission) -> Iterator[Fault]:
    if submission.agency is not None and submission.belongs == "other":
        yield Fault(
            FieldError.of("/applicant/account", "account_of_other_agency"),
            "account_of_other_agency",
        )


def _email(submission: Submission) -> Iterator[Fault]:
    """Applicants may name only an address that the token or the directory vouches for."""
    caller, applicant = submission.caller, submission.requested.applicant
    if caller.role != "applicant":
        return
    known = submission.standing.emails if submission.standing else ()
    vouched_for = tuple(one for one in (caller.email, *known) if one) or (applicant.account,)
    if applicant.email.casefold() not in map(str.casefold, vouched_for):
        yield Fault(FieldError.of("/applicant/email", "email_not_vouched_for"))


def _against_the_agency(submission: Submission) -> Iterator[Fault]:
    agency = submission.agency
    if agency is None:
        yield Fault(FieldError.of("/agency", "unknown_agency", agencies=submission.agencies))
        return
    yield from _channel_in(agency, submission.channel)
    reply = submission.requested.reply_through
    out = agency.rules.channels.out
    if reply is not None and reply not in out:
        yield _channel_fault("/reply_through", "channel_out_not_allowed", out)
    if submission.requested.kind == "application":
        yield from _sizes(submission, agency)


def _channel_fault(pointer: str, code: str, allowed: tuple[str, ...]) -> Fault:
    wrong = FieldError.of(pointer, code, channels=allowed)
    return Fault(wrong, "channel_not_allowed", {"allowed": list(allowed)})


def _sizes(submission: Submission, agency: Agency) -> Iterator[Fault]:
    quota, maximum = submission.requested.quota_bytes, agency.rules.quota_bytes.maximum
    if quota is not None and quota > maximum:
        wrong = FieldError.of("/quota_bytes", "size_above_maximum", maximum_bytes=maximum)
        yield Fault(wrong, "quota_exceeds_maximum", {"maximum": maximum})
    size, largest = submission.requested.max_file_size_bytes, agency.rules.max_file_size_bytes
    if size is not None and size > largest:
        yield Fault(
            FieldError.of("/max_file_size_bytes", "size_above_maximum", maximum_bytes=largest)
        )


def _documents(submission: Submission) -> Iterator[Fault]:
    named = submission.requested.documents
    unknown = [document for document in named if document not in submission.documents]
    for document in dict.fromkeys(unknown):
        yield Fault(
            FieldError.of(f"/documents/{named.index(document)}", "document_unknown"),
            "document_unknown",
            {"documents": list(dict.fromkeys(unknown))},
        )
