"""What intake does with each thing that is handed in: it first collects all that the decision needs."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from bmt.agencies.agency import Agency, Belonging
from bmt.agencies.register import Agencies
from bmt.chassis import crash_points
from bmt.chassis.runtime.clock import Clock, NewId
from bmt.chassis.runtime.documents import (
    Claimant,
    DocumentRights,
    DocumentStore,
    Received,
    received_bytes,
)
from bmt.contracts.events import RequestedService, SubmitRequest
from bmt.contracts.http.intake import RequestChecked
from bmt.contracts.values import Channel
from services.intake.channels.reports import OwnNotices, Report, is_of_others, ours_at
from services.intake.channels.upload import kept, why_set_aside
from services.intake.directory import Directory
from services.intake.domain.errors import NotTheirs
from services.intake.domain.events import Bounce, Mail
from services.intake.domain.request import ReceiveEmail, ReceiveRequest
from services.intake.domain.submission import (
    AccountStatus,
    Caller,
    Submission,
    differs_from_directory,
    faults,
    of_standing,
    require_channel,
    require_theirs,
    sender_of,
    warnings_of,
)
from services.intake.limits import SubmissionLimits
from services.intake.mail_process import OpenedMail
from services.intake.queries import OpenRequests, Requests
from services.intake.views import RequestDocument

MAILBOX: Final = "mailbox"
"""The submitter of messages from a mailbox, as events name it."""


@dataclass(frozen=True, slots=True)
class Reception:
    """Makes the command for what is handed in, with all that the decision needs."""

    agencies: Agencies
    directory: Directory
    requests: Requests
    open_requests: OpenRequests
    rights: DocumentRights
    limits: SubmissionLimits
    documents: DocumentStore
    new_id: NewId
    clock: Clock

    async def receive_request(self, body: SubmitRequest, caller: Caller) -> ReceiveRequest:
        submission = await self.assemble_submission(body, body.channel, caller)
        return ReceiveRequest(self.new_id(), submission)

    async def assemble_submission(
        self,
        requested: RequestedService,
        channel: Channel,
        caller: Caller,
        *,
        correcting: str = "",
        mail: Mail | None = None,
    ) -> Submission:
        """The requested service with all that the decision needs; it counts against the caller's limits.

        `correcting` is the id of the request that is corrected, which is open itself. `mail` is the message that it came
        by, if no person filled the request in.
        """
        submission = await self._known(requested, channel, caller, correcting, mail)
        excess = await self.limits.excess(submission, is_new=not correcting)
        return replace(submission, excess=excess) if excess else submission

    async def check(self, body: SubmitRequest, caller: Caller) -> RequestChecked:
        """What is wrong with a request that is not handed in yet. It counts against no limit.

        Raises:
            NotTheirs: the caller may not submit it.
        """
        submission = await self._known(body, body.channel, caller)
        if submission.agency is not None:
            require_theirs(submission)
        return RequestChecked(
            errors=tuple(each.error for each in faults(submission)),
            warnings=warnings_of(submission),
        )

    async def _known(
        self,
        requested: RequestedService,
        channel: Channel,
        caller: Caller,
        correcting: str = "",
        mail: Mail | None = None,
    ) -> Submission:
        agency, account = requested.agency, requested.applicant.account
        standing = await self.directory.standing(account, partial(self._is_fine, requested))
        known = await self.rights.find(requested.documents, _claimant(caller))
        return Submission(
            requested=requested,
            channel=channel,
            caller=caller,
            agency=self.agencies.get(agency) if agency in self.agencies else None,
            agencies=tuple(each.code for each in self.agencies),
            documents=known,
            standing=standing,
            open_elsewhere=await (
                self.open_requests.others(agency, account, correcting)
                if correcting
                else self.open_requests.any(agency, account)
            ),
            received_at=self.clock(),
            belongs=self._belongs(requested, standing),
            email_message_id=mail.message_id if mail else None,
            sender=sender_of(mail) if mail else None,
        )

    def _is_fine(self, requested: RequestedService, standing: AccountStatus) -> bool:
        return (
            self._belongs(requested, standing) == "own"
            and not differs_from_directory(requested, standing)
            and not any(of_standing(requested.kind, standing))
        )

    def _belongs(self, requested: RequestedService, standing: AccountStatus | None) -> Belonging:
        named = self.agencies.named(standing.organisations) if standing else ()
        account = requested.applicant.account
        return self.agencies.claims.belonging(requested.agency, account, named)

    def office_of(self, caller: Caller, opened: OpenedMail) -> tuple[Agency, Caller]:
        """The agency that receives a message, and its caller there.

        It is the caller's agency; for a gateway of many agencies, the one that the message names.

        Raises:
            Refused: the agency receives no e-mail, or the caller has no agency.
        """
        named = [opened.form.request.agency] if opened.form.request else []
        codes = [*(caller.agencies or ()), *named]
        if not codes or codes[0] not in self.agencies:
            raise NotTheirs(
                "Your token names no agency of this system, whose inbox this could go to."
            )
        home = self.agencies.get(codes[0])
        require_channel(home, "email")
        return home, replace(caller, agencies=frozenset({home.code}))

    async def receive_email(
        self,
        content: bytes,
        opened: OpenedMail,
        home: Agency,
        caller: Caller,
        authserv_id: str | None,
    ) -> ReceiveEmail:
        """Store the message and its attachments, and read what it asks for.

        `home` and `caller` are as of `office_of`. `authserv_id` names the mail server that is trusted to authenticate
        senders.
        """
        received = await received_bytes(content)
        with received.content:
            mail = await kept(received, opened, self.documents, authserv_id)
        crash_points.reached("intake.handlers.mail_kept")
        submission = await self._submission(opened, caller, mail)
        return ReceiveEmail(self.new_id(), mail, submission, home, caller, self.clock())

    async def receive_mailbox_message(
        self,
        received: Received,
        opened: OpenedMail,
        home: Agency,
        authserv_id: str | None,
        is_ours: OwnNotices,
    ) -> ReceiveEmail:
        """As `receive_email`, for a message from an agency's mailbox that nobody has looked at.

        A bounced notice of ours goes to the agency of its request.
        """
        caller = Caller(MAILBOX, "operator", frozenset({home.code}))
        mail = await kept(received, opened, self.documents, authserv_id)
        bounce, of_agency = await self._bounce(opened, is_ours)
        aside = None if bounce else why_set_aside(opened, is_ours)
        submission = None if aside else await self._submission(opened, caller, mail)
        if of_agency and of_agency in self.agencies:
            home = self.agencies.get(of_agency)
        return ReceiveEmail(
            self.new_id(), mail, submission, home, caller, self.clock(), bounce, aside
        )

    async def _submission(
        self, opened: OpenedMail, caller: Caller, mail: Mail
    ) -> Submission | None:
        request = opened.form.request
        if request is None:
            return None
        return await self.assemble_submission(request, "email", caller, mail=mail)

    async def _bounce(
        self, opened: OpenedMail, is_ours: OwnNotices
    ) -> tuple[Bounce | None, str | None]:
        """The notice of ours that bounced, and the agency of its request; None if not known."""
        report = opened.message.report
        if not (report.failed or report.doubtful):
            return None, None
        message_id = ours_at(report, is_ours)
        about, addressed = await self._about(report, message_id)
        if about is not None:
            return Bounce(message_id=message_id, request_id=about.facts.request_id), about.agency
        is_ours_too = addressed or message_id is not None
        if not is_ours_too and (report.doubtful or is_of_others(report, is_ours)):
            return None, None
        # It may be one of ours: relays change Message-IDs, and some reports quote nothing.
        return Bounce(message_id=message_id), None

    async def _about(
        self, report: Report, message_id: str | None
    ) -> tuple[RequestDocument | None, bool]:
        """The one request that a bounced notice was about, if known; and whether there is any candidate."""
        about = await self.requests.of_notice(message_id) if message_id else None
        if about is not None:
            return about, True
        for reference in report.references:
            if len(found := await self.requests.referred_to(reference)) == 1:
                return found[0], True
        found = await self.requests.written_to(report.recipients) if report.recipients else ()
        return (found[0] if len(found) == 1 else None), bool(found)


def _claimant(caller: Caller) -> Claimant:
    """Integrators and applicants read no agency's requests."""
    officer = caller.role in ("administrator", "operator")
    return Claimant(caller.subject, caller.agencies, officer)
