"""Documents by content: what is read back is what was stored, or it is said that it is not."""

import pytest

from bmt.chassis.documents import DocumentDamaged, DocumentStore, received_bytes

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


async def test_a_document_that_lost_a_part_is_damaged(database):
    documents, document_id = await stored(database, b"kandungan" * 100_000)
    await database["documents.chunks"].delete_one({"n": 1})

    with pytest.raises(DocumentDamaged):
        await documents.read(document_id)
