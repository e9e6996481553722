"""The designated file: what is filed, and when it is complete."""

import itertools
from dataclasses import replace

import pytest
from decider_specification import given
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
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from bmt.contracts.events import Filed
from services.records.domain.designated_file import (
    FileEvent,
    FileFolio,
    ReportMissing,
    ViewRecord,
)
from services.records.domain.designated_file_rules import DECIDER
from services.records.domain.errors import RecordNotFound
from services.records.domain.events import (
    EventFiled,
    FileOpened,
    FolioDue,
    FolioFiled,
    FolioMissing,
    RecordViewed,
)
from services.records.domain.reader import Reader

REQUEST = facts()
NUMBER = "MAMPU.BMT.600-1/2/17"
FORM, LETTER = "sha256:" + "0" * 64, "sha256:" + "1" * 64


def filing(event, sequence=1, leaf=1, event_id=""):
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
    )


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
    """All that happens when the file is told this."""
    happened = []
    for command in commands:
        happened += DECIDER.decide(command, DECIDER.fold(happened))
    return happened


def filed_in_this_order(events):
    return [filing(event, sequence, leaf) for leaf, (event, sequence) in enumerate(events, start=1)]


def said(happened):
    return [event for event in happened if isinstance(event, Filed)]


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


def test_the_first_event_opens_the_file_and_its_documents_become_due():
    given(DECIDER).when(filing(received(REQUEST))).then(
        FileOpened(request=REQUEST, file_number=NUMBER, volume=1, opened_at=MONDAY),
        EventFiled(
            event_id="event-1",
            event_type="my.gov.bmt.RequestReceived.v1",
            source="/bmt/intake",
            sequence=1,
            occurred_at=MONDAY,
            leaf_index=1,
            leaf_hash=f"{1:064x}",
            justification=received(REQUEST).justification,
        ),
        FolioDue(
            document_id=FORM,
            event_id="event-1",
            filename="borang.pdf",
            media_type="application/pdf",
        ),
    )


def test_facts_are_kept_again_where_they_are_others_or_under_another_key():
    """What is sealed under the older key may be disposed of first."""
    other = REQUEST.model_copy(update={"quota_bytes": 5})
    first = replace(filing(received(REQUEST)), key="k-1")
    for request, key, kept in (
        (REQUEST, "k-1", None),
        (other, "k-1", other),
        (REQUEST, "k-2", REQUEST),
    ):
        again = replace(filing(received(request), sequence=2, leaf=2), key=key)
        *_, filed = told(first, again)
        assert filed.request == kept
        file = DECIDER.fold(told(first, again))
        assert (file.request, file.request_sequence, file.key) == (request, 2, key)


def test_a_file_whose_every_event_repeats_the_facts_is_the_same_file():
    """So earlier versions wrote them."""
    now = told(*filed_in_this_order(WHOLE), folio(FORM))
    before = [
        event.model_copy(update={"request": REQUEST})
        if isinstance(event, EventFiled) and event.has_facts
        else event
        for event in now
    ]
    assert before != now
    assert DECIDER.fold(before) == DECIDER.fold(now)


def test_the_event_that_comes_first_opens_the_file_whichever_it_is():
    happened = told(filing(approved(REQUEST), 2, 1), filing(received(REQUEST), 1, 2))

    assert [type(event).__name__ for event in happened] == [
        "FileOpened",
        "EventFiled",
        "EventFiled",
        "FolioDue",
    ]


def test_evidence_and_prepared_letters_are_folios_too():
    happened = told(
        filing(configured(REQUEST, FORM, LETTER), 1, 1),
        filing(prepared(REQUEST, "configured", channel="letter", document_id=LETTER), 1, 2),
    )

    due = [event.document_id for event in happened if isinstance(event, FolioDue)]
    assert due == [FORM, LETTER]


def test_a_document_is_filed_under_the_next_number_as_the_event_names_it():
    given(DECIDER, *told(filing(received(REQUEST)))).when(folio(FORM)).then(
        FolioFiled(
            number=1,
            volume=1,
            document_id=FORM,
            event_id="event-1",
            filename="borang.pdf",
            media_type="application/pdf",
            size_bytes=1024,
            filed_at=MONDAY,
        )
    )


def test_a_document_is_filed_once():
    given(DECIDER, *told(filing(received(REQUEST)), folio(FORM))).when(folio(FORM)).then_nothing()


def test_a_volume_closes_when_it_is_full_and_numbers_go_on():
    documents = [f"sha256:{number:064x}" for number in range(5)]
    due = filing(configured(REQUEST, *documents))

    happened = told(due, *(folio(document, folios_a_volume=2) for document in documents))

    folios = [event for event in happened if isinstance(event, FolioFiled)]
    assert [each.number for each in folios] == [1, 2, 3, 4, 5]
    assert [each.volume for each in folios] == [1, 1, 2, 2, 3]


def test_a_missing_document_is_told_once_for_each_reason():
    due = told(filing(received(REQUEST)))
    gone, wrong = (
        ReportMissing(FORM, "not_stored", MONDAY),
        ReportMissing(FORM, "content_differs", MONDAY),
    )
    missing = FolioMissing(document_id=FORM, reason="not_stored", noticed_at=MONDAY)

    given(DECIDER, *due).when(gone).then(missing)
    given(DECIDER, *due, missing).when(gone).then_nothing()
    given(DECIDER, *due, missing).when(wrong).then(
        FolioMissing(document_id=FORM, reason="content_differs", noticed_at=MONDAY)
    )


def test_a_file_is_complete_when_the_outcome_was_told_and_every_document_is_here():
    before = told(*filed_in_this_order(WHOLE))
    assert not said(before)

    after = told(*filed_in_this_order(WHOLE), folio(FORM))

    assert after[-1] == Filed(
        request=REQUEST, file_number=NUMBER, volume=1, folios=1, filed_at=MONDAY
    )


@pytest.mark.parametrize("missing", range(len(WHOLE)))
def test_a_file_without_one_of_its_events_is_not_complete(missing):
    events = [event for place, event in enumerate(WHOLE) if place != missing]

    assert not said(told(*filed_in_this_order(events), folio(FORM)))


@settings(max_examples=60, deadline=None)
@for_all(st.permutations(WHOLE), st.integers(0, len(WHOLE)))
def test_in_whatever_order_the_topics_bring_it_the_file_is_complete_exactly_once(events, place):
    commands = filed_in_this_order(events)
    named = next(
        number for number, (event, _) in enumerate(events, start=1) if hasattr(event, "documents")
    )
    commands.insert(max(place, named), folio(FORM))

    happened = told(*commands)

    assert len(said(happened)) == 1
    assert isinstance(happened[-1], Filed)


@pytest.mark.parametrize(
    "outcome",
    [
        (rejected(REQUEST), notified(REQUEST, "rejected")),
        (withdrawal(REQUEST), withdrawn(REQUEST), notified(REQUEST, "withdrawn")),
    ],
    ids=["rejected", "withdrawn"],
)
def test_a_refusal_is_filed_without_a_configuration(outcome):
    events = numbered(received(REQUEST, documents=()), opened(REQUEST), *outcome)

    for order in itertools.permutations(events):
        assert len(said(told(*filed_in_this_order(order)))) == 1


def test_a_returned_request_stays_open_until_its_outcome():
    corrected = REQUEST.model_copy(update={"quota_bytes": 5})
    events = numbered(
        received(REQUEST, documents=()),
        opened(REQUEST),
        returned(REQUEST),
        notified(REQUEST, "returned"),
        received(corrected, documents=()),
        opened(corrected),
        rejected(corrected),
        notified(corrected, "rejected"),
    )

    happened = told(*filed_in_this_order(events))

    assert happened[-1].request == corrected
    assert len(said(happened)) == 1


def test_the_corrected_papers_of_a_returned_request_are_waited_for():
    events = numbered(
        received(REQUEST, documents=()),
        returned(REQUEST),
        received(REQUEST, documents=()),
        rejected(REQUEST),
        notified(REQUEST, "rejected"),
    )
    corrected = events.pop(2)

    assert not said(told(*filed_in_this_order(events)))
    assert said(told(*filed_in_this_order([*events, corrected])))


def test_a_request_may_be_withdrawn_instead_of_corrected():
    events = numbered(
        received(REQUEST, documents=()),
        returned(REQUEST),
        withdrawn(REQUEST),
        notified(REQUEST, "withdrawn"),
    )

    assert said(told(*filed_in_this_order(events)))


def test_what_comes_after_is_still_filed_and_filed_is_not_said_again():
    late = filing(notified(REQUEST, "acknowledgement"), 4, 9)

    happened = told(*filed_in_this_order(WHOLE), folio(FORM), late)

    assert isinstance(happened[-1], EventFiled)
    assert len(said(happened)) == 1


def test_readers_of_the_agency_and_of_all_agencies_see_the_file_and_leave_a_trace():
    opened_file = told(filing(received(REQUEST)))
    for agency in (None, "MAMPU"):
        reader = Reader("audit", ("auditor",), agency)
        given(DECIDER, *opened_file).when(ViewRecord(reader, MONDAY, FORM)).then(
            RecordViewed(by="audit", roles=("auditor",), viewed_at=MONDAY, document_id=FORM)
        )


def test_another_agencys_file_and_no_file_are_the_same_to_a_reader():
    view = ViewRecord(Reader("siti", ("administrator",), "JPA"), MONDAY)

    another = given(DECIDER, *told(filing(received(REQUEST)))).when(view)
    none = given(DECIDER).when(view)

    refusals = [case.then_refused(RecordNotFound).detail for case in (another, none)]
    assert refusals[0] == refusals[1]
