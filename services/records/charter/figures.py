"""Counts cases: how much of the charter was kept, how long steps took, and what is open."""

import asyncio
import math
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal, get_args

import structlog
from prometheus_client import CollectorRegistry, Gauge

from bmt.agencies import charter
from bmt.agencies.charter import State
from bmt.agencies.register import Agencies
from bmt.chassis.errors import Unavailable
from bmt.chassis.readmodels.view_store import Query
from bmt.chassis.readmodels.views import ViewProjection
from bmt.chassis.runtime.background import Task
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.http.records import (
    CharterFigures,
    OfAgency,
    OfChannel,
    OfKind,
    OfMonth,
    OpenOfAge,
    Returns,
    StepFigures,
    Tally,
)
from bmt.contracts.values import Channel, CharterStep, Kind
from services.records.charter.cases import Case, Span, spans_of
from services.records.views import FileEntry

Verdict = Literal["kept", "late", "overdue", "pending"]
VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)
STEPS: Final[tuple[CharterStep, ...]] = get_args(CharterStep)
AT_A_TIME: Final = 200
AGES: Final = ((0, 1), (2, 3), (4, 5), (6, 10), (11, 20), (21, None))
"""Working days since the receipt, both included."""
MOST_REASONS: Final = 10
_IN_FEDERAL_CAPITAL: Final[tuple[State, frozenset[date]]] = ("kuala-lumpur", frozenset())


def verdict(spans: Sequence[Span], now: datetime) -> Verdict | None:
    """What became of one step's promise; None: nothing was promised, or withdrawn in time."""
    last = spans[-1]
    if last.due_at is None:
        return None
    if last.at is None and charter.is_late(now, last.due_at):
        return "overdue"
    if any(one.at and one.due_at and charter.is_late(one.at, one.due_at) for one in spans):
        return "late"
    if last.end == "withdrawn":
        return None
    return "pending" if last.end in (None, "returned") else "kept"


async def read(
    files: ViewProjection[FileEntry], agencies: Iterable[str], query: Query
) -> AsyncIterator[list[Case]]:
    """The cases of each agency, some at a time; other calls get their turn in between."""
    for agency in agencies:
        equal = {**query.equal, "agency": agency}
        page = replace(query, equal=equal, order_by="received_at", limit=AT_A_TIME)
        while True:
            some = await files.find_as(Case, page)
            yield some
            await asyncio.sleep(0)
            if len(some) < AT_A_TIME:
                break
            page = replace(page, after=(some[-1].received_at, some[-1].request_id))


class Counting:
    """The figures of one period, while its cases are read."""

    def __init__(self, agencies: Agencies, now: datetime) -> None:
        self._agencies = agencies
        self._now = now
        self._requests = self._withdrawn = self._assumed = 0
        self._verdicts: Counter[tuple[str, Hashable, CharterStep, Verdict]] = Counter()
        self._groups: Counter[tuple[str, Hashable]] = Counter()
        self._seconds: dict[CharterStep, list[int]] = defaultdict(list)
        self._open: Counter[tuple[int, str]] = Counter()
        self._returns: Counter[str | None] = Counter()

    def add(self, case: Case) -> None:
        """Count a request of the period."""
        spans = self._spans(case)
        month = case.received_at.astimezone(charter.MALAYSIA).strftime("%Y-%m")
        groups = (
            *(("all", None), ("month", month), ("channel", case.channel)),
            *(("kind", case.kind), ("agency", case.agency)),
        )
        self._groups.update(groups)
        self._requests += 1
        self._assumed += any(one.assumed for one in spans)
        self._returns.update(case.returned_for())
        for step in STEPS:
            taken = [one for one in spans if one.step == step]
            found = verdict(taken, self._now) if taken else None
            if found:
                self._verdicts.update((*group, step, found) for group in groups)
            if found in ("kept", "late") and taken[-1].end not in (None, "returned", "withdrawn"):
                self._seconds[step].append(self._worked(case.agency, taken))
        decided = [one for one in spans if one.step == "decide"]
        is_withdrawn = decided[-1].end == "withdrawn"
        self._withdrawn += is_withdrawn and verdict(decided, self._now) is None

    def add_open(self, case: Case) -> None:
        """Count a request that is open now."""
        last = self._spans(case)[-1]
        state, closed = self._calendar(case.agency)
        age = charter.working_days_between(case.received_at, self._now, state, closed)
        place = next(place for place, (_, to) in enumerate(AGES) if to is None or age <= to)
        self._open[place, "applicant" if last.end == "returned" else last.step] += 1
        if last.at is None and last.due_at and charter.is_late(self._now, last.due_at):
            self._open[place, "overdue"] += 1

    def verdicts(self, agency: str) -> Iterator[tuple[CharterStep, Verdict, int]]:
        """How many steps of an agency's requests came to each verdict."""
        for step in STEPS:
            for one in VERDICTS:
                yield step, one, self._verdicts["agency", agency, step, one]

    def figures(self, agency: str | None, since: datetime, before: datetime) -> CharterFigures:
        """All that was counted."""
        return CharterFigures(
            agency=agency,
            since=since,
            before=before,
            made_at=self._now,
            requests=self._requests,
            withdrawn=self._withdrawn,
            judged_by_todays_rules=self._assumed,
            steps=tuple(self._step(step) for step in STEPS),
            months=tuple(
                OfMonth(month=one, **self._of("month", one)) for one in self._names("month")
            ),
            channels=tuple(
                OfChannel(channel=one, **self._of("channel", one))
                for one in get_args(Channel)
                if ("channel", one) in self._groups
            ),
            kinds=tuple(
                OfKind(kind=one, **self._of("kind", one))
                for one in get_args(Kind)
                if ("kind", one) in self._groups
            ),
            agencies=()
            if agency
            else tuple(
                OfAgency(agency=one, **self._of("agency", one)) for one in self._names("agency")
            ),
            open=tuple(
                OpenOfAge(
                    from_days=begin,
                    to_days=end,
                    **{name: self._open[place, name] for name in (*STEPS, "applicant", "overdue")},
                )
                for place, (begin, end) in enumerate(AGES)
            ),
            returns=tuple(
                Returns(reason=reason, returns=count)
                for reason, count in self._returns.most_common(MOST_REASONS)
            ),
        )

    def _spans(self, case: Case) -> Sequence[Span]:
        known = case.agency in self._agencies
        return spans_of(case, self._agencies.get(case.agency).rules if known else None)

    def _calendar(self, agency: str) -> tuple[State, frozenset[date]]:
        if agency not in self._agencies:
            return _IN_FEDERAL_CAPITAL
        rules = self._agencies.get(agency).rules
        return rules.state, frozenset(rules.closed_days)

    def _worked(self, agency: str, spans: Sequence[Span]) -> int:
        calendar = self._calendar(agency)
        times = (charter.working_time(one.since, one.at, *calendar) for one in spans if one.at)
        return int(sum(times, timedelta()).total_seconds())

    def _names(self, group: str) -> Sequence[Any]:
        return sorted(name for one, name in self._groups if one == group)

    def _of(self, group: str, name: Hashable) -> Mapping[str, Any]:
        figures: dict[str, Any] = {"requests": self._groups[group, name]}
        return figures | {step: Tally(**self._tally(group, name, step)) for step in STEPS}

    def _tally(self, group: str, name: Hashable, step: CharterStep) -> Mapping[str, int]:
        return {one: self._verdicts[group, name, step, one] for one in get_args(Verdict)}

    def _step(self, step: CharterStep) -> StepFigures:
        seconds = sorted(self._seconds[step])
        return StepFigures(
            step=step,
            median_seconds=_nearest_rank(seconds, 0.5),
            p90_seconds=_nearest_rank(seconds, 0.9),
            **self._tally("all", None, step),
        )


def _nearest_rank(values: Sequence[int], share: float) -> int | None:
    """The smallest value that so large a share of all does not exceed."""
    return values[math.ceil(share * len(values)) - 1] if values else None


LATELY: Final = timedelta(days=30)
LEAST_WAIT_SECONDS: Final = 15.0
SHARE_OF_TIME: Final = 0.02
"""Of one core: with millions of requests the gauge is set less often."""

log = structlog.get_logger()


def measuring(
    files: ViewProjection[FileEntry], agencies: Agencies, registry: CollectorRegistry, clock: Clock
) -> Task:
    """A task that sets `bmt_charter_steps`: what became of the promises to the requests of the last 30 days."""
    gauge = Gauge(
        "bmt_charter_steps",
        "Steps of the requests received in the last 30 days, by what became of the charter's promise.",
        ["agency", "step", "verdict"],
        registry=registry,
    )

    async def count() -> None:
        now = clock()
        counting = Counting(agencies, now)
        codes = {agency.code for agency in agencies}
        known = sorted(codes | {*await files.distinct("agency")})
        async for some in read(files, known, Query(at_least={"received_at": now - LATELY})):
            for case in some:
                counting.add(case)
        for agency in known:
            for step, verdict_, steps in counting.verdicts(agency):
                gauge.labels(agency, step, verdict_).set(steps)

    async def run() -> None:
        while True:
            began = time.monotonic()
            try:
                await count()
            except Unavailable as error:
                log.warning("charter_not_counted", part=error.part)
            taken = time.monotonic() - began
            await asyncio.sleep(max(LEAST_WAIT_SECONDS, taken / SHARE_OF_TIME))

    return run
