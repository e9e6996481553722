"""Uploads the files of a form to intake. The good ones are kept if others are refused."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.requests import Request

from bmt.contracts.faults import OF_ATTACHMENT
from bmt.contracts.http.intake import DocumentStored
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Document
from web.clients import File, VisitorClient, address
from web.forms import FORM_BYTES, PIECE_BYTES, Sent, read

MOST: Final = 5
"""The most documents of a form."""
KEPT: Final = "documents"
"""The field with the documents of earlier attempts, each as JSON. Their services check them."""
MOST_BYTES: Final = FORM_BYTES + 250 * 1024 * 1024
"""The largest form, with its files."""

_MOST_FILES: Final = 100
_MOST_FILE_BYTES: Final = 25 * 1024 * 1024
"""A longer file is read only so far. Intake's own limit may be lower."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """The documents that were accepted, now or before, and the faults of the others."""

    documents: Sequence[Document] = ()
    faults: Sequence[FieldError] = ()

    @property
    def ids(self) -> list[str]:
        return [one.document_id for one in self.documents]


async def with_files(request: Request) -> Sent:
    """Reads a form with its files.

    Raises:
        Refused: as `read`.
    """
    return await read(request, MOST_BYTES, _MOST_FILES, most_file_bytes=_MOST_FILE_BYTES)


async def taken_in(client: VisitorClient, told: Sent, field: str, most: int = MOST) -> Uploaded:
    """The documents of a form, each once and at most `most`. A file that is sent again is the same document.

    Raises:
        Unavailable: intake is down; a retry is safe.
    """
    kept, faults = [], []
    for text in told.texts(KEPT):
        try:
            kept.append(Document.model_validate_json(text))
        except ValidationError:
            faults.append(FieldError.of(f"/{field}", "attachment_lost"))
    for one in told.files(field):
        try:
            kept.append(await _stored(client, one, told.key))
        except Refused as refused:
            faults.append(_fault(f"/{field}", one.filename or "", refused))
    documents = list({one.document_id: one for one in kept}.values())
    if (many := len(documents) - most) > 0:
        faults.append(FieldError.of(f"/{field}", "too_many_documents", maximum=most, many=many))
    return Uploaded(documents, faults)


def known(documents: Sequence[Document], refused: Refused) -> Sequence[Document]:
    """The documents, in the order of the command, without those that the service does not know."""
    unknown = {
        one.pointer.rpartition("/")[2] for one in refused.errors if one.code == "document_unknown"
    }
    return [one for index, one in enumerate(documents) if str(index) not in unknown]


async def _stored(client: VisitorClient, upload: UploadFile, key: str) -> Document:
    """The key contains the content's hash, so two files of one form are two calls."""
    digest = sha256(upload.filename.encode() if upload.filename else b"")
    async for piece in _pieces(upload):
        digest.update(piece)
    await upload.seek(0)
    stored = await client.send(
        "intake",
        address("documents"),
        file_of(upload),
        DocumentStored,
        f"{key}:{digest.hexdigest()[:32]}",
    )
    return Document(**stored.model_dump())


def _fault(pointer: str, name: str, refused: Refused) -> FieldError:
    """Intake's refusal, worded for a file in a form."""
    limit = refused.extra.get("limit_bytes")
    if refused.problem == "too_large" and isinstance(limit, int):
        return FieldError.of(pointer, "attachment_too_large", name=name, maximum_bytes=limit)
    why = refused.errors[0].code if refused.errors else ""
    return FieldError.of(pointer, OF_ATTACHMENT.get(why, "attachment_kind_not_taken"), name=name)


def file_of(upload: UploadFile) -> File:
    """The uploaded file, as it is passed on to another service."""
    return File(
        name=upload.filename or "",
        media_type=upload.content_type or "application/octet-stream",
        size_bytes=upload.size or 0,
        content=_pieces(upload),
    )


async def _pieces(upload: UploadFile) -> AsyncIterator[bytes]:
    while piece := await upload.read(PIECE_BYTES):
        yield piece
