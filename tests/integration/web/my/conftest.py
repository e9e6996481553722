"""The applicants' pages and the public one as they run, in front of intake, beside a real directory (SCIM)."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from fixtures import web
from fixtures.holding import HoldingApproval
from fixtures.ledger_keys import SECRETS
from fixtures.wire import Wire

from services.intake.main import build
from services.intake.settings import Settings


@pytest.fixture(scope="session")
def approval() -> Iterator[HoldingApproval]:
    """Approval, which holds what is corrected."""
    with HoldingApproval().serving() as approval:
        yield approval


@pytest.fixture(scope="module")
def issuer(embedded_issuer) -> dict[str, str]:
    """Where people sign in."""
    return {"issuer": embedded_issuer.url}


@pytest.fixture(scope="module")
async def intake(shared, ipms, approval, issuer) -> AsyncIterator[httpx.AsyncClient]:
    """One intake for all tests of a module; each test brings requests of its own."""
    own: dict[str, Any] = {
        "approval_url": approval.url,
        "ipms_url": ipms.url,
        "ipms_token": ipms.token,
        "directory_refresh_seconds": 50,
        "acknowledgements_per_hour": 1000,
        "document_max_bytes": 100_000,
        "status_code_key": SECRETS["BMT_STATUS_CODE_KEY"],
    }
    async with shared.running(build, Settings, **issuer, **own) as client:
        yield client


@pytest.fixture(scope="module")
def services(intake) -> dict[str, httpx.AsyncClient]:
    """Those that run, by name: a test may take one away for a while."""
    return {"intake": intake}


@pytest.fixture(scope="module")
async def pages(shared, services, issuer) -> AsyncIterator[httpx.AsyncClient]:
    own = {"status_calls_per_second": 1000, "client_address_header": "X-Forwarded-For"}
    async with web.pages(shared, services, **issuer, **own) as browser:
        yield browser


@pytest.fixture
def wire(shared) -> Wire:
    return shared.wire


@pytest.fixture
async def visitor(pages, new_account):
    """`await visitor()`: the browser of an applicant of MAMPU who signed in, with a new account."""
    browsers = []

    async def visitor(account=None, agency="MAMPU", role="role_applicant"):
        account = account or await new_account()
        browsers.append(await web.signed_in(pages, "/my/", account, role, agency))
        return browsers[-1]

    yield visitor
    for browser in browsers:
        await browser.aclose()
