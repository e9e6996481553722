"""What intake does with each thing that is handed in: it first collects all that the decision needs."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import httpx
from pydantic import ValidationError

from bmt.agencies.agency import Belonging
from bmt.agencies.register import Agencies
from bmt.chassis import crash_points
from bmt.chassis.errors import Unavailable
from bmt.chassis.eventsourcing.execution import Executed, Execution
from bmt.chassis.http.limits import RateLimit
from bmt.chassis.http.routes import CommandContext
from bmt.chassis.runtime.clock import Clock, NewId, new_id
from bmt.chassis.runtime.documents import Claimant, DocumentRights
from bmt.contracts.events import (
    CorrectionHandedIn,
    RequestedService,
    RequestReceived,
    SubmitRequest,
)
from bmt.contracts.http.approval import Decision, Held
from bmt.contracts.http.intake import RequestChecked
from bmt.contracts.problems import TYPE_PREFIX, Problem, Refused
from bmt.contracts.values import Channel
from services.intake.directory import Directory
from services.intake.domain.errors import Excess, NotTheirs
from services.intake.domain.events import Mail
from services.intake.domain.request import CorrectRequest, ReceiveRequest, decide, request_stream
from services.intake.domain.submission import (
    AccountStatus,
    Caller,
    Submission,
    directory_email,
    faults,
    of_standing,
    require_theirs,
    sender_of,
    warnings_of,
)
from services.intake.queries import EVERYBODY, Requests, caller_of, known_of

_AN_HOUR: Final = 3600
_A_MINUTE: Final = 60
MOST_OPEN: Final = 10
"""An account needs one application or one termination at a time; the rest is room for mistakes."""
SUBMISSIONS_A_MINUTE: Final = 30
"""One every two seconds is faster than anybody fills in the form."""


class SubmissionLimits:
    """The limits of an installation.

    They apply to requests of applicants and to messages that no officer has looked at. Anybody can write such
    messages, and each is acknowledged to an address that it names. Rates are counted in this process.
    """

    def __init__(self, requests: Requests, acknowledgements_per_hour: int) -> None:
        """Open requests and submissions are limited for each account, acknowledgements for each address."""
        self._requests = requests
        self._submissions = RateLimit(SUBMISSIONS_A_MINUTE / _A_MINUTE, SUBMISSIONS_A_MINUTE)
        # Counted apart, so that strangers cannot use up the limit of the address that they name.
        self._by_applicants, self._by_anybody = (
            RateLimit(acknowledgements_per_hour / _AN_HOUR, acknowledgements_per_hour)
            for _ in range(2)
        )

    async def excess(self, submission: Submission, *, is_new: bool) -> Excess | None:
        """Why a submission exceeds a limit; None: it does not, and counts from now on.

        A submission that is refused in any case does not count. `is_new` is False for a correction.
        """
        caller, requested = submission.caller, submission.requested
        of_applicant = caller.role == "applicant"
        was_seen = submission.sender is None or caller.role == "administrator"
        if (was_seen and not of_applicant) or _is_refused(submission):
            return None
        if of_applicant and is_new:
            key = requested.agency, requested.applicant.account
            if await self._requests.count_open(*key, MOST_OPEN) >= MOST_OPEN:
                return Excess("too_many_open", _AN_HOUR, {"maximum": MOST_OPEN})
        try:
            if of_applicant:
                self._submissions.take(caller.subject.casefold())
            if is_new:
                addresses = _acknowledged_at(requested, submission.standing)
                _take_all(self._by_applicants if of_applicant else self._by_anybody, addresses)
                if of_applicant:
                    with suppress(Refused):
                        _take_all(self._by_anybody, addresses)
        except Refused as refused:
            return Excess("too_many_of_one", int(str(refused.extra["retry_after_seconds"])))
        return None


def _take_all(limit: RateLimit, addresses: Sequence[str]) -> None:
    """Take one for each address, or none at all.

    Raises:
        Refused: as `RateLimit.take`.
    """
    for number, address in enumerate(addresses):
        try:
            limit.take(address)
        except Refused:
            for taken in addresses[:number]:
                limit.give_back(taken)
            raise


def _acknowledged_at(requested: RequestedService, standing: AccountStatus | None) -> Sequence[str]:
    """The addresses of the acknowledgement, each once."""
    addresses = (requested.applicant.email, directory_email(requested, standing))
    return list(dict.fromkeys(_mailbox(address) for address in addresses if address))


def _mailbox(address: str) -> str:
    """The common form of `siti+bmt@…` and `Siti@…` (RFC 5233): most mail servers deliver both to one mailbox."""
    local, _, domain = address.casefold().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


def _is_refused(submission: Submission) -> bool:
    try:
        require_theirs(submission)
    except NotTheirs:
        return True
    return bool(faults(submission))


@dataclass(frozen=True, slots=True)
class Reception:
    """Makes the command for what is handed in, with all that the decision needs."""

    agencies: Agencies
    directory: Directory
    requests: Requests
    rights: DocumentRights
    limits: SubmissionLimits
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
            warnings=tuple(warnings_of(submission)),
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
            open_elsewhere=await self.requests.is_open(agency, account, correcting),
            received_at=self.clock(),
            belongs=self._belongs(requested, standing),
            email_message_id=mail.message_id if mail else None,
            sender=sender_of(mail) if mail else None,
        )

    def _is_fine(self, requested: RequestedService, standing: AccountStatus) -> bool:
        return (
            self._belongs(requested, standing) == "own"
            and directory_email(requested, standing) is None
            and not any(of_standing(requested.kind, standing))
        )

    def _belongs(self, requested: RequestedService, standing: AccountStatus | None) -> Belonging:
        named = self.agencies.named(standing.organisations) if standing else ()
        account = requested.applicant.account
        return self.agencies.claims.belonging(requested.agency, account, named)


def _claimant(caller: Caller) -> Claimant:
    """Integrators and applicants read no agency's requests."""
    officer = caller.role in ("administrator", "operator")
    return Claimant(caller.subject, caller.agencies, officer)


SECONDS: Final = 10.0
"""The longest wait for approval."""
_REFUSALS: Final = frozenset(
    ("already_decided", "request_closed", "not_found", "forbidden", "too_many_requests")
)


class Approval:
    """A client of approval's API, which can put decisions on hold. An empty `url` makes it unavailable."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._client = httpx.AsyncClient(trust_env=False, timeout=SECONDS)

    async def hold(self, request_id: str, token: str) -> Held:
        """Put decisions on the request on hold for a moment, in the name of the token's owner.

        Each call has an idempotency key of its own: an earlier answer says nothing about now.

        Raises:
            Refused: `already_decided`, `request_closed`, `not_found`.
            Unavailable: it may or may not be on hold; the call can be repeated.
        """
        if not self._url:
            raise Unavailable("approval")
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": new_id()}
        try:
            answer = await self._client.post(
                f"{self._url}/v1/requests/{request_id}/hold", headers=headers
            )
            if answer.is_success:
                return Held.model_validate_json(answer.content)
            refusal = Problem.model_validate_json(answer.content)
        except (httpx.HTTPError, ValidationError) as error:
            raise Unavailable("approval") from error
        problem = refusal.type.removeprefix(TYPE_PREFIX)
        if problem not in _REFUSALS:
            raise Unavailable("approval")
        raise Refused(refusal.detail, problem=problem, extra=refusal.model_extra)

    async def close(self) -> None:
        await self._client.aclose()


@dataclass(frozen=True, slots=True)
class Corrections:
    """Takes in corrections."""

    execution: Execution[Any, Any]
    reviews: Approval
    reception: Reception

    async def correct(
        self, request_id: str, body: CorrectionHandedIn, context: CommandContext, token: str
    ) -> Executed:
        """Correct a request that was returned or is not decided yet; `token` is the caller's.

        Raises:
            Refused: as the decider raises it.
            Unavailable: approval cannot be reached; the call can be repeated.
        """
        known = known_of(await self.reception.requests.get(request_id, EVERYBODY))
        caller = caller_of(context.principal)
        submission = await self.reception.assemble_submission(
            body, body.channel, caller, correcting=request_id
        )
        command = CorrectRequest(request_id, submission, known, body.correction_reason)
        message = context.to_command(request_stream(request_id), command)
        if not await self.execution.was_decided(message):
            command = await self._held(message.stream, command, token)
        return await self.execution.execute(replace(message, command=command))

    async def _held(self, stream: str, command: CorrectRequest, token: str) -> CorrectRequest:
        """The command, with decisions on hold if nobody returned the request.

        A command that is refused in any case puts nothing on hold.
        """
        try:
            event, *_ = decide(replace(command, held=True), await self.execution.state(stream))
        except Refused:
            return command
        if not (isinstance(event, RequestReceived) and event.while_open):
            return command
        known = command.known
        try:
            held = await self.reviews.hold(command.request_id, token)
        except Refused as refused:  # no event of it has arrived yet
            if refused.problem == "already_decided":
                decision = Decision.model_validate(refused.extra["decision"])
                return replace(command, known=replace(known, decision=decision))
            if refused.problem == "request_closed":
                return replace(command, known=replace(known, status="withdrawn"))
            raise
        crash_points.reached("intake.handlers.held")
        if self.reception.clock() >= held.until:
            raise Unavailable("approval")
        known = replace(known, returns=max(known.returns, held.returns))
        return replace(command, known=known, held=True)
