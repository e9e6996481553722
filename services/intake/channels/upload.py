"""Whether an uploaded document is what it says it is, and how it is called."""

import asyncio
from typing import Final

from bmt.chassis.runtime.documents import Received
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
        wrong = FieldError.of(_POINTER, "kind_not_taken", kinds=ALLOWED)
        super().__init__(wrong.detail, extra={"allowed": list(ALLOWED)}, errors=(wrong,))


class NotWhatItSays(Refused):
    """The content is not of the kind that its Content-Type says."""

    def __init__(self, declared: str) -> None:
        """Names the kind, which is one of those taken in."""
        wrong = FieldError.of(_POINTER, "not_what_it_says", kind=declared)
        super().__init__(wrong.detail, errors=(wrong,))


class NothingUploaded(Refused):
    """The body is empty."""

    def __init__(self) -> None:
        wrong = FieldError.of("", "nothing_in_it")
        super().__init__(wrong.detail, errors=(wrong,))


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
