"""Whether an uploaded document is what it says it is, and how it is called."""

import asyncio
from typing import Final

from bmt.chassis.documents import Received
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Document
from services.intake.channels.filename import filename_of
from services.intake.channels.media_types import ALLOWED, ENDINGS, recognise

_POINTER: Final = "/header/content-type"


class KindNotTaken(Refused):
    """Documents of this kind are not taken in."""

    problem = "unsupported_media_type"

    def __init__(self) -> None:
        """Names the kinds that are."""
        detail = f"Content-Type must be one of {', '.join(ALLOWED)}."
        super().__init__(detail, extra={"allowed": list(ALLOWED)})


class NotWhatItSays(Refused):
    """The content is not of the kind that its Content-Type says."""

    def __init__(self, declared: str) -> None:
        """Names the kind, which is one of those taken in."""
        detail = f"The content is not {declared}."
        super().__init__(detail, errors=(FieldError(pointer=_POINTER, detail=detail),))


class NothingUploaded(Refused):
    """The body is empty."""

    def __init__(self) -> None:
        detail = "The body must hold the document's bytes."
        super().__init__(detail, errors=(FieldError(pointer="", detail=detail),))


async def document_of(received: Received, content_type: str, disposition: str | None) -> Document:
    """The document, named by its uploader and told by its content.

    Raises:
        Refused: one of the above, or `FilenameWrong`.
    """
    declared = content_type.partition(";")[0].strip().lower()
    if not received.size_bytes:
        raise NothingUploaded
    if declared not in ALLOWED:
        raise KindNotTaken
    if await asyncio.to_thread(recognise, received.content, declared) != declared:
        raise NotWhatItSays(declared)
    return Document(
        document_id=received.document_id,
        filename=filename_of(disposition, f"document{ENDINGS[declared]}"),
        media_type=declared,
        size_bytes=received.size_bytes,
    )
