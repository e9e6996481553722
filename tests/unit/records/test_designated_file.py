"""The designated file: what is filed, and when it is complete."""

from dataclasses import replace
from datetime import UTC, datetime

from decider_specification import given
from filings import (
    AUDITOR,
    AUDITORS_HOLD,
    ELSEWHERE,
    FORM,
    OWN_HOLD,
    PROPOSED,
    READER,
    REQUEST,
    SEALED,
    UNDER_WAY,
    WHOLE,
    begin,
    dispose,
    filed_in_this_order,
    filing,
    folio,
    released,
    rule,
    said,
    sealed,
    told,
)
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
from bmt.verify_record import DISPOSED
from services.records.disposing import retained_until
from services.records.domain import disposal
from services.records.domain.designated_file import (
    PlaceHold,
    ReleaseHold,
    ReportMissing,
)
from services.records.domain.designated_file_rules import DECIDER
from services.records.domain.disposal import (
    Blocker,
    Disposal,
    EndDisposal,
)
from services.records.domain.errors import (
    HoldOfAnother,
    RecordNotFound,
)
from services.records.domain.events import (
    DisposalCarriedOut,
    DisposalRejected,
    EventFiled,
    FolioMissing,
    HoldReleased,
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


DISPOSAL, FILE = disposal.DECIDER, DECIDER

RELEASE = ReleaseHold(READER, "Tamat.", MONDAY)


def test_anybody_of_the_agency_rejects():
    said = {"disposal_id": "d-1", "at": MONDAY, "reason": "Belum.", "key": "k-1"}
    rejected = DisposalRejected(rejected_by="siti", **said)
    given(DISPOSAL, PROPOSED).when(rule(approved=False, by="siti")).then(rejected)


def test_it_ends_once_after_it_began():
    carried_out, end = DisposalCarriedOut(disposal_id="d-1", at=MONDAY), EndDisposal(MONDAY)
    given(DISPOSAL, *UNDER_WAY).when(end).then(carried_out)
    for other in (UNDER_WAY[:1], UNDER_WAY[:2], (*UNDER_WAY, carried_out)):
        given(DISPOSAL, *other).when(end).then_nothing()
    given(DISPOSAL, *UNDER_WAY, carried_out).when(begin(Blocker("r-1", "held"))).then_nothing()
    ended = DISPOSAL.fold([*UNDER_WAY, carried_out])
    assert isinstance(ended, Disposal)
    assert (ended.status, ended.proposed.account) == ("carried_out", "disposed-of")


def test_a_disposal_is_filed_and_what_other_keys_seal_stays():
    *_, filed = sealed(dispose("k-1"))
    assert (filed.event_type, filed.keys, filed.leaf_index) == (DISPOSED, ("k-1",), 3)
    before, other = FILE.fold(SEALED), FILE.fold(sealed(dispose("k-2")))
    assert other.version == 3
    assert (other.request, other.folios) == (before.request, before.folios)


def test_a_hold_that_is_released_is_no_more():
    given(FILE, *SEALED, OWN_HOLD, released(by="siti", of="siti")).when(RELEASE).then_nothing()
    elsewhere = ReleaseHold(ELSEWHERE, "Tamat.", MONDAY)
    given(FILE, *SEALED, OWN_HOLD).when(elsewhere).then_refused(RecordNotFound)
    given(FILE).when(PlaceHold(READER, "Siasatan.", MONDAY)).then_refused(RecordNotFound)


def test_several_hold_a_file_each_by_themselves():
    both, left = (*SEALED, OWN_HOLD, AUDITORS_HOLD), released(by="siti", of="siti", still_held=True)
    given(FILE, *both[:-1]).when(PlaceHold(AUDITOR, "Audit.", MONDAY)).then(AUDITORS_HOLD)
    given(FILE, *both).when(RELEASE).then(left)
    given(FILE, *both, left).when(RELEASE).then_refused(HoldOfAnother)
    of_all, every = ReleaseHold(AUDITOR, "Tamat.", MONDAY), released(by="noriha")
    given(FILE, *both).when(of_all).then(every)
    given(FILE, *both, every).when(of_all).then_nothing()


def test_a_hold_that_was_released_without_a_word_is_released():
    old = HoldReleased.model_validate({"by": "aminah", "at": MONDAY})
    given(FILE, *SEALED, OWN_HOLD, old).when(RELEASE).then_nothing()


def test_a_leap_day_has_its_anniversary_the_day_before():
    assert retained_until(datetime(2024, 2, 29, tzinfo=UTC), 7) == datetime(2031, 2, 28, tzinfo=UTC)
    assert retained_until(datetime(2024, 3, 29, tzinfo=UTC), 0) == datetime(2024, 3, 29, tzinfo=UTC)
    assert retained_until(datetime(2024, 3, 29, tzinfo=UTC), None) is None
