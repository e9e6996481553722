"""Confirming grants: who is asked, reminded and answered for, every day after the comparison of `drift`; and the API of the answers.

An agency that set no rule for it is asked nothing. Each step is a command whose cause names the grant, or the agency, and the campaign (a month),
so a run that dies is repeated whole: nothing is asked twice, and nothing is forgotten.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

import structlog
from fastapi import Depends, Response
from prometheus_client import CollectorRegistry, Gauge

from bmt.agencies.agency import Agency
from bmt.agencies.charter import MALAYSIA, day_of
from bmt.agencies.register import Agencies
from bmt.chassis.eventsourcing.decider import Message
from bmt.chassis.eventsourcing.execution import Executed, Execution
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.bodies import REPLAYED, JsonResponse, csv_file, problem_body
from bmt.chassis.http.routes import (
    CommandContext,
    Page,
    api_router,
    command,
    problems,
)
from bmt.chassis.readmodels.view_store import Query
from bmt.chassis.runtime.clock import Clock, NewId, new_id
from bmt.chassis.runtime.observability import Sampler
from bmt.contracts.events import ConfirmationCause, TerminationProposed
from bmt.contracts.http.provisioning import (
    AnswerConfirmations,
    Confirmation,
    ConfirmationResult,
    ConfirmationResults,
    ConfirmationStatus,
    Entitlement,
)
from bmt.contracts.problems import Refused
from services.provisioning.api import (
    BY_TIME,
    CSV_ANSWER,
    MOST_LINES,
    Overseer,
    TimePage,
    agency_seen_by,
)
from services.provisioning.connectors.connector import AccountStatus, Reading
from services.provisioning.connectors.targets import Targets
from services.provisioning.daily import accounts, pages, record, superseded
from services.provisioning.domain.configuration import (
    AnswerGrant,
    AskConfirmation,
    RemindOffice,
    SupersedeConfirmation,
)
from services.provisioning.domain.configuration_rules import ITSELF
from services.provisioning.domain.confirmation_rules import is_due, is_leaver_due
from services.provisioning.domain.drift_rules import are_too_many
from services.provisioning.handlers import officer, stream_of
from services.provisioning.ports import Here, Ports
from services.provisioning.views import Confirmations, Entitlements

log = structlog.get_logger(__name__)

CLOSING: Final = time(17)
BY_RULE: Final = "Peraturan agensi: tidak disahkan dalam masa yang ditetapkan. / The agency's rule: not confirmed in time."


Level = Literal["reminder", "escalation"]
Cause = tuple[ConfirmationCause, datetime | None]
"""Why it is asked, and when the directory said so."""


@dataclass(slots=True)
class Found:
    """What may be asked at one agency, by request: since when it is in force or answered about.

    Attributes:
        due: by the rule.
        leavers: the directory says so once.
        shown: how many accounts the directory showed.
    """

    due: dict[str, datetime] = field(default_factory=dict)
    leavers: dict[str, tuple[Entitlement, datetime]] = field(default_factory=dict)
    shown: int = 0


@dataclass(frozen=True, slots=True)
class Campaigns:
    """Finds the grants that their agencies must confirm. `most_percent` of an agency's may be leavers at once."""

    execution: Execution[Any, Any]
    entitlements: Entitlements
    confirmations: Confirmations
    targets: Targets
    agencies: Agencies
    clock: Clock
    new_id: NewId
    most_percent: float
    held_back: Gauge

    async def run(self) -> None:
        """Ask, remind, and do what the rules say about unanswered ones.

        Raises:
            StoreUnavailable: what was recorded stays; the next run does the rest.
        """
        await self._supersede()
        for agency in list(self.agencies):
            rule = agency.rules.confirm_grants
            if rule.every_months or rule.leavers == "ask":
                await self._ask(agency)
            await self._follow_up(agency)

    async def _ask(self, agency: Agency) -> None:
        now, rule = self.clock(), agency.rules.confirm_grants
        found = await self._find(agency, now)
        leavers = await self._leavers(agency, found)
        last_day = day_of(now) + timedelta(days=rule.days_to_answer)
        answer_by = datetime.combine(last_day, CLOSING, MALAYSIA)
        campaign = f"{day_of(now):%Y-%m}"
        since = found.due | {one: at for one, (_, at) in found.leavers.items()}
        by_rule: Mapping[str, Cause] = dict.fromkeys(found.due, ("rule", None))
        await record(
            self.execution,
            [
                (f"confirm:{one}:{campaign}", one, ask)
                for one, (cause, read_at) in {**by_rule, **leavers}.items()
                for ask in (AskConfirmation(campaign, cause, since[one], answer_by, read_at),)
            ],
        )

    async def _find(self, agency: Agency, now: datetime) -> Found:
        """What is in force at the agency and is not being asked about: due by the rule, or a leaver's."""
        found, rule = Found(), agency.rules.confirm_grants
        async for page in accounts(self.entitlements, agency=agency.code, kind="application"):
            known = await self.confirmations.get_many([one.request_id for one in page])
            status = await self._account_status(agency, page)
            found.shown += len(status)
            for one in page:
                before = known.get(one.request_id)
                if before and before.status == "open":
                    continue
                answered_at = before.answered_at if before else None
                since = answered_at or one.configured_at
                if is_due(since, rule.every_months, now):
                    found.due[one.request_id] = since
                has_left = status.get(one.account, _SERVING)[0] != "serving"
                if has_left and is_leaver_due(answered_at, rule.every_months, now):
                    found.leavers[one.request_id] = one, since
        return found

    async def _account_status(
        self, agency: Agency, of: Sequence[Entitlement]
    ) -> Mapping[str, tuple[AccountStatus, datetime | None]]:
        """What the directory shows; accounts without a clear answer are left out."""
        if agency.rules.confirm_grants.leavers != "ask":
            return {}
        connector = agency.rules.connectors.ipms
        shown = await self.targets.shown("ipms", connector, [one.account for one in of])
        return {
            account: (reading.account_status, reading.read_back_at)
            for account, reading in shown.items()
            if isinstance(reading, Reading) and reading.account_status
        }

    async def _leavers(self, agency: Agency, found: Found) -> Mapping[str, Cause]:
        """Those whom a second look shows the same, by request; none if they are too many to be believed."""
        count = len(found.leavers)
        too_many = are_too_many(count, found.shown, self.most_percent)
        self.held_back.labels(agency.code).set(count if too_many else 0)
        if too_many:
            log.warning("leavers_held_back", agency=agency.code, accounts=count)
            return {}
        of = [one for one, _ in found.leavers.values()]
        again = await self._account_status(agency, of)
        return {
            one.request_id: (status, read_at)
            for one in of
            for status, read_at in (again.get(one.account, _SERVING),)
            if status != "serving"
        }

    async def _supersede(self) -> None:
        async for page in self._open():
            ended = SupersedeConfirmation(self.clock())
            await record(
                self.execution,
                [
                    (f"superseded:{one.request_id}:{one.campaign}", one.request_id, ended)
                    for one in await superseded(self.entitlements, page)
                ],
            )

    async def _follow_up(self, agency: Agency) -> None:
        """Remind the office of each campaign, and again once its day has passed; then do what the rule says."""
        now, rule = self.clock(), agency.rules.confirm_grants
        campaigns: dict[str, list[Confirmation]] = {}
        async for page in self._open(agency=agency.code):
            for one in page:
                campaigns.setdefault(one.campaign, []).append(one)
        for campaign, waiting in campaigns.items():
            overdue = [one for one in waiting if one.answer_by <= now]
            await self._remind(agency.code, campaign, "reminder", waiting)
            await self._remind(agency.code, campaign, "escalation", overdue)
            if rule.unanswered == "propose":
                propose = partial(AnswerGrant, ITSELF, agency.code, BY_RULE, now)
                await record(
                    self.execution,
                    [
                        (
                            f"propose:{one.request_id}:{campaign}",
                            one.request_id,
                            propose(self.new_id()),
                        )
                        for one in overdue
                    ],
                )

    async def _remind(
        self, agency: str, campaign: str, level: Level, waiting: Sequence[Confirmation]
    ) -> None:
        cause = f"remind:{agency}:{campaign}:{level}"
        if not waiting or await self.execution.recorded([cause]):
            return
        first = min(waiting, key=lambda one: (one.answer_by, one.request_id))
        reminded = RemindOffice(campaign, level, first.answer_by, len(waiting))
        await record(self.execution, [(cause, first.request_id, reminded)])

    def _open(self, **of: str) -> AsyncIterator[Sequence[Confirmation]]:
        query = Query(equal={"status": "open", **of}, order_by="answer_by")
        return pages(self.confirmations, query, _place)


def _place(one: Confirmation) -> tuple[datetime, str]:
    return one.answer_by, one.request_id


_SERVING: Final[tuple[AccountStatus, None]] = ("serving", None)


def held_back_gauge(registry: CollectorRegistry) -> Gauge:
    return Gauge(
        "bmt_leavers_held_back",
        "Accounts that the directory shows as leavers, and that are too many at once to be asked about.",
        ["agency"],
        registry=registry,
    )


def confirmations_sampler(
    registry: CollectorRegistry, confirmations: Confirmations, agencies: Agencies, clock: Clock
) -> Sampler:
    """Sets the gauge of grants by what their agency answered; what waits, of every agency."""
    gauge = Gauge(
        "bmt_grant_confirmations",
        "Grants that an agency was asked to confirm: due, overdue, confirmed or termination_proposed.",
        ["agency", "status"],
        registry=registry,
    )

    async def sample() -> None:
        states = Query(one_of={"status": ("open", "confirmed", "termination_proposed")})
        counts = await confirmations.count(["agency", "status"], states)
        late = Query(equal={"status": "open"}, below={"answer_by": clock()})
        overdue = await confirmations.count(["agency"], late)
        gauge.clear()
        for one in agencies:
            gauge.labels(one.code, "due").set(0)
            gauge.labels(one.code, "overdue").set(0)
        for (agency, status), count in counts.items():
            passed = overdue.get((agency,), 0) if status == "open" else 0
            gauge.labels(agency, "due" if status == "open" else status).set(count - passed)
        for (agency,), count in overdue.items():
            gauge.labels(agency, "overdue").set(count)

    return sample


# Over HTTP.

router = api_router(tags=["confirmations"])

COLUMNS: Final = (
    *("answer_by", "status", "agency", "reference", "account", "name", "cause", "in_force_since"),
    *("campaign", "directory_read_at", "answered_by", "answered_at", "reason", "termination_id"),
)

Answering = Annotated[CommandContext, Depends(command("administrator"))]


@router.get("/v1/confirmations", summary="Grants that agencies are asked to confirm")
async def listed(
    here: Here, caller: Overseer, page: TimePage, status: ConfirmationStatus = "open"
) -> Page[Confirmation]:
    """The first to be answered first. Administrators see their own agency's."""
    query = Query(**_query(caller, status), after=page.after, limit=page.lookahead)
    found = await here.confirmations.find(query)
    return BY_TIME.page(found, page, key=_place)


def _query(caller: Principal, status: ConfirmationStatus) -> dict[str, Any]:
    agency = agency_seen_by(caller)
    of = {} if agency is None else {"agency": agency}
    return {"equal": {**of, "status": status}, "order_by": "answer_by"}


@router.get(
    "/v1/confirmations/report",
    summary="The same as a file",
    response_class=Response,
    responses=CSV_ANSWER,
)
async def report(here: Here, caller: Overseer, status: ConfirmationStatus = "open") -> Response:
    """CSV (RFC 4180) in UTF-8 with a heading, at most 10,000 lines. No cell starts a spreadsheet formula."""
    found = await here.confirmations.find(Query(**_query(caller, status), limit=MOST_LINES))
    return csv_file("bmt-confirmations", [COLUMNS, *map(_line, found)])


def _line(one: Confirmation) -> Sequence[object]:
    row = one.model_dump(mode="json")
    by = one.answered_by.subject if one.answered_by else None
    return [{**row, "name": one.applicant_name, "answered_by": by}[name] for name in COLUMNS]


@router.post(
    "/v1/confirmations",
    summary="Confirm grants, or request their termination",
    response_model=ConfirmationResults,
    responses=problems("validation_failed"),
)
async def answer_all(here: Here, body: AnswerConfirmations, context: Answering) -> JsonResponse:
    """Each by itself, the first answer counts. `terminate`: a request for termination is received, which must be approved as any other.

    Results: 201; 404 `not_found`; 403 `own_request`; 409 `already_decided` (with `decision`: the first) or `request_closed`: nothing is asked.
    """
    messages = await _messages(here, body, context)
    outcomes = await here.execution.execute_many(messages)
    results = tuple(map(_result, body.request_ids, outcomes))
    replayed = all(isinstance(one, Executed) and one.replayed for one in outcomes)
    headers = {REPLAYED: "true"} if replayed else None
    return JsonResponse(ConfirmationResults(results=results), headers=headers)


async def _messages(
    here: Ports, body: AnswerConfirmations, context: CommandContext
) -> Sequence[Message[AnswerGrant]]:
    """The same call again has the same causes."""
    known = await here.confirmations.get_many(body.request_ids)
    gone = {one.request_id for one in await superseded(here.entitlements, [*known.values()])}
    who, agency, now = officer(context, "administrator"), context.principal.agency, here.clock()
    messages = []
    for one in body.request_ids:
        ended_by = new_id() if body.decision == "terminate" else None
        given = AnswerGrant(who, agency, body.reason, now, ended_by, superseded=one in gone)
        part = replace(context, causation=f"{context.causation}:{one}")
        messages.append(part.to_command(stream_of(one), given))
    return messages


def _result(request_id: str, outcome: Executed | Exception) -> ConfirmationResult:
    """Raises what is no refusal: then the whole call is repeated, and goes on where it stopped."""
    try:
        if isinstance(outcome, Exception):
            raise outcome
        commit = outcome.raise_refusal().commit
    except Refused as refused:
        problem = problem_body(refused)
        return ConfirmationResult(request_id=request_id, status=refused.status, problem=problem)
    ids = [e.data["termination_id"] for e in commit.events if e.type == TerminationProposed.TYPE]
    return ConfirmationResult(
        request_id=request_id, status=HTTPStatus.CREATED, termination_id=next(iter(ids), None)
    )
