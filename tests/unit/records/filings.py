"""Designated files and disposals, and the commands on them, for the specifications of records."""

from fixtures.procedure import (
    approved,
    configured,
    notified,
    numbered,
    opened,
    prepared,
    started,
    writer_of,
)
from fixtures.samples import MONDAY, facts, received
from fixtures.service import AGENCIES_FILE

from bmt.agencies import register
from bmt.contracts.events import Filed
from services.records.domain.designated_file import FileDisposal, FileEvent, FileFolio
from services.records.domain.designated_file_rules import DECIDER
from services.records.domain.disposal import BeginDisposal, ProposeDisposal, RuleOnDisposal
from services.records.domain.events import (
    DisposalApproved,
    DisposalBegun,
    DisposalProposed,
    HoldPlaced,
    HoldReleased,
)
from services.records.domain.reader import Reader

AGENCIES = register.read(AGENCIES_FILE)
REQUEST = facts()
NUMBER = "MAMPU.BMT.600-1/2/17"
FORM, LETTER = "sha256:" + "0" * 64, "sha256:" + "1" * 64

WHOLE = numbered(
    received(REQUEST),
    opened(REQUEST),
    notified(REQUEST, "acknowledgement"),
    approved(REQUEST),
    started(REQUEST),
    configured(REQUEST),
    prepared(REQUEST, "configured"),
    notified(REQUEST, "configured"),
)
"""All that is published about an application, from its receipt to the notice of its outcome."""


def filing(event, sequence=1, leaf=1, event_id="", key=None):
    return FileEvent(
        event=event,
        event_id=event_id or f"event-{leaf}",
        source=f"/bmt/{writer_of(event)}",
        sequence=sequence,
        occurred_at=MONDAY,
        leaf_index=leaf,
        leaf_hash=f"{leaf:064x}",
        file_number=NUMBER,
        at=MONDAY,
        key=key,
    )


def filed_in_this_order(events, key=None):
    return [
        filing(event, sequence, leaf, key=key)
        for leaf, (event, sequence) in enumerate(events, start=1)
    ]


def folio(document_id, folios_a_volume=100):
    return FileFolio(
        document_id=document_id,
        filename="dokumen",
        media_type="application/octet-stream",
        size_bytes=1024,
        folios_a_volume=folios_a_volume,
        at=MONDAY,
    )


def told(*commands):
    """All events of a file after these commands."""
    happened = []
    for command in commands:
        happened += DECIDER.decide(command, DECIDER.fold(happened))
    return happened


def said(happened):
    return [event for event in happened if isinstance(event, Filed)]


# A file whose personal data is sealed under a key; who reads it, holds it, and disposes of that data.

READER = Reader("siti", ("administrator",), "MAMPU")
COLLEAGUE = Reader("aminah", ("administrator",), "MAMPU")
ELSEWHERE = Reader("wan", ("administrator",), "JPA")
AUDITOR = Reader("noriha", ("auditor",), None)


def dispose(key):
    return FileDisposal("event-9", 3, "0" * 64, (key,), MONDAY)


def sealed(*further):
    """The events of a file with a document, both sealed under one key, and of `further` commands."""
    opening = filed_in_this_order(numbered(received(REQUEST), opened(REQUEST)), key="k-1")
    return told(*opening, folio(FORM), *further)


SEALED = sealed()
OWN_HOLD = HoldPlaced(by="siti", reason="Siasatan.", at=MONDAY, key="k-1")
AUDITORS_HOLD = HoldPlaced(by="noriha", reason="Audit.", at=MONDAY, key="k-1")


def released(**said):
    return HoldReleased(at=MONDAY, reason="Tamat.", key="k-1", **said)


PROPOSED = DisposalProposed(
    disposal_id="d-1",
    agency="MAMPU",
    account="ahmad@example.gov.my",
    reason="Tempoh simpanan tamat.",
    keys=("k-1",),
    request_ids=(REQUEST.request_id,),
    proposed_by="siti",
    at=MONDAY,
    key="k-1",
)
UNDER_WAY = (
    PROPOSED,
    DisposalApproved(disposal_id="d-1", approved_by="aminah", at=MONDAY),
    DisposalBegun(disposal_id="d-1", at=MONDAY),
)


def propose(**changes):
    return ProposeDisposal(**{**PROPOSED.model_dump(exclude={"key"}), "blockers": (), **changes})


def rule(approved=True, by="aminah", agency="MAMPU"):
    return RuleOnDisposal(approved, None if approved else "Belum.", agency, by, MONDAY)


def begin(*blockers):
    return BeginDisposal(blockers, MONDAY)
