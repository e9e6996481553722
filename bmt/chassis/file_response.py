"""A stored file as an answer: its bytes as they come, its name in any script, no way to run it."""

import re
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import quote

from starlette.responses import StreamingResponse

_MEDIA_TYPE: Final = re.compile(r"[\w.+-]+/[\w.+-]+(; ?[\w.+-]+=[\w.+-]+)*", re.ASCII)


def file_response(
    chunks: AsyncIterator[bytes],
    *,
    filename: str,
    media_type: str,
    size_bytes: int,
    inline: bool = False,
) -> StreamingResponse:
    """The file, to be kept; what people sent in may be hostile and is never shown in our own pages.

    Args:
        chunks: its bytes.
        filename: what it is called (RFC 6266; RFC 8187 for what is not ASCII).
        media_type: what it is said to be; what is no media type becomes plain bytes.
        size_bytes: their number.
        inline: a browser may show it: for what this system made itself.
    """
    disposition = "inline" if inline else "attachment"
    headers = {
        "Content-Type": media_type
        if _MEDIA_TYPE.fullmatch(media_type)
        else "application/octet-stream",
        "Content-Length": str(size_bytes),
        "Content-Disposition": f"{disposition}; filename*=UTF-8''{quote(filename, safe='')}",
    }
    return StreamingResponse(chunks, headers=headers)
