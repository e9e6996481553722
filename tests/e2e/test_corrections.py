"""A correction before the decision, through the whole system: decided on as corrected, told of once, on record twice."""

import asyncio
import uuid

import pytest
from eventually import eventually
from fixtures.outside import application, registered
from fixtures.problems import assert_problem

pytestmark = pytest.mark.e2e

SECONDS = 20.0
GB = 1_000_000_000
WHY = "Kuota tersalah taip."


@pytest.fixture
def aminah(caller):
    return caller("administrator", "MAMPU")


@pytest.fixture
def hafiz(caller):
    return caller("administrator", "MAMPU", "hafiz.mampu@mygovuc.gov.my")


def correction(account, **changes):
    return application(account, **{"correction_reason": WHY, "quota_bytes": 5 * GB, **changes})


async def test_what_is_corrected_is_decided_told_and_filed_as_corrected(
    aminah, hafiz, account, ready, caller
):
    request_id = await aminah.submit(account=account, quota_bytes=50 * GB)
    path = f"/v1/requests/{request_id}/correction"
    answer = await hafiz.post("intake", path, correction(account))
    assert answer.status_code == 201, answer.text

    async def shows_it():
        review = (await aminah.get("approval", f"/v1/requests/{request_id}")).json()
        assert review["quota_bytes"] == 5 * GB
        return review

    review = await eventually(shows_it, SECONDS)
    first, corrected = review["history"]
    assert corrected["corrected"]
    assert (corrected["by"], corrected["detail"]) == ("hafiz.mampu@mygovuc.gov.my", WHY)
    assert corrected["changes"] == [{"field": "quota_bytes", "before": 50 * GB, "after": 5 * GB}]
    assert review["submitted_by"]["subject"] == "aminah.mampu@mygovuc.gov.my"
    assert "changes" not in first
    due = (await aminah.get("approval", "/v1/worklist?limit=200")).json()["items"]
    assert [one["due_at"] for one in due if one["request_id"] == request_id] == [review["due_at"]]
    decided = await aminah.decide(request_id, "approve")
    assert decided.status_code == 201, decided.text
    late = await hafiz.post("intake", path, correction(account))
    assert assert_problem(late, "already_decided")["decision"]["decision"] == "approve"
    await aminah.until(request_id, "filed")

    told = (await aminah.get("notification", f"/v1/requests/{request_id}/notifications")).json()
    assert [one["about"] for one in told["items"]] == ["acknowledgement", "configured"]
    record = (await caller("auditor", "").get("records", f"/v1/records/{request_id}")).json()
    receptions = [
        one["data"] for one in record["events"] if one["type"].endswith("RequestReceived.v1")
    ]
    assert [one["request"]["quota_bytes"] for one in receptions] == [50 * GB, 5 * GB]
    assert receptions[1]["correction_reason"] == WHY
    assert record["state"]["quota_bytes"] == 5 * GB
    in_force = (await aminah.get("provisioning", f"/v1/entitlements/{account}")).json()
    assert in_force["effective"]["storage"]["quota_bytes"] == 5 * GB


async def test_a_correction_and_a_decision_at_once_come_one_after_the_other(
    aminah, hafiz, http, ready
):
    """Whichever is first: what was answered with 201 is what is decided on."""

    async def at_once():
        account = await registered(http, ready)
        request_id = await aminah.submit(account=account, quota_bytes=50 * GB)
        path = f"/v1/requests/{request_id}/correction"
        corrected, decided = await asyncio.gather(
            hafiz.post("intake", path, correction(account)),
            aminah.decide(request_id, "approve"),
        )
        if decided.status_code == 503:
            assert corrected.status_code == 201, corrected.text
            decided = await eventually(lambda: _decided(aminah, request_id), SECONDS)
        assert decided.status_code == 201, decided.text
        won = corrected.status_code == 201
        if not won:
            assert_problem(corrected, "already_decided")

        async def granted():
            answer = await aminah.get("approval", f"/v1/requests/{request_id}")
            decision = answer.json()["decision"]
            assert decision
            return decision["approved"]["quota_bytes"]

        assert await eventually(granted, SECONDS) == (5 * GB if won else 50 * GB)
        return won

    won = await asyncio.gather(*(at_once() for _ in range(12)))
    assert len(won) == 12


async def _decided(officer, request_id):
    answer = await officer.decide(request_id, "approve")
    assert answer.status_code == 201, answer.text
    return answer


async def test_a_correction_right_after_the_request_holds_though_approval_has_not_heard_of_it(
    aminah, http, ready
):
    account = await registered(http, ready)
    body = application(account)
    request_id = (await aminah.post("intake", "/v1/requests", body)).json()["request_id"]
    path = f"/v1/requests/{request_id}/correction"
    answer = await aminah.post("intake", path, correction(account))
    assert answer.status_code == 201, answer.text

    async def shows_it():
        answer = await aminah.get("approval", f"/v1/requests/{request_id}")
        assert answer.json().get("quota_bytes") == 5 * GB

    await eventually(shows_it, SECONDS)
    assert (await aminah.decide(request_id, "approve")).status_code == 201


async def test_whoever_an_address_is_corrected_to_is_told_that_it_was_received(
    aminah, account, http, ready
):
    wrong = f"salah{uuid.uuid4().hex[:8]}.mampu@mygovuc.gov.my"
    applicant = {"account": account, "name": "Siti Nurhaliza binti Ahmad", "email": wrong}
    request_id = await aminah.submit(applicant=applicant)
    path = f"/v1/requests/{request_id}/correction"
    assert (await aminah.post("intake", path, correction(account))).status_code == 201

    async def told():
        path = f"/v1/requests/{request_id}/notifications"
        answer = await aminah.get("notification", path)
        assert answer.status_code == 200
        assert [one["about"] for one in answer.json()["items"]] == ["acknowledgement"] * 2

    await eventually(told, SECONDS)
