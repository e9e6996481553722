"""IPMS, storage or mail do not answer, fail or forget to answer for minutes: work waits, and is done once."""

import asyncio
import json
import re
import time
from collections import Counter

import pytest
from eventually import eventually
from fixtures.thoroughness import LONG, only_long
from procedures import approved, filed_once, notices, quota, seen, submitted
from stand_in import Mood
from wire_to_mail import Line

pytestmark = [pytest.mark.faults, pytest.mark.integration]

MOOD_SECONDS = 60.0 if LONG else 1.0
REQUESTS = 40 if LONG else 3
OPEN_WITHIN = 10.0
GRANTED = 10_000_000_000
ASK_FOR_QUOTA = (
    '<D:propfind xmlns:D="DAV:"><D:prop><D:quota-available-bytes/><D:quota-used-bytes/></D:prop>'
    "</D:propfind>"
)
EXTENSION = "urn:ietf:params:scim:schemas:extension:bmt:2.0:User"


async def opened(site, connector: str) -> float:
    """The seconds until the metrics say that work waits for a target."""

    async def shown() -> None:
        breakers = await site.samples("provisioning", "bmt_connector_breaker_open")
        assert breakers[f'connector="{connector}"'] == 1

    began = time.monotonic()
    await eventually(shown, 30)
    return time.monotonic() - began


async def in_ipms(site, account: str) -> dict:
    """What the real IPMS holds of the service of an account."""
    answer = await site.http.get(
        f"{site.system.ipms.url}/Users",
        params={"filter": f'userName eq "{account}"'},
        headers={"Authorization": f"Bearer {site.system.ipms.token}"},
    )
    (user,) = answer.json()["Resources"]
    return user[EXTENSION]


async def in_storage(site, account: str) -> int:
    """The quota that the real storage gives an account, in bytes."""
    storage = site.system.storage
    answer = await site.http.request(
        "PROPFIND",
        f"{storage.url}/{account}/",
        content=ASK_FOR_QUOTA,
        headers={"Depth": "0"},
        auth=("admin", storage.password),
    )
    return quota(answer.text)


@pytest.mark.parametrize(
    ("part", "connector"), [("ipms", "scim"), pytest.param("storage", "copyparty", marks=only_long)]
)
async def test_what_waits_for_a_target_that_is_away_is_done_once(site, aminah, part, connector):
    target = getattr(site, part)
    accounts = await site.accounts(REQUESTS)
    ids = await submitted(aminah, accounts)
    began = len(target.asked)
    target.turn(Mood.SILENT)
    try:
        await approved(aminah, ids)
        seconds = await opened(site, connector)
        for mood in (Mood.SILENT, Mood.FAILING, Mood.BROKEN):
            target.turn(mood)
            await asyncio.sleep(MOOD_SECONDS)  # time itself is the fault
        await opened(site, connector)
        asked = target.count(since=began)
    finally:
        target.turn(Mood.WELL)
    seen("target_was_away", part=part, breaker_opened_seconds=seconds, asked_meanwhile=dict(asked))
    assert seconds < OPEN_WITHIN
    await filed_once(site, aminah, ids, seconds=120)
    if part == "ipms":
        sets = Counter(one.path for one in target.done("PATCH", since=began))
        assert sorted(sets.values()) == [1] * REQUESTS
    assert [await in_storage(site, account) for account in accounts] == [GRANTED] * REQUESTS
    assert all([(await in_ipms(site, account))["bmtEnabled"] for account in accounts])


async def test_what_ipms_did_without_saying_so_is_not_done_again(site, aminah):
    accounts = await site.accounts(REQUESTS)
    ids = await submitted(aminah, accounts)
    began = len(site.ipms.asked)
    site.ipms.turn(Mood.FORGETFUL)
    try:
        await approved(aminah, ids)
        await filed_once(site, aminah, ids, seconds=120)
    finally:
        site.ipms.turn(Mood.WELL)
    sets = site.ipms.done("PATCH", since=began)
    assert sorted(Counter(one.path for one in sets).values()) == [1] * REQUESTS
    said = [json.loads(one.body)["Operations"] for one in sets]
    assert all(said[0] == each for each in said)


@only_long
async def test_notices_wait_for_a_mail_server_and_are_recognisably_the_same(site, aminah):
    lines = (Line.SILENT, Line.CUT, Line.BUSY, Line.FORGETFUL)
    accounts = await site.accounts(REQUESTS)

    async def all_came() -> None:
        assert all(notices(site, account) for account in accounts)

    try:
        site.mail.line = lines[0]
        ids = await submitted(aminah, accounts)
        await approved(aminah, ids)
        for line in lines:
            site.mail.line = line
            await asyncio.sleep(MOOD_SECONDS)  # time itself is the fault
        await eventually(all_came, 120)
    finally:
        site.mail.line = Line.GOOD
    await filed_once(site, aminah, ids, seconds=120)
    copies = [notices(site, account) for account in accounts]
    seen("mail_was_away", copies=sum(copies, Counter()).total(), notices=2 * REQUESTS)
    assert [len(each) for each in copies] == [2] * REQUESTS
    assert all(re.fullmatch(r"<[^<>@\s]+@[^<>@\s]+>", name) for each in copies for name in each)
    assert sum(copies, Counter()).total() > 2 * REQUESTS
