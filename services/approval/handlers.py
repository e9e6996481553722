"""What approval does about each received event and each call, one or many decisions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final, TypeVar

from bmt.agencies.register import Agencies
from bmt.chassis import crash_points
from bmt.chassis.eventsourcing.decider import IncomingEvent, Message
from bmt.chassis.eventsourcing.event_store import Commit
from bmt.chassis.eventsourcing.execution import Executed, Execution
from bmt.chassis.http.bodies import problem_body
from bmt.chassis.http.routes import CommandContext
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.runtime.documents import Claimant, DocumentRights
from bmt.contracts.events import RequestReceived, WithdrawalRequested
from bmt.contracts.http.approval import (
    CHOICES,
    CommentWritten,
    DecisionMade,
    Levels,
    Ruling,
    RulingOn,
    RulingResult,
    RulingResults,
)
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Document, Officer, Submitter
from services.approval.domain.bulk import AnswerBulk, BeginBulk, BulkDone
from services.approval.domain.events import Endorsed
from services.approval.domain.policy import Policy
from services.approval.domain.review import (
    AddComment,
    Decide,
    HoldForCorrection,
    OpenReview,
    Withdraw,
)

C = TypeVar("C")

HOLD: Final = timedelta(seconds=30)
"""The longest that a hold blocks decisions. Intake writes the correction within milliseconds."""


async def open_review(
    incoming: IncomingEvent[RequestReceived], agencies: Agencies
) -> Message[OpenReview]:
    """A received request goes on its agency's worklist."""
    policy = policy_of(incoming.data.request.agency, agencies)
    return incoming.to_command(
        stream_of(incoming.subject), OpenReview(incoming.data, incoming.time, policy)
    )


async def withdraw(incoming: IncomingEvent[WithdrawalRequested]) -> Message[Withdraw]:
    """A withdrawn request leaves the worklist, unless it was decided."""
    return incoming.to_command(stream_of(incoming.subject), Withdraw(incoming.data))


async def hold(
    request_id: str, context: CommandContext, execution: Execution[Any, Any], clock: Clock
) -> Executed:
    """Nobody decides on the request for `HOLD`, because it is about to be corrected.

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
    return await execution.execute(context.to_command(stream_of(request_id), command))


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
    return await execution.execute(decision_on(request_id, ruling, context, agencies, clock()))


def decision_on(
    request_id: str, ruling: Ruling, context: CommandContext, agencies: Agencies, now: datetime
) -> Message[Decide]:
    """The command to decide on one request."""
    agency = context.principal.agency
    command = Decide(ruling, officer(context), agency, policy_of(agency, agencies), now)
    return context.to_command(stream_of(request_id), command)


class DocumentUnknown(Refused):
    """A comment names a document that its writer did not hand in."""

    problem = "document_unknown"


async def comment(
    request_id: str,
    written: CommentWritten,
    context: CommandContext,
    execution: Execution[Any, Any],
    documents: DocumentRights,
    clock: Clock,
) -> Executed:
    """Add an administrator's comment to a request.

    Raises:
        Refused: as the decider says; `document_unknown`.
    """
    command = AddComment(
        text=written.text,
        documents=await _known(written.documents, documents, Claimant.of(context.principal)),
        officer=officer(context),
        agency=context.principal.agency,
        added_at=clock(),
    )
    return await execution.execute(context.to_command(stream_of(request_id), command))


async def _known(
    ids: Sequence[str], documents: DocumentRights, claimant: Claimant
) -> tuple[Document, ...]:
    stored = await documents.find(ids, claimant)
    missing = [index for index, one in enumerate(ids) if one not in stored]
    if missing:
        raise DocumentUnknown(
            "Hand the documents in with POST /v1/documents of intake first.",
            errors=tuple(
                FieldError.of(f"/documents/{index}", "document_unknown") for index in missing
            ),
        )
    return tuple(stored[one] for one in ids)


def officer(context: CommandContext) -> Officer:
    """The calling administrator."""
    caller = context.principal
    return Officer(subject=caller.subject, name=caller.name, role="administrator")


def policy_of(agency: str, agencies: Agencies) -> Policy:
    """The agency's rules for decisions; `Policy` has the defaults for an agency without rules."""
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


def decision_made(commit: Commit) -> DecisionMade:
    """The answer to a decision, read from its commit alone: a replay gives the same."""
    (event,) = commit.events
    if event.type == Endorsed.TYPE:
        return _endorsed(commit, Endorsed.model_validate(event.data))
    return DecisionMade(
        request_id=commit.subject,
        decision=CHOICES[event.type],
        decided_by=event.data["decided_by"],
        decided_at=event.data["decided_at"],
        version=event.sequence,
    )


def _endorsed(commit: Commit, event: Endorsed) -> DecisionMade:
    """An approval that is not the last publishes nothing, so it does not raise the version."""
    given = event.endorsement
    return DecisionMade(
        request_id=commit.subject,
        decision="approve",
        decided_by=given.endorsed_by,
        decided_at=given.endorsed_at,
        version=commit.sequence,
        levels=Levels(given=given.level, needed=event.levels),
    )


WAVE: Final = 100
"""Items that are decided and written together. Other calls run between the waves."""


@dataclass(frozen=True, slots=True)
class BulkAnswer:
    """The answer of a bulk call. `replayed`: it had been answered before."""

    body: RulingResults
    replayed: bool


async def decide_all(
    rulings: Sequence[RulingOn],
    context: CommandContext,
    execution: Execution[Any, Any],
    agencies: Agencies,
    clock: Clock,
) -> BulkAnswer:
    """Decide on each request as its own call would.

    Raises:
        FieldsWrong: a request is named twice.
        CausationReused: the key was used for another call.
        Unavailable: some may be decided; a retry of the same call continues from there.
    """
    stream = "bulk-" + context.causation.rpartition(":")[2]
    begin = BeginBulk(officer(context), tuple(ruling.request_id for ruling in rulings))
    begun = await execution.execute(context.to_command(stream, begin))
    if begun.replayed and isinstance(done := await execution.state(stream), BulkDone):
        return BulkAnswer(RulingResults(results=done.results), replayed=True)
    crash_points.reached("approval.handlers.bulk_begun")
    messages = [
        decision_on(one.request_id, one, _part(context, one.request_id), agencies, clock())
        for one in rulings
    ]
    outcomes = [
        outcome
        for start in range(0, len(messages), WAVE)
        for outcome in await execution.execute_many(messages[start : start + WAVE])
    ]
    crash_points.reached("approval.handlers.bulk_decided")
    answer = AnswerBulk(tuple(map(_result, rulings, outcomes)))
    answered = await execution.execute(_part(context, "answer").to_command(stream, answer))
    crash_points.reached("approval.handlers.bulk_answered")
    (event,) = answered.commit.events
    return BulkAnswer(RulingResults.model_validate(event.data), answered.replayed)


def _part(context: CommandContext, suffix: str) -> CommandContext:
    """The context of a command that the call consists of."""
    return replace(context, causation=f"{context.causation}:{suffix}")


def _result(ruling: RulingOn, outcome: Executed | Exception) -> RulingResult:
    """The item's result. An error that is no refusal (a store is down) fails the whole call."""
    try:
        commit = _decided(outcome).commit
    except Refused as refused:
        problem = problem_body(refused)
        return RulingResult(request_id=ruling.request_id, status=refused.status, problem=problem)
    decision = decision_made(commit)
    return RulingResult(request_id=ruling.request_id, status=HTTPStatus.CREATED, decision=decision)


def _decided(outcome: Executed | Exception) -> Executed:
    if isinstance(outcome, Exception):
        raise outcome
    return outcome.raise_refusal()
