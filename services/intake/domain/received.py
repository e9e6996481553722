"""The fact that a request was received, with all that later steps need to know of it."""

from bmt.agencies.agency import Agency
from bmt.contracts.events import RequestReceived
from bmt.contracts.requests import RequestFacts
from bmt.contracts.values import Applicant, Document, NotShown, Submitter
from services.intake.domain.reference import reference
from services.intake.domain.submission import Submission
from services.intake.domain.warnings import OF_SENDER, differs_from_directory, warnings


def received(
    request_id: str,
    submission: Submission,
    came_with: tuple[Document, ...] = (),
    *,
    first: RequestFacts | None = None,
    not_shown: tuple[NotShown, ...] = (),
) -> RequestReceived:
    """The event of a submission that is right.

    Args:
        request_id: of the request.
        submission: what is asked for; its agency is known.
        came_with: the documents it came in, before those that it names.
        first: what was received first, when this is a correction: reference and day stay.
        not_shown: the attachments that are not shown apart.
    """
    wish = submission.wish
    return RequestReceived(
        request=_facts(request_id, submission, first),
        submitted_by=submission.caller.submitter,
        justification=wish.justification,
        warnings=warnings(submission),
        documents=_documents(submission, came_with),
        email_message_id=submission.email_message_id,
        source_reference=submission.source_reference,
        not_shown=not_shown,
    )


def corrected(
    event: RequestReceived,
    before: RequestReceived,
    *,
    by: Submitter,
    reason: str | None,
    while_open: bool,
) -> RequestReceived:
    """The event of a correction: who handed the request in first, and how, stays as it was.

    What a message's sender was warned of is not undone by whoever corrects what it says.
    """
    by_email = event.request.channel == before.request.channel == "email"
    kept = [one for one in before.warnings if by_email and one in OF_SENDER]
    return event.model_copy(
        update={
            "submitted_by": before.submitted_by,
            "warnings": tuple(dict.fromkeys((*event.warnings, *kept))),
            "email_message_id": before.email_message_id,
            "source_reference": before.source_reference,
            "corrected_by": by,
            "correction_reason": reason,
            "while_open": while_open,
        }
    )


def _facts(request_id: str, submission: Submission, first: RequestFacts | None) -> RequestFacts:
    agency, wish = submission.agency, submission.wish
    if agency is None:
        raise ValueError(f"{request_id} names no known agency, and was not refused")
    quota, largest = _sizes(submission, agency)
    received_at = first.received_at if first else submission.received_at
    name = first.reference if first else reference(request_id, agency.code, received_at)
    return RequestFacts(
        request_id=request_id,
        reference=name,
        kind=wish.kind,
        agency=agency.code,
        applicant=Applicant(**vars(wish.applicant)),
        channel=submission.channel,
        reply_through=agency.reply_channel(wish.reply_through, submission.channel),
        quota_bytes=quota,
        max_file_size_bytes=largest,
        received_at=received_at,
        policy_version=agency.policy_version,
        directory_email=directory_email(submission),
    )


def directory_email(submission: Submission) -> str | None:
    """The directory's address where another was named: who is meant learns of it, too."""
    if submission.standing is None or not differs_from_directory(
        submission.wish, submission.standing
    ):
        return None
    return submission.standing.emails[0]


def _sizes(submission: Submission, agency: Agency) -> tuple[int | None, int | None]:
    """What is asked for, else the agency's default; a termination asks for none."""
    wish = submission.wish
    if wish.kind == "termination":
        return None, None
    return (
        wish.quota_bytes or agency.rules.quota_bytes.default,
        wish.max_file_size_bytes or agency.rules.max_file_size_bytes,
    )


def _documents(submission: Submission, came_with: tuple[Document, ...]) -> tuple[Document, ...]:
    """Each document once."""
    named = (submission.documents[document_id] for document_id in submission.wish.documents)
    return tuple({document.document_id: document for document in (*came_with, *named)}.values())
