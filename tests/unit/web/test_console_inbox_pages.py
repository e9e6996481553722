"""The inbox in the console: what came by the office mailbox looks like what it is."""

import re
from typing import get_args

import httpx
import pytest
from console_pages import browser

from bmt.contracts.http.intake import (
    BouncedNotice,
    InboxItemInFull,
    InboxText,
    MissingField,
    ScanTold,
)
from bmt.contracts.values import Document, NotShown, NotShownReason
from web.console import wording

REQUEST = "019349f0-1c2a-7b3c-8d4e-5f60718293a4"


def item(**changes):
    values = {
        "inbox_item_id": REQUEST,
        "agency": "MAMPU",
        "status": "waiting",
        "received_at": "2026-11-28T01:00:00Z",
        "sender": "MAILER-DAEMON",
        "subject": "Undelivered",
        "document_id": "sha256:" + "0" * 64,
        "documents": (),
        "understood": {},
        "missing": (),
        "settled_by": None,
        "settled_at": None,
        "reason": None,
    }
    return InboxItemInFull(**{**values, **changes})


async def shown(one, language="ms"):
    def intake(call):
        is_text = call.url.path.endswith("/text")
        answer = InboxText(text="Salam.") if is_text else one
        return httpx.Response(200, content=answer.model_dump_json())

    page = await browser(intake).get(f"/inbox/{REQUEST}", params={"lang": language})
    assert page.status_code == 200
    return re.sub(r"\s+", " ", page.text)


@pytest.mark.parametrize(
    ("owner", "shown_as"), [({"name": "Aminah", "serving": True}, "Aminah"), (None, "aminah@x.my")]
)
async def test_who_settled_an_item_is_named_where_the_directory_knows_them(owner, shown_as):
    settled = item(status="dismissed", settled_by="aminah@x.my", reason="Iklan.")

    def intake(call):
        if "/accounts/" in call.url.path:
            told = owner and {**owner, "account": call.url.path.rpartition("/")[2]}
            return httpx.Response(200, json=told) if told else httpx.Response(502)
        answer = InboxText(text="Salam.") if call.url.path.endswith("/text") else settled
        return httpx.Response(200, content=answer.model_dump_json())

    page = (await browser(intake).get(f"/inbox/{REQUEST}")).text
    assert f"<dt>Oleh</dt><dd>{shown_as}</dd>" in page


async def test_a_scanned_paper_is_registered_for_nobody_that_it_does_not_name():
    batch = {"document_id": "sha256:" + "0" * 64, "filename": "x.pdf", "size_bytes": 1}
    scan = ScanTold(batch=Document(media_type="application/pdf", **batch), pages=(1,))
    page = await shown(item(scan=scan, sender="", handed_in_by="aminah@mampu.gov.my"))
    assert "Diimbas oleh" in page
    assert page.count("aminah@mampu.gov.my") == 1
    assert 'name="account" value=""' in page


async def test_a_bounce_says_what_to_do_and_leads_to_its_request():
    page = await shown(item(bounce=BouncedNotice(message_id="<1@x>", request_id=REQUEST)))
    assert "Makluman kami tidak sampai" in page
    assert f'href="/console/requests/{REQUEST}"' in page


async def test_what_was_set_aside_says_why_and_can_still_be_registered():
    aside = {"reason": "A machine sent it.", "reason_code": "machine_sent"}
    page = await shown(item(status="set_aside", **aside))
    assert "Sebuah mesin menghantarnya." in page
    assert "A machine sent it." not in page
    assert 'value="register"' in page


async def test_attachments_that_are_not_shown_are_named_with_the_reason():
    left = [NotShown(filename="memo.heic", reason="cannot_be_shown")]
    left += [NotShown(filename="<setup>.exe", reason="would_run")]
    page = await shown(item(not_shown=left))
    assert "Lampiran yang tidak dipaparkan" in page
    assert f"memo.heic: {wording.NOT_SHOWN['cannot_be_shown']}" in page
    assert f"&lt;setup&gt;.exe: {wording.NOT_SHOWN['would_run']}" in page
    assert "tidak dipaparkan" not in await shown(item())


def test_every_reason_that_an_attachment_is_not_shown_for_has_words():
    assert set(wording.NOT_SHOWN) == set(get_args(NotShownReason))


async def test_why_an_item_waits_is_told_in_malay_and_not_as_the_api_says_it():
    label = MissingField(
        field="kind", detail="x", code="line_missing", values={"label": "Jenis / kind"}
    )
    before = MissingField(field="kind", detail="There is no line Jenis.")
    page = await shown(item(missing=(label, before)))
    assert "<li>Tiada baris Jenis.</li></ul>" in page
    assert "There is no line" not in page
    english = await shown(item(missing=(label,)), "en")
    assert "<li>There is no line Kind.</li></ul>" in english


def listed(number, **changes):
    one = item(inbox_item_id=f"{REQUEST[:-1]}{number}", subject=f"Mesej {number}", **changes)
    return one.model_dump(mode="json")


async def page_of(current, waiting, away=False):
    def intake(call):
        if call.url.path == "/v1/inbox":
            found = {"items": waiting, "next_cursor": None}
            return httpx.Response(502) if away else httpx.Response(200, json=found)
        is_text = call.url.path.endswith("/text")
        answer = InboxText(text="Salam.") if is_text else item(**current)
        return httpx.Response(200, content=answer.model_dump_json())

    return (await browser(intake).get(f"/inbox/{current['inbox_item_id']}")).text


async def test_after_one_item_the_next_that_waits_is_linked():
    waiting = [listed(1), listed(2), listed(3)]
    second = waiting[1]["inbox_item_id"]
    page = await page_of({"inbox_item_id": second}, waiting)
    assert f'href="/console/inbox/{waiting[2]["inbox_item_id"]}">Langkau' in page
    settled = {"inbox_item_id": second, "status": "dismissed", "reason": "Iklan."}
    page = await page_of(settled, [waiting[0], waiting[2]])
    assert f'id="following" href="/console/inbox/{waiting[0]["inbox_item_id"]}"' in page
    assert "Seterusnya: Mesej 1" in page


async def test_the_next_is_of_the_same_person_and_none_that_a_colleague_has_taken():
    hamid = {"subject": "hamid", "name": "Hamid", "role": "administrator"}
    taken = {"by": hamid, "at": "2026-11-28T01:00:00Z", "until": "2026-11-29T01:00:00Z"}
    same = {"person": "kamal@x.my"}
    waiting = [listed(1, **same), listed(2, assignment=taken), listed(3), listed(4, **same)]
    current = {"inbox_item_id": waiting[0]["inbox_item_id"], **same}
    page = await page_of(current, waiting)
    assert f'href="/console/inbox/{waiting[3]["inbox_item_id"]}">Langkau' in page
    assert "Juga daripada orang yang sama" in page
    alone = await page_of({"inbox_item_id": waiting[0]["inbox_item_id"]}, waiting[1:3])
    assert f'href="/console/inbox/{waiting[2]["inbox_item_id"]}">Langkau' in alone
    assert "Juga daripada" not in alone


async def test_settling_one_item_leads_to_the_next_and_says_what_was_done():
    waiting = [listed(1), listed(2)]
    first, second = [one["inbox_item_id"] for one in waiting]

    def intake(call):
        if call.method == "POST":
            return httpx.Response(201, json={"inbox_item_id": first, "status": "dismissed"})
        if call.url.path == "/v1/inbox":
            return httpx.Response(200, json={"items": waiting, "next_cursor": None})
        if call.url.path.endswith("/text"):
            return httpx.Response(200, content=InboxText(text="Salam.").model_dump_json())
        is_first = call.url.path.endswith(first)
        one = item(inbox_item_id=first, status="dismissed", subject="Iklan") if is_first else item()
        return httpx.Response(200, content=one.model_dump_json())

    visit = browser(intake)
    answer = await visit.post(f"/inbox/{first}", data={"do": "dismiss", "reason": "Iklan."})
    assert answer.headers["location"] == f"/console/inbox/{second}?after={first}"
    page = (await visit.get(f"/inbox/{second}", params={"after": first})).text
    assert "<strong>Iklan</strong>: diketepikan." in page


@pytest.mark.parametrize("away", [False, True])
async def test_the_last_item_leads_back_to_the_inbox(away):
    page = await page_of({"inbox_item_id": REQUEST, "status": "registered"}, [], away=away)
    assert 'id="following"' not in page
    assert 'href="/console/inbox"' in page


async def test_the_inbox_shows_kinds_and_senders():
    batch = {"document_id": "sha256:" + "0" * 64, "filename": "x.pdf", "size_bytes": 1}
    scan = ScanTold(batch=Document(media_type="application/pdf", **batch), pages=(1,))
    told = [listed(1, sender="kamal@x.my"), listed(2, scan=scan, sender="")]
    told += [
        listed(4, sender="siti@x.my"),
        listed(5, sender="Kamal <kamal@x.my>", kind="termination"),
    ]
    told[0]["person"] = told[-1]["person"] = "kamal@x.my"
    told += [listed(3, bounce=BouncedNotice(message_id="<1@x>", request_id=REQUEST))]

    def intake(_):
        return httpx.Response(200, json={"items": told, "next_cursor": None})

    page = (await browser(intake).get("/inbox")).text
    for text in ("E-mel", "Imbasan", "Makluman tidak sampai", "kamal@x.my", "28 Nov"):
        assert text in page
    assert "2 daripada orang yang sama" in page
    assert page.index("Mesej 5") < page.index("Mesej 4")
    assert "E-mel, penamatan" in page
