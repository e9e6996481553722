"""What was sent in, as pictures beside the fields: a browser shows them without running anything of it."""

import asyncio
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import QueryParams

from bmt.chassis.documents import DocumentDamaged, DocumentStore, DocumentUnknown
from bmt.chassis.recent import Recent
from bmt.contracts.values import Document

SHOWN: Final = frozenset({"application/pdf", "image/png", "image/jpeg", "image/tiff"})
"""The kinds of document that have pages."""
MOST_BYTES: Final = 100 * 1024 * 1024
SECONDS: Final = 15.0

_AT_ONCE: Final = 2
_NUMBER: Final = re.compile(r"\d{1,5}", re.ASCII)
_REMEMBERED: Final = 1_000
_PROGRAM: Final = (sys.executable, "-I", "-m", "bmt.press.picture")


class NoPicture(Exception):  # noqa: N818  named for what is so
    """There is no such page, or nothing of it can be shown."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Which page of which document stands beside the fields.

    Attributes:
        document: the one asked for, else the first; None: there is none at all.
        pages: how many can be shown of it.
        number: which of them.
    """

    document: Document | None
    pages: int = 0
    number: int = 1


class Originals:
    """Makes pictures of documents, each in a process of its own, a few at a time."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._pages: Recent[str, int] = Recent(_REMEMBERED)

    async def shown(self, documents: Sequence[Document], asked: QueryParams) -> Shown:
        """What an address asks to see, with `document` and `page`; of a document that is not there the first."""
        wanted = asked.get("document")
        chosen = [one for one in documents if one.document_id == wanted] or documents
        if not chosen:
            return Shown(None)
        pages = await self.pages(chosen[0])
        page = asked.get("page", "")
        number = int(page) if _NUMBER.fullmatch(page) else 1
        return Shown(chosen[0], pages, max(1, min(number, pages)))

    async def pages(self, document: Document) -> int:
        """How many pages can be shown of it: none of what is no paper, or cannot be read."""
        if document.media_type not in SHOWN or document.size_bytes > MOST_BYTES:
            return 0
        known = self._pages.get(document.document_id)
        if known is None:
            try:
                known = int(await self._made(document.document_id, "pages"))
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
                process.kill()
                await process.wait()
                raise NoPicture from None
        if process.returncode:
            raise NoPicture
        return made
