"""What an agency's rules allow, and what each caller may hand in."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from bmt.agencies.agency import Agency
from bmt.contracts.events import RequestReceived
from bmt.contracts.problems import FieldError
from bmt.contracts.requests import RequestFacts
from bmt.contracts.values import PaperChannel
from services.intake.domain.errors import Fault, NotTheirs, SubmissionWrong
from services.intake.domain.events import Missing
from services.intake.domain.submission import Caller, Submission
from services.intake.papers import CoverCode, FormCode, PaperCode


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


def may_see(caller: Caller, facts: RequestFacts) -> bool:
    """Whether the caller may know of a request: it is their own, or their agency's."""
    if caller.role == "applicant":
        return caller.is_account(facts.applicant.account)
    return caller.acts_for(facts.agency)


def not_to_be_changed(
    submission: Submission, before: RequestReceived, *, while_open: bool
) -> tuple[Fault, ...]:
    """The changes of a correction that would make it another request.

    An administrator may correct the account if somebody else wrote it down. An account that the applicant
    signed in with, or that another system named, stays; so does the account of a returned request.
    """
    requested, facts = submission.requested, before.request
    was_written_down = before.submitted_by.role != "applicant" and facts.channel != "event"
    may_change = while_open and was_written_down and submission.caller.role != "applicant"
    same_account = requested.applicant.account.casefold() == facts.applicant.account.casefold()
    kept = {
        "/kind": requested.kind == facts.kind,
        "/agency": requested.agency == facts.agency,
        "/applicant/account": same_account or may_change,
    }
    return tuple(
        Fault(FieldError.of(pointer, "not_to_be_corrected"))
        for pointer, is_same in kept.items()
        if not is_same
    )


def without_reason(reason: str | None) -> tuple[Fault, ...]:
    """A correction that nobody asked for needs a reason."""
    return (
        () if reason else (Fault(FieldError.of("/correction_reason", "correction_reason_needed")),)
    )


def require_channel(agency: Agency, channel: str) -> None:
    """Raises `SubmissionWrong` if the agency does not receive this channel."""
    if closed := tuple(_channel_in(agency, channel)):
        raise SubmissionWrong(closed)


_PAPER: Final[Collection[PaperChannel]] = ("memo", "letter", "form")


def require_paper(agency: Agency, channel: PaperChannel | None) -> None:
    """Raises `SubmissionWrong` if the agency receives no paper, or not through this channel."""
    allowed = agency.rules.channels.in_
    if channel is not None:
        require_channel(agency, channel)
    elif not set(allowed) & set(_PAPER):
        wrong = FieldError.of("/query/channel", "no_paper", channels=allowed)
        raise SubmissionWrong([Fault(wrong, "channel_not_allowed", {"allowed": list(allowed)})])


def proposal(
    codes: Sequence[PaperCode], agency: str, channel: PaperChannel | None
) -> Mapping[str, str]:
    """The fields of a request as the paper's codes give them, until a person has read it.

    Codes of another agency are not trusted. The caller's channel counts if no code names one.
    """
    told: dict[str, str] = {} if channel is None else {"channel": channel}
    for code in codes:
        match code:
            case CoverCode(through, owner) if owner == agency:
                told |= {"channel": through, "agency": agency}
            case FormCode(kind, owner) if owner == agency:
                told |= {"channel": "form", "kind": kind, "agency": agency}
    return told


def doubts(codes: Sequence[PaperCode], agency: str) -> tuple[Missing, ...]:
    """The codes that name another agency than the one whose inbox the paper is in."""
    others = sorted({c.agency for c in codes if isinstance(c, FormCode | CoverCode)} - {agency})
    return tuple(
        Missing.of("agency", "code_of_other_agency", other=other, agency=agency) for other in others
    )


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
    asked = submission.requested.reply_through
    out = agency.rules.channels.out
    if asked is not None and asked not in out:
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
