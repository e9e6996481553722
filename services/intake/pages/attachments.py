"""Attachments of a form: each file is stored as an upload, as through the API."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import quote

from starlette.datastructures import UploadFile
from starlette.requests import Request

from bmt.chassis.http.auth import Principal
from bmt.chassis.runtime.document_rights import Claimant, DocumentRights
from bmt.chassis.runtime.documents import DocumentTooLarge, receive
from bmt.contracts.faults import OF_ATTACHMENT, FaultValue
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Document
from services.intake.channels.upload import Uploads
from services.intake.pages.submission_form import SubmissionForm
from web.forms import FORM_BYTES, PIECE_BYTES, Sent, read

FIELD: Final = "attached"
KEPT: Final = "documents"
MOST: Final = 5
"""The largest number of documents of a form."""
_MOST_FILES: Final = 100
_MOST_READ: Final = 10
"""How many documents of the largest size are read with one form."""


def most_bytes(largest_document: int) -> int:
    """The largest form that is read, for a largest document of so many bytes."""
    return FORM_BYTES + _MOST_READ * largest_document


class AttachmentWrong(Refused):
    """An attached file is refused."""

    problem = "validation_failed"


class Attachments:
    """Stores attached files; one may have at most `most_bytes`."""

    def __init__(self, uploads: Uploads, known: DocumentRights, most_bytes: int) -> None:
        self._uploads = uploads
        self._known = known
        self._most_bytes = most_bytes

    async def filled(self, request: Request, visitor: Principal) -> tuple[Sent, SubmissionForm]:
        """The form as it was sent, with the documents that were attached before.

        Raises:
            Refused: `too_large`; `validation_failed` if it is no form.
        """
        largest = self._most_bytes
        sent = await read(request, most_bytes(largest), _MOST_FILES, most_file_bytes=largest)
        return sent, SubmissionForm.of(sent).with_documents(await self._kept(sent, visitor))

    async def attached(
        self, sent: Sent, form: SubmissionForm, visitor: Principal, most: int = MOST
    ) -> tuple[SubmissionForm, Sequence[FieldError]]:
        """The form with its new files stored, at most `most` documents; and the faults of the others.

        A file is too large or of a wrong kind, a former document is not known any more, or there are too many. The
        valid ones stay in any case.
        """
        faults: list[FieldError] = []
        if len(form.documents) < len(sent.texts(KEPT)):
            faults += _wrong("attachment_lost").errors
        added = []
        for file in sent.files(FIELD):
            try:
                added.append(await self._stored(file, sent, visitor))
            except AttachmentWrong as wrong:
                faults += wrong.errors
        form = form.with_documents(added)
        if (many := len(form.documents) - most) > 0:
            faults += _wrong("too_many_documents", maximum=most, many=many).errors
        return form, faults

    async def _kept(self, sent: Sent, visitor: Principal) -> Sequence[Document]:
        ids = sent.texts(KEPT)
        known = await self._known.find(ids, Claimant.of(visitor))
        return [known[one] for one in ids if one in known]

    async def _stored(self, file: UploadFile, sent: Sent, visitor: Principal) -> Document:
        name = file.filename or ""
        try:
            received = await receive(_pieces(file), self._most_bytes)
            with received.content:
                disposition = f"attachment; filename*=UTF-8''{quote(name)}"
                declared = file.content_type or ""
                document = await self._uploads.store(received, declared, disposition)
        except DocumentTooLarge:
            raise _wrong(
                "attachment_too_large", name=name, maximum_bytes=self._most_bytes
            ) from None
        except Refused as refused:
            code = OF_ATTACHMENT.get(refused.errors[0].code, "attachment_kind_not_taken")
            raise _wrong(code, name=name) from None
        finally:
            await file.close()
        context = sent.context(visitor)
        causation = f"{context.causation}:{document.document_id.removeprefix('sha256:')[:16]}"
        context = replace(context, causation=causation, fingerprint=document.document_id)
        await self._uploads.record(document, context)
        return document


def _wrong(code: str, **values: FaultValue) -> AttachmentWrong:
    return AttachmentWrong(errors=(FieldError.of("/documents", code, **values),))


async def _pieces(file: UploadFile) -> AsyncIterator[bytes]:
    while piece := await file.read(PIECE_BYTES):
        yield piece
