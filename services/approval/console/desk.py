"""The pages themselves: the worklist, one request, and what became of many decisions."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from bmt.agencies.register import Agencies
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.pagination import PageRequest
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.http.approval import RequestUnderReview, RulingResult
from bmt.contracts.http.rules import OwnAgency
from bmt.contracts.problems import STATUS, Refused
from bmt.pages.forms import all_told, faults_of
from bmt.pages.layout import Layout
from bmt.pages.sizes import in_gigabytes
from services.approval import views
from services.approval.api import BY_DUE_TIME
from services.approval.audience import as_seen_by, is_own
from services.approval.console import visits, wording
from services.approval.console.decision_form import DecisionForm
from services.approval.console.filter_form import FilterForm
from services.approval.console.neighbours import Neighbours
from services.approval.console.originals import Originals
from services.approval.console.prospect import prospect
from services.approval.console.remark import Remark
from services.approval.console.today import Office, cards
from services.approval.domain.errors import UnknownRequest
from services.approval.rules_api import own_agency
from services.approval.views import MAY_CORRECT, Place, Reviews

_OK: Final = 200
_A_MONTH: Final = timedelta(days=30)


class Desk:
    """Lays out what administrators work on."""

    def __init__(
        self,
        reviews: Reviews,
        agencies: Agencies,
        clock: Clock,
        layout: Layout,
        neighbours: Neighbours,
        offices: Sequence[Office],
        originals: Originals,
    ) -> None:
        """`offices` are told of on the first page."""
        self.originals = originals
        self._neighbours = neighbours
        self._offices = offices
        self._reviews = reviews
        self._agencies = agencies
        self._clock = clock
        self._layout = layout

    async def review_of(self, request_id: str, visitor: Principal) -> RequestUnderReview:
        """A request of the visitor's agency.

        Raises:
            UnknownRequest: there is none.
        """
        review = await self._reviews.get(request_id)
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
        """The agency's open requests that were asked for, the one that is due first at the top."""
        now = self._clock()
        found = await views.worklist(self._reviews, visitor.agency, page, only.wanted(now))
        shown = BY_DUE_TIME.page(found, page, key=lambda one: (one.due_at, one.request_id))
        since = visits.since(request)
        changed = await views.changes(self._reviews, visitor.agency, since) if since else 0
        answer = self._layout.page(
            request,
            "worklist.html",
            _status(refused),
            agency=self._agencies.name_of(visitor.agency),
            found=shown.items,
            more=shown.next_cursor,
            counts=await views.counts(self._reviews, visitor.agency, now),
            cards=await cards(self._offices, self._neighbours.errand(request)),
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
        visits.remember(request, answer, self._layout.prefix, over_tls=self._layout.over_tls)
        return answer

    async def one(
        self,
        request: Request,
        request_id: str,
        visitor: Principal,
        form: DecisionForm,
        refused: Refused | None = None,
        remark: Remark | None = None,
    ) -> Response:
        """All that is known of a request, and the form of a decision while it is open.

        Raises:
            UnknownRequest: as `review_of`.
        """
        review = as_seen_by(await self.review_of(request_id, visitor), visitor)
        remark = remark or Remark()
        return self._layout.page(
            request,
            "request.html",
            _status(refused or remark.refused),
            review=review,
            remark=remark,
            takes_files="intake" in self._neighbours,
            may_correct="intake" in self._neighbours and review.status in MAY_CORRECT,
            corrected=request.query_params.get("corrected") == "1",
            rules=self._rules(visitor),
            **await self._prospect(request, review),
            shown=await self.originals.shown(review.documents),
            agency=self._agencies.name_of(review.agency),
            form=form,
            refused=refused,
            faults=faults_of(refused),
            told=all_told(refused),
            own=is_own(review, visitor),
            asked=_sizes(review),
            now=self._clock(),
            wording=wording,
        )

    async def _prospect(self, request: Request, review: RequestUnderReview) -> dict[str, object]:
        """What approving would change, while that can still be weighed."""
        if review.status != "received" or "provisioning" not in self._neighbours:
            return {"weighed": False}
        errand = self._neighbours.errand(request)
        return {"weighed": True, "plan": await prospect(review, errand)}

    def _rules(self, visitor: Principal) -> OwnAgency | None:
        """What the visitor decides by; None: their agency no longer has any rules."""
        if visitor.agency not in self._agencies:
            return None
        return own_agency(self._agencies.get(visitor.agency), visitor, self._clock())

    async def decided(self, request: Request, results: Sequence[RulingResult]) -> Response:
        """What became of each of many decisions."""
        names = await self._reviews.get_many([one.request_id for one in results])
        return self._layout.page(
            request, "decided.html", results=results, names=names, wording=wording
        )


def _sizes(review: RequestUnderReview) -> dict[str, str]:
    """What is granted unless the administrator writes something else."""
    last = review.endorsements[-1].approved if review.endorsements else review
    return {
        "quota_bytes": in_gigabytes(last.quota_bytes),
        "max_file_size_bytes": in_gigabytes(last.max_file_size_bytes),
    }


def _status(refused: Refused | None) -> int:
    return STATUS[refused.problem] if refused else _OK
