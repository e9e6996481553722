"""Approval on real Kafka and MongoDB: what it hears, says and answers."""

import asyncio
import re
import uuid

import pytest
from eventually import eventually
from fixtures.problems import assert_problem, pointers
from fixtures.samples import APPLICANT, GB, facts, received, withdrawal
from fixtures.thoroughness import LONG

from bmt.chassis.runtime.clock import new_id
from bmt.contracts.topics import DECISIONS

pytestmark = pytest.mark.integration

WARNED = ("not_serving",)
ROUNDS = 20 if LONG else 5


async def test_a_request_heard_stands_on_its_agencys_worklist(office):
    request = await office.receives(warnings=WARNED)
    (item,) = [i for i in await office.worklist() if i["request_id"] == request.request_id]
    assert item == {
        "request_id": request.request_id,
        "reference": request.reference,
        "kind": "application",
        "applicant": APPLICANT.model_dump(),
        "received_at": "2025-11-24T01:30:00Z",
        "due_at": "2025-11-27T09:00:00Z",
        "warnings": ["not_serving"],
        "channel": request.channel,
        "quota_bytes": request.quota_bytes,
        "withheld": None,
    }
    assert request.request_id not in {i["request_id"] for i in await office.worklist("JPA")}


async def test_the_worklist_shows_what_is_due_first_at_the_top(office):
    for day in (3, 1, 2):
        received_at = facts().received_at.replace(month=9, day=day)
        await office.receives(agency="KPM", received_at=received_at)
    items = await office.worklist("KPM")
    due = [item["due_at"] for item in items]
    assert len(due) >= 3
    assert due == sorted(due)


async def test_a_decider_reads_the_whole_request(office):
    request = await office.receives()
    shown = await office.shows(request, "received")
    assert not {"words", "kept_from"} & set(shown)
    incoming = received(request).model_dump(mode="json")
    for name, value in incoming["request"].items():
        assert shown[name] == value
    for name in ("submitted_by", "justification", "documents", "warnings"):
        assert shown[name] == incoming[name]
    assert shown["decision"] is None
    assert [step["step"] for step in shown["history"]] == ["received"]


async def test_a_decision_is_answered_shown_and_said_with_every_header(office):
    request = facts()
    heard_id = await office.wire.say(received(request, warnings=WARNED))
    await eventually(lambda: office.shows(request, "received"))
    answer = await office.decide(
        request,
        "approve",
        quota_bytes=5 * GB,
        exception_reason="Bertukar minggu depan",
        on_behalf_of="Pengarah ICT",
    )
    assert answer.status_code == 201
    body = answer.json()
    officer = {"subject": "siti", "name": "Siti", "role": "administrator"}
    assert body == {
        "request_id": request.request_id,
        "decision": "approve",
        "decided_by": officer,
        "decided_at": body["decided_at"],
        "version": 2,
    }
    shown = await office.shows(request, "approved")
    assert shown["decision"]["approved"] == {"quota_bytes": 5 * GB, "max_file_size_bytes": GB}
    assert request.request_id not in {i["request_id"] for i in await office.worklist()}
    opened, approved = await office.wire.hear(
        DECISIONS, request.request_id, "ReviewOpened", "Approved"
    )
    assert opened.envelope.causationid == heard_id
    assert approved.envelope.causationid.startswith("cmd:")
    for sequence, said in enumerate((opened, approved), start=1):
        assert said.headers == {
            "ce_specversion": "1.0",
            "ce_id": said.envelope.id,
            "ce_source": "/bmt/approval",
            "ce_type": f"my.gov.bmt.{said.name}.v1",
            "ce_subject": request.request_id,
            "ce_time": said.headers["ce_time"],
            "ce_dataschema": f"urn:schema:my.gov.bmt.{said.name}.v1",
            "ce_sequence": str(sequence),
            "ce_correlationid": request.request_id,
            "ce_causationid": said.headers["ce_causationid"],
            "content-type": "application/json",
            "traceparent": said.headers["traceparent"],
        }
        assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", said.headers["traceparent"])
    assert approved.data == {
        "request": request.model_dump(mode="json"),
        "decided_by": officer,
        "decided_at": body["decided_at"],
        "approved": {"quota_bytes": 5 * GB, "max_file_size_bytes": GB},
        "reason": None,
        "exception_reason": "Bertukar minggu depan",
        "on_behalf_of": "Pengarah ICT",
    }


async def test_the_same_decision_again_gets_the_same_answer(office):
    request, key = await office.receives(), uuid.uuid4().hex
    first = await office.decide(request, key=key)
    again = await office.decide(request, key=key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    other = await office.decide(request, "reject", key=key, reason="Tidak")
    assert_problem(other, "idempotency_key_reused")


async def test_a_second_decision_shows_the_first_and_so_does_its_replay(office):
    request, key = await office.receives(), uuid.uuid4().hex
    first = (await office.decide(request, "reject", reason="Tidak lengkap")).json()
    second = await office.decide(request, key=key)
    again = await office.decide(request, key=key)
    problem = assert_problem(second, "already_decided")
    first.pop("request_id")
    assert problem["decision"] == {**first, "reason": "Tidak lengkap"}
    assert assert_problem(again, "already_decided")["decision"] == problem["decision"]
    assert again.headers["idempotent-replayed"] == "true"


async def test_of_two_administrators_at_once_one_decides_and_the_other_sees_it(office):
    for _ in range(ROUNDS):
        request = await office.receives()
        answers = await asyncio.gather(
            office.decide(request, "approve", "administrator", "MAMPU", "siti"),
            office.decide(request, "reject", "administrator", "MAMPU", "faiz", reason="Tidak"),
        )
        winner, loser = sorted(answers, key=lambda answer: answer.status_code)
        assert winner.status_code == 201
        decision = assert_problem(loser, "already_decided")["decision"]
        assert {**winner.json(), "reason": decision["reason"]} == {
            "request_id": request.request_id,
            **decision,
        }


async def test_of_a_withdrawal_and_an_approval_at_once_exactly_one_stands(office):
    before = await office.handled("WithdrawalRequested")
    ends = {}
    for number in range(ROUNDS):
        request = await office.receives()
        said = asyncio.create_task(office.wire.say(withdrawal(request), sequence=2))
        for _ in range(number % 5):  # now the decision is ahead, now the withdrawal
            await office.get(f"/v1/requests/{request.request_id}")
        answer = await office.decide(request)
        await said
        if answer.status_code == 201:
            ends[request.request_id] = "Approved"
        else:
            assert_problem(answer, "request_closed")
            ends[request.request_id] = "Withdrawn"

    async def all_are_handled() -> bool:
        return await office.handled("WithdrawalRequested") == before + ROUNDS

    await eventually(all_are_handled)
    for request_id, end in ends.items():
        await office.wire.hear(DECISIONS, request_id, "ReviewOpened", end)
        status = (await office.get(f"/v1/requests/{request_id}")).json()["status"]
        assert status == end.lower()


async def test_events_that_come_again_change_nothing(office):
    before = await office.handled("WithdrawalRequested")
    request, ids = facts(), (new_id(), new_id())
    for _ in range(3):
        await office.wire.say(received(request), sequence=1, event_id=ids[0])
        await office.wire.say(withdrawal(request), sequence=2, event_id=ids[1])

    async def all_are_handled() -> bool:
        return await office.handled("WithdrawalRequested") == before + 3

    await eventually(all_are_handled)
    said = await office.wire.hear(DECISIONS, request.request_id, "ReviewOpened", "Withdrawn")
    assert [one.envelope.causationid for one in said] == list(ids)
    shown = await office.shows(request, "withdrawn")
    assert [step["step"] for step in shown["history"]] == ["received", "withdrawn"]


async def test_ones_own_request_is_shown_but_not_decided(office):
    request = await office.receives()
    who = ("administrator", "MAMPU", APPLICANT.account.upper())
    path = f"/v1/requests/{request.request_id}"
    assert (await office.client.get(path, headers=office.as_(*who))).status_code == 200
    answer = await office.decide(request, "approve", *who, on_behalf_of="Pengarah")
    assert_problem(answer, "own_request")


async def test_fields_that_are_wrong_are_named(office):
    request = await office.receives(warnings=WARNED)
    assert pointers(
        assert_problem(await office.decide(request, "reject"), "validation_failed")
    ) == {"/reason"}
    unknown = await office.decide(request, "perhaps", note="?")
    assert pointers(assert_problem(unknown, "validation_failed")) == {"/decision", "/note"}
    problem = assert_problem(await office.decide(request), "warnings_need_reason")
    assert problem["warnings"] == ["not_serving"]
    problem = assert_problem(
        await office.decide(request, quota_bytes=101 * GB), "quota_exceeds_maximum"
    )
    assert problem["maximum"] == 100 * GB


async def test_a_hundred_at_once_each_by_itself(office):
    open_ = [await office.receives(kind="termination") for _ in range(6)]
    decided = await office.receives()
    await office.decide(decided, "reject", reason="Tidak")
    items = [{"request_id": r.request_id, "decision": "approve"} for r in open_[:4]]
    items += [{"request_id": r.request_id, "decision": "reject"} for r in open_[4:]]
    items += [{"request_id": decided.request_id, "decision": "approve"}]
    items += [{"request_id": new_id(), "decision": "approve"} for _ in range(93)]
    key = uuid.uuid4().hex
    answer = await office.decide_all(items, key)
    results = answer.json()["results"]
    assert answer.status_code == 200
    assert [r["request_id"] for r in results] == [item["request_id"] for item in items]
    assert [r["status"] for r in results] == [201] * 4 + [422] * 2 + [409] + [404] * 93
    assert {r["decision"]["decision"] for r in results[:4]} == {"approve"}
    assert results[6]["problem"]["decision"]["decision"] == "reject"
    assert results[4]["problem"]["errors"][0]["pointer"] == "/reason"
    again = await office.decide_all(items, key)
    assert again.json() == answer.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert_problem(await office.decide_all(items[:99], key), "idempotency_key_reused")
    for request in open_[:4]:
        await office.wire.hear(DECISIONS, request.request_id, "ReviewOpened", "Approved")


async def test_a_request_named_twice_is_refused_before_any_is_decided(office):
    request = await office.receives()
    item = {"request_id": request.request_id, "decision": "approve"}
    problem = assert_problem(await office.decide_all([item, item]), "validation_failed")
    assert pointers(problem) == {"/items/1/request_id"}
    await office.shows(request, "received")


async def test_the_agency_may_be_gone_and_the_request_is_not(office):
    request = await office.receives(agency="LAMA")
    (item,) = await office.worklist("LAMA")
    assert item["due_at"] == "2025-11-27T09:00:00Z"
    assert (await office.decide(request, "approve", "administrator", "LAMA")).status_code == 201


async def test_what_is_overdue_and_what_was_commanded_is_measured(office):
    await office.receives(agency="JPA")
    await office.decide(new_id())
    metrics = (await office.client.get("/metrics")).text
    assert 'bmt_charter_overdue_requests{agency="JPA",step="decide"} 1.0' in metrics
    assert (
        'bmt_commands_total{command="open_review",outcome="applied",service="approval"}' in metrics
    )
    assert 'bmt_commands_total{command="decide",outcome="not_found",service="approval"}' in metrics
