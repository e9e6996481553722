"""MongoDB's disk is full: callers are told so at once and cleanly, and all goes on when there is room."""

import asyncio
import time
import uuid

import pytest
from eventually import eventually
from fixtures.outside import application
from fixtures.problems import assert_problem
from procedures import approved, filed_once, seen, submitted

from bmt.chassis.runtime.mongodb import connect

pytestmark = [pytest.mark.faults, pytest.mark.integration]

ANSWERED_WITHIN = 12.0


async def commits_of(site, database: str) -> list[dict]:
    client = connect(site.system.mongodb.uri())
    try:
        return await client[database]["commits"].find().to_list(None)
    finally:
        client.close()


async def test_a_full_disk_is_a_clean_refusal_and_leaves_nothing_half_written(site, aminah):
    if site.room is None:
        pytest.skip(f"no small file system can be mounted here: {site.no_room}")
    accounts = await site.accounts(8)
    under_way = await submitted(aminah, accounts[:2])
    await approved(aminah, under_way)
    asked: dict[str, str] = {}
    acknowledged: dict[str, str] = {}

    async def ask(key: str) -> bool:
        """Whether it was taken in; the answer is one or the other, and soon."""
        began = time.monotonic()
        answer = await aminah.post("intake", "/v1/requests", application(asked[key]), key=key)
        assert time.monotonic() - began < ANSWERED_WITHIN
        if answer.status_code == 201:
            acknowledged[key] = answer.json()["request_id"]
            return True
        assert_problem(answer, "unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        return False

    async def somebody_is_refused() -> None:
        """A mongod that came back found room of its own: that is filled too, and new requests come."""
        assert site.room.fill() > 0
        new = {uuid.uuid4().hex: account for account in accounts[2:]}
        asked.update(new)
        assert not all([await ask(key) for key in new])

    try:
        await eventually(somebody_is_refused, 180)
        refused = [await ask(key) for key in list(asked)[-4:]]
        seen("disk_was_full", acknowledged=len(acknowledged), taken_in_later=refused)
        alive = await site.http.get(f"{site.url('intake')}/healthz")
        assert alive.status_code == 200
    finally:
        site.room.clear()
    await site.back("mongodb")

    async def all_taken_in() -> None:
        before = dict(acknowledged)
        assert all(await asyncio.gather(*(ask(key) for key in asked)))
        assert before.items() <= acknowledged.items()  # the same answers again

    await eventually(all_taken_in, 180)
    commits = [one for one in await commits_of(site, "bmt_intake") if one["_id"][:4] == "cmd:"]
    streams = [one["stream"] for one in commits if one["version"] == 1]
    assert {f"request-{one}" for one in acknowledged.values()} <= set(streams)
    assert len(streams) == len(set(streams))
    await approved(aminah, list(acknowledged.values())[:2])
    await filed_once(site, aminah, [*under_way, *list(acknowledged.values())[:2]])
