"""The designated file: what is filed, and when it is complete."""

from dataclasses import replace

from decider_specification import given
from filings import FORM, REQUEST, WHOLE, filed_in_this_order, filing, folio, said, told
from fixtures.procedure import (
    notified,
    numbered,
    rejected,
    returned,
)
from fixtures.samples import MONDAY, received
from hypothesis import given as for_all
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
