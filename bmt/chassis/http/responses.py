"""Responses: JSON written by orjson or by pydantic's own serializer, and stored files."""

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final
from urllib.parse import quote

import orjson
from pydantic import BaseModel
from starlette.responses import Response, StreamingResponse

_OPTIONS: Final = orjson.OPT_UTC_Z


class JsonResponse(Response):
    """A JSON answer of a model, or of plain values. Times are written in UTC with a Z."""

    media_type = "application/json"

    def __init__(
        self,
        content: BaseModel | Mapping[str, Any],
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
    ) -> None:
        super().__init__(content, status_code, headers, media_type)

    def render(self, content: Any) -> bytes:
        if isinstance(content, BaseModel):
            return content.__pydantic_serializer__.to_json(content)
        return orjson.dumps(content, option=_OPTIONS)


_MEDIA_TYPE: Final = re.compile(r"[\w.+-]+/[\w.+-]+(; ?[\w.+-]+=[\w.+-]+)*", re.ASCII)


def file_response(
    chunks: AsyncIterator[bytes],
    *,
    filename: str,
    media_type: str,
    size_bytes: int,
    inline: bool = False,
) -> StreamingResponse:
    """A stored file as a download. Uploaded files may be hostile and are never shown in our own pages.

    `filename` may be in any script (RFC 6266; RFC 8187 for what is not ASCII). An invalid `media_type` becomes
    plain bytes. With `inline` a browser may show the file: for what this system made itself.
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
