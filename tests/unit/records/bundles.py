"""Bundles as records makes them, of a small ledger that is kept in memory."""

import hashlib
import io
import zlib
from datetime import UTC, datetime

from fixtures.ledger_keys import new_keys

from bmt.contracts.http.records import MissingDocument
from bmt.verify_record import DISPOSED, Key
from services.records.bundle import Bundle, File, Stored
from services.records.domain.events import FolioFiled
from services.records.ledger.leaf import Entry, OpenLeaf, Tail, chained
from services.records.sealing.commitments import committed, disposed_of
from services.records.tree.checkpoints import Checkpoint, Proof, SignedCheckpoint, Signer
from services.records.tree.merkle import Frontier, inclusion_ranges

ORIGIN = "bmt.records"
AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
WRITTEN = "2026-11-24T12:00:00.000000Z"
SIGNER = Signer.from_pem(ORIGIN, new_keys())
KEYS = [Key.parse(str(verifier)) for verifier in SIGNER.verifiers]


def chain(request_id, events, closed=()):
    """The leaves; of those `closed`, by place, the personal values are gone."""
    leaves, tail = [], Tail()
    for place, event in enumerate(events):
        data, disclosures = committed(event["data"])
        entry = Entry(request_id, "bmt.requests.v1", {**event, "data": data})
        leaf = chained(entry, tail, WRITTEN)
        told = (event["data"], disclosures) if place not in closed else (disposed_of(data), None)
        leaves.append(OpenLeaf(leaf, *told))
        tail = Tail(leaf.index, leaf.hash)
    return leaves


def document_id(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def stored(content):
    digest = hashlib.sha256(content).hexdigest()
    return Stored(io.BytesIO(content), 0, len(content), digest, zlib.crc32(content))


def folio(number, content, event_id):
    return FolioFiled(
        number=number,
        volume=1,
        document_id=document_id(content),
        event_id=event_id,
        filename=f"surat-{number}.pdf",
        media_type="application/pdf",
        size_bytes=len(content),
        filed_at=AT,
    )


def file(
    request_id="r-1",
    contents=(b"borang", b"surat" * 40),
    missing=(),
    signer=SIGNER,
    closed=(),
    events=None,
):
    """A file of four leaves among seven others; where some are closed, the last one tells of the disposal."""
    events = _said(request_id, events) if events else _unknown(request_id, contents, missing)
    if closed:
        events[3] |= {"type": DISPOSED, "data": {}}
    leaves = chain(request_id, events, closed)
    others = [hashlib.sha256(str(number).encode()).digest() for number in range(7)]
    own = iter(bytes.fromhex(leaf.leaf.hash) for leaf in leaves)
    hashes = [next(own) if place in (1, 4, 5, 9) else others.pop() for place in range(11)]
    edge = Frontier()
    edge.append(list(hashes))
    text = Checkpoint(ORIGIN, 11, edge.root(), WRITTEN).text()
    proofs = [
        Proof(place, tuple(root(hashes[start:end]) for start, end in inclusion_ranges(place, 11)))
        for place in (1, 4, 5, 9)
    ]
    return File(
        request_id=request_id,
        file_number="MAMPU.BMT.600-1/2/17",
        leaves=leaves,
        proofs=proofs,
        checkpoint=SignedCheckpoint(3, signer.sign(text), AT),
        folios=[
            folio(number, content, f"{request_id}-e{number - 1}")
            for number, content in enumerate(contents, start=1)
        ],
        missing=[MissingDocument(document_id=name, reason="not_stored") for name in missing],
        documents={
            document_id(content): stored(content)
            for place, content in enumerate(contents)
            if place not in closed
        },
        exported_at=WRITTEN,
    )


def _said(request_id, events):
    return [
        {
            "id": f"{request_id}-e{place}",
            "type": event.TYPE,
            "time": WRITTEN,
            "data": event.model_dump(mode="json", by_alias=True),
        }
        for place, event in enumerate(events)
    ]


def _unknown(request_id, contents, missing):
    events = [
        {
            "id": f"{request_id}-e{place}",
            "type": "my.gov.bmt.X.v1",
            "data": {"justification": "Kapasiti \u2603", "documents": []},
        }
        for place in range(4)
    ]
    for place, content in enumerate(contents):
        events[place]["data"]["documents"] = [{"document_id": document_id(content)}]
    for name in missing:
        events[3]["data"]["document_id"] = name
    return events


def root(hashes):
    edge = Frontier()
    edge.append(list(hashes))
    return edge.root()


PAPER = b"%PDF-1.7 the file, for people"


def bundle(of=None, signer=SIGNER):
    return b"".join(Bundle(of or file(signer=signer), signer, PAPER).pieces())
