"""The page of scans: a batch whose fate is not known is handed in again under the same key."""

import re
from pathlib import Path

import httpx
import pytest
from desks import desk
from fastapi import FastAPI
from services.approval.console import scans
from starlette.requests import Request

from bmt.agencies import register
from bmt.chassis.http.auth import Principal
from web import session
from web.clients import ServiceClients

ROOT = Path(__file__).parents[3]
AGENCIES = register.read(ROOT / "deploy" / "embedded" / "agencies.yaml")
VISITOR = Principal("siti", "", "Siti", "MAMPU", frozenset({"administrator"}))
SCAN = {"scan": ("imbasan.pdf", b"%PDF-1.4", "application/pdf")}


def problem(name, status):
    body = {"type": f"urn:bmt:problem:{name}", "title": name, "status": status, "detail": name}
    return httpx.Response(status, json=body)


@pytest.fixture
def browser():
    """`browser(answer)`: at the page, with an intake that answers so to each scan."""

    def browser(answer):
        async def intake(call):
            seen.append(call.headers["idempotency-key"])
            await call.aread()
            return answer

        seen = []
        transport = httpx.MockTransport(intake)
        service_clients = ServiceClients({"intake": "http://intake"}, transport)
        app = FastAPI()
        ports = {"clients": service_clients, "agencies": AGENCIES, "admitted": lambda: VISITOR}
        app.include_router(scans.routes(desk(**ports)))

        async def signed_in(scope, receive, send):
            session.put(Request(scope), session.Session(VISITOR, "the-token", "", goes_on=None))
            await app(scope, receive, send)

        transport = httpx.ASGITransport(signed_in)
        client = httpx.AsyncClient(transport=transport, base_url="http://console")
        client.seen = seen
        return client

    return browser


async def handed_in(client, key="imbasan-1"):
    """The key of the form that the page shows then."""
    answer = await client.post("/scans", data={"key": key, "channel": "memo"}, files=SCAN)
    return answer, re.search(r'name="key" value="([^"]+)"', answer.text).group(1)


@pytest.mark.parametrize(
    ("answered", "status"),
    [
        (httpx.Response(502), 503),
        (problem("unavailable", 503), 503),
        (problem("too_large", 413), 413),
    ],
)
async def test_the_form_keeps_its_key_until_its_batch_is_taken_in(browser, answered, status):
    client = browser(answered)
    answer, key = await handed_in(client)
    assert (answer.status_code, key) == (status, "imbasan-1")
    assert 'value="memo" selected' in answer.text
    await handed_in(client, key)
    assert client.seen == ["imbasan-1", "imbasan-1"]


@pytest.mark.parametrize(
    "answered",
    [
        httpx.Response(201, json={"inbox_items": ["a"], "pages": 1}),
        problem("idempotency_key_reused", 409),
    ],
)
async def test_what_was_taken_in_under_a_key_leaves_a_new_one(browser, answered):
    _, key = await handed_in(browser(answered))
    assert key != "imbasan-1"
