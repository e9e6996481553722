"""The agencies' rules over HTTP: one's own as they are now, and what they have been."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query

from bmt.agencies.agency import Agency
from bmt.agencies.register import Agencies
from bmt.chassis.http.app import api_router
from bmt.chassis.http.auth import Principal, require
from bmt.chassis.http.openapi import problems
from bmt.chassis.http.pagination import Page, PageRequest, Paging
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.http.rules import ActingNow, OwnAgency, RulesVersion
from bmt.contracts.problems import Refused
from services.approval.api import Administrator
from services.approval.rules import Place, Versions, key_of, newest_first

BY_NUMBER: Final = Paging(tuple[int, str])

Reader = Annotated[Principal, Depends(require("administrator", "auditor", "operator"))]
Code = Annotated[str, Path(max_length=32)]
PolicyVersion = Annotated[
    str | None, Query(max_length=64, description="only the rules that have this name")
]
VersionsPage = Annotated[PageRequest[Place], Depends(BY_NUMBER)]


class UnknownAgency(Refused):
    """There is none, or it is not the caller's: which of the two is not told."""

    problem = "not_found"

    def __init__(self) -> None:
        super().__init__("You can read the rules of no agency of this code.")


def routes(versions: Versions, agencies: Agencies, clock: Clock) -> APIRouter:
    """The calls about rules."""
    routes = api_router(tags=["rules"])

    @routes.get(
        "/v1/agencies/own",
        summary="What the caller's agency decides by",
        responses=problems("not_found"),
    )
    async def own(caller: Administrator) -> OwnAgency:
        if caller.agency not in agencies:
            raise UnknownAgency
        return own_agency(agencies.get(caller.agency), caller, clock())

    @routes.get(
        "/v1/agencies/{code}/rules",
        summary="What an agency's rules have been, the newest first",
        responses=problems("not_found"),
    )
    async def rules(
        code: Code, caller: Reader, page: VersionsPage, policy_version: PolicyVersion = None
    ) -> Page[RulesVersion]:
        """So a request's `policy_version` leads to whole rules: who changed them, when and why.

        Administrators read their own agency's, operators all, auditors all or those of the agency in their token.
        """
        if not may_read(caller, code):
            raise UnknownAgency
        found = await newest_first(versions, code, page, policy_version)
        return BY_NUMBER.page(
            found, page, key=lambda one: (one.number, key_of(one.agency, one.number))
        )

    return routes


def may_read(caller: Principal, agency: str) -> bool:
    """Operators all; auditors all, or those of their token's agency; administrators their own."""
    if caller.has("operator") or (caller.has("auditor") and not caller.agency):
        return True
    return caller.agency == agency


def own_agency(agency: Agency, caller: Principal, now: datetime) -> OwnAgency:
    """An agency's rules as one of its administrators decides by them."""
    rules = agency.rules
    mine = [one for one in rules.acting if one.allows(caller.subject, now)]
    return OwnAgency.model_validate(
        {
            "code": agency.code,
            "name": rules.name,
            "policy_version": agency.policy_version,
            "channels": rules.channels.model_dump(by_alias=True),
            "approval_levels": rules.approval_levels,
            "prepared_reasons": rules.prepared_reasons.model_dump(by_alias=True),
            "acting_is_restricted": bool(rules.acting),
            "acting": [ActingNow(on_behalf_of=one.on_behalf_of, until=one.until) for one in mine],
        }
    )
