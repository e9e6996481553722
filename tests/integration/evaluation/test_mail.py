"""The embedded mail server keeps what it takes."""

from email import message_from_bytes, policy
from email.message import EmailMessage

import aiosmtplib
import pytest

from evaluation.mail import Mail
from evaluation.ports import HOST, any_free_port
from evaluation.supervisor import running

pytestmark = pytest.mark.integration


def message(subject):
    mail = EmailMessage()
    mail["From"], mail["To"] = "bmt@example.gov.my", "siti@example.gov.my"
    mail["Message-ID"], mail["Subject"] = "<one@bmt>", subject
    mail.set_content("Selamat pagi\n.baris bertitik\n")
    mail.add_attachment(
        b"%PDF-1.7\r\n\x00", maintype="application", subtype="pdf", filename="s.pdf"
    )
    return mail


async def test_a_message_taken_is_one_file_with_its_envelope(tmp_path):
    server = Mail(tmp_path / "mail", any_free_port())
    async with running(server.program(), tmp_path / "logs"):
        sent = message("Notis: saiz fail dinaikkan 文件")
        await aiosmtplib.send(
            sent,
            hostname=HOST,
            port=server.port,
            sender="bounce@example.gov.my",
            recipients=["siti@example.gov.my", "hidden@example.gov.my"],
        )

        (file,) = (tmp_path / "mail" / "new").iterdir()

    stored = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert stored["Subject"] == sent["Subject"]
    assert stored["Return-Path"] == "<bounce@example.gov.my>"
    assert stored.get_all("Delivered-To") == ["siti@example.gov.my", "hidden@example.gov.my"]
    assert stored.get_body().get_content().replace("\r\n", "\n") == sent.get_body().get_content()
    assert next(stored.iter_attachments()).get_content() == b"%PDF-1.7\r\n\x00"
