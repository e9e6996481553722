"""The processes that read messages: kept while they serve, ended when a message takes too long."""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final, Literal

import structlog

from services.intake.channels.mail import OpenedMail, unopened
from services.intake.reading.process import LENGTH, Asked, framed, opened_of

LONGEST_SECONDS: Final = 30.0
"""Longer than the kernel lets a message be read: for a machine that is busy, or a process that hangs."""

TOO_LONG: Final = "message_too_slow"
NOT_READ: Final = "message_unreadable"

_PROGRAM: Final = (sys.executable, "-m", "services.intake.reading.process")
_MESSAGES_OF_ONE: Final = 1000
_LARGE_BYTES: Final = 4 * 1024 * 1024
"""Who read a message so large keeps much memory, and is not kept."""
_FURTHER_BYTES: Final = 1024 * 1024
"""What is told of a message may be so much larger than the message."""

log = structlog.get_logger(__name__)


class NotRead(Exception):  # noqa: N818  named for what is so
    """The message's reader ended before it was done; the text is the code of why.

    Attributes:
        reason: it took too long, computed for too long, or died.
    """

    def __init__(self, reason: Literal["timeout", "cpu", "died"], why: str) -> None:
        super().__init__(why)
        self.reason = reason


class Readers:
    """Reads messages, `at_once` at a time."""

    def __init__(
        self,
        agencies: Mapping[str, str],
        at_once: int,
        *,
        longest_seconds: float = LONGEST_SECONDS,
    ) -> None:
        """`agencies` are codes by name, as of `email_form.codes_of`. Starts nothing yet."""
        self._agencies = agencies
        self._places = asyncio.Semaphore(at_once)
        self._longest_seconds = longest_seconds
        self._idle: list[tuple[Process, int]] = []

    async def mail(self, content: bytes, *, found: bool = False) -> OpenedMail:
        """The message, handed in or `found` in a mailbox; never raises because of it."""
        asked = Asked(kind="mail", agencies=self._agencies, found=found)
        try:
            return opened_of(await self._read(asked, content))
        except NotRead as error:
            return unopened(str(error))

    async def head(self, head: bytes, why: str) -> OpenedMail:
        """The beginning of a message that is not read whole, for the reason `why`."""
        try:
            return opened_of(await self._read(Asked(kind="head", why=why), head))
        except NotRead:
            return unopened(why)

    async def text(self, content: bytes) -> str:
        """What a person reads in the message; empty where that cannot be told."""
        try:
            (text,) = await self._read(Asked(kind="text"), content)
        except NotRead:
            return ""
        return text.decode()

    async def close(self) -> None:
        """End those that wait."""
        while self._idle:
            await _end(self._idle.pop()[0])

    async def _read(self, asked: Asked, content: bytes) -> list[bytes]:
        async with self._places:
            while True:
                is_new = not self._idle
                try:
                    async with self._reader(len(content)) as reader:
                        return await self._answered(reader, asked, content)
                except NotRead as error:
                    # One that was kept may have died while it waited: not of this message.
                    if is_new or error.reason != "died":
                        log.warning(
                            "message_not_read", reason=error.reason, size_bytes=len(content)
                        )
                        raise

    async def _answered(self, reader: Process, asked: Asked, content: bytes) -> list[bytes]:
        try:
            async with asyncio.timeout(self._longest_seconds):
                return await _answer(reader, asked, content)
        except TimeoutError:
            raise NotRead("timeout", TOO_LONG) from None
        except (OSError, EOFError):
            if await reader.wait() == -signal.SIGXCPU:
                raise NotRead("cpu", TOO_LONG) from None
            raise NotRead("died", NOT_READ) from None

    @asynccontextmanager
    async def _reader(self, size_bytes: int) -> AsyncIterator[Process]:
        """A process that waits for a message; it is kept where all went well."""
        reader, served = self._idle.pop() if self._idle else (await _started(), 0)
        try:
            yield reader
        except BaseException:
            await _end(reader)
            raise
        if size_bytes > _LARGE_BYTES or served + 1 >= _MESSAGES_OF_ONE:
            await _end(reader)
        else:
            self._idle.append((reader, served + 1))


async def _started() -> Process:
    return await asyncio.create_subprocess_exec(
        *_PROGRAM,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


async def _answer(reader: Process, asked: Asked, content: bytes) -> list[bytes]:
    """The pieces of its answer.

    Raises:
        OSError, EOFError: it is no longer there, or answers what it never would.
    """
    if reader.stdin is None or reader.stdout is None:
        raise OSError("a reader without pipes")
    reader.stdin.write(framed([asked.model_dump_json().encode(), content]))
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
