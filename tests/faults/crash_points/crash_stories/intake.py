"""Intake: a document, a request, two e-mails, an integrator's submission, a withdrawal, a status."""

import asyncio
import json
import os
import uuid

from crash_stories import of_all
from eventually import eventually
from fixtures.procedure import approved, started
from fixtures.scanned_paper import batch_pdf, printed
from stage import INBOUND, OUTBOUND, PATIENCE, Stage

from bmt.contracts import topics
from bmt.contracts.events import RequestFacts

ADMINISTRATOR = ("administrator", "MAMPU", "aminah.mampu@mygovuc.gov.my")
FILLED = """\
From: Siti <siti.mampu@mygovuc.gov.my>
Subject: Permohonan BMT
Message-ID: <{unique}@mampu.gov.my>

Jenis: permohonan
Agensi: MAMPU
Nama: Siti Nurhaliza binti Ahmad
Akaun: {unique}@mygovuc.gov.my
E-mel: {unique}@mygovuc.gov.my
Justifikasi: Menghantar lukisan kejuruteraan.
"""
UNCLEAR = "From: a@mampu.gov.my\nSubject: BMT\nMessage-ID: <{unique}@mampu.gov.my>\n\nTolong.\n"


async def submissions(stage: Stage) -> None:
    """Each leads to one request, whatever it came by."""
    by_form, by_mail, item, by_event = await asyncio.gather(
        request_with_a_document(stage),
        mail(stage, FILLED, 201),
        mail(stage, UNCLEAR, 202),
        submitted(stage),
    )
    path = f"/v1/inbox/{item['inbox_item_id']}/registration"
    registered = await stage.call("POST", path, *ADMINISTRATOR, json=asked("email"))
    assert registered.status_code == 201, registered.text
    for request_id in (by_form, by_mail["request_id"], registered.json()["request_id"], by_event):
        await stage.incoming(topics.REQUESTS, request_id, "RequestReceived")
    path = f"/v1/requests/{by_mail['request_id']}/withdrawal"
    left = await stage.call("POST", path, *ADMINISTRATOR, json={"reason": "Tidak perlu."})
    assert left.status_code == 202, left.text
    await stage.incoming(
        topics.REQUESTS, by_mail["request_id"], "RequestReceived", "WithdrawalRequested"
    )
    (said,) = await stage.incoming(topics.REQUESTS, by_form, "RequestReceived")
    request = RequestFacts.model_validate(json.loads(said.value)["request"])
    await stage.say(approved(request), sequence=2)
    await eventually(lambda: _tells(stage, by_form, "approved"), PATIENCE)
    await followed(stage, by_event)


async def corrections(stage: Stage) -> None:
    """A correction is recorded once, whoever died on the way, and what it was before stays."""
    body = asked("memo")
    answer = await stage.call("POST", "/v1/requests", *ADMINISTRATOR, json=body)
    assert answer.status_code == 201, answer.text
    request_id = answer.json()["request_id"]
    path = f"/v1/requests/{request_id}/correction"
    corrected = {**body, "quota_bytes": 5_000_000_000, "correction_reason": "Salah taip."}
    answer = await stage.call("POST", path, *ADMINISTRATOR, json=corrected)
    assert answer.status_code == 201, answer.text
    said = await stage.incoming(topics.REQUESTS, request_id, *["RequestReceived"] * 2)
    quotas = [json.loads(one.value)["request"]["quota_bytes"] for one in said]
    assert quotas == [10_000_000_000, 5_000_000_000]


async def followed(stage: Stage, request_id: str) -> None:
    """The integrator hears of each status once, and in order."""
    (said,) = await stage.incoming(topics.REQUESTS, request_id, "RequestReceived")
    request = RequestFacts.model_validate(json.loads(said.value)["request"])
    await stage.say(approved(request), sequence=2)
    await stage.say(started(request), sequence=1)

    async def answered() -> None:
        told = {one.id: json.loads(one.value) for one in await stage.tape.of(OUTBOUND)}
        of_it = [one for one in told.values() if one.get("request_id") == request_id]
        statuses = [one.get("status", "accepted") for one in of_it]
        assert statuses in (["accepted", "approved", "configuring"], ["accepted", "configuring"])

    await eventually(answered, PATIENCE)


async def refused(stage: Stage) -> None:
    """What breaks the rules is a dead letter, and its integrator is told once for each time."""
    event_id = uuid.uuid4().hex
    places = [
        await stage.publish(INBOUND, b"{}", {"ce_id": event_id, "ce_source": "urn:hrmis"})
        for _ in range(2)
    ]
    await stage.buried(*places)
    await answered(stage, event_id, *["SubmissionRefused"] * 2)


async def answered(stage: Stage, event_id: str, *names: str) -> None:
    """Wait until these are the answers to a submission, each once."""

    async def told() -> None:
        said = {one.id: one for one in await stage.tape.of(OUTBOUND) if one.key == event_id}
        found = [one.name for one in said.values()]
        assert found == list(names), f"{event_id} was answered {found}"

    await eventually(told, PATIENCE)


async def given_up(stage: Stage) -> None:
    """What an operator gave up is refused, once, and may be submitted again."""
    event_id = uuid.uuid4().hex
    await stage.stumble(event_id)
    submitted = submission(event_id, uuid.uuid4().hex)
    place = await stage.publish(INBOUND, *submitted)
    (first, *_) = await stage.parked(1)
    await stage.gives_up(first["_id"])
    await stage.buried(place)
    await answered(stage, event_id, "SubmissionRefused")
    await stage.stumble()
    await stage.publish(INBOUND, *submitted)
    await answered(stage, event_id, "SubmissionRefused", "SubmissionAccepted")


async def scan(stage: Stage) -> None:
    """A document of several chunks is there, whole."""
    content = b"%PDF-1.7\n% " + os.urandom(600_000)
    assert await stage.documents.read(await upload(stage, content)) == content


async def papers(stage: Stage) -> None:
    """A batch of two papers is in the inbox, all of it, once."""
    content = batch_pdf([printed("application", dpi=100), printed("termination", dpi=100)], 100)
    headers = {"Content-Type": "application/pdf"}
    answer = await stage.call(
        "POST", "/v1/scans", *ADMINISTRATOR, headers=headers, content=content + os.urandom(8)
    )
    assert answer.status_code == 201, answer.text
    items = answer.json()["inbox_items"]
    assert len(items) == 2
    for item in items:
        found = await stage.call("GET", f"/v1/inbox/{item}", *ADMINISTRATOR)
        assert found.json()["status"] == "waiting", found.text


async def _tells(stage: Stage, request_id: str, status: str) -> None:
    answer = await stage.call("GET", f"/v1/requests/{request_id}", *ADMINISTRATOR)
    assert answer.json()["status"] == status, answer.text


async def upload(stage: Stage, content: bytes) -> str:
    headers = {
        "Content-Type": "application/pdf",
        "Content-Disposition": 'attachment; filename="memo.pdf"',
    }
    document = await stage.call(
        "POST", "/v1/documents", *ADMINISTRATOR, headers=headers, content=content
    )
    assert document.status_code == 201, document.text
    return document.json()["document_id"]


async def request_with_a_document(stage: Stage) -> str:
    document_id = await upload(stage, b"%PDF-1.7\n% " + uuid.uuid4().hex.encode())
    body = {**asked("memo"), "documents": [document_id]}
    answer = await stage.call("POST", "/v1/requests", *ADMINISTRATOR, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["request_id"]


async def mail(stage: Stage, text: str, status: int):
    message = text.format(unique=uuid.uuid4().hex[:12]).replace("\n", "\r\n").encode()
    headers = {"Content-Type": "message/rfc822"}
    answer = await stage.call(
        "POST", "/v1/emails", *ADMINISTRATOR, headers=headers, content=message
    )
    assert answer.status_code == status, answer.text
    return answer.json()


async def submitted(stage: Stage) -> str:
    """Said twice under one id by the integrator: one request."""
    reference = uuid.uuid4().hex
    value, headers = submission(uuid.uuid4().hex, reference)
    for _ in range(2):
        await stage.publish(INBOUND, value, headers)

    async def received() -> str:
        said = [
            one
            for one in await stage.tape.of(topics.REQUESTS)
            if one.value and json.loads(one.value).get("source_reference") == reference
        ]
        assert len({one.id for one in said}) == 1, said
        return said[0].key

    return await eventually(received, PATIENCE)


def submission(event_id: str, reference: str) -> tuple[bytes, dict[str, str]]:
    """What an integrator publishes: value and headers."""
    headers = {
        "ce_specversion": "1.0",
        "ce_id": event_id,
        "ce_source": "urn:hrmis",
        "ce_type": "my.gov.bmt.RequestSubmitted.v1",
        "ce_time": "2026-11-24T04:00:00Z",
        "content-type": "application/json",
    }
    body = {k: v for k, v in asked("memo").items() if k != "channel"}
    return json.dumps({**body, "source_reference": reference}).encode(), headers


def asked(channel: str):
    account = f"{uuid.uuid4().hex[:12]}@mygovuc.gov.my"
    return {
        "kind": "application",
        "agency": "MAMPU",
        "channel": channel,
        "applicant": {"account": account, "name": "Siti", "email": account},
        "justification": "Menghantar lukisan kejuruteraan.",
    }


STORIES = (
    submissions,
    papers,
    corrections,
    refused,
    given_up,
    scan,
    of_all.poison,
    of_all.unreadable,
    of_all.left_behind,
)
