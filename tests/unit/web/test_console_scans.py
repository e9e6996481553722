"""The page of scans: a batch whose fate is not known is handed in again under the same key."""

import re

import httpx
import pytest
from console_pages import browser, problem

SCAN = {"scan": ("imbasan.pdf", b"%PDF-1.4", "application/pdf")}


@pytest.fixture
def at_scans():
    """`at_scans(answer)`: at the page, with an intake that answers so to each scan."""

    def at_scans(answer):
        async def intake(call):
            client.seen.append(call.headers["idempotency-key"])
            await call.aread()
            return answer

        client = browser(intake)
        client.seen = []
        return client

    return at_scans


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
async def test_the_form_keeps_its_key_until_its_batch_is_taken_in(at_scans, answered, status):
    client = at_scans(answered)
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
async def test_what_was_taken_in_under_a_key_leaves_a_new_one(at_scans, answered):
    _, key = await handed_in(at_scans(answered))
    assert key != "imbasan-1"
