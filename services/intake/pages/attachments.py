"""What is attached to a form: each file is stored as an upload of the API is, under a name of its own."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from starlette.datastructures import UploadFile
from starlette.requests import Request

from bmt.chassis.auth import Principal
from bmt.chassis.clock import Clock
from bmt.chassis.decider import Message
from bmt.chassis.document_rights import Claimant, DocumentRights
from bmt.chassis.documents import DocumentStore, DocumentTooLarge, receive
from bmt.chassis.execution import Execution
from bmt.contracts.faults import FaultValue
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Document
from bmt.pages.forms import FORM_BYTES, PIECE_BYTES, Sent, read
from services.intake.channels.upload import document_of
from services.intake.domain.commands import RecordUpload
from services.intake.pages.submission_form import SubmissionForm

FIELD: Final = "attached"
KEPT: Final = "documents"
MOST: Final = 5

_OF_ATTACHMENT: Final[Mapping[str, str]] = {
    "kind_not_taken": "attachment_kind_not_taken",
    "not_what_it_says": "attachment_not_what_it_says",
    "nothing_in_it": "attachment_empty",
    "filename_wrong": "attachment_name_wrong",
}
"""What a user is told of one of several files, by what its upload is refused with."""


class AttachmentWrong(Refused):
    """A file that was attached is not taken in; the field tells which."""

    problem = "validation_failed"


class Attachments:
    """Stores what is attached."""

    def __init__(
        self,
        execution: Execution[Any, Any],
        documents: DocumentStore,
        known: DocumentRights,
        clock: Clock,
        most_bytes: int,
    ) -> None:
        """One document may have at most `most_bytes`."""
        self._execution = execution
        self._documents = documents
        self._known = known
        self._clock = clock
        self._most_bytes = most_bytes

    async def filled(self, request: Request, visitor: Principal) -> tuple[Sent, SubmissionForm]:
        """The form that was sent, with what was attached before; what comes with it now is `attached`.

        Raises:
            Refused: `too_large`; `validation_failed`, where it is no form.
        """
        sent = await read(request, FORM_BYTES + self._most_bytes, MOST)
        return sent, SubmissionForm.of(sent).with_documents(await self._kept(sent, visitor))

    async def attached(
        self, sent: Sent, form: SubmissionForm, visitor: Principal
    ) -> SubmissionForm:
        """The form with what comes with it now, stored.

        Raises:
            AttachmentWrong: one is too large, of a kind that is not taken in, or not what it says; or one that was
                attached before cannot be found any more.
        """
        if len(form.documents) < len(sent.texts(KEPT)):
            raise _wrong("attachment_lost")
        added = [
            await self._stored(file, place, sent, visitor)
            for place, file in enumerate(sent.files(FIELD))
        ]
        return form.with_documents(added)

    async def _kept(self, sent: Sent, visitor: Principal) -> Sequence[Document]:
        ids = sent.texts(KEPT)
        known = await self._known.find(ids, Claimant.of(visitor))
        return [known[one] for one in ids if one in known]

    async def _stored(
        self, file: UploadFile, place: int, sent: Sent, visitor: Principal
    ) -> Document:
        name = file.filename or ""
        try:
            received = await receive(_pieces(file), self._most_bytes)
            with received.content:
                disposition = f"attachment; filename*=UTF-8''{quote(name)}"
                document = await document_of(received, file.content_type or "", disposition)
                await self._documents.put(
                    received, filename=document.filename, media_type=document.media_type
                )
        except DocumentTooLarge:
            raise _wrong(
                "attachment_too_large", name=name, maximum_bytes=self._most_bytes
            ) from None
        except Refused as refused:
            code = _OF_ATTACHMENT.get(refused.errors[0].code, "attachment_kind_not_taken")
            raise _wrong(code, name=name) from None
        finally:
            await file.close()
        context = sent.context(visitor)
        causation = f"{context.causation}:{place}"
        what = RecordUpload(document, visitor.subject, self._clock(), visitor.agency)
        await self._execution.execute(
            Message(
                f"upload-{causation.removeprefix('cmd:')}",
                causation,
                document.document_id,
                what,
                context.traceparent,
                begins_stream=True,
            )
        )
        return document


def _wrong(code: str, **values: FaultValue) -> AttachmentWrong:
    return AttachmentWrong(errors=(FieldError.of("/documents", code, **values),))


async def _pieces(file: UploadFile) -> AsyncIterator[bytes]:
    while piece := await file.read(PIECE_BYTES):
        yield piece
