"""A correction before the decision: recorded, by whom and why, and never beside a decision."""

import asyncio

import httpx
import pytest
from eventually import eventually
from fixtures import samples
from fixtures.problems import assert_problem, pointers
from intake_callers import ADMINISTRATOR, AMINAH, APPLICANT, OF_JPA, SITI, asked, email, person

from bmt.contracts import topics
from bmt.contracts.events import Approved, Granted, RequestFacts
from bmt.contracts.values import Officer
from services.intake.main import build
from services.intake.settings import Settings

pytestmark = pytest.mark.integration

HAFIZ = ("administrator", "MAMPU", "hafiz.mampu@mygovuc.gov.my", "Hafiz")
WHY = "Kuota tersalah taip."
DECISION = {
    "decision": "approve",
    "decided_by": {"subject": "aminah", "name": "Aminah", "role": "administrator"},
    "decided_at": "2026-11-24T04:00:00Z",
    "reason": None,
    "version": 2,
}


@pytest.fixture
def correct(intake, as_):
    """`await correct(id, who=HAFIZ, quota_bytes=1)`: the whole request, as it should have been."""

    async def post(request_id, *, who=HAFIZ, key="", **changes) -> httpx.Response:
        body = asked(**({"correction_reason": WHY} | changes))
        address = f"/v1/requests/{request_id}/correction"
        return await intake.post(address, json=body, headers=as_(*who, key=key))

    return post


async def said(wire, request_id, count=2):
    return await wire.hear(topics.REQUESTS, request_id, *["RequestReceived"] * count)


async def test_an_administrator_corrects_what_a_colleague_registered(
    submit, correct, wire, intake, as_, approval
):
    first = (await submit(channel="memo")).json()
    answer = await correct(first["request_id"], quota_bytes=5_000_000_000)
    assert answer.status_code == 201, answer.text
    assert answer.json() == first
    assert approval.held.count(first["request_id"]) == 1
    before, after = await said(wire, first["request_id"])
    assert before.data["request"]["quota_bytes"] == 10_000_000_000
    assert after.data["request"]["quota_bytes"] == 5_000_000_000
    assert after.data["submitted_by"]["subject"] == AMINAH
    assert after.data["corrected_by"] == {"subject": HAFIZ[2], "role": "administrator"}
    assert after.data["correction_reason"] == WHY
    assert after.data["while_open"] is True
    address = f"/v1/requests/{first['request_id']}"
    told = (await intake.get(address, headers=as_(*ADMINISTRATOR))).json()
    assert (told["status"], told["warnings"]) == ("received", [])
    assert [(one["step"], one["by"], one["detail"]) for one in told["steps"]] == [
        ("received", AMINAH, "memo"),
        ("corrected", HAFIZ[2], WHY),
    ]


async def test_the_same_call_again_is_the_same_correction_and_holds_nothing_up(
    submit, correct, wire, approval
):
    request_id = (await submit()).json()["request_id"]
    first = await correct(request_id, key="sekali", quota_bytes=1)
    again = await correct(request_id, key="sekali", quota_bytes=1)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert approval.held.count(request_id) == 1
    assert_problem(await correct(request_id, key="sekali", quota_bytes=2), "idempotency_key_reused")
    assert len(await said(wire, request_id)) == 2


async def test_a_decision_that_intake_has_not_heard_of_yet_wins(submit, correct, wire, approval):
    request_id = (await submit()).json()["request_id"]
    approval.refuses(request_id, "already_decided", decision=DECISION)
    body = assert_problem(await correct(request_id, key="lambat"), "already_decided")
    assert body["decision"]["decision"] == "approve"
    again = await correct(request_id, key="lambat")
    assert assert_problem(again, "already_decided")["decision"] == body["decision"]
    await said(wire, request_id, 1)


async def test_what_intake_heard_was_decided_is_not_corrected(submit, correct, intake, as_, wire):
    request_id = (await submit()).json()["request_id"]
    (event,) = await said(wire, request_id, 1)
    facts = RequestFacts.model_validate(event.data["request"])
    granted = Granted(quota_bytes=facts.quota_bytes, max_file_size_bytes=1)
    officer = Officer(subject="aminah", name="Aminah", role="administrator")
    decided = {"decided_by": officer, "decided_at": samples.MONDAY, "approved": granted}
    await wire.say(Approved(request=facts, **decided), sequence=2)

    async def is_approved():
        address = f"/v1/requests/{request_id}"
        told = (await intake.get(address, headers=as_(*ADMINISTRATOR))).json()
        return told["status"] == "approved"

    await eventually(is_approved)
    assert_problem(await correct(request_id), "already_decided")


async def test_a_withdrawal_that_came_first_wins(submit, correct, intake, as_, approval):
    request_id = (await submit()).json()["request_id"]
    approval.refuses(request_id, "request_closed")
    assert_problem(await correct(request_id), "request_closed")
    request_id = (await submit()).json()["request_id"]
    address = f"/v1/requests/{request_id}/withdrawal"
    left = await intake.post(address, json={"reason": "x"}, headers=as_(*ADMINISTRATOR))
    assert left.status_code == 202
    assert_problem(await correct(request_id), "request_closed")
    assert request_id not in approval.held


async def test_a_return_that_intake_has_not_heard_of_yet_is_answered(
    submit, correct, wire, approval
):
    request_id = (await submit()).json()["request_id"]
    approval.returned(request_id)
    assert (await correct(request_id)).status_code == 201
    _, after = await said(wire, request_id)
    assert "while_open" not in after.data


async def test_while_approval_is_away_nothing_is_corrected_and_the_same_again_is(
    submit, correct, approval
):
    request_id = (await submit()).json()["request_id"]
    approval.refuses(request_id, "unavailable", 503)
    away = await correct(request_id, key="lagi")
    assert_problem(away, "unavailable")
    assert away.headers["retry-after"]
    approval._refusals.pop(request_id)
    assert (await correct(request_id, key="lagi")).status_code == 201


async def test_who_may_correct_what(submit, correct, as_, intake, new_account, approval):
    request_id = (await submit()).json()["request_id"]
    assert_problem(await correct(request_id, who=OF_JPA), "not_found")
    stranger = ("applicant", "MAMPU", "orang.mampu@mygovuc.gov.my")
    assert_problem(await correct(request_id, who=stranger, channel="form"), "not_found")
    theirs = {"account": "lim.jpa@mygovuc.gov.my", "name": "Lim", "email": SITI}
    other = await correct(request_id, applicant=theirs)
    assert_problem(other, "account_of_other_agency")
    wrong = await correct(request_id, correction_reason=None, documents=["sha256:" + "0" * 64])
    assert pointers(assert_problem(wrong, "document_unknown")) == {
        "/correction_reason",
        "/documents/0",
    }
    unexplained = assert_problem(
        await correct(request_id, correction_reason=None), "request_closed"
    )
    assert pointers(unexplained) == {"/correction_reason"}
    assert request_id not in approval.held
    mine = await correct(request_id, who=APPLICANT, channel="form")
    assert mine.status_code == 201, mine.text


async def test_an_account_that_was_written_down_wrong_is_corrected(
    submit, correct, wire, intake, as_, new_account
):
    wrong, right = await new_account(), await new_account()
    request_id = (await submit(applicant=person(wrong))).json()["request_id"]
    assert (await correct(request_id, applicant=person(right))).status_code == 201
    _, after = await said(wire, request_id)
    assert after.data["request"]["applicant"]["account"] == right
    assert after.data["warnings"] == []
    address = f"/v1/requests/{request_id}"
    for account, status in ((right, 200), (wrong, 404)):
        who = ("applicant", "MAMPU", account)
        assert (await intake.get(address, headers=as_(*who))).status_code == status


async def test_what_came_by_email_keeps_its_message(deliver, correct, wire, new_account):
    account = await new_account()
    text = email().decode().replace(SITI, account).encode()
    answer = await deliver(text)
    assert answer.status_code == 201, answer.text
    request_id = answer.json()["request_id"]
    applicant = {**person(account), "email": account}
    assert (await correct(request_id, channel="email", applicant=applicant)).status_code == 201
    before, after = await said(wire, request_id)
    assert after.data["documents"] == before.data["documents"]
    assert after.data["email_message_id"] == before.data["email_message_id"] == "<1@mampu.gov.my>"


async def test_several_corrections_at_once_come_one_after_the_other(submit, correct, wire):
    request_id = (await submit()).json()["request_id"]
    answers = await asyncio.gather(*(correct(request_id, quota_bytes=n) for n in (1, 2, 3)))
    assert [answer.status_code for answer in answers] == [201] * 3
    incoming = await said(wire, request_id, 4)
    assert sorted(one.data["request"]["quota_bytes"] for one in incoming[1:]) == [1, 2, 3]


async def test_without_an_address_of_approval_only_what_was_returned_is_corrected(
    shared, variables, submit, as_
):
    request_id = (await submit()).json()["request_id"]
    own = {**variables, "approval_url": ""}
    app = build(Settings(**{**shared._settings, **own}))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://service") as client,
    ):
        address = f"/v1/requests/{request_id}/correction"
        body = asked(correction_reason=WHY)
        answer = await client.post(address, json=body, headers=as_(*ADMINISTRATOR))
    assert_problem(answer, "unavailable")
