"""A request's document, as an administrator opens it."""

from starlette.responses import StreamingResponse

from bmt.chassis.documents import DocumentStore, DocumentUnknown
from bmt.chassis.file_response import file_response
from bmt.contracts.http.approval import RequestUnderReview
from services.approval.domain.errors import UnknownRequest


async def document_of(
    review: RequestUnderReview, document_id: str, documents: DocumentStore
) -> StreamingResponse:
    """The document under the name that its sender gave it.

    Raises:
        UnknownRequest: the request names no such document, or it is kept no longer.
    """
    named = {one.document_id: one for one in review.documents}
    if document_id not in named:
        raise UnknownRequest
    try:
        stored, chunks = await documents.open(document_id)
    except DocumentUnknown:
        raise UnknownRequest from None
    return file_response(
        chunks,
        filename=named[document_id].filename,
        media_type=named[document_id].media_type,
        size_bytes=stored.size_bytes,
    )
