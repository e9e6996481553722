"""A request that somebody is about to correct is not decided until the correction is heard."""

import pytest
from eventually import eventually
from fixtures.problems import assert_problem
from fixtures.samples import received

from bmt.contracts.values import Submitter

pytestmark = pytest.mark.integration

HAFIZ = ("administrator", "MAMPU", "hafiz.mampu@mygovuc.gov.my", "Hafiz")


async def hold(office, request, *who, key=""):
    address = f"/v1/requests/{request.request_id}/hold"
    return await office.client.post(address, headers=office.as_(*(who or HAFIZ), key=key))


def corrected(request, **changes):
    told = {
        "corrected_by": Submitter(subject=HAFIZ[2], role="administrator"),
        "correction_reason": "Salah taip.",
        "while_open": True,
    }
    return received(request.model_copy(update=changes)).model_copy(update=told)


async def test_nobody_decides_until_the_correction_is_heard(office):
    request = await office.receives()
    answer = await hold(office, request)
    assert answer.status_code == 201, answer.text
    assert answer.json()["returns"] == 0
    refused = await office.decide(request, key="keputusan")
    assert_problem(refused, "unavailable")
    assert refused.headers["retry-after"]
    (result,) = (
        await office.decide_all([{"request_id": request.request_id, "decision": "approve"}])
    ).json()["results"]
    assert result["status"] == 503
    await office.wire.say(corrected(request, quota_bytes=7), sequence=2)

    async def shows_it():
        review = await office.shows(request, "received")
        assert review["quota_bytes"] == 7
        return review

    review = await eventually(shows_it)
    assert review["history"][1]["detail"] == "Salah taip."
    decided = await office.decide(request, key="keputusan")
    assert decided.status_code == 201, decided.text


async def test_a_hold_comes_too_late_for_what_is_decided(office):
    request = await office.receives()
    await office.decide(request, "reject", reason="Tiada keperluan.")
    body = assert_problem(await hold(office, request), "already_decided")
    assert body["decision"]["decision"] == "reject"


async def test_who_may_not_correct_holds_nothing(office):
    request = await office.receives()
    of_jpa = ("administrator", "JPA", "faridah.jpa@mygovuc.gov.my")
    stranger = ("applicant", "MAMPU", "orang.mampu@mygovuc.gov.my")
    for who in (of_jpa, stranger):
        assert_problem(await hold(office, request, *who), "not_found")
    assert_problem(await hold(office, request, "auditor", "MAMPU"), "forbidden")
    theirs = ("applicant", "MAMPU", request.applicant.account)
    assert (await hold(office, request, *theirs)).status_code == 201
