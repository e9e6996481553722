"""A document is what its content shows, and nothing that a machine would run; every attachment is accounted for by name."""

import base64
import binascii
import io
import struct
import zipfile
from email.message import EmailMessage

import pytest
from submissions import CODES

from services.intake.channels.media_types import (
    DOCX,
    EMAIL,
    JPEG,
    ODT,
    PDF,
    PNG,
    TEXT,
    TIFF,
    XLSX,
    FilenameWrong,
    filename_of,
    recognise,
)
from services.intake.mail_process import open_mail


def package(*names: str, **contents: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as parts:
        for name, content in contents.items():
            parts.writestr(name, content)
        for name in names:
            parts.writestr(name, "<x/>")
    return file.getvalue()


WORD = ("[Content_Types].xml", "word/document.xml")
ODF = {"mimetype": ODT}
MAIL = b"Received: by mx\r\nFrom: siti@mampu.gov.my\r\nSubject: BMT\r\n\r\nSalam"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%PDF-1.7\n%...", PDF),
        (b"\n%PDF-1.7\n%...", PDF),
        (b"\xef\xbb\xbf\r\n \t%PDF-1.7\n%...", PDF),
        (b"\0" * 512 + b"%PDF-1.7\n%...", PDF),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", PNG),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", JPEG),
        (b"II*\x00\x08\x00\x00\x00", TIFF),
        (b"MM\x00*\x00\x00\x00\x08", TIFF),
        (package(*WORD), DOCX),
        (package("[Content_Types].xml", "xl/workbook.xml"), XLSX),
        (package("content.xml", **ODF), ODT),
        ("Salam — “petikan”\tdan baris\r\n".encode(), TEXT),
        (b"\xef\xbb\xbfdengan BOM", TEXT),
        (MAIL, EMAIL),
        ("ä".encode() * 1_500_000, TEXT),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else value,
)
def test_allowed_kinds_are_told_by_their_content(content, kind):
    file = io.BytesIO(content)
    assert recognise(file, kind) == kind
    assert file.read() == content


@pytest.mark.parametrize(
    ("content", "declared"),
    [
        (b"MZ\x90\x00\x03\x00", TEXT),
        (b"\x7fELF\x02\x01", TEXT),
        (b"#!/bin/sh\nrm -rf /", TEXT),
        (b"  \n<!DOCTYPE html><html>", TEXT),
        (b"\xef\xbb\xbf<SCRIPT>alert(1)</SCRIPT>", TEXT),
        (b"<?xml version='1.0'?><svg onload='x'/>", TEXT),
        (b"<html>From: a\n\n</html>", EMAIL),
        (b"\xff\xfeU\x00T\x00F\x001\x006\x00", TEXT),
        ("séance".encode("latin-1"), TEXT),
        (b"a\x00b", TEXT),
        (b"ends in the middle of \xe2\x82", TEXT),
        (b"just words, no header", EMAIL),
        (b"\r\nFrom: a@b\r\n\r\nx", EMAIL),
        (b"\x00PDF-", PDF),
        (b"\x00junk %PDF-1.7", PDF),
        (b"PK\x03\x04 no archive", DOCX),
        (package("a.txt"), DOCX),
        (package(*WORD, "word/vbaProject.bin"), DOCX),
        (package(*WORD, "word/activeX/activeX1.bin"), DOCX),
        (package("Basic/script-lb.xml", **ODF), ODT),
        (package("content.xml", mimetype="application/vnd.oasis.opendocument.spreadsheet"), ODT),
        (package("word/document.xml"), DOCX),
        (package("META-INF/MANIFEST.MF", "Main.class"), DOCX),
        (b"a" * 3_000_000 + b"\x00", TEXT),
        (package(*WORD, *(f"word/{number}.xml" for number in range(10_001))), DOCX),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else value,
)
def test_all_others_are_none(content, declared):
    assert recognise(io.BytesIO(content), declared) is None


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        (None, "document.pdf"),
        ("", "document.pdf"),
        ("attachment", "document.pdf"),
        ("attachment; filename=memo.pdf", "memo.pdf"),
        ('attachment; filename="surat rasmi.pdf"', "surat rasmi.pdf"),
        (r'attachment; filename="a\"b.pdf"', 'a"b.pdf'),
        ('attachment; FileName = "memo.pdf" ; size=3', "memo.pdf"),
        ("attachment; filename*=UTF-8''na%C3%AFf%20%E2%82%AC.pdf", "naïf €.pdf"),
        ("attachment; filename*=utf-8'ms'borang.pdf", "borang.pdf"),
        ("attachment; filename*=iso-8859-1''na%EFf.pdf", "naïf.pdf"),
        ("attachment; filename=\"plain.pdf\"; filename*=UTF-8''better.pdf", "better.pdf"),
        ("attachment; filename*=UTF-8''better.pdf; filename=plain.pdf", "better.pdf"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        (r'attachment; filename="C:\\Users\\siti\\memo.pdf"', "memo.pdf"),
        ("attachment; filename*=UTF-8''..%2F..%2Fmemo.pdf", "memo.pdf"),
        ('attachment; filename="naïf.pdf"'.encode().decode("latin-1"), "naïf.pdf"),
        ('attachment; filename="naïf.pdf"', "naïf.pdf"),
        ("attachment; filename=borang permohonan.pdf", "borang permohonan.pdf"),
        ("attachment; filename=borang permohonan.pdf ; size=3", "borang permohonan.pdf"),
        ('attachment; filename="=?UTF-8?B?c3VyYXQg4oCTIGFraGlyLnBkZg==?="', "surat – akhir.pdf"),
        ('attachment; filename="=?klingon?B?AAAA?="', "=?klingon?B?AAAA?="),
    ],
)
def test_names_are_read_as_they_are_meant(disposition, name):
    assert filename_of(disposition, "document.pdf") == name


@pytest.mark.parametrize(
    "disposition",
    [
        'attachment; filename=""',
        'attachment; filename=".."',
        'attachment; filename="memo\x00.pdf"',
        "attachment; filename*=UTF-8''memo%0A.pdf",
        "attachment; filename*=UTF-8''%ff%fe.pdf",
        "attachment; filename*=UTF-8''memo%E2%80%AEfdp.exe",
        f'attachment; filename="{"a" * 201}"',
    ],
)
def test_what_is_no_name_is_refused(disposition):
    with pytest.raises(FilenameWrong):
        filename_of(disposition, "document.pdf")


LETTER = b"%PDF-1.7\n% memo"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500)
HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1" + bytes(100)


def accounted(raw: bytes):
    """Kept by name and type; and the others by name and reason."""
    found = open_mail(raw, CODES).attachments
    kept = {each.filename: each.media_type for each in found.kept}
    return kept, {each.filename: each.reason for each in found.not_shown}


def holding(*files: tuple[str, str, bytes]) -> bytes:
    message = EmailMessage()
    message["From"] = "siti.mampu@mygovuc.gov.my"
    message.set_content("Salam")
    for filename, kind, content in files:
        main, sub = kind.split("/")
        message.add_attachment(content, maintype=main, subtype=sub, filename=filename)
    return bytes(message)


@pytest.mark.parametrize(
    ("filename", "declared", "content", "media_type"),
    [
        ("memo.heic", "image/heic", HEIC, "image/heic"),
        ("lampiran.zip", "application/zip", package("a.pdf"), "application/zip"),
        ("memo.doc", "application/msword", OLE, "application/msword"),
        ("senarai.xls", "application/octet-stream", OLE, "application/vnd.ms-excel"),
        ("taklimat.pptx", "application/zip", package("ppt/presentation.xml"), None),
        ("pelan.dwg", "image/vnd.dwg", b"AC1032" + bytes(40), "application/octet-stream"),
        ("memo.rtf", "text/rtf", b"{\\rtf1 memo}", "application/rtf"),
        ("gambar.webp", "image/webp", b"RIFF\x10\x00\x00\x00WEBPVP8 ", "image/webp"),
        ("jemputan.ics", "text/calendar", b"BEGIN:VCALENDAR\r\n", "text/calendar"),
        ("senarai.csv", "text/csv", b"a,b\r\n1,2\r\n", "text/csv"),
        ("lampiran.rar", "application/octet-stream", b"Rar!\x1a\x07\x01\x00", None),
    ],
)
def test_what_cannot_be_shown_is_kept_as_evidence_and_said_so(
    filename, declared, content, media_type
):
    kept, not_shown = accounted(holding((filename, declared, content)))
    assert not_shown == {filename: "cannot_be_shown"}
    assert media_type in (None, kept[filename])


@pytest.mark.parametrize(
    ("filename", "content"),
    [
        ("setup.exe", b"MZ\x90\x00"),
        ("memo.pdf", b"MZ\x90\x00"),
        ("memo.html", b"<html></html>"),
        ("logo.svg", b"<svg/>"),
        ("makro.xlsm", package("[Content_Types].xml", "xl/vbaProject.bin")),
        ("memo.docm", package("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin")),
        ("program.zip", package("META-INF/MANIFEST.MF", "a.class")),
        ("skrip.vbs", b"MsgBox 1"),
        ("pintasan.lnk", b"L\x00\x00\x00\x01\x14\x02\x00"),
        ("memo\N{RIGHT-TO-LEFT OVERRIDE}fdp.js", b"alert(1)"),
    ],
)
def test_what_a_machine_would_run_stays_in_the_message_and_is_named(filename, content):
    kept, not_shown = accounted(holding((filename, "application/octet-stream", content)))
    assert kept == {}
    assert list(not_shown.values()) == ["would_run"]
    assert next(iter(not_shown)).isprintable()


def test_what_is_one_too_many_is_named():
    files = [(f"{number}.pdf", "application/pdf", LETTER) for number in range(52)]
    kept, not_shown = accounted(holding(*files))
    assert len(kept) == 50
    assert not_shown == {"50.pdf": "too_many", "51.pdf": "too_many"}


@pytest.mark.parametrize(
    "before", [b"\n", b"\r\n\r\n", b"  \t", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n"]
)
def test_a_pdf_behind_blanks_is_a_pdf(before):
    kept, not_shown = accounted(holding(("imbasan.pdf", "application/pdf", before + LETTER)))
    assert (kept, not_shown) == ({"imbasan.pdf": "application/pdf"}, {})


@pytest.mark.parametrize(
    ("filename", "shown"),
    [
        ("memo\N{RIGHT-TO-LEFT OVERRIDE}fdp.exe", "memofdp.exe.pdf"),
        ("me\N{ZERO WIDTH SPACE}mo.pdf", "memo.pdf"),
        ("a" * 300 + ".pdf", "a" * 180 + "….pdf"),
        ("..", "attachment-1.pdf"),
        ("../../etc/memo.pdf", "memo.pdf"),
        ("C:\\memo.pdf", "memo.pdf"),
        ("办公用品预约Apply.pdf", "办公用品预约Apply.pdf"),
    ],
)
def test_a_name_is_kept_as_far_as_it_is_safe(filename, shown):
    kept, _ = accounted(holding((filename, "application/pdf", LETTER)))
    assert list(kept) == [shown]


def uuencoded(name: bytes, content: bytes) -> bytes:
    lines = [binascii.b2a_uu(content[at : at + 45]) for at in range(0, len(content), 45)]
    return b"begin 644 " + name + b"\n" + b"".join(lines) + b"`\nend\n"


def test_a_uuencoded_file_without_its_last_line_is_one_too():
    text = uuencoded(b"pelan.pdf", LETTER).replace(b"`\n", b"")
    opened = open_mail(b"From: siti@mampu.gov.my\n\nTuan.\n" + text, CODES)
    assert [one.content for one in opened.attachments.kept] == [LETTER]


def test_what_only_looks_uuencoded_stays_in_the_text():
    text = b"Justifikasi: Mula.\nbegin 644 bahagian\nTidak dikod.\nend\n"
    opened = open_mail(b"From: siti@mampu.gov.my\n\n" + text, CODES)
    assert "begin 644" in opened.form.understood["justification"]
    assert opened.attachments.kept == ()


def attribute(level: int, name: int, kind: int, data: bytes) -> bytes:
    """One attribute of a TNEF stream (MS-OXTNEF 2.1.3.2)."""
    head = struct.pack("<BHHI", level, name, kind, len(data))
    return head + data + struct.pack("<H", sum(data) & 0xFFFF)


def winmail(text: bytes, **files: bytes) -> bytes:
    stream = struct.pack("<IH", 0x223E9F78, 1)
    stream += attribute(1, 0x9006, 8, struct.pack("<I", 0x10000))
    stream += attribute(1, 0x9007, 6, struct.pack("<II", 1252, 0))
    stream += attribute(1, 0x800C, 2, text + b"\0") if text else b""
    for name, content in files.items():
        stream += attribute(2, 0x9002, 6, bytes(14))
        stream += attribute(2, 0x8010, 1, name.replace("_", ".").encode("cp1252") + b"\0")
        stream += attribute(2, 0x800F, 6, content)
    return stream


def test_the_text_of_a_winmail_dat_is_the_messages_where_it_has_no_other():
    tnef = winmail(b"Jenis: permohonan\r\nAgensi: MAMPU\r\n")
    head = b"From: siti@mampu.gov.my\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\n"
    opened = open_mail(
        head + b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(tnef), CODES
    )
    assert opened.form.understood == {"kind": "permohonan", "agency": "MAMPU"}


@pytest.mark.parametrize(
    "broken",
    [
        b"no TNEF",
        winmail(b"", memo_pdf=LETTER)[:60],
        winmail(b"") + attribute(1, 0x8005, 3, b"") * 200_000,
    ],
    ids=["another kind", "cut off", "a great many attributes"],
)
def test_a_winmail_dat_that_cannot_be_opened_is_kept_itself(broken):
    kept, not_shown = accounted(holding(("winmail.dat", "application/ms-tnef", broken)))
    assert kept == {"winmail.dat": "application/octet-stream"}
    assert not_shown == {"winmail.dat": "cannot_be_shown"}
