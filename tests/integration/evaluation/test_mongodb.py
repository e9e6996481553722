"""The embedded MongoDB: what each service's user may do, above all on the record."""

import pytest
from fixtures.mongodb import embedded_mongodb

from bmt.chassis.runtime.mongodb import AsyncIOMotorGridFSBucket, OperationFailure, connect
from evaluation.ports import any_free_port
from evaluation.supervisor import running

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
async def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    part = embedded_mongodb(folder)
    async with running(part.program(), folder / "logs"):
        yield part


@pytest.fixture
def as_user(server):
    clients = []

    def client(user):
        clients.append(connect(server.uri(user)))
        return clients[-1]

    yield client
    for opened in clients:
        opened.close()


def refused():
    return pytest.raises(OperationFailure, match="not authorized")


async def test_a_service_sees_no_other_database(as_user):
    intake = as_user("intake")

    await intake.bmt_intake.commits.insert_one({"_id": "one"})
    with refused():
        await intake.bmt_approval.commits.find_one()


async def test_records_adds_leaves_and_nobody_changes_or_removes_one(as_user):
    leaves = as_user("records").bmt_records.leaves
    await leaves.create_index("request")
    await leaves.insert_one({"_id": "leaf"})

    with refused():
        await leaves.update_one({"_id": "leaf"}, {"$set": {"forged": True}})
    with refused():
        await leaves.delete_one({"_id": "leaf"})
    with refused():
        await leaves.find_one_and_replace({"_id": "leaf"}, {"forged": True})
    with refused():
        await leaves.drop()
    assert await leaves.find_one({"_id": "leaf"}) == {"_id": "leaf"}


async def test_records_cannot_put_another_collection_in_the_place_of_the_leaves(as_user):
    database = as_user("records").bmt_records
    await database.commits.insert_one({"_id": "forged"})

    with refused():
        await database.commits.aggregate([{"$out": "leaves"}]).to_list(None)
    with refused():
        await database.commits.rename("leaves", dropTarget=True)


async def test_records_files_folios_and_cannot_remove_them(as_user):
    folios = AsyncIOMotorGridFSBucket(as_user("records").bmt_records, "folios")
    identity = await folios.upload_from_stream("scan.pdf", b"%PDF-1.7")

    with refused():
        await folios.delete(identity)


async def test_records_works_freely_on_its_other_collections(as_user):
    commits = as_user("records").bmt_records.commits
    await commits.insert_one({"_id": "commit", "outbox": True})

    await commits.update_one({"_id": "commit"}, {"$unset": {"outbox": True}})

    assert await commits.find_one({"_id": "commit"}) == {"_id": "commit"}


async def test_a_document_is_written_once_and_read_by_all(as_user):
    stored = AsyncIOMotorGridFSBucket(as_user("intake").bmt_documents, "documents")
    await stored.upload_from_stream_with_id("sha256:00", "letter.pdf", b"%PDF-1.7")

    for service in ("approval", "provisioning", "notification", "records"):
        bucket = AsyncIOMotorGridFSBucket(as_user(service).bmt_documents, "documents")
        assert await (await bucket.open_download_stream("sha256:00")).read() == b"%PDF-1.7"
    with refused():
        await stored.delete("sha256:00")
    with refused():
        await as_user("approval").bmt_documents.documents.files.insert_one({})


async def test_it_comes_back_on_another_port_with_its_data_and_users(tmp_path):
    part = embedded_mongodb(tmp_path)
    async with running(part.program(), tmp_path / "logs"):
        client = connect(part.uri("intake"))
        await client.bmt_intake.commits.insert_one({"_id": "kept"})
        client.close()

    moved = type(part)(part.folder, [any_free_port()], part.passwords)
    async with running(moved.program(), tmp_path / "logs"):
        client = connect(moved.uri("intake"))
        assert await client.bmt_intake.commits.find_one() == {"_id": "kept"}
        client.close()
