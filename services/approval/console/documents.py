"""Documents as files and as pictures of their pages, which a browser shows without running anything."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.responses import Response, StreamingResponse

from bmt import press
from bmt.chassis.http.responses import file_response
from bmt.chassis.runtime.documents import DocumentDamaged, DocumentStore, DocumentUnknown
from bmt.chassis.runtime.lru_cache import LruCache
from bmt.contracts.values import Document
from services.approval.domain.errors import UnknownRequest

SHOWN: Final = frozenset({"application/pdf", "image/png", "image/jpeg", "image/tiff"})
"""The media types that have pages."""
MOST_BYTES: Final = 100 * 1024 * 1024
MOST_PAGES: Final = 40
"""The most pages shown; a longer document is downloaded."""
SECONDS: Final = 15.0

_AT_ONCE: Final = 2
_REMEMBERED: Final = 1_000
_PROGRAM: Final = (sys.executable, "-I", str(Path(press.__file__).with_name("picture.py")))
"""Run by its file, in isolated mode: it needs none of our modules."""


SHOWN_WITHIN_SECONDS: Final = 3.0
"""The longest a page waits for the page counts; the next look may have them."""


class NoPicture(Exception):  # noqa: N818  named for what is so
    """There is no such page, or it cannot be shown."""


class TookTooLong(NoPicture):
    """The reader timed out; it may succeed another time."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A document and how many of its first pages are shown; 0: it can only be downloaded."""

    document: Document
    pages: int
    more: bool


class Originals:
    """Makes pictures of documents, each in its own process, two at a time."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._pages: LruCache[str, int] = LruCache(_REMEMBERED)

    async def shown(self, documents: Sequence[Document]) -> Sequence[Shown]:
        pages = await asyncio.gather(*(self._soon(one) for one in documents))
        return [
            Shown(document, min(found, MOST_PAGES), more=found > MOST_PAGES)
            for document, found in zip(documents, pages, strict=True)
        ]

    async def _soon(self, document: Document) -> int:
        """The page count, or 0 if counting would delay the response."""
        try:
            async with asyncio.timeout(SHOWN_WITHIN_SECONDS):
                return await self.pages(document)
        except TimeoutError:
            return 0

    async def pages(self, document: Document) -> int:
        """How many pages can be shown: 0 if it is no paper or cannot be read."""
        if document.media_type not in SHOWN or document.size_bytes > MOST_BYTES:
            return 0
        known = self._pages.get(document.document_id)
        if known is None:
            try:
                known = int(await self._made(document.document_id, "pages"))
            except TookTooLong:
                return 0
            except NoPicture:
                known = 0
            self._pages.put(document.document_id, known)
        return known

    async def picture(self, document: Document, page: int) -> bytes:
        """A page (from 1) as a PNG.

        Raises:
            NoPicture: there is none.
        """
        if document.media_type not in SHOWN or document.size_bytes > MOST_BYTES:
            raise NoPicture
        return await self._made(document.document_id, str(page))

    async def _made(self, document_id: str, what: str) -> bytes:
        async with self._places:
            try:
                content = await self._documents.read(document_id)
            except (DocumentUnknown, DocumentDamaged):
                raise NoPicture from None
            process = await asyncio.create_subprocess_exec(
                *_PROGRAM,
                what,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={},
            )
            try:
                async with asyncio.timeout(SECONDS):
                    made, _ = await process.communicate(content)
            except TimeoutError:
                raise TookTooLong from None
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        if process.returncode:
            raise NoPicture
        return made


_KEPT: Final = "private, max-age=86400, immutable"


async def file_of(document: Document, documents: DocumentStore) -> StreamingResponse:
    """The document as a download.

    Raises:
        UnknownRequest: it is no longer kept.
    """
    try:
        stored, chunks = await documents.open(document.document_id)
    except DocumentUnknown:
        raise UnknownRequest from None
    return file_response(
        chunks,
        filename=document.filename,
        media_type=document.media_type,
        size_bytes=stored.size_bytes,
    )


async def picture_of(document: Document, page: int, originals: Originals) -> Response:
    """A page as a picture. A browser may cache it: the address contains the document's hash.

    Raises:
        UnknownRequest: there is no such page, or it cannot be shown.
    """
    try:
        png = await originals.picture(document, page)
    except NoPicture:
        raise UnknownRequest from None
    return Response(png, media_type="image/png", headers={"Cache-Control": _KEPT})


def named(documents: Sequence[Document], document_id: str) -> Document:
    """The document of this id.

    Raises:
        UnknownRequest: there is none.
    """
    found = [one for one in documents if one.document_id == document_id]
    if not found:
        raise UnknownRequest
    return found[0]
