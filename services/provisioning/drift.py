"""Drift: what was configured is compared with what targets show, every day; and what is decided about a difference.

A comparison only reads. A target that fails, or gives no whole answer, proves nothing: what is known of it stays. A
difference is recorded when a second look shows the same. If too many accounts differ at once, they are held back, because
then the target is more likely wrong than they are.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final, get_args

import structlog
from fastapi import Depends, Response
from prometheus_client import CollectorRegistry, Gauge
from pydantic import BaseModel

from bmt.agencies.register import Agencies
from bmt.chassis.eventsourcing.execution import Executed, Execution
from bmt.chassis.http.auth import Principal, require
from bmt.chassis.http.bodies import REPLAYED, JsonResponse, csv_file
from bmt.chassis.http.routes import (
    CommandContext,
    Id,
    Page,
    answer,
    api_router,
    command,
    problems,
)
from bmt.chassis.readmodels.view_store import Query
from bmt.chassis.runtime.clock import Clock, NewId
from bmt.chassis.runtime.observability import Sampler
from bmt.contracts.events import Target
from bmt.contracts.http.provisioning import (
    Drift,
    DriftReleased,
    DriftRuled,
    DriftRuling,
    DriftRun,
    DriftStatus,
    Entitlement,
    HeldBack,
    ReleaseDrift,
)
from services.provisioning.api import (
    BY_TIME,
    CSV_ANSWER,
    MOST_LINES,
    Overseer,
    TimePage,
    agency_seen_by,
)
from services.provisioning.connectors.connector import Reading
from services.provisioning.connectors.targets import Targets
from services.provisioning.daily import (
    AT_A_TIME,
    NAME,
    DailyRun,
    accounts,
    pages,
    record,
    superseded,
)
from services.provisioning.domain.configuration import (
    AcceptDrift,
    ClearDrift,
    Configured,
    Correct,
    NotRequested,
    ObserveTargets,
)
from services.provisioning.domain.configuration_rules import ITSELF
from services.provisioning.domain.drift_rules import are_too_many, observe
from services.provisioning.domain.errors import UnknownRequest
from services.provisioning.domain.events import DriftDetected
from services.provisioning.domain.order import WORKLIST
from services.provisioning.handlers import officer, policy_of, stream_of
from services.provisioning.ports import Here, Ports
from services.provisioning.queries import UNFINISHED, DriftRuns, overtaken
from services.provisioning.views import Configurations, Drifts, Entitlements

log = structlog.get_logger(__name__)

RUNS_LISTED: Final = 50
BY_RULE: Final = "agencies.yaml: drift: correct"
_TARGETS: Final[Sequence[Target]] = get_args(Target)


@dataclass(frozen=True, slots=True)
class Difference:
    """An account that shows something else than is recorded; `detected`: what would be recorded now."""

    entitlement: Entitlement
    seen: ObserveTargets
    detected: DriftDetected


@dataclass(slots=True)
class Findings:
    """What a comparison found. By target and agency: accounts that the target showed, and that it did not.

    Attributes:
        new: differences that are not recorded.
        gone: what shows again what was configured.
        to_correct: recorded before, seen again, and corrected by the agency's rules.
    """

    compared: Counter[tuple[Target, str]] = field(default_factory=Counter)
    unanswered: Counter[Target] = field(default_factory=Counter)
    new: list[Difference] = field(default_factory=list)
    gone: list[tuple[Entitlement, ObserveTargets]] = field(default_factory=list)
    to_correct: list[Entitlement] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Compares all accounts with what targets show. `most_percent` of an agency's, or of all, may differ anew."""

    execution: Execution[Any, Any]
    entitlements: Entitlements
    configurations: Configurations
    drifts: Drifts
    targets: Targets
    agencies: Agencies
    runs: DriftRuns
    clock: Clock
    new_id: NewId
    most_percent: float

    async def run(self) -> None:
        """One comparison of all accounts.

        Raises:
            StoreUnavailable: what was recorded stays; another run finds the rest.
        """
        run_id, began_at = self.new_id(), self.clock()
        found = Findings()
        async for page in accounts(self.entitlements):
            await self._compare(page, found)
        last = next(iter(await self.runs.latest(1)), None)
        held_back = self._held_back(found, last.held_back if last and last.released else ())
        new = await self._confirmed([one for one in found.new if not _held(one, held_back)])
        gone = [(one, seen) for one, seen in found.gone]
        await self._record(run_id, [(one.entitlement.request_id, one.seen) for one in new])
        await self._record(run_id, [(one.request_id, seen) for one, seen in gone])
        ended = await self._superseded()
        await self._record(run_id, [(one, ClearDrift(self.clock())) for one in ended])
        await self._record(run_id, [self._correction(one) for one in found.to_correct])
        run = DriftRun(
            run_id=run_id,
            began_at=began_at,
            ended_at=self.clock(),
            compared=_by_target(found.compared),
            unanswered=found.unanswered,
            detected=len(new),
            cleared=len(gone) + len(ended),
            held_back=tuple(held_back),
        )
        await self.runs.add(run)
        log.info("drift_compared", detected=run.detected, held_back=len(run.held_back))

    async def _compare(self, page: Sequence[Entitlement], found: Findings) -> None:
        shown = await self._shown(page, found)
        settled = await self._settled(page)
        known = await self.drifts.get_many([one.request_id for one in page])
        ours = [one for one in page if one.request_id in settled and shown[one.request_id]]
        of_interest = {
            one.request_id
            for one in ours
            if one.request_id in known or _differs(one, shown[one.request_id])
        }
        states = await self.execution.states({stream_of(one) for one in of_interest})
        for one in ours:
            for target in shown[one.request_id]:
                found.compared[target, one.agency] += 1
            state = states.get(stream_of(one.request_id))
            if not isinstance(state, Configured):
                continue
            seen = ObserveTargets(shown[one.request_id], self.clock())
            events = observe(seen, state)
            if not events and self._is_to_correct(state, seen.shown):
                found.to_correct.append(one)
            for event in events:
                if isinstance(event, DriftDetected):
                    found.new.append(Difference(one, seen, event))
                else:
                    found.gone.append((one, seen))

    async def _shown(
        self, accounts: Sequence[Entitlement], found: Findings
    ) -> Mapping[str, dict[Target, BaseModel]]:
        """By request, what each target shows that gave an answer."""
        shown: dict[str, dict[Target, BaseModel]] = {one.request_id: {} for one in accounts}
        for target in _TARGETS:
            lists: dict[str, list[Entitlement]] = {}
            for one in accounts:
                lists.setdefault(self._connector(target, one), []).append(one)
            for connector, of in lists.items():
                answers = await self.targets.shown(target, connector, [one.account for one in of])
                for one in of if answers else ():
                    reading = answers.get(one.account)
                    if isinstance(reading, Reading) and reading.effective is not None:
                        shown[one.request_id][target] = reading.effective
                    else:
                        found.unanswered[target] += 1
        return shown

    def _connector(self, target: Target, of: Entitlement) -> str:
        """The agency's interface now, else that by which it was configured: as a correction takes it."""
        now = policy_of(of.agency, self.agencies)
        name = now.ipms_connector if target == "ipms" else now.storage_connector
        proven = [one.connector for one in of.evidence if one.target == target]
        return (*proven, name)[0] if name == WORKLIST else name

    async def _settled(self, accounts: Sequence[Entitlement]) -> Collection[str]:
        """The requests that are still the last configured ones, where nothing else is under way; asked after the reading."""
        names = [one.account.casefold() for one in accounts]
        now = await self.entitlements.get_many(names)
        unfinished = Query(one_of={"account": names, "status": UNFINISHED})
        busy = await self.configurations.distinct("account", unfinished)
        return {one.request_id for name, one in now.items() if name not in busy}

    def _is_to_correct(self, state: Configured, shown: Collection[Target]) -> bool:
        """By the agency's rules, where all of it was seen again; unless somebody accepted it, or correcting failed."""
        agency = state.order.request.agency
        by_rule = agency in self.agencies and self.agencies.get(agency).rules.drift == "correct"
        is_open = state.drift is not None and not state.accepted and state.failure is None
        return by_rule and is_open and _targets(state.drift) <= set(shown)

    def _held_back(self, found: Findings, released: Sequence[HeldBack]) -> Sequence[HeldBack]:
        """More than are `released` are held back again: an operator has not seen those."""
        seen = {(one.target, one.agency): one.differing for one in released}
        differing = Counter(
            (target, agency)
            for one in found.new
            for target in _targets(one.detected)
            for agency in (one.entitlement.agency, None)
        )
        held = []
        for (target, agency), count in sorted(differing.items(), key=str):
            compared = sum(
                number
                for (of, whose), number in found.compared.items()
                if of == target and agency in (whose, None)
            )
            is_seen = count <= seen.get((target, agency), 0)
            if not is_seen and are_too_many(count, compared, self.most_percent):
                log.warning("drift_held_back", target=target, agency=agency, accounts=count)
                held.append(
                    HeldBack(target=target, agency=agency, differing=count, compared=compared)
                )
        return held

    async def _confirmed(self, new: Sequence[Difference]) -> Sequence[Difference]:
        """Those that a second look shows the same."""
        again = Findings()
        for begin in range(0, len(new), AT_A_TIME):
            await self._compare([one.entitlement for one in new[begin : begin + AT_A_TIME]], again)
        twice = {one.entitlement.request_id: one.detected.differences for one in again.new}
        return [
            one for one in new if twice.get(one.entitlement.request_id) == one.detected.differences
        ]

    async def _superseded(self) -> Sequence[str]:
        """Requests whose drift is open although a later one was configured for the account."""
        known = Query(one_of={"status": ("open", "accepted")}, order_by="detected_at")
        return [
            one.request_id
            async for page in pages(self.drifts, known, _place)
            for one in await superseded(self.entitlements, page)
        ]

    def _correction(self, of: Entitlement) -> tuple[str, Correct]:
        policy = policy_of(of.agency, self.agencies)
        return of.request_id, Correct(ITSELF, of.agency, BY_RULE, self.clock(), policy)

    async def _record(self, run_id: str, commands: Sequence[tuple[str, object]]) -> None:
        causes = (f"{NAME}:{run_id}:{of}:{type(each).__name__}" for of, each in commands)
        named = zip(causes, commands, strict=True)
        await record(self.execution, [(cause, of, each) for cause, (of, each) in named])


def _place(one: Drift) -> tuple[datetime, str]:
    return one.detected_at, one.request_id


def _differs(of: Entitlement, shown: Mapping[Target, BaseModel]) -> bool:
    return any(effective != getattr(of.effective, target) for target, effective in shown.items())


def _targets(detected: DriftDetected | None) -> set[Target]:
    return {change.target for change in detected.differences} if detected else set()


def _held(one: Difference, held_back: Sequence[HeldBack]) -> bool:
    return any(
        held.target in _targets(one.detected) and held.agency in (one.entitlement.agency, None)
        for held in held_back
    )


def _by_target(compared: Mapping[tuple[Target, str], int]) -> Mapping[Target, int]:
    total: Counter[Target] = Counter()
    for (target, _), count in compared.items():
        total[target] += count
    return total


def drift_sampler(registry: CollectorRegistry, drifts: Drifts, runs: DriftRuns) -> Sampler:
    """Sets the gauges of what is open, and of the last comparison."""
    open_ = Gauge(
        "bmt_drift_open",
        "Accounts where a target shows something else than was configured, and a person decides.",
        ["agency", "target"],
        registry=registry,
    )
    held = Gauge(
        "bmt_drift_held_back",
        "Accounts that differ and were not recorded, because they are too many at once.",
        ["target"],
        registry=registry,
    )
    unanswered = Gauge(
        "bmt_drift_unanswered",
        "Accounts that the target did not show in the last comparison.",
        ["target"],
        registry=registry,
    )
    compared_at = Gauge(
        "bmt_drift_compared_timestamp_seconds",
        "When all accounts were last compared; 0: never.",
        registry=registry,
    )

    async def sample() -> None:
        open_.clear()
        last = next(iter(await runs.latest(1)), None)
        compared_at.set(last.ended_at.timestamp() if last else 0)
        for target in _TARGETS:
            is_open = Query(equal={"status": "open", "targets": target})
            for (agency,), count in (await drifts.count(["agency"], is_open)).items():
                open_.labels(agency, target).set(count)
            counts = (
                [one.differing for one in last.held_back if one.target == target] if last else ()
            )
            held.labels(target).set(max(counts, default=0))
            unanswered.labels(target).set(last.unanswered.get(target, 0) if last else 0)

    return sample


# Over HTTP.

router = api_router(tags=["drift"])

COLUMNS: Final = (
    *("detected_at", "status", "agency", "reference", "account", "target", "setting"),
    *("configured", "in_force", "ruled_by", "ruled_at", "failure"),
)

Operator = Annotated[Principal, Depends(require("operator"))]
Releasing = Annotated[CommandContext, Depends(command("operator"))]
Ruling = Annotated[CommandContext, Depends(command("administrator"))]


@router.get("/v1/drift", summary="Where targets show something else than was configured")
async def listed(
    here: Here, caller: Overseer, page: TimePage, status: DriftStatus | None = None
) -> Page[Drift]:
    """The earliest found first. Administrators see their own agency's."""
    query = Query(**_asked(caller, status), after=page.after, limit=page.lookahead)
    found = await here.drifts.find(query)
    return BY_TIME.page(found, page, key=_place)


def _asked(caller: Principal, status: DriftStatus | None) -> dict[str, Any]:
    agency = agency_seen_by(caller)
    return {
        "equal": {} if agency is None else {"agency": agency},
        "one_of": {"status": [status] if status else get_args(DriftStatus)},
        "order_by": "detected_at",
    }


@router.get(
    "/v1/drift/report",
    summary="The same as a file, one line for each setting",
    response_class=Response,
    responses=CSV_ANSWER,
)
async def report(here: Here, caller: Overseer, status: DriftStatus | None = None) -> Response:
    """CSV (RFC 4180) in UTF-8 with a heading, of at most 10,000 accounts. No cell starts a spreadsheet formula."""
    rows: list[Sequence[object]] = [COLUMNS]
    for one in await here.drifts.find(Query(**_asked(caller, status), limit=MOST_LINES)):
        ruled_at = one.ruled_at.isoformat() if one.ruled_at else ""
        ruled = (one.ruled_by.subject if one.ruled_by else "", ruled_at, one.failure or "")
        first = (one.detected_at.isoformat(), one.status, one.agency, one.reference, one.account)
        rows += [
            [*first, each.target, each.setting, each.to, each.from_, *ruled]
            for each in one.differences
        ]
    return csv_file("bmt-drift", rows)


@router.get("/v1/drift/runs", summary="The last comparisons, the latest first")
async def runs(here: Here, _: Operator) -> list[DriftRun]:
    """`held_back` is not empty where so many accounts differ that they were not recorded."""
    return list(await here.drift_runs.latest(RUNS_LISTED))


@router.post(
    "/v1/drift/runs/{run_id}/release",
    summary="Let the next comparison record what the latest held back",
    status_code=202,
    response_model=DriftReleased,
    responses=problems("not_found", "not_waiting", "validation_failed"),
)
async def release(here: Here, run_id: Id, body: ReleaseDrift, context: Releasing) -> JsonResponse:
    """It begins now. If more accounts differ by then, it holds them back too."""
    by, now = context.principal.subject, here.clock()
    released = DriftReleased(by=by, at=now, reason=body.reason)
    kept = await here.drift_runs.release(run_id, released, context)
    await DailyRun.order(here.drift_planned, run_id, now)
    log.info("drift_released", run=run_id, by=by)
    return JsonResponse(kept, 202, None if kept is released else {REPLAYED: "true"})


@router.post(
    "/v1/requests/{request_id}/drift",
    summary="Configure again what was configured, or leave it as it is",
    status_code=201,
    response_model=DriftRuled,
    responses=problems("not_found", "own_request", "request_closed", "validation_failed"),
)
async def rule(here: Here, request_id: Id, ruling: DriftRuling, context: Ruling) -> JsonResponse:
    """409 `request_closed`: nothing differs any more, or a later request for the account has begun."""
    executed = await _rule(here, request_id, ruling, context)
    return answer(executed, DriftRuled(request_id=request_id, decision=ruling.decision), 201)


async def _rule(
    here: Ports, request_id: str, ruling: DriftRuling, context: CommandContext
) -> Executed:
    state = await here.execution.state(stream_of(request_id))
    if isinstance(state, NotRequested):
        raise UnknownRequest
    agency = context.principal.agency
    who, now = officer(context, "administrator"), here.clock()
    decision: AcceptDrift | Correct = AcceptDrift(who, agency, ruling.reason, now)
    if ruling.decision == "correct":
        begun = await overtaken(here.configurations, state.order)
        policy = policy_of(agency, here.agencies)
        decision = Correct(who, agency, ruling.reason, now, policy, begun)
    return await here.execution.execute(context.to_command(stream_of(request_id), decision))
