"""Who configures: takes an approved request, brings each target to what was approved, reads it back.

A crash leaves a request that is started, and targets that are set or not: so every target is read before it
is set, and what is as it should be is left alone. While a target is away its work waits, with the reason.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog
from pydantic import BaseModel

from bmt.agencies.accounts import Claims
from bmt.chassis import crash_points
from bmt.chassis.clock import Clock, NewId
from bmt.chassis.decider import Message
from bmt.chassis.execution import Execution
from bmt.chassis.work import WorkItem
from bmt.chassis.worker import Done, Later, WorkOutcome
from bmt.contracts.events import Effective, Evidence, Target
from services.provisioning.connectors.connector import (
    OperatorNeeded,
    Reading,
    TargetAway,
    TargetConflict,
    TargetRefused,
)
from services.provisioning.connectors.targets import Step, Targets
from services.provisioning.domain.commands import (
    AwaitOperator,
    Command,
    RecordConfigured,
    RecordFailure,
    Start,
)
from services.provisioning.domain.goal import ORDER, changes, said_instead
from services.provisioning.domain.state import Due, Started
from services.provisioning.views.turns import Turns

log = structlog.get_logger(__name__)

PAUSES_SECONDS: Final = (0.0, 0.3, 0.6, 1.2, 2.4)
"""Before each time that a target is set; one that then still refuses, or shows something else, has failed."""

LONGEST_TURN_SECONDS: Final = 10.0
"""How often at least it is looked again whether an earlier request of the account is finished."""

OF_ANOTHER: Final = "the account belongs to another agency than the one that approved"

AT_ONCE: Final = 32
"""Requests that call the targets at a time: those that change a volume then share one reload of the storage."""

AT_MOST_SECONDS: Final = 30.0
"""For the calls of one request at a stretch; they take a fraction of a second."""


class Configurer:
    """Performs one request's configuration; every outcome is recorded by a command."""

    def __init__(
        self,
        *,
        execution: Execution[Any, Any],
        turns: Turns,
        targets: Targets,
        claims: Claims,
        clock: Clock,
        new_id: NewId,
    ) -> None:
        """`claims` tell which agency's an account is; `turns` tells whose turn it is where two requests are about one account."""
        self._execution = execution
        self._turns = turns
        self._targets = targets
        self._claims = claims
        self._clock = clock
        self._new_id = new_id
        # Each worker's own, so that what needs only officers and the storage does not wait for IPMS.
        self._at_once: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(AT_ONCE)
        )

    async def perform(self, item: WorkItem) -> WorkOutcome:
        """Go on with a request from wherever it stands."""
        try:
            return await self._go_on(item)
        except TargetAway as away:
            seconds = random.uniform(0.2, 0.6)  # noqa: S311  jitter
            return Later(seconds, f"{away.part} {away.reason}")
        except TimeoutError:
            return Later(1.0, f"not finished within {AT_MOST_SECONDS:g} s")

    @asynccontextmanager
    async def _calling(self, worker: str) -> AsyncIterator[None]:
        """A turn to call the targets.

        It is kept for as long as no call would go through: thousands of waiting requests then cost a few
        looks a second, and go on soon after the target is back.
        """
        async with self._at_once[worker]:
            try:
                async with asyncio.timeout(AT_MOST_SECONDS):
                    yield
            except TargetAway as away:
                await asyncio.sleep(self._targets.seconds_closed_to_calls(away.part))
                raise

    async def _go_on(self, item: WorkItem) -> WorkOutcome:
        stream = _stream(item.subject)
        state = await self._execution.state(stream)
        unlike: Collection[Target] = ()
        if isinstance(state, Due | Started) and self._is_of_another_agency(state):
            target = ORDER[state.order.request.kind][0]
            await self._record(state, "failed", RecordFailure(target, OF_ANOTHER, retryable=True))
            return Done()
        if isinstance(state, Due):
            turn = await self._turns.of(state.order)
            if turn.must_wait:
                seconds = min(LONGEST_TURN_SECONDS, 0.5 * item.attempts)
                return Later(seconds, "an earlier request for the same account is not finished")
            unlike = await self._begin(item, state, overtaken=turn.overtaken)
            state = await self._execution.known_state(stream)
        if isinstance(state, Started):
            await self._bring_about(item, state, unlike)
        return Done()

    def _is_of_another_agency(self, state: Due | Started) -> bool:
        """Whether the account is not of the agency that approved: then nothing is touched for it."""
        order = state.order
        return self._claims.belonging(order.request.agency, order.account) == "other"

    async def _begin(self, item: WorkItem, due: Due, *, overtaken: bool) -> Collection[Target]:
        """Say what will be different, or that it cannot be; the targets that were seen to differ."""
        order = due.order
        if overtaken:
            reason = "a request for the same account that was approved later came first"
            target = ORDER[order.request.kind][0]
            await self._record(due, "failed", RecordFailure(target, reason, retryable=False))
            return ()
        async with self._calling(item.target):
            outlook = await self._targets.outlook(order, due.statement, settle=True)
        if outlook.refusals:
            await self._record(due, "failed", _failure(outlook.refusals[0]))
        else:
            await self._record(due, "started", Start(outlook.changes))
        return {change.target for change in outlook.changes}

    async def _bring_about(
        self, item: WorkItem, state: Started, unlike: Collection[Target]
    ) -> None:
        """Set what is not as it should be, and record what came of it.

        Targets are read first, but for those that were just seen to be `unlike` what is wanted.
        """
        account = state.order.account
        steps = self._targets.steps(state.order, state.statement)
        try:
            async with self._calling(item.target):
                readings = [
                    await self._reading(step, account, look_first=step.target not in unlike)
                    for step in steps
                ]
        except OperatorNeeded as needed:
            task = AwaitOperator(self._new_id(), needed.target, needed.instructions)
            await self._record(state, "awaiting", task)
        except TargetRefused as refused:
            await self._record(state, "failed", _failure(refused))
        else:
            await self._record(state, "configured", self._proof(steps, readings))

    async def _reading(self, step: Step, account: str, *, look_first: bool) -> Reading[BaseModel]:
        """The reading that shows the target as wanted.

        Raises:
            TargetRefused: it refuses, or shows something else each time after it was set.
        """
        if look_first:
            reading = await step.connector.read_back(account)
            if reading.effective == step.wanted:
                return reading
        conflict: TargetConflict | None = None
        for pause in PAUSES_SECONDS:
            await asyncio.sleep(pause)
            conflict = await self._applied(step, account)
            reading = await step.connector.read_back(account)
            if reading.effective == step.wanted:
                return reading
        wrong = changes(step.target, reading.effective, step.wanted)
        raise conflict or TargetRefused(step.target, said_instead(wrong))

    async def _applied(self, step: Step, account: str) -> TargetConflict | None:
        """Set the target; the conflict where somebody else was changing it: what came of that is read back."""
        try:
            await step.connector.apply(account, step.wanted)
        except TargetConflict as conflict:
            return conflict
        return None

    def _proof(
        self, steps: Sequence[Step], readings: Sequence[Reading[BaseModel]]
    ) -> RecordConfigured:
        shown = {
            step.target: reading.effective for step, reading in zip(steps, readings, strict=True)
        }
        evidence = [
            Evidence(
                target=step.target,
                connector=step.connector.name,
                read_back_at=reading.read_back_at,
                document_id=document_id,
                confirmed_by=reading.confirmed_by,
                confirmed_at=reading.confirmed_at,
            )
            for step, reading in zip(steps, readings, strict=True)
            for document_id in reading.documents or (None,)
        ]
        return RecordConfigured(
            effective=Effective.model_validate(shown),
            evidence=tuple(evidence),
            configured_at=self._clock(),
        )

    async def _record(self, state: Due | Started, what: str, command: Command) -> None:
        """Once in a round, whoever performs it and however often."""
        request_id = state.order.request.request_id
        causation = f"work:{request_id}:{state.round}:{what}"
        message = Message(_stream(request_id), causation, causation, command)
        crash_points.reached("provisioning.worker.recording")
        await self._execution.execute(message)
        crash_points.reached("provisioning.worker.recorded")
        log.info("configuration_recorded", request_id=request_id, what=what)


def _failure(refused: TargetRefused) -> RecordFailure:
    return RecordFailure(refused.target, refused.reason, refused.retryable)


def _stream(request_id: str) -> str:
    return f"request-{request_id}"
