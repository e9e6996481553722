"""Records as it runs, once a module, with the documents that all services share."""

from datetime import timedelta

import pytest
from eventually import eventually

from bmt.chassis.runtime.clock import now
from bmt.chassis.runtime.documents import DocumentStore, received_bytes
from bmt.chassis.runtime.mongodb import connect
from bmt.contracts.values import Document
from services.records.main import build
from services.records.settings import Settings

A_MOMENT = timedelta(milliseconds=2)


@pytest.fixture(scope="module")
async def records(shared):
    """A client of the running service."""
    async with shared.running(build, Settings) as client:
        yield client


@pytest.fixture(scope="module")
async def client_of_mongodb(mongodb):
    client = connect(mongodb)
    yield client
    client.close()


@pytest.fixture(scope="module")
def own(shared, client_of_mongodb):
    """The database of records."""
    return client_of_mongodb[f"{shared.name}_records"]


@pytest.fixture(scope="module")
def stored(shared, client_of_mongodb):
    """The database of the documents that all services share."""
    return client_of_mongodb[f"{shared.name}_documents"]


@pytest.fixture(scope="module")
def put(stored):
    """`await put(b"...")`: a document, stored as intake stores it, and as an event names it."""

    async def put(content, filename="borang.pdf", media_type="application/pdf"):
        store = DocumentStore(stored)
        await store.prepare()
        received = await received_bytes(content)
        await store.put(received, filename=filename, media_type=media_type)
        return Document(
            document_id=received.document_id,
            filename=filename,
            media_type=media_type,
            size_bytes=len(content),
        )

    return put


@pytest.fixture(scope="module")
def say(shared):
    """`await say(events)`: (event, sequence) pairs, each a moment after the other; their ids."""

    async def say(events):
        first = now()
        return [
            await shared.wire.say(event, sequence=sequence, at=first + place * A_MOMENT)
            for place, (event, sequence) in enumerate(events)
        ]

    return say


@pytest.fixture
def record_of(records, as_):
    """`await record_of(request, at=..., version=...)`: the file as an auditor sees it."""

    async def record_of(request, **until):
        answer = await records.get(
            f"/v1/records/{request.request_id}", params=until, headers=as_("auditor", "")
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    return record_of


@pytest.fixture
def once_filed(record_of):
    """`await once_filed(request)`: the file when it is complete."""

    async def once_filed(request):
        async def look():
            found = await record_of(request)
            assert found["state"]["status"] == "filed", (found["state"], found["missing"])
            return found

        return await eventually(look, 15)

    return once_filed
