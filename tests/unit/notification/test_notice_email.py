"""The e-mail, read back by a parser: its headers, its text, its bytes."""

from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notices import REQUEST, SENDER, outgoing

from bmt.agencies.charter import MALAYSIA
from services.notification.channels import body, message

OUTLOOK_ID = f"<SG2PR04MB{'1234567890ABCDEF' * 4}@SG2PR04MB1234.apcprd04.prod.outlook.com>"


def read(content: bytes) -> EmailMessage:
    return cast("EmailMessage", message_from_bytes(content, policy=default))


async def test_headers_say_who_writes_to_whom_about_what():
    mail = read(message(await outgoing("configured"), SENDER))
    assert mail["From"] == "Perkhidmatan BMT MAMPU <bmt@mygovuc.gov.my>"
    assert mail["To"] == "ahmad@mampu.gov.my"
    assert mail["Subject"] == (
        "[MAMPU/2025/000001] Status permohonan BMT: "
        "diluluskan dan dikonfigurasikan / approved and configured"
    )
    assert mail["Date"].datetime == datetime(2025, 11, 24, 9, 30, tzinfo=MALAYSIA)
    assert mail["Message-ID"] == "<019349f0-2222-7b3c-8d4e-5f60718293a4@mygovuc.gov.my>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "ms, en"
    assert mail["MIME-Version"] == "1.0"
    assert mail["In-Reply-To"] is None
    assert mail.defects == []


async def test_the_text_arrives_as_it_was_written():
    one = await outgoing("rejected")
    mail = read(message(one, SENDER))
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content() == body(one).replace("\n", "\r\n")


async def test_it_is_ascii_in_short_enough_lines():
    content = message(await outgoing("rejected", in_reply_to=OUTLOOK_ID), SENDER)
    assert content.isascii()
    lines = content.split(b"\r\n")
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    assert max(map(len, lines)) <= 998
    text = content.partition(b"\r\n\r\n")[2]
    assert max(map(len, text.split(b"\r\n"))) <= 78


@pytest.mark.parametrize("asked", ["<a@b.example>", "a@b.example", OUTLOOK_ID])
async def test_it_answers_in_the_thread_of_the_applicants_own_e_mail(asked):
    mail = read(message(await outgoing("acknowledgement", in_reply_to=asked), SENDER))
    wanted = asked if asked.startswith("<") else f"<{asked}>"
    assert mail["In-Reply-To"] == wanted
    assert mail["References"] == wanted
    assert mail["Auto-Submitted"] == "auto-replied"


@pytest.mark.parametrize("asked", ["", "no id", "<a@b>\r\nBcc: x@y.example", "<é@b.example>"])
async def test_what_is_no_message_id_is_not_answered(asked):
    content = message(await outgoing("acknowledgement", in_reply_to=asked), SENDER)
    mail = read(content)
    assert mail["In-Reply-To"] is None
    assert b"Bcc" not in content


async def test_a_reference_cannot_add_a_header():
    request = REQUEST.model_copy(update={"reference": "MAMPU\r\nBcc: spy@evil.example\r\n\r\nx"})
    mail = read(message(await outgoing("rejected", request), SENDER))
    assert mail["Bcc"] is None
    assert mail["Subject"].startswith("[MAMPU Bcc: spy@evil.example x] Status")


@given(name=st.text(st.characters(blacklist_categories=["C"]), min_size=1, max_size=200))
async def test_whatever_the_applicant_is_called_only_the_text_says_it(name):
    applicant = REQUEST.applicant.model_copy(update={"name": name})
    request = REQUEST.model_copy(update={"applicant": applicant})
    mail = read(message(await outgoing("acknowledgement", request), SENDER))
    assert name in mail.get_content()
    assert mail["To"] == "ahmad@mampu.gov.my"
    assert set(mail.keys()) == {
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version"),
        *("Content-Type", "Content-Transfer-Encoding", "Content-Language"),
    }
