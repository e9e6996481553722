"""Documents by content: what is read back is what was stored, or it is said that it is not."""

import pytest
from fixtures.mongodb import embedded_mongodb

from bmt.chassis.errors import StoreUnavailable
from bmt.chassis.runtime.documents import (
    CHUNK_BYTES,
    DocumentDamaged,
    DocumentStore,
    SmallDocument,
    received_bytes,
)
from bmt.chassis.runtime.mongodb import AsyncIOMotorGridFSBucket, connect
from bmt.rights.mongodb_rights import DOCUMENTS
from evaluation.supervisor import running

pytestmark = pytest.mark.integration


async def stored(database, content):
    documents = DocumentStore(database)
    await documents.prepare()
    received = await received_bytes(content)
    await documents.put(received, filename="surat.txt", media_type="text/plain")
    return documents, received.document_id


async def test_the_same_content_is_stored_once_and_read_back(database):
    documents, document_id = await stored(database, b"kandungan" * 100_000)
    await stored(database, b"kandungan" * 100_000)

    assert await documents.read(document_id) == b"kandungan" * 100_000
    assert await database["documents.files"].count_documents({}) == 1


async def test_nothing_is_stored_before_there_is_what_keeps_it_from_being_stored_twice(database):
    received = await received_bytes(b"kandungan")
    with pytest.raises(StoreUnavailable):
        await DocumentStore(database).put(received, filename="a.txt", media_type="text/plain")
    assert await database["documents.files"].count_documents({}) == 0


async def test_a_document_that_lost_a_part_is_damaged(database):
    documents, document_id = await stored(database, b"kandungan" * 100_000)
    await database["documents.chunks"].delete_one({"n": 1})

    with pytest.raises(DocumentDamaged):
        await documents.read(document_id)


async def test_who_may_only_read_is_ready_without_making_anything(tmp_path):
    server = embedded_mongodb(tmp_path)
    async with running(server.program(), tmp_path / "logs"):
        reader, writer = (connect(server.uri(user)) for user in ("approval", "intake"))
        await DocumentStore(reader[DOCUMENTS]).prepare()
        _, document_id = await stored(writer[DOCUMENTS], b"borang")

        assert await DocumentStore(reader[DOCUMENTS]).read(document_id) == b"borang"
        reader.close()
        writer.close()


async def test_small_documents_are_stored_in_one_write(database):
    documents = DocumentStore(database)
    one, other = (
        SmallDocument(f"sha256:{n}", f"surat {n}".encode(), f"{n}.eml", "message/rfc822")
        for n in (1, 2)
    )
    with pytest.raises(StoreUnavailable):
        await documents.put_small([one])
    await documents.prepare()
    await documents.put_small([one, one])
    await documents.put_small([other, one])

    assert await documents.read("sha256:1") == b"surat 1"
    assert await documents.read("sha256:2") == b"surat 2"
    assert await database["documents.files"].count_documents({}) == 2
    assert await database["documents.chunks"].count_documents({}) == 0


@pytest.mark.parametrize("content", [b"surat", b""])
async def test_a_small_document_of_an_earlier_version_is_a_file_and_a_chunk(database, content):
    documents = DocumentStore(database)
    await documents.prepare()
    bucket = AsyncIOMotorGridFSBucket(database, "documents", chunk_size_bytes=CHUNK_BYTES)
    metadata = {"document_id": "sha256:1", "media_type": "text/plain"}
    await bucket.upload_from_stream("surat.txt", content, metadata=metadata)
    await documents.put_small([SmallDocument("sha256:1", content, "lain.txt", "text/plain")])

    assert await documents.read("sha256:1") == content
    assert (await documents.find(["sha256:1"]))["sha256:1"].filename == "surat.txt"
    assert await database["documents.files"].count_documents({}) == 1


async def test_a_small_document_whose_bytes_are_not_all_there_is_damaged(database):
    documents, document_id = await stored(database, b"kandungan")
    await database["documents.files"].update_one({}, {"$set": {"content": b"kandun"}})

    with pytest.raises(DocumentDamaged):
        await documents.read(document_id)
