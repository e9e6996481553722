"""Records: a whole procedure is filed, a document comes late, what is filed verifies."""

import uuid
from collections.abc import Sequence

from crash_stories import of_all
from eventually import eventually
from fixtures.ledger_keys import people_of
from fixtures.procedure import (
    approved,
    configured,
    notified,
    numbered,
    opened,
    prepared,
    started,
)
from fixtures.samples import APPLICANT, received
from stage import PATIENCE, Stage

from bmt.chassis.runtime.documents import received_bytes
from bmt.contracts import topics
from bmt.contracts.events import RequestEvent, RequestFacts
from bmt.contracts.values import Document
from services.records.ledger.live_store import LiveStore


def whole(request: RequestFacts, form: Document) -> list[tuple[RequestEvent, int]]:
    return numbered(
        received(request, documents=(form,)),
        prepared(request, "acknowledgement"),
        notified(request, "acknowledgement"),
        opened(request),
        approved(request),
        started(request),
        configured(request),
        prepared(request, "configured"),
        notified(request, "configured"),
    )


async def filed(stage: Stage) -> None:
    """Two procedures of one agency, one of them told twice."""
    requests = [stage.request(agency="KPM"), stage.request(agency="KPM")]
    for request in requests:
        form = await stage.put(f"form {uuid.uuid4()}".encode())
        for event, sequence in whole(request, form):
            event_id = await stage.say(event, sequence=sequence)
            if request is requests[0]:
                await stage.say(event, sequence=sequence, event_id=event_id)
    for request in requests:
        await stage.incoming(topics.RECORDS, request.request_id, "Filed")
        assert await stage.database.leaves.count_documents({"request_id": request.request_id}) == 9
    await _verifies(stage)


async def late(stage: Stage) -> None:
    """A document is not there yet: that is reported once, and it is filed once it comes."""
    request = stage.request()
    content = f"late {uuid.uuid4()}".encode()
    wanted = Document(
        document_id=(await received_bytes(content)).document_id,
        filename="imbasan.pdf",
        media_type="application/pdf",
        size_bytes=len(content),
    )
    for event, sequence in whole(request, wanted):
        await stage.say(event, sequence=sequence)
    await stage.work_waits(f"{request.request_id}/{wanted.document_id}")
    await stage.put(content, "imbasan.pdf")
    await stage.incoming(topics.RECORDS, request.request_id, "Filed")
    await _verifies(stage)


async def parked(stage: Stage) -> None:
    """A defect in the handler: later events queue, and are filed once it is mended."""
    request = stage.request()
    form = await stage.put(f"form {uuid.uuid4()}".encode())
    first, *rest = whole(request, form)
    await stage.stumble(request.request_id)
    await _say(stage, [first])
    await stage.parked(1, tries=2)
    await _say(stage, rest)
    await stage.parked(2)
    await stage.stumble()
    await stage.incoming(topics.RECORDS, request.request_id, "Filed")
    await _verifies(stage)


async def disposed(stage: Stage) -> None:
    """A person's data goes when two people say so, and their next request is welcome."""
    account = f"orang-{uuid.uuid4().hex[:12]}@mygovuc.gov.my"
    applicant = APPLICANT.model_copy(update={"account": account})
    gone, again = [stage.request(applicant=applicant) for _ in range(2)]
    await _filed(stage, gone)
    body = {"account": account, "reason": "Tempoh tamat."}
    answer = await stage.call(
        "POST", "/v1/disposals", "administrator", gone.agency, "siti", json=body
    )
    assert answer.status_code == 201, answer.text
    place = f"/v1/disposals/{answer.json()['disposal_id']}"
    approval = {"decision": "approved"}
    answer = await stage.call(
        "POST", f"{place}/decision", "administrator", gone.agency, "aminah", json=approval
    )
    assert answer.status_code == 201, answer.text

    async def carried_out() -> None:
        found = await stage.call("GET", place, "auditor", "")
        assert found.status_code == 200
        assert found.json()["status"] == "carried_out"

    await eventually(carried_out, PATIENCE)
    await _filed(stage, again)
    for request, left in ((gone, "disposed-of"), (again, account)):
        found = await stage.call("GET", f"/v1/records/{request.request_id}", "auditor", "")
        assert found.json()["state"]["applicant"]["account"] == left
    await _verifies(stage)


async def _filed(stage: Stage, request: RequestFacts) -> None:
    form = await stage.put(f"form {uuid.uuid4()}".encode())
    await _say(stage, whole(request, form))
    await stage.incoming(topics.RECORDS, request.request_id, "Filed")


async def _say(stage: Stage, events: Sequence[tuple[RequestEvent, int]]) -> None:
    for event, sequence in events:
        await stage.say(event, sequence=sequence)


async def _verifies(stage: Stage) -> None:
    people = people_of(stage.database)
    report = await LiveStore(stage.database, people=people).verify()
    assert report.faults == []


STORIES = (filed, of_all.too_large, late, parked, disposed, of_all.poison, of_all.left_behind)
