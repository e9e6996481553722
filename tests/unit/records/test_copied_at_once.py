"""Small documents are copied as their events are filed: some at a time, and only what is what its name says."""

import hashlib
from types import SimpleNamespace

from fixtures.samples import MONDAY

from bmt.chassis.runtime.documents import StoredDocument
from services.records import worker
from services.records.domain.events import FolioDue
from services.records.sealing.sealed_folios import FolioName
from services.records.worker import Filing


def named(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class Documents:
    """Each content under a name; `asked` are the sizes of the lists that were read."""

    def __init__(self, contents):
        self.contents = contents
        self.asked = []

    async def small(self, document_ids):
        self.asked.append(len(document_ids))
        return [
            (StoredDocument(name, "surat.eml", "message/rfc822", len(content)), content)
            for name, content in self.contents.items()
            if name in document_ids
        ]


class Folios:
    def __init__(self):
        self.stored = {}

    async def put_small(self, documents):
        self.stored |= documents
        return documents.keys()


async def copied(contents, *dues):
    documents, folios = Documents(contents), Folios()
    filing = Filing(SimpleNamespace(), documents, SimpleNamespace(), folios, lambda: MONDAY)
    found = await filing.copied(dues, MONDAY)
    assert found.keys() == folios.stored.keys()
    return found, documents.asked


def due(document_id, **more):
    return FolioDue(document_id=document_id, event_id="event-1", key="key-1", **more)


async def test_however_many_there_are_so_many_are_in_memory_at_once(monkeypatch):
    monkeypatch.setattr(worker, "COPIED_TOGETHER", 2)
    contents = {named(text): text for text in (b"a", b"b", b"c", b"d", b"e")}
    found, asked = await copied(contents, *map(due, contents))
    assert {name.document_id for name in found} == contents.keys()
    assert sorted(asked) == [1, 2, 2]


async def test_what_is_damaged_not_stored_or_evidence_is_left_to_the_worker():
    whole, damaged, late, evidence = (named(text) for text in (b"a", b"b", b"c", b"d"))
    contents = {whole: b"a", damaged: b"changed", evidence: b"d"}
    dues = [due(whole), due(damaged), due(late), due(evidence, handed_in_by="siti")]
    found, _ = await copied(contents, *dues)
    assert list(found) == [FolioName(whole, "key-1")]


async def test_where_no_document_is_named_nothing_is_asked():
    assert await copied({}) == ({}, [])
