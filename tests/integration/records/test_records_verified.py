"""A record in the hands of its own service can only grow; in anybody's hands, what was done is found."""

import asyncio
import json
import uuid
from base64 import b64encode
from contextlib import asynccontextmanager

import pytest
from eventually import eventually
from fixtures.ledger_keys import RECORDS_KEY
from fixtures.mongodb import embedded_mongodb
from fixtures.procedure import approved, configured, notified, numbered, opened
from fixtures.samples import APPLICANT, facts, received
from fixtures.service import Surroundings
from typer.testing import CliRunner

from bmt.chassis.runtime.documents import DocumentStore, received_bytes
from bmt.chassis.runtime.mongodb import OperationFailure, connect
from bmt.cli.main import app
from bmt.rights.mongodb_rights import DOCUMENTS, RECORDS_DATABASE
from evaluation.supervisor import running
from services.records.main import build
from services.records.settings import Settings

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
async def server(tmp_path_factory):
    """A MongoDB where every service has its own user and rights."""
    folder = tmp_path_factory.mktemp("rights")
    part = embedded_mongodb(folder)
    async with running(part.program(), folder / "logs"):
        yield part


@pytest.fixture(scope="module")
async def request_filed(server, kafka, local_issuer):
    """One request in a complete file, filed by the service with the rights that it has."""
    prefix = f"test-{uuid.uuid4().hex[:12]}."
    surroundings = Surroundings(kafka, server.uri("records"), local_issuer, prefix)
    await surroundings.start()
    request = facts()
    async with surroundings.running(build, Settings, database_prefix="bmt_") as records:
        form = received(request)
        document = form.documents[0].model_copy(update={"document_id": await stored(server)})
        form = form.model_copy(update={"documents": (document,)})
        events = (form, opened(request), approved(request), configured(request))
        for event, sequence in numbered(*events, notified(request, "configured")):
            await surroundings.wire.say(event, sequence=sequence)
        token = local_issuer.token("audit", "auditor")

        async def filed():
            answer = await records.get(
                f"/v1/records/{request.request_id}", headers={"Authorization": f"Bearer {token}"}
            )
            assert answer.status_code == 200
            assert answer.json()["state"]["status"] == "filed"

        await eventually(filed)
    await surroundings.wire.stop()
    return request.request_id


async def stored(server):
    """A document as intake stores it, by its id."""
    client = connect(server.uri("intake"))
    documents = DocumentStore(client[DOCUMENTS])
    await documents.prepare()
    content = await received_bytes(b"form")
    await documents.put(content, filename="borang.pdf", media_type="application/pdf")
    client.close()
    return content.document_id


@pytest.fixture
def as_user(server):
    """`as_user("records")`: the record's database with that user's rights."""
    clients = []

    def database(user):
        clients.append(connect(server.uri(user)))
        return clients[-1][RECORDS_DATABASE]

    yield database
    for client in clients:
        client.close()


@pytest.fixture
def verify(server, request_filed, tmp_path):
    """`await verify()`: what the command answers, and its exit code."""
    (tmp_path / "ready.json").write_text(json.dumps({"mongodb": {"uri": server.uri()}}))
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "people.key").write_text(RECORDS_KEY)

    async def verify(*options):
        arguments = ["records", "verify", "--data", str(tmp_path), *options]
        answer = await asyncio.to_thread(CliRunner().invoke, app, arguments)
        return answer.output, answer.exit_code

    return verify


async def test_the_service_itself_can_take_nothing_back(request_filed, as_user):
    own = as_user("records")
    for collection in ("leaves", "file_numbers", "folios.files", "folios.chunks"):
        with pytest.raises(OperationFailure, match="not authorized"):
            await own[collection].update_one({}, {"$set": {"forged": True}})
        with pytest.raises(OperationFailure, match="not authorized"):
            await own[collection].delete_one({})


async def test_a_record_as_it_was_written_verifies(verify):
    said, code = await verify()
    assert said.startswith("1 records, 6 leaves, 1 folios, ")
    assert said.endswith(" checkpoints: all are what was written\n")
    assert code == 0
    said, code = await verify("--json")
    assert (json.loads(said)["valid"], code) == (True, 0)


def sealed_anew(text):
    data = json.loads(text)
    data["sealed"]["text"] = b64encode(bytes(40)).decode()
    return json.dumps(data)


@asynccontextmanager
async def changed(collection, where, *, to=None):
    """One document changed, or removed, as somebody with every right could; then mended."""
    before = await collection.find_one(where)
    if to is None:
        await collection.delete_one(where)
        yield
        await collection.insert_one(before)
    else:
        to = to(before) if callable(to) else to
        await collection.update_one(where, {"$set": to})
        yield
        await collection.replace_one({"_id": before["_id"]}, before)


@pytest.mark.parametrize(
    ("collection", "where", "to", "leaf", "wrong"),
    [
        ("leaves", {"index": 3}, {"event.data.reason": "a bribe"}, 3, "hash_mismatch"),
        ("leaves", {"index": 2}, None, 3, "index_gap"),
        ("leaves", {"index": 5}, None, 5, "leaf_missing"),
        ("leaves", {"index": 1}, {"request_id": "elsewhere"}, 2, "index_gap"),
        ("leaves", {"index": 4}, {"sealed.text": bytes(40)}, 4, "disclosure_mismatch"),
        ("leaves", {"index": 4}, {"sealed": None}, 4, "disclosure_mismatch"),
        ("people", {}, None, 1, "key_missing"),
        (
            "commits",
            {"events.type": {"$regex": "FolioFiled"}},
            lambda commit: {"events.0.data": sealed_anew(commit["events"][0]["data"])},
            None,
            "commit_changed",
        ),
        ("commits", {"version": 2}, {"events.0.data": "{"}, None, "commit_changed"),
        ("folios.files", {}, {"content": bytes(52)}, None, "folio_mismatch"),
        ("folios.files", {}, {"content": bytes(51)}, None, "folio_missing"),
        ("folios.files", {}, None, None, "folio_missing"),
        ("commits", {"version": 2}, None, None, "commit_missing"),
    ],
)
async def test_whatever_is_changed_is_named(
    verify, request_filed, as_user, collection, where, to, leaf, wrong
):
    where = {**where, "request_id": request_filed} if collection == "leaves" else where
    async with changed(as_user("admin")[collection], where, to=to):
        said, code = await verify("--json")
        line, _ = await verify()

    found = [
        (each["request_id"], each["leaf"], each["wrong"]) for each in json.loads(said)["faults"]
    ]
    assert (request_filed, leaf, wrong) in found
    assert code == 1
    assert f"{request_filed} leaf {leaf or '-'} {wrong}" in line


async def test_without_the_key_the_rest_is_verified_and_that_is_said(verify, tmp_path):
    (tmp_path / "records" / "people.key").unlink()
    said, code = await verify()
    assert "(what is sealed was not opened: no BMT_RECORDS_KEY)" in said
    assert code == 0


async def test_nothing_that_is_said_of_a_person_lies_open(request_filed, as_user):
    """But in the list of files, which is searched; it is made again from the rest."""
    admin = as_user("admin")
    for collection in await admin.list_collection_names():
        if collection in ("files", "parked"):
            continue
        stored = b"".join([batch async for batch in admin[collection].find_raw_batches({})])
        for said in (APPLICANT.name, APPLICANT.account, APPLICANT.email, "borang.pdf"):
            assert said.encode() not in stored, (collection, said)


async def test_without_a_system_there_is_nothing_to_verify(tmp_path, monkeypatch):
    monkeypatch.setattr("bmt.chassis.runtime.mongodb.SELECTION_TIMEOUT_MS", 300)
    away = tmp_path / "ready.json"
    runner = CliRunner()
    nowhere = await asyncio.to_thread(
        runner.invoke, app, ["records", "verify", "--data", str(tmp_path)]
    )
    away.write_text(json.dumps({"mongodb": {"uri": "mongodb://127.0.0.1:1/"}}))
    unreachable = await asyncio.to_thread(
        runner.invoke, app, ["records", "verify", "--data", str(tmp_path)]
    )

    assert (nowhere.exit_code, unreachable.exit_code) == (3, 3)
    assert "mongodb cannot be reached" in unreachable.output
