"""The parcel API with its issuer, all in this process."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import nullcontext
from typing import Any

import httpx
import pytest
import uvicorn
from eventually import eventually
from fastapi import APIRouter, FastAPI
from fixtures.issuer import Issuer, rsa_key
from parcel_api import Desk, calling, parcel_routes, parcel_settings

from bmt.chassis.http.app import configuration, create_app
from bmt.chassis.http.auth import IssuerKeys, TokenVerifier
from bmt.chassis.http.limits import Deadlines
from bmt.chassis.runtime.observability import ReadinessCheck, ServiceMetrics, new_registry


@pytest.fixture(scope="session")
def signing_key():
    return rsa_key("first")


@pytest.fixture
def issuer(signing_key) -> Issuer:
    return Issuer(signing_key)


@pytest.fixture
async def verifier(issuer) -> AsyncIterator[TokenVerifier]:
    keys = IssuerKeys(issuer.url, issuer.client(), pause_seconds=0)
    yield TokenVerifier(keys, "bmt-api")
    await keys.aclose()


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def app_of(verifier) -> Callable[..., FastAPI]:
    """Makes an application of these routers, with what else is told."""

    def build(*routers: APIRouter, **more: Any) -> FastAPI:
        return create_app(
            title="Parcels",
            version="1",
            description="Sends parcels.",
            routers=routers,
            authenticator=verifier,
            **{"registry": new_registry(), "readiness": {}, **more},
            lifespan=lambda _: nullcontext(),
        )

    return build


@pytest.fixture
async def served() -> AsyncIterator[Callable[..., Awaitable[int]]]:
    """`port = await served(app)`: the application behind its real server, at this port."""
    ends = []

    async def start(app: FastAPI, *deadlines: Deadlines) -> int:
        settings = parcel_settings()
        server = uvicorn.Server(configuration(lambda _: app, settings, *deadlines))
        serving = asyncio.create_task(server._serve())
        ends.append((server, serving))
        await eventually(lambda: server.started)
        return settings.port

    yield start
    for server, serving in ends:
        server.should_exit = True
        await serving


@pytest.fixture
def client_of(desk, app_of) -> Callable[[Mapping[str, ReadinessCheck]], httpx.AsyncClient]:
    """Makes a client of the API, given what it needs to be ready."""
    registry = new_registry()
    metrics = ServiceMetrics("parcels", registry)

    async def sample() -> None:
        metrics.outbox(pending=3, oldest_seconds=1.5)

    def build(readiness: Mapping[str, ReadinessCheck]) -> httpx.AsyncClient:
        routers = [parcel_routes(desk)]
        return calling(app_of(*routers, registry=registry, readiness=readiness, samplers=[sample]))

    return build


@pytest.fixture
def client(client_of) -> httpx.AsyncClient:
    return client_of({})


@pytest.fixture
def operator(issuer) -> dict[str, str]:
    """The headers of an operator's first command."""
    token = issuer.token("aminah", "operator", email="aminah@agency.my", agency="JPA")
    return {"Authorization": f"Bearer {token}", "Idempotency-Key": "key-1"}


@pytest.fixture
def parcel() -> dict:
    return {"owner": {"email": "ali@agency.my"}, "kilograms": 3}
