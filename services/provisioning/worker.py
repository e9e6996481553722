"""Configures approved requests: sets each target to what was approved, and reads it back.

A crash leaves a started request whose targets may be set or not. So every target is read before it is set, and
left alone if it is right. Work for an unreachable target waits, with the reason.
"""

import asyncio
import random
from collections.abc import Awaitable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from pydantic import BaseModel

from bmt.agencies.agency import Claims
from bmt.chassis import crash_points
from bmt.chassis.errors import Unavailable
from bmt.chassis.eventsourcing.decider import Message
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.runtime.clock import Clock, NewId
from bmt.chassis.work import Done, Later, Settle, WorkItem, after
from bmt.contracts.events import Effective, Evidence, Target
from services.provisioning.connectors.connector import (
    AskedToWait,
    Failure,
    InMaintenance,
    Operation,
    OperatorNeeded,
    Reading,
    TargetAway,
    TargetConflict,
    TargetRefused,
    beside,
)
from services.provisioning.connectors.targets import Case, Step, Targets, answers_of
from services.provisioning.domain.configuration import (
    AwaitOperator,
    Command,
    Due,
    RecordConfigured,
    RecordFailure,
    Start,
    Started,
)
from services.provisioning.domain.order import ORDER, changes, shown_instead
from services.provisioning.handlers import stream_of
from services.provisioning.queries import Turns


@dataclass(slots=True)
class Job:
    """One request's configuration in progress.

    Attributes:
        steps: its targets, in the order in which they are set.
        unlike: targets that were just read and must change, so they are set without another look.
        readings: the proof for each target that is done.
        shown: the last reading of the next target.
        conflict: the last one; the target is read back all the same.
    """

    item: WorkItem
    state: Due | Started
    steps: Sequence[Step]
    unlike: Collection[Target] = ()
    readings: list[Reading[BaseModel]] = field(default_factory=list)
    shown: BaseModel | None = None
    conflict: TargetConflict | None = None

    @property
    def step(self) -> Step:
        """The next target."""
        return self.steps[len(self.readings)]

    @property
    def failure(self) -> TargetRefused:
        """Why the next target fails: it shows something else after each attempt."""
        wrong = changes(self.step.target, self.shown, self.step.desired)
        return self.conflict or TargetRefused(self.step.target, shown_instead(wrong))

    @property
    def case(self) -> Case:
        return Case(self.state.order, self.state.statement)

    @property
    def stream(self) -> str:
        return stream_of(self.item.subject)


log = structlog.get_logger(__name__)

PAUSES_SECONDS: Final = (0.0, 0.3, 0.6, 1.2, 2.4)
"""The pause before each attempt to set a target; it fails if it is still wrong after the last."""

LONGEST_TURN_SECONDS: Final = 10.0
"""The longest time between two looks at an earlier request of the account."""

OF_ANOTHER: Final = "the account belongs to another agency than the one that approved"

AT_MOST_SECONDS: Final = 30.0
"""For one question to the targets about a list; the usual time is a fraction of a second."""

_PLACES: Final = len(ORDER["application"])


_Record = tuple[Job, str, Command]
"""The outcome of a request's round: its name, and the command that records it."""


@dataclass(frozen=True, slots=True)
class Configurer:
    """Performs configurations in lists; a command records every outcome.

    `claims` assigns accounts to agencies; `turns` orders the requests for one account.
    """

    execution: Execution[Any, Any]
    turns: Turns
    targets: Targets
    claims: Claims
    clock: Clock
    new_id: NewId

    async def perform(self, items: Sequence[WorkItem], settle: Settle) -> None:
        """Continue each request from its state."""
        states = await self.execution.states({stream_of(item.subject) for item in items})
        jobs: list[Job] = []
        accounts: set[str] = set()
        failures: list[_Record] = []
        for item in items:
            state = states[stream_of(item.subject)]
            if not isinstance(state, Due | Started):
                settle(item, Done())
                continue
            job = Job(item, state, self.targets.steps(Case(state.order, state.statement)))
            account = state.order.account.casefold()
            if self._is_of_another_agency(state):
                target = ORDER[state.order.request.kind][0]
                of_another = RecordFailure(target, OF_ANOTHER, True, "account_of_other_agency")  # noqa: FBT003
                failures.append((job, "failed", of_another))
            elif account in accounts:
                settle(item, _behind(item))
            else:
                accounts.add(account)
                jobs.append(job)
        due = [job for job in jobs if isinstance(job.state, Due)]
        started = [job for job in jobs if isinstance(job.state, Started)]
        await beside(
            [
                self._end(failures, settle),
                self._begin(due, settle),
                self._bring_about(started, settle),
            ]
        )

    def _is_of_another_agency(self, state: Due | Started) -> bool:
        """Whether the account belongs to another agency than the approving one: then no target is touched."""
        order = state.order
        return self.claims.belonging(order.request.agency, order.account) == "other"

    async def _begin(self, jobs: Sequence[Job], settle: Settle) -> None:
        """Record the plan, or why it is impossible; then carry it out."""
        records: list[_Record] = []
        ready: list[Job] = []
        turns = await self.turns.of([job.state.order for job in jobs])
        for job, turn in zip(jobs, turns, strict=True):
            if turn.must_wait:
                settle(job.item, _behind(job.item))
            elif turn.overtaken:
                reason = "a request for the same account that was approved later came first"
                target = ORDER[job.state.order.request.kind][0]
                overtaken = RecordFailure(target, reason, False, "overtaken")  # noqa: FBT003
                records.append((job, "failed", overtaken))
            else:
                ready.append(job)
        outlooks = await _in_time(self.targets.outlooks([job.case for job in ready]), ready)
        away: list[tuple[Job, Unavailable]] = []
        beginning: list[_Record] = []
        for job, outlook in zip(ready, outlooks, strict=True):
            if isinstance(outlook, Unavailable):
                away.append((job, outlook))
            elif outlook.refusals:
                records.append((job, "failed", _failure(outlook.refusals[0])))
            else:
                job.unlike = {change.target for change in outlook.changes}
                beginning.append((job, "started", Start(outlook.changes)))
        await beside(
            [
                self._put_off(away, settle),
                self._end(records, settle),
                self._go_on(beginning, settle),
            ]
        )

    async def _go_on(self, records: Sequence[_Record], settle: Settle) -> None:
        """Carry out the requests that these records start."""
        recorded = await self._recorded(records, settle)
        states = await self.execution.known_states(
            {job.stream for job in recorded}, lambda _, state: isinstance(state, Started)
        )
        started: list[Job] = []
        for job in recorded:
            state = states[job.stream]
            if isinstance(state, Started):
                job.state = state
                started.append(job)
            else:
                settle(job.item, Done())
        await self._bring_about(started, settle)

    async def _bring_about(self, jobs: Sequence[Job], settle: Settle) -> None:
        """Set each target that is not as it should be, and record the outcome.

        A target is read first, unless it was just read and must change.
        """
        if not jobs:
            return
        place = len(jobs[0].readings)
        looked = [job for job in jobs if job.step.target not in job.unlike]
        unlike = [job for job in jobs if job.step.target in job.unlike]
        shown = await self._answers(looked, "read_back")
        read, failed = self._sorted(looked, shown)
        left = [job for job in read if len(job.readings) == place]
        on = [job for job in read if len(job.readings) > place]
        await beside(
            [
                self._fail(failed, settle),
                self._set([*unlike, *left], 0, settle),
                self._next(on, settle),
            ]
        )

    async def _set(self, jobs: Sequence[Job], tries: int, settle: Settle) -> None:
        """Set a target; a wrong reading leads to another attempt, and delays no other request."""
        if jobs:
            await asyncio.sleep(PAUSES_SECONDS[tries])
            jobs = await self._not_overtaken(jobs, settle)
        if not jobs:
            return
        place = len(jobs[0].readings)
        applied = await self._answers(jobs, "apply")
        failed: list[tuple[Job, Failure]] = []
        tried: list[Job] = []
        for job, answer in zip(jobs, applied, strict=True):
            job.conflict = answer if isinstance(answer, TargetConflict) else None
            if answer is None or job.conflict:
                tried.append(job)
            else:
                failed.append((job, answer))
        read, unread = self._sorted(tried, await self._answers(tried, "read_back"))
        again = [job for job in read if len(job.readings) == place]
        on = [job for job in read if len(job.readings) > place]
        if tries + 1 == len(PAUSES_SECONDS):
            failed += [(job, job.failure) for job in again]
            again = []
        await beside(
            [
                self._fail([*failed, *unread], settle),
                self._set(again, tries + 1, settle),
                self._next(on, settle),
            ]
        )

    async def _not_overtaken(self, jobs: Sequence[Job], settle: Settle) -> Sequence[Job]:
        """Without those that another process finished while this one hung: a later request may be in force by now."""
        late = {job.stream for job in jobs if self.clock() > job.item.due_at}
        states = await self.execution.states(late) if late else {}
        left: list[Job] = []
        for job in jobs:
            if isinstance(states.get(job.stream, job.state), Started):
                left.append(job)
            else:
                settle(job.item, Done())
        return left

    def _sorted(
        self, jobs: Sequence[Job], shown: Sequence[Reading[BaseModel] | Failure]
    ) -> tuple[Sequence[Job], Sequence[tuple[Job, Failure]]]:
        """The jobs whose target was read (with the reading, if it is right), and those that failed."""
        read: list[Job] = []
        failed: list[tuple[Job, Failure]] = []
        for job, reading in zip(jobs, shown, strict=True):
            if not isinstance(reading, Reading):
                failed.append((job, reading))
                continue
            read.append(job)
            job.shown = reading.effective
            if reading.effective == job.step.desired:
                job.readings.append(reading)
        return read, failed

    async def _next(self, jobs: Sequence[Job], settle: Settle) -> None:
        """Continue with the next target, or finish."""
        if jobs and len(jobs[0].readings) == _PLACES:
            records = [(job, "configured", self._proof(job)) for job in jobs]
            await self._end(records, settle)
        else:
            await self._bring_about(jobs, settle)

    async def _fail(self, failed: Sequence[tuple[Job, Failure]], settle: Settle) -> None:
        """Record the failure, ask a person, or retry later."""
        away: list[tuple[Job, Unavailable]] = []
        records: list[_Record] = []
        for job, failure in failed:
            match failure:
                case OperatorNeeded():
                    task = AwaitOperator(self.new_id(), failure.target, failure.instructions)
                    records.append((job, "awaiting", task))
                case TargetRefused():
                    records.append((job, "failed", _failure(failure)))
                case _:
                    away.append((job, failure))
        await beside([self._put_off(away, settle), self._end(records, settle)])

    async def _put_off(self, away: Sequence[tuple[Job, Unavailable]], settle: Settle) -> None:
        """Hold work for an unreachable target for as long as the breaker lets no call through.

        Thousands of waiting requests then cost a few look-ups a second, and continue soon after the target recovers.
        """
        if not away:
            return
        parts = {one.part for _, one in away if isinstance(one, TargetAway)}
        closed = map(self.targets.seconds_closed_to_calls, parts)
        await asyncio.sleep(max(closed, default=0.0))
        for job, unavailable in away:
            settle(job.item, _later(unavailable))

    async def _answers(self, jobs: Sequence[Job], operation: Operation) -> Sequence[Any]:
        if not jobs:
            return ()
        return await _in_time(answers_of([job.step for job in jobs], operation), jobs)

    def _proof(self, job: Job) -> RecordConfigured:
        shown = {
            step.target: reading.effective
            for step, reading in zip(job.steps, job.readings, strict=True)
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
            for step, reading in zip(job.steps, job.readings, strict=True)
            for document_id in reading.documents or (None,)
        ]
        return RecordConfigured(
            effective=Effective.model_validate(shown),
            evidence=tuple(evidence),
            configured_at=self.clock(),
        )

    async def _end(self, records: Sequence[_Record], settle: Settle) -> None:
        for job in await self._recorded(records, settle):
            settle(job.item, Done())

    async def _recorded(self, records: Sequence[_Record], settle: Settle) -> Sequence[Job]:
        """The jobs whose outcome is recorded: once in a round, however often it is performed."""
        if not records:
            return ()
        messages = [_message(*record) for record in records]
        crash_points.reached("provisioning.worker.recording")
        results = await self.execution.execute_many(messages)
        crash_points.reached("provisioning.worker.recorded")
        recorded: list[Job] = []
        for (job, what, _), result in zip(records, results, strict=True):
            if isinstance(result, Exception):
                settle(job.item, after(result, job.item))
                continue
            log.info("configuration_recorded", request_id=job.item.subject, what=what)
            recorded.append(job)
        return recorded


class _TooLong(Unavailable):
    """The targets did not answer within the time limit."""


async def _in_time(asking: Awaitable[Sequence[Any]], jobs: Sequence[Job]) -> Sequence[Any]:
    """The answers for these jobs; after the time limit, all are retried later."""
    try:
        async with asyncio.timeout(AT_MOST_SECONDS):
            return await asking
    except TimeoutError:
        return [_TooLong("targets")] * len(jobs)


def _later(unavailable: Unavailable) -> Later:
    if isinstance(unavailable, InMaintenance | AskedToWait):
        return Later(unavailable.retry_after_seconds, f"{unavailable.part} {unavailable.reason}")
    if isinstance(unavailable, TargetAway):
        seconds = random.uniform(0.2, 0.6)  # noqa: S311  jitter
        return Later(seconds, f"{unavailable.part} {unavailable.reason}")
    return Later(1.0, f"not finished within {AT_MOST_SECONDS:g} s")


def _behind(item: WorkItem) -> Later:
    seconds = min(LONGEST_TURN_SECONDS, 0.5 * item.attempts)
    return Later(seconds, "an earlier request for the same account is not finished")


def _message(job: Job, what: str, command: Command) -> Message[Command]:
    causation = f"work:{job.item.subject}:{job.state.round}:{what}"
    return Message(job.stream, causation, causation, command, job.item.traceparent)


def _failure(refused: TargetRefused) -> RecordFailure:
    """Without the values of its code, which may be a person's: such a refusal has the general one."""
    code = "target_refused" if refused.values else refused.code
    return RecordFailure(refused.target, refused.reason, refused.retryable, code)
