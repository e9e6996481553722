"""What users are to read and do not have yet, as administrators and operators see it."""

from typing import Any

import pytest
from eventually import eventually
from fixtures.problems import assert_problem, pointers
from fixtures.procedure import rejected
from fixtures.samples import received

pytestmark = pytest.mark.integration

QUEUE = "/v1/notifications"
JPA = ("administrator", "JPA")


async def waiting(desk, request, *who: str, **params) -> list[dict[str, Any]]:
    """What the list tells of this request."""
    answer = await desk.get(QUEUE, *(who or JPA), limit=200, **params)
    assert answer.status_code == 200, answer.text
    items = answer.json()["items"]
    wanted = [item["wanted_since"] for item in items]
    assert wanted == sorted(wanted)
    return [item for item in items if item["request_id"] == request.request_id]


async def test_a_paper_waits_to_be_handed_over_and_then_no_more(desk):
    request = desk.request(agency="JPA", reply_through="form")
    await desk.wire.say(received(request))
    item = await desk.item(request, "acknowledgement", "prepared")
    (shown,) = await waiting(desk, request)
    assert shown.pop("wanted_since")
    assert shown == {
        **item,
        "request_id": request.request_id,
        "reference": request.reference,
        "recipient": request.applicant.name,
        "due_at": None,
        "attempts": None,
        "last_problem": None,
    }
    assert await waiting(desk, request, status="prepared", channel="form")
    assert not await waiting(desk, request, channel="email")
    assert not await waiting(desk, request, status="failed")
    assert not await waiting(desk, request, "administrator", "MAMPU")
    assert not await waiting(desk, request, "administrator", "")
    (to_operators,) = await waiting(desk, request, "operator", "")
    assert to_operators["recipient"] is None
    await desk.post(item, "dispatch", *JPA)
    assert not await waiting(desk, request)
    assert await waiting(desk, request, status="notified")


async def test_an_e_mail_that_waits_for_the_mail_server_says_so(desk):
    request = desk.request(agency="JPA")
    await desk.mail.stop()
    try:
        await desk.wire.say(received(request))

        async def tried() -> None:
            found = await waiting(desk, request, status="prepared", channel="email")
            assert [one["last_problem"] for one in found] == ["smtp cannot be reached"]
            assert found[0]["attempts"] >= 1

        await eventually(tried)
    finally:
        await desk.mail.start()
    await desk.item(request, "acknowledgement", "notified")
    assert not await waiting(desk, request)


async def test_an_e_mail_that_was_refused_tells_why_without_the_address(desk):
    request = await desk.acknowledged(agency="JPA")
    address = request.applicant.email
    desk.mail.rcpt_answers[address] = [f"550 5.1.1 <{address}>: no such user"]
    await desk.wire.say(rejected(request))
    item = await desk.item(request, "rejected", "failed")
    (shown,) = await waiting(desk, request, "operator", "", status="failed")
    assert shown["last_problem"] == "550 5.1.1 … no such user"
    assert shown["code"] == "mail_no_such_address"
    assert shown["due_at"]
    await desk.post(item, "resend", *JPA)
    await desk.item(request, "rejected", "notified")
    assert not await waiting(desk, request)


async def test_the_list_comes_in_pages_in_every_order(desk):
    requests = [desk.request(agency="JPA", reply_through="form") for _ in range(3)]
    for request in requests:
        await desk.wire.say(received(request))
        await desk.item(request, "acknowledgement", "prepared")
    for order in ("wanted_since", "recipient", "about"):
        seen, cursor = [], {}
        while True:
            page = (await desk.get(QUEUE, *JPA, limit=2, order=order, **cursor)).json()
            seen += page["items"]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        assert [item[order] for item in seen] == sorted(item[order] for item in seen)
        ids = [item["request_id"] for item in seen]
        assert len(ids) == len(set(ids))
        assert {request.request_id for request in requests} <= set(ids)
    wrong = await desk.get(QUEUE, "operator", "", order="recipient")
    assert pointers(assert_problem(wrong, "validation_failed")) == {"/query/order"}
