"""A form whose sender is not signed in, or no longer: its text is in the answer, whoever read it before."""

import asyncio
from types import SimpleNamespace

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from starlette.requests import Request

from web.error_pages import Refusals
from web.forms import read
from web.layout import Layout
from web.login import SignInFirst
from web.site import SessionEnded

MOST_BYTES = 2_000_000
TYPED = 'satu "dua"\r\ntiga'
SHOWN = '<input type="hidden" name="why" value="satu &#34;dua&#34;\ntiga">'
FILE = {"letter": ("surat.pdf", b"%PDF-1.7", "application/pdf")}


@pytest.fixture
async def browser():
    """Of a form that is refused before it is read (`/here`) and after (`/here/read`)."""
    routes = APIRouter()

    @routes.post("/here")
    async def unread():
        raise SignInFirst

    @routes.post("/here/read")
    async def was_read(request: Request):
        await read(request, MOST_BYTES, most_files=3)
        raise SignInFirst

    app = FastAPI()
    app.include_router(routes)
    layout = Layout("/here", [])
    login = SimpleNamespace(address=lambda goes_on_at: f"/here/login?goes_on_at={goes_on_at}")
    SessionEnded(layout, login, Refusals(layout), lambda: MOST_BYTES).install(app)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://pages"
    ) as browser:
        yield browser


@pytest.mark.parametrize("address", ["/here", "/here/read"])
@pytest.mark.parametrize("files", [None, FILE])
async def test_its_text_is_in_the_answer_with_a_way_to_sign_in_and_one_to_send_it(
    browser, address, files
):
    async with asyncio.timeout(5):  # a body comes once: who waits for it again waits for ever
        page = await browser.post(address, data={"why": TYPED, "key": "k"}, files=files)
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
async def test_it_may_be_as_large_as_the_form_and_no_larger(browser, body, files, status):
    assert (await browser.post("/here", data=body, files=files)).status_code == status


async def test_a_file_of_somebody_unknown_reaches_no_disk(browser, monkeypatch):
    from tempfile import SpooledTemporaryFile

    def refuse(*_):
        raise AssertionError("it was written to")

    monkeypatch.setattr(SpooledTemporaryFile, "write", refuse)
    files = {"letter": ("surat.pdf", b"x" * 1_500_000)}
    assert (await browser.post("/here", data={"why": "x"}, files=files)).status_code == 401
