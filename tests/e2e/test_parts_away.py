"""A part that stops answering for a while: what was promised is kept, and what waits is seen to wait."""

import asyncio
import json
import mailbox
import os
import re
import signal
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from eventually import eventually
from fixtures.outside import Observer, application, headers_of, registered
from fixtures.problems import assert_problem

pytestmark = pytest.mark.e2e

TOPICS = ("requests", "decisions", "configurations", "notifications", "records", "dead-letters")
ANSWERED_WITHIN = 14.0
"""Seconds in which a call is answered, one way or the other."""


@pytest.fixture
def aminah(caller):
    return caller("administrator", "MAMPU")


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """The process neither answers nor goes away, as a machine that hangs."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def now(ready) -> dict:
    """What the ready file says after whatever was restarted."""
    return json.loads((Path(ready["data"]) / "ready.json").read_text())


def listening_on(port: int) -> int:
    """The process that owns a TCP port of this machine."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    rows = [line.split() for line in lines]
    socket = next(
        f"socket:[{row[9]}]" for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")
    )
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(descriptor.readlink()) == socket:
                return int(descriptor.parts[2])
        except OSError:
            continue
    raise AssertionError(f"nobody listens on {port}")


def port_of(address: str) -> int:
    return urlsplit(address if "//" in address else f"//{address}").port


async def said(ready, request_id: str) -> Counter:
    """How often each event of a request was said, different events only; dead letters of any origin."""

    def filed(records) -> Counter:
        seen = {}
        for record in records:
            headers = headers_of(record)
            if headers.get("ce_subject") == request_id:
                seen[record.topic, headers["ce_id"]] = headers["ce_type"].split(".")[3]
        names = Counter(
            "dead letter" if topic.startswith("bmt.dead") else name
            for (topic, _), name in seen.items()
        )
        # Topics are read in any order: the receipt and the outcome were told before it was filed.
        assert {"Filed", "Configured", "Approved", "ReviewOpened"} <= names.keys(), names
        assert names["Notified"] >= 2, names
        return names

    async with Observer(ready, *(f"bmt.{topic}.v1" for topic in TOPICS)) as observer:
        return await observer.until(filed)


async def configured_once(ready, aminah, request_id: str) -> None:
    """It came to its end, each step once, nothing refused."""
    await aminah.until(request_id, "filed", seconds=60)
    names = await said(ready, request_id)
    expected = {"RequestReceived": 1, "ReviewOpened": 1, "Approved": 1, "ConfigurationStarted": 1}
    expected |= {"Configured": 1, "NotificationPrepared": 2, "Notified": 2, "Filed": 1}
    assert dict(names) == expected


async def gauge(http, ready, service: str, sample: str) -> float:
    metrics = (await http.get(f"{ready['services'][service]['url']}/metrics")).text
    found = re.search(rf"^{re.escape(sample)} (\S+)$", metrics, re.MULTILINE)
    return float(found[1]) if found else 0.0


async def open_breaker(http, ready, connector: str) -> None:
    """Until it shows in the metrics that work waits for the target."""

    async def shown() -> None:
        sample = f'bmt_connector_breaker_open{{connector="{connector}"}}'
        assert await gauge(http, ready, "provisioning", sample) == 1

    await eventually(shown, 30)


async def test_requests_are_taken_in_at_once_while_kafka_is_away(ready, http, aminah):
    accounts = [await registered(http, ready) for _ in range(3)]
    with frozen(now(ready)["kafka"]["pid"]):
        began = time.monotonic()
        answers = [
            await aminah.post("intake", "/v1/requests", application(account))
            for account in accounts
        ]
        assert [answer.status_code for answer in answers] == [201, 201, 201]
        assert time.monotonic() - began < 5
        ids = [answer.json()["request_id"] for answer in answers]
        assert await aminah.status(ids[0]) == "received"
        assert await gauge(http, ready, "intake", 'bmt_outbox_pending{service="intake"}') >= 3

    for request_id in ids:
        await aminah.once_known("approval", f"/v1/requests/{request_id}")
        await aminah.once_known("records", f"/v1/records/{request_id}")
    assert (await aminah.decide(ids[0], "approve")).status_code == 201
    await configured_once(ready, aminah, ids[0])


async def test_a_decision_counts_while_kafka_is_away(ready, aminah, account):
    request_id = await aminah.submit(account=account)
    with frozen(now(ready)["kafka"]["pid"]):
        first = await aminah.decide(request_id, "approve")
        second = await aminah.decide(request_id, "reject", reason="Lewat")
    assert first.status_code == 201
    assert_problem(second, "already_decided")
    await configured_once(ready, aminah, request_id)


async def test_nothing_is_half_done_while_mongodb_is_away(ready, http, aminah, account):
    waiting = await aminah.submit(account=account)
    another = await registered(http, ready)
    body, key, ruling = application(another), uuid.uuid4().hex, uuid.uuid4().hex
    decision = f"/v1/requests/{waiting}/decision"
    with frozen(now(ready)["mongodb"]["pid"]):
        began = time.monotonic()
        answers = await asyncio.gather(
            aminah.post("intake", "/v1/requests", body, key=key),
            aminah.post("approval", decision, {"decision": "approve"}, key=ruling),
            aminah.get("records", "/v1/records"),
        )
        assert time.monotonic() - began < ANSWERED_WITHIN
        for answer in answers:
            assert_problem(answer, "unavailable")
            assert int(answer.headers["retry-after"]) >= 1
        ready_now = await http.get(f"{ready['services']['intake']['url']}/readyz")
        alive = await http.get(f"{ready['services']['intake']['url']}/healthz")
        assert (ready_now.status_code, alive.status_code) == (503, 200)
        assert "mongodb" in ready_now.text.lower()

    async def accepted() -> str:
        answer = await aminah.post("intake", "/v1/requests", body, key=key)
        assert answer.status_code == 201, answer.text
        return answer.json()["request_id"]

    async def decided() -> None:
        answer = await aminah.post("approval", decision, {"decision": "approve"}, key=ruling)
        assert answer.status_code == 201, answer.text

    request_id = await eventually(accepted, 60)
    await eventually(decided, 60)
    assert request_id == await accepted()
    listed = (await aminah.get("intake", "/v1/requests", params={"limit": 200})).json()["items"]
    assert [one["request_id"] for one in listed if one["applicant"]["account"] == another] == [
        request_id
    ]
    await configured_once(ready, aminah, waiting)


@pytest.mark.parametrize(("part", "connector"), [("ipms", "scim"), ("storage", "copyparty")])
async def test_configuration_waits_for_a_target_that_is_away(
    ready, http, aminah, account, part, connector
):
    request_id = await aminah.submit(account=account)
    await aminah.once_known("provisioning", f"/v1/requests/{request_id}/plan")
    with frozen(listening_on(port_of(ready[part]["url"]))):
        answer = await aminah.get("provisioning", f"/v1/requests/{request_id}/plan")
        assert_problem(answer, "unavailable")
        assert (await aminah.decide(request_id, "approve")).status_code == 201
        await open_breaker(http, ready, connector)
        assert await aminah.status(request_id) in ("approved", "configuring")

        async def told() -> None:
            path = f"/v1/requests/{request_id}/configuration"
            assert (await aminah.get("provisioning", path)).json().get("away") == part

        await eventually(told)
        answer = await aminah.get("provisioning", f"/v1/requests/{request_id}/plan")
        assert_problem(answer, "unavailable")
    await configured_once(ready, aminah, request_id)


async def test_notices_wait_for_mail_that_is_away(ready, http, aminah, account):
    with frozen(listening_on(port_of(ready["mail"]["smtp"]))):
        request_id = await aminah.submit(account=account)
        assert (await aminah.decide(request_id, "approve")).status_code == 201
        await aminah.until(request_id, "configured")
        path = f"/v1/requests/{request_id}/notifications"
        notices = (await aminah.once_known("notification", path)).json()["items"]
        assert {notice["status"] for notice in notices} <= {"due", "prepared"}
    await configured_once(ready, aminah, request_id)
    messages = mailbox.Maildir(ready["mail"]["maildir"], create=False)
    mine = [message for message in messages if account in (message["To"] or "")]
    assert len({message["Message-ID"] for message in mine}) == 2
