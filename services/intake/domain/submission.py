"""A wish with all that must be known to decide on it."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from email.policy import default
from hashlib import sha256
from typing import Any

from bmt.agencies.accounts import Belonging
from bmt.agencies.agency import Agency
from bmt.contracts.faults import Values
from bmt.contracts.immutable import immutable
from bmt.contracts.requests import RequestedService
from bmt.contracts.values import Channel, Document, DocumentId, Submitter
from services.intake.domain.events import Mail


@immutable
class Caller:
    """Who hands something in.

    Attributes:
        subject: by the token's `sub`, or the integrator's name.
        role: the role that is used.
        agencies: for whom they may act; None: an applicant whose token names no agency.
        email: the token's address; empty: it has none.
    """

    subject: str
    role: str
    agencies: frozenset[str] | None
    email: str = ""

    @property
    def submitter(self) -> Submitter:
        """As events name them."""
        return Submitter(subject=self.subject, role=self.role)

    def acts_for(self, agency: str) -> bool:
        """Whether they may act for this agency."""
        return self.agencies is None or agency in self.agencies

    def is_account(self, account: str) -> bool:
        """Whether this is their own account (SCIM userNames are compared without case)."""
        return self.subject.casefold() == account.casefold()


@immutable
class AccountStatus:
    """What the directory says of an account.

    Attributes:
        registered: there is such an account.
        serving: it is active.
        enabled: it has the service.
        emails: its addresses; empty: the directory has none.
        organisations: where the account's owner serves, as the directory calls it.
    """

    registered: bool
    serving: bool = False
    enabled: bool = False
    emails: tuple[str, ...] = ()
    organisations: tuple[str, ...] = ()

    def has_email(self, address: str) -> bool:
        """Whether the directory has this address (mail servers tell no capitals apart)."""
        return address.casefold() in map(str.casefold, self.emails)


@immutable
class Sender:
    """Whom an e-mail says it is from.

    Attributes:
        address: From's; empty where it names none, or several.
        authenticated: whether the server that the mailbox trusts says that the sender's domain sent
            it; None: no server is trusted to tell.
    """

    address: str
    authenticated: bool | None = None


@immutable
class Excess:
    """More than one person may hand in: why, and after how many seconds to ask again."""

    code: str
    retry_after_seconds: int
    values: Values = field(default_factory=dict)


@immutable
class SubmittedEvent:
    """The integrator's event that a request came in by: its CloudEvents source and id."""

    source: str
    id: str

    def causation(self, integrator: str) -> str:
        """What an acceptance is recorded under: the same source and id of one integrator is the same submission."""
        named = f"{integrator}\0{self.source}\0{self.id}"
        return "in:" + sha256(named.encode()).hexdigest()[:40]


@immutable
class Submission:
    """A wish, who hands it in and how, and what is known about it at that moment.

    Attributes:
        requested: what is asked for.
        channel: how it came in.
        caller: who handed it in.
        agency: the rules of the agency that it names; None: there is no such agency.
        agencies: the codes of all agencies.
        documents: what is known of the documents that it names; an unknown one is absent.
        standing: of the account; None: the directory cannot be asked.
        open_elsewhere: another request of this account and agency is open.
        received_at: now.
        email_message_id: of the e-mail that it came by.
        source_reference: what the integrator calls it.
        belongs: whose the account is, as the agency sees it.
        sender: of the e-mail that it came by.
        excess: why it is one too many; None: it is not.
        submitted_event: the integrator's event, which is answered.
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


# Whom an e-mail says it is from.


def sender_of(mail: Mail) -> Sender:
    """The sender of a message as it was read."""
    return Sender(address_in(mail.sender), mail.authenticated)


def address_in(sender: str) -> str:
    """The one address that a From names (RFC 5322, 3.6.2); empty for none, several, or what cannot be read."""
    try:
        header: Any = default.header_factory("from", sender)
        found = [address.addr_spec for address in header.addresses]
    except Exception:  # noqa: BLE001  the standard library's parser fails in many ways
        return ""
    return found[0] if len(found) == 1 and not header.defects else ""
