"""A disposal: by two people, never while a file must keep its data, and what it leaves of a file."""

from datetime import UTC, datetime

from decider_specification import given
from filings import (
    AUDITOR,
    AUDITORS_HOLD,
    ELSEWHERE,
    OWN_HOLD,
    PROPOSED,
    READER,
    SEALED,
    UNDER_WAY,
    begin,
    dispose,
    released,
    rule,
    sealed,
)
from fixtures.samples import MONDAY

from bmt.verify_record import DISPOSED
from services.records.disposing import retained_until
from services.records.domain import designated_file_rules
from services.records.domain.designated_file import (
    PlaceHold,
    ReleaseHold,
)
from services.records.domain.disposal import (
    DECIDER,
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
    HoldReleased,
)

FILE = designated_file_rules.DECIDER
RELEASE = ReleaseHold(READER, "Tamat.", MONDAY)


def test_anybody_of_the_agency_rejects():
    said = {"disposal_id": "d-1", "at": MONDAY, "reason": "Belum.", "key": "k-1"}
    rejected = DisposalRejected(rejected_by="siti", **said)
    given(DECIDER, PROPOSED).when(rule(approved=False, by="siti")).then(rejected)


def test_it_ends_once_after_it_began():
    carried_out, end = DisposalCarriedOut(disposal_id="d-1", at=MONDAY), EndDisposal(MONDAY)
    given(DECIDER, *UNDER_WAY).when(end).then(carried_out)
    for other in (UNDER_WAY[:1], UNDER_WAY[:2], (*UNDER_WAY, carried_out)):
        given(DECIDER, *other).when(end).then_nothing()
    given(DECIDER, *UNDER_WAY, carried_out).when(begin(Blocker("r-1", "held"))).then_nothing()
    ended = DECIDER.fold([*UNDER_WAY, carried_out])
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
