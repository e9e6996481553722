"""Stands before the mail server: passes on, says nothing, cuts, or forgets to say that it took a message."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import Enum

END_OF_MESSAGE = b"\r\n.\r\n"


class Line(Enum):
    """How the line is."""

    GOOD = "passes all on"
    SILENT = "takes the connection, says nothing"
    CUT = "ends each connection at once"
    BUSY = "421: come again"
    FORGETFUL = "delivers the message, and is cut before the server says so"


class WireToMail:
    """A port of its own that leads to the mail server."""

    def __init__(self, port: int) -> None:
        self._to = port
        self.line = Line.GOOD
        self.port = 0
        self.connections = 0
        self._under_way: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def laid(self) -> AsyncIterator["WireToMail"]:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        yield self
        server.close()
        for task in list(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        self.connections += 1
        with suppress(OSError, asyncio.CancelledError):
            await self._serve(reader, writer)
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        match self.line:
            case Line.SILENT:
                await reader.read(-1)
            case Line.BUSY:
                writer.write(b"421 4.3.2 come again\r\n")
                await writer.drain()
            case Line.GOOD | Line.FORGETFUL:
                answers, asks = await asyncio.open_connection("127.0.0.1", self._to)
                forgets = asyncio.Event()
                back = asyncio.create_task(_copy(answers, writer, forgets))
                await self._ask(reader, asks, forgets)
                asks.close()
                await back

    async def _ask(
        self, reader: asyncio.StreamReader, asks: asyncio.StreamWriter, forgets: asyncio.Event
    ) -> None:
        tail = b""
        while piece := await reader.read(65_536):
            tail = (tail + piece)[-len(END_OF_MESSAGE) :]
            if self.line is Line.FORGETFUL and tail == END_OF_MESSAGE:
                forgets.set()
            asks.write(piece)
            await asks.drain()


async def _copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cut: asyncio.Event
) -> None:
    while piece := await reader.read(65_536):
        if cut.is_set():
            break
        writer.write(piece)
        await writer.drain()
    writer.close()
