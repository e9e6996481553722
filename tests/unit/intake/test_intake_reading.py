"""Messages are read beside intake: none stops it, and what is read is what the message says."""

import asyncio
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
from eventually import eventually
from submissions import CODES

from services.intake import readers as reading
from services.intake.mail_process import open_head, open_mail, shown_text
from services.intake.readers import NOT_READ, TOO_LONG, Readers

CORPUS = sorted((Path(__file__).parents[2] / "integration/intake/corpus").rglob("*.eml"))
HEAD = b"From: siti@mampu.gov.my\r\nSubject: BMT\r\nContent-Type: text/plain\r\n\r\n"
HOSTILE = {
    "links that never close": b"E-mel: " + b"<mailto:" * 100_000,
    "brackets": b"E-mel: " + b"<" * 800_000,
    "tabs": b"E-mel" + b"\t" * 800_000 + b"x",
    "stars": b"E-mel" + b"*" * 800_000 + b"x",
    "spaces": b"Kuota: 1" + b" 111" * 200_000,
    "digits": b"Kuota: " + b"1" * 800_000,
    "slashes": b"Jenis: " + b"a/" * 400_000,
    "labels": b"Nama: x\r\n" * 80_000,
    "dashes": b"-" * 800_000,
}


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


MOST_SECONDS = 3
"""Of the processor. 80,000 labelled lines take about one, twice as many twice that; a reader has 5."""


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_labelled_value_takes_long_to_read(body):
    began = time.process_time()
    opened = open_mail(HEAD + body, CODES)
    assert time.process_time() - began < MOST_SECONDS
    assert opened.form.request is None


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
