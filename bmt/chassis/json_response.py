"""Answers in JSON, written by orjson or by pydantic's own serializer."""

from collections.abc import Mapping
from typing import Any, Final

import orjson
from pydantic import BaseModel
from starlette.responses import Response

_OPTIONS: Final = orjson.OPT_UTC_Z


class JsonResponse(Response):
    """A JSON answer of a model, or of what JSON can hold; times are written in UTC with a Z."""

    media_type = "application/json"

    def __init__(
        self,
        content: BaseModel | Mapping[str, Any],
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
    ) -> None:
        """`media_type` is `application/json` unless said otherwise."""
        super().__init__(content, status_code, headers, media_type)

    def render(self, content: Any) -> bytes:
        """The body's bytes."""
        if isinstance(content, BaseModel):
            return content.__pydantic_serializer__.to_json(content)
        return orjson.dumps(content, option=_OPTIONS)
