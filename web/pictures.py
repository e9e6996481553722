"""Pictures of documents' pages, which a browser shows without running anything."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.responses import Response

from bmt import press
from bmt.chassis.errors import Unavailable
from bmt.chassis.runtime.background import LruCache
from bmt.contracts.problems import Refused
from bmt.contracts.values import Document
from web.clients import Received
from web.login import SignInFirst

SHOWN: Final = frozenset({"application/pdf", "image/png", "image/jpeg", "image/tiff"})
"""The media types that have pages."""
MOST_BYTES: Final = 100 * 1024 * 1024
MOST_PAGES: Final = 40
"""The most pages shown; a longer document is downloaded."""
SECONDS: Final = 15.0

_CACHED: Final = "private, max-age=86400, immutable"
_AT_ONCE: Final = 2
_REMEMBERED: Final = 1_000
_PROGRAM: Final = (sys.executable, "-I", str(Path(press.__file__).with_name("picture.py")))
"""Run by its file, in isolated mode: it needs none of our modules."""

SHOWN_WITHIN_SECONDS: Final = 3.0
"""The longest a page waits for the page counts; they may be ready when it is opened again."""


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


Read = Callable[[str], Awaitable[Received]]
"""Reads a document by its id, in the visitor's name. Raises `Refused`, `Unavailable` or `SignInFirst`."""


class Pictures:
    """Makes pictures of documents, each in its own process, two at a time."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._pages: LruCache[str, int] = LruCache(_REMEMBERED)

    async def shown(self, documents: Sequence[Document], read: Read) -> Sequence[Shown]:
        pages = await asyncio.gather(*(self._soon(one, read) for one in documents))
        return [
            Shown(document, min(found, MOST_PAGES), more=found > MOST_PAGES)
            for document, found in zip(documents, pages, strict=True)
        ]

    async def _soon(self, document: Document, read: Read) -> int:
        """The page count, or 0 if counting would delay the response, or the document cannot be had now."""
        try:
            async with asyncio.timeout(SHOWN_WITHIN_SECONDS):
                return await self._pages_of(document, read)
        except (TimeoutError, Refused, Unavailable, SignInFirst):
            return 0

    async def _pages_of(self, document: Document, read: Read) -> int:
        """How many pages can be shown: 0 if the document has no pages or cannot be read."""
        if document.media_type not in SHOWN or document.size_bytes > MOST_BYTES:
            return 0
        count = self._pages.get(document.document_id)
        if count is None:
            try:
                count = int(await self._render(document.document_id, "pages", read))
            except TookTooLong:
                return 0
            except NoPicture:
                count = 0
            self._pages.put(document.document_id, count)
        return count

    async def page(self, document_id: str, number: int, read: Read) -> Response:
        """A page (from 1) as a picture. A browser may cache it: the address contains the document's hash.

        Raises:
            Refused: `not_found`: there is no such page, or it cannot be shown.
        """
        try:
            png = await self._render(document_id, str(number), read)
        except NoPicture:
            raise Refused(problem="not_found") from None
        return Response(png, media_type="image/png", headers={"Cache-Control": _CACHED})

    async def _render(self, document_id: str, what: str, read: Read) -> bytes:
        async with self._places:
            document = await read(document_id)
            if document.media_type not in SHOWN or len(document.content) > MOST_BYTES:
                raise NoPicture
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
                    output, _ = await process.communicate(document.content)
            except TimeoutError:
                raise TookTooLong from None
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        if process.returncode:
            raise NoPicture
        return output
