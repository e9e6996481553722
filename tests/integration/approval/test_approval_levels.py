"""An agency where two must approve, that names who acts for whom: over HTTP, on real Kafka and MongoDB."""

import asyncio
import uuid

import pytest
from fixtures.agencies import acting, written
from fixtures.problems import assert_problem, pointers
from fixtures.samples import APPLICANT, GB
from fixtures.thoroughness import LONG

from bmt.chassis.runtime.clock import new_id
from bmt.contracts.topics import DECISIONS
from bmt.contracts.values import Document
from services.approval.main import build
from services.approval.settings import Settings

pytestmark = pytest.mark.integration

SITI = ("administrator", "MAMPU", "siti", "Siti")
FAIZ = ("administrator", "MAMPU", "faiz", "Faiz")
ROUNDS = 15 if LONG else 4
REASONS = {"reject": ["Tidak layak."], "return": ["Borang kosong."], "exception": ["Disahkan."]}


@pytest.fixture(scope="module")
async def approval(shared, tmp_path_factory):
    rules = written(
        tmp_path_factory.mktemp("rules") / "agencies.yaml",
        approval_levels=2,
        acting=[
            acting("siti", "Pengarah ICT", since=-1, until=1),
            acting("siti", "Ketua Setiausaha", since=-9, until=-1),
            acting("faiz", "Timbalan Pengarah", until=3),
        ],
        prepared_reasons=REASONS,
    )
    async with shared.running(build, Settings, agencies_file=rules) as client:
        yield client


async def test_the_first_of_two_approvals_leaves_it_open_and_the_second_decides(office):
    request = await office.receives()
    first = await office.decide(request, "approve", *SITI, quota_bytes=5 * GB, reason="Projek.")
    assert first.status_code == 201
    body = first.json()
    assert body.pop("decided_at")
    assert body == {
        "request_id": request.request_id,
        "decision": "approve",
        "decided_by": {"subject": "siti", "name": "Siti", "role": "administrator"},
        "version": 1,
        "levels": {"given": 1, "needed": 2},
    }
    (item,) = [i for i in await office.worklist() if i["request_id"] == request.request_id]
    assert item["levels"] == {"given": 1, "needed": 2}
    assert [one["endorsed_by"]["name"] for one in item["endorsements"]] == ["Siti"]
    shown = await office.shows(request, "received")
    assert shown["decision"] is None
    assert shown["endorsements"] == item["endorsements"]

    second = await office.decide(request, "approve", *FAIZ)
    assert second.json()["version"] == 2
    assert "levels" not in second.json()
    shown = await office.shows(request, "approved")
    assert shown["decision"]["decided_by"]["subject"] == "faiz"
    assert shown["decision"]["approved"]["quota_bytes"] == 5 * GB
    _, said = await office.wire.hear(DECISIONS, request.request_id, "ReviewOpened", "Approved")
    assert said.headers["ce_sequence"] == "2"
    assert [one["endorsed_by"]["subject"] for one in said.data["endorsements"]] == ["siti"]
    assert said.data["endorsements"][0]["reason"] == "Projek."


async def test_the_same_person_gives_no_second_approval_and_a_replay_is_none(office):
    request, key = await office.receives(), uuid.uuid4().hex
    first = await office.decide(request, "approve", *SITI, key=key)
    again = await office.decide(request, "approve", *SITI, key=key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    problem = assert_problem(
        await office.decide(request, "approve", *SITI), "another_person_needed"
    )
    assert problem["status"] == 403
    assert "1 of 2" in problem["detail"]
    assert (await office.shows(request, "received"))["levels"] == {"given": 1, "needed": 2}


async def test_of_two_at_once_one_is_the_first_and_the_other_the_last(office):
    for _ in range(ROUNDS):
        request = await office.receives()
        answers = await asyncio.gather(
            office.decide(request, "approve", *SITI), office.decide(request, "approve", *FAIZ)
        )
        assert [answer.status_code for answer in answers] == [201, 201]
        bodies = [answer.json() for answer in answers]
        assert sorted("levels" in body for body in bodies) == [False, True]
        first, last = sorted(bodies, key=lambda body: "levels" not in body)
        shown = await office.shows(request, "approved")
        assert shown["decision"]["decided_by"] == last["decided_by"]
        assert [one["endorsed_by"] for one in shown["endorsements"]] == [first["decided_by"]]


async def test_an_administrator_reads_what_they_decide_by(office):
    answer = await office.client.get("/v1/agencies/own", headers=office.as_(*SITI))
    own = answer.json()
    assert own["policy_version"].startswith("MAMPU-")
    assert (own["code"], own["approval_levels"]) == ("MAMPU", 2)
    assert own["channels"]["in"] == ["email", "memo", "letter", "form"]
    assert own["prepared_reasons"] == REASONS
    assert own["acting_is_restricted"]
    assert [one["on_behalf_of"] for one in own["acting"]] == ["Pengarah ICT"]
    other = (await office.get("/v1/agencies/own", "JPA")).json()
    assert (other["approval_levels"], other["acting"], other["acting_is_restricted"]) == (
        1,
        [],
        False,
    )
    gone = office.as_("administrator", "LAMA")
    assert_problem(await office.client.get("/v1/agencies/own", headers=gone), "not_found")
    for role in ("applicant", "operator", "auditor", "integrator"):
        answer = await office.client.get("/v1/agencies/own", headers=office.as_(role))
        assert_problem(answer, "forbidden")


async def commented(office, request, text="Disemak.", *who, key="", **fields):
    request_id = request if isinstance(request, str) else request.request_id
    return await office.client.post(
        f"/v1/requests/{request_id}/comments",
        headers=office.as_(*(who or SITI), key=key),
        json={"text": text, **fields},
    )


async def test_comments_are_for_colleagues_before_and_after_the_decision(office):
    request, key = await office.receives(), uuid.uuid4().hex
    first = await commented(office, request, "Sila semak.\nSegera.", key=key)
    again = await commented(office, request, "Sila semak.\nSegera.", key=key)
    assert first.status_code == 201
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    other = await commented(office, request, "Lain.", key=key)
    assert_problem(other, "idempotency_key_reused")
    await office.decide(request, "reject", *FAIZ, reason="Tidak")
    assert (await commented(office, request, "Selesai.", *FAIZ)).status_code == 201
    shown = await office.shows(request, "rejected")
    assert [(one["by"]["subject"], one["text"]) for one in shown["comments"]] == [
        ("siti", "Sila semak.\nSegera."),
        ("faiz", "Selesai."),
    ]
    said = await office.wire.hear(DECISIONS, request.request_id, "ReviewOpened", "Rejected")
    assert all("comments" not in one.data for one in said)


async def test_the_applicant_neither_reads_nor_writes_them(office):
    request = await office.receives()
    await commented(office, request)
    own = ("administrator", "MAMPU", APPLICANT.account.upper())
    answer = await office.client.get(f"/v1/requests/{request.request_id}", headers=office.as_(*own))
    assert answer.status_code == 200
    assert "comments" not in answer.json()
    assert_problem(await commented(office, request, "x", *own), "own_request")


async def test_a_comment_takes_the_writers_documents_and_those_of_the_agencys_requests(
    office, archive
):
    request = await office.receives()
    letter = await archive.uploaded(b"surat JPA", "faridah", "JPA", "rahsia.pdf")
    memo = await archive.uploaded(b"memo", "faiz", "MAMPU")
    problems = [
        {**assert_problem(answer, "document_unknown"), "instance": ""}
        for one in (letter, memo, "sha256:" + "0" * 64)
        if (answer := await commented(office, request, documents=[one]))
    ]
    assert all(one == problems[0] for one in problems)

    await archive.uploaded(b"surat JPA", "siti", "MAMPU", "nota.pdf")
    held = Document(document_id=memo, filename="memo.pdf", media_type="text/plain", size_bytes=4)
    await archive.held(request.request_id, "MAMPU", held)
    answer = await commented(office, request, documents=[letter, memo])
    assert answer.status_code == 201, answer.text
    named = [one["filename"] for one in answer.json()["documents"]]
    assert named == ["nota.pdf", "memo.pdf"]


async def test_what_is_wrong_with_a_comment_is_named(office):
    request = await office.receives()
    unknown = "sha256:" + "f" * 64
    problem = assert_problem(
        await commented(office, request, documents=[unknown]), "document_unknown"
    )
    assert pointers(problem) == {"/documents/0"}
    for text, pointer in (("", "/text"), (" ", "/text"), ("x" * 5001, "/text"), ("a\0", "/text")):
        answer = await commented(office, request, text)
        assert pointers(assert_problem(answer, "validation_failed")) == {pointer}
    many = [f"sha256:{number:064x}" for number in range(21)]
    answer = await commented(office, request, documents=many)
    assert pointers(assert_problem(answer, "validation_failed")) == {"/documents"}
    for who in (("administrator", "JPA"), ("administrator", "")):
        assert_problem(await commented(office, request, "x", *who), "not_found")
    assert_problem(await commented(office, new_id()), "not_found")
    for role in ("applicant", "operator", "auditor", "integrator"):
        assert_problem(await commented(office, request, "x", role), "forbidden")
    bare = {"Authorization": office.as_(*SITI)["Authorization"]}
    answer = await office.client.post(
        f"/v1/requests/{request.request_id}/comments", headers=bare, json={"text": "x"}
    )
    assert_problem(answer, "idempotency_key_missing")
