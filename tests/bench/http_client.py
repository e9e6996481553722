"""A client that costs little: bytes made beforehand, connections kept open, no library in between."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_END_OF_HEAD = b"\r\n\r\n"


class Connection(asyncio.Protocol):
    """One connection; one call at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._answered: asyncio.Future[tuple[int, bytes]] | None = None
        self._body_at = -1
        self._ends_at = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(exc or ConnectionResetError())

    async def call(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer."""
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answered

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._body_at < 0 and (end := self._buffer.find(_END_OF_HEAD)) >= 0:
            self._body_at = end + len(_END_OF_HEAD)
            self._ends_at = self._body_at + _length(bytes(self._buffer[:end]).lower())
        if 0 <= self._ends_at <= len(self._buffer):
            status = int(self._buffer[9:12])
            body = bytes(self._buffer[self._body_at : self._ends_at])
            self._buffer.clear()
            self._body_at = self._ends_at = -1
            self._answered.set_result((status, body))


def _length(head: bytes) -> int:
    """Every answer of the services says how long it is."""
    return int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])


def post(path: str, body: bytes, token: str, key: str) -> bytes:
    """The bytes of one POST."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: {key}\r\n\r\n"
    )
    return head.encode() + body


@asynccontextmanager
async def connections(port: int, count: int) -> AsyncIterator[list[Connection]]:
    """So many connections to a service of this machine."""
    loop = asyncio.get_running_loop()
    opened = [
        (await loop.create_connection(Connection, "127.0.0.1", port))[1] for _ in range(count)
    ]
    try:
        yield opened
    finally:
        for each in opened:
            each.close()
