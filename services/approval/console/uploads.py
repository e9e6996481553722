"""Files of a form on their way to intake, where every document is handed in: what is right stays, whatever is wrong."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from starlette.datastructures import UploadFile
from starlette.requests import Request

from bmt.chassis.http.auth import Principal
from bmt.chassis.runtime.document_rights import Claimant, DocumentRights
from bmt.contracts.faults import OF_ATTACHMENT
from bmt.contracts.http.intake import DocumentStored
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Document
from bmt.pages.forms import FORM_BYTES, PIECE_BYTES, Sent, read
from services.approval.console.clients import File, VisitorClient, address

MOST: Final = 5
"""A form may have so many documents."""
KEPT: Final = "documents"
"""The field of those that were taken in before, and were not taken out."""
MOST_BYTES: Final = FORM_BYTES + 250 * 1024 * 1024
"""The largest form that is read, with its files."""

_MOST_FILES: Final = 100
_MOST_FILE_BYTES: Final = 25 * 1024 * 1024
"""Of a longer file no more is read than shows that it is: intake takes in as many as its settings say."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What came with a form.

    Attributes:
        documents: those that are taken in, now or before.
        faults: what is wrong with the others.
    """

    documents: Sequence[Document] = ()
    faults: Sequence[FieldError] = ()

    @property
    def ids(self) -> list[str]:
        """The documents', in their order."""
        return [one.document_id for one in self.documents]


async def with_files(request: Request) -> Sent:
    """The form of a call, with its files.

    Raises:
        Refused: as `read`.
    """
    return await read(request, MOST_BYTES, _MOST_FILES, most_file_bytes=_MOST_FILE_BYTES)


class Uploads:
    """Takes files in, as the visitor."""

    def __init__(self, rights: DocumentRights) -> None:
        """`rights` knows which documents count for whom."""
        self._rights = rights

    async def taken_in(
        self,
        visitor_client: VisitorClient,
        told: Sent,
        field: str,
        visitor: Principal,
        most: int = MOST,
    ) -> Uploaded:
        """The documents of a form, each once and at most so many; sent again, each is the same document.

        Raises:
            Unavailable: intake is away; the same again is safe.
        """
        kept = await self._kept(told, visitor)
        faults = []
        if len(kept) < len(told.texts(KEPT)):
            faults.append(FieldError.of(f"/{field}", "attachment_lost"))
        for one in told.files(field):
            try:
                kept.append(await _stored(visitor_client, one, told.key))
            except Refused as refused:
                faults.append(_fault(f"/{field}", one.filename or "", refused))
        documents = list({one.document_id: one for one in kept}.values())
        if (many := len(documents) - most) > 0:
            faults.append(FieldError.of(f"/{field}", "too_many_documents", maximum=most, many=many))
        return Uploaded(documents, faults)

    async def _kept(self, told: Sent, visitor: Principal) -> list[Document]:
        ids = told.texts(KEPT)
        known = await self._rights.find(ids, Claimant.of(visitor)) if ids else {}
        return [known[one] for one in ids if one in known]


async def _stored(visitor_client: VisitorClient, upload: UploadFile, key: str) -> Document:
    """Intake's answer; the key is the content's, so that another file of the same form is another call."""
    digest = sha256(upload.filename.encode() if upload.filename else b"")
    async for piece in _pieces(upload):
        digest.update(piece)
    await upload.seek(0)
    stored = await visitor_client.send(
        "intake",
        address("documents"),
        file_of(upload),
        DocumentStored,
        f"{key}:{digest.hexdigest()[:32]}",
    )
    return Document(**stored.model_dump())


def _fault(pointer: str, name: str, refused: Refused) -> FieldError:
    """Said of a file, not of a call's body."""
    limit = refused.extra.get("limit_bytes")
    if refused.problem == "too_large" and isinstance(limit, int):
        return FieldError.of(pointer, "attachment_too_large", name=name, maximum_bytes=limit)
    why = refused.errors[0].code if refused.errors else ""
    return FieldError.of(pointer, OF_ATTACHMENT.get(why, "attachment_kind_not_taken"), name=name)


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
