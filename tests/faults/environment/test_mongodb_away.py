"""MongoDB is gone, or hangs: nobody is promised anything, nobody waits long, and nothing is half done."""

import asyncio
import time
import uuid

import pytest
from eventually import eventually
from fixtures.outside import application
from fixtures.problems import assert_problem
from fixtures.thoroughness import LONG
from procedures import approved, filed_once, seen, submitted

pytestmark = [pytest.mark.faults, pytest.mark.integration]

AWAY_SECONDS = 60.0 if LONG else 1.0
ANSWERED_WITHIN = 12.0
"""Seconds, on a machine however busy: 5 to 7 were seen, and the socket's own patience is 20."""


async def refused(by, body, key) -> float:
    """The seconds until a call was answered: not now."""
    began = time.monotonic()
    answer = await by.post("intake", "/v1/requests", body, key=key)
    assert_problem(answer, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    return time.monotonic() - began


async def accepted(by, body, key) -> str:
    answer = await by.post("intake", "/v1/requests", body, key=key)
    assert answer.status_code == 201, answer.text
    return answer.json()["request_id"]


async def kept_once(by, account: str, body, key: str) -> str:
    """The call is made again until it is accepted, and then there is one request."""
    request_id = await eventually(lambda: accepted(by, body, key), 180)
    assert await accepted(by, body, key) == request_id
    listed = (await by.get("intake", "/v1/requests", params={"limit": 200})).json()["items"]
    assert [one["request_id"] for one in listed if one["applicant"]["account"] == account] == [
        request_id
    ]
    return request_id


async def test_what_was_under_way_when_mongodb_died_goes_on_when_it_is_back(site, aminah):
    before, after = await site.accounts(2)
    under_way = await submitted(aminah, [before])
    await approved(aminah, under_way)
    body, key = application(after), uuid.uuid4().hex
    async with site.without("mongodb"):
        ends = time.monotonic() + AWAY_SECONDS
        slowest = await refused(aminah, body, key)
        while time.monotonic() < ends:
            slowest = max(slowest, await refused(aminah, body, key))
        assert slowest < ANSWERED_WITHIN
    later = await kept_once(aminah, after, body, key)
    await approved(aminah, [later])
    await filed_once(site, aminah, [*under_way, later])


async def test_whoever_asks_while_mongodb_hangs_is_answered_soon(site, aminah):
    waiting = await aminah.submit(account=await site.account())
    (account,) = await site.accounts(1)
    body, key, ruling = application(account), uuid.uuid4().hex, uuid.uuid4().hex
    decision, approve = f"/v1/requests/{waiting}/decision", {"decision": "approve"}
    with site.frozen("mongodb"):
        *answered, decided, read = await asyncio.gather(
            *(refused(aminah, body, key) for _ in range(8)),
            aminah.post("approval", decision, approve, key=ruling),
            aminah.get("records", "/v1/records"),
        )
        seen("mongodb_hung", answered_seconds=max(answered))
        ready = await site.http.get(f"{site.url('intake')}/readyz")
        alive = await site.http.get(f"{site.url('intake')}/healthz")
    assert max(answered) < ANSWERED_WITHIN
    assert_problem(decided, "unavailable")
    assert_problem(read, "unavailable")
    assert (ready.status_code, alive.status_code) == (503, 200)
    assert "mongodb" in ready.text.lower()
    await kept_once(aminah, account, body, key)

    async def is_decided() -> None:
        answer = await aminah.post("approval", decision, approve, key=ruling)
        assert answer.status_code == 201, answer.text

    await eventually(is_decided, 180)
    await filed_once(site, aminah, [waiting])
