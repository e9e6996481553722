"""What the pages work with, and one visit of a signed-in user."""

from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends
from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.agencies.agency import AgencyRules
from bmt.agencies.register import Agencies
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.limits import RateLimit, caller_is_known
from bmt.chassis.http.routes import ports_of
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.problems import Refused
from bmt.contracts.values import Role
from web import session
from web.clients import ServiceClients, VisitorClient
from web.console.presence import Presence
from web.forms import SubmittedForm
from web.layout import Language, Layout
from web.login import SignInFirst
from web.my.drafts import Drafts
from web.pictures import Pictures
from web.status.limits import StatusLimits
from web.uploads import Uploads

_SEE_OTHER: Final = 303


@dataclass(frozen=True, slots=True)
class Ports:
    """The composition root makes it once; each area gets a copy with its own `layout`."""

    layout: Layout
    clients: ServiceClients
    pictures: Pictures
    agencies: Agencies
    drafts: Drafts
    presence: Presence
    uploads: Uploads
    status_limits: StatusLimits
    registry: CollectorRegistry
    clock: Clock

    def rules_of(self, agency: str) -> AgencyRules | None:
        """None: there is no such agency any more."""
        return self.agencies.get(agency).rules if agency in self.agencies else None


Here = Annotated[Ports, Depends(ports_of)]


@dataclass(frozen=True, slots=True)
class Visit:
    """One call of a signed-in user; `client` calls the services in their name."""

    request: Request
    here: Ports
    visitor: Principal
    client: VisitorClient

    @property
    def language(self) -> Language:
        return self.here.layout.language(self.request)

    def page(self, template: str, status: int | None = None, **context: Any) -> Response:
        return self.here.layout.page(self.request, template, status, **context)

    async def form(self) -> SubmittedForm:
        """The form of the call, with its files. Raises as `Uploads.read`."""
        return await self.here.uploads.read(self.request, self.client)

    def redirect(self, there: str) -> Response:
        """Makes the browser get `there` after it posted a form."""
        return RedirectResponse(there, _SEE_OTHER)


class Admitted:
    """A dependency: the visit of a user, who must have one of `roles`."""

    def __init__(self, *roles: Role) -> None:
        self._roles = roles

    async def __call__(self, request: Request, here: Here) -> Visit:
        """Returns the visit.

        Raises:
            SignInFirst: nobody is signed in.
            Refused: `forbidden`, `too_many_requests`.
        """
        principal = session.visitor(request)
        if principal is None:
            raise SignInFirst
        rate_limit: RateLimit = request.app.state.rate_limit
        rate_limit.take(principal.subject)
        caller_is_known(request.scope, principal.subject)
        if not principal.has(*self._roles):
            raise Refused(problem="forbidden", extra={"roles": list(self._roles)})
        return Visit(request, here, principal, here.clients.visitor_client(request))


Administrator = Annotated[Visit, Depends(Admitted("administrator"))]
