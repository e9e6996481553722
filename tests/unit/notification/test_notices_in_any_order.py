"""What is told about a request, whatever is heard and in whatever order: a receipt, then one outcome."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from decider_machine import DeciderMachine, No, explore
from fixtures.samples import facts
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, invariant, precondition, rule
from notices import DOCUMENT, NOW, SITI, notice

from bmt.contracts import topics
from bmt.contracts.events import NotificationFailed, NotificationPrepared, Notified
from services.notification.domain import template
from services.notification.domain.correspondence import (
    Acknowledge,
    AwaitStep,
    Composed,
    Dispatch,
    Notify,
    RecordFailureSent,
    RecordPrepared,
    RecordRefused,
    RecordReminder,
    RecordSent,
    ReportFailure,
    Resend,
)
from services.notification.domain.correspondence_rules import DECIDER, decide
from services.notification.domain.errors import SavedMeanwhile
from services.notification.domain.events import (
    AcknowledgementSuperseded,
    FailureDue,
    FailureTold,
    NoticeDue,
    NoticeHeld,
    ReminderSent,
    ResendRequested,
    SentAgain,
    StepAwaited,
    StepEnded,
    TemplateSaved,
)
from services.notification.wording.composer import DEFAULT

ABOUT = st.sampled_from(["returned", "rejected", "withdrawn", "configured", "terminated"])

CHANNELS = st.sampled_from(["email", "email", "letter"])

WHICH = st.sampled_from([0, 0, 0, 1, 2])

AGENCIES = st.sampled_from(["MAMPU", "MAMPU", "JPA"])

SAID = (NotificationPrepared, Notified, NotificationFailed)


class Correspondences(DeciderMachine):
    """Each stream is one request's; `told` counts notices, so that each has an id of its own."""

    decider = DECIDER
    models = (
        *topics.EVENTS[topics.NOTIFICATIONS],
        *(NoticeHeld, NoticeDue, ResendRequested, SentAgain, AcknowledgementSuperseded),
    )
    requests = Bundle("requests")

    def __init__(self):
        super().__init__()
        self.told = 0

    @precondition(lambda self: self.told < 3)
    @rule(target=requests, channel=CHANNELS, is_heard_first=st.booleans())
    def a_request_comes(self, channel, is_heard_first):
        request = facts(reply_through=channel)
        if is_heard_first:
            self.its_receipt_is_heard(request, is_composed=True)
        return request

    @rule(request=requests, is_composed=st.booleans())
    def its_receipt_is_heard(self, request, is_composed):
        state = self.state(request.request_id)
        notice_ = self._notice("acknowledgement", request, on_preparation=False)
        command = Acknowledge(request, notice_, NOW, "<1@mampu>")
        command = self._composed(command, request) if is_composed else command
        said = self.tell(command, request.request_id)
        self._require_in_order(said, state)
        told = [event.notification_id for event in said if isinstance(event, NoticeDue)]
        held = [event.notice.notification_id for event in state.held]
        assert told == ([] if state.acknowledged else [notice_.notification_id, *held])

    @rule(
        request=requests,
        about=ABOUT,
        on_preparation=st.booleans(),
        is_composed=st.booleans(),
    )
    def what_became_of_it_is_heard(self, request, about, on_preparation, is_composed):
        state = self.state(request.request_id)
        notice_ = self._notice(about, request, on_preparation=on_preparation)
        command = Notify(request, notice_, NOW)
        command = self._composed(command, request) if is_composed else command
        said = self.tell(command, request.request_id)
        self._require_in_order(said, state)
        assert bool(said) != state.concluded

    def _require_in_order(self, said, before):
        """A message is prepared at once only where each before it is prepared."""
        due = [event.notification_id for event in said if isinstance(event, NoticeDue)]
        prepared = [e.notification_id for e in said if isinstance(e, NotificationPrepared)]
        assert prepared == due[: len(prepared)]
        assert not prepared or all(
            outgoing.status != "due" for outgoing in before.outgoing_notices.values()
        )

    def _composed(self, command, request):
        """With the messages of its e-mails."""
        due = decide(command, self.state(request.request_id))
        composed = [Composed(one, DOCUMENT) for one in due if isinstance(one, NoticeDue)]
        return replace(
            command, composed=tuple(one for one in composed if not one.due.notice.on_paper)
        )

    def _notice(self, about, request, *, on_preparation):
        self.told += 1
        return notice(
            about,
            request.reply_through,
            notification_id=f"{about}-{self.told}",
            message_id=f"<{self.told}@mygovuc.gov.my>",
            on_preparation=on_preparation,
        )

    @rule(request=requests, which=WHICH)
    def a_message_is_prepared(self, request, which):
        for id_ in self._one_of(request, which):
            self.tell(RecordPrepared(id_, DOCUMENT), request.request_id)

    @rule(request=requests)
    def all_that_is_due_is_prepared(self, request):
        """So an outcome's paper often finds an earlier one that nobody has handed over."""
        for id_ in self.state(request.request_id).outgoing_notices:
            self.tell(RecordPrepared(id_, DOCUMENT), request.request_id)

    @rule(request=requests, which=WHICH, sending=st.integers(1, 3))
    def a_message_is_sent(self, request, which, sending):
        for id_ in self._one_of(request, which):
            self.tell(RecordSent(id_, sending), request.request_id)

    @rule(request=requests, which=WHICH, sending=st.integers(1, 3))
    def a_message_is_refused(self, request, which, sending):
        for id_ in self._one_of(request, which):
            self.tell(RecordRefused(id_, sending, "550 no such user"), request.request_id)

    @rule(request=requests, which=WHICH, agency=AGENCIES)
    def a_paper_is_handed_over(self, request, which, agency):
        for id_ in self._one_of(request, which):
            said = self.tell(Dispatch(id_, agency, SITI, "Diterima."), request.request_id)
            if not isinstance(said, No):
                assert agency == request.agency
                assert said[0].channel != "email"

    @rule(request=requests, which=WHICH, agency=AGENCIES)
    def it_is_to_be_sent_again(self, request, which, agency):
        for id_ in self._one_of(request, which):
            said = self.tell(Resend(id_, agency, SITI, NOW), request.request_id)
            assert isinstance(said, No) == (agency == "JPA" or request.reply_through != "email")

    @rule(request=requests, which=WHICH, is_taken=st.sampled_from([True, True, False]))
    def it_goes_on(self, request, which, is_taken):
        """The next step of a notice, which random steps alone would seldom make."""
        for id_ in self._one_of(request, which):
            outgoing = self.state(request.request_id).outgoing_notices[id_]
            if outgoing.status == "due":
                self.a_message_is_prepared(request, which)
            elif outgoing.notice.on_paper:
                self.a_paper_is_handed_over(request, which, "MAMPU")
            elif outgoing.sending is None:
                self.it_is_to_be_sent_again(request, which, "MAMPU")
            elif is_taken:
                self.a_message_is_sent(request, which, outgoing.sending)
            else:
                self.a_message_is_refused(request, which, outgoing.sending)

    def _one_of(self, request, which) -> Iterator[str]:
        """A worker performs, and people name, only what there is."""
        ids = list(self.state(request.request_id).outgoing_notices)
        yield from ids[which : which + 1]

    @invariant()
    def the_receipt_is_told_first_and_once(self):
        for name in self.history:
            told = [due.notice.about for due in self.events(NoticeDue, stream=name)]
            assert told[:1] in ([], ["acknowledgement"])
            assert told.count("acknowledgement") <= 1

    @invariant()
    def one_outcome_is_told_and_nothing_after_it(self):
        for name in self.history:
            told = [due.notice for due in self.events(NoticeDue, stream=name)]
            assert not any(notice_.is_outcome for notice_ in told[:-1])
            wanted = [*told, *(held.notice for held in self.events(NoticeHeld, stream=name))]
            outcomes = {notice_.notification_id for notice_ in wanted if notice_.is_outcome}
            assert len(outcomes) <= 1
            arrived = [e.notification_id for e in self.events(Notified, stream=name)]
            assert sum(id_ in outcomes for id_ in arrived) <= 1

    @invariant()
    def a_notice_takes_its_steps_in_order(self):
        for name in self.history:
            for due in self.events(NoticeDue, stream=name):
                steps = [e for e in self.events(stream=name) if _is_of(e, due.notification_id)]
                _require_order(steps[1:])

    @invariant()
    def a_notice_has_one_message_id_and_one_document(self):
        for name in self.history:
            said: dict[str, set[Any]] = {}
            for event in self.events(*SAID, stream=name):
                same = (event.message_id, event.document_id, event.recipient, event.about)
                said.setdefault(event.notification_id, set()).add(same)
            assert all(len(each) == 1 for each in said.values())


def _is_of(event, notification_id):
    return getattr(event, "notification_id", None) == notification_id


def _require_order(steps):
    """Prepared, then told at most once, and each sending asked for and ended before the next."""
    kinds = [type(step) for step in steps]
    assert kinds[:1] in ([], [NotificationPrepared])
    assert kinds.count(NotificationPrepared) <= 1
    assert kinds.count(Notified) <= 1
    if SentAgain in kinds:
        assert kinds.index(Notified) < kinds.index(SentAgain)
    resends = [step.sending for step in steps if isinstance(step, ResendRequested)]
    assert resends == list(range(2, len(resends) + 2)) or steps[0].channel != "email"
    open_sendings = 0
    for kind in kinds:
        open_sendings += (kind in (NotificationPrepared, ResendRequested)) - (
            kind in (Notified, NotificationFailed, SentAgain)
        )
        assert open_sendings in (0, 1)


def test_a_receipt_then_one_outcome_is_told_whatever_is_heard():
    explore(Correspondences)


class Offices(DeciderMachine):
    """Each stream is one request's."""

    decider = DECIDER
    models = (NoticeHeld, NoticeDue, StepAwaited, StepEnded, ReminderSent, FailureDue, FailureTold)
    requests = Bundle("requests")

    def __init__(self):
        super().__init__()
        self.told = 0

    @precondition(lambda self: len(self.states) < 3)
    @rule(target=requests)
    def a_request_comes(self):
        return facts()

    @rule(request=requests)
    def its_receipt_is_heard(self, request):
        self.tell(Acknowledge(request, self._notice("acknowledgement"), NOW), request.request_id)

    @rule(request=requests, about=st.sampled_from(["returned", "returned", "rejected"]))
    def what_became_of_it_is_heard(self, request, about):
        self.tell(Notify(request, self._notice(about), NOW), request.request_id)

    def _notice(self, about):
        self.told += 1
        return notice(about, notification_id=f"{about}-{self.told}")

    @rule(
        request=requests,
        step=st.sampled_from(["decide", "configure"]),
        days=st.sampled_from([0, 3]),
    )
    def the_office_has_something_to_do(self, request, step, days):
        state, due_at = self.state(request.request_id), NOW + timedelta(days=days)
        said = self.tell(AwaitStep(request, step, NOW, due_at), request.request_id)
        open_now = [(one.step, one.due_at) for one in state.waits.values() if not one.ended]
        assert bool(said) != (state.concluded or (step, due_at) in open_now)

    @rule(request=requests, level=st.sampled_from(["reminder", "escalation"]))
    def a_reminder_was_sent(self, request, level):
        for wait in list(self.state(request.request_id).waits.values())[-1:]:
            command = RecordReminder(wait.name, level, f"<{wait.name}.{level}@x>", "a@b.my")
            said = self.tell(command, request.request_id)
            assert bool(said) != (level in wait.sent)

    @rule(request=requests)
    def its_configuration_failed(self, request):
        state = self.state(request.request_id)
        said = self.tell(ReportFailure(request, "ipms", True, NOW), request.request_id)
        assert bool(said) != state.concluded

    @rule(request=requests)
    def the_office_was_told_of_the_last_failure(self, request):
        for failure in self.state(request.request_id).failures[-1:]:
            command = RecordFailureSent(failure.number, f"<{failure.name}@x>", "a@b.my")
            said = self.tell(command, request.request_id)
            assert bool(said) != failure.told

    @invariant()
    def an_office_is_waited_for_once_at_a_time_and_not_after_the_outcome(self):
        for name, state in self.states.items():
            still = [wait for wait in state.waits.values() if not wait.ended]
            assert len(still) <= (not state.concluded)
            begun, ended = (self.events(kind, stream=name) for kind in (StepAwaited, StepEnded))
            assert len(begun) == len(ended) + len(still)
            numbers = [(one.step, one.wait) for one in begun]
            assert len(numbers) == len(set(numbers))

    @invariant()
    def an_office_is_reminded_once_and_told_once(self):
        for name in self.history:
            sent = [(e.step, e.wait, e.level) for e in self.events(ReminderSent, stream=name)]
            assert len(sent) == len(set(sent))


def test_an_office_is_reminded_once_of_each_wait_whatever_is_heard():
    explore(Offices)


class Templates(DeciderMachine):
    """Each stream is one template's."""

    decider = template.DECIDER
    models = (TemplateSaved,)

    @rule(about=st.sampled_from(["rejected", "configured"]), late=st.booleans(), own=st.booleans())
    def words_are_saved(self, about, late, own):
        stream = f"MAMPU-{about}"
        version = self.state(stream).version
        words = DEFAULT[about] if own else None
        command = template.SaveWords(
            "MAMPU", about, words, "Nama baharu.", version + late, SITI, NOW
        )
        said = self.tell(command, stream)
        assert (isinstance(said, No) and said.kind is SavedMeanwhile) == late

    @invariant()
    def versions_of_words_count_from_one(self):
        for name in self.history:
            versions = [e.version for e in self.events(TemplateSaved, stream=name)]
            assert versions == list(range(1, len(versions) + 1))


def test_versions_of_words_count_from_one_whoever_saves():
    explore(Templates)
