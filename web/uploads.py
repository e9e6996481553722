"""The files of a form: each is uploaded to intake, and the form then holds its name and id.

A form that is shown again keeps the uploaded files, also if others were refused or a service is down.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.requests import Request

from bmt.chassis.errors import Unavailable
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.faults import OF_ATTACHMENT
from bmt.contracts.http.intake import DOCUMENT_BYTES, DocumentLimits, DocumentStored
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Document
from web.clients import File, VisitorClient, address, part
from web.forms import FORM_BYTES, PIECE_BYTES, SubmittedForm, read

MOST: Final = 5
"""The most documents of a form."""
DOCUMENTS: Final = "documents"
"""The field with the documents of earlier attempts: each value is one, as JSON."""

_MOST_FILES: Final = 100
_LIMITS_LAST: Final = timedelta(minutes=1)
_LARGEST_FILES: Final = 10
"""How many files of the largest size a form may have without being too large; more than `MOST` are a fault."""


class Uploads:
    """Reads forms with files, within intake's limits; while intake does not answer, its last answer counts."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._limits = DocumentLimits(max_bytes=DOCUMENT_BYTES, media_types=())
        self._limits_at: datetime | None = None

    async def limits(self, client: VisitorClient) -> DocumentLimits:
        """Intake's limits of a file; without `media_types` they are not known."""
        now = self._clock()
        if self._limits_at is None or now - self._limits_at > _LIMITS_LAST:
            path = address("document-limits")
            if limits := await part(client.get("intake", path, DocumentLimits)):
                self._limits, self._limits_at = limits, now
        return self._limits

    def most_bytes(self) -> int:
        """Of a form with its files."""
        return FORM_BYTES + _LARGEST_FILES * self._limits.max_bytes

    async def read(self, request: Request, client: VisitorClient) -> SubmittedForm:
        """A form with its files.

        Raises:
            Refused: as `forms.read`.
        """
        most = (await self.limits(client)).max_bytes
        return await read(request, self.most_bytes(), _MOST_FILES, most_file_bytes=most)


@dataclass(frozen=True, slots=True)
class Attached:
    """The documents of a form, uploaded now or before.

    Attributes:
        documents: each once.
        faults: of the other files.
        unavailable: why the rest could not be uploaded; None: all were.
    """

    documents: Sequence[Document] = ()
    faults: Sequence[FieldError] = ()
    unavailable: Unavailable | None = None

    @property
    def ids(self) -> list[str]:
        return [one.document_id for one in self.documents]

    def require_all(self) -> None:
        """Raises `Unavailable` if some files could not be uploaded."""
        if self.unavailable is not None:
            raise self.unavailable


async def attached(
    client: VisitorClient, form: SubmittedForm, field: str, *, pointer: str = "", most: int = MOST
) -> Attached:
    """The documents of earlier attempts and of the files in `field`; more than `most` are a fault.

    A file that is sent again is the same document. `pointer` is that of the faults; default: the field's.
    """
    pointer = pointer or f"/{field}"
    before = earlier_documents(form, pointer)
    documents, faults, unavailable = [*before.documents], [*before.faults], before.unavailable
    for upload in form.files(field):
        try:
            documents.append(await _uploaded(client, upload, form))
        except Refused as refused:
            faults.append(_fault(pointer, upload.filename or "", refused))
        except Unavailable as error:
            unavailable = error
            faults.append(FieldError.of(pointer, "attachment_lost"))
            break
    documents = list({one.document_id: one for one in documents}.values())
    if (many := len(documents) - most) > 0:
        faults.append(FieldError.of(pointer, "too_many_documents", maximum=most, many=many))
    return Attached(documents, faults, unavailable)


def earlier_documents(form: SubmittedForm, pointer: str) -> Attached:
    """The documents of earlier attempts."""
    values = form.texts(DOCUMENTS)
    documents = [one for value in values if (one := _document(value)) is not None]
    lost = [FieldError.of(pointer, "attachment_lost")] if len(documents) < len(values) else ()
    return Attached(documents, lost)


def known_documents(documents: Sequence[Document], refused: Refused) -> Sequence[Document]:
    """The documents of a command, in order, without those that the refusal calls unknown."""
    places = {
        fault.pointer.rpartition("/")[2]
        for fault in refused.errors
        if fault.code == "document_unknown"
    }
    return [one for place, one in enumerate(documents) if str(place) not in places]


def _document(value: str) -> Document | None:
    try:
        return Document.model_validate_json(value)
    except ValidationError:
        return None


async def _uploaded(client: VisitorClient, upload: UploadFile, form: SubmittedForm) -> Document:
    """The key contains the file's hash, so two files of one form are two calls."""
    name, file = upload.filename or "", file_of(upload, form)
    digest = sha256(name.encode(errors="replace"))
    async for piece in _pieces(upload):
        digest.update(piece)
    await upload.seek(0)
    stored = await client.send(
        "intake",
        address("documents"),
        file,
        DocumentStored,
        f"{form.key}:{digest.hexdigest()[:32]}",
    )
    return Document(**stored.model_dump())


def _fault(pointer: str, name: str, refused: Refused) -> FieldError:
    """Intake's refusal, worded for a file in a form."""
    limit = refused.extra.get("limit_bytes")
    if refused.problem == "too_large" and isinstance(limit, int):
        return FieldError.of(pointer, "attachment_too_large", name=name, maximum_bytes=limit)
    why = refused.errors[0].code if refused.errors else ""
    return FieldError.of(pointer, OF_ATTACHMENT.get(why, "attachment_kind_not_taken"), name=name)


def file_of(upload: UploadFile, form: SubmittedForm) -> File:
    """The uploaded file, as it is passed on to a service.

    Raises:
        Refused: `too_large`: it was not read to its end.
    """
    most = form.most_file_bytes
    if most is not None and (upload.size or 0) > most:
        raise Refused(problem="too_large", extra={"limit_bytes": most})
    return File(
        name=upload.filename or "",
        media_type=upload.content_type or "application/octet-stream",
        size_bytes=upload.size or 0,
        content=_pieces(upload),
    )


async def _pieces(upload: UploadFile) -> AsyncIterator[bytes]:
    while piece := await upload.read(PIECE_BYTES):
        yield piece
