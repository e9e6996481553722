"""A blank paper as an answer: shown or kept by a browser, and asked for again only when it changed."""

import asyncio
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from bmt.press.typesetter import MEDIA_TYPE
from services.intake.printing.blank_papers import BlankPapers, PaperName

_NOT_MODIFIED: Final = 304


async def printed(request: Request, blanks: BlankPapers, name: PaperName, agency: str) -> Response:
    """The paper, or that the caller has it (RFC 9110, 13.1.2).

    Raises:
        Refused: as `BlankPapers.paper`.
    """
    paper = await asyncio.to_thread(blanks.paper, name, agency)
    headers = {"Cache-Control": "private, no-cache", "ETag": paper.etag}
    if paper.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=_NOT_MODIFIED, headers=headers)
    headers["Content-Disposition"] = f'inline; filename="{paper.filename}"'
    return Response(paper.content, media_type=MEDIA_TYPE, headers=headers)
