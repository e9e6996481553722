"""Two areas of pages at two replicas, which share a database and the secret that cookies are signed with."""

import asyncio
import uuid
from contextlib import asynccontextmanager

import httpx
import pytest
import uvicorn
from eventually import eventually
from fastapi import APIRouter, FastAPI
from fixtures.web import NAMES
from session_visitors import sign_in

from bmt.chassis.http.auth import IssuerKeys, TokenVerifier
from bmt.chassis.http.limits import UNLIMITED
from bmt.chassis.runtime.clock import now
from bmt.chassis.runtime.mongodb import connect
from evaluation.ports import any_free_port
from web.clients import ServiceClients
from web.layout import ROOM
from web.ports import Administrator, Ports
from web.session import SESSIONS
from web.settings import Settings
from web.site import Area, Site

SECRET = "the secret of every replica's cookies"


def _area(prefix, *roles):
    """Pages of one area: its first one is for administrators."""
    router = APIRouter()

    @router.get("/")
    async def first(visit: Administrator):
        return visit.page("signed_in.html")

    return Area(prefix, ROOM, [router], roles=roles)


AREAS = [_area("/console", "administrator"), _area("/my")]


@pytest.fixture(scope="module")
async def database(mongodb):
    client = connect(mongodb)
    name = f"test_{uuid.uuid4().hex[:12]}"
    yield client[name]
    await client.drop_database(name)
    client.close()


@pytest.fixture(scope="module")
def make(database, embedded_issuer):
    """`make("https://bmt.example")`: the application of a replica, as it is reached from there."""

    async def make(public_url, **more):
        given = {"issuer": embedded_issuer.url, "public_url": public_url, "session_key": SECRET}
        services = {f"{name}_url": f"http://{name}" for name in NAMES}
        needed = {"port": 1, "mongodb_uri": "none", "agencies_file": "none"}
        settings = Settings(**{**needed, **services, **given, "session_recheck_seconds": 1, **more})
        keys = IssuerKeys(embedded_issuer.url)
        site = Site(
            settings,
            AREAS,
            database=database,
            issuer_keys=keys,
            authenticator=TokenVerifier(keys, settings.audience),
            rate_limit=UNLIMITED,
        )
        await site.prepare()
        nothing = dict.fromkeys(
            (
                *("layout", "pictures", "agencies", "drafts"),
                *("presence", "uploads", "registry"),
            )
        )
        ports = Ports(**nothing, clients=ServiceClients({}), status_limits=None, clock=now)
        app = FastAPI(redirect_slashes=False)
        app.include_router(site.routes(ports))
        return app

    return make


@pytest.fixture(scope="module")
async def replicas(make):
    """The addresses of both; the issuer knows the first one's."""
    ports = [any_free_port(), any_free_port()]
    addresses = [f"http://127.0.0.1:{port}" for port in ports]
    first, second = [await make(addresses[0]) for _ in ports]
    async with _served(first, ports[0]), _served(second, ports[1]):
        yield addresses


@pytest.fixture
async def new_browser(replicas):
    """`await new_browser(account=...)`: the browser of somebody who signed in."""
    browsers = []

    async def new_browser(*, account=None, role="role_administrator"):
        browser = httpx.AsyncClient(base_url=replicas[0], trust_env=False)
        browsers.append(browser)
        browser.account = account or f"{uuid.uuid4().hex[:12]}@mampu.gov.my"
        await sign_in(browser, role)
        return browser

    yield new_browser
    for browser in browsers:
        await browser.aclose()


@pytest.fixture
def kept(database):
    """All that the database holds of sessions."""
    return database[SESSIONS]


@asynccontextmanager
async def _served(app, port):
    server = uvicorn.Server(
        uvicorn.Config(app, port=port, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    )
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    yield
    server.should_exit = True
    await serving
