"""Who holds an event shows with `bmt.integrator`, offline, that it is on record as it was published."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from fixtures.answering import Call, answering
from fixtures.ledger_keys import new_keys
from fixtures.problems import assert_problem
from fixtures.procedure import approved, configured, notified, numbered, opened
from fixtures.samples import facts, received

from bmt.contracts import topics
from bmt.contracts.envelope import Envelope
from bmt.integrator import NoProof, Unverified, fetch_proof, proven, verify_proof
from services.records.tree.checkpoints import Signer

pytestmark = pytest.mark.integration

INTEGRATOR = ("integrator", "MAMPU", "payroll")


@pytest.fixture
async def events(once_filed, put, say, shared) -> list[Envelope]:
    """All events of a filed request, as Kafka carries them. The text of one has every kind of escape."""
    request = facts()
    form = received(request).model_copy(
        update={
            "documents": (await put(b"borang"),),
            "justification": 'Fail "besar" \\ ～ \u20ac \U0001f600 \x7f é\ttab',
        }
    )
    told = (form, opened(request), approved(request), configured(request))
    await say([*numbered(*told, notified(request, "configured"))])
    await once_filed(request)

    def of_request(said: Any) -> list[Envelope]:
        found = [one.envelope for one in said if one.key == request.request_id]
        assert found
        return found

    return [
        event
        for topic in topics.PUBLIC
        for event in await shared.wire.hear_until(topic, of_request)
    ]


@pytest.fixture
async def keys(records, as_) -> list[str]:
    return (await records.get("/v1/checkpoints/keys", headers=as_("auditor", ""))).text.splitlines()


@pytest.fixture
def proof_of(records, as_):
    async def proof_of(event_id: str, *who: str):
        headers = as_(*(who or INTEGRATOR))
        return await records.get(f"/v1/events/{event_id}/proof", headers=headers)

    return proof_of


async def test_each_event_of_a_request_is_proven_and_no_person_is_told(events, proof_of, keys):
    assert len(events) == 5
    for event in events:
        answer = await proof_of(event.id)
        assert answer.status_code == 200, answer.text
        shown = verify_proof(event, answer.content, keys)
        assert shown.sequence < shown.size
        assert shown.recorded_at <= shown.signed_at
        applicant = event.data["request"]["applicant"]
        for personal in (*applicant.values(), event.data.get("justification", "besar")):
            assert personal not in json.dumps(answer.json(), ensure_ascii=False)


async def test_asking_for_a_proof_is_no_look_into_the_file(events, proof_of, own):
    before = await own.commits.count_documents({})
    await proof_of(events[0].id)
    assert await own.commits.count_documents({}) == before


async def test_a_proof_is_for_those_whose_agency_it_is(events, proof_of):
    for who, status in (
        (("integrator", "MAMPU", "payroll"), 200),
        (("administrator", "MAMPU", "siti"), 200),
        (("auditor", ""), 200),
        (("integrator", "JPA", "payroll"), 404),
        (("integrator", "", "hrmis"), 404),
        (("administrator", "JPA"), 404),
        (("applicant", "MAMPU"), 403),
        (("operator", ""), 403),
    ):
        answer = await proof_of(events[0].id, *who)
        assert answer.status_code == status, who
        if status == 404:
            unknown = await proof_of("01a22e08-2daf-74e7-88f6-4bf745ab0877", *who)
            assert assert_problem(answer, "not_found")["detail"] == unknown.json()["detail"]


def _changed(event: Envelope, pointer: tuple[str, ...], value: Any) -> Envelope:
    data = json.loads(json.dumps(event.data))
    inner = data
    for step in pointer[:-1]:
        inner = inner[step]
    inner[pointer[-1]] = value
    return event.model_copy(update={"data": data})


EVENT_CHANGES: list[tuple[Callable[[Envelope], Envelope], str]] = [
    (lambda event: event.model_copy(update={"id": "another"}), "id is not"),
    (lambda event: event.model_copy(update={"type": "my.gov.bmt.Rejected.v1"}), "type is not"),
    (lambda event: event.model_copy(update={"sequence": "9"}), "sequence is not"),
    (lambda event: event.model_copy(update={"traceparent": "x"}), "traceparent is not"),
    (lambda event: event.model_copy(update={"time": event.time.replace(year=2020)}), "time is"),
    (
        lambda event: _changed(event, ("request", "applicant", "name"), "Siti"),
        "data/request/applicant/name is not what is on record",
    ),
    (lambda event: _changed(event, ("justification",), ["x"]), "data/justification is not"),
    (lambda event: _changed(event, ("request", "applicant"), {}), "is missing"),
    (lambda event: _changed(event, ("request", "quota_bytes"), 1), "data is not"),
    (lambda event: _changed(event, ("more",), 1), "data is not"),
]


async def test_an_event_that_was_changed_anywhere_is_not_the_recorded_one(events, proof_of, keys):
    proof = (await proof_of(events[0].id)).content
    for change, says in EVENT_CHANGES:
        with pytest.raises(Unverified, match=says) as refused:
            verify_proof(change(events[0]), proof, keys)
        assert "Siti" not in str(refused.value)


async def test_a_proof_that_was_changed_anywhere_proves_nothing(events, proof_of, keys):
    proof = (await proof_of(events[0].id)).json()
    changes: list[tuple[str, Callable[[Any], Any], str]] = [
        ("leaf", lambda leaf: leaf.replace("MAMPU", "JPA"), "not in the tree"),
        ("hashes", lambda hashes: [*hashes, "00" * 32], "ValueError|not in the tree"),
        ("hashes", lambda hashes: ["00" * 32, *hashes[1:]], "not in the tree|ValueError"),
        ("sequence", lambda sequence: sequence + 1, "not in the tree|ValueError"),
        ("sequence", lambda _: "x", "TypeError"),
        ("salts", lambda salts: dict.fromkeys(salts, "00" * 32), "not what is on record"),
        ("salts", lambda _: {}, "not what is on record"),
        ("salts", lambda _: None, "disposed of"),
        ("checkpoint", lambda note: note.replace("\nat 2", "\nat 3"), "no key that is trusted"),
        ("checkpoint", lambda _: "", "no key that is trusted"),
        ("checkpoint", lambda _: 1, "AttributeError"),
    ]
    for field, change, says in changes:
        changed = {**proof, field: change(proof[field])}
        with pytest.raises(Unverified, match=says):
            verify_proof(events[0], json.dumps(changed).encode(), keys)


@pytest.mark.parametrize("proof", [b"", b"[]", b"{}", b"{", b"null", b"[" * 100_000])
def test_what_is_no_proof_proves_nothing(proof):
    event = Envelope(id="1", source="/bmt/intake", type="x", data={})
    with pytest.raises(Unverified, match="cannot be read"):
        verify_proof(event, proof, [])


async def test_another_ledgers_keys_prove_nothing_and_none_do_not_either(events, proof_of, keys):
    proof = (await proof_of(events[0].id)).content
    name = keys[0].partition("+")[0]
    stranger = Signer.from_pem(name, new_keys()).verifiers[0]
    for trusted in ([], [str(stranger)]):
        with pytest.raises(Unverified, match="no key that is trusted"):
            verify_proof(events[0], proof, trusted)
    other = str(Signer.from_pem("other.example", new_keys()).verifiers[0])
    with pytest.raises(Unverified, match="another ledger"):
        verify_proof(events[0], proof, [*keys, other])
    with pytest.raises(ValueError, match="no Ed25519 key"):
        verify_proof(events[0], proof, ["x"])


async def test_one_call_asks_records_and_verifies(events, proof_of, keys):
    proof = (await proof_of(events[0].id)).content
    asked: list[Call] = []

    def answer(call: Call):
        asked.append(call)
        if call.path.endswith("/moved/proof"):
            return 302, {"Location": "/elsewhere"}, b""
        return (200, {}, proof) if events[0].id in call.path else (404, {}, b"{}")

    with answering(answer) as url:
        shown = await asyncio.to_thread(proven, events[0], f"{url}/", "token", keys)
        assert shown == verify_proof(events[0], proof, keys)
        assert asked[0].path == f"/v1/events/{events[0].id}/proof"
        assert asked[0].headers["authorization"] == "Bearer token"
        for name, status in (("a/b", 404), ("moved", 302)):
            with pytest.raises(NoProof, match=str(status)) as refused:
                await asyncio.to_thread(fetch_proof, name, url, "token")
            assert refused.value.status == status
    assert [call.path for call in asked[1:]] == ["/v1/events/a%2Fb/proof", "/v1/events/moved/proof"]
    with pytest.raises(NoProof, match="cannot be reached") as refused:
        await asyncio.to_thread(fetch_proof, "x", url, "token")
    assert refused.value.status == 0
    with pytest.raises(ValueError, match="https://"):
        fetch_proof("x", "file:///etc", "token")
