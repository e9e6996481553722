"""How large the head of a call may be: its address and all its headers.

The fast parser takes a head of any size, so it is counted twice: here while it arrives, so that none
that never ends fills the memory, and in `edge.Edge` once it is whole, so that the answer is a problem.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_BYTES: Final = 32 * 1024
"""The largest head that is answered; a token takes 1 to 4 KiB."""

_MOST_WHILE_OPEN: Final = 2 * MOST_BYTES
_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class BoundedHead(HttpToolsProtocol):
    """uvicorn's protocol, which gives up on a head that goes on and on."""

    _open_bytes: int | None = None
    """How much came of a head that is not whole; None between heads."""

    transport: asyncio.Transport

    def data_received(self, data: bytes) -> None:
        """Parses what came, and counts it while the head is open."""
        super().data_received(data)
        if self._open_bytes is None:
            return
        self._open_bytes += len(data)
        if self._open_bytes > _MOST_WHILE_OPEN and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        """A head begins."""
        self._open_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """It is whole."""
        self._open_bytes = None
        super().on_headers_complete()


def size_of(scope: Any) -> int:
    """The bytes of an ASGI scope's address and headers."""
    size = len(scope["raw_path"] or b"") + len(scope["query_string"])
    for name, value in scope["headers"]:
        size += len(name) + len(value)
    return size
