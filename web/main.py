"""The pages' composition root: `python -m web.main`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import httpx
from fastapi import FastAPI

import web
from bmt.agencies import register
from bmt.chassis.http import app
from bmt.chassis.http.app import create_app
from bmt.chassis.http.auth import IssuerKeys, TokenVerifier
from bmt.chassis.http.limits import ClientAddress, ConcurrencyLimits, RateLimit
from bmt.chassis.runtime import background, clock, mongodb
from bmt.chassis.runtime.observability import new_registry
from bmt.findings import SERVICES, STATISTICS
from web.audit import pages as audit
from web.clients import ServiceClients
from web.console import area as console
from web.console.presence import LOOKING, Presence
from web.health import pages as health
from web.layout import ROOM, Layout
from web.my import area as my
from web.my.drafts import DRAFTS, Drafts
from web.pictures import Pictures
from web.ports import Ports
from web.settings import Settings
from web.site import ACCOUNT, Area, Site
from web.status import pages as status
from web.status.limits import StatusLimits
from web.uploads import Uploads

AREAS: Final[tuple[Area, ...]] = (console.AREA, audit.AREA, my.AREA, status.AREA, health.AREA)


def build(settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> FastAPI:
    """The application. `transport` carries the calls of the services; default: the network.

    Raises:
        AgenciesFileWrong: the agencies' rules cannot be used.
    """
    client = mongodb.connect(settings.mongodb_uri.get_secret_value(), **settings.mongodb_tls())
    database = client[settings.database]
    issuer_keys = IssuerKeys(settings.issuer)
    authenticator = TokenVerifier(
        issuer_keys,
        settings.audience,
        audience_before=settings.audience_before,
        at_jwt_alone=settings.require_at_jwt,
    )
    rate_limit = RateLimit(settings.calls_per_second)
    clients = ServiceClients(
        {
            "intake": settings.intake_url,
            "approval": settings.approval_url,
            "provisioning": settings.provisioning_url,
            "notification": settings.notification_url,
            "records": settings.records_url,
            STATISTICS: settings.statistics_url,
        },
        transport,
    )
    site = Site(
        settings,
        AREAS,
        database=database,
        issuer_keys=issuer_keys,
        authenticator=authenticator,
        rate_limit=rate_limit,
    )
    agencies = register.read(settings.agencies_file)
    drafts = Drafts(database[DRAFTS], clock.now)
    registry = new_registry()
    presence = Presence(database[LOOKING], clock.now)
    client_address = ClientAddress(settings.client_address_header, settings.trusted_proxies)
    ports = Ports(
        layout=Layout(ACCOUNT, [ROOM]),
        clients=clients,
        pictures=Pictures(),
        agencies=agencies,
        drafts=drafts,
        presence=presence,
        uploads=Uploads(clock.now),
        status_limits=StatusLimits(
            client_address, settings.status_calls_per_second, [one.code for one in agencies]
        ),
        registry=registry,
        clock=clock.now,
    )

    async def prepare() -> None:
        await mongodb.require_schema(database)
        await site.prepare()
        await drafts.prepare()
        await presence.prepare()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with background.running([partial(background.until_there, prepare)]):
            yield
        await clients.aclose()
        await issuer_keys.aclose()
        client.close()

    return create_app(
        title="BMT web",
        version="1",
        description=web.__doc__ or "",
        routers=[site.routes(ports)],
        authenticator=authenticator,
        registry=registry,
        readiness={"mongodb": partial(mongodb.reachable, database)},
        watched={
            **{name: partial(clients.operational, name, "/healthz") for name in SERVICES},
            **(
                {STATISTICS: partial(clients.operational, STATISTICS, "/metrics")}
                if clients.knows(STATISTICS)
                else {}
            ),
        },
        rate_limit=rate_limit,
        concurrency=ConcurrencyLimits(
            client=client_address,
        ),
        lifespan=lifespan,
    )


if __name__ == "__main__":
    app.main(Settings, build)
