"""Notices on paper, on real Kafka and MongoDB: prepared, read, handed over."""

from io import BytesIO

import pypdfium2
import pytest
from fixtures.problems import assert_problem, pointers
from fixtures.procedure import rejected
from fixtures.samples import received
from pypdf import PdfReader

pytestmark = pytest.mark.integration


def words(pdf: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages).split())


async def test_a_paper_waits_prepared_until_it_was_handed_over(desk):
    request = desk.request(reply_through="letter")
    event_id = await desk.wire.say(received(request))
    (prepared,) = await desk.says(request, "NotificationPrepared")
    assert prepared.data["channel"] == "letter"
    assert prepared.data["recipient"] == "Ahmad bin Daud"
    assert prepared.data["message_id"] is None
    item = await desk.item(request, "acknowledgement", "prepared")
    assert item["document_id"] == prepared.data["document_id"]
    paper = await desk.document(item, "applicant", "MAMPU", request.applicant.account)
    assert paper.headers["content-type"] == "application/pdf"
    assert paper.headers["content-disposition"].startswith("inline; filename*=UTF-8''MAMPU-2025")
    assert request.reference in words(paper.content)

    answer = await desk.post(item, "dispatch", key=event_id, body={"note": "Di kaunter"})
    again = await desk.post(item, "dispatch", key=event_id, body={"note": "Di kaunter"})
    assert answer.status_code == again.status_code == 201
    assert answer.json() == again.json()
    assert answer.json().pop("dispatched_at")
    assert answer.json() | {"dispatched_at": ""} == {
        **item,
        "status": "notified",
        "request_id": request.request_id,
        "dispatched_by": "siti",
        "dispatched_at": "",
    }
    assert (await desk.item(request, "acknowledgement", "notified")) == item | {
        "status": "notified"
    }
    _, told = await desk.says(request, "NotificationPrepared", "Notified")
    assert told.data["reason"] == "Di kaunter"
    assert told.data["handed_over_by"] == {"subject": "siti", "role": "administrator"}
    assert told.data["document_id"] == item["document_id"]
    assert desk.mail.taken[request.applicant.email] == []


async def test_a_paper_shows_a_name_of_any_script(desk):
    name = "陈喆瑢 𠮷 தமிழ் สมชาย Ali"
    request = desk.request(reply_through="memo")
    applicant = request.applicant.model_copy(update={"name": name})
    request = request.model_copy(update={"applicant": applicant})
    await desk.wire.say(received(request))
    item = await desk.item(request, "acknowledgement", "prepared")
    content = (await desk.document(item)).content
    with pypdfium2.PdfDocument(content) as document:
        assert name in document[0].get_textpage().get_text_range().replace("\r\n", " ")


async def test_a_paper_is_handed_over_once_by_its_own_agency(desk):
    request = desk.request(reply_through="letter")
    await desk.wire.say(received(request))
    item = await desk.item(request, "acknowledgement", "prepared")
    assert_problem(await desk.post(item, "dispatch", "administrator", "JPA"), "not_found")
    assert_problem(await desk.document(item, "administrator", "JPA"), "not_found")
    assert_problem(await desk.post(item, "dispatch", "operator", ""), "forbidden")
    wrong = await desk.post(item, "dispatch", body={"note": "", "to": "x"})
    assert pointers(assert_problem(wrong, "validation_failed")) == {"/note", "/to"}
    assert (await desk.post(item, "dispatch")).status_code == 201  # without a body too
    refused = await desk.post(item, "dispatch", key="twice")
    assert_problem(refused, "not_for_this_notice")
    repeated = await desk.post(item, "dispatch", key="twice")
    assert repeated.headers["Idempotent-Replayed"] == "true"
    assert_problem(await desk.post(item, "resend"), "not_for_this_notice")


async def test_the_paper_of_the_outcome_supersedes_an_acknowledgement_that_is_still_here(desk):
    request = desk.request(reply_through="letter")
    await desk.wire.say(received(request))
    item = await desk.item(request, "acknowledgement", "prepared")
    await desk.wire.say(rejected(request))
    await desk.item(request, "acknowledgement", "superseded")
    outcome = await desk.item(request, "rejected", "prepared")
    answer = await desk.get("/v1/notifications", status="prepared", limit=200)
    listed = {one["notification_id"]: one for one in answer.json()["items"]}
    assert item["notification_id"] not in listed
    assert listed[outcome["notification_id"]]["recipient"] == "Ahmad bin Daud"
    # Whoever handed it over nevertheless says so.
    assert (await desk.post(item, "dispatch")).status_code == 201
    await desk.item(request, "acknowledgement", "notified")


async def test_a_paper_is_taken_by_one_administrator_of_its_agency(desk):
    request = desk.request(reply_through="letter")
    await desk.wire.say(received(request))
    item = await desk.item(request, "acknowledgement", "prepared")
    assert_problem(await desk.post(item, "assignment", "administrator", "JPA"), "not_found")
    assert_problem(await desk.post(item, "assignment", "operator", ""), "forbidden")
    siti, hamid = [("administrator", "MAMPU", who, who.title()) for who in ("siti", "hamid")]
    taken = await desk.post(item, "assignment", *siti)
    assert taken.status_code == 201
    refused = assert_problem(await desk.post(item, "assignment", *hamid), "already_assigned")
    assert refused["assignment"] == taken.json()["assignment"]
    for who, whose, there in ((siti, "me", 1), (hamid, "me", 0), (hamid, "nobody", 0)):
        answer = await desk.get("/v1/notifications", *who, assigned=whose, limit=200)
        ids = [one["notification_id"] for one in answer.json()["items"]]
        assert ids.count(item["notification_id"]) == there


async def test_an_e_mail_is_not_handed_over(desk):
    request = await desk.acknowledged()
    item = await desk.item(request, "acknowledgement", "notified")
    assert_problem(await desk.post(item, "dispatch"), "not_for_this_notice")


async def test_where_the_agency_says_so_a_prepared_paper_counts_as_handed_over(desk):
    request = desk.request(reply_through="memo", agency="JKR")
    await desk.wire.say(received(request))
    await desk.wire.say(rejected(request))
    said = await desk.says(request, *("NotificationPrepared", "Notified") * 2)
    assert {one.data["about"] for one in said[2:]} == {"rejected"}
    assert said[-1].data["document_id"]


async def test_a_request_of_an_agency_without_rules_is_told_in_its_codes_name(desk):
    request = desk.request(reply_through="letter", agency="JAKOA")
    await desk.wire.say(received(request))
    item = await desk.item(request, "acknowledgement", "prepared")
    paper = await desk.document(item, "administrator", "JAKOA")
    assert words(paper.content).startswith("JAKOA PERKHIDMATAN BIG MAIL TRANSFER (BMT)")
