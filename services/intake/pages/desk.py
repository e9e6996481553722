"""Renders the users' pages: the list of own requests, one request, and the form."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from bmt.agencies.register import Agencies
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.pagination import PageRequest
from bmt.contracts.problems import STATUS, Refused
from bmt.contracts.values import Document, Kind, PostedChannel
from services.intake.access import Audience
from services.intake.api import BY_RECEPTION, place_of
from services.intake.domain.errors import UnknownRequest
from services.intake.pages import wording
from services.intake.pages.submission_form import SubmissionForm
from services.intake.queries import Place, Requests
from services.intake.views import RequestDocument
from web.forms import all_told, faults_of
from web.layout import Layout
from web.sizes import in_gigabytes

_OK: Final = 200
MAY_CORRECT: Final = ("received", "returned")
"""The statuses in which a request can be corrected or withdrawn."""


@dataclass(frozen=True, slots=True)
class Correcting:
    """A request that is being corrected; the papers that it came by (`came_with`) stay with it."""

    request: RequestDocument
    came_with: Sequence[Document]

    @property
    def reason(self) -> str | None:
        """The reason of the return; None: the request is open."""
        if self.request.status != "returned":
            return None
        returned = [step.detail for step in self.request.steps if step.step == "returned"]
        return returned[-1] if returned else None


class Desk:
    """Renders pages."""

    def __init__(self, requests: Requests, agencies: Agencies, layout: Layout) -> None:
        self._requests = requests
        self._agencies = agencies
        self._layout = layout

    async def own(self, request_id: str, visitor: Principal) -> RequestDocument:
        """A request of the visitor's own account, whatever else they may read.

        Raises:
            UnknownRequest: there is none.
        """
        found = await self._requests.get(request_id, _own(visitor))
        if found is None:
            raise UnknownRequest
        return found

    async def listed(
        self, request: Request, visitor: Principal, page: PageRequest[Place]
    ) -> Response:
        found = await self._requests.find(_own(visitor), {}, page)
        told = BY_RECEPTION.page(found, page, place_of)
        return self._layout.page(
            request,
            "requests.html",
            found=told.items,
            more=told.next_cursor,
            papers=self._papers(visitor),
            wording=wording,
        )

    def _papers(self, visitor: Principal) -> Sequence[PostedChannel]:
        """The blank papers that the visitor can print, by channel."""
        if visitor.agency not in self._agencies:
            return ()
        printed = ("form", "memo", "letter") if visitor.has("administrator") else ("form",)
        received = self._agencies.get(visitor.agency).rules.channels.in_
        return tuple(channel for channel in received if channel in printed)

    async def one(
        self,
        request: Request,
        request_id: str,
        visitor: Principal,
        key: str,
        refused: Refused | None = None,
    ) -> Response:
        found = await self.own(request_id, visitor)
        return self._layout.page(
            request,
            "request.html",
            STATUS[refused.problem] if refused else _OK,
            one=found,
            facts=found.facts,
            may_withdraw=found.status in MAY_CORRECT,
            agency=self._agencies.name_of(found.agency),
            key=key,
            refused=refused,
            faults=faults_of(refused),
            new=request.query_params.get("new") == "1",
            corrected=request.query_params.get("corrected") == "1",
            wording=wording,
        )

    def form(
        self,
        request: Request,
        visitor: Principal,
        kind: Kind,
        form: SubmissionForm,
        refused: Refused | None = None,
        correcting: Correcting | None = None,
    ) -> Response:
        known = visitor.agency in self._agencies
        rules = self._agencies.get(visitor.agency).rules if known else None
        return self._layout.page(
            request,
            "form.html",
            STATUS[refused.problem] if refused else _OK,
            kind=kind,
            form=form,
            refused=refused,
            faults=faults_of(refused),
            told=all_told(refused),
            correcting=correcting,
            agency=self._agencies.name_of(visitor.agency),
            rules=rules,
            usual={
                "quota_bytes": in_gigabytes(rules.quota_bytes.default) if rules else "",
                "max_file_size_bytes": in_gigabytes(rules.max_file_size_bytes) if rules else "",
            },
            wording=wording,
        )


def _own(visitor: Principal) -> Audience:
    return Audience({"account": visitor.subject.casefold()})
