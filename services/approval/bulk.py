"""Many decisions in one call: each by itself, the call's answer once and for all.

The call is taken up by a commit of its own stream before any item is decided, so that its
Idempotency-Key belongs to its body; each item is a decision with a causation made from the key and the
request, so that a call that was cut off goes on where it stopped; the answer is a second commit, so that
the same key gives the same results even where a refusal is none that is recorded with the request.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final

from bmt.agencies.register import Agencies
from bmt.chassis import crash_points
from bmt.chassis.eventsourcing.decider import Message
from bmt.chassis.eventsourcing.event_store import Commit
from bmt.chassis.eventsourcing.execution import Executed, Execution
from bmt.chassis.http.idempotency import CommandContext
from bmt.chassis.http.problem_details import problem_body
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.http.approval import (
    CHOICES,
    DecisionMade,
    Levels,
    RulingOn,
    RulingResult,
    RulingResults,
)
from bmt.contracts.problems import Refused
from services.approval.domain.bulk import AnswerBulk, BeginBulk, BulkDone
from services.approval.domain.events import Endorsed
from services.approval.domain.review import Decide
from services.approval.handlers import decision_on, officer

# What a decision is answered with: read from its commit alone, so that a replay says the same.


def decision_made(commit: Commit) -> DecisionMade:
    """The answer to the command that led to `commit`, a decision's."""
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
    """An approval that is not the last: it says nothing yet, and so counts none."""
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
"""Items that are decided and written together; other calls come in between the waves."""


@dataclass(frozen=True, slots=True)
class BulkAnswer:
    """What the call is answered with. `replayed`: it was answered before."""

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
        Unavailable: some may be decided; the same call again goes on from there.
    """
    stream = "bulk-" + context.causation.rpartition(":")[2]
    begin = BeginBulk(officer(context), tuple(ruling.request_id for ruling in rulings))
    begun = await execution.execute(_message(stream, context, "", begin))
    if begun.replayed and isinstance(done := await execution.state(stream), BulkDone):
        return BulkAnswer(RulingResults(results=done.results), replayed=True)
    crash_points.reached("approval.bulk.begun")
    messages = [_decision_on(ruling, context, agencies, clock) for ruling in rulings]
    outcomes = [
        outcome
        for start in range(0, len(messages), WAVE)
        for outcome in await execution.execute_many(messages[start : start + WAVE])
    ]
    crash_points.reached("approval.bulk.decided")
    answer = AnswerBulk(tuple(map(_result, rulings, outcomes)))
    answered = await execution.execute(_message(stream, context, ":answer", answer))
    crash_points.reached("approval.bulk.answered")
    (event,) = answered.commit.events
    return BulkAnswer(RulingResults.model_validate(event.data), answered.replayed)


def _message(
    stream: str, context: CommandContext, suffix: str, command: BeginBulk | AnswerBulk
) -> Message[BeginBulk | AnswerBulk]:
    causation = context.causation + suffix
    return Message(stream, causation, context.fingerprint, command, context.traceparent)


def _decision_on(
    ruling: RulingOn, context: CommandContext, agencies: Agencies, clock: Clock
) -> Message[Decide]:
    item = replace(context, causation=f"{context.causation}:{ruling.request_id}")
    return decision_on(ruling.request_id, ruling, item, agencies, clock())


def _result(ruling: RulingOn, outcome: Executed | Exception) -> RulingResult:
    """The item's answer; what is no answer (a part is away) ends the call instead."""
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
