"""Notices by e-mail, on real Kafka and MongoDB, to a real SMTP server."""

import asyncio
import hashlib
from functools import partial

import pytest
from eventually import eventually
from fixtures.problems import assert_problem
from fixtures.procedure import approved, configured, rejected, returned, started, withdrawn
from fixtures.samples import received

from bmt.chassis.runtime.clock import new_id
from bmt.contracts import topics
from bmt.contracts.events import ConfigurationFailed
from services.notification import channels

pytestmark = pytest.mark.integration

TOLD = ("NotificationPrepared", "Notified")
EXPLAINED = partial(configured, approval_reason="Cukup bagi projek ini.")


async def test_a_request_is_acknowledged_by_an_e_mail_that_is_said_listed_and_kept(desk):
    request = desk.request()
    event_id = await desk.wire.say(received(request))
    (mail,) = await desk.mails(request, 1)
    prepared, told = await desk.says(request, *TOLD)
    assert mail["Message-ID"] == f"<{event_id}@mygovuc.gov.my>"
    assert "telah diterima pada 24 November 2025" in mail.get_content()
    for said in (prepared, told):
        assert said.data["request"] == request.model_dump(mode="json")
        assert said.data["about"] == "acknowledgement"
        assert said.data["channel"] == "email"
        assert said.data["recipient"] == request.applicant.email
        assert said.data["message_id"] == mail["Message-ID"]
        assert said.data["notification_id"] == event_id
        assert said.data["reason"] is None
        assert said.headers["ce_source"] == "/bmt/notification"
    assert [prepared.headers["ce_sequence"], told.headers["ce_sequence"]] == ["1", "2"]
    item = await desk.item(request, "acknowledgement", "notified")
    assert item == {
        "notification_id": event_id,
        "about": "acknowledgement",
        "channel": "email",
        "status": "notified",
        "document_id": prepared.data["document_id"],
    }
    kept = await desk.document(item)
    assert kept.headers["content-type"] == "message/rfc822"
    assert f"sha256:{hashlib.sha256(kept.content).hexdigest()}" == item["document_id"]
    assert kept.content == desk.mail.raw[request.applicant.email][0]
    assert desk.mail.senders == {"bmt@mygovuc.gov.my"}


@pytest.mark.parametrize(
    ("event", "kind", "about", "words"),
    [
        (rejected, "application", "rejected", "Permohonan tidak lengkap."),
        (withdrawn, "application", "withdrawn", "telah ditarik balik"),
        (configured, "application", "configured", "10 GB (10,000,000,000 bait)"),
        (EXPLAINED, "application", "configured", "Cukup bagi projek ini."),
        (EXPLAINED, "termination", "terminated", "Cukup bagi projek ini."),
        (configured, "termination", "terminated", "telah ditamatkan"),
    ],
)
async def test_each_outcome_arrives_once_after_the_acknowledgement(desk, event, kind, about, words):
    request = await desk.acknowledged(kind=kind)
    await desk.wire.say(approved(request))
    await desk.wire.say(started(request))
    event_id = await desk.wire.say(event(request))
    _, outcome = await desk.mails(request, 2)
    assert words in outcome.get_content()
    assert outcome["Message-ID"] == f"<{event_id}@mygovuc.gov.my>"
    said = await desk.says(request, *TOLD, *TOLD)
    assert [one.data["about"] for one in said] == ["acknowledgement"] * 2 + [about] * 2


async def test_an_applicant_is_told_of_a_delay_and_then_of_the_outcome(desk):
    request = await desk.acknowledged()
    place = f"/v1/requests/{request.request_id}/notifications"
    reason = {"reason": "Portal IPMS sedang\u2028diselenggara."}
    early = await desk.send("POST", place, reason, key="early")
    assert_problem(early, "request_closed")
    await desk.wire.say(approved(request))
    await desk.wire.say(started(request))
    await desk.wire.say(
        ConfigurationFailed(request=request, target="ipms", reason="503", retryable=True)
    )

    async def accepted():
        key = new_id()  # a refusal is the answer to its key for ever
        answer = await desk.send("POST", place, reason, key=key)
        assert answer.status_code == 202, answer.text
        return key, answer

    key, told = await eventually(accepted)
    again = await desk.send("POST", place, reason, key=key)
    assert (told.json(), again.json()["about"]) == (again.json(), "approved")
    mail = (await desk.mails(request, 2))[-1].get_content()
    for words in ("telah diluluskan", "takes longer than usual", "Portal IPMS sedang"):
        assert words in mail
    elsewhere = await desk.send("POST", place, reason, "administrator", "JPA")
    assert_problem(elsewhere, "not_found")
    blank = await desk.send("POST", place, {"reason": " "})
    assert_problem(blank, "validation_failed")
    await desk.wire.say(configured(request))
    assert "boleh digunakan" in (await desk.mails(request, 3))[-1].get_content()
    late = await desk.send("POST", place, reason, key="late")
    assert_problem(late, "request_closed")


async def test_events_heard_again_send_nothing_more(desk):
    request = desk.request()
    first, second = await desk.wire.say(received(request)), new_id()
    await desk.item(request, "acknowledgement", "notified")
    await desk.wire.say(rejected(request), event_id=second)
    await desk.mails(request, 2)
    await desk.wire.say(received(request), event_id=first)
    await desk.wire.say(rejected(request), event_id=second)
    later = await desk.acknowledged(request_id=new_id(), applicant=request.applicant)
    assert later.request_id != request.request_id
    assert len(await desk.mails(request, 3)) == 3
    await desk.says(request, *TOLD, *TOLD)


async def test_notices_answer_in_the_thread_of_the_e_mail_that_the_request_came_by(desk):
    request = desk.request(channel="email")
    asked = "<20261124091200.siti@mygovuc.gov.my>"
    await desk.wire.say(received(request, email_message_id=asked))
    await desk.wire.say(rejected(request))
    mails = await desk.mails(request, 2)
    assert [mail["In-Reply-To"] for mail in mails] == [asked, asked]
    assert [mail["Auto-Submitted"] for mail in mails] == ["auto-replied", "auto-generated"]


async def test_while_the_mail_server_is_down_messages_wait_prepared_in_their_order(desk):
    away = 'bmt_connector_calls_total{connector="smtp",operation="send",outcome="away"}'
    request = desk.request()
    before = await desk.metric(away)
    await desk.mail.stop()
    try:
        await desk.wire.say(received(request))
        await desk.wire.say(rejected(request))
        await desk.item(request, "acknowledgement", "prepared")
        await desk.item(request, "rejected", "prepared")

        async def tried() -> None:
            assert await desk.metric(away) > before

        await eventually(tried)
    finally:
        await desk.mail.start()
    first, second = await desk.mails(request, 2)
    assert "diterima" in first["Subject"]
    assert "ditolak" in second["Subject"]


async def test_a_message_that_is_put_off_is_sent_later(desk):
    request = desk.request()
    desk.mail.data_answers[request.applicant.email] = ["451 4.3.0 try later"]
    await desk.wire.say(received(request))
    await desk.mails(request, 1)
    await desk.says(request, *TOLD)
    put_off = 'bmt_connector_calls_total{connector="smtp",operation="send",outcome="put_off"}'
    assert await desk.metric(put_off) >= 1


async def test_a_message_that_is_refused_has_failed_and_can_be_sent_once_more(desk):
    request = desk.request()
    desk.mail.rcpt_answers[request.applicant.email] = ["550 5.1.1 no such user"]
    await desk.wire.say(received(request))
    _, failed = await desk.says(request, "NotificationPrepared", "NotificationFailed")
    assert failed.data["reason"] == "550 5.1.1 no such user"
    item = await desk.item(request, "acknowledgement", "failed")
    answer = await desk.post(item, "resend", "operator", "")
    assert answer.status_code == 202
    await desk.mails(request, 1)
    await desk.says(request, "NotificationPrepared", "NotificationFailed", "Notified")


async def test_a_connection_that_breaks_after_the_message_was_taken_sends_the_same_again(desk):
    request = desk.request()
    desk.mail.breaks_off.add(request.applicant.email)
    await desk.wire.say(received(request))
    await desk.mails(request, 2)
    first, second = desk.mail.raw[request.applicant.email]
    assert first == second
    await desk.says(request, *TOLD)


async def test_an_e_mail_that_arrived_is_sent_once_more_as_it_was(desk):
    request = await desk.acknowledged()
    item = await desk.item(request, "acknowledgement", "notified")
    first = await desk.post(item, "resend", key="once")
    again = await desk.post(item, "resend", key="once")
    assert first.status_code == again.status_code == 202
    assert first.json() == again.json()
    assert first.json() == {
        "request_id": request.request_id,
        "notification_id": item["notification_id"],
    }
    assert again.headers["Idempotent-Replayed"] == "true"
    await desk.mails(request, 2)
    await desk.item(request, "acknowledgement", "notified")
    copies = desk.mail.raw[request.applicant.email]
    assert copies[0] == copies[1]
    await desk.says(request, *TOLD)


async def test_notices_come_in_pages(desk):
    request = await desk.acknowledged()
    for _ in range(2):
        await desk.wire.say(returned(request))
    await desk.wire.say(rejected(request))
    await desk.mails(request, 4)
    seen, cursor = [], None
    while True:
        params = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = (await desk.listed(request, **params)).json()
        seen += [item["about"] for item in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == ["acknowledgement", "returned", "returned", "rejected"]


async def test_an_outcome_that_is_not_told_in_time_shows_as_overdue(desk):
    request = await desk.acknowledged(agency="KPM")
    line = 'bmt_charter_overdue_requests{agency="KPM",step="notify"}'
    assert await desk.metric(line) == 0
    refusal = "550 5.1.1 no such user"
    desk.mail.rcpt_answers[request.applicant.email] = [refusal]
    await desk.wire.say(rejected(request), at=request.received_at)
    item = await desk.item(request, "rejected", "failed")
    assert await desk.metric(line) == 1
    await desk.post(item, "resend", "administrator", "KPM")
    await desk.item(request, "rejected", "notified")
    assert await desk.metric(line) == 0


async def test_nothing_heard_was_a_dead_letter(desk):
    await desk.acknowledged()
    assert await desk.wire.hear_until(topics.DEAD_LETTERS, list) == []


async def test_who_is_meant_is_told_too_where_the_request_names_another_address(desk):
    known = f"benar{new_id()[-12:]}@mampu.gov.my"
    request = desk.request(directory_email=known)
    await desk.wire.say(received(request))
    await desk.item(request, "acknowledgement", "notified")
    await desk.wire.say(rejected(request))
    for mail in await desk.mails(request, 2):
        assert mail["To"] == f"{request.applicant.email}, {known}"
    assert desk.mail.raw[known] == desk.mail.raw[request.applicant.email]
    said = await desk.says(request, *TOLD, *TOLD)
    assert {one.data["recipient"] for one in said} == {request.applicant.email}


async def test_an_e_mail_is_due_and_prepared_in_one_commit_and_told_in_the_next(desk, stream_of):
    request = await desk.acknowledged()
    await desk.wire.say(rejected(request))
    await desk.item(request, "rejected", "notified")
    told = [["NoticeDue", "NotificationPrepared"], ["Notified"]]
    assert await stream_of(request) == [*told, *told]
    prepared, _, outcome, _ = await desk.says(request, *TOLD, *TOLD)
    assert prepared.headers["ce_causationid"] != outcome.headers["ce_causationid"]
    assert outcome.headers["ce_causationid"] == outcome.data["notification_id"]


async def test_an_e_mail_that_cannot_be_made_at_first_is_told_all_the_same(
    desk, stream_of, monkeypatch
):
    request, other, made = desk.request(), desk.request(), channels.message
    failures = iter([True, True])

    def message(outgoing, sender):
        if outgoing.request.request_id == request.request_id and next(failures, False):
            raise ValueError("a header must not hold a linefeed")
        return made(outgoing, sender)

    monkeypatch.setattr(channels, "message", message)
    await desk.wire.say(received(request))
    await desk.wire.say(received(other))
    await desk.item(other, "acknowledgement", "notified")
    await desk.item(request, "acknowledgement", "notified")
    await desk.says(request, *TOLD)
    assert await stream_of(request) == [["NoticeDue"], ["NotificationPrepared"], ["Notified"]]


async def test_an_outcome_behind_an_e_mail_that_could_not_be_made_comes_after_it(
    desk, stream_of, monkeypatch
):
    request, made = desk.request(), channels.message
    mended = asyncio.Event()

    def message(outgoing, sender):
        if outgoing.notice.about == "acknowledgement" and not mended.is_set():
            raise ValueError("a header must not hold a linefeed")
        return made(outgoing, sender)

    monkeypatch.setattr(channels, "message", message)
    await desk.wire.say(received(request))
    await desk.item(request, "acknowledgement", "due")
    await desk.wire.say(rejected(request))
    await desk.item(request, "rejected", "due")
    mended.set()
    said = await desk.says(request, *TOLD, *TOLD)
    prepared = [one.data["about"] for one in said if one.name == "NotificationPrepared"]
    assert prepared == ["acknowledgement", "rejected"]
    assert (await stream_of(request))[:2] == [["NoticeDue"], ["NoticeDue"]]
