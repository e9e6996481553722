"""An agency's system is told over HTTP what becomes of its agency's requests: signed, at least once, and in nobody's way."""

import asyncio
import base64
import json
import os
import sys
import uuid
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eventually import eventually
from fixtures import agencies
from fixtures.answering import Answer, Call, answering
from fixtures.samples import facts, received, withdrawal
from standardwebhooks import Webhook

from bmt.chassis.runtime import clock
from bmt.chassis.runtime.mongodb import connect
from bmt.contracts import topics
from evaluation.ports import any_free_port
from services.notification.main import build
from services.notification.settings import Settings

pytestmark = pytest.mark.integration

EXAMPLE = Path(__file__).parents[3] / "examples" / "integrator" / "receive.py"

OLD, NEW = ("whsec_" + base64.b64encode(letter * 32).decode() for letter in (b"o", b"n"))
RECEIVED, PREPARED, NOTIFIED = (
    f"my.gov.bmt.{name}.v1" for name in ("RequestReceived", "NotificationPrepared", "Notified")
)


class Receivers:
    """What each path was called with, and what it answers: 204 where nothing else is queued for it."""

    def __init__(self) -> None:
        self.calls: dict[str, list[Call]] = defaultdict(list)
        self.answers: dict[str, Callable[[], Answer | None]] = {}
        self.port = any_free_port()
        """Of the example, while it runs."""

    def answer(self, call: Call) -> Answer | None:
        self.calls[call.path].append(call)
        if call.path in self.answers:
            return self.answers[call.path]()
        return 204, {}, b""

    def about(self, path: str, request_id: str) -> list[tuple[Call, dict[str, Any]]]:
        told = [(call, json.loads(call.body)) for call in self.calls[path]]
        return [(call, event) for call, event in told if event["subject"] == request_id]

    async def told(self, path: str, request_id: str, *types: str) -> list[Any]:
        """The calls about a request, once they are of these types."""

        def look() -> list[Any]:
            found = self.about(path, request_id)
            assert sorted(event["type"] for _, event in found) == sorted(types)
            return found

        return await eventually(look)


@pytest.fixture(scope="module")
def outside():
    receivers = Receivers()
    with answering(receivers.answer) as receivers.url:
        yield receivers


@pytest.fixture(scope="module")
async def desk(shared, mail, outside, tmp_path_factory):
    """Notification with webhooks of MAMPU: one that works, one that can be told to fail, one for other events."""
    one = {"events": [RECEIVED, PREPARED, NOTIFIED], "secret": "both"}
    hooks = [
        {**one, "name": "payroll", "url": f"{outside.url}/payroll"},
        {**one, "name": "ailing", "url": f"{outside.url}/ailing", "events": [RECEIVED]},
        {
            **one,
            "name": "example",
            "url": f"http://127.0.0.1:{outside.port}/",
            "events": [RECEIVED],
        },
        {
            **one,
            "name": "other",
            "url": f"{outside.url}/other",
            "events": ["my.gov.bmt.Approved.v1"],
        },
    ]
    rules = agencies.written(tmp_path_factory.mktemp("rules") / "agencies.yaml", webhooks=hooks)
    async with shared.running(
        build,
        Settings,
        agencies_file=rules,
        webhook_secrets=json.dumps({"both": [NEW, OLD]}),
        allow_http=True,
        smtp_host="127.0.0.1",
        smtp_port=mail.port,
        smtp_sender="bmt@mygovuc.gov.my",
    ) as client:
        yield client


async def parked(desk, as_, request_id: str) -> list[dict[str, Any]]:
    answer = await desk.get("/v1/operations/parked", headers=as_("operator", ""))
    return [one for one in answer.json()["items"] if one["request_id"] == request_id]


async def waits_in_the_lot(desk, as_, request_id: str, but: str = "") -> dict[str, Any]:
    found = await parked(desk, as_, request_id)
    assert len(found) == 1
    assert found[0]["id"] != but
    return found[0]


async def test_a_receiver_gets_each_event_as_kafka_carries_it(desk, shared, outside):
    """Either secret verifies it, while they change over."""
    request = facts()
    await shared.wire.say(received(request), sequence=3)
    calls = await outside.told("/payroll", request.request_id, RECEIVED, PREPARED, NOTIFIED)
    published = {
        said.envelope.id: said
        for topic, names in (
            (topics.REQUESTS, ["RequestReceived"]),
            (topics.NOTIFICATIONS, ["NotificationPrepared", "Notified"]),
        )
        for said in await shared.wire.hear(topic, request.request_id, *names)
    }
    for call, event in calls:
        for secret in (OLD, NEW):
            Webhook(secret).verify(call.body, {k.lower(): v for k, v in call.headers.items()})
        said = published.pop(event["id"])
        headers = {n.removeprefix("ce_"): text for n, text in said.headers.items()}
        headers["datacontenttype"] = headers.pop("content-type")
        assert event.pop("data") == said.data
        assert event == headers
        assert call.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
        assert call.headers["webhook-id"] == event["id"]
    assert not published
    assert not outside.about("/other", request.request_id)


async def test_nothing_is_sent_of_another_agencys_request(desk, shared, outside):
    other, own = facts(agency="JPA"), facts()
    await shared.wire.say(received(other))
    await shared.wire.hear(
        topics.NOTIFICATIONS, other.request_id, "NotificationPrepared", "Notified"
    )
    await shared.wire.say(received(own))
    await outside.told("/payroll", own.request_id, RECEIVED, PREPARED, NOTIFIED)
    assert not outside.about("/payroll", other.request_id)


async def test_what_is_not_asked_for_is_not_sent(desk, shared, outside):
    request = facts()
    await shared.wire.say(withdrawal(request))
    await shared.wire.say(received(request), sequence=2)
    await outside.told("/payroll", request.request_id, RECEIVED, PREPARED, NOTIFIED)


@pytest.mark.parametrize(
    "failure",
    [
        lambda: (503, {}, b"down"),
        lambda: None,
    ],
    ids=["503", "no answer"],
)
async def test_who_cannot_take_an_event_now_gets_the_same_again_and_others_do_not_wait(
    desk, shared, outside, failure
):
    request = facts()
    outside.answers["/ailing"] = failure
    await shared.wire.say(received(request))
    await outside.told("/payroll", request.request_id, RECEIVED, PREPARED, NOTIFIED)
    await eventually(lambda: bool(outside.about("/ailing", request.request_id)))
    del outside.answers["/ailing"]

    def again() -> list[Call]:
        calls = [call for call, _ in outside.about("/ailing", request.request_id)]
        assert len(calls) > 1
        return calls

    calls = await eventually(again)
    assert len({(call.headers["webhook-id"], call.body) for call in calls}) == 1


async def test_the_wait_that_a_receiver_asks_for_is_kept(desk, shared, outside, mongodb):
    request = facts()
    outside.answers["/ailing"] = lambda: (429, {"Retry-After": "5000"}, b"")
    event_id = await shared.wire.say(received(request))
    client = connect(mongodb)
    work = client[f"{shared.name}_notification"]["work"]
    item = f"webhook.MAMPU.ailing.0:{event_id}"

    async def waits() -> float:
        found = await work.find_one({"_id": item})
        assert found
        assert found["waiting_for"] == "answered 429"
        return (found["due_at"] - clock.now()).total_seconds()

    assert 4900 < await eventually(waits) <= 5000
    metrics = (await desk.get("/metrics")).text
    assert 'bmt_webhook_waiting{webhook="MAMPU.ailing"} 1.0' in metrics
    del outside.answers["/ailing"]
    await work.delete_one({"_id": item})
    client.close()


async def test_a_refused_event_waits_for_an_operator_who_sends_it_once_more_to_that_receiver_alone(
    desk, shared, outside, as_
):
    request = facts()
    outside.answers["/ailing"] = lambda: (302, {"Location": f"{outside.url}/other"}, b"")
    await shared.wire.say(received(request))

    found = await eventually(lambda: waits_in_the_lot(desk, as_, request.request_id))
    assert found["type"] == RECEIVED
    assert found["reason"] == "webhook answered 302"
    assert found["waits_for"] == "operator"
    assert found["id"].startswith("webhook.MAMPU.ailing.0:0:")
    assert len(outside.about("/ailing", request.request_id)) == 1
    assert not outside.calls["/other"]
    # Neither the notice nor later events of the request waited for it.
    await outside.told("/payroll", request.request_id, RECEIVED, PREPARED, NOTIFIED)

    async def counted() -> None:  # after it was parked
        metrics = (await desk.get("/metrics")).text
        assert 'bmt_webhook_deliveries_total{outcome="parked",webhook="MAMPU.ailing"}' in metrics

    await eventually(counted)
    del outside.answers["/ailing"]
    retried = await desk.post(
        f"/v1/operations/parked/{found['id']}/retry", headers=as_("operator", "")
    )
    assert retried.status_code == 202, retried.text
    await outside.told("/ailing", request.request_id, RECEIVED, RECEIVED)
    await outside.told("/payroll", request.request_id, RECEIVED, PREPARED, NOTIFIED)

    async def gone() -> None:
        assert not await parked(desk, as_, request.request_id)

    await eventually(gone)
    # The event's own handler was not called again: there is one acknowledgement.
    said = await shared.wire.hear(
        topics.NOTIFICATIONS, request.request_id, "NotificationPrepared", "Notified"
    )
    assert len(said) == 2


async def test_a_retry_that_is_refused_again_waits_again_and_can_be_given_up(
    desk, shared, outside, as_
):
    request = facts()
    outside.answers["/ailing"] = lambda: (410, {}, b"")
    await shared.wire.say(received(request))

    first = (await eventually(lambda: waits_in_the_lot(desk, as_, request.request_id)))["id"]
    await desk.post(f"/v1/operations/parked/{first}/retry", headers=as_("operator", ""))
    again = await eventually(lambda: waits_in_the_lot(desk, as_, request.request_id, but=first))
    second = again["id"]
    given_up = await desk.post(
        f"/v1/operations/parked/{second}/discard",
        headers=as_("operator", ""),
        json={"reason": "The receiver is gone."},
    )
    assert given_up.status_code == 202, given_up.text

    async def gone() -> None:
        assert not await parked(desk, as_, request.request_id)

    await eventually(gone)
    del outside.answers["/ailing"]
    assert len(outside.about("/ailing", request.request_id)) == 2


async def test_the_example_of_a_receiver_prints_each_event_once(desk, shared, outside):
    """What earlier tests left for it comes, too."""
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, EXAMPLE, str(outside.port), OLD),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(EXAMPLE.parents[2])},
    )
    printed: list[str] = []

    async def prints(request_id: str) -> None:
        async with asyncio.timeout(30):
            while not any(request_id in line for line in printed):
                printed.append((await running.stdout.readline()).decode())
                assert printed[-1], "it ended"

    try:
        first, second = facts(), facts()
        event_id = await shared.wire.say(received(first))
        await prints(first.request_id)
        await shared.wire.say(received(first), event_id=event_id)
        await shared.wire.say(received(second))
        await prints(second.request_id)
        (line,) = [line for line in printed if first.request_id in line]
        assert RECEIVED in line
    finally:
        running.kill()
        await running.wait()


async def test_neither_secret_nor_person_is_in_logs_or_metrics(desk, shared, outside, capfd):
    request = facts()
    outside.answers["/ailing"] = lambda: (410, {}, b"gone")
    await shared.wire.say(received(request, justification=f"sulit-{uuid.uuid4().hex}"))
    await outside.told("/payroll", request.request_id, RECEIVED, PREPARED, NOTIFIED)
    await eventually(lambda: bool(outside.about("/ailing", request.request_id)))
    del outside.answers["/ailing"]
    written = "".join(capfd.readouterr()) + (await desk.get("/metrics")).text
    for secret in (NEW, OLD, outside.url, "sulit-", request.applicant.account):
        assert secret not in written
