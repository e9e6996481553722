"""Records on real Kafka and MongoDB: from what the other services say to a file that is complete."""

import random

import pytest
from eventually import eventually
from fixtures.ledger_keys import people_of
from fixtures.procedure import (
    OFFICER,
    approved,
    configured,
    notified,
    numbered,
    opened,
    prepared,
    started,
)
from fixtures.samples import facts, received
from fixtures.uploads import Archive

from bmt.chassis.runtime.documents import received_bytes
from bmt.contracts import topics
from bmt.contracts.values import Document
from services.records.ledger.live_store import LiveStore

pytestmark = pytest.mark.integration


def whole(request, document, evidence=None, letter=None):
    """The whole procedure, each event with its sequence."""
    return numbered(
        received(request, documents=(document,)),
        opened(request),
        prepared(request, "acknowledgement"),
        notified(request, "acknowledgement"),
        approved(request),
        started(request),
        configured(request, *([evidence.document_id] if evidence else [])),
        prepared(request, "configured", document_id=letter and letter.document_id),
        notified(request, "configured", document_id=letter and letter.document_id),
    )


async def test_all_that_is_said_becomes_a_complete_file(once_filed, put, say, shared, own):
    request = facts()
    form = await put(b"form")
    evidence = await put(b"screenshot", "bukti.png", "image/png")
    letter = await put(b"letter", "surat.pdf")
    ids = await say(whole(request, form, evidence, letter))

    found = await once_filed(request)

    assert found["file_number"] == "MAMPU.BMT.600-1/2/1"
    assert [folio["number"] for folio in found["folios"]] == [1, 2, 3]
    assert {folio["document_id"] for folio in found["folios"]} == {
        each.document_id for each in (form, evidence, letter)
    }
    assert sorted(event["id"] for event in found["events"]) == sorted(ids)
    assert [event["index"] for event in found["events"]] == list(range(1, 10))
    assert found["state"]["decision"]["decision"] == "approved"
    assert found["state"]["effective"]["storage"]["quota_bytes"] == request.quota_bytes
    (filed,) = await shared.wire.hear(topics.RECORDS, request.request_id, "Filed")
    assert filed.data["file_number"] == found["file_number"]
    assert (filed.data["folios"], filed.data["volume"]) == (3, 1)
    assert filed.headers["ce_source"] == "/bmt/records"
    report = await LiveStore(own, people=people_of(own)).verify()
    assert (report.records, report.leaves, report.folios, report.faults) == (1, 10, 3, [])


async def test_a_small_document_is_filed_with_its_event_and_a_larger_one_by_the_worker(
    once_filed, put, say, own
):
    request = facts()
    form = await put(b"form")
    letter = await put(b"letter" * 50_000, "surat.pdf")
    await say(whole(request, form, letter=letter))

    assert len((await once_filed(request))["folios"]) == 2

    commits = await own.commits.find({"stream": f"request-{request.request_id}"}).to_list(None)
    named = [[event["type"].split(".")[-2] for event in commit["events"]] for commit in commits]
    assert ["FileOpened", "EventFiled", "FolioFiled"] in named or [
        "EventFiled",
        "FolioFiled",
    ] in named
    assert sum("FolioDue" in each for each in named) == 1


async def test_redelivery_and_any_order_change_nothing(once_filed, put, shared, own):
    requests = [facts(agency=agency) for agency in ("JPA", "KPM", "JPA", "KPM", "JPA")]
    form = await put(b"form")
    lot = [pair for request in requests for pair in whole(request, form)] * 2
    ids = {
        (id(event)): f"019ab000-0000-7000-8000-{number:012}"
        for number, (event, _) in enumerate(lot)
    }
    random.Random(7).shuffle(lot)
    for event, sequence in lot:
        await shared.wire.say(event, sequence=sequence, event_id=ids[id(event)])

    found = [await once_filed(request) for request in requests]

    assert all([event["index"] for event in each["events"]] == list(range(1, 10)) for each in found)
    assert sorted(each["file_number"] for each in found) == [
        "JPA.BMT.600-1/2/1",
        "JPA.BMT.600-1/2/2",
        "JPA.BMT.600-1/2/3",
        "KPM.BMT.600-1/2/1",
        "KPM.BMT.600-1/2/2",
    ]
    for request in requests:
        await shared.wire.hear(topics.RECORDS, request.request_id, "Filed")
    wanted = {"request_id": {"$in": [request.request_id for request in requests]}}
    assert await own.leaves.count_documents(wanted) == 45
    assert (await LiveStore(own, people=people_of(own)).verify()).faults == []


async def test_the_size_of_the_ledger_is_measured(records, own):
    leaves = await own.leaves.count_documents({})

    assert f"bmt_ledger_leaves {leaves}.0" in (await records.get("/metrics")).text


async def test_evidence_has_the_name_that_its_officer_gave_it(once_filed, put, say, stored):
    """Whoever stored the same bytes first called them something else; that is theirs to know."""
    await put(b"sama", "rahsia agensi lain.pdf")
    archive = Archive(stored)
    document_id = await archive.uploaded(b"sama", OFFICER.subject, "MAMPU", "bukti.pdf")
    nameless = await put(b"tiada nama", "rahsia agensi lain.pdf")
    form = await put(b"borang")
    evidence = [form.model_copy(update={"document_id": document_id}), nameless]
    for one, name in zip(evidence, ("bukti.pdf", "document"), strict=True):
        request = facts()
        await say(whole(request, form, one))
        folios = {folio["document_id"]: folio for folio in (await once_filed(request))["folios"]}
        assert folios[one.document_id]["filename"] == name


async def test_a_missing_document_keeps_the_file_open_until_it_appears(
    once_filed, record_of, put, say, shared
):
    request = facts()
    content = b"the scan that is stored late"
    digest = (await received_bytes(content)).document_id
    late = Document(
        document_id=digest, filename="imbasan.pdf", media_type="application/pdf", size_bytes=28
    )
    await say(whole(request, late))

    async def told_missing():
        found = await record_of(request)
        assert found["missing"] == [{"document_id": digest, "reason": "not_stored"}]
        assert len(found["events"]) == 9
        assert found["state"]["status"] == "notified"

    await eventually(told_missing)
    await put(content, "other-name.pdf")

    found = await once_filed(request)
    assert found["missing"] == []
    assert found["folios"][0]["filename"] == "imbasan.pdf"
    await shared.wire.hear(topics.RECORDS, request.request_id, "Filed")


async def test_a_document_that_is_not_what_it_is_named_for_is_not_filed(
    record_of, put, say, stored
):
    request = facts()
    form = await put(b"to be changed")
    await stored["documents.files"].update_many(
        {"content": b"to be changed"}, {"$set": {"content": b"TO BE CHANGED"}}
    )
    await say(whole(request, form))

    async def told():
        found = await record_of(request)
        assert found["missing"] == [{"document_id": form.document_id, "reason": "content_differs"}]
        assert found["folios"] == []

    await eventually(told)


async def test_what_can_never_be_filed_is_a_dead_letter(record_of, shared, own):
    request = facts()
    first = await shared.wire.say(received(request, documents=()))
    await shared.wire.say(opened(request), event_id=first)
    await shared.wire.say(received(facts(), documents=()), event_id=first)

    def buried(said):
        dead = [one for one in said if one.headers["bmt_refused_by"] == "records"]
        told = [(one.headers["bmt_reason"], one.headers["bmt_detail"]) for one in dead]
        assert told == 2 * [("idempotency_key_reused", "another event was filed under this id")]

    await shared.wire.hear_until(topics.DEAD_LETTERS, buried)
    assert len((await record_of(request))["events"]) == 1
    assert (await LiveStore(own, people=people_of(own)).verify()).faults == []
