"""Integrators submit on their own topic: checked as any request, and refused with a reason."""

import json
import uuid
from dataclasses import dataclass

import pytest
from aiokafka import AIOKafkaConsumer
from eventually import eventually
from fixtures.problems import assert_problem
from fixtures.samples import GB, facts
from fixtures.wire import Said
from intake_callers import AMINAH, INBOUND, SITI, submission

from bmt.chassis.runtime import clock
from bmt.contracts import topics
from bmt.contracts.events import TerminationProposed
from bmt.contracts.values import Officer

pytestmark = pytest.mark.integration

LIM = "lim.jpa@mygovuc.gov.my"
OF_JPA = {"account": LIM, "name": "Lim", "email": LIM}


@pytest.fixture
def received(wire):
    """`await received(reference)`: what was said of the submission with this reference."""

    async def hear(reference: str) -> Said:
        def found(said) -> Said:
            of_it = [one for one in said if one.data.get("source_reference") == reference]
            assert len({one.key for one in of_it}) == 1
            return of_it[0]

        return await wire.hear_until(topics.REQUESTS, found)

    return hear


@dataclass(frozen=True)
class Letter:
    """A dead letter, whole: what it holds may not even be an event."""

    headers: dict[str, str]
    value: bytes


@pytest.fixture
async def refused(kafka, shared):
    """`await refused(event_id)`: the one dead letter of what came with this id."""
    topic = f"{shared.name}.{topics.DEAD_LETTERS}"
    consumer = AIOKafkaConsumer(topic, auto_offset_reset="earliest", **kafka.options)
    await consumer.start()
    letters: list[Letter] = []

    async def hear(event_id: str) -> Letter:
        async def found() -> Letter:
            for records in (await consumer.getmany(timeout_ms=50)).values():
                for record in records:
                    headers = {name: raw.decode() for name, raw in record.headers}
                    letters.append(Letter(headers, record.value))
            of_it = [letter for letter in letters if letter.headers.get("ce_id") == event_id]
            assert len(of_it) == 1
            return of_it[0]

        letter = await eventually(found)
        assert letter.headers["bmt_origin_topic"] == f"{shared.name}.{INBOUND}"
        assert letter.headers["bmt_origin_partition"].isdigit()
        assert letter.headers["bmt_origin_offset"].isdigit()
        return letter

    yield hear
    await consumer.stop()


async def test_a_submission_is_a_request(say, received):
    body = submission(quota_bytes=5 * GB)
    await say(body)
    said = await received(body["source_reference"])
    request = said.data["request"]
    assert (request["channel"], request["reply_through"]) == ("event", "email")
    assert (request["quota_bytes"], request["agency"]) == (5 * GB, "MAMPU")
    assert said.data["submitted_by"] == {"subject": "hrmis", "role": "integrator"}
    assert said.data["request"]["applicant"]["account"] == SITI


@pytest.mark.parametrize(
    ("changes", "reason", "detail"),
    [
        ({"agency": "JPA"}, "forbidden", "JPA"),
        ({"agency": "XYZ"}, "validation_failed", "/agency"),
        ({"quota_bytes": 10**12}, "quota_exceeds_maximum", "/quota_bytes"),
        ({"max_file_size_bytes": 10**10}, "validation_failed", "/max_file_size_bytes"),
        ({"documents": ["sha256:" + "0" * 64]}, "document_unknown", "/documents/0"),
        ({"applicant": OF_JPA}, "account_of_other_agency", "/applicant/account"),
    ],
)
async def test_what_is_wrong_is_a_dead_letter_with_the_reason(
    say, refused, changes, reason, detail
):
    body, event_id = submission() | changes, uuid.uuid4().hex
    await say(body, event_id)
    letter = await refused(event_id)
    assert letter.headers["bmt_reason"] == reason
    assert detail in letter.headers["bmt_detail"]
    assert json.loads(letter.value) == body


async def test_an_integrator_cannot_speak_for_a_service(say, submit, intake, as_, refused):
    """Its topic says who it is, whatever the event's source says."""
    accepted = (await submit()).json()
    event_id = uuid.uuid4().hex
    forged = {
        "request": {"request_id": accepted["request_id"]},
        "file_number": "1",
    }
    await say(
        forged,
        event_id,
        ce_source="/bmt/records",
        ce_type="my.gov.bmt.Filed.v1",
        ce_subject=accepted["request_id"],
        ce_sequence="1",
    )
    assert (await refused(event_id)).headers["bmt_reason"] == "unknown_type"
    address = f"/v1/requests/{accepted['request_id']}"
    status = (await intake.get(address, headers=as_("administrator", "MAMPU", AMINAH))).json()
    assert status["status"] == "received"


async def test_an_integrators_documents_are_its_own(say, upload, received):
    document = (await upload(who=("integrator", "", "hrmis"), filename="HR.pdf")).json()
    body = submission(documents=[document["document_id"]])
    await say(body)
    assert (await received(body["source_reference"])).data["documents"] == [document]


@pytest.mark.parametrize("role", ["administrator", "service"])
async def test_a_proposed_termination_becomes_one_request_as_any_other(intake, wire, as_, role):
    """Of the officer who asked for it, with the grant's reference; the grant's own request does not move."""
    grant, ended = facts(), clock.new_id()
    proposed = TerminationProposed(
        request=grant,
        proposed_by=Officer(subject="faridah", name="Faridah", role=role),
        proposed_at=clock.now(),
        reason="Bersara.",
        termination_id=ended,
        justification="Bersara.\n\nDirektori menunjukkan bahawa akaun ini tidak aktif.",
    )
    event_id = await wire.say(proposed, sequence=4)
    await wire.say(proposed, sequence=4, event_id=event_id)

    (said,) = await wire.hear(topics.REQUESTS, ended, "RequestReceived")

    assert said.data["submitted_by"] == {"subject": "faridah", "role": role}
    assert said.data["justification"] == proposed.justification
    assert said.data["source_reference"] == grant.reference
    request = said.data["request"]
    assert (request["kind"], request["channel"]) == ("termination", "event")
    assert request["applicant"] == grant.applicant.model_dump()
    administrator = as_("administrator", "MAMPU")
    shown = await intake.get(f"/v1/requests/{ended}", headers=administrator)
    assert shown.json()["status"] == "received"
    unknown = await intake.get(f"/v1/requests/{grant.request_id}", headers=administrator)
    assert_problem(unknown, "not_found")
