"""Pages of refusals: when to come again, and how to go on."""

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from bmt.chassis.errors import Unavailable
from bmt.contracts.problems import Refused
from web.error_pages import Refusals
from web.layout import Layout

TOO_MANY = Refused(problem="too_many_requests", extra={"retry_after_seconds": 7})


async def page_of(error, *, people_sign_in=True):
    routes = APIRouter()

    @routes.get("/here")
    async def refuses():
        raise error

    app = FastAPI()
    app.include_router(routes)
    Refusals(Layout("/here", []), people_sign_in=people_sign_in).install(app)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://pages"
    ) as browser:
        return await browser.get("/here")


@pytest.mark.parametrize(
    ("error", "status", "seconds"),
    [
        (TOO_MANY, 429, "7"),
        (Refused(problem="too_many_requests"), 429, "1"),
        (Refused(problem="unavailable"), 503, "1"),
        (Unavailable("issuer", retry_after_seconds=3), 503, "3"),
        (Refused(problem="not_found"), 404, None),
    ],
)
async def test_a_page_says_when_to_come_again_as_the_api_does(error, status, seconds):
    page = await page_of(error)
    assert page.status_code == status
    assert page.headers.get("retry-after") == seconds


@pytest.mark.parametrize("people_sign_in", [True, False])
async def test_nobody_is_sent_to_sign_in_where_nobody_does(people_sign_in):
    page = await page_of(Refused(problem="forbidden"), people_sign_in=people_sign_in)
    assert ("/here/login" in page.text) is people_sign_in
