"""Corrections of requests, from the API and from the pages."""

from dataclasses import dataclass, replace
from typing import Any, Final

import httpx
from pydantic import ValidationError

from bmt.chassis import crash_points
from bmt.chassis.errors import Unavailable
from bmt.chassis.eventsourcing.execution import Executed, Execution
from bmt.chassis.http.routes import CommandContext
from bmt.chassis.runtime.clock import Clock, new_id
from bmt.contracts.events import CorrectionHandedIn, RequestReceived
from bmt.contracts.http.approval import Decision, Held
from bmt.contracts.problems import TYPE_PREFIX, Problem, Refused
from services.intake.access import EVERYBODY, caller_of
from services.intake.domain.request import CorrectRequest, Known, request_stream
from services.intake.domain.request_rules import decide
from services.intake.handlers import Reception
from services.intake.queries import Requests, known_of

SECONDS: Final = 10.0
"""The longest wait for approval."""
_REFUSALS: Final = (
    "already_decided",
    "request_closed",
    "not_found",
    "forbidden",
    "too_many_requests",
)


class Approval:
    """A client of approval's API, which can put decisions on hold. An empty `url` makes it unavailable."""

    def __init__(self, url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url = url.rstrip("/")
        self._client = httpx.AsyncClient(trust_env=False, timeout=SECONDS, transport=transport)

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
    requests: Requests
    reviews: Approval
    reception: Reception
    clock: Clock

    async def correct(
        self, request_id: str, body: CorrectionHandedIn, context: CommandContext, token: str
    ) -> Executed:
        """Correct a request that was returned or is not decided yet; `token` is the caller's.

        Raises:
            Refused: as the decider raises it.
            Unavailable: approval cannot be reached; the call can be repeated.
        """
        known = known_of(await self.requests.get(request_id, EVERYBODY))
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
        try:
            held = await self.reviews.hold(command.request_id, token)
        except Refused as refused:
            return replace(command, known=_learned(command.known, refused))
        crash_points.reached("intake.correcting.held")
        if self.clock() >= held.until:
            raise Unavailable("approval")
        known = replace(command.known, returns=max(command.known.returns, held.returns))
        return replace(command, known=known, held=True)


def _learned(known: Known, refused: Refused) -> Known:
    """What is known with the refusal, of which no event has arrived yet.

    Raises:
        Refused: nothing more is known.
    """
    match refused.problem:
        case "already_decided":
            return replace(known, decision=Decision.model_validate(refused.extra["decision"]))
        case "request_closed":
            return replace(known, status="withdrawn")
        case _:
            raise refused
