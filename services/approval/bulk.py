"""Bulk decisions: each item is decided by itself, and the call has one permanent answer.

A commit of the call's own stream comes first and binds the Idempotency-Key to the body. Each item's
causation is made from the key and the request id, so an interrupted call resumes where it stopped. The
answer is a second commit, so the same key returns the same results, refusals included.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final

from bmt.agencies.register import Agencies
from bmt.chassis import crash_points
from bmt.chassis.eventsourcing.event_store import Commit
from bmt.chassis.eventsourcing.execution import Executed, Execution
from bmt.chassis.http.bodies import problem_body
from bmt.chassis.http.routes import CommandContext
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
from services.approval.handlers import decision_on, officer


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
    crash_points.reached("approval.bulk.begun")
    messages = [
        decision_on(one.request_id, one, _part(context, one.request_id), agencies, clock())
        for one in rulings
    ]
    outcomes = [
        outcome
        for start in range(0, len(messages), WAVE)
        for outcome in await execution.execute_many(messages[start : start + WAVE])
    ]
    crash_points.reached("approval.bulk.decided")
    answer = AnswerBulk(tuple(map(_result, rulings, outcomes)))
    answered = await execution.execute(_part(context, "answer").to_command(stream, answer))
    crash_points.reached("approval.bulk.answered")
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
