"""Documents by content: stored once under the SHA-256 of their bytes, never rewritten."""

import hashlib
import tempfile
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any, Final

from pydantic import BaseModel, ConfigDict

from bmt.chassis import crash_points
from bmt.chassis.errors import StoreUnavailable
from bmt.chassis.http.auth import Principal
from bmt.chassis.readmodels.view_store import Query, ViewStore
from bmt.chassis.runtime import mongodb
from bmt.chassis.runtime.background import Batcher
from bmt.contracts.values import Document

CHUNK_BYTES: Final = 255 * 1024
CONTENT: Final = "content"
"""The field with the bytes of a small document."""
_AT_ONCE: Final = 64
"""Documents in one write, so that it has at most 16 MiB."""


@dataclass(frozen=True, slots=True)
class SmallDocument:
    """A document of at most `CHUNK_BYTES`: most e-mails and one-page scans are. Many are stored in one write."""

    document_id: str
    content: bytes
    filename: str
    media_type: str


_IN_MEMORY_BYTES: Final = 1024 * 1024

_BY_DOCUMENT: Final = mongodb.IndexModel(
    [("metadata.document_id", 1)],
    unique=True,
    partialFilterExpression={"metadata.document_id": {"$exists": True}},
    name="document_id",
)

_BY_NAME: Final = mongodb.IndexModel([("filename", 1), ("uploadDate", 1)])
_BY_FILE: Final = mongodb.IndexModel([("files_id", 1), ("n", 1)], unique=True)
"""GridFS' own two. The driver creates them with the first document larger than a chunk."""
INDEXES_OF_FILES: Final = (_BY_DOCUMENT, _BY_NAME)
INDEXES_OF_CHUNKS: Final = (_BY_FILE,)


class DocumentTooLarge(Exception):  # noqa: N818  named for what is so
    """The content is longer than `limit_bytes`. Nothing of it was stored."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"at most {limit_bytes} bytes are allowed")
        self.limit_bytes = limit_bytes


class DocumentUnknown(Exception):  # noqa: N818  named for what is so
    """No document has this id."""

    def __init__(self, document_id: str) -> None:
        super().__init__(f"{document_id} was never stored")
        self.document_id = document_id


class DocumentDamaged(Exception):  # noqa: N818  named for what is so
    """A part of a stored document's bytes is missing."""


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document's name, type and size, without its bytes."""

    document_id: str
    filename: str
    media_type: str
    size_bytes: int


@dataclass(slots=True)
class Received:
    """A document's bytes while they are examined; on disk beyond 1 MiB. `digest` is the raw SHA-256."""

    content: IO[bytes]
    document_id: str
    size_bytes: int
    digest: bytes


async def receive(stream: AsyncIterator[bytes], limit_bytes: int) -> Received:
    """Read a stream and hash it on the way. Raises `DocumentTooLarge` as soon as more than `limit_bytes` came."""
    content = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115  the caller closes it
    digest, size = hashlib.sha256(), 0
    async for chunk in stream:
        size += len(chunk)
        if size > limit_bytes:
            content.close()
            raise DocumentTooLarge(limit_bytes)
        digest.update(chunk)
        content.write(chunk)
    content.seek(0)
    return Received(content, f"sha256:{digest.hexdigest()}", size, digest.digest())


async def received_bytes(content: bytes) -> Received:
    """As `receive`, of bytes in memory."""

    async def once() -> AsyncIterator[bytes]:
        yield content

    return await receive(once(), len(content))


class DocumentStore:
    """A GridFS bucket to which documents are only ever added.

    A small one is a single document: the file with its bytes beside, in `content`. Earlier versions stored it as a
    file and a chunk, which is how larger ones are stored.

    Every method raises `StoreUnavailable` if the database cannot be reached.
    """

    def __init__(self, database: mongodb.Database, bucket: str = "documents") -> None:
        """The user needs find and insert on `<bucket>.files` and `<bucket>.chunks`."""
        self._files = database[f"{bucket}.files"]
        self._bucket = mongodb.AsyncIOMotorGridFSBucket(
            database, bucket_name=bucket, chunk_size_bytes=CHUNK_BYTES
        )
        self._chunks = database[f"{bucket}.chunks"]
        self._finds: Batcher[str, Mapping[str, Any] | None] = Batcher(self._find)
        self._puts: Batcher[SmallDocument, bool] = Batcher(self._put_small, _AT_ONCE)
        self._reads: Batcher[str, Mapping[str, Any] | None] = Batcher(self._read_small, _AT_ONCE)
        self._prepared = False

    async def prepare(self) -> None:
        """Create the index that keeps a document from being stored twice.

        A user who may only read leaves that to those who write.
        """
        with mongodb.store_errors():
            try:
                await self._files.create_indexes(list(INDEXES_OF_FILES))
                await self._chunks.create_indexes(list(INDEXES_OF_CHUNKS))
            except mongodb.OperationFailure as error:
                if error.code != mongodb.UNAUTHORIZED:
                    raise
        self._prepared = True

    async def put(self, received: Received, *, filename: str, media_type: str) -> StoredDocument:
        """Store the bytes, or find that they are stored. Durable when this returns.

        The first name and type stay. A crash midway leaves at most chunks that nothing names.

        Raises:
            StoreUnavailable: not known to be stored, or not prepared yet; repeating is safe.
        """
        if not self._prepared:
            raise StoreUnavailable
        named = StoredDocument(received.document_id, filename, media_type, received.size_bytes)
        if received.size_bytes <= CHUNK_BYTES:
            content = received.content.read()
            small = SmallDocument(received.document_id, content, filename, media_type)
            (new,) = await self._puts.submit([small])
            return named if new else await self._winner(small.document_id)
        stored = (await self.find([received.document_id])).get(received.document_id)
        if stored is not None:
            return stored
        metadata = {"document_id": received.document_id, "media_type": media_type}
        crash_points.reached("documents.storing")
        with mongodb.store_errors():
            try:
                await self._bucket.upload_from_stream(filename, received.content, metadata=metadata)
            except (mongodb.FileExists, mongodb.DuplicateKeyError):
                return await self._winner(received.document_id)
        crash_points.reached("documents.stored")
        return named

    async def put_small(self, documents: Sequence[SmallDocument]) -> None:
        """Store small documents in one write. Raises as `put`, for all of them."""
        if not self._prepared:
            raise StoreUnavailable
        stored = await self._puts.submit(documents)
        known = {one.document_id for one, new in zip(documents, stored, strict=True) if not new}
        if len(await self.find(known)) < len(known):
            raise StoreUnavailable

    async def _put_small(self, documents: Sequence[SmallDocument]) -> Sequence[bool]:
        known = await self._known({document.document_id for document in documents})
        new = {one.document_id: one for one in reversed(documents) if one.document_id not in known}
        if new:
            known |= await self._insert(list(new.values()))
        return [
            new.get(one.document_id) is one and one.document_id not in known for one in documents
        ]

    async def _known(self, document_ids: Collection[str]) -> set[str]:
        query = {"metadata.document_id": {"$in": list(document_ids)}}
        with mongodb.store_errors():
            found = await self._files.find(query, {"metadata.document_id": 1}).to_list(None)
        return {one["metadata"]["document_id"] for one in found}

    async def _insert(self, documents: Sequence[SmallDocument]) -> set[str]:
        """Those that somebody else stored first."""
        now = datetime.now(UTC)
        crash_points.reached("documents.storing_small")
        with mongodb.store_errors():
            try:
                await self._files.insert_many([_file(one, now) for one in documents], ordered=False)
            except mongodb.BulkWriteError as error:
                return {documents[place].document_id for place in mongodb.duplicates(error)}
        crash_points.reached("documents.stored_small")
        return set()

    async def _winner(self, document_id: str) -> StoredDocument:
        """The document of whoever stored the same bytes first, once a majority has it."""
        winner = (await self.find([document_id])).get(document_id)
        if winner is None:
            raise StoreUnavailable
        return winner

    async def find(self, document_ids: Collection[str]) -> Mapping[str, StoredDocument]:
        found = await self._finds.submit(list(document_ids))
        return {raw["metadata"]["document_id"]: _stored(raw) for raw in found if raw}

    async def open(self, document_id: str) -> tuple[StoredDocument, AsyncIterator[bytes]]:
        """A document's metadata, and its bytes in chunks. Raises `DocumentUnknown`, or `DocumentDamaged` while reading."""
        (raw,) = await self._reads.submit([document_id])
        if raw is None:
            raise DocumentUnknown(document_id)
        return _stored(raw), _whole(raw) if CONTENT in raw else self._read(raw["_id"])

    async def _read(self, file_id: Any) -> AsyncIterator[bytes]:
        with mongodb.store_errors():
            try:
                stream = await self._bucket.open_download_stream(file_id)
                while chunk := await stream.readchunk():
                    yield chunk
            except mongodb.CorruptGridFile:
                raise DocumentDamaged from None

    async def small(self, document_ids: Collection[str]) -> Sequence[tuple[StoredDocument, bytes]]:
        """Those of these documents that are small, with their bytes."""
        found = await self._reads.submit(list(document_ids))
        return [(_stored(raw), bytes(raw[CONTENT])) for raw in found if raw and CONTENT in raw]

    async def read(self, document_id: str) -> bytes:
        """All bytes of a document. Raises `DocumentUnknown` or `DocumentDamaged`."""
        _, chunks = await self.open(document_id)
        return b"".join([chunk async for chunk in chunks])

    async def _find(self, document_ids: Sequence[str]) -> Sequence[Mapping[str, Any] | None]:
        return await self._found(document_ids, {CONTENT: 0})

    async def _read_small(self, document_ids: Sequence[str]) -> Sequence[Mapping[str, Any] | None]:
        return await self._found(document_ids, None)

    async def _found(
        self, document_ids: Sequence[str], fields: Mapping[str, int] | None
    ) -> Sequence[Mapping[str, Any] | None]:
        query = {"metadata.document_id": {"$in": list(set(document_ids))}}
        with mongodb.store_errors():
            found = await self._files.find(query, fields).to_list(None)
        files = {raw["metadata"]["document_id"]: raw for raw in found}
        return [files.get(document_id) for document_id in document_ids]


async def _whole(raw: Mapping[str, Any]) -> AsyncIterator[bytes]:
    content = bytes(raw[CONTENT])
    if len(content) != raw["length"]:
        raise DocumentDamaged
    if content:
        yield content


def _stored(raw: Mapping[str, Any]) -> StoredDocument:
    metadata = raw["metadata"]
    return StoredDocument(
        metadata["document_id"], raw["filename"], metadata["media_type"], raw["length"]
    )


def _file(document: SmallDocument, now: datetime) -> dict[str, Any]:
    return {
        "filename": document.filename,
        "metadata": {"document_id": document.document_id, "media_type": document.media_type},
        "chunkSize": CHUNK_BYTES,
        "length": len(document.content),
        "uploadDate": now,
        CONTENT: document.content,
    }


# Who may refer to a document: its uploader, and the readers of anything that holds it. A document's id is its content's
# hash, and documents are stored once for all uploaders. So knowing an id, or finding that the bytes exist, proves no right.

UPLOADS: Final = "uploads"
HOLDERS: Final = "holders"
"""Views beside the documents: one service fills them, all read them."""

UPLOAD_INDEXES: Final = (("uploaded_by", "document.document_id", "uploaded_at", "_id"),)
HOLDER_INDEXES: Final = (
    ("agency", "document_ids", "_id"),
    ("account", "account_document_ids", "_id"),
)


class Upload(BaseModel):
    """A document as it was uploaded by a subject, on behalf of an agency or (empty) on their own."""

    model_config = ConfigDict(frozen=True)

    document: Document
    uploaded_by: str
    uploaded_at: datetime
    agency: str = ""


class Holder(BaseModel):
    """Something that holds documents, with its readers.

    Attributes:
        agency: its officers may read.
        account: the account that may read too, in lower case; None: nobody.
        documents: with their names there.
        document_ids: of these, for searching.
        account_document_ids: those that `account` may read, for searching.
    """

    model_config = ConfigDict(frozen=True)

    agency: str
    account: str | None
    documents: tuple[Document, ...]
    document_ids: tuple[str, ...]
    account_document_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Claimant:
    """A caller who refers to documents. `agencies` None: on their own behalf only.

    `officer`: they may read what those agencies hold.
    """

    subject: str
    agencies: Collection[str] | None
    officer: bool

    @classmethod
    def of(cls, principal: Principal) -> "Claimant":
        own = frozenset({principal.agency} if principal.agency else ())
        return cls(principal.subject, own, principal.has("administrator", "operator"))


class DocumentRights:
    """Which documents a caller may refer to. The others are treated as unknown."""

    def __init__(self, views: ViewStore, store: DocumentStore) -> None:
        """`views` has the two views. `store` knows the existing documents (pruning removes some)."""
        self._views = views
        self._store = store

    async def find(self, ids: Collection[str], claimant: Claimant) -> Mapping[str, Document]:
        """Those that the claimant may refer to, by id, each with the name they know it by."""
        found = {id_: named for id_ in set(ids) if (named := await self._counts(id_, claimant))}
        stored = await self._store.find(found.keys()) if found else {}
        return {id_: named for id_, named in found.items() if id_ in stored}

    async def _counts(self, document_id: str, claimant: Claimant) -> Document | None:
        agencies = claimant.agencies
        if named := await self._uploaded(document_id, claimant.subject, ["", *(agencies or ())]):
            return named
        of_agency = {"document_ids": document_id}
        if (
            claimant.officer
            and agencies
            and (named := await self._held(of_agency, agencies, document_id))
        ):
            return named
        own = {"account": claimant.subject.casefold(), "account_document_ids": document_id}
        return await self._held(own, agencies, document_id)

    async def _uploaded(
        self, document_id: str, by: str, agencies: Collection[str]
    ) -> Document | None:
        query = Query(
            equal={"uploaded_by": by, "document.document_id": document_id},
            one_of={"agency": agencies},
            order_by="uploaded_at",
            descending=True,
            limit=1,
        )
        found = await self._views.find(UPLOADS, query)
        return Upload.model_validate(found[0].body).document if found else None

    async def _held(
        self, holding: Mapping[str, str], agencies: Collection[str] | None, document_id: str
    ) -> Document | None:
        query = Query(
            equal=holding,
            one_of={} if agencies is None else {"agency": agencies},
            descending=True,
            limit=1,
        )
        for found in await self._views.find(HOLDERS, query):
            documents = Holder.model_validate(found.body).documents
            return next(one for one in documents if one.document_id == document_id)
        return None
