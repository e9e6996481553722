"""A file as it was, and the list of files: told from events, in whatever order they came."""

import itertools
from datetime import timedelta

import pytest
from fixtures.procedure import (
    approved,
    configured,
    notified,
    numbered,
    opened,
    prepared,
    rejected,
    returned,
)
from fixtures.samples import MONDAY, facts, received
from folds import folded, incoming

from bmt.chassis.readmodels.view_store import search_terms, words_of
from bmt.contracts.envelope import rfc3339
from bmt.contracts.events import Filed
from services.records.domain.events import (
    EventFiled,
    FileOpened,
    FolioDue,
    FolioFiled,
    FolioMissing,
)
from services.records.time_machine import state_of
from services.records.views import FILES

REQUEST = facts()
FORM = "sha256:" + "0" * 64
NUMBER = "MAMPU.BMT.600-1/2/17"


def cloud_events(*events):
    """Each as the ledger keeps it, an hour after the one before."""
    return [
        {
            "id": f"event-{place}",
            "type": event.TYPE,
            "sequence": str(sequence),
            "time": rfc3339(MONDAY + timedelta(hours=place)),
            "data": event.model_dump(mode="json", by_alias=True),
        }
        for place, (event, sequence) in enumerate(numbered(*events))
    ]


WHOLE = cloud_events(
    received(REQUEST),
    opened(REQUEST),
    approved(REQUEST, exception_reason="Disahkan melalui telefon."),
    configured(REQUEST),
    prepared(REQUEST, "configured"),
    notified(REQUEST, "configured"),
)


def test_the_state_is_the_same_in_whatever_order_the_events_stand():
    expected = state_of(REQUEST, WHOLE, None)
    assert expected.status == "notified"
    assert expected.decision.exception_reason == "Disahkan melalui telefon."
    assert expected.justification == received(REQUEST).justification
    assert [(notice.about, notice.status) for notice in expected.notices] == [
        ("configured", "notified")
    ]
    for order in itertools.permutations(WHOLE):
        assert state_of(REQUEST, order, None) == expected


def test_a_correction_replaces_what_was_asked_and_a_decision_the_return_before_it():
    corrected = REQUEST.model_copy(update={"quota_bytes": 5})
    events = cloud_events(
        received(REQUEST), returned(REQUEST), received(corrected), rejected(corrected)
    )

    state = state_of(REQUEST, reversed(events), None)

    assert state.quota_bytes == 5
    assert state.decision.decision == "rejected"
    assert state_of(REQUEST, events[:2], None).status == "returned"
    assert state_of(REQUEST, events[:3], None).status == "received"


@pytest.mark.parametrize(
    "changes",
    [
        {"data": {"request": "gone"}},
        {"data": "gone"},
        {"type": "my.gov.bmt.Unknown.v1"},
        {"type": None},
        {"time": "yesterday"},
        {"time": None},
        {"sequence": "first", "data": {}},
    ],
)
def test_an_event_that_somebody_made_unreadable_tells_nothing_and_hides_no_other(changes):
    """A reader who looks for tampering must be shown the file, not an error."""
    broken = [WHOLE[0], {**WHOLE[2], **changes}]
    assert state_of(REQUEST, broken, None).status == "received"


def folio(number, event, hours):
    return FolioFiled(
        number=number,
        volume=number,
        document_id=f"sha256:{number:064}",
        event_id=event,
        filename="borang.pdf",
        media_type="application/pdf",
        size_bytes=4,
        filed_at=MONDAY + timedelta(hours=hours),
    )


def listed(*events):
    return folded(FILES, [incoming(event, subject=REQUEST.request_id) for event in events])


def filed(event, sequence=1):
    return EventFiled(
        event_id="event-1",
        event_type=event.TYPE,
        source="/bmt/any",
        sequence=sequence,
        occurred_at=MONDAY,
        leaf_index=1,
        leaf_hash="0" * 64,
        request=event.request if hasattr(event, "documents") else None,
        about=getattr(event, "about", None),
        justification=getattr(event, "justification", None),
    )


OPENED = FileOpened(request=REQUEST, file_number=NUMBER, volume=1, opened_at=MONDAY)


def test_the_list_follows_each_file():
    due = FolioDue(document_id=FORM, event_id="event-1")
    entry = listed(OPENED, filed(received(REQUEST)), due)
    assert (entry.status, entry.unfiled) == ("received", {FORM: "pending"})

    missing = FolioMissing(document_id=FORM, reason="not_stored", noticed_at=MONDAY)
    assert listed(OPENED, due, missing).unfiled == {FORM: "not_stored"}

    stored = folio(1, "event-1", 1).model_copy(update={"document_id": FORM})
    end = Filed(request=REQUEST, file_number=NUMBER, volume=1, folios=1, filed_at=MONDAY)
    closed = listed(OPENED, filed(approved(REQUEST)), due, missing, stored, end)
    assert (closed.status, closed.unfiled, closed.document_ids) == ("filed", {}, (FORM,))
    assert closed.filed_at == MONDAY


def test_a_file_is_found_by_all_that_its_receipts_and_documents_say():
    renamed = REQUEST.applicant.model_copy(update={"name": "Ahmad bin Daud Ali"})
    corrected = REQUEST.model_copy(update={"applicant": renamed})

    entry = listed(OPENED, filed(received(corrected), 2), filed(received(REQUEST), 1))

    for text in (REQUEST.reference, REQUEST.applicant.account, "Ahmad bin Daud ALI", NUMBER):
        assert set(search_terms(text)) <= set(entry.words)
    assert set(words_of([received(REQUEST).justification])) <= set(entry.words)
    assert list(entry.words) == sorted(entry.words)
    due = FolioDue(document_id=FORM, event_id="event-1", filename="Lukisan-Jambatan.pdf")
    assert {"lukisan", "jambatan", "lukisan-jambatan.pdf"} <= set(listed(OPENED, due).words)
