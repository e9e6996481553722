"""A requested service with all that must be known to decide on it: its faults, its warnings, and its event."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from email.policy import default
from hashlib import sha256
from typing import Any, Final

from bmt.agencies.agency import Agency, Belonging
from bmt.agencies.charter import MALAYSIA
from bmt.contracts.events import RequestedService, RequestFacts, RequestReceived
from bmt.contracts.problems import FieldError
from bmt.contracts.values import (
    NUMBER_CHARACTERS,
    Applicant,
    Channel,
    Document,
    DocumentId,
    Kind,
    NotShown,
    RequestWarning,
    Submitter,
    immutable,
    in_crockford,
)
from services.intake.domain.errors import Excess, Fault, NotTheirs, SubmissionWrong
from services.intake.domain.events import Mail


@immutable
class Caller:
    """The person or system that hands something in.

    Attributes:
        subject: the token's `sub`, or the integrator's name.
        agencies: those that the caller may act for; None: an applicant whose token names no agency.
        email: the token's address, or empty.
    """

    subject: str
    role: str
    agencies: frozenset[str] | None
    email: str = ""

    @property
    def submitter(self) -> Submitter:
        return Submitter(subject=self.subject, role=self.role)

    def acts_for(self, agency: str) -> bool:
        return self.agencies is None or agency in self.agencies

    def is_account(self, account: str) -> bool:
        """Whether this is the caller's own account (SCIM userNames are compared without case)."""
        return self.subject.casefold() == account.casefold()


@immutable
class AccountStatus:
    """The directory's knowledge of an account: `serving` is active, `enabled` has the service."""

    registered: bool
    serving: bool = False
    enabled: bool = False
    emails: tuple[str, ...] = ()
    organisations: tuple[str, ...] = ()

    def has_email(self, address: str) -> bool:
        """Whether the directory has this address (mail servers ignore case)."""
        return address.casefold() in map(str.casefold, self.emails)


@immutable
class Sender:
    """The address in an e-mail's From, empty for none or several, and whether a trusted server vouches for it, if any."""

    address: str
    authenticated: bool | None = None


@immutable
class SubmittedEvent:
    """The integrator's event that a request came in by: its CloudEvents source and id."""

    source: str
    id: str

    def causation(self, integrator: str) -> str:
        """The causation of its acceptance: one integrator's source and id identify the submission."""
        named = f"{integrator}\0{self.source}\0{self.id}"
        return "in:" + sha256(named.encode()).hexdigest()[:40]


@immutable
class Submission:
    """A requested service, its caller and channel, and what is known about it at that moment.

    Attributes:
        agency: the one that it names, with its rules; None: it is none of all `agencies`.
        documents: the known ones of those that it names.
        standing: of the account; None: the directory is unreachable.
        open_elsewhere: another request of this account and agency is open.
        belongs: whether the account belongs to the agency.
        sender: of the e-mail that it came by, as is `email_message_id`.
        submitted_event: the integrator's event, which is to be answered, and whose own name is `source_reference`.
    """

    requested: RequestedService
    channel: Channel
    caller: Caller
    agency: Agency | None
    agencies: tuple[str, ...]
    documents: Mapping[DocumentId, Document]
    standing: AccountStatus | None
    open_elsewhere: bool
    received_at: datetime
    email_message_id: str | None = None
    source_reference: str | None = None
    belongs: Belonging = "own"
    sender: Sender | None = None
    excess: Excess | None = None
    submitted_event: SubmittedEvent | None = None


def sender_of(mail: Mail) -> Sender:
    return Sender(address_in(mail.sender), mail.authenticated)


def address_in(sender: str) -> str:
    """The one address in a From header (RFC 5322, 3.6.2); empty for none, several, or an unreadable header."""
    try:
        header: Any = default.header_factory("from", sender)
        found = [address.addr_spec for address in header.addresses]
    except Exception:  # noqa: BLE001  the standard library's parser fails in many ways
        return ""
    return found[0] if len(found) == 1 and not header.defects else ""


def faults(submission: Submission) -> tuple[Fault, ...]:
    return (
        *_against_the_agency(submission),
        *_meant(submission),
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


def _meant(submission: Submission) -> Iterator[Fault]:
    """What is right in form, and cannot be meant."""
    requested = submission.requested
    name = requested.applicant.name
    if not any(map(str.isalpha, name)) or ("@" in name and " " not in name):
        yield Fault(FieldError.of("/applicant/name", "not_a_name"))
    if not any(map(str.isalnum, requested.justification)):
        yield Fault(FieldError.of("/justification", "blank"))


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


_REFERENCE_BYTES: Final = 5


def reference(request_id: str, agency: str, received_at: datetime) -> str:
    """For example `BMT-MAMPU-2026-7K3QF9ZT`: agency, year in Malaysia, 40 bits of the id's hash.

    The alphabet has no I, L, O and U (Crockford's base 32). Ten thousand requests of one agency in
    one year share a reference once in some twenty thousand years; the id stays the key.
    """
    number = int.from_bytes(hashlib.sha256(request_id.encode()).digest()[:_REFERENCE_BYTES])
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


def directory_email(requested: RequestedService, standing: AccountStatus | None) -> str | None:
    """The directory's address if it does not have the request's: its owner is notified, too."""
    if standing is None or not standing.emails or standing.has_email(requested.applicant.email):
        return None
    return standing.emails[0]


def warnings_of(submission: Submission) -> Iterator[RequestWarning]:
    """All warnings of a request, in the contract's order."""
    requested, standing = submission.requested, submission.standing
    yield from of_standing(requested.kind, standing)
    if submission.open_elsewhere:
        yield "open_request_exists"
    if submission.belongs == "unknown":
        yield "agency_unknown"
    if directory_email(requested, standing) is not None:
        yield "email_differs_from_directory"
    if submission.channel != "email" or submission.sender is None:
        return
    # The form's own address proves nothing, unless the directory has none.
    known = (standing.emails if standing else ()) or (requested.applicant.email,)
    theirs = {address.casefold() for address in (*known, requested.applicant.account)}
    if submission.sender.address.casefold() not in theirs:
        yield "sender_differs"
    if submission.sender.authenticated is False:
        yield "sender_not_authenticated"


def received(
    request_id: str,
    submission: Submission,
    came_with: tuple[Document, ...] = (),
    *,
    first: RequestFacts | None = None,
    not_shown: tuple[NotShown, ...] = (),
) -> RequestReceived:
    """The event of a valid submission, whose agency is known.

    The documents that it `came_with` precede those that it names. A correction keeps reference and day of the `first`.
    """
    requested = submission.requested
    return RequestReceived(
        request=_facts(request_id, submission, first),
        submitted_by=submission.caller.submitter,
        justification=requested.justification,
        warnings=tuple(warnings_of(submission)),
        documents=_all_documents(submission, came_with),
        email_message_id=submission.email_message_id,
        source_reference=submission.source_reference,
        not_shown=not_shown,
    )


def corrected(
    event: RequestReceived, before: RequestReceived, **correction: object
) -> RequestReceived:
    """The event of a correction: first submitter, channel and warnings about a message's sender stay."""
    by_email = event.request.channel == before.request.channel == "email"
    of_sender = [one for one in before.warnings if by_email and one in OF_SENDER]
    return event.model_copy(
        update={
            "submitted_by": before.submitted_by,
            "warnings": tuple(dict.fromkeys((*event.warnings, *of_sender))),
            "email_message_id": before.email_message_id,
            "source_reference": before.source_reference,
            **correction,
        }
    )


def _facts(request_id: str, submission: Submission, first: RequestFacts | None) -> RequestFacts:
    agency, requested = submission.agency, submission.requested
    if agency is None:
        raise ValueError(f"{request_id} names no known agency, and was not refused")
    quota, largest = _requested_sizes(submission, agency)
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
        directory_email=directory_email(requested, submission.standing),
    )


def _requested_sizes(submission: Submission, agency: Agency) -> tuple[int | None, int | None]:
    """The requested sizes, by default the agency's; a termination has none."""
    requested = submission.requested
    if requested.kind == "termination":
        return None, None
    return (
        requested.quota_bytes or agency.rules.quota_bytes.default,
        requested.max_file_size_bytes or agency.rules.max_file_size_bytes,
    )


def _all_documents(submission: Submission, came_with: tuple[Document, ...]) -> tuple[Document, ...]:
    named = (submission.documents[document_id] for document_id in submission.requested.documents)
    return tuple({document.document_id: document for document in (*came_with, *named)}.values())
