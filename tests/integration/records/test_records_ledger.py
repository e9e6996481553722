"""The ledger in MongoDB: one place a leaf whoever writes, and rights that allow no second thoughts."""

import asyncio
import hashlib
import uuid

import pytest
from eventually import eventually
from fixtures.mongodb import embedded_mongodb
from fixtures.procedure import approved, configured, notified, numbered, opened
from fixtures.samples import facts, received
from fixtures.service import Surroundings

from bmt.chassis import clock
from bmt.chassis.errors import CausationReused
from bmt.chassis.mongodb import AsyncIOMotorGridFSBucket, OperationFailure, connect
from bmt.embedded.mongodb_rights import DOCUMENTS, RECORDS_DATABASE
from bmt.embedded.process import running
from services.records.ledger.file_numbers import FileNumbers
from services.records.ledger.leaf import Entry
from services.records.ledger.leaves import Leaves
from services.records.ledger.live_store import LiveStore
from services.records.main import build
from services.records.settings import Settings

pytestmark = pytest.mark.integration

CONTENT = b"form"
FORM = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


def entry(request_id, event_id, **data):
    event = {"id": event_id, "source": "/bmt/intake", "type": "my.gov.bmt.X.v1", "data": data}
    return Entry(request_id, "bmt.requests.v1", event)


async def two_writers(database):
    writers = [Leaves(database.leaves, clock.now) for _ in range(2)]
    await writers[0].prepare()
    return writers


async def test_two_writers_make_one_chain_without_gaps(database):
    writers = await two_writers(database)
    requests = [clock.new_id() for _ in range(5)]
    entries = [
        entry(request, f"{request}-{number}", number=number)
        for number in range(12)
        for request in requests
    ]

    await asyncio.gather(
        *(writers[place % 2].add(each) for place, each in enumerate(entries)),
        *(writers[1 - place % 2].add(each) for place, each in enumerate(entries)),
    )

    for request in requests:
        chain = await writers[0].of(request)
        assert [leaf.index for leaf in chain] == list(range(1, 13))
        assert {leaf.event_id for leaf in chain} == {f"{request}-{number}" for number in range(12)}
    assert (await LiveStore(database).verify()).faults == []


async def test_an_event_that_comes_again_keeps_its_leaf(database):
    writers = await two_writers(database)
    first = await writers[0].add(entry("a", "event-1", text="one"))
    await writers[0].add(entry("a", "event-2", text="two"))

    again = await writers[1].add(entry("a", "event-1", text="one"))

    assert again == first
    with pytest.raises(CausationReused):
        await writers[1].add(entry("a", "event-1", text="another"))


async def test_two_writers_give_each_request_one_number_without_gaps(database):
    registers = [FileNumbers(database.file_numbers, "{agency}.BMT.600-1/2") for _ in range(2)]
    await registers[0].prepare()
    requests = [(clock.new_id(), ("MAMPU", "JPA")[number % 2]) for number in range(60)]

    given = await asyncio.gather(
        *(register.of(*request) for request in requests for register in registers)
    )

    assert given[::2] == given[1::2]
    assert sorted(int(number.rpartition("/")[2]) for number in given[::2]) == sorted(
        [*range(1, 31), *range(1, 31)]
    )


@pytest.fixture(scope="module")
async def server(tmp_path_factory):
    """A MongoDB where every service has its own user and rights."""
    folder = tmp_path_factory.mktemp("rights")
    part = embedded_mongodb(folder)
    async with running(part.program(), folder / "logs"):
        yield part


async def test_with_the_rights_it_has_records_files_and_can_take_nothing_back(
    server, kafka, local_issuer, as_
):
    own = connect(server.uri("records"))[RECORDS_DATABASE]
    intake = connect(server.uri("intake"))[DOCUMENTS]
    surroundings = Surroundings(
        kafka, server.uri("records"), local_issuer, f"test-{uuid.uuid4().hex[:12]}."
    )
    await surroundings.start()
    request = facts()
    names = {"database": RECORDS_DATABASE, "documents_database": DOCUMENTS}
    async with surroundings.running(build, Settings, **names) as records:
        form = received(request)
        await AsyncIOMotorGridFSBucket(intake, "documents").upload_from_stream(
            "borang.pdf",
            CONTENT,
            metadata={"document_id": FORM, "media_type": "application/pdf"},
        )
        document = form.documents[0].model_copy(update={"document_id": FORM})
        form = form.model_copy(update={"documents": (document,)})
        events = (form, opened(request), approved(request), configured(request))
        for event, sequence in numbered(*events, notified(request, "configured")):
            await surroundings.wire.say(event, sequence=sequence)

        async def filed():
            answer = await records.get(
                f"/v1/records/{request.request_id}", headers=as_("auditor", "")
            )
            assert answer.status_code == 200
            assert answer.json()["state"]["status"] == "filed"

        await eventually(filed)
    await surroundings.wire.stop()

    for collection in ("leaves", "file_numbers", "folios.files", "folios.chunks"):
        with pytest.raises(OperationFailure, match="not authorized"):
            await own[collection].update_one({}, {"$set": {"forged": True}})
        with pytest.raises(OperationFailure, match="not authorized"):
            await own[collection].delete_one({})
    assert (await LiveStore(own).verify()).faults == []
