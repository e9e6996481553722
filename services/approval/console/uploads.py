"""Files of a form on their way to intake, where every document is handed in."""

from collections.abc import AsyncIterator, Sequence

from starlette.datastructures import UploadFile

from bmt.contracts.http.intake import DocumentStored
from bmt.pages.forms import PIECE_BYTES, Sent
from services.approval.console.neighbours import Errand, File, address


async def handed_in(errand: Errand, told: Sent, field: str) -> Sequence[str]:
    """The documents' ids, in the order of the field's files; sent again, each is the same document.

    Raises:
        Refused: intake does not take one in.
        Unavailable: intake is away; the same again is safe.
    """
    stored = [
        await errand.send(
            "intake", address("documents"), file_of(one), DocumentStored, f"{told.key}:{place}"
        )
        for place, one in enumerate(told.files(field))
    ]
    return [one.document_id for one in stored]


def file_of(upload: UploadFile) -> File:
    """A file as it goes on to another service."""
    return File(
        name=upload.filename or "",
        media_type=upload.content_type or "application/octet-stream",
        size_bytes=upload.size or 0,
        content=_pieces(upload),
    )


async def _pieces(upload: UploadFile) -> AsyncIterator[bytes]:
    while piece := await upload.read(PIECE_BYTES):
        yield piece
