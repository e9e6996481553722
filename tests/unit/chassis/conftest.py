"""The parcel API with its issuer, all in this process."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import nullcontext

import httpx
import pytest
from fixtures.issuer import Issuer, rsa_key
from parcel_api import Desk, parcel_routes

from bmt.chassis.http.app import create_app
from bmt.chassis.http.auth import IssuerKeys, TokenVerifier
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
def client_of(desk, verifier) -> Callable[[Mapping[str, ReadinessCheck]], httpx.AsyncClient]:
    """Makes a client of the API, given what it needs to be ready."""
    registry = new_registry()
    metrics = ServiceMetrics("parcels", registry)

    async def sample() -> None:
        metrics.outbox(pending=3, oldest_seconds=1.5)

    def build(readiness: Mapping[str, ReadinessCheck]) -> httpx.AsyncClient:
        app = create_app(
            title="Parcels",
            version="1",
            description="Sends parcels.",
            routers=[parcel_routes(desk)],
            authenticator=verifier,
            registry=registry,
            readiness=readiness,
            samplers=[sample],
            lifespan=lambda _: nullcontext(),
        )
        return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://parcels")

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
