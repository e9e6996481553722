"""The inbox in the console: what came by the office mailbox looks like what it is."""

import re
from pathlib import Path
from typing import get_args

import desks
import pytest
from services.approval.console import wording
from services.approval.console.forms import RegistrationForm
from services.approval.console.inbox import item_page
from starlette.requests import Request

from bmt.agencies import register
from bmt.contracts.http.intake import (
    BouncedNotice,
    InboxItemInFull,
    InboxText,
    MissingField,
    ScanTold,
)
from bmt.contracts.values import Document, NotShown, NotShownReason

ROOT = Path(__file__).parents[3]
AGENCIES = register.read(ROOT / "deploy" / "embedded" / "agencies.yaml")
REQUEST = "019349f0-1c2a-7b3c-8d4e-5f60718293a4"


class NoText:
    async def get(self, *_):
        return InboxText(text="Salam.")


class NoOriginals:
    async def shown(self, documents):
        return ()


@pytest.fixture
def desk():
    return desks.desk(originals=NoOriginals(), agencies=AGENCIES)


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


async def shown(desk, one, language="ms"):
    request = Request(
        {
            "type": "http",
            "method": "GET",
            "path": "/console/inbox/x",
            "query_string": f"lang={language}".encode(),
            "headers": [(b"host", b"x")],
            "session": {},
        }
    )
    desk_item = await item_page(desk, request, one, NoText(), RegistrationForm.of_item(one))
    return re.sub(r"\s+", " ", desk_item.body.decode())


async def test_a_scanned_paper_is_registered_for_nobody_that_it_does_not_name(desk):
    batch = {"document_id": "sha256:" + "0" * 64, "filename": "x.pdf", "size_bytes": 1}
    scan = ScanTold(batch=Document(media_type="application/pdf", **batch), pages=(1,))
    page = await shown(desk, item(scan=scan, sender="", handed_in_by="aminah@mampu.gov.my"))
    assert "Diimbas oleh" in page
    assert page.count("aminah@mampu.gov.my") == 1
    assert 'name="account" value=""' in page


async def test_a_bounce_says_what_to_do_and_leads_to_its_request(desk):
    page = await shown(desk, item(bounce=BouncedNotice(message_id="<1@x>", request_id=REQUEST)))
    assert "Makluman kami tidak sampai" in page
    assert f'href="/console/requests/{REQUEST}"' in page


async def test_what_was_set_aside_says_why_and_can_still_be_registered(desk):
    aside = {"reason": "A machine sent it.", "reason_code": "machine_sent"}
    page = await shown(desk, item(status="set_aside", **aside))
    assert "Sebuah mesin menghantarnya." in page
    assert "A machine sent it." not in page
    assert 'value="register"' in page


async def test_an_ordinary_message_says_neither(desk):
    page = await shown(desk, item())
    assert "Makluman kami tidak sampai" not in page
    assert "daripada mesin" not in page


async def test_why_a_message_waits_is_told_in_the_readers_language(desk):
    quoted = MissingField(field="message", detail="The form.", code="form_quoted")
    page = await shown(desk, item(missing=(quoted,)))
    assert "Mesej ini menunggu anda kerana:" in page
    assert "Borang hanya ada dalam mesej yang dipetik atau dimajukan" in page
    assert "The form." not in page
    assert "menunggu anda kerana" not in await shown(desk, item())


async def test_attachments_that_are_not_shown_are_named_with_the_reason(desk):
    left = [NotShown(filename="memo.heic", reason="cannot_be_shown")]
    left += [NotShown(filename="<setup>.exe", reason="would_run")]
    page = await shown(desk, item(not_shown=left))
    assert "Lampiran yang tidak dipaparkan" in page
    assert f"memo.heic: {wording.NOT_SHOWN['cannot_be_shown']}" in page
    assert f"&lt;setup&gt;.exe: {wording.NOT_SHOWN['would_run']}" in page
    assert "tidak dipaparkan" not in await shown(desk, item())


def test_every_reason_that_an_attachment_is_not_shown_for_has_words():
    assert set(wording.NOT_SHOWN) == set(get_args(NotShownReason))


def test_every_status_has_a_name():
    assert set(wording.INBOX) == {"waiting", "registered", "dismissed", "set_aside"}


async def test_why_an_item_waits_is_told_in_malay_and_not_as_the_api_says_it(desk):
    label = MissingField(
        field="kind", detail="x", code="line_missing", values={"label": "Jenis / kind"}
    )
    before = MissingField(field="kind", detail="There is no line Jenis.")
    page = await shown(desk, item(missing=(label, before)))
    assert "<li>Tiada baris Jenis.</li></ul>" in page
    assert "There is no line" not in page
    english = await shown(desk, item(missing=(label,)), "en")
    assert "<li>There is no line Kind.</li></ul>" in english


async def test_why_an_item_waits_names_the_field_where_its_sentence_does_not(desk):
    large = MissingField(
        field="max_file_size_bytes",
        detail="x",
        code="size_above_maximum",
        values={"maximum_bytes": 2 * 10**9},
    )
    page = await shown(desk, item(missing=(large,)))
    assert "<li>Saiz fail terbesar: Paling banyak 2 GB boleh diberikan.</li></ul>" in page
