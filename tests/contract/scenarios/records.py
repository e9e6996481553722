"""Designated files: complete, refused, with a document that is late, and what was read of them."""

from fixtures.procedure import (
    approved,
    configured,
    notified,
    numbered,
    opened,
    prepared,
    rejected,
    returned,
    started,
    withdrawn,
    writer_of,
)
from fixtures.samples import MONDAY, facts, received, withdrawal

from services.records.domain.designated_file import (
    ExportRecord,
    FileDisposal,
    FileEvent,
    FileFolio,
    PlaceHold,
    ReleaseHold,
    ReportMissing,
    ViewRecord,
)
from services.records.domain.disposal import (
    BeginDisposal,
    Blocker,
    EndDisposal,
    ProposeDisposal,
    RuleOnDisposal,
)
from services.records.domain.reader import NoteSearch, Reader

REQUEST = facts()
FORM, LETTER = "sha256:" + "0" * 64, "sha256:" + "1" * 64
AUDITOR = Reader("juruaudit@audit.gov.my", ("auditor",), None)


def filed(*events):
    """Each event in its place of the chain."""
    return [
        FileEvent(
            event=event,
            event_id=f"event-{leaf}",
            source=f"/bmt/{writer_of(event)}",
            sequence=sequence,
            occurred_at=MONDAY,
            leaf_index=leaf,
            leaf_hash=f"{leaf:064x}",
            file_number="MAMPU.BMT.600-1/2/17",
            at=MONDAY,
        )
        for leaf, (event, sequence) in enumerate(numbered(*events), start=1)
    ]


def folio(document_id, folios_a_volume=100):
    kind = "application/octet-stream"
    return FileFolio(document_id, "dokumen", kind, 1024, folios_a_volume, MONDAY)


def proposed(number):
    return ProposeDisposal(
        disposal_id=f"019ab000-0000-7000-8000-{number:012}",
        agency="MAMPU",
        account="ahmad.mampu@mygovuc.gov.my",
        reason="Tempoh simpanan tamat.",
        keys=("key-1",),
        request_ids=(REQUEST.request_id,),
        blockers=(),
        proposed_by="siti",
        at=MONDAY,
    )


RECEIVED = (received(REQUEST), opened(REQUEST))
SCENARIOS = {
    "configured": [
        *filed(
            *RECEIVED,
            notified(REQUEST, "acknowledgement"),
            approved(REQUEST),
            started(REQUEST),
            configured(REQUEST, LETTER),
            prepared(REQUEST, "configured"),
            notified(REQUEST, "configured"),
        ),
        folio(FORM, folios_a_volume=1),
        folio(LETTER, folios_a_volume=1),
        ViewRecord(AUDITOR, MONDAY),
    ],
    "returned-and-rejected": [
        *filed(
            *RECEIVED,
            returned(REQUEST),
            received(REQUEST),
            opened(REQUEST),
            rejected(REQUEST),
            notified(REQUEST, "rejected"),
        ),
        folio(FORM),
    ],
    "withdrawn-with-a-document-that-is-late": [
        *filed(*RECEIVED, withdrawal(REQUEST), withdrawn(REQUEST), notified(REQUEST, "withdrawn")),
        ReportMissing(FORM, "not_stored", MONDAY),
        ViewRecord(AUDITOR, MONDAY, FORM),
        folio(FORM),
    ],
    "taken-away": [*filed(*RECEIVED), ExportRecord(AUDITOR, MONDAY)],
    "disposal-carried-out": [
        proposed(1),
        RuleOnDisposal(True, None, "MAMPU", "aminah", MONDAY),
        BeginDisposal((), MONDAY),
        EndDisposal(MONDAY),
    ],
    "disposal-rejected": [
        proposed(2),
        RuleOnDisposal(False, "Belum.", "MAMPU", "aminah", MONDAY),
    ],
    "disposal-stopped": [
        proposed(3),
        RuleOnDisposal(True, None, "MAMPU", "aminah", MONDAY),
        BeginDisposal((Blocker(REQUEST.request_id, "held"),), MONDAY),
    ],
    "held-and-emptied": [
        *filed(*RECEIVED),
        folio(FORM),
        PlaceHold(AUDITOR, "Siasatan.", MONDAY),
        ReleaseHold(AUDITOR, "Selesai.", MONDAY),
        FileDisposal("event-9", 3, f"{9:064x}", ("key-1",), MONDAY),
    ],
    "search": [NoteSearch(AUDITOR, "MAMPU", {"q": "Ahmad"}, 3, MONDAY)],
}
