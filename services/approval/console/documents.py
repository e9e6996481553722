"""Documents, as an administrator opens them: the file itself, or a page of it as a picture."""

from collections.abc import Sequence
from typing import Final

from starlette.responses import Response, StreamingResponse

from bmt.chassis.http.responses import file_response
from bmt.chassis.runtime.documents import DocumentStore, DocumentUnknown
from bmt.contracts.values import Document
from services.approval.console.originals import NoPicture, Originals
from services.approval.domain.errors import UnknownRequest

_KEPT: Final = "private, max-age=86400, immutable"


async def file_of(document: Document, documents: DocumentStore) -> StreamingResponse:
    """A document as an answer.

    Raises:
        UnknownRequest: it is kept no longer.
    """
    try:
        stored, chunks = await documents.open(document.document_id)
    except DocumentUnknown:
        raise UnknownRequest from None
    return file_response(
        chunks,
        filename=document.filename,
        media_type=document.media_type,
        size_bytes=stored.size_bytes,
    )


async def picture_of(document: Document, page: int, originals: Originals) -> Response:
    """A page of a document as a picture, which a browser may keep: its address holds the document's hash.

    Raises:
        UnknownRequest: there is no such page, or nothing of it can be shown.
    """
    try:
        png = await originals.picture(document, page)
    except NoPicture:
        raise UnknownRequest from None
    return Response(png, media_type="image/png", headers={"Cache-Control": _KEPT})


def named(documents: Sequence[Document], document_id: str) -> Document:
    """The document of this id among these.

    Raises:
        UnknownRequest: there is none.
    """
    found = [one for one in documents if one.document_id == document_id]
    if not found:
        raise UnknownRequest
    return found[0]
