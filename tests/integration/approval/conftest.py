"""One approval for all tests here; each test brings requests of its own."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fixtures.office import Office
from fixtures.uploads import Archive

from bmt.chassis.runtime.mongodb import connect
from services.approval.main import build
from services.approval.settings import Settings


@pytest.fixture(scope="module")
async def approval(shared) -> AsyncIterator[httpx.AsyncClient]:
    async with shared.running(build, Settings) as client:
        yield client


@pytest.fixture
async def archive(shared, mongodb) -> AsyncIterator[Archive]:
    """What intake took in."""
    client = connect(mongodb)
    yield Archive(client[f"{shared.name}_documents"])
    client.close()


@pytest.fixture
def office(approval, shared, as_) -> Office:
    return Office(approval, shared.wire, as_)
