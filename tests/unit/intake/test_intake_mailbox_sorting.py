"""What a message of a mailbox is: a request, for a person to read, a bounce, or set aside."""

import time
from pathlib import Path

import pytest
from submissions import CODES

from services.intake.channels.reports import OwnNotices, is_of_others
from services.intake.emails import why_set_aside
from services.intake.mail_process import open_head, open_mail

CORPUS = sorted((Path(__file__).parents[2] / "integration/intake/corpus").rglob("*.eml"))
CASES = Path(__file__).parents[2] / "cases" / "mailbox"
EVERYTHING = {"request", "inbox", "bounce", "set_aside"}
IS_OURS = OwnNotices("bmt@mygovuc.gov.my")
OURS = "<0192f0aa-1c2a-7b3c-8d4e-5f60718293a4@mygovuc.gov.my>"
OF_ANOTHER_AGENCY = "another-agencys"


def told(content):
    """What the reader tells of a message; who may submit what is decided later."""
    opened = open_mail(content, CODES, found=True)
    report = opened.message.report
    if report.failed and not is_of_others(report, IS_OURS):
        return "bounce"
    if why_set_aside(opened, IS_OURS):
        return "set_aside"
    return "request" if opened.form.request else "inbox"


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_message_of_the_corpus_is_what_its_folder_says(path):
    expected = "request" if path.stem == OF_ANOTHER_AGENCY else path.parent.name
    assert told(path.read_bytes()) == expected


def test_the_corpus_has_messages_of_every_kind():
    assert {path.parent.name for path in CORPUS} == EVERYTHING
    assert len(CORPUS) >= 25


@pytest.mark.parametrize("kept", [0.1, 0.3, 0.6, 0.9])
def test_a_message_that_breaks_off_anywhere_is_still_something(kept):
    for path in (*CORPUS, *CASES.glob("4[0-6]*.eml")):  # these are reports
        content = path.read_bytes()
        assert told(content[: int(len(content) * kept)]) in EVERYTHING, path


def test_the_beginning_of_a_large_message_tells_who_sent_it_and_that_it_was_not_read():
    head = b"From: siti@mampu.gov.my\r\nAuto-Submitted: auto-replied\r\n\r\nJenis: permohonan\r\n"
    opened = open_head(head, "message_too_large")
    assert opened.message.sender == "siti@mampu.gov.my"
    assert [missing.detail for missing in opened.form.missing] == [
        "It is too large: nothing but its header was read."
    ]
    assert why_set_aside(opened, IS_OURS) == "machine_sent"


@pytest.mark.parametrize(
    ("message_id", "ours"),
    [
        (OURS, True),
        (OURS.replace("@", ".decide.reminder@"), True),
        (OURS.upper(), False),
        ("<0192f0aa-1c2a-4b3c-8d4e-5f60718293a4@mygovuc.gov.my>", False),
        (OURS.replace("mygovuc", "other"), False),
        ("<siti@mygovuc.gov.my>", False),
        (OURS.replace("mygovuc.", "mygovucx"), False),
        (OURS.replace(".my>", ".my.example>"), False),
        (OURS.strip("<>"), False),
    ],
)
def test_a_message_id_is_ours_by_its_form_and_domain(message_id, ours):
    """Mail programs in the same domain use random UUIDs (version 4), or capitals."""
    assert IS_OURS(message_id) is ours


def test_what_came_by_a_mailing_list_is_a_request_where_it_was_handed_in():
    (path,) = [path for path in CORPUS if path.stem == "filled-by-a-mailing-list"]
    content = (
        path.read_bytes().replace(b"Precedence: list\r\n", b"").replace(b"Precedence: list\n", b"")
    )
    assert open_mail(content, CODES, found=True).form.request is None
    assert open_mail(content, CODES).form.request is not None


FROM_NOBODY = b"Return-Path: <>\r\nFrom: MAILER-DAEMON@x.my\r\nSubject: failure notice\r\n\r\n"


@pytest.mark.parametrize(
    "body",
    [
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
    ],
    ids=lambda body: body[:12].decode(),
)
def test_no_report_takes_long_to_read(body):
    began = time.process_time()
    assert open_mail(FROM_NOBODY + body, CODES, found=True).message.report.failed
    assert time.process_time() - began < 2
