"""The console's pages, in front of services that a test plays."""

from pathlib import Path

import httpx
from fastapi import FastAPI
from fixtures.memory_drafts import MemoryDrafts
from fixtures.memory_presence import MemoryPresence
from prometheus_client import CollectorRegistry
from starlette.requests import Request

from bmt.agencies import register
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.limits import UNLIMITED
from bmt.chassis.runtime.clock import now
from web import session
from web.clients import ServiceClients
from web.console.area import AREA
from web.error_pages import Refusals
from web.layout import Layout
from web.pictures import Pictures
from web.ports import Ports
from web.uploads import Uploads

AGENCIES = register.read(Path(__file__).parents[3] / "deploy" / "embedded" / "agencies.yaml")
VISITOR = Principal("siti", "", "Siti", "MAMPU", frozenset({"administrator"}))
LIMITS = {"max_bytes": 26_214_400, "media_types": ["application/pdf"]}
SERVICES = ("intake", "approval", "provisioning", "notification", "records")
_BUILT = {}


def problem(name, status, **more):
    """A service's refusal."""
    body = {"type": f"urn:bmt:problem:{name}", "title": name, "status": status, "detail": name}
    return httpx.Response(status, json={**body, **more})


def _pages(area):
    """The pages of an area, built once: each browser brings what they work with."""
    if area.prefix not in _BUILT:
        layout = Layout(area.prefix, [area.folder], account="/account")
        layout.always(**area.always)
        app = FastAPI()
        app.state.rate_limit = UNLIMITED
        for router in area.routers:
            app.include_router(router)
        Refusals(layout).install(app)
        _BUILT[area.prefix] = app, layout
    return _BUILT[area.prefix]


def browser(answers, visitor=VISITOR, area=AREA):
    """A browser at an area, else at the console; `answers` is what the services answer to a call, by its URL's host."""

    def answered(call):
        """A test's intake says what it takes in before it says what the test is about."""
        limits = call.url.path == "/v1/document-limits"
        return httpx.Response(200, json=LIMITS) if limits else answers(call)

    clients = ServiceClients(
        {name: f"http://{name}" for name in SERVICES}, httpx.MockTransport(answered)
    )
    presence = MemoryPresence()
    app, layout = _pages(area)
    ports = Ports(
        layout=layout,
        clients=clients,
        pictures=Pictures(),
        agencies=AGENCIES,
        drafts=MemoryDrafts(now),
        presence=presence,
        uploads=Uploads(now),
        status_limits=None,
        registry=CollectorRegistry(),
        clock=now,
    )

    async def goes_on():
        return True

    async def signed_in(scope, receive, send):
        app.state.ports = ports  # of this browser, at the pages that all share
        session.put(Request(scope), session.Session(visitor, "the-token", "", goes_on))
        await app(scope, receive, send)

    client = httpx.AsyncClient(transport=httpx.ASGITransport(signed_in), base_url="http://console")
    client.presence = presence
    return client
