"""`bmt backup` and `bmt restore`: what comes back is what was there at one moment, or nothing counts."""

import base64
import json
import os
import uuid

import pytest
from fixtures.thoroughness import only_long

from bmt.backup import copying
from bmt.backup.copying import Restoring, copy
from bmt.backup.directory import Backup, BackupKey, Manifest, NewBackup, Unusable
from bmt.chassis import crash_points
from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.runtime import clock, mongodb
from bmt.chassis.runtime.mongodb import RawDocument, connect
from bmt.cli.backup import left_out

pytestmark = pytest.mark.integration

KEY = BackupKey(bytes(32))
LEFT_OUT = {"intake": ("inbox",), "documents": (), "operations": ("backups",)}


class Stores:
    """The databases of one installation."""

    def __init__(self, uri, prefix):
        self.prefix = prefix
        self.client = connect(uri)
        self.raw = connect(uri, document_class=RawDocument)

    def __getitem__(self, name):
        return self.client[f"{self.prefix}{name}"]

    async def drop(self):
        for name in await self.client.list_database_names():
            if name.startswith(self.prefix):
                await self.client.drop_database(name)
        self.client.close()
        self.raw.close()

    async def everything(self):
        """By collection, by id; without what the commands note for themselves."""
        found = {}
        for name in await self.client.list_database_names():
            if name.startswith(self.prefix) and not name.endswith("operations"):
                database = self.client[name]
                for collection in await database.list_collection_names():
                    documents = await database[collection].find().to_list(None)
                    if collection not in (mongodb.SCHEMA, "inbox") and documents:
                        place = name.removeprefix(self.prefix), collection
                        found[place] = {each["_id"]: each for each in documents}
        return found


@pytest.fixture
async def stores(mongodb):
    made = [Stores(mongodb, f"test_{uuid.uuid4().hex[:10]}_") for _ in range(2)]
    yield made
    for each in made:
        await each.drop()


async def taken(stores, folder, key=KEY):
    """A backup of these, finished."""
    new = NewBackup(folder, key)
    mark = clock.new_id()
    cut = await copy(stores.raw, stores.prefix, LEFT_OUT, new, mark, clock.now)
    manifest = Manifest(
        id=mark,
        version="1",
        schema_version=mongodb.SCHEMA_VERSION,
        prefix=stores.prefix,
        began_at=cut.began_at,
        cut_at=cut.cut_at,
        finished_at=clock.now(),
        files=tuple(new.files),
        kept_apart=(),
        key=key.check,
    )
    new.finish(manifest)
    return Backup(folder, key)


async def restored(backup, into):
    backup.verify()
    restoring = Restoring(into.raw, into.prefix, backup)
    await restoring.require_room()
    await restoring.run()


async def filled(stores):
    commits = [
        {"_id": n, "version": n, "outbox": True, "deep": {"a": 0}, "list": [1, 2, 3]}
        for n in range(100)
    ]
    await stores["intake"].commits.insert_many(commits)
    await stores["intake"].inbox.insert_one({"_id": "made again"})
    await stores["documents"]["documents.chunks"].insert_many(
        [{"_id": n, "data": os.urandom(100_000)} for n in range(8)]
    )


async def changed(stores, times):
    """Everything that services do to documents, to some that are copied by now and some that are not."""
    commits, chunks = stores["intake"].commits, stores["documents"]["documents.chunks"]
    first = times * 10
    await commits.update_many({"_id": {"$gte": first}}, {"$unset": {"outbox": ""}})
    await commits.update_many({"deep": {"$ne": None}}, {"$set": {"deep.a": times, "list.2": times}})
    await commits.update_many({"_id": {"$gte": first}}, [{"$set": {"deep": None, "list": [9]}}])
    await commits.update_many({"_id": {"$lt": first}}, {"$set": {"deep": {"a": 7}, "more": times}})
    await commits.delete_many({"_id": {"$gte": first, "$lt": first + 3}})
    await commits.insert_one({"_id": f"new {times}", "version": 1})
    await chunks.replace_one({"_id": 3}, {"data": b"another"}, upsert=True)
    await chunks.delete_one({"_id": times})
    await stores["intake"][f"made at {times}"].insert_one({"_id": times})
    await stores["intake"].inbox.insert_one({"_id": times})


@pytest.fixture
async def eventful(stores, tmp_path, monkeypatch):
    """A backup during which everything changed, and what was there when it ended."""
    old, _ = stores
    await filled(old)
    copy_collection, times = copying._copy_collection, iter(range(1, 100))

    async def while_it_changes(*arguments):
        await changed(old, next(times))
        await copy_collection(*arguments)
        await changed(old, next(times))

    with monkeypatch.context() as patched:
        patched.setattr(copying, "_copy_collection", while_it_changes)
        backup = await taken(old, tmp_path / "backup")
    return backup, await old.everything()


async def test_what_comes_back_is_what_was_there_at_the_end_whatever_changed_meanwhile(
    stores, eventful
):
    backup, at_the_end = eventful
    old, new = stores
    await changed(old, 50)
    await restored(backup, new)
    assert await new.everything() == at_the_end
    assert await new["intake"].inbox.count_documents({}) == 0
    assert await mongodb.stored_schema(new["intake"]) == {}


@pytest.mark.parametrize(
    "point",
    [
        pytest.param("restore.begun", marks=only_long),
        pytest.param("restore.inserted", marks=only_long),
        "restore.changed",
        "restore.applied",
    ],
)
async def test_a_restore_that_died_is_begun_again_and_ends_the_same(
    stores, eventful, monkeypatch, point
):
    backup, at_the_end = eventful
    new = stores[1]

    class Died(BaseException): ...

    def die(reached):
        if reached == point:
            raise Died

    with monkeypatch.context() as patched:
        patched.setattr(crash_points, "reached", die)
        with pytest.raises(Died):
            await restored(backup, new)

    with pytest.raises(WrongConfiguration, match="is half restored: stop the services"):
        await mongodb.require_schema(new["intake"])
    await restored(backup, new)
    assert await new.everything() == at_the_end
    await mongodb.require_schema(new["intake"])


async def test_another_backup_does_not_go_on_where_one_died(stores, tmp_path, monkeypatch):
    old, new = stores
    await filled(old)
    first, second = await taken(old, tmp_path / "1"), await taken(old, tmp_path / "2")
    with monkeypatch.context() as patched:
        patched.setattr(crash_points, "reached", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await restored(first, new)
    with pytest.raises(Unusable, match="half restored from another backup"):
        await restored(second, new)


async def test_a_collection_that_is_removed_meanwhile_ends_the_backup(
    stores, tmp_path, monkeypatch
):
    old, _ = stores
    await filled(old)
    copy_collection = copying._copy_collection

    async def while_it_goes(collection, *arguments):
        await collection.drop()
        await copy_collection(collection, *arguments)

    monkeypatch.setattr(copying, "_copy_collection", while_it_goes)
    with pytest.raises(Unusable, match="a collection was removed or renamed"):
        await taken(old, tmp_path / "backup")
    with pytest.raises(Unusable, match="was not finished"):
        Backup(tmp_path / "backup", KEY)


@pytest.fixture
def key_file(tmp_path):
    file = tmp_path / "key"
    file.write_text(base64.b64encode(bytes(32)).decode() + "\n")
    return str(file)


async def test_the_commands_copy_and_restore_and_leave_out_what_is_made_again(
    bmt, databases, stores, key_file, tmp_path
):
    intake = databases("intake")
    await intake.commits.insert_one({"_id": "c", "stream": "request-1"})
    await intake.requests.insert_one({"_id": "1"})
    await intake.inbox.insert_one({"_id": "made again"})
    await intake.positions.insert_many([{"_id": "pruned"}, {"_id": "consumed:x"}])
    await databases("web").sessions.insert_one({"_id": "s"})
    await databases("web").drafts.insert_one({"_id": "d"})
    folder = str(tmp_path / "backup")
    answer = await bmt("backup", folder, "--key-file", key_file, "--json")
    assert (answer.code, answer.err) == (0, "")
    assert answer.json["documents"] == 5
    assert any("BMT_RECORDS_KEY" in one for one in answer.json["kept_apart"])

    again = await bmt("backup", folder, "--key-file", key_file)
    assert (again.code, again.err) == (
        2,
        f"bmt: {folder} holds a backup: name a directory that is new\n",
    )
    checked = await bmt("restore", folder, "--key-file", key_file, "--check")
    assert checked.out.endswith(": whole, and opens\n")
    refused = await bmt("restore", folder, "--key-file", key_file)
    assert refused.code == 1
    assert (
        f"{intake.name} has commits, and a backup is restored into an empty installation"
        in refused.err
    )

    there = {"BMT_DATABASE_PREFIX": stores[1].prefix}
    done = await bmt("restore", folder, "--key-file", key_file, "--json", **there)
    assert (done.code, done.err) == (0, "")
    assert done.json["next"] == [
        "bmt migrate",
        "start the services",
        "bmt records verify",
        "bmt status",
    ]
    assert await stores[1].everything() == {
        ("intake", "commits"): {"c": {"_id": "c", "stream": "request-1"}},
        ("intake", "requests"): {"1": {"_id": "1"}},
        ("intake", "positions"): {"pruned": {"_id": "pruned"}},
        ("web", "drafts"): {"d": {"_id": "d"}},
    }


async def test_what_is_no_backup_is_refused_before_anything_is_written(
    bmt, databases, stores, key_file, tmp_path
):
    await databases("intake").commits.insert_one({"_id": "c", "stream": "request-1"})
    folder = tmp_path / "backup"
    await bmt("backup", str(folder), "--key-file", key_file)

    async def refused(key=key_file, **changes):
        there = {"BMT_DATABASE_PREFIX": stores[1].prefix, **changes}
        answer = await bmt("restore", str(folder), "--key-file", key, **there)
        assert await stores[1].everything() == {}
        return answer.code, answer.err

    other = tmp_path / "other"
    other.write_text(base64.b64encode(bytes([1] * 32)).decode())
    code, said = await refused(key=str(other))
    assert code == 2
    assert "was sealed with another key" in said
    other.write_text("secret!")
    code, said = await refused(key=str(other))
    assert code == 2
    assert "is no key of 32 bytes in base64" in said
    assert "secret!" not in said

    file = folder / "intake.commits"
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert await refused() == (
        1,
        f"bmt: {file} is not what was written: take another copy of the backup\n",
    )
    file.write_bytes(content)
    manifest = folder / "manifest.json"
    text = manifest.read_text()
    manifest.write_text(json.dumps({**json.loads(text), "prefix": "another_"}))
    code, said = await refused()
    assert code == 1
    assert "was changed since the backup" in said
    later = replace_schema(text, mongodb.SCHEMA_VERSION + 1)
    manifest.write_text(later)
    code, said = await refused()
    assert code == 1
    assert "restore it with the version that took it" in said
    manifest.unlink()
    code, said = await refused()
    assert code == 1
    assert "was not finished" in said


def replace_schema(text, number):
    manifest = Manifest.model_validate_json(text)
    changed = manifest.model_copy(update={"schema_version": number})
    return changed.authenticated(KEY).model_dump_json()


async def test_topics_that_hold_what_was_decided_later_are_named(
    bmt, databases, stores, key_file, tmp_path, create_topics, kafka, topic_prefix
):
    from aiokafka import AIOKafkaProducer

    await databases("intake").commits.insert_one({"_id": "c", "stream": "request-1"})
    folder = str(tmp_path / "backup")
    await bmt("backup", folder, "--key-file", key_file)
    inbound, decisions = "bmt.inbound.hrmis.v1", "bmt.decisions.v1"
    await create_topics(inbound, decisions)
    there = {"BMT_DATABASE_PREFIX": stores[1].prefix}
    async with AIOKafkaProducer(**kafka.options) as producer:
        await producer.send_and_wait(topic_prefix + inbound, b"{}")
        assert (await bmt("restore", folder, "--key-file", key_file, "--check", **there)).code == 0
        await producer.send_and_wait(topic_prefix + decisions, b"{}")
    refused = await bmt("restore", folder, "--key-file", key_file, **there)
    assert refused.code == 1
    assert (
        f"Kafka has records in {topic_prefix}{decisions}: the restored services would"
        in refused.err
    )
    assert await stores[1].everything() == {}


def test_only_views_of_own_events_are_left_out():
    again = left_out()
    assert "requests" not in again["intake"]
    assert "reviews" not in again["provisioning"]
    assert {"inbox", "submissions", "rebuilding", "republishing"} <= set(again["intake"])
    kept = {
        "commits",
        "work",
        "parked",
        "discarded",
        "leaves",
        "people",
        "positions",
        "unsequenced",
    }
    assert not kept & {name for names in again.values() for name in names}
