"""What cannot be done any more, not yet, or not by this person: the procedure's own refusals."""

import uuid

import pytest
from fixtures.outside import application
from fixtures.problems import assert_problem, pointers

pytestmark = pytest.mark.e2e

AMINAH = "aminah.mampu@mygovuc.gov.my"


@pytest.fixture
def aminah(caller):
    return caller("administrator", "MAMPU")


@pytest.fixture
def another(caller):
    return caller("administrator", "MAMPU", "rohana.mampu@mygovuc.gov.my")


async def test_the_second_administrator_sees_the_first_decision(aminah, another, account):
    request_id = await aminah.submit(account=account)
    first = await aminah.decide(request_id, "reject", reason="Tiada keperluan")

    for decision, reason in (("approve", None), ("reject", "Lain"), ("return", "Lain")):
        answer = await another.decide(request_id, decision, reason=reason)
        body = assert_problem(answer, "already_decided")
        assert body["decision"]["decision"] == "reject"
        assert body["decision"]["decided_by"] == first.json()["decided_by"]
        assert body["decision"]["decided_at"] == first.json()["decided_at"]


async def test_a_refusal_is_remembered_with_its_key(aminah, another, account):
    request_id = await aminah.submit(account=account)
    await aminah.decide(request_id, "reject", reason="Tiada keperluan")
    path, key = f"/v1/requests/{request_id}/decision", uuid.uuid4().hex

    first = await another.post("approval", path, {"decision": "approve"}, key=key)
    again = await another.post("approval", path, {"decision": "approve"}, key=key)

    assert_problem(first, "already_decided")
    assert assert_problem(again, "already_decided")["decision"] == first.json()["decision"]


async def test_nobody_decides_on_a_request_of_their_own(aminah, another):
    request_id = await aminah.submit(account=AMINAH)
    for decision in ("approve", "reject", "return"):
        answer = await aminah.decide(request_id, decision, reason="x", exception_reason="x")
        assert_problem(answer, "own_request")
    on_behalf = await another.decide(
        request_id, "approve", exception_reason="x", on_behalf_of=AMINAH
    )
    assert_problem(on_behalf, "own_request")


async def test_each_of_many_decisions_is_refused_by_itself(aminah, account):
    good = await aminah.submit(account=account)
    own = await aminah.submit(account=AMINAH)
    decided = await aminah.submit(account="u" + uuid.uuid4().hex + ".mampu@mygovuc.gov.my")
    await aminah.decide(decided, "reject", reason="Tiada keperluan")
    unknown = str(uuid.uuid4())
    wanted = [
        {"request_id": own, "decision": "approve"},
        {"request_id": decided, "decision": "approve"},
        {"request_id": unknown, "decision": "approve"},
        {"request_id": good, "decision": "approve"},
    ]
    answer = await aminah.post("approval", "/v1/decisions", {"items": wanted})

    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [result["request_id"] for result in results] == [own, decided, unknown, good]
    assert [result["status"] for result in results] == [403, 409, 404, 201]
    kinds = [result["problem"]["type"].rpartition(":")[2] for result in results[:3]]
    assert kinds == ["own_request", "already_decided", "not_found"]
    assert results[1]["problem"]["decision"]["decision"] == "reject"
    assert results[3]["decision"]["decision"] == "approve"


@pytest.mark.parametrize("count", [0, 501])
async def test_between_one_and_500_are_decided_at_once(aminah, count):
    items = [{"request_id": str(uuid.uuid4()), "decision": "approve"} for _ in range(count)]
    answer = await aminah.post("approval", "/v1/decisions", {"items": items})
    assert pointers(assert_problem(answer, "validation_failed")) == {"/items"}


@pytest.mark.parametrize("decision", ["reject", "return"])
@pytest.mark.parametrize("reason", [None, "", "  "])
async def test_a_no_needs_a_reason(aminah, decision, reason):
    request_id = await _waiting(aminah)
    answer = await aminah.decide(request_id, decision, reason=reason)
    assert pointers(assert_problem(answer, "validation_failed")) == {"/reason"}


async def test_warnings_are_approved_with_a_reason_only(aminah):
    account = f"tiada{uuid.uuid4().hex[:8]}.mampu@mygovuc.gov.my"
    request_id = await aminah.submit(account=account)
    body = assert_problem(await aminah.decide(request_id, "approve"), "warnings_need_reason")
    assert body["warnings"] == ["not_registered"]
    answer = await aminah.decide(request_id, "approve", exception_reason="Akaun sedang didaftarkan")
    assert answer.status_code == 201


async def test_nobody_approves_more_than_the_agency_may_give(aminah):
    request_id = await _waiting(aminah)
    more = await aminah.decide(request_id, "approve", quota_bytes=100_000_000_001)
    larger = await aminah.decide(request_id, "approve", max_file_size_bytes=2_000_000_001)
    assert pointers(assert_problem(more, "quota_exceeds_maximum")) == {"/quota_bytes"}
    assert pointers(assert_problem(larger, "validation_failed")) == {"/max_file_size_bytes"}


async def test_what_was_withdrawn_is_not_decided(caller, aminah, account):
    applicant = caller("applicant", "MAMPU", account)
    request_id = await applicant_asks(applicant, account)
    answer = await applicant.post(
        "intake", f"/v1/requests/{request_id}/withdrawal", {"reason": "Tidak perlu lagi"}
    )
    assert answer.status_code == 202
    await applicant.until(request_id, "withdrawn", "notified", "filed")

    await aminah.once_known("approval", f"/v1/requests/{request_id}")
    assert_problem(await aminah.decide(request_id, "approve"), "request_closed")
    again = await applicant.post(
        "intake", f"/v1/requests/{request_id}/withdrawal", {"reason": "Sekali lagi"}
    )
    assert_problem(again, "request_closed")


async def test_what_was_decided_is_not_withdrawn(caller, aminah, account):
    applicant = caller("applicant", "MAMPU", account)
    request_id = await applicant_asks(applicant, account)
    await aminah.once_known("approval", f"/v1/requests/{request_id}")
    await aminah.decide(request_id, "reject", reason="Tiada keperluan")
    await applicant.until(request_id, "rejected", "notified", "filed")

    answer = await applicant.post(
        "intake", f"/v1/requests/{request_id}/withdrawal", {"reason": "Lambat"}
    )
    body = assert_problem(answer, "already_decided")
    assert body["decision"]["decision"] == "reject"


async def test_a_withdrawal_says_why_and_is_the_applicants(caller, aminah, account):
    applicant = caller("applicant", "MAMPU", account)
    path = f"/v1/requests/{await applicant_asks(applicant, account)}/withdrawal"
    stranger = caller("applicant", "MAMPU", "ravi.mampu@mygovuc.gov.my")
    assert_problem(await applicant.post("intake", path, {}), "validation_failed")
    assert_problem(await stranger.post("intake", path, {"reason": "x"}), "not_found")


async def test_without_a_reason_only_what_was_returned_is_corrected_and_once(aminah, account):
    request_id = await aminah.submit(account=account)
    path, body = f"/v1/requests/{request_id}/correction", application(account)
    assert_problem(await aminah.post("intake", path, body), "request_closed")
    await aminah.decide(request_id, "return", reason="Nyatakan projek")
    await aminah.until(request_id, "returned")

    another = application("ravi.mampu@mygovuc.gov.my")
    refused = assert_problem(await aminah.post("intake", path, another), "validation_failed")
    first = await aminah.post("intake", path, body)
    second = await aminah.post("intake", path, body)

    assert pointers(refused) == {"/applicant/account"}
    assert (first.status_code, first.json()["request_id"]) == (201, request_id)
    assert_problem(second, "request_closed")


async def test_a_task_is_not_done_without_evidence_nor_by_another_agency(caller):
    faridah, aminah = caller("administrator", "JPA"), caller("administrator", "MAMPU")
    request_id = await faridah.submit(account="hassan.jpa@mygovuc.gov.my", agency="JPA")
    assert (await faridah.decide(request_id, "approve", exception_reason="Ujian")).is_success
    await faridah.until(request_id, "awaiting_operator")
    tasks = (await faridah.get("provisioning", "/v1/tasks?status=open&limit=200")).json()["items"]
    (task,) = [task for task in tasks if task["request_id"] == request_id]
    path = f"/v1/tasks/{task['task_id']}/completion"

    for evidence in ([], ...):
        body = {"note": "Siap"} | ({} if evidence is ... else {"evidence": evidence})
        answer = await faridah.post("provisioning", path, body)
        assert pointers(assert_problem(answer, "validation_failed")) == {"/evidence"}
    invented = {"evidence": ["sha256:" + "0" * 64], "note": "Siap"}
    assert_problem(await faridah.post("provisioning", path, invented), "document_unknown")
    assert_problem(await aminah.post("provisioning", path, invented), "not_found")
    claim = f"/v1/tasks/{task['task_id']}/claim"
    assert_problem(await aminah.post("provisioning", claim), "not_found")
    assert await faridah.status(request_id) == "awaiting_operator"


async def test_an_e_mail_is_not_handed_over(aminah, account):
    request_id = await aminah.submit(account=account, reply_through="email")
    path = f"/v1/requests/{request_id}/notifications"
    (notice,) = (await aminah.once_known("notification", path)).json()["items"]
    answer = await aminah.post(
        "notification", f"/v1/notifications/{notice['notification_id']}/dispatch", {}
    )
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"


async def applicant_asks(applicant, account) -> str:
    answer = await applicant.post("intake", "/v1/requests", application(account))
    assert answer.status_code == 201, answer.text
    return answer.json()["request_id"]


async def _waiting(aminah) -> str:
    """A request that nobody has decided."""
    account = f"tiada{uuid.uuid4().hex[:8]}.mampu@mygovuc.gov.my"
    return await aminah.submit(account=account)
