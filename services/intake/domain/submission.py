"""A requested service with all that must be known to decide on it."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from email.policy import default
from hashlib import sha256
from typing import Any

from bmt.agencies.agency import Agency, Belonging
from bmt.contracts.events import RequestedService
from bmt.contracts.faults import Values
from bmt.contracts.values import Channel, Document, DocumentId, Submitter, immutable
from services.intake.domain.events import Mail


@immutable
class Caller:
    """The person or system that hands something in.

    Attributes:
        subject: the token's `sub`, or the integrator's name.
        role: the one that the caller uses.
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
    """The sender that an e-mail names.

    Attributes:
        address: the one in From; empty if it names none, or several.
        authenticated: whether the trusted mail server states that the sender's domain sent it; None: no server is trusted.
    """

    address: str
    authenticated: bool | None = None


@immutable
class Excess:
    """The limit that a submission exceeds, and when to try again."""

    code: str
    retry_after_seconds: int
    values: Values = field(default_factory=dict)


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
        agency: the one that it names, with its rules; None: there is no such agency.
        agencies: the codes of all agencies.
        documents: the known ones of those that it names.
        standing: of the account; None: the directory is unreachable.
        open_elsewhere: another request of this account and agency is open.
        email_message_id: of the e-mail that it came by.
        source_reference: the integrator's own name for it.
        belongs: whether the account belongs to the agency.
        sender: of the e-mail that it came by.
        excess: the limit that it exceeds, or None.
        submitted_event: the integrator's event, which is to be answered.
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
    """The sender of a message."""
    return Sender(address_in(mail.sender), mail.authenticated)


def address_in(sender: str) -> str:
    """The one address in a From header (RFC 5322, 3.6.2); empty for none, several, or an unreadable header."""
    try:
        header: Any = default.header_factory("from", sender)
        found = [address.addr_spec for address in header.addresses]
    except Exception:  # noqa: BLE001  the standard library's parser fails in many ways
        return ""
    return found[0] if len(found) == 1 and not header.defects else ""
