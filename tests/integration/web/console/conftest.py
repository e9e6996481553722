"""The console in front of approval; a module may bring other rules of the agencies."""

import pytest
from fixtures import signing_in, web
from fixtures.office import Office
from fixtures.service import AGENCIES_FILE

from evaluation.issuer import Holder
from services.approval.main import build
from services.approval.settings import Settings

SITI = {"account": "siti", "name": "Siti", "agency": "MAMPU", "role_administrator": "on"}


@pytest.fixture(scope="module")
def agencies_file():
    return AGENCIES_FILE


@pytest.fixture(scope="module")
async def approval(shared, embedded_issuer, agencies_file):
    given = {"issuer": embedded_issuer.url, "agencies_file": agencies_file}
    async with shared.running(build, Settings, **given) as client:
        yield client


@pytest.fixture(scope="module")
async def visitor(shared, approval, embedded_issuer, agencies_file):
    """A browser that is not signed in."""
    given = {"issuer": embedded_issuer.url, "agencies_file": agencies_file}
    async with web.pages(shared, {"approval": approval}, **given) as browser:
        browser.headers["Origin"] = web.HERE
        yield browser


@pytest.fixture
def token(embedded_issuer):
    def token(role, agency="MAMPU", subject="siti", name="Siti"):
        return embedded_issuer.mint().token(Holder(subject, name, agency, [role]))

    return token


@pytest.fixture
def office(approval, shared, as_):
    return Office(approval, shared.wire, as_)


@pytest.fixture
async def desk(visitor):
    """`await desk(SITI)`: the browser of an administrator who signed in."""
    browsers = []

    async def desk(person=SITI):
        browser = web.another(visitor)
        browsers.append(browser)
        await signing_in.sign_in(browser, "/console/", person)
        return browser

    yield desk
    for browser in browsers:
        await browser.aclose()
