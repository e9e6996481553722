"""The main pages: the worklist, one request and the results of a bulk decision."""

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

from fastapi import Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from bmt.agencies.charter import MALAYSIA
from bmt.agencies.register import Agencies
from bmt.chassis.errors import Unavailable
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.pagination import Page, PageRequest
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.runtime.document_rights import DocumentRights
from bmt.chassis.runtime.documents import DocumentStore
from bmt.contracts.http.approval import RequestUnderReview, RulingResult
from bmt.contracts.http.provisioning import Plan
from bmt.contracts.http.rules import OwnAgency
from bmt.contracts.problems import STATUS, Refused
from bmt.contracts.values import Kind
from services.approval import views
from services.approval.api import BY_DUE_TIME
from services.approval.console import wording
from services.approval.console.documents import Originals
from services.approval.console.forms import CommentForm, DecisionForm
from services.approval.console.wording import cards, open_sections
from services.approval.domain.errors import UnknownRequest
from services.approval.rules import Versions, own_agency
from services.approval.views import MAY_CORRECT, Place, Reviews, Wanted, as_seen_by, is_own
from web.clients import ServiceClients, VisitorClient, address
from web.forms import all_told, faults_of
from web.layout import Layout
from web.login import Admitted, SignInFirst
from web.sizes import in_gigabytes

Warned = Literal["yes", "no"]
Due = Literal["late", "today"]


@dataclass(frozen=True, slots=True)
class FilterForm:
    """The worklist's filter. An empty field does not filter."""

    kind: Kind | Literal[""] = ""
    warned: Warned | Literal[""] = ""
    due: Due | Literal[""] = ""

    def wanted(self, now: datetime) -> Wanted:
        return Wanted(
            kind=self.kind or None,
            warned=self.warned == "yes" if self.warned else None,
            due_before=self._due_before(now),
        )

    def _due_before(self, now: datetime) -> datetime | None:
        if self.due == "today":
            there = now.astimezone(MALAYSIA)
            return there.replace(hour=23, minute=59, second=59, microsecond=0)
        return now if self.due == "late" else None

    @property
    def address(self) -> str:
        """The filter as a query string."""
        return urlencode({name: value for name, value in asdict(self).items() if value})

    def __bool__(self) -> bool:
        return bool(self.address)


def asked(
    kind: Annotated[Kind | Literal[""], Query()] = "",
    warned: Annotated[Warned | Literal[""], Query()] = "",
    due: Annotated[Due | Literal[""], Query()] = "",
) -> FilterForm:
    """The filter in the address."""
    return FilterForm(kind, warned, due)


Filter = Annotated[FilterForm, Depends(asked)]


# A cookie remembers the last visit, so that the worklist can show what changed since.


COOKIE: Final = "bmt_visited"
ONE_VISIT_SECONDS: Final = 15 * 60
"""Looks that are closer together belong to one visit."""
REMEMBERED_SECONDS: Final = 90 * 24 * 60 * 60

_KEPT: Final = re.compile(r"(\d{1,11})\.(\d{1,11})", re.ASCII)


def last_visit(request: Request) -> datetime | None:
    """When the previous visit ended; None: unknown."""
    before, last = _kept(request)
    at = before if _goes_on(last) else last
    return datetime.fromtimestamp(at, UTC) if at else None


def remember(request: Request, response: Response, path: str, *, over_tls: bool) -> None:
    """Records this look in a cookie, which is secure if browsers come by TLS."""
    before, last = _kept(request)
    begins = before if _goes_on(last) else last
    response.set_cookie(
        COOKIE,
        f"{begins}.{int(time.time())}",
        max_age=REMEMBERED_SECONDS,
        path=path,
        httponly=True,
        samesite="lax",
        secure=over_tls,
    )


def _goes_on(last: int) -> bool:
    return time.time() - last < ONE_VISIT_SECONDS


def _kept(request: Request) -> tuple[int, int]:
    """When the previous visit ended, and the last look, in seconds; 0: unknown."""
    kept = _KEPT.fullmatch(request.cookies.get(COOKIE, ""))
    before, last = (int(kept[1]), int(kept[2])) if kept else (0, 0)
    return (before, last) if last <= time.time() else (0, 0)


SECONDS: Final = 4.0
"""The longest a page waits for the preview."""


async def plan_preview(review: RequestUnderReview, visitor_client: VisitorClient) -> Plan | None:
    """The plan for what would be granted; None: it cannot be had now."""
    asked = review.endorsements[-1].approved.model_dump() if review.endorsements else {}
    try:
        async with asyncio.timeout(SECONDS):
            path = address("requests", review.request_id, "plan")
            return await visitor_client.get("provisioning", path, Plan, asked)
    except (Refused, Unavailable, SignInFirst, TimeoutError):
        return None


_A_MONTH: Final = timedelta(days=30)


@dataclass(frozen=True)
class Desk:
    """What the console's pages need, and the main pages themselves."""

    layout: Layout
    admitted: Admitted
    clients: ServiceClients
    agencies: Agencies
    reviews: Reviews
    versions: Versions
    execution: Execution[Any, Any]
    documents: DocumentStore
    rights: DocumentRights
    originals: Originals
    clock: Clock

    def client(self, request: Request) -> VisitorClient:
        """The other services, for the signed-in user.

        Raises:
            SignInFirst: nobody is signed in, or the session ended.
        """
        return self.clients.visitor_client(request)

    def listed(
        self, request: Request, template: str, found: Page[Any], status: str, **more: Any
    ) -> Response:
        """A page of another service's list."""
        return self.layout.page(
            request,
            template,
            found=found.items,
            more=found.next_cursor,
            chosen=status,
            wording=wording,
            **more,
        )

    async def review_of(self, request_id: str, visitor: Principal) -> RequestUnderReview:
        """A request of the user's agency.

        Raises:
            UnknownRequest: there is none.
        """
        review = await self.reviews.get(request_id)
        if review is None or review.agency != visitor.agency:
            raise UnknownRequest
        return review

    async def worklist(
        self,
        request: Request,
        visitor: Principal,
        page: PageRequest[Place],
        only: FilterForm,
        form: DecisionForm,
        refused: Refused | None = None,
    ) -> Response:
        """The agency's open requests that pass the filter, earliest due first."""
        now = self.clock()
        found = await views.worklist(self.reviews, visitor.agency, page, only.wanted(now))
        shown = BY_DUE_TIME.page(found, page, key=lambda one: (one.due_at, one.request_id))
        since = last_visit(request)
        changed = await views.changes(self.reviews, visitor.agency, since) if since else 0
        answer = self.layout.page(
            request,
            "worklist.html",
            agency=self.agencies.name_of(visitor.agency),
            found=shown.items,
            more=shown.next_cursor,
            counts=await views.counts(self.reviews, visitor.agency, now),
            cards=await cards(open_sections(self.clients), self.client(request)),
            only=only,
            since=since,
            changed=changed,
            form=form,
            rules=self._rules(visitor),
            refused=refused,
            faults=faults_of(refused),
            now=now,
            month_ago=now - _A_MONTH,
            wording=wording,
        )
        remember(request, answer, self.layout.prefix, over_tls=self.layout.over_tls)
        return answer

    async def one(
        self,
        request: Request,
        request_id: str,
        visitor: Principal,
        form: DecisionForm,
        refused: Refused | None = None,
        remark: CommentForm | None = None,
    ) -> Response:
        """One request, with the form of a decision while it is open.

        Raises:
            UnknownRequest: as `review_of`.
        """
        review = as_seen_by(await self.review_of(request_id, visitor), visitor)
        remark = remark or CommentForm()
        return self.layout.page(
            request,
            "request.html",
            STATUS[remark.refused.problem] if remark.refused and not refused else None,
            review=review,
            remark=remark,
            takes_files="intake" in self.clients,
            may_correct="intake" in self.clients and review.status in MAY_CORRECT,
            corrected=request.query_params.get("corrected") == "1",
            rules=self._rules(visitor),
            **await self._preview(request, review),
            shown=await self.originals.shown(review.documents),
            agency=self.agencies.name_of(review.agency),
            form=form,
            refused=refused,
            faults=faults_of(refused),
            told=all_told(refused),
            own=is_own(review, visitor),
            asked=_sizes(review),
            now=self.clock(),
            wording=wording,
        )

    async def _preview(self, request: Request, review: RequestUnderReview) -> dict[str, object]:
        if review.status != "received" or "provisioning" not in self.clients:
            return {"weighed": False}
        visitor_client = self.client(request)
        return {"weighed": True, "plan": await plan_preview(review, visitor_client)}

    def _rules(self, visitor: Principal) -> OwnAgency | None:
        """The rules the user decides by; None: their agency has none any more."""
        if visitor.agency not in self.agencies:
            return None
        return own_agency(self.agencies.get(visitor.agency), visitor, self.clock())

    async def decided(self, request: Request, results: Sequence[RulingResult]) -> Response:
        """The result of each of many decisions."""
        names = await self.reviews.get_many([one.request_id for one in results])
        return self.layout.page(
            request, "decided.html", results=results, names=names, wording=wording
        )


def _sizes(review: RequestUnderReview) -> dict[str, str]:
    """The sizes that are granted unless the administrator types others."""
    last = review.endorsements[-1].approved if review.endorsements else review
    return {
        "quota_bytes": in_gigabytes(last.quota_bytes),
        "max_file_size_bytes": in_gigabytes(last.max_file_size_bytes),
    }
