"""What approval does about each event heard and each call: one verb each."""

from datetime import datetime, timedelta
from typing import Any, Final

from bmt.agencies.register import Agencies
from bmt.chassis.eventsourcing.decider import IncomingEvent, Message
from bmt.chassis.eventsourcing.execution import Executed, Execution
from bmt.chassis.http.idempotency import CommandContext
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.events import RequestReceived, WithdrawalRequested
from bmt.contracts.http.approval import Ruling
from bmt.contracts.values import Officer, Submitter
from services.approval.domain.policy import Policy
from services.approval.domain.review import Decide, HoldForCorrection, OpenReview, Withdraw

HOLD: Final = timedelta(seconds=30)
"""So long a request is not decided at most, because somebody is about to correct it: intake writes in milliseconds."""


async def open_review(
    incoming: IncomingEvent[RequestReceived], agencies: Agencies
) -> Message[OpenReview]:
    """A request was received: it goes on its agency's worklist."""
    policy = policy_of(incoming.data.request.agency, agencies)
    return incoming.to_command(
        stream_of(incoming.subject), OpenReview(incoming.data, incoming.time, policy)
    )


async def withdraw(incoming: IncomingEvent[WithdrawalRequested]) -> Message[Withdraw]:
    """The applicant no longer wants it: it leaves the worklist, unless it was decided."""
    return incoming.to_command(stream_of(incoming.subject), Withdraw(incoming.data))


async def hold(
    request_id: str, context: CommandContext, execution: Execution[Any, Any], clock: Clock
) -> Executed:
    """Somebody is about to correct a request: nobody decides on it for `HOLD`.

    Raises:
        Refused: as the decider says.
    """
    caller = context.principal
    role = "administrator" if caller.has("administrator") else "applicant"
    command = HoldForCorrection(
        by=Submitter(subject=caller.subject, role=role),
        account=caller.subject,
        agency=caller.agency if role == "administrator" else None,
        until=clock() + HOLD,
    )
    return await execution.execute(
        Message(
            stream_of(request_id),
            context.causation,
            context.fingerprint,
            command,
            context.traceparent,
        )
    )


async def decide(
    request_id: str,
    ruling: Ruling,
    context: CommandContext,
    execution: Execution[Any, Any],
    agencies: Agencies,
    clock: Clock,
) -> Executed:
    """An administrator approves, rejects or returns a request.

    Raises:
        Refused: as the decider says.
    """
    message = decision_on(request_id, ruling, context, agencies, clock())
    return await execution.execute(message)


def decision_on(
    request_id: str, ruling: Ruling, context: CommandContext, agencies: Agencies, now: datetime
) -> Message[Decide]:
    """The command to decide on one request, under the caller's key."""
    agency = context.principal.agency
    return Message(
        stream=stream_of(request_id),
        causation=context.causation,
        fingerprint=context.fingerprint,
        command=Decide(ruling, officer(context), agency, policy_of(agency, agencies), now),
        traceparent=context.traceparent,
    )


def officer(context: CommandContext) -> Officer:
    """The administrator who calls."""
    caller = context.principal
    return Officer(subject=caller.subject, name=caller.name, role="administrator")


def policy_of(agency: str, agencies: Agencies) -> Policy:
    """The rules for an agency's decisions; see `Policy` for an agency that no longer has any."""
    if agency not in agencies:
        return Policy(claims=agencies.claims)
    rules = agencies.get(agency).rules
    return Policy(
        working_days=rules.charter_working_days.decide,
        state=rules.state,
        largest_quota_bytes=rules.quota_bytes.maximum,
        largest_file_bytes=rules.max_file_size_bytes,
        approval_levels=rules.approval_levels,
        acting=rules.acting,
        registrar_may_approve=rules.separation.registrar_may_approve,
        closed_days=frozenset(rules.closed_days),
        claims=agencies.claims,
    )


def stream_of(request_id: str) -> str:
    """The stream of one request's review."""
    return f"request-{request_id}"
