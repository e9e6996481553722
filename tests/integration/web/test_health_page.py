"""The operators' page, in front of one service that runs and four that do not."""

import pytest
from fixtures.web import pages, signed_in

from services.approval.main import build
from services.approval.settings import Settings

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
async def browser(shared, embedded_issuer):
    issuer = embedded_issuer.url
    async with (
        shared.running(build, Settings, issuer=issuer) as approval,
        pages(shared, {"approval": approval}, issuer=issuer) as browser,
    ):
        yield browser


async def test_an_operator_sees_which_service_answers_and_what_to_do_about_the_others(browser):
    operator = await signed_in(browser, "/health/", "ops@mampu.gov.my", "role_operator")
    page = await operator.get("/health/?lang=en")
    assert page.status_code == 200
    assert page.text.count("Does not answer") == 4
    assert page.text.count(">Running<") == 1
    assert "bmt status" in page.text


async def test_the_address_itself_leads_an_operator_there(browser):
    operator = await signed_in(browser, "/health/", "ops@mampu.gov.my", "role_operator")
    answer = await operator.get("/", follow_redirects=True)
    assert answer.url.path == "/health/"


@pytest.mark.parametrize("role", ["role_administrator", "role_applicant", "role_auditor"])
async def test_nobody_else_does(browser, role):
    visitor = await signed_in(browser, "/health/", "siti@mampu.gov.my", role)
    assert (await visitor.get("/health/")).status_code == 403
