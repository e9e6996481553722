"""What offices are reminded of, whatever is heard and in whatever order."""

from datetime import timedelta

from decider_machine import DeciderMachine, explore
from fixtures.samples import facts
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, invariant, precondition, rule
from notices import NOW, notice

from services.notification.domain.correspondence import (
    Acknowledge,
    AwaitStep,
    Notify,
    RecordFailureSent,
    RecordReminder,
    ReportFailure,
)
from services.notification.domain.correspondence_rules import DECIDER
from services.notification.domain.events import (
    FailureDue,
    FailureTold,
    NoticeDue,
    NoticeHeld,
    ReminderSent,
    StepAwaited,
    StepEnded,
)


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
