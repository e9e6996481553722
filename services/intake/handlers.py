"""What intake does about each call and each message: what must be known is asked first."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final, Protocol

from bmt.agencies.accounts import Belonging
from bmt.agencies.agency import Agency
from bmt.agencies.register import Agencies
from bmt.chassis import crash_points
from bmt.chassis.runtime.clock import Clock, NewId
from bmt.chassis.runtime.document_rights import Claimant
from bmt.chassis.runtime.documents import Received, received_bytes
from bmt.contracts.problems import FieldError
from bmt.contracts.requests import RequestedService, SubmitRequest
from bmt.contracts.values import Channel, Document, DocumentId
from services.intake.channels.keeping import Documents, kept, why_set_aside
from services.intake.channels.mail import OpenedMail
from services.intake.channels.reports import OwnNotices, Report, is_of_others, ours_at
from services.intake.domain import received
from services.intake.domain.commands import ReceiveEmail, ReceiveRequest
from services.intake.domain.errors import NotTheirs
from services.intake.domain.events import Bounce, Mail
from services.intake.domain.rules import faults, require_channel
from services.intake.domain.submission import AccountStatus, Caller, Excess, Submission, sender_of
from services.intake.views import RequestDocument

MAILBOX: Final = "mailbox"
"""Who hands in what was found in a mailbox, as events name it."""


class Directory(Protocol):
    """Who is registered and serving."""

    async def standing(self, account: str, is_fine: Any) -> AccountStatus | None:
        """What is known of `account`; `is_fine` tells what needs no second look."""
        ...


class OpenRequests(Protocol):
    """Which requests are open."""

    async def any(self, agency: str, account: str) -> bool:
        """Whether there is one for this account at this agency."""
        ...

    async def others(self, agency: str, account: str, than: str) -> bool:
        """Whether there is one besides the request `than`."""
        ...


class Limits(Protocol):
    """How much one person may hand in."""

    async def excess(self, submission: Submission, *, is_new: bool) -> Excess | None:
        """Why a submission is one too many; None: it is not, and counts from now on."""
        ...


class Noticed(Protocol):
    """Requests by the notices that told of them."""

    async def told_by(self, message_id: str) -> RequestDocument | None:
        """The request that the notice of this Message-ID told of."""
        ...

    async def referred_to(self, reference: str) -> Sequence[RequestDocument]:
        """The requests of a reference: one, but for a rare chance."""
        ...

    async def written_to(self, addresses: Collection[str]) -> Sequence[RequestDocument]:
        """Requests whose applicants have one of these addresses; two say that there are several."""
        ...


class KnownDocuments(Protocol):
    """Documents that were stored before."""

    async def find(
        self, ids: Collection[DocumentId], claimant: Claimant
    ) -> Mapping[DocumentId, Document]:
        """Those of `ids` that count for the claimant, under the names that they know."""
        ...


class ReadMail(Protocol):
    """As `Readers.mail`."""

    async def __call__(self, content: bytes, *, found: bool = False) -> OpenedMail:
        """What can be told of a message; never raises because of it."""
        ...


class Judge(Protocol):
    """`judge` with its ports filled in."""

    async def __call__(
        self, requested: RequestedService, channel: Channel, caller: Caller
    ) -> Sequence[FieldError]:
        """What is wrong with a wish, though it is not handed in."""
        ...


class AssembleSubmission(Protocol):
    """`assemble_submission` with its ports filled in."""

    async def __call__(
        self,
        requested: RequestedService,
        channel: Channel,
        caller: Caller,
        *,
        correcting: str = "",
        mail: Mail | None = None,
    ) -> Submission:
        """A wish with all that must be known to decide on it."""
        ...


async def assemble_submission(
    requested: RequestedService,
    channel: Channel,
    caller: Caller,
    *,
    correcting: str = "",
    mail: Mail | None = None,
    agencies: Agencies,
    directory: Directory,
    open_requests: OpenRequests,
    documents: KnownDocuments,
    limits: Limits,
    clock: Clock,
) -> Submission:
    """A wish with all that must be known to decide on it.

    `correcting` is the id of the request that is corrected, which is open itself; `mail` the message
    that it came by, where no person stands between.
    """
    agency, account = requested.agency, requested.applicant.account
    standing = await directory.standing(account, partial(_is_fine, requested, agencies))
    submission = Submission(
        requested=requested,
        channel=channel,
        caller=caller,
        agency=agencies.get(requested.agency) if requested.agency in agencies else None,
        agencies=tuple(agency.code for agency in agencies),
        documents=await documents.find(requested.documents, _claimant(caller))
        if requested.documents
        else {},
        standing=standing,
        open_elsewhere=await (
            open_requests.others(agency, account, correcting)
            if correcting
            else open_requests.any(agency, account)
        ),
        received_at=clock(),
        belongs=_belongs(requested, agencies, standing),
        email_message_id=mail.message_id if mail else None,
        sender=sender_of(mail) if mail else None,
    )
    excess = await limits.excess(submission, is_new=not correcting)
    return replace(submission, excess=excess) if excess else submission


async def judge(
    requested: RequestedService,
    channel: Channel,
    caller: Caller,
    *,
    assemble_submission: AssembleSubmission,
) -> Sequence[FieldError]:
    """What the agency's rules say against a wish, though it is not handed in yet."""
    submission = await assemble_submission(requested, channel, caller)
    return [each.error for each in faults(submission)]


def _is_fine(requested: RequestedService, agencies: Agencies, standing: AccountStatus) -> bool:
    return (
        _belongs(requested, agencies, standing) == "own"
        and not received.differs_from_directory(requested, standing)
        and not any(received.of_standing(requested.kind, standing))
    )


def _claimant(caller: Caller) -> Claimant:
    """Integrators and applicants read no agency's requests."""
    officer = caller.role in ("administrator", "operator")
    return Claimant(caller.subject, caller.agencies, officer)


def _belongs(
    requested: RequestedService, agencies: Agencies, standing: AccountStatus | None
) -> Belonging:
    named = agencies.named(standing.organisations) if standing else ()
    return agencies.claims.belonging(requested.agency, requested.applicant.account, named)


def office_of(caller: Caller, opened: OpenedMail, agencies: Agencies) -> tuple[Agency, Caller]:
    """Where a message that was handed in goes, and its caller there.

    Raises:
        Refused: the caller's agency receives no e-mail, or the caller has no agency.
    """
    home = _home(caller, opened, agencies)
    require_channel(home, "email")
    return home, replace(caller, agencies=frozenset({home.code}))


async def receive_email(
    content: bytes,
    opened: OpenedMail,
    home: Agency,
    caller: Caller,
    documents: Documents,
    assemble_submission: AssembleSubmission,
    new_id: NewId,
    clock: Clock,
    *,
    authserv_id: str | None = None,
) -> ReceiveEmail:
    """Keep the message and its attachments, and tell what it asks for.

    `home` and `caller` are as of `office_of`; `authserv_id` names the server that is trusted to tell whether a
    sender is authenticated.
    """
    received = await received_bytes(content)
    with received.content:
        mail = await kept(received, opened, documents, authserv_id)
    crash_points.reached("intake.handlers.mail_kept")
    submission = None
    if opened.form.request is not None:
        submission = await assemble_submission(opened.form.request, "email", caller, mail=mail)
    return ReceiveEmail(new_id(), mail, submission, home, caller, clock())


def _home(caller: Caller, opened: OpenedMail, agencies: Agencies) -> Agency:
    """The caller's agency; for a gateway of many agencies, the one that the message names."""
    asked = [opened.form.request.agency] if opened.form.request else []
    codes = [*(caller.agencies or ()), *asked]
    if not codes or codes[0] not in agencies:
        raise NotTheirs("Your token names no agency of this system, whose inbox this could go to.")
    return agencies.get(codes[0])


async def receive_mailbox_message(
    received: Received,
    opened: OpenedMail,
    home: Agency,
    *,
    is_ours: OwnNotices,
    requests: Noticed,
    agencies: Agencies,
    documents: Documents,
    assemble_submission: AssembleSubmission,
    new_id: NewId,
    clock: Clock,
    authserv_ids: Mapping[str, str],
) -> ReceiveEmail:
    """A message that was found in an agency's mailbox, where nobody looked at it before.

    What could not be delivered goes to the agency whose request it told of. `authserv_ids` are the
    servers that the agencies' mailboxes trust.
    """
    caller = Caller(MAILBOX, "operator", frozenset({home.code}))
    mail = await kept(received, opened, documents, authserv_ids.get(home.code))
    bounce, of_agency = await _bounce(opened, is_ours, requests)
    aside = None if bounce else why_set_aside(opened, is_ours)
    submission = None
    if opened.form.request is not None and not aside:
        submission = await assemble_submission(opened.form.request, "email", caller, mail=mail)
    home = agencies.get(of_agency) if of_agency and of_agency in agencies else home
    return ReceiveEmail(new_id(), mail, submission, home, caller, clock(), bounce, aside)


async def _bounce(
    opened: OpenedMail, is_ours: OwnNotices, requests: Noticed
) -> tuple[Bounce | None, str | None]:
    """The notice of ours that came back, and the agency of its request; each where it is known."""
    report = opened.message.report
    if not (report.failed or report.doubtful):
        return None, None
    message_id = ours_at(report, is_ours)
    about, addressed = await _about(report, message_id, requests)
    if about is not None:
        return Bounce(message_id=message_id, request_id=about.facts.request_id), about.agency
    is_ours_too = addressed or message_id is not None
    if not is_ours_too and (report.doubtful or is_of_others(report, is_ours)):
        return None, None
    # It may be one of ours: relays change Message-IDs, and some reports quote nothing.
    return Bounce(message_id=message_id), None


async def _about(
    report: Report, message_id: str | None, requests: Noticed
) -> tuple[RequestDocument | None, bool]:
    """The one request that a failed notice told of, where that is known; and whether any was told at all."""
    told = await requests.told_by(message_id) if message_id else None
    if told is not None:
        return told, True
    for reference in report.references:
        if len(found := await requests.referred_to(reference)) == 1:
            return found[0], True
    found = await requests.written_to(report.recipients) if report.recipients else ()
    return (found[0] if len(found) == 1 else None), bool(found)


async def receive_request(
    body: SubmitRequest, caller: Caller, assemble_submission: AssembleSubmission, new_id: NewId
) -> ReceiveRequest:
    """A request that was filled in."""
    return ReceiveRequest(new_id(), await assemble_submission(body, body.channel, caller))
