"""The filed documents, sealed under the key of the person whose file they are in.

A document in the files of two people is stored twice, so the disposal of one does not affect the
other.
"""

import asyncio
import io
import tempfile
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from typing import IO, Any, Final

from bmt.chassis.runtime import mongodb
from bmt.chassis.runtime.documents import (
    DocumentDamaged,
    DocumentStore,
    DocumentUnknown,
    Received,
    SmallDocument,
)
from bmt.chassis.runtime.sealed_stream import PIECE_BYTES, SealBroken, Sealing, opened
from services.records.domain.events import FolioFiled
from services.records.sealing.keys import PersonKey, PersonKeys


def seal_file(plain: IO[bytes], sealed: IO[bytes], key: PersonKey) -> None:
    """Write the rest of `plain`, sealed."""
    sealing = Sealing(sealed, key.for_file)
    while piece := plain.read(PIECE_BYTES):
        sealing.write(piece)
    sealing.close()


BUCKET: Final = "folios"
_IN_MEMORY_BYTES: Final = 1024 * 1024
_SEALED_AT_ONCE_BYTES: Final = PIECE_BYTES
"""A document up to this size is sealed in less time than a thread needs to start."""
_SEALED_TYPE: Final = "application/octet-stream"


class DisposedOf(DocumentUnknown):
    """Its key was destroyed."""


class FolioChanged(DocumentDamaged):
    """Its bytes are not those that were sealed."""


@dataclass(frozen=True, slots=True)
class FolioName:
    """A document, and the id of the key that seals it. None: it was filed before there were keys."""

    document_id: str
    key: str | None


class SealedFolios:
    """Stores and opens folios."""

    def __init__(self, database: mongodb.Database, keys: PersonKeys) -> None:
        """The user needs find and insert."""
        self._store = DocumentStore(database, BUCKET)
        self._keys = keys

    async def prepare(self) -> None:
        await self._store.prepare()

    async def has(self, name: FolioName) -> bool:
        """Whether it is stored.

        Raises:
            DisposedOf: its key was destroyed.
        """
        stored_as = await self._stored_as(name)
        return stored_as in await self._store.find([stored_as])

    async def put(self, name: FolioName, received: Received) -> None:
        """Store the document, reading from the current position; durable on return.

        Raises:
            StoreUnavailable: it may not be stored. The call may be repeated.
            DisposedOf: its key was destroyed.
        """
        if name.key is None:
            await self._store.put(received, filename="", media_type=_SEALED_TYPE)
            return
        key = await self._key(name)
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as sealed:
            content: IO[Any] = sealed
            if received.size_bytes <= _SEALED_AT_ONCE_BYTES:
                seal_file(received.content, content, key)
            else:
                await asyncio.to_thread(seal_file, received.content, content, key)
            size = sealed.tell()
            sealed.seek(0)
            stored = Received(content, key.name(name.document_id), size, received.digest)
            await self._store.put(stored, filename="", media_type=_SEALED_TYPE)

    async def put_small(self, documents: Mapping[FolioName, bytes]) -> Collection[FolioName]:
        """Store these, which have keys, in one write; durable on return. Returns those whose keys exist.

        Raises:
            StoreUnavailable: some may not be stored. The call may be repeated.
        """
        keys = await self._keys.by_id({name.key for name in documents if name.key})
        stored: dict[FolioName, SmallDocument] = {}
        for name, content in documents.items():
            if name.key and (key := keys.get(name.key)):
                sealed = io.BytesIO()
                seal_file(io.BytesIO(content), sealed, key)
                called = key.name(name.document_id)
                stored[name] = SmallDocument(called, sealed.getvalue(), "", _SEALED_TYPE)
        await self._store.put_small(list(stored.values()))
        return stored.keys()

    async def open(self, name: FolioName) -> AsyncIterator[bytes]:
        """The document's bytes in pieces. Reading them may raise DocumentDamaged.

        Raises:
            DocumentUnknown: it is not stored.
            DisposedOf: its key was destroyed.
        """
        _, chunks = await self._store.open(await self._stored_as(name))
        if name.key is None:
            return chunks
        return _sound(opened(chunks, (await self._key(name)).for_file))

    async def _stored_as(self, name: FolioName) -> str:
        return (
            name.document_id if name.key is None else (await self._key(name)).name(name.document_id)
        )

    async def _key(self, name: FolioName) -> PersonKey:
        key_id = name.key or ""
        key = (await self._keys.by_id([key_id])).get(key_id)
        if key is None:
            raise DisposedOf(name.document_id)
        return key


def name_of(folio: FolioFiled) -> FolioName:
    """The name under which a folio is stored."""
    return FolioName(folio.document_id, folio.key)


async def _sound(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        async for piece in pieces:
            yield piece
    except SealBroken:
        raise FolioChanged from None
