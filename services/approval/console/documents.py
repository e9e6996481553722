"""Documents, as an administrator opens them: the file itself, or a page of it as a picture."""

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

# What was sent in, as pictures beside the fields: a browser shows them without running anything of it.

SHOWN: Final = frozenset({"application/pdf", "image/png", "image/jpeg", "image/tiff"})
"""The kinds of document that have pages."""
MOST_BYTES: Final = 100 * 1024 * 1024
MOST_PAGES: Final = 40
"""So many stand beside the fields; a longer one is downloaded."""
SECONDS: Final = 15.0

_AT_ONCE: Final = 2
_REMEMBERED: Final = 1_000
_PROGRAM: Final = (sys.executable, "-I", str(Path(press.__file__).with_name("picture.py")))
"""By its file: it finds no module of ours, wherever those are installed, and needs none."""


SHOWN_WITHIN_SECONDS: Final = 3.0
"""A page that shows documents waits so long for their pages; the next look may find them."""


class NoPicture(Exception):  # noqa: N818  named for what is so
    """There is no such page, or nothing of it can be shown."""


class TookTooLong(NoPicture):
    """Its reader did not end in time: another time it may."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A document beside the fields.

    Attributes:
        document: which.
        pages: how many pages of it are shown, from the first; 0: it can only be downloaded.
        more: it has further pages.
    """

    document: Document
    pages: int
    more: bool


class Originals:
    """Makes pictures of documents, each in a process of its own, a few at a time."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._pages: LruCache[str, int] = LruCache(_REMEMBERED)

    async def shown(self, documents: Sequence[Document]) -> Sequence[Shown]:
        """What can be shown of each of these."""
        pages = await asyncio.gather(*(self._soon(one) for one in documents))
        return [
            Shown(document, min(found, MOST_PAGES), more=found > MOST_PAGES)
            for document, found in zip(documents, pages, strict=True)
        ]

    async def _soon(self, document: Document) -> int:
        """As `pages`; none where it takes too long for who waits for the page."""
        try:
            async with asyncio.timeout(SHOWN_WITHIN_SECONDS):
                return await self.pages(document)
        except TimeoutError:
            return 0

    async def pages(self, document: Document) -> int:
        """How many pages can be shown of it: none of what is no paper, or cannot be read."""
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
    """A document as an answer.

    Raises:
        UnknownRequest: it is kept no longer.
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
    """A page of a document as a picture, which a browser may keep: its address holds the document's hash.

    Raises:
        UnknownRequest: there is no such page, or nothing of it can be shown.
    """
    try:
        png = await originals.picture(document, page)
    except NoPicture:
        raise UnknownRequest from None
    return Response(png, media_type="image/png", headers={"Cache-Control": _KEPT})


def named(documents: Sequence[Document], document_id: str) -> Document:
    """The document of this id among these.

    Raises:
        UnknownRequest: there is none.
    """
    found = [one for one in documents if one.document_id == document_id]
    if not found:
        raise UnknownRequest
    return found[0]
