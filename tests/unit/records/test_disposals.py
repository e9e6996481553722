"""A disposal: by two people, never while a file must keep its data, and what it leaves of a file."""

from datetime import UTC, datetime, timedelta

import pytest
from decider_specification import given
from fixtures.procedure import numbered, opened
from fixtures.samples import MONDAY, facts, received
from fixtures.service import AGENCIES_FILE

from bmt.agencies import register
from bmt.verify_record import DISPOSED
from services.records.disposal.disposing import blockers, kept_until
from services.records.domain import designated_file_rules
from services.records.domain.designated_file import (
    DesignatedFile,
    FileDisposal,
    FileEvent,
    FileFolio,
    PlaceHold,
    ReleaseHold,
    Unopened,
)
from services.records.domain.disposal import (
    DECIDER,
    BeginDisposal,
    Blocker,
    Disposal,
    EndDisposal,
    ProposeDisposal,
    RuleOnDisposal,
)
from services.records.domain.errors import (
    DisposalDecided,
    DisposalNotFound,
    HoldOfAnother,
    NotDisposable,
    ProposedByThemselves,
    RecordNotFound,
)
from services.records.domain.events import (
    DisposalApproved,
    DisposalBegun,
    DisposalCarriedOut,
    DisposalProposed,
    DisposalRejected,
    DisposalStopped,
    EventFiled,
    HoldPlaced,
    HoldReleased,
)
from services.records.domain.reader import Reader

FILE = designated_file_rules.DECIDER
REQUEST = facts()
AGENCIES = register.read(AGENCIES_FILE)
HERE = Reader("siti", ("administrator",), "MAMPU")
ELSEWHERE = Reader("wan", ("administrator",), "JPA")
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
APPROVED = DisposalApproved(disposal_id="d-1", approved_by="aminah", at=MONDAY)


def propose(**changes):
    said = {
        **PROPOSED.model_dump(exclude={"key"}),
        "blockers": (),
        **changes,
    }
    return ProposeDisposal(**said)


def ruling(approved=True, by="aminah", agency="MAMPU"):
    return RuleOnDisposal(approved, None if approved else "Belum.", agency, by, MONDAY)


def test_what_may_go_is_proposed():
    given(DECIDER).when(propose()).then(PROPOSED)


def test_what_nobody_knows_and_what_must_stay_is_not_proposed():
    given(DECIDER).when(propose(keys=())).then_refused(DisposalNotFound)
    until = datetime(2033, 1, 2, tzinfo=UTC)
    blocked = (Blocker("r-1", "held"), Blocker("r-2", "kept", until))
    given(DECIDER).when(propose(blockers=blocked)).then_refused(
        NotDisposable,
        blocked_by=[
            {"request_id": "r-1", "why": "held"},
            {"request_id": "r-2", "why": "kept", "until": "2033-01-02T00:00:00+00:00"},
        ],
    )


def test_another_one_approves_and_anybody_of_the_agency_rejects():
    given(DECIDER, PROPOSED).when(ruling()).then(APPROVED)
    given(DECIDER, PROPOSED).when(ruling(by="siti")).then_refused(ProposedByThemselves)
    given(DECIDER, PROPOSED).when(ruling(agency="JPA")).then_refused(DisposalNotFound)
    given(DECIDER).when(ruling()).then_refused(DisposalNotFound)
    given(DECIDER, PROPOSED).when(ruling(approved=False, by="siti")).then(
        DisposalRejected(
            disposal_id="d-1", rejected_by="siti", at=MONDAY, reason="Belum.", key="k-1"
        )
    )
    given(DECIDER, PROPOSED, APPROVED).when(ruling(by="wan")).then_refused(
        DisposalDecided, decision="approved"
    )


CARRIED_OUT = DisposalCarriedOut(disposal_id="d-1", at=MONDAY)
BEGUN = DisposalBegun(disposal_id="d-1", at=MONDAY)
BEGIN = BeginDisposal((), MONDAY)
STOP = BeginDisposal((Blocker("r-1", "held"),), MONDAY)
END = EndDisposal(MONDAY)


def test_it_begins_after_an_approval_and_ends_once():
    given(DECIDER, PROPOSED, APPROVED).when(BEGIN).then(BEGUN)
    given(DECIDER, PROPOSED, APPROVED, BEGUN).when(END).then(CARRIED_OUT)
    given(DECIDER, PROPOSED, APPROVED, BEGUN, CARRIED_OUT).when(END).then_nothing()
    for unwanted in (BEGIN, END):
        given(DECIDER, PROPOSED).when(unwanted).then_nothing()
    given(DECIDER, PROPOSED, APPROVED).when(END).then_nothing()
    ended = DECIDER.fold([PROPOSED, APPROVED, BEGUN, CARRIED_OUT])
    assert isinstance(ended, Disposal)
    assert (ended.status, ended.proposed.account) == ("carried_out", "disposed-of")


def test_a_file_that_must_stay_stops_it_before_the_beginning_and_never_after():
    given(DECIDER, PROPOSED, APPROVED).when(STOP).then(
        DisposalStopped(disposal_id="d-1", at=MONDAY, held=("r-1",))
    )
    given(DECIDER, PROPOSED, APPROVED, BEGUN).when(STOP).then_nothing()
    given(DECIDER, PROPOSED, APPROVED, BEGUN, CARRIED_OUT).when(STOP).then_nothing()


def filed(key="k-1"):
    """What a file was told, each event sealed under the key."""
    commands = [
        FileEvent(
            event=event,
            event_id=f"event-{leaf}",
            source="/bmt/intake",
            sequence=sequence,
            occurred_at=MONDAY,
            leaf_index=leaf,
            leaf_hash=f"{leaf:064x}",
            file_number="MAMPU.BMT.600-1/2/1",
            at=MONDAY,
            key=key,
        )
        for leaf, (event, sequence) in enumerate(
            numbered(received(REQUEST), opened(REQUEST)), start=1
        )
    ]
    document_id = received(REQUEST).documents[0].document_id
    commands.append(FileFolio(document_id, "borang.pdf", "application/pdf", 9, 100, MONDAY))
    return commands


def told(commands):
    state, events = FILE.initial, []
    for command in commands:
        said = FILE.decide(command, state)
        events += said
        state = FILE.fold(said, state)
    return state, events


def test_what_is_disposed_of_is_known_no_more_and_the_rest_stays():
    before, _ = told(filed())
    gone, events = told([*filed(), FileDisposal("event-9", 3, "0" * 64, ("k-1",), MONDAY)])
    other, _ = told([*filed(), FileDisposal("event-9", 3, "0" * 64, ("k-2",), MONDAY)])

    assert isinstance(events[-1], EventFiled)
    assert (events[-1].event_type, events[-1].keys, events[-1].leaf_index) == (
        DISPOSED,
        ("k-1",),
        3,
    )
    assert isinstance(before, DesignatedFile)
    assert isinstance(gone, DesignatedFile)
    assert gone.request.applicant.name == gone.request.applicant.account == "disposed-of"
    assert gone.request.reference == before.request.reference
    assert [folio.filename for folio in gone.folios] == ["disposed-of"]
    assert gone.version == 3
    assert (other.request, other.folios) == (before.request, before.folios)


def test_a_file_is_held_once_by_each_who_may_see_it():
    _, events = told(filed())
    held = HoldPlaced(by="siti", reason="Siasatan.", at=MONDAY, key="k-1")
    place = PlaceHold(HERE, "Siasatan.", MONDAY)
    given(FILE, *events).when(place).then(held)
    given(FILE, *events, held).when(place).then_nothing()
    given(FILE, *events).when(PlaceHold(ELSEWHERE, "x", MONDAY)).then_refused(RecordNotFound)
    given(FILE).when(place).then_refused(RecordNotFound)
    release = ReleaseHold(HERE, "Tamat.", MONDAY)
    released = HoldReleased(by="siti", at=MONDAY, reason="Tamat.", of="siti", key="k-1")
    given(FILE, *events, held).when(release).then(released)
    given(FILE, *events, held, released).when(release).then_nothing()
    given(FILE, *events, held).when(ReleaseHold(ELSEWHERE, "Tamat.", MONDAY)).then_refused(
        RecordNotFound
    )


def test_a_hold_is_lifted_by_who_set_it_or_by_an_auditor():
    _, events = told(filed())
    auditor = Reader("noriha", ("auditor",), None)
    colleague = Reader("aminah", ("administrator",), "MAMPU")
    theirs = HoldPlaced(by="noriha", reason="Audit.", at=MONDAY, key="k-1")
    own = HoldPlaced(by="siti", reason="Siasatan.", at=MONDAY, key="k-1")
    release = ReleaseHold(HERE, "Tamat.", MONDAY)
    given(FILE, *events, theirs).when(release).then_refused(HoldOfAnother)
    given(FILE, *events, own).when(ReleaseHold(colleague, "Tamat.", MONDAY)).then_refused(
        HoldOfAnother
    )
    given(FILE, *events, own).when(PlaceHold(auditor, "Audit.", MONDAY)).then(theirs)
    left = HoldReleased(
        by="siti", at=MONDAY, reason="Tamat.", of="siti", still_held=True, key="k-1"
    )
    given(FILE, *events, own, theirs).when(release).then(left)
    given(FILE, *events, own, theirs, left).when(release).then_refused(HoldOfAnother)
    every = HoldReleased(by="noriha", at=MONDAY, reason="Selesai.", key="k-1")
    of_all = ReleaseHold(auditor, "Selesai.", MONDAY)
    given(FILE, *events, own, theirs).when(of_all).then(every)
    given(FILE, *events, own, theirs, every).when(of_all).then_nothing()


def test_a_hold_that_was_released_without_a_word_is_released():
    _, events = told(filed())
    held = HoldPlaced(by="siti", reason="Siasatan.", at=MONDAY)
    old = HoldReleased.model_validate({"by": "aminah", "at": MONDAY})
    given(FILE, *events, held, old).when(ReleaseHold(HERE, "x", MONDAY)).then_nothing()


def file(**changes):
    state, _ = told(filed())
    assert isinstance(state, DesignatedFile)
    return state._replace(**changes)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (Unopened(), [("open", None)]),
        (file(), [("open", None)]),
        (file(filed_at=MONDAY), [("kept", MONDAY.replace(year=MONDAY.year + 7))]),
        (file(filed_at=MONDAY - timedelta(days=365 * 8)), []),
        (
            file(
                filed_at=MONDAY - timedelta(days=365 * 8),
                hold=HoldPlaced(by="siti", reason="x", at=MONDAY),
            ),
            [("held", None)],
        ),
        (file(request=facts(agency="GONE"), filed_at=MONDAY), [("kept", None)]),
    ],
)
def test_a_file_keeps_its_data_while_it_is_open_held_or_within_its_time(state, expected):
    found = blockers({"r-1": state}, AGENCIES, MONDAY)
    assert [(one.why, one.until) for one in found] == expected


def test_a_leap_day_has_its_anniversary_the_day_before():
    assert kept_until(datetime(2024, 2, 29, tzinfo=UTC), 7) == datetime(2031, 2, 28, tzinfo=UTC)
    assert kept_until(datetime(2024, 3, 29, tzinfo=UTC), 0) == datetime(2024, 3, 29, tzinfo=UTC)
    assert kept_until(datetime(2024, 3, 29, tzinfo=UTC), None) is None
