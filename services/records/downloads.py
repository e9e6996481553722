"""Files as answers, to be kept: a bundle, a document."""

from starlette.responses import Response, StreamingResponse

from bmt.chassis.http.responses import file_response
from services.records.bundle.contents import Bundle
from services.records.domain.commands import Reader
from services.records.reading_room import ReadingRoom


def archive(request_id: str, bundle: Bundle) -> StreamingResponse:
    """A file to take away."""
    headers = {
        "Content-Length": str(bundle.size_bytes),
        "Content-Disposition": f'attachment; filename="{request_id}.zip"',
    }
    return StreamingResponse(bundle.pieces(), media_type="application/zip", headers=headers)


async def document(room: ReadingRoom, reader: Reader, document_id: str) -> Response:
    """A document as it was filed.

    Raises:
        RecordNotFound: no file that this reader may see holds it, or holds it still.
    """
    folio, chunks = await room.document(reader, document_id)
    return file_response(
        chunks,
        filename=folio.filename,
        media_type=folio.media_type,
        size_bytes=folio.size_bytes,
    )
