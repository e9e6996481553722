"""A document is what its content shows, and nothing that a machine would run; its name is read as it is meant."""

import io
import zipfile

import pytest

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


def package(*names: str, **contents: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
        for name in names:
            archive.writestr(name, "<x/>")
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
    ],
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
    ],
)
def test_all_others_are_none(content, declared):
    assert recognise(io.BytesIO(content), declared) is None


def test_a_text_is_read_to_its_end():
    assert recognise(io.BytesIO(b"a" * 3_000_000 + b"\x00"), TEXT) is None
    assert recognise(io.BytesIO("ä".encode() * 1_500_000), TEXT) == TEXT


def test_a_package_of_very_many_parts_is_none():
    many = package(*WORD, *(f"word/{number}.xml" for number in range(10_001)))
    assert recognise(io.BytesIO(many), DOCX) is None


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
