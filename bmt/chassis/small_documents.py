"""Documents of one chunk, many at a time: most are e-mails and scans of a page.

They are stored as any document of the bucket is (GridFS: the chunk first, then the file that names it),
so whoever reads the bucket sees no difference.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from bmt.chassis import crash_points, mongodb
from bmt.chassis.batcher import Batcher

CHUNK_BYTES: Final = 255 * 1024
_AT_ONCE: Final = 64
"""Documents in one write, which is at most 16 MiB then."""


@dataclass(frozen=True, slots=True)
class SmallDocument:
    """A document that is to be stored, at most `CHUNK_BYTES` long."""

    document_id: str
    content: bytes
    filename: str
    media_type: str


class SmallDocuments:
    """The documents of one chunk in a bucket."""

    def __init__(self, files: mongodb.Collection, chunks: mongodb.Collection) -> None:
        """The bucket's two collections; the user needs find and insert."""
        self._files = files
        self._chunks = chunks
        self._puts: Batcher[SmallDocument, bool] = Batcher(self._put, _AT_ONCE)
        self._reads: Batcher[Any, bytes | None] = Batcher(self._read, _AT_ONCE)

    async def put(self, documents: Sequence[SmallDocument]) -> Sequence[bool]:
        """Store these durably, in one write; False: the bytes were stored before, or are just now by another.

        Raises:
            StoreUnavailable: not known to be stored; the same again is safe.
        """
        return await self._puts.submit(documents)

    async def read(self, file_id: Any) -> bytes | None:
        """The only chunk of a file, or None when it is not there.

        Raises:
            StoreUnavailable: it cannot be read now.
        """
        return (await self._reads.submit([file_id]))[0]

    async def _put(self, documents: Sequence[SmallDocument]) -> Sequence[bool]:
        known = await self._known({document.document_id for document in documents})
        new = {one.document_id: one for one in reversed(documents) if one.document_id not in known}
        if new:
            known |= await self._insert({mongodb.ObjectId(): one for one in new.values()})
        return [
            new.get(one.document_id) is one and one.document_id not in known for one in documents
        ]

    async def _known(self, document_ids: Collection[str]) -> set[str]:
        query = {"metadata.document_id": {"$in": list(document_ids)}}
        with mongodb.store_errors():
            found = await self._files.find(query, {"metadata.document_id": 1}).to_list(None)
        return {one["metadata"]["document_id"] for one in found}

    async def _insert(self, documents: Mapping[Any, SmallDocument]) -> set[str]:
        """Write these; the ids of those that another was faster with."""
        now = datetime.now(UTC)
        chunks = [
            {"_id": mongodb.ObjectId(), "files_id": file_id, "n": 0, "data": one.content}
            for file_id, one in documents.items()
            if one.content
        ]
        files = [_file(file_id, one, now) for file_id, one in documents.items()]
        with mongodb.store_errors():
            if chunks:
                await self._chunks.insert_many(chunks, ordered=False)
            crash_points.reached("small_documents.chunks_stored")
            try:
                await self._files.insert_many(files, ordered=False)
            except mongodb.BulkWriteError as error:
                refused = mongodb.duplicates(error)
                return {files[place]["metadata"]["document_id"] for place in refused}
        return set()

    async def _read(self, file_ids: Sequence[Any]) -> Sequence[bytes | None]:
        with mongodb.store_errors():
            first = {"files_id": {"$in": list(file_ids)}, "n": 0}
            found = await self._chunks.find(first).to_list(None)
        contents = {chunk["files_id"]: bytes(chunk["data"]) for chunk in found}
        return [contents.get(file_id) for file_id in file_ids]


def _file(file_id: Any, document: SmallDocument, now: datetime) -> dict[str, Any]:
    return {
        "_id": file_id,
        "filename": document.filename,
        "metadata": {"document_id": document.document_id, "media_type": document.media_type},
        "chunkSize": CHUNK_BYTES,
        "length": len(document.content),
        "uploadDate": now,
    }
