"""How large the head of a call may be: its address and all its headers.

The fast parser takes a head of any size, so it is counted twice: here while it arrives, so that none
that never ends fills the memory, and in `edge.Edge` once it is whole, so that the answer is a problem.
Nor does it bound what stands around the pieces of a body (their sizes, trailers), or how many calls are sent
ahead of their answers.
"""

import asyncio
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_BYTES: Final = 32 * 1024
"""The largest head that is answered; a token takes 1 to 4 KiB."""

_MOST_BESIDE_BODY: Final = 2 * MOST_BYTES
_BESIDE_EACH_BYTE: Final = 8
"""A piece of one byte has five beside it, which tell its size."""
_MOST_AHEAD: Final = 100
"""Calls that a client may send before the first is answered: each takes much more memory here than on the line."""
_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class BoundedHead(HttpToolsProtocol):
    """uvicorn's protocol, which gives up on a head that goes on and on, and on trailers that do."""

    _head_is_open: bool = False
    _beside_body_bytes: int = 0
    """How much came of a call that is not its body, as far as its body does not account for it; what came with a
    call's first byte at once is not counted, as it may be of the call before."""

    transport: asyncio.Transport

    def data_received(self, data: bytes) -> None:
        """Parses what came, and counts it."""
        self._beside_body_bytes += len(data)
        super().data_received(data)
        if self._beside_body_bytes > _MOST_BESIDE_BODY and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        """A head begins."""
        self._head_is_open = True
        self._beside_body_bytes = 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Trailers are no headers, and left out (RFC 9110, 6.5.1): gateways and the edge saw none of them."""
        if self._head_is_open:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """It is whole."""
        if len(self.pipeline) >= _MOST_AHEAD:
            raise httptools.HttpParserError("too many calls are sent ahead of their answers")
        self._head_is_open = False
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        accounted = (1 + _BESIDE_EACH_BYTE) * len(body)
        self._beside_body_bytes = max(0, self._beside_body_bytes - accounted)
        super().on_body(body)


def size_of(scope: Any) -> int:
    """The bytes of an ASGI scope's address and headers."""
    size = len(scope["raw_path"] or b"") + len(scope["query_string"])
    for name, value in scope["headers"]:
        size += len(name) + len(value)
    return size
