"""A review, whatever is asked of it and in whatever order: one decision, and nothing after it."""

from dataclasses import replace
from datetime import timedelta

from decider_machine import DeciderMachine, No, explore
from fixtures.samples import GB, facts, received
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, invariant, precondition, rule
from reviews import (
    FAIZ,
    MAMPU,
    NOW,
    REQUEST,
    SITI,
    comment,
    open_review,
    record_rules,
    withdraw,
)

from bmt.contracts import topics
from bmt.contracts.events import (
    Approved,
    Rejected,
    RequestEvent,
    ReturnedForCorrection,
    ReviewOpened,
    Withdrawn,
)
from bmt.contracts.http.approval import Ruling, RulingResult
from bmt.contracts.values import Officer, Submitter
from services.approval.domain import agency_rules, bulk
from services.approval.domain.bulk import AnswerBulk, BeginBulk
from services.approval.domain.errors import AlreadyDecided, ApprovedBefore, RequestClosed
from services.approval.domain.events import (
    BulkAnswered,
    BulkBegun,
    CommentAdded,
    Endorsed,
    HeldForCorrection,
    PapersReceived,
    RulesCameIntoForce,
)
from services.approval.domain.review import DECIDER, Decide, HoldForCorrection

DECISIONS = (Approved, Rejected, ReturnedForCorrection)
FINAL = (Approved, Rejected, Withdrawn)
FOLLOWS = {
    None: {ReviewOpened, Withdrawn},
    ReviewOpened: {ReviewOpened, Approved, Rejected, ReturnedForCorrection, Withdrawn},
    ReturnedForCorrection: {ReviewOpened, Withdrawn},
}
"""What may be said after what; nothing follows what is not named here."""

KINDS = st.sampled_from(["application", "termination"])
AGENCIES = st.sampled_from(["MAMPU", "JPA"])
CHOICES = st.sampled_from(["approve", "reject", "return"])
APPLICANT = REQUEST.applicant
OFFICERS = st.sampled_from(
    [
        SITI,
        FAIZ,
        Officer(subject=APPLICANT.account.upper(), name=APPLICANT.name, role="administrator"),
    ]
)
SIZES = st.none() | st.sampled_from([1, GB, 2 * GB, 3 * GB, 100 * GB, 101 * GB])
TEXTS = st.none() | st.just("Sebab.")
RULINGS = st.builds(
    Ruling,
    decision=CHOICES,
    reason=TEXTS,
    exception_reason=TEXTS,
    quota_bytes=SIZES,
    max_file_size_bytes=SIZES,
    on_behalf_of=st.none() | st.sampled_from(["ketua.mampu@mygovuc.gov.my", APPLICANT.email]),
)
CORRECTOR = Submitter(subject=FAIZ.subject, role="administrator")
LEVELS = st.sampled_from([1, 1, 2, 3])
WARNINGS = st.sets(st.sampled_from(["not_serving", "already_active"])).map(tuple)


class Reviews(DeciderMachine):
    decider = DECIDER
    models = (
        *topics.EVENTS[topics.DECISIONS],
        *(CommentAdded, Endorsed, HeldForCorrection, PapersReceived),
    )
    requests = Bundle("requests")

    @rule(target=requests, kind=KINDS, warnings=WARNINGS, levels=LEVELS)
    def a_request_is_received(self, kind, warnings, levels):
        request = facts(kind=kind, applicant=APPLICANT)
        self._receive(request, warnings, levels)
        return request

    @rule(target=requests)
    def a_withdrawal_comes_without_its_request(self):
        request = facts()
        self._withdraw(request)
        return request

    @rule(request=requests, warnings=WARNINGS, levels=LEVELS)
    def it_is_received_again(self, request, warnings, levels):
        self._receive(request, warnings, levels)

    def _receive(self, request, warnings, levels):
        policy = replace(MAMPU, approval_levels=levels)
        self._open(request, received(request, warnings=warnings), policy)

    def _open(self, request, incoming, policy):
        is_over = self._is_over(request)
        said = self.tell(open_review(incoming, policy=policy), request.request_id)
        if is_over:
            assert said.kind in {AlreadyDecided, RequestClosed}
        else:
            assert [type(event) for event in said] == [ReviewOpened, PapersReceived]

    @rule(request=requests, by=OFFICERS, agency=AGENCIES, seconds=st.sampled_from([0, 30]))
    def somebody_is_about_to_correct_it(self, request, by, agency, seconds):
        submitter = Submitter(subject=by.subject, role="administrator")
        until = NOW + timedelta(seconds=seconds)
        command = HoldForCorrection(submitter, by.subject, agency, until)
        said = self.tell(command, request.request_id)
        if not isinstance(said, No):
            assert not self._is_over(request)

    @rule(request=requests)
    def the_correction_is_heard(self, request):
        told = {"corrected_by": CORRECTOR, "while_open": True}
        self._open(request, received(request).model_copy(update=told), MAMPU)

    @rule(request=requests)
    def it_is_withdrawn(self, request):
        self._withdraw(request)

    def _withdraw(self, request):
        is_over = self._is_over(request)
        assert isinstance(self.tell(withdraw(request), request.request_id), No) == is_over

    def _is_over(self, request):
        return bool(self.events(*FINAL, stream=request.request_id))

    @rule(request=requests, choice=CHOICES, by=st.sampled_from([SITI, FAIZ]))
    def an_administrator_rules(self, request, choice, by):
        self._rule(request, Ruling(decision=choice, reason="Sebab."), by, "MAMPU")

    @rule(request=requests)
    def it_is_returned(self, request):
        self._rule(request, Ruling(decision="return", reason="Sebab."), SITI, "MAMPU")

    @rule(request=requests, turns=st.lists(st.sampled_from([SITI, FAIZ]), min_size=1, max_size=3))
    def administrators_approve_in_turn(self, request, turns):
        for by in turns:
            self._rule(request, Ruling(decision="approve", exception_reason="Ya."), by, "MAMPU")

    @rule(request=requests, ruling=RULINGS, by=OFFICERS, agency=AGENCIES)
    def somebody_rules(self, request, ruling, by, agency):
        self._rule(request, ruling, by, agency)

    def _rule(self, request, ruling, by, agency):
        before = self.events(stream=request.request_id)
        said = self.tell(Decide(ruling, by, agency, MAMPU, NOW), request.request_id)
        if isinstance(said, No):
            self._was_decided_before(said, request.request_id)
            return
        (decided,) = said
        assert not self._is_held(before)
        assert agency == request.agency
        assert by in (SITI, FAIZ)
        opened, papers, given = self._since_it_was_opened(before)
        if isinstance(decided, Endorsed):
            assert len(given) + 1 < papers.approval_levels == decided.levels
            assert decided.endorsement.exception_reason or not opened.warnings
            return
        assert decided.on_behalf_of != APPLICANT.email
        if isinstance(decided, Approved):
            self._is_within_the_rules(decided, opened)
            self._is_approved_by_as_many_people_as_must(decided, papers, given)
        else:
            assert decided.reason

    def _is_held(self, events):
        """Whether a correction is about to be heard that was not heard yet."""
        held = False
        for event in events:
            if isinstance(event, HeldForCorrection):
                held = event.until > NOW
            elif isinstance(event, PapersReceived) and event.while_open:
                held = False
        return held

    def _since_it_was_opened(self, events):
        """The newest opening and its papers, and the approvals since."""
        place = max(n for n, event in enumerate(events) if isinstance(event, ReviewOpened))
        opened, papers, *since = events[place:]
        assert isinstance(papers, PapersReceived)
        assert all(
            isinstance(event, Endorsed | CommentAdded | HeldForCorrection) for event in since
        )
        return opened, papers, [one.endorsement for one in since if isinstance(one, Endorsed)]

    def _is_approved_by_as_many_people_as_must(self, approved, papers, given):
        assert list(approved.endorsements) == given
        people = {approved.decided_by.subject, *(one.endorsed_by.subject for one in given)}
        assert len(people) == len(given) + 1 == papers.approval_levels

    def _was_decided_before(self, said, name):
        """Who comes late sees the decision that stands."""
        if said.kind is AlreadyDecided:
            first = self.events(*DECISIONS, stream=name)[-1].model_dump(mode="json")
            shown = said.extra["decision"]
            for what in ("decided_by", "decided_at", "reason"):
                assert shown[what] == first[what]
        if said.kind is ApprovedBefore:
            assert self.events(Endorsed, stream=name)
        if said.kind is RequestClosed:
            assert self.events(Withdrawn, stream=name)

    def _is_within_the_rules(self, approved, opened):
        assert approved.exception_reason or not opened.warnings
        granted = approved.approved
        if approved.request.kind == "termination":
            assert (granted.quota_bytes, granted.max_file_size_bytes) == (None, None)
        else:
            assert 0 < granted.quota_bytes <= MAMPU.largest_quota_bytes
            assert 0 < granted.max_file_size_bytes <= MAMPU.largest_file_bytes

    @rule(request=requests, by=OFFICERS)
    def somebody_comments(self, request, by):
        said = self.tell(comment(by=by), request.request_id)
        known = any(isinstance(e, RequestEvent) for e in self.events(stream=request.request_id))
        assert isinstance(said, No) == (not known or by not in (SITI, FAIZ))

    @invariant()
    def a_request_has_one_decision_and_nothing_after_it(self):
        for name in self.history:
            said = self._published(name)
            for before, after in zip([None, *said], said, strict=False):
                assert after in FOLLOWS.get(before, ()), f"{after} after {before}"
            assert sum(event in FINAL for event in said) <= 1

    @invariant()
    def a_review_counts_what_it_says(self):
        for name in self.history:
            assert self.state(name).version == len(self._published(name))

    def _published(self, name):
        private = (PapersReceived, Endorsed, CommentAdded, HeldForCorrection)
        return [type(e) for e in self.events(stream=name) if not isinstance(e, private)]


class Rules(DeciderMachine):
    decider = agency_rules.DECIDER
    models = (RulesCameIntoForce,)

    @rule(levels=st.sampled_from([1, 20]))
    def approval_starts(self, levels):
        said = self.tell(record_rules({"approval_levels": levels}), "rules")
        entries = self.events(RulesCameIntoForce, stream="rules")
        assert entries[-1].rules == {"approval_levels": levels}
        assert len(said) <= 1


class Bulk(DeciderMachine):
    decider = bulk.DECIDER
    models = (BulkAnswered, BulkBegun)

    @rule(ids=st.lists(st.sampled_from("abc"), min_size=1, max_size=4))
    def a_bulk_call_begins(self, ids):
        said = self.tell(BeginBulk(SITI, tuple(ids)), "bulk")
        assert isinstance(said, No) == (len(set(ids)) < len(ids))

    @precondition(lambda self: self.events(stream="bulk"))
    @rule()
    def a_bulk_call_is_answered(self):
        self.tell(AnswerBulk((RulingResult(request_id="a", status=201),)), "bulk")


def test_an_agencys_rules_are_recorded_where_they_changed():
    explore(Rules)


def test_a_bulk_call_names_each_request_once():
    explore(Bulk)


def test_a_review_has_one_decision_whatever_is_asked_of_it():
    explore(Reviews)
