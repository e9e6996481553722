"""The event that a request was received, with all that later steps need."""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from bmt.agencies.agency import Agency
from bmt.agencies.charter import MALAYSIA
from bmt.contracts.events import RequestedService, RequestFacts, RequestReceived
from bmt.contracts.values import (
    NUMBER_CHARACTERS,
    Applicant,
    Document,
    Kind,
    NotShown,
    RequestWarning,
    Submitter,
    in_crockford,
)
from services.intake.domain.submission import AccountStatus, Sender, Submission

_BYTES: Final = 5


def reference(request_id: str, agency: str, received_at: datetime) -> str:
    """For example `BMT-MAMPU-2026-7K3QF9ZT`: agency, year in Malaysia, 40 bits of the id's hash.

    The alphabet has no I, L, O and U (Crockford's base 32). Ten thousand requests of one agency in
    one year share a reference once in some twenty thousand years; the id stays the key.
    """
    number = int.from_bytes(hashlib.sha256(request_id.encode()).digest()[:_BYTES])
    year = received_at.astimezone(MALAYSIA).year
    return f"BMT-{agency}-{year}-{in_crockford(number, NUMBER_CHARACTERS)}"


# The warnings that a person considers before approving (SOP 3.0: serving, and registered).

OF_SENDER: Final = ("sender_differs", "sender_not_authenticated")
"""The warnings that only the message itself can lead to."""


def of_standing(kind: Kind, standing: AccountStatus | None) -> Iterator[RequestWarning]:
    """The directory's warnings; an unreachable directory is a warning as well."""
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


def differs_from_directory(requested: RequestedService, standing: AccountStatus | None) -> bool:
    """Whether notices would go to an address that the directory does not have."""
    if standing is None or not standing.emails:
        return False
    return not standing.has_email(requested.applicant.email)


def warnings(submission: Submission) -> tuple[RequestWarning, ...]:
    """All warnings of a request, in the contract's order."""
    return tuple(_warnings(submission))


def _warnings(submission: Submission) -> Iterator[RequestWarning]:
    requested = submission.requested
    yield from of_standing(requested.kind, submission.standing)
    if submission.open_elsewhere:
        yield "open_request_exists"
    if submission.belongs == "unknown":
        yield "agency_unknown"
    if differs_from_directory(requested, submission.standing):
        yield "email_differs_from_directory"
    if submission.channel == "email" and submission.sender is not None:
        yield from _of_sender(submission.sender, requested, submission.standing)


def _of_sender(
    sender: Sender, requested: RequestedService, standing: AccountStatus | None
) -> Iterator[RequestWarning]:
    """The form's own address proves nothing, unless the directory has none."""
    known = (
        standing.emails
        if standing is not None and standing.emails
        else (requested.applicant.email,)
    )
    theirs = {address.casefold() for address in (*known, requested.applicant.account)}
    if sender.address.casefold() not in theirs:
        yield "sender_differs"
    if sender.authenticated is False:
        yield "sender_not_authenticated"


def received(
    request_id: str,
    submission: Submission,
    came_with: tuple[Document, ...] = (),
    *,
    first: RequestFacts | None = None,
    not_shown: tuple[NotShown, ...] = (),
) -> RequestReceived:
    """The event of a valid submission.

    Args:
        request_id: the id of the request.
        submission: a submission whose agency is known.
        came_with: the documents that it came in, which precede those that it names.
        first: the first reception, if this is a correction: reference and day stay.
        not_shown: the attachments that are not shown by themselves.
    """
    requested = submission.requested
    return RequestReceived(
        request=_facts(request_id, submission, first),
        submitted_by=submission.caller.submitter,
        justification=requested.justification,
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
    """The event of a correction: the first submitter and channel stay.

    Warnings about a message's sender stay, too.
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
    agency, requested = submission.agency, submission.requested
    if agency is None:
        raise ValueError(f"{request_id} names no known agency, and was not refused")
    quota, largest = _sizes(submission, agency)
    received_at = first.received_at if first else submission.received_at
    name = first.reference if first else reference(request_id, agency.code, received_at)
    return RequestFacts(
        request_id=request_id,
        reference=name,
        kind=requested.kind,
        agency=agency.code,
        applicant=Applicant(**vars(requested.applicant)),
        channel=submission.channel,
        reply_through=agency.reply_channel(requested.reply_through, submission.channel),
        quota_bytes=quota,
        max_file_size_bytes=largest,
        received_at=received_at,
        policy_version=agency.policy_version,
        directory_email=directory_email(submission),
    )


def directory_email(submission: Submission) -> str | None:
    """The directory's address if the request names another one: its owner is notified, too."""
    if submission.standing is None or not differs_from_directory(
        submission.requested, submission.standing
    ):
        return None
    return submission.standing.emails[0]


def _sizes(submission: Submission, agency: Agency) -> tuple[int | None, int | None]:
    """The requested sizes, by default the agency's; a termination has none."""
    requested = submission.requested
    if requested.kind == "termination":
        return None, None
    return (
        requested.quota_bytes or agency.rules.quota_bytes.default,
        requested.max_file_size_bytes or agency.rules.max_file_size_bytes,
    )


def _documents(submission: Submission, came_with: tuple[Document, ...]) -> tuple[Document, ...]:
    named = (submission.documents[document_id] for document_id in submission.requested.documents)
    return tuple({document.document_id: document for document in (*came_with, *named)}.values())
