"""A disposal, whoever says what and in whatever order: nothing ends that two people did not agree on."""

from decider_machine import DeciderMachine, No, explore
from fixtures.samples import MONDAY
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from services.records.domain.disposal import (
    DECIDER,
    BeginDisposal,
    Blocker,
    EndDisposal,
    ProposeDisposal,
    RuleOnDisposal,
)
from services.records.domain.events import (
    DISPOSAL_EVENTS,
    DisposalApproved,
    DisposalBegun,
    DisposalCarriedOut,
    DisposalProposed,
    DisposalStopped,
)

OFFICERS = st.sampled_from(["siti", "aminah"])
NUMBERS = st.integers(0, 5)
KEY = "key-1"
BLOCKED = (Blocker("r-1", "held"),)


def proposal(name, by, blocked):
    return ProposeDisposal(
        disposal_id=name,
        agency="MAMPU",
        account="ahmad.mampu@mygovuc.gov.my",
        reason="Tempoh simpanan tamat.",
        keys=(KEY,),
        request_ids=("r-1",),
        blockers=BLOCKED if blocked else (),
        proposed_by=by,
        at=MONDAY,
    )


class Disposals(DeciderMachine):
    """Up to six of them at once."""

    decider = DECIDER
    models = DISPOSAL_EVENTS

    @rule(number=NUMBERS, by=OFFICERS, blocked=st.booleans())
    def a_disposal_is_proposed(self, number, by, blocked):
        name = f"disposal-{number}"
        if name in self.history:
            return
        said = self.tell(proposal(name, by, blocked), name)
        assert isinstance(said, No) == blocked

    @rule(number=NUMBERS, by=OFFICERS, approved=st.booleans())
    def a_disposal_is_ruled_on(self, number, by, approved):
        name = f"disposal-{number}"
        state = self.state(name)
        ruling = RuleOnDisposal(approved, None, "MAMPU", by, MONDAY)
        said = self.tell(ruling, name)
        open_ = getattr(state, "status", "") == "proposed"
        may = open_ and not (approved and by == state.proposed.proposed_by)
        assert isinstance(said, No) == (not may)

    @rule(number=NUMBERS, blocked=st.booleans())
    def a_disposal_begins(self, number, blocked):
        self.steps(number, BeginDisposal(BLOCKED if blocked else (), MONDAY), after="approved")

    @rule(number=NUMBERS)
    def a_disposal_ends(self, number):
        self.steps(number, EndDisposal(MONDAY), after="begun")

    def steps(self, number, command, *, after):
        name = f"disposal-{number}"
        due = getattr(self.state(name), "status", "") == after
        said = self.tell(command, name)
        assert isinstance(said, No) or bool(said) == due

    @rule(number=NUMBERS, approved=st.booleans(), blocked=st.booleans())
    def a_disposal_goes_all_the_way(self, number, approved, blocked):
        self.a_disposal_is_proposed(number, "siti", blocked=False)
        self.a_disposal_is_ruled_on(number, "aminah", approved)
        self.a_disposal_begins(number, blocked)
        self.a_disposal_ends(number)

    @invariant()
    def nothing_ends_that_two_people_did_not_agree_on(self):
        for name in self.history:
            approvals = self.events(DisposalApproved, stream=name)
            ends = self.events(DisposalCarriedOut, DisposalStopped, stream=name)
            begun = self.events(DisposalBegun, stream=name)
            carried_out = self.events(DisposalCarriedOut, stream=name)
            assert len(ends) <= len(approvals) <= 1
            assert len(carried_out) <= len(begun) <= 1
            assert not (begun and self.events(DisposalStopped, stream=name))
            for approval in approvals:
                (proposed,) = self.events(DisposalProposed, stream=name)
                assert approval.approved_by != proposed.proposed_by


def test_nothing_ends_that_two_people_did_not_agree_on_whatever_is_said():
    explore(Disposals)
