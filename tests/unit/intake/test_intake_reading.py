"""Messages are read beside intake: none stops it, and each is a request, for a person to read, a bounce, or set aside."""

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from eventually import eventually
from submissions import CODES

from services.intake import readers as reading
from services.intake.channels.reports import OwnNotices, is_of_others
from services.intake.emails import why_set_aside
from services.intake.mail_process import open_head, open_mail, shown_text
from services.intake.readers import NOT_READ, TOO_LONG, Readers

CORPUS = sorted((Path(__file__).parents[2] / "integration/intake/corpus").rglob("*.eml"))
HEAD = b"From: siti@mampu.gov.my\r\nSubject: BMT\r\nContent-Type: text/plain\r\n\r\n"


@pytest.fixture
async def readers():
    readers = Readers(CODES, at_once=2)
    yield readers
    await readers.close()


def bare(opened):
    """Without the texts, which stay with the reader."""
    return replace(opened, message=replace(opened.message, plain=(), html=(), attachments=()))


async def test_what_is_read_beside_is_what_would_be_read_here(readers):
    for path in CORPUS[::4]:
        content = path.read_bytes()
        for found in (False, True):
            assert await readers.mail(content, found=found) == bare(
                open_mail(content, CODES, found=found)
            ), path
        assert await readers.text(content) == shown_text(content), path
        assert await readers.head(content[:2000], "large") == bare(
            open_head(content[:2000], "large")
        )


async def test_intake_goes_on_while_a_reader_is_stuck_and_the_next_message_is_read(readers):
    content = CORPUS[0].read_bytes()
    await readers.mail(content)
    ((stuck, _),) = readers._idle
    os.kill(stuck.pid, signal.SIGSTOP)
    readers._longest_seconds = 0.5
    unread = await readers.mail(content)
    assert [missing.code for missing in unread.form.missing] == [TOO_LONG]
    assert stuck.returncode == -signal.SIGKILL
    readers._longest_seconds = reading.LONGEST_SECONDS
    assert (await readers.mail(content)).message.sender


async def test_the_kernel_ends_a_reader_that_computes_for_too_long(monkeypatch):
    slow = """
from services.intake import mail_process as process
def spin(*_, **__):
    while True:
        pass
process.open_mail = spin
process.MOST_CPU_SECONDS = 1
process.main()
"""
    monkeypatch.setattr(reading, "_PROGRAM", (reading._PROGRAM[0], "-c", slow))
    readers = Readers(CODES, at_once=1)
    unread = await readers.mail(HEAD)
    assert [missing.code for missing in unread.form.missing] == [TOO_LONG]
    await readers.close()


async def test_a_reader_that_dies_of_a_message_leaves_it_to_a_person(readers, monkeypatch):
    content = CORPUS[0].read_bytes()
    await readers.mail(content)
    monkeypatch.setattr(reading, "_PROGRAM", (reading._PROGRAM[0], "-c", "input()"))
    ((kept, _),) = readers._idle
    os.kill(kept.pid, signal.SIGKILL)
    unread = await readers.mail(content)
    assert [missing.code for missing in unread.form.missing] == [NOT_READ]
    monkeypatch.undo()
    assert (await readers.mail(content)).message.sender


async def test_a_message_does_not_pay_for_a_reader_that_died_while_it_waited(readers):
    content = CORPUS[0].read_bytes()
    await asyncio.gather(*(readers.mail(content) for _ in range(2)))
    for died, _ in readers._idle:
        os.kill(died.pid, signal.SIGKILL)
    assert await readers.mail(content) == bare(open_mail(content, CODES))


async def test_one_process_reads_many_messages_and_ends_with_intake(readers):
    content = CORPUS[0].read_bytes()
    await readers.mail(content)
    ((first, _),) = readers._idle
    for _ in range(20):
        await readers.mail(content)
    ((again, served),) = readers._idle
    assert (again.pid, served) == (first.pid, 21)
    again.stdin.close()  # as when intake was killed
    assert await asyncio.wait_for(again.wait(), 10) == 0


async def test_who_gives_up_waiting_leaves_no_half_an_answer_behind(readers):
    content = CORPUS[0].read_bytes()
    await readers.mail(content)
    ((slow, _),) = readers._idle
    os.kill(slow.pid, signal.SIGSTOP)
    reading_it = asyncio.create_task(readers.mail(content))
    await eventually(lambda: not readers._idle)
    reading_it.cancel()
    await asyncio.gather(reading_it, return_exceptions=True)
    assert readers._idle == []
    assert await readers.mail(content) == bare(open_mail(content, CODES))


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
