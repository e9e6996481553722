"""Pages of refusals: when to come again, how to go on, and the text of a form whose sender is not signed in any more."""

import asyncio
from tempfile import SpooledTemporaryFile
from types import SimpleNamespace

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from starlette.requests import Request

from bmt.chassis.errors import Unavailable
from bmt.contracts.problems import Refused
from web.error_pages import Refusals
from web.forms import read
from web.layout import Layout
from web.login import SignInFirst
from web.site import SessionEnded

MOST_BYTES = 2_000_000
TYPED = 'satu "dua"\r\ntiga'
SHOWN = '<input type="hidden" name="why" value="satu &#34;dua&#34;\ntiga">'
FILE = {"letter": ("surat.pdf", b"%PDF-1.7", "application/pdf")}


def browser(error, *, people_sign_in=True):
    """Of a form at `/here` that is refused before it is read, and at `/here/read` after it."""
    routes = APIRouter()

    @routes.api_route("/here", methods=["GET", "POST"])
    async def unread():
        raise error

    @routes.post("/here/read")
    async def was_read(request: Request):
        await read(request, MOST_BYTES, most_files=3)
        raise error

    app, layout = FastAPI(), Layout("/here", [])
    app.include_router(routes)
    login = SimpleNamespace(address=lambda goes_on_at: f"/here/login?goes_on_at={goes_on_at}")
    refusals = Refusals(layout, people_sign_in=people_sign_in)
    refusals.install(app)
    SessionEnded(layout, login, refusals, lambda: MOST_BYTES).install(app)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://pages")


@pytest.mark.parametrize(
    ("error", "status", "seconds"),
    [
        (Refused(problem="too_many_requests", extra={"retry_after_seconds": 7}), 429, "7"),
        (Refused(problem="too_many_requests"), 429, "1"),
        (Refused(problem="unavailable"), 503, "1"),
        (Unavailable("issuer", retry_after_seconds=3), 503, "3"),
        (Refused(problem="not_found"), 404, None),
    ],
)
async def test_a_page_says_when_to_come_again_as_the_api_does(error, status, seconds):
    page = await browser(error).get("/here")
    assert (page.status_code, page.headers.get("retry-after")) == (status, seconds)


@pytest.mark.parametrize("people_sign_in", [True, False])
async def test_nobody_is_sent_to_sign_in_where_nobody_does(people_sign_in):
    page = await browser(Refused(problem="forbidden"), people_sign_in=people_sign_in).get("/here")
    assert ("/here/login" in page.text) is people_sign_in


@pytest.mark.parametrize("address", ["/here", "/here/read"])
@pytest.mark.parametrize("files", [None, FILE])
async def test_what_was_typed_is_in_the_answer_with_a_way_to_sign_in_and_one_to_send_it(
    address, files
):
    async with asyncio.timeout(5):  # a body comes once: who waits for it again waits for ever
        data = {"why": TYPED, "key": "k"}
        page = await browser(SignInFirst).post(address, data=data, files=files)
    assert page.status_code == 401
    assert SHOWN in page.text.replace("\r\n", "\n")
    assert "/here/login?goes_on_at=/here/signed-in" in page.text
    assert ("surat.pdf" in page.text) is bool(files)
    assert ('type="file" id="letter" name="letter"' in page.text) is bool(files)


@pytest.mark.parametrize(
    ("body", "files", "status"),
    [
        ({"why": "x" * 1_100_000}, None, 413),
        ({f"why{number}": "x" * 500_000 for number in range(3)}, FILE, 413),
        ({"why": "x"}, {"letter": ("surat.pdf", b"x" * 1_900_000)}, 401),
        ({"why": "x"}, {"letter": ("surat.pdf", b"x" * 2_000_000)}, 413),
    ],
)
async def test_it_may_be_as_large_as_the_form_and_none_of_it_reaches_a_disk(
    monkeypatch, body, files, status
):
    def refuse(*_):
        raise AssertionError("it was written to")

    monkeypatch.setattr(SpooledTemporaryFile, "write", refuse)
    answer = await browser(SignInFirst).post("/here", data=body, files=files)
    assert answer.status_code == status
