"""An integrator is answered on a topic of its own and over HTTP: what became of each submission."""

import asyncio
import json
import uuid
from collections.abc import Sequence

import pytest
from eventually import eventually
from fixtures import procedure
from fixtures.samples import MONDAY
from fixtures.wire import Said
from intake_callers import (
    ADMINISTRATOR,
    APPLICANT,
    INBOUND,
    OUTBOUND,
    asked,
    submission,
    submitted_headers,
)
from typer.testing import CliRunner

from bmt.chassis.messaging.parking import PARKED, TRIES, Parked, ParkingLot, Record
from bmt.chassis.runtime.mongodb import connect
from bmt.cli.main import app
from bmt.contracts import topics
from bmt.contracts.events import ConfigurationFailed, Filed, RequestFacts
from services.intake import integrators

pytestmark = pytest.mark.integration

CHANGING_FROM = 2
"""The first two things that happen change no status."""
HRMIS = ("integrator", "", "hrmis")
ANSWERS = {
    "SubmissionAccepted": {
        "submission_id",
        "source_reference",
        "request_id",
        "reference",
        "received_at",
    },
    "SubmissionRefused": {"submission_id", "source_reference", "reason", "detail", "errors"},
    "RequestProgressed": {
        *("submission_id", "source_reference", "request_id"),
        *("reference", "status", "at", "reason"),
    },
}


@pytest.fixture
def answers(wire):
    """`await answers(submission_id, "SubmissionAccepted")`: once these are all that was answered."""

    async def hear(submission_id: str, *names: str) -> list[Said]:
        said = await wire.hear(OUTBOUND, submission_id, *names)
        for number, one in enumerate(said, start=1):
            assert one.key == one.data["submission_id"] == submission_id
            assert one.data.keys() == ANSWERS[one.name]
            assert one.envelope.source == "/bmt/intake"
            assert one.envelope.type == f"my.gov.bmt.{one.name}.v1"
            assert one.headers["content-type"] == "application/json"
            if len(names) == 1 or "SubmissionRefused" not in names:
                assert one.envelope.sequence == str(number)
        return said

    return hear


@pytest.fixture
def accepted(say, answers):
    """`await accepted(body, event_id)`: hrmis submits; what its answer says."""

    async def submit(body: dict, event_id: str) -> dict:
        await say(body, event_id)
        (answer,) = await answers(event_id, "SubmissionAccepted")
        return answer.data

    return submit


@pytest.fixture
def facts_of(wire):
    """`await facts_of(request_id)`: of a request that was received."""

    async def hear(request_id: str, *names: str) -> RequestFacts:
        said = await wire.hear(topics.REQUESTS, request_id, *(names or ("RequestReceived",)))
        assert [one.envelope.sequence for one in said] == [
            str(number) for number in range(1, len(said) + 1)
        ]
        return RequestFacts.model_validate(said[-1].data["request"])

    return hear


@pytest.fixture
def look(intake, as_):
    """`await look("/v1/submissions/…")`: what hrmis is answered."""

    async def get(path: str, *who: str, **options):
        return await intake.get(path, headers=as_(*(who or HRMIS)), **options)

    return get


@pytest.fixture
def outcome(look):
    """`await outcome(submission_id, …)`: over HTTP, once it has these values."""

    async def hear(submission_id: str, **values) -> dict:
        async def told() -> dict:
            answer = await look(f"/v1/submissions/{submission_id}")
            assert answer.status_code == 200, answer.text
            assert {name: answer.json()[name] for name in values} == values
            return answer.json()

        return await eventually(told)

    return hear


@pytest.fixture
async def lot(mongodb, shared, intake):
    """Intake's parking lot."""
    client = connect(mongodb)
    yield ParkingLot(client[f"{shared.name}_intake"][PARKED])
    client.close()


@pytest.fixture
def stumbles_over(monkeypatch):
    """The ids of submissions that intake has a defect with."""
    ids: set[str] = set()

    class Stumbling(integrators.Submit):
        def __init__(self, request_id, requested, caller, event):
            if event.id in ids:
                raise KeyError(event.id)
            super().__init__(request_id, requested, caller, event)

    monkeypatch.setattr(integrators, "Submit", Stumbling)
    return ids


@pytest.fixture
def parked(lot):
    """`await parked(event_id)`: the place of this submission, once it is parked."""

    async def wait(event_id: str) -> str:
        async def found() -> str:
            named = ("ce_id", event_id.encode())
            of_it = [each.id for each in await lot.list(100) if named in each.record.headers]
            assert len(of_it) == 1
            return of_it[0]

        return await eventually(found)

    return wait


@pytest.fixture
def discard(kafka, mongodb, shared):
    """`await discard(place)`: as an operator does."""
    environment = {
        **kafka.environment,
        "BMT_TOPIC_PREFIX": f"{shared.name}.",
        "BMT_MONGODB_URI": mongodb,
        "BMT_DATABASE_PREFIX": f"{shared.name}_",
    }

    async def give_up(place: str) -> None:
        command = ["parked", "discard", place, "--reason", "a private reason", "--by", "aida"]

        async def done() -> None:
            run = CliRunner(env=environment).invoke
            result = await asyncio.to_thread(run, app, command)
            assert result.exit_code == 0, result.stderr

        await eventually(done, 30)

    return give_up


def statuses(said: Sequence[Said]) -> list[str]:
    return [one.data["status"] for one in said if one.name == "RequestProgressed"]


async def test_a_submission_is_answered_with_its_request(accepted, facts_of, outcome):
    body, event_id = submission(), uuid.uuid4().hex
    answer = await accepted(body, event_id)
    facts = await facts_of(answer["request_id"])
    assert answer["source_reference"] == body["source_reference"]
    assert answer["reference"] == facts.reference
    told = await outcome(event_id, outcome="accepted", status="received")
    assert (told["request_id"], told["reference"]) == (facts.request_id, facts.reference)
    assert told["source_reference"] == body["source_reference"]
    assert (told["reason"], told["errors"]) == (None, [])


async def test_each_change_of_status_is_answered_once_and_in_order(
    accepted, answers, facts_of, outcome, wire
):
    event_id = uuid.uuid4().hex
    request = await facts_of((await accepted(submission(), event_id))["request_id"])
    filed = Filed(request=request, file_number="1/1", volume=1, folios=3, filed_at=MONDAY)
    failed = ConfigurationFailed(request=request, target="ipms", reason="409", retryable=True)
    happened = procedure.numbered(
        procedure.notified(request, "acknowledgement"),
        procedure.opened(request),
        procedure.approved(request),
        procedure.started(request),
        failed,
        procedure.started(request),
        procedure.configured(request),
        procedure.notified(request, "configured"),
        filed,
    )
    changes = 0
    for number, (event, sequence) in enumerate(happened):
        said = await wire.say(event, sequence=sequence, at=MONDAY)
        await wire.say(event, sequence=sequence, at=MONDAY, event_id=said)
        changes += number >= CHANGING_FROM
        await answers(event_id, "SubmissionAccepted", *["RequestProgressed"] * changes)
    said = await answers(event_id, "SubmissionAccepted", *["RequestProgressed"] * changes)
    assert statuses(said) == [
        *("approved", "configuring", "configuration_failed", "configuring"),
        *("configured", "notified", "filed"),
    ]
    for one in said[1:]:
        assert one.data["reason"] == (
            "409" if one.data["status"] == "configuration_failed" else None
        )
        assert one.data["at"].startswith("2025-11-24T01:30:00")
        assert one.data["request_id"] == one.envelope.subject == request.request_id
        assert one.data["reference"] == request.reference
        assert request.applicant.name not in json.dumps(one.data)
    await outcome(event_id, outcome="accepted", status="filed")
    assert await facts_of(request.request_id) == request


async def test_a_correction_by_hand_goes_on_being_answered(
    accepted, answers, facts_of, outcome, wire, intake, as_
):
    """Whatever channel the correction names, it stays the integrator's request."""
    event_id = uuid.uuid4().hex
    request = await facts_of((await accepted(submission(), event_id))["request_id"])
    await wire.say(procedure.returned(request), sequence=1)
    await outcome(event_id, status="returned", reason="Sila lampirkan memo.")
    address = f"/v1/requests/{request.request_id}/correction"

    async def corrected() -> None:
        body = asked(channel="memo", justification="Dengan memo.")
        answer = await intake.post(address, json=body, headers=as_(*ADMINISTRATOR))
        assert answer.status_code == 201, answer.text

    await eventually(corrected)
    await outcome(event_id, status="received", reason=None)
    corrected_facts = await facts_of(request.request_id, "RequestReceived", "RequestReceived")
    assert corrected_facts.channel == "event"
    await wire.say(procedure.rejected(corrected_facts), sequence=2)
    said = await answers(event_id, "SubmissionAccepted", *["RequestProgressed"] * 3)
    assert statuses(said) == ["returned", "received", "rejected"]
    reasons = [one.data["reason"] for one in said[1:]]
    assert reasons == ["Sila lampirkan memo.", None, "Permohonan tidak lengkap."]


async def test_a_request_that_came_another_way_is_answered_to_nobody(
    submit, facts_of, wire, accepted, look
):
    request = await facts_of((await submit()).json()["request_id"])
    await wire.say(procedure.approved(request), sequence=1)
    await accepted(submission(), uuid.uuid4().hex)

    def unanswered(said: Sequence[Said]) -> None:
        assert request.request_id not in [one.data.get("request_id") for one in said]

    await wire.hear_until(OUTBOUND, unanswered)
    assert (await look(f"/v1/submissions/{request.request_id}")).status_code == 404


@pytest.mark.parametrize(
    ("changes", "reason", "pointer"),
    [
        ({"agency": "JPA"}, "forbidden", None),
        ({"agency": "XYZ"}, "validation_failed", "/agency"),
        ({"quota_bytes": 10**12}, "quota_exceeds_maximum", "/quota_bytes"),
        ({"documents": ["sha256:" + "0" * 64]}, "document_unknown", "/documents/0"),
        ({"kind": "a-secret"}, "malformed", "/kind"),
        ({"applicant": {"account": "x", "name": "a-secret"}}, "malformed", "/applicant/email"),
    ],
)
async def test_what_is_refused_is_answered_with_the_reason_and_the_fields(
    say, answers, outcome, changes, reason, pointer
):
    body, event_id = submission() | changes, uuid.uuid4().hex
    await say(body, event_id)
    (answer,) = await answers(event_id, "SubmissionRefused")
    assert answer.data["reason"] == reason
    assert answer.data["detail"]
    assert answer.data["source_reference"] == body["source_reference"]
    assert pointer in [error["pointer"] for error in answer.data["errors"]] or not pointer
    assert "a-secret" not in json.dumps(answer.data)
    told = await outcome(event_id, outcome="refused", reason=reason)
    assert told["errors"] == answer.data["errors"]
    assert (told["request_id"], told["reference"], told["status"]) == (None, None, None)


@pytest.mark.parametrize(
    ("value", "changes"),
    [(b"{no json", {}), (b"[]", {}), (b"{}", {"ce_type": "my.gov.bmt.Approved.v1"})],
)
async def test_what_is_malformed_is_answered_under_its_id(say, answers, value, changes):
    event_id = f"hr/{uuid.uuid4().hex} 1"
    await say(value, event_id, **changes)
    (answer,) = await answers(event_id, "SubmissionRefused")
    assert answer.data["reason"] in ("malformed", "unknown_type")
    assert answer.data["source_reference"] is None


async def test_what_is_no_event_is_answered_with_its_origin(inbound, intake, wire, shared, look):
    await inbound(b"no event", {"content-type": "text/plain"})

    def answered(said: Sequence[Said]) -> Said:
        origin = f"{shared.name}.{INBOUND}:"
        found = [one for one in said if one.data["submission_id"].startswith(origin)]
        assert found
        return found[-1]

    answer = await wire.hear_until(OUTBOUND, answered)
    place = answer.data["submission_id"].rsplit(":", 2)
    assert place[1].isdigit()
    assert place[2].isdigit()
    assert (answer.name, answer.data["reason"]) == ("SubmissionRefused", "malformed")
    told = await look(f"/v1/submissions/{answer.data['submission_id']}")
    assert told.json()["outcome"] == "refused"


async def test_the_same_id_again_is_the_first_answer_and_another_body_a_refusal(
    accepted, say, answers, outcome, look
):
    body, event_id = submission(), uuid.uuid4().hex
    first = await accepted(body, event_id)
    await say(body, event_id)
    await say({**body, "justification": "Lain."}, event_id)
    said = await answers(event_id, "SubmissionAccepted", "SubmissionRefused")
    assert said[1].data["reason"] == "idempotency_key_reused"
    await outcome(event_id, outcome="accepted", request_id=first["request_id"])
    listed = await look("/v1/submissions", params={"source_reference": body["source_reference"]})
    assert [one["submission_id"] for one in listed.json()["items"]] == [event_id]


async def test_what_was_refused_and_is_sent_rightly_is_accepted(say, answers, outcome):
    event_id = uuid.uuid4().hex
    await say(submission(quota_bytes=10**12), event_id)
    await answers(event_id, "SubmissionRefused")
    await outcome(event_id, outcome="refused")
    await say(submission(), event_id)
    await answers(event_id, "SubmissionRefused", "SubmissionAccepted")
    told = await outcome(event_id, outcome="accepted", status="received")
    assert told["errors"] == []


async def test_what_an_operator_gave_up_is_answered_as_refused_and_may_be_sent_again(
    say, answers, outcome, parked, discard, stumbles_over
):
    body, event_id = submission(), uuid.uuid4().hex
    stumbles_over.add(event_id)
    await say(body, event_id)
    await discard(await parked(event_id))
    (answer,) = await answers(event_id, "SubmissionRefused")
    assert (answer.data["reason"], answer.data["errors"]) == ("discarded", [])
    assert answer.data["detail"].startswith("An operator gave this event up")
    assert answer.data["source_reference"] == body["source_reference"]
    told = json.dumps([answer.data, await outcome(event_id, outcome="refused")])
    assert "aida" not in told
    assert "a private reason" not in told
    stumbles_over.clear()
    await say(body, event_id)
    await answers(event_id, "SubmissionRefused", "SubmissionAccepted")
    await outcome(event_id, outcome="accepted", status="received")


async def test_what_was_accepted_before_an_operator_gave_it_up_is_answered_once(
    accepted, answers, discard, lot, shared
):
    """Intake accepted it and died before it left the lot."""
    body, event_id = submission(), uuid.uuid4().hex
    await accepted(body, event_id)
    raw = tuple((name, text.encode()) for name, text in submitted_headers(event_id).items())
    value = json.dumps(body).encode()
    record = Record(f"{shared.name}.{INBOUND}", 0, 7, event_id, raw, value)
    await lot.park([Parked(record, "KeyError", TRIES, None, MONDAY)])
    await discard(record.place)
    await eventually(lambda: _gone(lot, record.place))
    await accepted(submission(), uuid.uuid4().hex)
    await answers(event_id, "SubmissionAccepted")


async def _gone(lot: ParkingLot, id_: str) -> None:
    assert await lot.find(id_) is None


async def test_submissions_are_listed_in_pages_and_found_by_their_reference(
    accepted, outcome, look
):
    reference = f"HR/{uuid.uuid4().hex[:8]} 2026"
    ids = [f"urn:hr/{uuid.uuid4().hex}" for _ in range(3)]
    for event_id in ids:
        await accepted({**submission(), "source_reference": reference}, event_id)
        await outcome(event_id, outcome="accepted")
    asked_for = {"source_reference": reference, "limit": 2}
    first = (await look("/v1/submissions", params=asked_for)).json()
    rest = (
        await look("/v1/submissions", params={**asked_for, "cursor": first["next_cursor"]})
    ).json()
    assert [one["submission_id"] for one in (*first["items"], *rest["items"])] == ids[::-1]
    assert rest["next_cursor"] is None


async def test_nobody_else_reads_a_submission(accepted, outcome, look):
    event_id = uuid.uuid4().hex
    await accepted(submission(), event_id)
    await outcome(event_id, outcome="accepted")
    other = await look(f"/v1/submissions/{event_id}", "integrator", "MAMPU", "payroll")
    never = await look(f"/v1/submissions/{uuid.uuid4().hex}")
    assert (other.status_code, never.status_code) == (404, 404)
    assert other.json() | {"instance": 0} == never.json() | {"instance": 0}
    assert (await look("/v1/submissions", "integrator", "MAMPU", "payroll")).json()["items"] == []
    for who in (ADMINISTRATOR, APPLICANT, ("operator", "MAMPU", "o"), ("auditor", "", "a")):
        assert (await look(f"/v1/submissions/{event_id}", *who)).status_code == 403
