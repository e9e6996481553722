"""What the pages work with."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from prometheus_client import CollectorRegistry
from starlette.requests import Request

from bmt.agencies.register import Agencies
from bmt.chassis.http.routes import ports_of
from bmt.chassis.runtime.clock import Clock
from web.clients import ServiceClients, VisitorClient
from web.console.presence import Presence
from web.layout import Layout
from web.my.drafts import Drafts
from web.pictures import Pictures
from web.status.limits import StatusLimits
from web.uploads import Uploads


@dataclass(frozen=True, slots=True)
class Ports:
    """Made once, by the composition root; each area has its own `layout`."""

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


Here = Annotated[Ports, Depends(ports_of)]


async def _client(request: Request) -> VisitorClient:
    here: Ports = request.app.state.ports
    return here.clients.visitor_client(request)


Client = Annotated[VisitorClient, Depends(_client)]
"""The services, called in the visitor's name. Raises `SignInFirst`."""
