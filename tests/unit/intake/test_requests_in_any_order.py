"""A reception, whatever is handed in and in whatever order: one request, corrected once a return."""

from dataclasses import replace
from itertools import pairwise

from decider_machine import DeciderMachine, No, explore
from fixtures import procedure
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, invariant, rule
from submissions import (
    ADMINISTRATOR,
    AGENCIES,
    APPLICANT,
    ENABLED,
    HRMIS,
    MESSAGE,
    NOON,
    OF_JPA,
    SCAN,
    SERVING,
    SITI,
    mail,
    submission,
)

from bmt.chassis.runtime import clock
from bmt.contracts import topics
from bmt.contracts.events import RequestReceived, WithdrawalRequested
from bmt.contracts.http.approval import Decision
from bmt.contracts.topics import RequestProgressed, SubmissionAccepted, SubmissionRefused
from services.intake.domain import one_event
from services.intake.domain.errors import NotTheirs, SubmissionWrong
from services.intake.domain.events import (
    DocumentUploaded,
    EmailDelivered,
    InboxItemDismissed,
    InboxItemReceived,
    Missing,
    ScannedPaper,
    ScanOrigin,
    ScanReceived,
    SubmissionAnswered,
)
from services.intake.domain.one_event import Record
from services.intake.domain.request import (
    DECIDER,
    CorrectRequest,
    DismissInboxItem,
    FollowRequest,
    Known,
    PutPaperInInbox,
    ReceiveEmail,
    ReceiveRequest,
    RegisterInboxItem,
    WithdrawRequest,
)
from services.intake.domain.submission import SubmittedEvent

KEPT = ("request_id", "reference", "kind", "agency", "received_at")
"""What no correction changes."""

CALLERS = st.sampled_from([ADMINISTRATOR, APPLICANT, OF_JPA, HRMIS])
GB = 1_000_000_000
WISHES = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["application", "application", "termination"]),
        "agency": st.sampled_from(["MAMPU", "MAMPU", "JPA", "KPM", "TIADA"]),
        "channel": st.sampled_from(["memo", "form", "form", "email", "event"]),
        "reply_through": st.none() | st.sampled_from(["email", "letter"]),
        "documents": st.sampled_from([(), (SCAN.document_id,), ("sha256:" + "c" * 64,)]),
        "quota_bytes": st.none() | st.sampled_from([GB, 100 * GB, 101 * GB]),
        "standing": st.none() | st.sampled_from([SERVING, ENABLED]),
        "open_elsewhere": st.booleans(),
    }
)
KINDS = st.sampled_from(["application", "termination"])
REASONS = st.none() | st.just("Salah taip.")
FOLLOWED = st.sampled_from(
    [
        procedure.approved,
        procedure.rejected,
        procedure.returned,
        procedure.withdrawn,
        procedure.started,
        procedure.configured,
        lambda facts: procedure.notified(facts, "configured"),
    ]
)
"""In any order: topics are not heard in the procedure's."""
REJECTED = Decision(
    decision="reject",
    decided_by=procedure.OFFICER,
    decided_at=NOON,
    reason="Tidak lengkap.",
    version=2,
)


class Receptions(DeciderMachine):
    """Each stream is one request's, or what may become one; `known` is what approval said of it."""

    decider = DECIDER
    models = (
        *topics.EVENTS[topics.REQUESTS],
        *(InboxItemReceived, InboxItemDismissed),
        *(SubmissionAnswered, SubmissionAccepted, RequestProgressed),
    )
    requests = Bundle("requests")

    def __init__(self):
        super().__init__()
        self.known = {}

    @rule(target=requests, caller=CALLERS, requested=WISHES)
    def a_request_comes(self, caller, requested):
        """Of any kind, by anybody: most are refused, and nothing is there then."""
        name = self._new()
        said = self.tell(ReceiveRequest(name, _submission(caller, requested)), name)
        if isinstance(said, No):
            assert said.kind in {SubmissionWrong, NotTheirs}
        return name

    @rule(target=requests, standing=st.sampled_from([SERVING, ENABLED, None]))
    def a_right_request_comes(self, standing):
        name = self._new()
        said = self.tell(ReceiveRequest(name, submission(standing=standing)), name)
        assert [type(event) for event in said] == [RequestReceived]
        return name

    @rule(target=requests)
    def an_integrator_submits(self):
        name = self._new()
        by = {"channel": "event", "source_reference": "HR/1"}
        asked = replace(submission(HRMIS, **by), submitted_event=SubmittedEvent("/hrmis", name))
        said = self.tell(ReceiveRequest(name, asked), name)
        assert [type(event) for event in said] == [
            *(RequestReceived, SubmissionAnswered, SubmissionAccepted)
        ]
        return name

    @rule(name=requests, event=FOLLOWED, sequence=st.integers(1, 5))
    def another_service_goes_on_with_it(self, name, event, sequence):
        state = self.state(name)
        facts = getattr(state, "facts", None)
        if facts is not None:
            said = self.tell(FollowRequest(event(facts), sequence, NOON), name)
            assert getattr(state, "answered", None) or not said

    @rule(target=requests, requested=st.none() | WISHES, is_clear=st.booleans())
    def an_email_comes(self, requested, is_clear):
        name = self._new()
        missing = () if is_clear else (Missing(field="kind", detail="It says neither."),)
        command = ReceiveEmail(
            name,
            mail(missing=missing),
            _submission(ADMINISTRATOR, {**requested, "channel": "email"}) if requested else None,
            AGENCIES.get("MAMPU"),
            ADMINISTRATOR,
            NOON,
        )
        (event,) = self.tell(command, name)
        assert isinstance(event, InboxItemReceived) or event.documents[0] == MESSAGE
        return name

    @rule(target=requests)
    def a_paper_is_scanned(self):
        """It is put into the inbox once."""
        name = self._new()
        event = scanned(name)
        (item,) = self.tell(PutPaperInInbox(event, *event.papers), name)
        assert item.mail.documents == (MESSAGE,)
        assert not self.tell(PutPaperInInbox(event, *event.papers), name)
        return name

    def _new(self):
        name = clock.new_id()
        self.known[name] = Known("received")
        return name

    @rule(name=requests, caller=CALLERS, channel=st.sampled_from(["email", "memo", "form"]))
    def an_inbox_item_is_registered(self, name, caller, channel):
        said = self.tell(RegisterInboxItem(name, submission(caller, channel=channel)), name)
        if not isinstance(said, No):
            assert caller.acts_for("MAMPU")
            assert said[0].documents[0] == MESSAGE

    @rule(name=requests, caller=CALLERS)
    def an_inbox_item_is_dismissed(self, name, caller):
        self.tell(DismissInboxItem("Bukan permohonan.", caller, NOON), name)

    @rule(name=requests)
    def approval_returns_it(self, name):
        known, state = self.known[name], self.state(name)
        if known.decision is None and known.returns < getattr(state, "receptions", 0):
            self.known[name] = replace(known, status="returned", returns=known.returns + 1)

    @rule(name=requests)
    def approval_decides(self, name):
        self.known[name] = replace(self.known[name], status="rejected", decision=REJECTED)

    @rule(name=requests, caller=CALLERS, requested=WISHES, why=REASONS, held=st.booleans())
    def it_is_corrected(self, name, caller, requested, why, held):
        self._correct(name, _submission(caller, requested), why, held)

    @rule(name=requests, kind=KINDS, why=REASONS, held=st.booleans())
    def it_is_corrected_rightly(self, name, kind, why, held):
        self._correct(name, submission(kind=kind), why, held)

    def _correct(self, name, corrected, why, held):
        known = self.known[name]
        said = self.tell(CorrectRequest(name, corrected, known, why, held), name)
        if isinstance(said, No):
            return
        event = said[0]
        assert known.decision is None
        assert event.corrected_by == corrected.caller.submitter
        if event.while_open:
            assert held
            assert why
        else:
            assert known.status == "returned"
            self.known[name] = replace(known, status="received")

    @rule(name=requests, caller=CALLERS)
    def it_is_withdrawn(self, name, caller):
        known = self.known[name]
        said = self.tell(WithdrawRequest("Tidak perlu.", caller, known), name)
        if not isinstance(said, No):
            assert known.decision is None

    @invariant()
    def a_request_stays_the_same_request(self):
        for events in self._receptions():
            first = events[0].request
            for event in events[1:]:
                assert all(getattr(event.request, n) == getattr(first, n) for n in KEPT)
                account = event.request.applicant.account.casefold()
                assert account == first.applicant.account.casefold()

    @invariant()
    def a_request_is_received_once_and_once_for_each_return(self):
        for name, known in self.known.items():
            received = self.events(RequestReceived, stream=name)
            assert sum(not event.while_open for event in received) <= 1 + known.returns

    @invariant()
    def who_handed_it_in_stays_known(self):
        for events in self._receptions():
            assert len({event.submitted_by.subject for event in events}) == 1
            assert [bool(event.corrected_by) for event in events] == [
                False,
                *[True] * (len(events) - 1),
            ]

    @invariant()
    def what_is_received_is_within_the_agencys_rules(self):
        for event in (event for events in self._receptions() for event in events):
            request, rules = event.request, AGENCIES.get(event.request.agency).rules
            assert request.channel in (*rules.channels.in_, "event")
            assert request.reply_through in rules.channels.out
            if request.kind == "termination":
                assert request.quota_bytes is None
            else:
                assert request.quota_bytes <= rules.quota_bytes.maximum
            ids = [document.document_id for document in event.documents]
            assert len(ids) == len(set(ids))

    @invariant()
    def answers_are_numbered_and_say_another_status_each_time(self):
        for name in self.known:
            answers = self.events(*topics.ANSWERS, stream=name)
            noted = self.events(SubmissionAnswered, stream=name)
            assert len(answers) == (noted[-1].number if noted else 0)
            statuses = [getattr(answer, "status", "received") for answer in answers]
            assert all(one != other for one, other in pairwise(statuses))
            assert not answers or statuses[-1] == noted[-1].progress.status

    @invariant()
    def a_withdrawal_is_the_last_word(self):
        for name in self.known:
            events = self.events(*topics.EVENTS[topics.REQUESTS], stream=name)
            assert not any(isinstance(event, WithdrawalRequested) for event in events[:-1])

    @invariant()
    def an_inbox_item_is_settled_once(self):
        for name in self.known:
            kinds = [type(event) for event in self.events(stream=name)]
            if InboxItemDismissed in kinds:
                assert kinds == [InboxItemReceived, InboxItemDismissed]
            assert InboxItemReceived not in kinds[1:]

    def _receptions(self):
        every = (self.events(RequestReceived, stream=name) for name in self.known)
        return [events for events in every if events]


def _submission(caller, requested):
    asked = requested if requested["kind"] == "application" else {**requested, "quota_bytes": None}
    return submission(caller, **asked)


def scanned(name):
    paper = ScannedPaper(
        inbox_item_id=name,
        document=MESSAGE,
        origin=ScanOrigin(batch=SCAN, pages=(2,)),
        understood={},
        missing=(),
    )
    return ScanReceived(
        agency="MAMPU",
        received_at=NOON,
        submitted_by=ADMINISTRATOR.submitter,
        batch=SCAN,
        page_count=2,
        papers=(paper,),
    )


REFUSED = SubmissionRefused(
    submission_id="1", source_reference=None, reason="malformed", detail="malformed", errors=()
)
RECORDED = [
    [scanned(clock.new_id())],
    [DocumentUploaded(document=SCAN, uploaded_by=SITI, uploaded_at=NOON)],
    [EmailDelivered(cause="mail:0123", delivered_at=NOON)],
    [
        SubmissionAnswered(
            integrator="hrmis", source="/hrmis", answered_at=NOON, number=1, **vars(REFUSED)
        ),
        REFUSED,
    ],
]


class RecordedOnce(DeciderMachine):
    """A scan, an upload, a delivery or a refusal: its events are recorded as they are."""

    decider = one_event.DECIDER
    models = (ScanReceived, DocumentUploaded, EmailDelivered, SubmissionAnswered, SubmissionRefused)

    @rule(events=st.sampled_from(RECORDED))
    def something_is_recorded(self, events):
        name = clock.new_id()
        assert list(self.tell(Record(events), name)) == list(events)
        is_scan = isinstance(events[0], ScanReceived)
        assert getattr(self.state(name), "scan", None) == (events[0] if is_scan else None)


def test_what_is_recorded_under_a_key_is_recorded_whole():
    explore(RecordedOnce)


def test_a_request_is_one_request_whatever_is_handed_in():
    explore(Receptions)
