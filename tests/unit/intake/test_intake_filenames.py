"""The name of an upload: Content-Disposition as browsers and programs write it."""

import pytest

from services.intake.channels.media_types import FilenameWrong, filename_of


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
