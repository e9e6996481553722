"""A TCP connection that can be cut, held and slowed: it stands between a service and what it connects to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from bmt.embedded.ports import HOST

CHUNK_BYTES: Final = 64 * 1024
SLOW_CHUNK_BYTES: Final = 2 * 1024
SECONDS_A_SLOW_CHUNK: Final = 0.05


class Wire:
    """Listens on one port, and passes on what comes to another, both ways."""

    def __init__(self, port: int, target: int) -> None:
        """Both are on loopback."""
        self._port = port
        self._target = target
        self._writers: set[asyncio.StreamWriter] = set()
        self._passes = asyncio.Event()
        self._passes.set()
        self._slow = False
        self._cut = False

    @asynccontextmanager
    async def laid(self) -> AsyncIterator["Wire"]:
        """It passes on as long as the block lasts."""
        server = await asyncio.start_server(self._connected, HOST, self._port)
        try:
            yield self
        finally:
            server.close()
            self._passes.set()
            self._abort()

    def cut(self) -> None:
        """Every connection breaks, and every new one does."""
        self._cut = True
        self._abort()

    def stall(self) -> None:
        """Nothing passes, and nobody is told."""
        self._passes.clear()

    def slow(self) -> None:
        """A little passes at a time, and late."""
        self._slow = True

    def mend(self) -> None:
        """As it was; what was held passes now."""
        self._cut = self._slow = False
        self._passes.set()

    def _abort(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            writer.transport.abort()
            return
        try:
            there, back = await asyncio.open_connection(HOST, self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, back}
        try:
            await asyncio.gather(self._pass(reader, back), self._pass(there, writer))
        finally:
            self._writers -= {writer, back}

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(SLOW_CHUNK_BYTES if self._slow else CHUNK_BYTES):
                if self._slow:
                    await asyncio.sleep(SECONDS_A_SLOW_CHUNK)
                await self._passes.wait()
                writer.write(chunk)
                await writer.drain()
        writer.close()
