"""What a request says: checked without being handed in, read before it is corrected, and found among one's own."""

import uuid

import pytest
from fixtures.problems import assert_problem
from intake_callers import ADMINISTRATOR, APPLICANT, OF_JPA, PDF, asked, person

pytestmark = pytest.mark.integration


@pytest.fixture
def check(intake, as_):
    async def post(*, who=ADMINISTRATOR, **changes):
        return await intake.post("/v1/request-checks", json=asked(**changes), headers=as_(*who))

    return post


@pytest.fixture
def get(intake, as_):
    async def get(path, *, who=ADMINISTRATOR, **params):
        return await intake.get(path, headers=as_(*who), params=params)

    return get


async def test_all_that_a_request_would_be_refused_for_is_told_at_once_and_nothing_is_recorded(
    check, get, new_account
):
    account = await new_account()
    answer = await check(
        applicant=person(account),
        quota_bytes=10**12,
        max_file_size_bytes=10**10,
        reply_through="email",
        documents=["sha256:" + "0" * 64],
    )
    assert answer.status_code == 200, answer.text
    told = {(one["pointer"], one["code"]) for one in answer.json()["errors"]}
    assert told == {
        ("/quota_bytes", "size_above_maximum"),
        ("/max_file_size_bytes", "size_above_maximum"),
        ("/documents/0", "document_unknown"),
    }
    own = await get("/v1/requests", who=("applicant", "MAMPU", account), mine=True)
    assert own.json()["items"] == []


async def test_a_request_that_would_be_taken_in_has_its_warnings_told(check):
    answer = await check(applicant=person("nobody.knows@mygovuc.gov.my"))
    assert answer.json()["errors"] == []
    assert "not_registered" in answer.json()["warnings"]


async def test_nobody_checks_what_they_may_not_hand_in(check):
    assert_problem(await check(who=OF_JPA), "forbidden")
    assert_problem(await check(who=APPLICANT, channel="memo"), "forbidden")
    assert_problem(await check(who=("auditor", "MAMPU", "x")), "forbidden")
    assert_problem(await check(justification=None), "validation_failed")


async def test_what_was_handed_in_last_is_read_before_it_is_corrected(
    intake, submit, upload, get, as_, new_account
):
    account = await new_account()
    document = (await upload(PDF + uuid.uuid4().bytes)).json()
    accepted = await submit(
        applicant=person(account), quota_bytes=5000, documents=[document["document_id"]]
    )
    path = f"/v1/requests/{accepted.json()['request_id']}"
    for who in (ADMINISTRATOR, ("applicant", "MAMPU", account)):
        answer = await get(f"{path}/submission", who=who)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert told["documents"] == [document]
        assert told["came_with"] == []
        assert told["quota_bytes"] == 5000
        assert told["justification"] == "Menghantar lukisan kejuruteraan."
    body = {**asked(applicant=person(account)), "correction_reason": "Tersalah taip."}
    body["justification"] = "Dibetulkan."
    answer = await intake.post(f"{path}/correction", json=body, headers=as_(*ADMINISTRATOR))
    assert answer.status_code == 201, answer.text
    told = (await get(f"{path}/submission")).json()
    assert told["justification"] == "Dibetulkan."
    assert told["documents"] == []


async def test_nobody_reads_what_they_may_not_correct(submit, get):
    accepted = await submit()
    path = f"/v1/requests/{accepted.json()['request_id']}/submission"
    assert_problem(await get(path, who=OF_JPA), "not_found")
    assert_problem(await get(path, who=("applicant", "MAMPU", "another")), "not_found")
    assert_problem(await get(path, who=("auditor", "MAMPU", "x")), "forbidden")
    assert_problem(await get("/v1/requests/nothing/submission"), "not_found")


async def test_mine_are_those_of_the_caller_whatever_else_they_may_read(submit, get, new_account):
    account = await new_account()
    officer = ("administrator", "MAMPU", account)
    other = (await submit()).json()["request_id"]
    own = (await submit(applicant=person(account), quota_bytes=7)).json()["request_id"]
    found = (await get("/v1/requests", who=officer, mine=True)).json()["items"]
    assert [one["request_id"] for one in found] == [own]
    assert found[0]["quota_bytes"] == 7
    assert found[0]["channel"] == "memo"
    assert found[0]["received_at"]
    assert (await get(f"/v1/requests/{own}", who=officer, mine=True)).status_code == 200
    assert_problem(await get(f"/v1/requests/{other}", who=officer, mine=True), "not_found")
    assert (await get(f"/v1/requests/{other}", who=officer)).status_code == 200


async def test_the_sizes_that_an_agency_gives_are_told_to_whoever_fills_in_a_form(get):
    answer = await get("/v1/sizes", who=APPLICANT)
    assert answer.json() == {
        "quota_bytes": 10**10,
        "largest_quota_bytes": 10**11,
        "max_file_size_bytes": 2 * 10**9,
        "decide_working_days": 3,
    }
    assert_problem(await get("/v1/sizes", who=("applicant", "LAMA", "x")), "not_found")
    assert_problem(await get("/v1/sizes", who=("auditor", "MAMPU", "x")), "forbidden")
