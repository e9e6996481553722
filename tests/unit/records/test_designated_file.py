"""The designated file: what is filed, and when it is complete."""

from dataclasses import replace

import pytest
from decider_specification import given
from filings import FORM, REQUEST, WHOLE, filed_in_this_order, filing, folio, said, told
from fixtures.procedure import (
    approved,
    notified,
    numbered,
    opened,
    rejected,
    returned,
    withdrawn,
)
from fixtures.samples import MONDAY, received
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from bmt.contracts.events import Filed
from services.records.domain.designated_file import (
    ReportMissing,
)
from services.records.domain.designated_file_rules import DECIDER
from services.records.domain.events import (
    EventFiled,
    FolioMissing,
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
