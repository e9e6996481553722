"""E-mail: a filled message is a request, any other waits whole for a person of the agency."""

import asyncio
import hashlib
import uuid

import pytest
from eventually import eventually
from fixtures.problems import assert_problem, pointers
from intake_callers import ADMINISTRATOR, FILLED, OF_JPA, OF_KPM, asked, email

from bmt.contracts import topics

pytestmark = pytest.mark.integration

ATTACHED = "Content-Disposition: attachment"
LETTER = email("Tuan, saya ingin memohon. Terima kasih.")


@pytest.fixture
def look(intake, as_):
    """`await look(id)`: an item of the inbox."""

    async def get(item_id: str = "", *who: str):
        address = f"/v1/inbox/{item_id}".rstrip("/")
        return await intake.get(address, headers=as_(*(who or ADMINISTRATOR)))

    return get


@pytest.fixture
def settle(intake, as_):
    """`await settle(id, "registration", body)`."""

    async def post(item_id: str, how: str, body: dict, *who: str):
        headers = as_(*(who or ADMINISTRATOR))
        return await intake.post(f"/v1/inbox/{item_id}/{how}", json=body, headers=headers)

    return post


def document_id(message: bytes) -> str:
    return f"sha256:{hashlib.sha256(message).hexdigest()}"


async def test_a_filled_message_is_a_request(deliver, wire):
    answer = await deliver(email())
    assert answer.status_code == 201, answer.text
    accepted = answer.json()
    assert accepted["status"] == "received"
    assert answer.headers["location"] == f"/v1/requests/{accepted['request_id']}"
    (said,) = await wire.hear(topics.REQUESTS, accepted["request_id"], "RequestReceived")
    assert said.data["email_message_id"] == "<1@mampu.gov.my>"
    assert said.data["request"]["channel"] == said.data["request"]["reply_through"] == "email"
    (kept,) = said.data["documents"]
    assert kept == {
        "document_id": document_id(email()),
        "filename": "message.eml",
        "media_type": "message/rfc822",
        "size_bytes": len(email()),
    }


async def test_attachments_of_allowed_kinds_are_documents_too(deliver, wire):
    boundary = "\r\n--x\r\n"
    parts = [
        "Content-Type: multipart/mixed; boundary=x\r\n",
        f"Content-Type: text/plain\r\n\r\n{FILLED}",
        f"Content-Type: application/pdf\r\n{ATTACHED}; filename=surat.pdf\r\n\r\n%PDF-1.7 surat",
        f"Content-Type: text/html\r\n{ATTACHED}\r\n\r\n<html></html>",
    ]
    message = ("From: siti@mampu.gov.my\r\n" + boundary.join(parts) + "\r\n--x--\r\n").encode()
    answer = await deliver(message)
    assert answer.status_code == 201, answer.text
    request_id = answer.json()["request_id"]
    (said,) = await wire.hear(topics.REQUESTS, request_id, "RequestReceived")
    assert [kept["filename"] for kept in said.data["documents"]] == ["message.eml", "surat.pdf"]
    assert said.data["email_message_id"] is None


async def test_an_item_is_taken_and_items_of_one_person_are_known_by_it(deliver, look, intake, as_):
    fields = "Jenis: Penamatan\nAkaun: Ahmad.MAMPU@mygovuc.gov.my"
    kamal = "Kamal <Kamal@Example.my>"
    items = [
        (await deliver(email(text, From=sender))).json()["inbox_item_id"]
        for text, sender in ((fields, kamal), ("Apa khabar?", kamal))
    ]
    shown = [(await look(item)).json() for item in items]
    assert [one["person"] for one in shown] == ["ahmad.mampu@mygovuc.gov.my", "kamal@example.my"]
    assert [one["kind"] for one in shown] == ["termination", None]

    async def take(*who):
        path = f"/v1/inbox/{items[0]}/assignment"
        return await intake.post(path, headers=as_(*(who or ADMINISTRATOR)))

    taken = (await take()).json()["assignment"]
    assert (await look(items[0])).json()["assignment"] == taken
    refused = await take("administrator", "MAMPU", "hamid", "Hamid")
    assert assert_problem(refused, "already_assigned")["assignment"] == taken
    assert_problem(await take(*OF_JPA), "not_found")
    for whose, expected in (("me", items[:1]), ("nobody", items[1:])):
        asked_for = {"assigned": whose, "limit": 200}
        answer = await intake.get("/v1/inbox", headers=as_(*ADMINISTRATOR), params=asked_for)
        found = [one["inbox_item_id"] for one in answer.json()["items"]]
        assert [item for item in items if item in found] == expected
    for descending in (False, True):
        asked_for = {"order": "sender", "descending": descending, "limit": 200}
        answer = await intake.get("/v1/inbox", headers=as_(*ADMINISTRATOR), params=asked_for)
        senders = [one["sender"] for one in answer.json()["items"]]
        assert senders == sorted(senders, reverse=descending)


async def test_senders_who_never_finish_keep_nobody_waiting(deliver, intake, as_):
    begun, finish = [], asyncio.Event()

    async def slowly(number: int):
        begun.append(number)
        yield LETTER[:20]
        await finish.wait()
        yield LETTER[20:]

    async def deliver_slowly(number: int):
        headers = as_(*ADMINISTRATOR) | {"Content-Type": "message/rfc822"}
        return await intake.post("/v1/emails", content=slowly(number), headers=headers)

    async with asyncio.TaskGroup() as group:
        slow = [group.create_task(deliver_slowly(number)) for number in range(6)]
        await eventually(lambda: len(begun) == 6)
        async with asyncio.timeout(10):
            assert (await deliver(LETTER)).status_code == 202
        finish.set()
    assert [task.result().status_code for task in slow] == [202] * 6


async def test_the_same_key_gives_the_same_answer(deliver):
    for message, status in ((email(), 201), (LETTER, 202)):
        first = await deliver(message, key=f"mail-{status}")
        again = await deliver(message, key=f"mail-{status}")
        assert first.status_code == again.status_code == status
        assert first.json() == again.json()
        assert again.headers["idempotent-replayed"] == "true"
    assert_problem(await deliver(email(), key="mail-202"), "idempotency_key_reused")


@pytest.mark.parametrize("text", [FILLED, "Tuan, bagaimana hendak memohon?"])
async def test_the_same_message_under_another_key_is_the_same_one(deliver, text):
    """Two servers of a gateway hand in one message, each with its own trace lines."""
    message_id = f"<{uuid.uuid4()}@mampu.gov.my>"
    one = email(text, Message_ID=message_id)
    first = await deliver(b"Received: from mx1\r\n" + one, key=f"a-{message_id}")
    copy = b"Received: from mx2\r\nX-Spam-Status: No\r\n" + one + b"\r\n"
    again = await deliver(copy, key=f"b-{message_id}")
    assert first.status_code == again.status_code
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert_problem(await deliver(one + b"PS", key=f"b-{message_id}"), "idempotency_key_reused")
    other = await deliver(one + b"PS", key=f"c-{message_id}")
    assert other.status_code == first.status_code
    assert other.json() != first.json()


async def test_who_decides_on_an_item_sees_by_name_what_is_not_shown(deliver, look):
    part = "Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename="
    boundary = "\r\n--x\r\n"
    parts = ["From: siti@mampu.gov.my\r\nContent-Type: multipart/mixed; boundary=x\r\n"]
    parts += ["Content-Type: text/plain\r\n\r\nTuan."]
    parts += [f"{part}pelan.dwg\r\n\r\nAC1032", f"{part}setup.exe\r\n\r\nMZ"]
    answer = await deliver((boundary.join(parts) + "\r\n--x--\r\n").encode())
    item = (await look(answer.json()["inbox_item_id"])).json()
    assert [one["filename"] for one in item["documents"]] == ["message.eml", "pelan.dwg"]
    assert item["not_shown"] == [
        {"filename": "pelan.dwg", "reason": "cannot_be_shown"},
        {"filename": "setup.exe", "reason": "would_run"},
    ]


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (LETTER, "message"),
        (email(FILLED.replace("Agensi: MAMPU", "Agensi: JPA")), "agency"),
        (email(FILLED.replace("Agensi: MAMPU", "Agensi: KKM")), "agency"),
        (email(FILLED + "Kuota: 200 GB\n"), "quota_bytes"),
        (email(FILLED + "Jenis: penamatan\n"), "kind"),
        (email(Auto_Submitted="auto-replied", Message_ID="<mesin@mampu.gov.my>"), "message"),
        (b"\x00\x01 no message at all", "message"),
    ],
)
async def test_any_other_message_waits_and_says_why(deliver, look, message, field):
    answer = await deliver(message)
    assert answer.status_code == 202, answer.text
    assert set(answer.json()) == {"inbox_item_id"}
    item = (await look(answer.json()["inbox_item_id"])).json()
    assert item["status"] == "waiting"
    assert item["document_id"] == document_id(message)
    assert field in {missing["field"] for missing in item["missing"]}


async def test_a_waiting_message_is_read_whole_by_its_agency_alone(deliver, intake, as_):
    item = (await deliver(LETTER)).json()["inbox_item_id"]
    address = f"/v1/inbox/{item}/documents/{document_id(LETTER)}"
    read = await intake.get(address, headers=as_(*ADMINISTRATOR))
    assert read.status_code == 200, read.text
    assert read.content == LETTER
    assert read.headers["content-type"] == "message/rfc822"
    assert read.headers["content-disposition"] == "attachment; filename*=UTF-8''message.eml"
    assert_problem(await intake.get(address, headers=as_(*OF_JPA)), "not_found")


async def test_an_item_gives_out_no_document_but_its_own(deliver, upload, intake, as_):
    other = (await upload()).json()["document_id"]
    item = (await deliver(LETTER)).json()["inbox_item_id"]
    address = f"/v1/inbox/{item}/documents/{other}"
    assert_problem(await intake.get(address, headers=as_(*ADMINISTRATOR)), "not_found")


async def test_an_item_shows_what_was_understood(deliver, look):
    text = FILLED.replace("Jenis: permohonan\n", "")
    item_id = (await deliver(email(text))).json()["inbox_item_id"]
    item = (await look(item_id)).json()
    assert item["understood"]["name"] == "Siti Nurhaliza binti Ahmad"
    assert item["sender"] == "Siti <siti.mampu@mygovuc.gov.my>"
    assert item["subject"] == "Permohonan BMT"
    assert [missing["field"] for missing in item["missing"]] == ["kind"]
    listed = (await look()).json()["items"]
    assert item_id in [each["inbox_item_id"] for each in listed]


async def test_a_person_registers_an_item_once(deliver, look, settle, wire):
    item_id = (await deliver(LETTER)).json()["inbox_item_id"]
    wrong = assert_problem(
        await settle(item_id, "registration", asked(quota_bytes=10**12)), "quota_exceeds_maximum"
    )
    assert pointers(wrong) == {"/quota_bytes"}
    answer = await settle(item_id, "registration", asked(channel=None))
    assert answer.status_code == 201, answer.text
    assert answer.json()["request_id"] == item_id
    (said,) = await wire.hear(topics.REQUESTS, item_id, "RequestReceived")
    assert said.data["request"]["channel"] == "email"
    assert said.envelope.sequence == "1"
    assert said.data["email_message_id"] == "<1@mampu.gov.my>"
    assert [kept["document_id"] for kept in said.data["documents"]] == [document_id(LETTER)]
    item = (await look(item_id)).json()
    assert (item["status"], item["settled_by"]) == ("registered", ADMINISTRATOR[2])
    assert_problem(await settle(item_id, "registration", asked()), "request_closed")
    assert_problem(await settle(item_id, "dismissal", {"reason": "x"}), "request_closed")


async def test_a_person_dismisses_an_item_and_it_stays(deliver, look, settle, intake, as_):
    letter = email("Iklan.", Message_ID="<iklan@mampu.gov.my>")
    item_id = (await deliver(letter)).json()["inbox_item_id"]
    assert_problem(await settle(item_id, "dismissal", {"reason": " "}), "validation_failed")
    answer = await settle(item_id, "dismissal", {"reason": "Bukan permohonan."})
    assert answer.status_code == 201
    assert answer.json() == {"inbox_item_id": item_id, "status": "dismissed"}
    item = (await look(item_id)).json()
    assert (item["status"], item["reason"]) == ("dismissed", "Bukan permohonan.")
    assert_problem(await settle(item_id, "registration", asked()), "request_closed")
    waiting = await intake.get("/v1/inbox?status=waiting", headers=as_(*ADMINISTRATOR))
    assert item_id not in [each["inbox_item_id"] for each in waiting.json()["items"]]
    answer = await intake.get(f"/v1/requests/{item_id}", headers=as_(*ADMINISTRATOR))
    assert_problem(answer, "not_found")


async def test_another_agencys_inbox_is_closed(deliver, look, settle):
    item_id = (await deliver(LETTER)).json()["inbox_item_id"]
    assert_problem(await look(item_id, *OF_JPA), "not_found")
    assert item_id not in [
        each["inbox_item_id"] for each in (await look("", *OF_JPA)).json()["items"]
    ]
    answer = await settle(item_id, "registration", asked(agency="JPA", channel="form"), *OF_JPA)
    assert_problem(answer, "not_found")
    assert_problem(await settle(item_id, "dismissal", {"reason": "x"}, *OF_JPA), "not_found")
    assert_problem(await look(item_id, "auditor", "MAMPU"), "forbidden")


async def test_an_agency_without_email_receives_none(deliver):
    body = assert_problem(await deliver(LETTER, who=OF_KPM), "channel_not_allowed")
    assert body["allowed"] == ["form"]


async def test_a_gateway_hands_in_mail_of_its_agency_or_of_those_that_messages_name(deliver):
    assert (await deliver(LETTER, who=("operator", "MAMPU", "gateway"))).status_code == 202
    assert (await deliver(email(), who=("operator", "", "gateway"))).status_code == 201
    assert_problem(await deliver(LETTER, who=("operator", "", "gateway")), "forbidden")
    assert_problem(await deliver(email(), who=("administrator", "XYZ")), "forbidden")
    assert_problem(await deliver(email(), who=("applicant", "MAMPU")), "forbidden")


async def test_what_is_no_message_is_refused(intake, as_, deliver):
    headers = as_(*ADMINISTRATOR) | {"Content-Type": "text/plain"}
    answer = await intake.post("/v1/emails", content=email(), headers=headers)
    assert_problem(answer, "unsupported_media_type")
    assert_problem(await deliver(b""), "validation_failed")


async def test_a_message_made_to_be_read_slowly_waits_like_any_other(deliver, intake):
    hostile = email("E-mel: " + "<mailto:" * 100_000)
    async with asyncio.timeout(20):
        delivering = asyncio.create_task(deliver(hostile))
        assert (await intake.get("/healthz")).status_code == 200
        assert (await delivering).status_code == 202
        assert (await deliver(email(Message_ID="<after@x.my>"))).status_code == 201


async def test_why_a_message_waits_is_told_in_the_language_that_is_asked_for(deliver, intake, as_):
    letter = email("Tuan, saya ingin memohon.", Message_ID="<bahasa@mampu.gov.my>")
    item = (await deliver(letter)).json()["inbox_item_id"]
    for language, word in (
        ("en", "There is no form"),
        ("en;q=0.5, ms", "Tiada borang"),
        ("fr", "Tiada borang"),
        ("", "Tiada borang"),
    ):
        headers = as_(*ADMINISTRATOR) | {"Accept-Language": language}
        answer = (await intake.get(f"/v1/inbox/{item}/text", headers=headers)).json()
        assert word in answer["reason"]
        assert "saya ingin memohon" in answer["text"]
