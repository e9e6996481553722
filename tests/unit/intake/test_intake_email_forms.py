"""Messages as people and their programs send them: which hold a filled request, and what it says."""

import time
from collections.abc import Mapping
from email.message import EmailMessage
from email.mime.base import MIMEBase
from pathlib import Path
from typing import Any

import pytest
import yaml
from submissions import CODES

from services.intake.domain.events import Missing
from services.intake.mail_process import open_mail, shown_text

MALAY = """\
Assalamualaikum dan salam sejahtera,

Jenis: permohonan
Agensi: MAMPU
Nama: Siti Nurhaliza binti Ahmad
Akaun: siti.mampu@mygovuc.gov.my
E-mel: siti.mampu@mygovuc.gov.my
Justifikasi: Menghantar lukisan kejuruteraan
kepada kontraktor.

Fail melebihi 100 MB.
Kuota: 20 GB
Saiz fail: 1.5 GB
"""


def message(text: str = "", **headers: str) -> EmailMessage:
    made = EmailMessage()
    made["From"] = "Siti <siti.mampu@mygovuc.gov.my>"
    made["Subject"] = "Permohonan BMT"
    made["Message-ID"] = "<abc.1@mampu.gov.my>"
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    if text:
        made.set_content(text)
    return made


def opened(raw):
    return open_mail(raw if isinstance(raw, bytes) else bytes(raw), CODES)


def form(raw):
    return opened(raw).form


def missing(raw) -> set[str]:
    found = form(raw)
    assert found.request is None
    return {each.field for each in found.missing}


class TestFilled:
    def test_a_justification_may_have_several_lines_and_lines_below_it(self):
        request = form(message(MALAY)).request
        assert (request.kind, request.agency, request.channel) == ("application", "MAMPU", "email")
        assert request.applicant.name == "Siti Nurhaliza binti Ahmad"
        assert request.justification == (
            "Menghantar lukisan kejuruteraan\nkepada kontraktor.\n\nFail melebihi 100 MB."
        )
        assert (request.quota_bytes, request.max_file_size_bytes) == (20 * 10**9, 15 * 10**8)

    def test_an_address_may_stand_in_brackets_behind_a_name(self):
        text = MALAY.replace("E-mel: ", "E-mel: Siti Nurhaliza <").replace(
            "gov.my\nJustifikasi", "gov.my>\nJustifikasi"
        )
        assert form(message(text)).request.applicant.email == "siti.mampu@mygovuc.gov.my"

    def test_a_termination_needs_no_sizes_and_minds_none(self):
        text = MALAY.replace("permohonan", "Penamatan").replace("20 GB", "banyak")
        request = form(message(text)).request
        assert (request.kind, request.quota_bytes) == ("termination", None)


class TestNotFilled:
    def test_a_plain_letter(self):
        text = "Tuan, saya ingin memohon perkhidmatan BMT. Terima kasih."
        (why,) = form(message(text)).missing
        assert why == Missing.of("message", "no_form")

    @pytest.mark.parametrize(
        ("line", "instead", "field"),
        [
            ("Agensi: MAMPU", "", "agency"),
            ("Agensi: MAMPU", "Agensi: KKM", "agency"),
            ("Jenis: permohonan", "Jenis: pertanyaan", "kind"),
            ("Jenis: permohonan", "Jenis: permohonan / penamatan", "kind"),
            ("Jenis: permohonan", "Jenis: permohonan\nJenis: penamatan", "kind"),
            ("Agensi: MAMPU", "Agensi: MAMPU\nAgency: ???", "agency"),
            ("Kuota: 20 GB", "Kuota: dua puluh", "quota_bytes"),
            ("Saiz fail: 1.5 GB", "Saiz fail: 0", "max_file_size_bytes"),
            ("Akaun: siti", "Akaun: siti nurhaliza ", "account"),
            ("E-mel: siti.mampu@mygovuc.gov.my", "E-mel: siti", "email"),
            ("Nama: Siti", "Nama: \N{RIGHT-TO-LEFT OVERRIDE}Siti", "name"),
        ],
    )
    def test_what_is_missing_unclear_or_there_twice_is_named(self, line, instead, field):
        assert missing(message(MALAY.replace(line, instead))) == {field}

    def test_bilingual_repetition_with_one_meaning_is_clear(self):
        text = MALAY.replace("Jenis: permohonan", "Jenis: permohonan\nKind: application")
        assert form(message(text)).request is not None

    def test_a_form_that_is_only_quoted_is_somebody_elses(self):
        quoted = "\n".join(f"> {line}" for line in MALAY.splitlines())
        (why,) = form(message(f"Sila ulas.\n\n{quoted}")).missing
        assert why == Missing.of("message", "form_quoted")

    def test_body_and_form_that_differ_are_ambiguous(self):
        made = message(MALAY)
        made.add_attachment(MALAY.replace("Siti", "Ravi"), filename="borang.txt")
        assert missing(made) == {"name"}

    @pytest.mark.parametrize(
        "header",
        [
            {"Auto_Submitted": "auto-replied"},
            {"Auto_Submitted": "auto-generated; owner=x"},
            {"Return_Path": "<>"},
            {"Precedence": "bulk"},
            {"X_Autoreply": "yes"},
        ],
    )
    def test_a_machine_submits_nothing(self, header):
        assert missing(message(MALAY, **header)) == {"message"}

    @pytest.mark.parametrize(
        "html", ["<div>" * 60_000, "<p>x</p>" * 200_000, "<p>" + "x " * 2_300_000]
    )
    def test_a_large_html_part_hides_no_complete_text(self, html):
        made = message(MALAY)
        made.add_alternative(html, subtype="html")
        assert form(made).request is not None
        alone = message()
        alone.set_content(html, subtype="html")
        (why,) = form(alone).missing
        assert why.code in ("html_too_complex", "html_too_long")


class TestNasty:
    @pytest.mark.parametrize(
        "raw",
        [
            b"\x00\xff\xfe garbage",
            b"\r\n\r\n",
            b"From: \xff\xff\r\nSubject: =?utf-8?b?////?=\r\n\r\nhi",
            b"Content-Type: multipart/mixed; boundary=\r\n\r\n--\r\n",
            b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nno end",
            b"Content-Type: text/plain; charset=klingon\r\n\r\n\xff\xfe",
            b"Content-Type: text/plain; charset=\"\x00\"\r\n\r\nhi",
            b"Content-Transfer-Encoding: base64\r\n\r\n%%%not base64%%%",
            b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA",
            b"Content-Disposition: attachment; filename*=utf-8''%ff%fe\r\n\r\nhi",
            b"From: =?=?=?\r\nTo: <<<>>>,,,;:@\r\nDate: never\r\n\r\nhi",
            b"Message-ID: <" + b"a" * 100_000 + b"@x>\r\n\r\nhi",
            b"Subject: " + b"(" * 100_000 + b"\r\n\r\nhi",
        ],
    )  # fmt: skip
    def test_a_malformed_message_is_read_as_far_as_it_goes(self, raw):
        assert form(raw).request is None

    def test_boxes_within_boxes_without_end(self):
        raw = b"".join(
            b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n)
            for n in range(3000)
        )
        assert form(raw).request is None

    def test_more_parts_than_anybody_writes(self):
        made = message("hi")
        made.make_mixed()
        for number in range(300):
            part = MIMEBase("application", "pdf")
            part.set_payload(f"%PDF-{number}")
            made.attach(part)
        assert missing(made) >= {"message"}

    def test_a_sane_message_id_is_kept_and_no_other(self):
        assert opened(message(MALAY)).message.message_id == "<abc.1@mampu.gov.my>"
        for wrong in ("abc", "<a b@c>", "<a@b", "<a@b> <c@d>", "<>", "<a@\x07>"):
            raw = bytes(message("hi")).replace(b"<abc.1@mampu.gov.my>", wrong.encode())
            assert opened(raw).message.message_id is None


TEXT = b"\r\n"
HTML = b"Content-Type: text/html\r\n\r\n"
FROM_NOBODY = b"Return-Path: <>\r\nFrom: MAILER-DAEMON@x.my\r\nSubject: failure notice\r\n\r\n"
SLOW = [
    b"a: b\r\n" * 50_000,
    b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b"--a\r\n\r\n" * 50_000,
    b"".join(
        b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (n, n) for n in range(300)
    )
    + b"\r\n" * 125_000,
    b"Subject: x\r\n" + b" y\r\n" * 50_000 + b"\r\nhi",
    TEXT + b"*" * 250_000,
    TEXT + b" " * 250_000 + b"x",
    b"\r\nJenis" + b" " * 250_000 + b"x",
    TEXT + b"Jenis/" * 37_500,
    TEXT + b"1. " * 75_000,
    HTML + b"<a " * 75_000,
    HTML + b"<!--" * 50_000,
    HTML + b"<a " + b'a="' * 75_000 + b">",
    HTML + b" " * 250_000 + b"x",
    b"Content-Type: text/html\r\n\r\n<style>"
    + b"* * *{display:none}" * 9_000
    + b"</style>"
    + b"<p>" * 9_000,
    HTML + b"<p style='color:red'>x" * 15_000,
    HTML + b"<table><tr><td>" * 5_000,
    b"In-Reply-To: <a@b>\r\n\r\n" + b"a: b@c\r\n" * 25_000,
    b"In-Reply-To: <a@b>\r\n\r\n" + b"On x\r\n" * 25_000,
    TEXT + b"From: x\r\n" * 25_000,
    TEXT + b"\xe9\xff\x81 abc\n" * 25_000,
    TEXT + b"Nama\t" * 37_500,
    TEXT + b"terima kasih " * 20_000,
    b"Content-Type: text/plain; format=flowed\r\n\r\n" + b"x \n" * 75_000,
    b"Content-Type: application/pkcs7-mime\r\n\r\n" + b"\x30\x80" * 100_000,
    *(
        TEXT + body
        for body in (
            b"E-mel: " + b"<mailto:" * 100_000,
            b"E-mel: " + b"<" * 800_000,
            b"E-mel" + b"\t" * 800_000 + b"x",
            b"E-mel" + b"*" * 800_000 + b"x",
            b"Kuota: 1" + b" 111" * 200_000,
            b"Kuota: " + b"1" * 800_000,
            b"Jenis: " + b"a/" * 400_000,
            b"Nama: x\r\n" * 80_000,
            b"-" * 800_000,
            b"begin 644 x\n" * 80_000,
            b"begin 644 x\n" + b"M" * 60 + b"\n" + (b"M" * 60 + b"\n") * 20_000,
            b"begin 644 x\n" + b" " * 1_000_000,
        )
    ),
    HTML + b"data:image/png;base64," * 45_000,
    HTML + b"data:image/png" + b";a=b" * 250_000,
    HTML + b"data:image/png;base64," + b"=" * 1_000_000,
    *(
        FROM_NOBODY + body
        for body in (
            b"a" * 1_000_000,
            b"@" * 1_000_000,
            b"a@" * 500_000,
            b"a" * 1_000_000 + b"@",
            b"<" * 1_000_000,
            b"=?utf-8?q?" * 100_000,
            b"deliver " * 125_000,
            b"tidak dapat " * 90_000,
            b"From: " + b"a" * 1_000_000,
            b"BMT-" + b"A-" * 500_000,
            b"Message-ID: " * 80_000,
            b"Your message\r\n" * 80_000,
        )
    ),
]
MOST_SECONDS = 5
"""Of the processor, as a reader has; 80,000 labelled lines take about one, twice as many twice that."""


@pytest.mark.parametrize("raw", SLOW, ids=range(len(SLOW)))
def test_nothing_takes_long_to_read(raw):
    is_report = raw.startswith(FROM_NOBODY)
    began = time.process_time()
    read = open_mail(raw, CODES, found=is_report)
    assert time.process_time() - began < MOST_SECONDS
    assert (read.form.request, read.message.report.failed) == (None, is_report)


FOLDER = Path(__file__).parents[2] / "cases" / "emails"
EXPECTED: Mapping[str, Mapping[str, Any]] = yaml.safe_load((FOLDER / "expected.yaml").read_text())
WAITING = [name for name, told in EXPECTED.items() if "waits" in told]
READ = [name for name in EXPECTED if name not in WAITING]


def content(name):
    return (FOLDER / f"{name}.eml").read_bytes()


def names(opened):
    return [one.filename for one in opened.attachments.kept]


@pytest.mark.parametrize("name", READ)
def test_what_was_meant_is_read(name):
    opened, expected = open_mail(content(name), CODES), EXPECTED[name]
    assert opened.form.request, opened.form.missing
    asked = opened.form.request.model_dump(mode="json")
    found = {
        **asked,
        **asked["applicant"],
        "documents": names(opened),
        "not_shown": {one.filename: one.reason for one in opened.attachments.not_shown},
    }
    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize("name", WAITING)
def test_what_is_not_clear_waits_with_one_reason_and_its_text(name):
    opened, expected = open_mail(content(name), CODES), EXPECTED[name]
    wanted, detail = expected["waits"]
    (missing,) = opened.form.missing
    assert missing.field == wanted
    assert detail in missing.detail
    words = expected.get("text", "")
    for each in [words] if isinstance(words, str) else words:
        assert each in shown_text(content(name))
    assert expected.get("subject", "") in (opened.message.subject or "")
    assert expected.get("documents", names(opened)) == names(opened)


def test_every_message_of_the_folder_has_its_expectation():
    assert {file.stem for file in FOLDER.glob("*.eml")} == EXPECTED.keys()
