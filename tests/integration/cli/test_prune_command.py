"""What pruning removes, what it leaves, and that it goes on wherever it was stopped."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from bmt import pruning
from bmt.chassis.errors import StoreUnavailable
from bmt.chassis.runtime.documents import DocumentStore, received_bytes
from bmt.chassis.runtime.mongodb import connect
from bmt.pruning import STORES, prune_documents, prune_streams

pytestmark = pytest.mark.integration

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=91)
BEFORE = NOW - timedelta(days=90)
LATER = datetime(2100, 1, 1, tzinfo=UTC)
ON = {"ipms": {"bmt_enabled": True}, "storage": {"enabled": True}}
OFF = {"ipms": {"bmt_enabled": False}, "storage": {"enabled": False}}


class Databases:
    """The services' databases of one test."""

    def __init__(self, client, prefix):
        self.client, self.prefix = client, prefix

    def __getitem__(self, service):
        return self.client[f"{self.prefix}{service}"]

    async def keep(self, request_id, *, filed_at=None, document_id="sha256:" + "0" * 64):
        """What all services have of one request."""
        for service, store in STORES.items():
            for version in (1, 2):
                commit = {
                    "_id": f"{request_id}:{version}",
                    "stream": f"request-{request_id}",
                    "version": version,
                    "events": [{"data": {"documents": [{"document_id": document_id}]}}],
                    "recorded_at": LONG_AGO,
                }
                await self[service].commits.insert_one(commit)
            listed = [{"_id": f"{request_id}:{n}", store.named_by: request_id} for n in (1, 2)]
            await self[service][store.requests].insert_many({d["_id"]: d for d in listed}.values())
        await self["documents"].holders.insert_one({"_id": request_id})
        await self["records"].files.insert_one({"_id": request_id, "filed_at": filed_at})
        await self["records"].commits.insert_one({"_id": request_id, "stream": request_id})

    async def streams(self, service):
        return set(await self[service].commits.distinct("stream"))


@pytest.fixture
async def databases(mongodb):
    client, prefix = connect(mongodb), f"test_{uuid.uuid4().hex[:12]}_"
    yield Databases(client, prefix)
    for service in (*STORES, "records", "documents"):
        await client.drop_database(f"{prefix}{service}")
    client.close()


async def pruned(databases):
    return await prune_streams(databases.client, databases.prefix, BEFORE)


async def test_a_request_that_only_the_view_of_before_lists_is_removed_too(databases):
    await databases.keep("old", filed_at=LONG_AGO)
    notification = databases["notification"]
    await notification["told"].delete_many({})
    await notification["correspondences"].insert_one({"_id": "old"})
    await notification["notices"].insert_one({"_id": "one", "request_id": "old"})
    told = await prune_streams(databases.client, databases.prefix, BEFORE)
    assert told["notification"].requests == 1
    assert not await databases.streams("notification")
    for view in ("correspondences", "notices"):
        assert await notification[view].count_documents({}) == 0


async def test_what_was_filed_long_ago_leaves_every_service_and_nothing_else_does(databases):
    await databases.keep("old", filed_at=LONG_AGO)
    await databases.keep("young", filed_at=NOW - timedelta(days=89))
    await databases.keep("open")
    await databases["provisioning"].tasks.insert_many(
        [{"_id": "task-1", "request_id": "old"}, {"_id": "task-2", "request_id": "open"}]
    )

    told = await pruned(databases)

    for service, store in STORES.items():
        assert (told[service].requests, told[service].commits) == (1, 2)
        assert await databases.streams(service) == {"request-young", "request-open"}
        left = await databases[service][store.requests].distinct(store.named_by)
        assert set(left) == {"young", "open"}
    assert await databases["provisioning"].tasks.distinct("_id") == ["task-2"]
    assert set(await databases["documents"].holders.distinct("_id")) == {"young", "open"}
    assert len(await databases["records"].files.distinct("_id")) == 3
    assert len(await databases["records"].commits.distinct("_id")) == 3


async def test_what_was_never_approved_leaves_the_reviews_too(databases):
    files = [{"_id": name, "filed_at": LONG_AGO} for name in ("approved", "rejected")]
    await databases["records"].files.insert_many(files)
    provisioning = databases["provisioning"]
    await provisioning.configurations.insert_one({"_id": "approved"})
    await provisioning.reviews.insert_many(
        [{"_id": name} for name in ("approved", "rejected", "open")]
    )

    told = await pruned(databases)

    assert told["provisioning"].requests == 2
    assert await provisioning.reviews.distinct("_id") == ["open"]
    assert await provisioning.configurations.distinct("_id") == []


@pytest.mark.parametrize(("effective", "kept"), [(ON, True), (OFF, False)])
async def test_what_an_account_has_now_keeps_its_configuration(databases, effective, kept):
    await databases.keep("old", filed_at=LONG_AGO)
    await databases["provisioning"].entitlements.insert_one(
        {"_id": "aminah@example.my", "request_id": "old", "effective": effective}
    )

    told = await pruned(databases)

    assert told["provisioning"].in_force == kept
    assert await databases.streams("provisioning") == ({"request-old"} if kept else set())
    assert await databases["provisioning"].entitlements.count_documents({}) == kept
    assert await databases.streams("intake") == set()


async def test_what_is_superseded_goes_with_a_later_run(databases):
    await databases.keep("old", filed_at=LONG_AGO)
    in_force = {"_id": "aminah@example.my", "request_id": "old", "effective": ON}
    await databases["provisioning"].entitlements.insert_one(in_force)
    await pruned(databases)
    await databases["provisioning"].entitlements.update_one({}, {"$set": {"request_id": "new"}})

    told = await pruned(databases)

    assert told["provisioning"].requests == 1
    assert await databases["provisioning"].entitlements.distinct("request_id") == ["new"]


async def test_uploads_bulk_calls_and_assignments_go_by_their_age(databases):
    for service, stream in (
        *(("intake", "upload-{}"), ("approval", "bulk-{}")),
        ("notification", "assignment-{}"),
    ):
        for name, recorded_at in (("old", LONG_AGO), ("young", NOW)):
            commit = {"_id": name, "stream": stream.format(name), "recorded_at": recorded_at}
            await databases[service].commits.insert_one(commit)
    views = [databases[name].uploads for name in ("intake", "documents")]
    for uploads in views:
        await uploads.insert_many([{"uploaded_at": LONG_AGO}, {"uploaded_at": NOW}])

    await pruned(databases)

    assert await databases.streams("intake") == {"upload-young"}
    assert await databases.streams("approval") == {"bulk-young"}
    assert await databases.streams("notification") == {"assignment-young"}
    assert [await uploads.count_documents({}) for uploads in views] == [1, 1]


async def test_what_integrators_were_told_goes_with_the_request_and_refusals_by_their_age(
    databases,
):
    await databases.keep("old", filed_at=LONG_AGO)
    await databases.keep("open")
    intake = databases["intake"]
    await intake.submissions.insert_many(
        [{"_id": name, "request_id": name, "refused_at": None} for name in ("old", "open")]
        + [
            {"_id": "refused", "request_id": None, "refused_at": LONG_AGO},
            {"_id": "refused lately", "request_id": None, "refused_at": NOW},
        ]
    )
    await intake.commits.insert_one(
        {"_id": "refused", "stream": "refusal-1", "recorded_at": LONG_AGO}
    )

    await pruned(databases)

    assert set(await intake.submissions.distinct("_id")) == {"open", "refused lately"}
    assert await databases.streams("intake") == {"request-open"}


async def test_what_was_stopped_between_commits_and_view_is_finished(databases):
    await databases.keep("old", filed_at=LONG_AGO)
    await databases["intake"].commits.delete_many({})

    told = await pruned(databases)

    assert told["intake"].requests == 1
    assert await databases["intake"].requests.count_documents({}) == 0


async def stored(databases, content):
    store = DocumentStore(databases["documents"])
    await store.prepare()
    received = await received_bytes(content)
    document = await store.put(received, filename="surat.pdf", media_type="application/pdf")
    return store, document.document_id


async def swept(databases, before=LATER):
    return await prune_documents(databases.client, databases.prefix, before, 0)


@pytest.mark.parametrize("size", [7, 300_000])
async def test_a_document_that_no_commit_names_is_removed_with_its_bytes(databases, size):
    store, named = await stored(databases, b"named")
    _, unnamed = await stored(databases, bytes(size))
    await databases.keep("open", document_id=named)

    told = await swept(databases)

    assert (told.removed, told.given_back, told.bytes) == (1, 0, size)
    assert set(await store.find([named, unnamed])) == {named}
    assert await store.read(named) == b"named"
    assert await databases["documents"]["documents.chunks"].count_documents({}) == 0
    assert (await swept(databases)).removed == 0


async def test_a_young_document_stays_though_nobody_names_it_yet(databases):
    store, unnamed = await stored(databases, b"unnamed")
    assert (await swept(databases, BEFORE)).removed == 0
    assert await store.read(unnamed) == b"unnamed"


@pytest.fixture
def between_the_looks(monkeypatch):
    """`between_the_looks(act)`: `await act()` happens before it is looked who names what once more."""
    look = pruning._named

    def between(act):
        looks = []

        async def named(client, prefix):
            looks.append(prefix)
            if len(looks) == 2:
                await act()
            return await look(client, prefix)

        monkeypatch.setattr(pruning, "_named", named)

    return between


async def test_a_document_named_between_the_two_looks_is_given_back(databases, between_the_looks):
    store, document_id = await stored(databases, b"found just before it was condemned")

    async def name_it():
        assert await store.find([document_id]) == {}
        await databases.keep("late", document_id=document_id)

    between_the_looks(name_it)

    told = await swept(databases)

    assert (told.removed, told.given_back) == (0, 1)
    assert await store.read(document_id) == b"found just before it was condemned"


async def test_one_stored_anew_meanwhile_is_the_one_that_stays(databases, between_the_looks):
    store, document_id = await stored(databases, b"again")

    async def store_it_anew():
        await stored(databases, b"again")
        await databases.keep("late", document_id=document_id)

    between_the_looks(store_it_anew)

    told = await swept(databases)

    assert (told.removed, told.given_back) == (1, 0)
    assert await store.read(document_id) == b"again"


async def test_what_was_condemned_by_a_run_that_stopped_is_settled_by_the_next(
    databases, monkeypatch
):
    store, document_id = await stored(databases, b"once more")

    async def away(*_):
        raise StoreUnavailable("mongodb")

    with monkeypatch.context() as patched:
        patched.setattr(pruning, "_settle", away)
        with pytest.raises(StoreUnavailable):
            await swept(databases)
    assert await store.find([document_id]) == {}
    await databases.keep("late", document_id=document_id)

    assert (await swept(databases)).given_back == 1
    assert await store.read(document_id) == b"once more"
