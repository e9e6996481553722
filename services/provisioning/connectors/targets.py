"""The connectors of both targets, for an order; `worklist` sets IPMS by officers if it has no interface."""

import asyncio
from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

from pydantic import BaseModel

from bmt.chassis.errors import Unavailable
from bmt.chassis.runtime import clock
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.events import EffectiveIpms, EffectiveStorage, PlannedChange, Target
from services.provisioning.connectors.connector import (
    Answers,
    Breaker,
    Connector,
    ConnectorMetrics,
    Failure,
    Guarded,
    Maintenance,
    Operation,
    OperatorNeeded,
    Reading,
    TargetAway,
    TargetRefused,
    Unsettled,
    beside,
)
from services.provisioning.domain.events import TaskCompleted
from services.provisioning.domain.order import ORDER, WORKLIST, Order, changes, goal

E = TypeVar("E", bound=BaseModel)

_TURN_ON: Final = """\
1. Log masuk ke IPMS Admin Portal dan cari akaun {account}.
2. Hidupkan perkhidmatan Big Mail Transfer (BMT).
3. Tetapkan saiz fail terbesar kepada {size} bait ({gigabytes} GB) dan simpan.
4. Muat naik tangkapan skrin tetapan itu sebagai bukti dan lengkapkan tugasan ini.

1. Sign in to the IPMS Admin Portal and find the account {account}.
2. Turn the service Big Mail Transfer (BMT) on.
3. Set the largest file to {size} bytes ({gigabytes} GB) and save.
4. Upload a screenshot of the setting as evidence and complete this task."""

_TURN_OFF: Final = """\
1. Log masuk ke IPMS Admin Portal dan cari akaun {account}.
2. Matikan perkhidmatan Big Mail Transfer (BMT) dan simpan.
3. Muat naik tangkapan skrin tetapan itu sebagai bukti dan lengkapkan tugasan ini.

1. Sign in to the IPMS Admin Portal and find the account {account}.
2. Turn the service Big Mail Transfer (BMT) off and save.
3. Upload a screenshot of the setting as evidence and complete this task."""


class Worklist:
    """Has an officer set it, with instructions; the officer's statement counts as the reading.

    Only people can look into the portal, so nothing is read back. The reading is the officer's statement at the
    time of the completion, with documents as evidence.
    """

    name = WORKLIST

    def __init__(self, desired: EffectiveIpms, statement: TaskCompleted | None) -> None:
        """For one request: `statement` confirms that `desired` was set as instructed."""
        self._desired = desired
        self._statement = statement

    async def plan(self, desired: Mapping[str, EffectiveIpms]) -> Answers[Sequence[PlannedChange]]:
        """Before an officer's statement, every setting with a value is one to change."""
        shown = self._reading.effective
        return {
            account: [one for one in changes("ipms", shown, goal) if one.to is not None]
            for account, goal in desired.items()
        }

    async def apply(self, desired: Mapping[str, EffectiveIpms]) -> Answers[None]:
        """Done if an officer stated it; otherwise an officer is needed."""
        shown = self._reading.effective
        return {
            account: None if shown == goal else needed(account, goal)
            for account, goal in desired.items()
        }

    async def read_back(self, accounts: Collection[str]) -> Answers[Reading[EffectiveIpms]]:
        return dict.fromkeys(accounts, self._reading)

    @property
    def _reading(self) -> Reading[EffectiveIpms]:
        statement = self._statement
        if statement is None:
            return Reading(None, None)
        return Reading(
            self._desired,
            None,
            statement.evidence,
            statement.completed_by,
            statement.completed_at,
        )


class NotSetUp:
    """A storage that an order names and that this installation no longer has: the office is told, and may retry once it is there."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def plan(self, desired: Mapping[str, object]) -> Answers[Sequence[PlannedChange]]:
        return self._refused(desired)

    async def apply(self, desired: Mapping[str, object]) -> Answers[None]:
        return self._refused(desired)

    async def read_back(self, accounts: Collection[str]) -> Answers[Reading[EffectiveStorage]]:
        return self._refused(accounts)

    def _refused(self, accounts: Iterable[str]) -> dict[str, TargetRefused]:
        reason = f"the connector {self.name} is not set up here"
        return dict.fromkeys(accounts, TargetRefused("storage", reason, code="not_set_up"))


def needed(account: str, desired: EffectiveIpms) -> OperatorNeeded:
    """That an officer is needed, with instructions."""
    return OperatorNeeded("ipms", instructions(account, desired))


def instructions(account: str, desired: EffectiveIpms) -> str:
    """What exactly to set in the portal, in Malay, then in English."""
    if not desired.bmt_enabled:
        return _TURN_OFF.format(account=account)
    size = desired.max_file_size_bytes or 0
    return _TURN_ON.format(account=account, size=size, gigabytes=f"{size / 10**9:g}")


@dataclass(frozen=True, slots=True)
class Step:
    """One target of an order: its connector, and the desired settings."""

    target: Target
    connector: Connector[Any]
    account: str
    desired: BaseModel


@dataclass(frozen=True, slots=True)
class Case:
    """An order, and an officer's statement about it."""

    order: Order
    statement: TaskCompleted | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """The changes, the targets that would refuse, and what a person would have to set."""

    changes: tuple[PlannedChange, ...] = ()
    refusals: tuple[TargetRefused, ...] = ()
    by_hand: tuple[OperatorNeeded, ...] = ()


class Awaited(NamedTuple):
    """A target that work waits for; `since`: None: this process has not noticed; `until`: None: until it answers."""

    target: Target
    since: datetime | None
    until: datetime | None


class Targets:
    """Both targets, with the connectors of this installation behind their breakers."""

    def __init__(
        self,
        *,
        ipms: Mapping[str, Connector[EffectiveIpms]],
        storage: Mapping[str, Connector[EffectiveStorage]],
        breakers: Mapping[str, Breaker],
        metrics: ConnectorMetrics,
        maintenance: Mapping[str, Maintenance] | None = None,
        clock: Clock = clock.now,
    ) -> None:
        """Connectors, breakers and maintenance are by name; `worklist` needs no connector."""
        self._maintenance = maintenance or {}
        self._clock = clock

        def guarded(connector: Connector[E]) -> Guarded[E]:
            name = connector.name
            return Guarded(connector, breakers[name], metrics, partial(self.maintenance, name))

        self._ipms = {name: guarded(each) for name, each in ipms.items()}
        self._storage = {name: guarded(each) for name, each in storage.items()}
        self._breakers = breakers
        self._metrics = metrics

    def steps(self, case: Case) -> Sequence[Step]:
        """The targets in the order in which they are set."""
        order = case.order
        desired, account = goal(order), order.account
        connector = self._ipms_connector(order, desired.ipms, case.statement)
        ipms = Step("ipms", connector, account, desired.ipms)
        named = self._storage.get(order.storage_connector) or NotSetUp(order.storage_connector)
        storage = Step("storage", named, account, desired.storage)
        steps: dict[Target, Step] = {"ipms": ipms, "storage": storage}
        return [steps[target] for target in ORDER[order.kind]]

    async def outlooks(
        self, cases: Sequence[Case], *, settle: bool = True
    ) -> Sequence[Outlook | TargetAway | Unsettled]:
        """The outlook of each case; `settle` makes targets apply their last setting first.

        If the first target is unreachable, the second is not asked.
        """
        outlooks: list[Outlook | TargetAway | Unsettled] = [Outlook() for _ in cases]
        steps = [self.steps(case) for case in cases]
        for place in range(len(ORDER["application"])):
            pending = [
                (index, outlook)
                for index, outlook in enumerate(outlooks)
                if isinstance(outlook, Outlook)
            ]
            next_steps = [steps[index][place] for index, _ in pending]
            plans = await self._plans(next_steps, settle=settle)
            for (index, outlook), step, plan in zip(pending, next_steps, plans, strict=True):
                outlooks[index] = _with(outlook, step, plan, cases[index])
        return outlooks

    async def _plans(
        self, steps: Sequence[Step], *, settle: bool
    ) -> Sequence[Sequence[PlannedChange] | Failure]:
        plans = list(await answers_of(steps, "plan"))
        unsettled = [index for index, one in enumerate(plans) if isinstance(one, Unsettled)]
        if not settle or not unsettled:
            return plans
        read: list[int] = []
        readings = await answers_of([steps[index] for index in unsettled], "read_back")
        for index, reading in zip(unsettled, readings, strict=True):
            if isinstance(reading, Reading):
                read.append(index)
            else:
                plans[index] = reading
        again = await answers_of([steps[index] for index in read], "plan")
        for index, plan in zip(read, again, strict=True):
            plans[index] = plan
        return plans

    async def shown(
        self, target: Target, connector: str, accounts: Collection[str]
    ) -> Answers[Reading[Any]]:
        """What the target shows for the accounts; nothing where a person alone can look."""
        of: Mapping[Target, Mapping[str, Guarded[Any]]] = {
            "ipms": self._ipms,
            "storage": self._storage,
        }
        named = of[target].get(connector)
        return await named.read_back(accounts) if named and accounts else {}

    def seconds_closed_to_calls(self, connector: str) -> float:
        """The time until a call to this connector goes through; 0: now."""
        return self._breakers[connector].seconds_closed_to_calls

    def maintenance(self, connector: str) -> tuple[datetime, datetime] | None:
        """Since when and until when this connector's target is in maintenance; None: it is not."""
        daily = self._maintenance.get(connector)
        return daily.at(self._clock()) if daily else None

    def any_in_maintenance(self) -> bool:
        return any(map(self.maintenance, self._maintenance))

    def awaited(self, reason: str) -> Awaited | None:
        """What `reason` says work waits for: that of a work item, which begins with the connector that was away."""
        connector, _, _ = reason.partition(" ")
        of: dict[Target, Collection[str]] = {"ipms": self._ipms, "storage": self._storage}
        found = next((target for target, named in of.items() if connector in named), None)
        if found is None:
            return None
        if under_way := self.maintenance(connector):
            return Awaited(found, *under_way)
        seconds = self._breakers[connector].seconds_open
        since = None if seconds is None else self._clock() - timedelta(seconds=seconds)
        return Awaited(found, since, None)

    def _ipms_connector(
        self, order: Order, desired: EffectiveIpms, statement: TaskCompleted | None
    ) -> Connector[EffectiveIpms]:
        connector = self._ipms.get(order.ipms_connector)
        if connector is not None:
            return connector
        # Also where this installation no longer has the interface: an officer always can.
        by_hand = Worklist(desired, statement)
        return Guarded(by_hand, self._breakers[WORKLIST], self._metrics)


def _with(
    outlook: Outlook, step: Step, plan: Sequence[PlannedChange] | Failure, case: Case
) -> Outlook | TargetAway | Unsettled:
    match plan:
        case TargetAway() | Unsettled():
            return plan
        case TargetRefused():
            outlook = replace(outlook, refusals=(*outlook.refusals, plan))
        case OperatorNeeded():
            pass
        case _:
            outlook = replace(outlook, changes=(*outlook.changes, *plan))
    if step.connector.name == WORKLIST and case.statement is None:
        operator = needed(step.account, goal(case.order).ipms)
        outlook = replace(outlook, by_hand=(*outlook.by_hand, operator))
    return outlook


async def answers_of(steps: Sequence[Step], operation: Operation) -> Sequence[Any]:
    """The answer or failure of each step; the connectors are called concurrently, each with one list."""
    lists: dict[Connector[Any], list[Step]] = {}
    for step in steps:
        lists.setdefault(step.connector, []).append(step)
    answers = await beside(_called(*each, operation) for each in lists.items())
    found = dict(zip(lists, answers, strict=True))
    return [found[step.connector][step.account] for step in steps]


def _called(
    connector: Connector[Any], steps: Sequence[Step], operation: Operation
) -> Awaitable[Answers[Any]]:
    desired = {step.account: step.desired for step in steps}
    match operation:
        case "plan":
            return connector.plan(desired)
        case "apply":
            return connector.apply(desired)
        case "read_back":
            return connector.read_back(desired.keys())


PLANS_AT_ONCE: Final = 8
"""So that people who look take no connection from the work that changes something."""
PLAN_SECONDS: Final = 5.0
"""As long as somebody looks at a page that is still loading."""


class PlanReader:
    """Reads the outlook for people: `at_once` at a time, each within `seconds`, waiting included."""

    def __init__(
        self, targets: Targets, *, at_once: int = PLANS_AT_ONCE, seconds: float | None = None
    ) -> None:
        """`targets` have the same breakers as the work that changes them."""
        self._targets = targets
        self._turns = asyncio.Semaphore(at_once)
        self._seconds = PLAN_SECONDS if seconds is None else seconds

    async def outlook(self, order: Order, statement: TaskCompleted | None) -> Outlook:
        """The outlook of an order; nothing is changed or settled.

        Raises:
            Unavailable: a target is unreachable or unsettled, or the time is over.
        """
        case = Case(order, statement)
        try:
            async with asyncio.timeout(self._seconds), self._turns:
                (outlook,) = await self._targets.outlooks([case], settle=False)
        except TimeoutError as slow:
            raise Unavailable("targets", retry_after_seconds=2) from slow
        if isinstance(outlook, Unavailable):
            raise outlook
        return outlook
