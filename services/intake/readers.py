"""The processes that read messages and scans; one that takes too long is killed."""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Literal

import structlog
from pydantic import ValidationError

from bmt.agencies.register import Agencies
from bmt.contracts.problems import FieldError
from services.intake.domain.errors import FieldWrong
from services.intake.mail_process import LENGTH, OpenedMail, Question, framed, opened_of, unopened
from services.intake.papers import ReadScan

LONGEST_SECONDS: Final = 60.0
"""Longer than the kernel's limit: for a busy machine, or a process that hangs."""

TOO_LONG: Final = "message_too_slow"
NOT_READ: Final = "message_unreadable"

_PROGRAM: Final = (sys.executable, "-m", "services.intake.mail_process")
_MESSAGES_OF_ONE: Final = 1000
_LARGE_BYTES: Final = 4 * 1024 * 1024
"""A process that read such a message keeps much memory, so it is not reused."""
_FURTHER_BYTES: Final = 1024 * 1024
"""An answer may be so much larger than the message."""

log = structlog.get_logger(__name__)


def codes_of(agencies: Agencies) -> dict[str, str]:
    """The agencies' codes, by code and by name, both in lower case."""
    codes = {agency.rules.name.casefold(): agency.code for agency in agencies}
    return codes | {agency.code.casefold(): agency.code for agency in agencies}


class NotRead(Exception):  # noqa: N818  named for what is so
    """The process ended before it had read the message; the text is a code of `bmt.contracts.faults`."""

    def __init__(self, reason: Literal["timeout", "cpu", "died"], why: str) -> None:
        super().__init__(why)
        self.reason = reason


class Readers:
    """Reads messages, `at_once` at a time; `agencies` are codes by name, as of `codes_of`."""

    def __init__(self, agencies: Mapping[str, str], at_once: int) -> None:
        self._agencies = agencies
        self._places = asyncio.Semaphore(at_once)
        self._longest_seconds = LONGEST_SECONDS
        self._idle: list[tuple[Process, int]] = []

    async def mail(self, content: bytes, *, found: bool = False) -> OpenedMail:
        """The message, handed in or `found` in a mailbox; never raises because of the message."""
        return await self._opened(
            Question(kind="mail", agencies=self._agencies, found=found), content
        )

    async def head(self, head: bytes, why: str) -> OpenedMail:
        """The beginning of a message that is not read whole; `why` is the reason."""
        return await self._opened(Question(kind="head", why=why), head)

    async def _opened(self, question: Question, content: bytes) -> OpenedMail:
        try:
            return opened_of(await self._read(question, content))
        except NotRead as error:
            return unopened(question.why or str(error))

    async def text(self, content: bytes) -> str:
        """The text that a person reads in the message; empty if it cannot be read."""
        try:
            (text,) = await self._read(Question(kind="text"), content)
        except NotRead:
            return ""
        return text.decode()

    async def close(self) -> None:
        while self._idle:
            await _end(self._idle.pop()[0])

    async def _read(self, question: Question, content: bytes) -> list[bytes]:
        async with self._places:
            while True:
                is_new = not self._idle
                try:
                    async with self._reader(len(content)) as reader:
                        return await self._answered(reader, question, content)
                except NotRead as error:
                    # An idle process may have died before it got this message.
                    if is_new or error.reason != "died":
                        log.warning(
                            "message_not_read", reason=error.reason, size_bytes=len(content)
                        )
                        raise

    async def _answered(self, reader: Process, question: Question, content: bytes) -> list[bytes]:
        try:
            async with asyncio.timeout(self._longest_seconds):
                return await _answer(reader, question, content)
        except TimeoutError:
            raise NotRead("timeout", TOO_LONG) from None
        except (OSError, EOFError):
            if await reader.wait() == -signal.SIGXCPU:
                raise NotRead("cpu", TOO_LONG) from None
            raise NotRead("died", NOT_READ) from None

    @asynccontextmanager
    async def _reader(self, size_bytes: int) -> AsyncIterator[Process]:
        """An idle process; it is reused if no error occurs."""
        reader, served = self._idle.pop() if self._idle else (await _started(*_PROGRAM), 0)
        try:
            yield reader
        except BaseException:
            await _end(reader)
            raise
        if size_bytes > _LARGE_BYTES or served + 1 >= _MESSAGES_OF_ONE:
            await _end(reader)
        else:
            self._idle.append((reader, served + 1))


async def _started(*program: str, stdin: int = PIPE) -> Process:
    """A process without our environment."""
    env = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return await create_subprocess_exec(*program, stdin=stdin, stdout=PIPE, stderr=DEVNULL, env=env)


async def _answer(reader: Process, question: Question, content: bytes) -> list[bytes]:
    """The pieces of the answer.

    Raises:
        OSError, EOFError: the process has ended, or its answer is invalid.
    """
    if reader.stdin is None or reader.stdout is None:
        raise OSError("a reader without pipes")
    reader.stdin.write(framed([question.model_dump_json().encode(), content]))
    await reader.stdin.drain()
    most = len(content) + _FURTHER_BYTES
    pieces = []
    for _ in range(await _number(reader.stdout, most)):
        length = await _number(reader.stdout, most)
        most -= length
        pieces.append(await reader.stdout.readexactly(length))
    return pieces


async def _number(source: asyncio.StreamReader, most: int) -> int:
    (number,) = LENGTH.unpack(await source.readexactly(LENGTH.size))
    if number > most:
        raise OSError("a reader that answers more than there is")
    return int(number)


async def _end(reader: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        reader.kill()
    await reader.wait()


LONGEST_SCAN_SECONDS: Final = 240.0


async def read_scan(scan: Path, media_type: str, folder: Path) -> ReadScan:
    """The findings in the scan, by a process of its own; the papers are in `folder`.

    Raises:
        FieldWrong: it is broken, locked, empty, too large, or takes too long to read.
    """
    program = (sys.executable, "-m", "services.intake.scan_process")
    reader = await _started(*program, str(scan), media_type, str(folder), stdin=DEVNULL)
    try:
        async with asyncio.timeout(LONGEST_SCAN_SECONDS):
            output, _ = await reader.communicate()
    except TimeoutError:
        raise FieldWrong(FieldError.of("", "scan_too_slow")) from None
    finally:
        await _end(reader)
    try:
        found = ReadScan.model_validate_json(output)
    except ValidationError:  # no output: the scan killed the process
        raise FieldWrong(FieldError.of("", "scan_broken")) from None
    if found.fault:
        raise FieldWrong(found.fault)
    return found
