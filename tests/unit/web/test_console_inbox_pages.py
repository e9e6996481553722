"""The inbox in the console: what came by the office mailbox looks like what it is."""

from typing import get_args

import httpx
import pytest
from console_pages import ASSIGNED, ID, SCAN, Services, browser, inbox_item, shown

from bmt.contracts.http.intake import BouncedNotice, InboxText, MissingField
from bmt.contracts.values import NotShown, NotShownReason
from web.console import wording

BOUNCED = BouncedNotice(message_id="<1@x>", request_id=ID)
TEXT = InboxText(text="Salam.")


def item(number=0, **changes):
    """One of the inbox; those that are listed have numbers."""
    told = {"inbox_item_id": f"{ID[:-1]}{number}", "subject": f"Mesej {number}"} if number else {}
    return inbox_item(**{**told, **changes})


def intake(*items, waiting=(), **answers):
    """These are there, and `waiting` is the list of those that wait."""
    texts = {f"inbox/{one.inbox_item_id}/text": TEXT for one in items}
    whole = {f"GET inbox/{one.inbox_item_id}": one for one in items}
    listed = waiting and [one.model_dump(mode="json") for one in waiting]
    return Services({**texts, **whole, "inbox": listed, **answers})


async def page_of(one, language="ms", **answers):
    return await shown(intake(one, **answers), f"/inbox/{one.inbox_item_id}", lang=language)


@pytest.mark.parametrize(
    ("owner", "shown_as"), [({"name": "Aminah", "serving": True}, "Aminah"), (None, "aminah@x.my")]
)
async def test_who_settled_an_item_is_named_where_the_directory_knows_them(owner, shown_as):
    def directory(call):
        told = owner and {**owner, "account": call.url.path.rpartition("/")[2]}
        return told or httpx.Response(502)

    settled = item(status="dismissed", settled_by="aminah@x.my", reason="Iklan.")
    page = await page_of(settled, **{"accounts/aminah@x.my": directory})
    assert f"<dt>Oleh</dt><dd>{shown_as}</dd>" in page


LINE = MissingField(field="kind", detail="x", code="line_missing", values={"label": "Jenis / kind"})
OF_BEFORE = MissingField(field="kind", detail="There is no line Jenis.")
LEFT = [
    NotShown(filename="memo.heic", reason="cannot_be_shown"),
    NotShown(filename="<setup>.exe", reason="would_run"),
]


@pytest.mark.parametrize(
    ("changes", "there", "absent"),
    [
        (
            {"scan": SCAN, "sender": "", "handed_in_by": "aminah@mampu.gov.my"},
            ["Diimbas oleh", "aminah@mampu.gov.my", 'name="account" value=""'],
            ['value="aminah@mampu.gov.my"'],
        ),
        (
            {"bounce": BOUNCED},
            ["Makluman kami tidak sampai", f'href="/console/requests/{ID}"'],
            [],
        ),
        (
            {"status": "set_aside", "reason": "A machine.", "reason_code": "machine_sent"},
            ["Sebuah mesin menghantarnya.", 'value="register"'],
            ["A machine."],
        ),
        (
            {"not_shown": LEFT},
            [
                "Lampiran yang tidak dipaparkan",
                f"memo.heic: {wording.NOT_SHOWN['cannot_be_shown']}",
                f"&lt;setup&gt;.exe: {wording.NOT_SHOWN['would_run']}",
            ],
            [],
        ),
        ({}, [], ["tidak dipaparkan"]),
        (
            {"missing": (LINE, OF_BEFORE)},
            ["<li>Tiada baris Jenis.</li></ul>"],
            ["There is no line"],
        ),
    ],
    ids=["a scan", "a bounce", "set aside", "attachments left out", "all shown", "why it waits"],
)
async def test_an_item_says_what_it_is_and_what_to_do(changes, there, absent):
    page = await page_of(item(**changes))
    assert [text for text in there if text not in page] == []
    assert [text for text in absent if text in page] == []


async def test_why_an_item_waits_is_told_in_the_visitors_language():
    assert "<li>There is no line Kind.</li></ul>" in await page_of(item(missing=(LINE,)), "en")


def test_every_reason_that_an_attachment_is_not_shown_for_has_words():
    assert set(wording.NOT_SHOWN) == set(get_args(NotShownReason))


FIRST, SECOND, THIRD, FOURTH = (item(number) for number in range(1, 5))


def skips_to(one):
    return f'href="/console/inbox/{one.inbox_item_id}">Langkau'


async def test_after_one_item_the_next_that_waits_is_linked():
    page = await page_of(SECOND, waiting=[FIRST, SECOND, THIRD])
    assert skips_to(THIRD) in page
    settled = item(2, status="dismissed", reason="Iklan.")
    page = await page_of(settled, waiting=[FIRST, THIRD])
    assert f'id="following" href="/console/inbox/{FIRST.inbox_item_id}"' in page
    assert "Seterusnya: Mesej 1" in page


async def test_the_next_is_of_the_same_person_and_none_that_a_colleague_has_taken():
    same = {"person": "kamal@x.my"}
    mine, taken, also_mine = item(1, **same), item(2, assignment=ASSIGNED), item(4, **same)
    page = await page_of(mine, waiting=[mine, taken, THIRD, also_mine])
    assert skips_to(also_mine) in page
    assert "Juga daripada orang yang sama" in page
    alone = await page_of(FIRST, waiting=[taken, THIRD])
    assert skips_to(THIRD) in alone
    assert "Juga daripada" not in alone


async def test_settling_one_item_leads_to_the_next_and_says_what_was_done():
    done = item(1, status="dismissed", subject="Iklan")
    here, after = done.inbox_item_id, SECOND.inbox_item_id
    told = httpx.Response(201, json={"inbox_item_id": here, "status": "dismissed"})
    services = intake(
        done, SECOND, waiting=[FIRST, SECOND], **{f"POST inbox/{here}/dismissal": told}
    )
    visit = browser(services)
    answer = await visit.post(f"/inbox/{here}", data={"do": "dismiss", "reason": "Iklan."})
    assert answer.headers["location"] == f"/console/inbox/{after}?after={here}"
    page = (await visit.get(f"/inbox/{after}", params={"after": here})).text
    assert "<strong>Iklan</strong>: diketepikan." in page


@pytest.mark.parametrize("waiting", [(), httpx.Response(502)], ids=["none", "nobody knows"])
async def test_the_last_item_leads_back_to_the_inbox(waiting):
    page = await page_of(item(status="registered"), inbox=waiting)
    assert 'id="following"' not in page
    assert 'href="/console/inbox"' in page


async def test_the_inbox_shows_kinds_and_senders_and_one_persons_items_together():
    kamal = {"person": "kamal@x.my"}
    waiting = [
        item(1, sender="kamal@x.my", **kamal),
        item(2, scan=SCAN, sender=""),
        item(4, sender="siti@x.my"),
        item(5, sender="Kamal <kamal@x.my>", kind="termination", **kamal),
        item(3, bounce=BOUNCED),
    ]
    page = await shown(intake(waiting=waiting), "/inbox")
    for text in ("E-mel", "Imbasan", "Makluman tidak sampai", "kamal@x.my", "28 Nov"):
        assert text in page
    assert "2 daripada orang yang sama" in page
    assert page.index("Mesej 5") < page.index("Mesej 4")
    assert "E-mel, penamatan" in page
