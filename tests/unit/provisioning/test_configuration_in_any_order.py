"""A configuration, whatever is recorded of it and in whatever order: in force once, as approved."""

from decider_machine import DeciderMachine, No, explore
from fixtures.samples import GB, facts
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, invariant, rule
from orders import (
    FAIZ,
    JPA,
    MAMPU,
    NOW,
    OPERATOR,
    SITI,
    approved,
    claim,
    complete,
    evidence,
    fail,
    request_configuration,
    retry,
    take_over,
)

from bmt.contracts import topics
from bmt.contracts.events import (
    AwaitingOperator,
    ConfigurationFailed,
    ConfigurationStarted,
    Configured,
    ConfirmationDue,
    ConfirmationsAwaited,
    Effective,
    EffectiveIpms,
    EffectiveStorage,
    GrantConfirmed,
    TerminationProposed,
)
from services.provisioning.domain import configuration
from services.provisioning.domain.configuration import (
    AcceptDrift,
    AnswerGrant,
    AskConfirmation,
    Awaiting,
    AwaitOperator,
    ClearDrift,
    Correct,
    Due,
    Failed,
    ObserveTargets,
    RecordConfigured,
    RemindOffice,
    Start,
    Started,
    SupersedeConfirmation,
)
from services.provisioning.domain.configuration_rules import DECIDER, ITSELF
from services.provisioning.domain.errors import ClaimedByAnother, NotClaimed
from services.provisioning.domain.events import (
    PRIVATE,
    ConfigurationDue,
    ConfirmationSuperseded,
    Corrected,
    CorrectionFailed,
    CorrectionRequested,
    CorrectionStarted,
    DriftAccepted,
    DriftCleared,
    DriftDetected,
    RetryRequested,
    TaskClaimed,
    TaskCompleted,
    TaskTakenOver,
)
from services.provisioning.domain.order import NOTHING_IN_FORCE, changes, goal

FOLLOWS = {
    None: {ConfigurationDue},
    ConfigurationDue: {ConfigurationStarted, ConfigurationFailed},
    ConfigurationStarted: {AwaitingOperator, Configured, ConfigurationFailed},
    AwaitingOperator: {TaskClaimed, TaskCompleted},
    TaskClaimed: {TaskTakenOver, TaskCompleted},
    TaskTakenOver: {TaskTakenOver, TaskCompleted},
    TaskCompleted: {Configured, ConfigurationFailed},
    ConfigurationFailed: {RetryRequested},
    RetryRequested: {ConfigurationStarted, ConfigurationFailed},
    Configured: {DriftDetected},
    DriftDetected: {DriftDetected, DriftCleared, DriftAccepted, CorrectionRequested},
    DriftAccepted: {DriftDetected, DriftCleared, CorrectionRequested},
    DriftCleared: {DriftDetected},
    CorrectionRequested: {CorrectionStarted, CorrectionFailed},
    CorrectionStarted: {Corrected, CorrectionFailed},
    CorrectionFailed: {DriftDetected, DriftCleared, DriftAccepted, CorrectionRequested},
    Corrected: {DriftDetected},
}
"""What may happen after what; nothing follows what is not named here."""

OF_GRANTS = (ConfirmationDue, GrantConfirmed, TerminationProposed, ConfirmationSuperseded)
NEXT = "019b0000-0000-7000-8000-000000000001"
ANY_TIME = {*OF_GRANTS, ConfirmationsAwaited}

ANSWERS = ("confirm", "terminate", "superseded")
CAMPAIGNS = st.sampled_from(["2026-12", "2027-12"])

KINDS = st.sampled_from(["application", "termination"])
POLICIES = st.sampled_from([MAMPU, JPA])
OFFICERS = st.sampled_from([SITI, FAIZ])
AGENCIES = st.sampled_from(["MAMPU", "MAMPU", "JPA"])
SIZES = st.sampled_from([GB, 2 * GB, 10 * GB])
SHOWN = st.builds(
    Effective,
    ipms=st.builds(EffectiveIpms, bmt_enabled=st.booleans(), max_file_size_bytes=SIZES),
    storage=st.builds(
        EffectiveStorage, enabled=st.booleans(), quota_bytes=SIZES, max_file_size_bytes=SIZES
    ),
)

OTHERWISE = Effective(
    ipms=EffectiveIpms(bmt_enabled=True, max_file_size_bytes=5 * GB),
    storage=EffectiveStorage(enabled=True, quota_bytes=5 * GB, max_file_size_bytes=5 * GB),
)
"""As nobody asks for it."""


class Configurations(DeciderMachine):
    """`targets` show what is set in IPMS and the storage for each request's account."""

    decider = DECIDER
    models = (*topics.EVENTS[topics.CONFIGURATIONS], *PRIVATE)
    requests = Bundle("requests")

    def __init__(self):
        super().__init__()
        self.targets = {}

    @rule(target=requests, kind=KINDS, policy=POLICIES)
    def an_approval_is_heard(self, kind, policy):
        request = facts(kind=kind)
        name = request.request_id
        self.targets[name] = NOTHING_IN_FORCE
        assert len(self.tell(request_configuration(approved(request), policy), name)) == 1
        return name

    @rule(name=requests)
    def the_approval_is_heard_again(self, name):
        said = approved(self.state(name).order.request)
        assert self.tell(request_configuration(said), name) == []

    @rule(name=requests, shown=SHOWN)
    def somebody_sets_the_targets_otherwise(self, name, shown):
        self.targets[name] = shown

    @rule(name=requests, steps=st.integers(1, 6))
    def it_goes_on(self, name, steps):
        """The next steps of its way, which random steps alone would seldom make."""
        for _ in range(steps):
            self._step(name)

    def _is_configured(self, name):
        for _ in range(8):
            if not isinstance(self.state(name), configuration.Configured):
                self._step(name)

    def _step(self, name):
        match self.state(name):
            case Due():
                self.work_starts(name)
            case Started(order=order, statement=None) if order.ipms_connector == "worklist":
                self.an_officer_is_asked(name)
            case Started():
                self.the_plan_is_carried_out(name, 1)
                self.it_is_read_back(name)
            case Awaiting(claim=None):
                self.a_task_is_claimed(name, FAIZ, "MAMPU", is_another=False)
            case Awaiting(claim=claim) if claim.claimed_by == FAIZ:
                self.a_task_is_taken_over(name, OPERATOR, FAIZ, "MAMPU")
            case Awaiting():
                self.a_task_is_completed(name, FAIZ, "MAMPU", is_another=False)
            case Failed():
                self.it_is_retried(name, None, overtaken=False)
            case configuration.Configured(drift=None):
                self.targets[name] = OTHERWISE
                self.targets_are_compared(name, {"ipms", "storage"})
            case configuration.Configured():
                self.it_is_corrected(name, "MAMPU", overtaken=False)

    @rule(name=requests)
    def work_starts(self, name):
        self.tell(Start(self._plan(name)), name)

    @rule(name=requests, times=st.integers(1, 3))
    def the_plan_is_carried_out(self, name, times):
        """However often, and whatever was set meanwhile: values are absolute."""
        for _ in range(times):
            self.targets[name] = _with(self.targets[name], self._plan(name))
            assert self.targets[name] == self._goal(name)
        assert self._plan(name) == ()

    @rule(name=requests)
    def it_is_read_back(self, name):
        self.tell(RecordConfigured(self.targets[name], evidence(), NOW), name)

    @rule(name=requests, retryable=st.booleans())
    def a_target_refuses(self, name, retryable):
        self.tell(fail(retryable=retryable), name)

    @rule(name=requests)
    def an_officer_is_asked(self, name):
        self.tell(AwaitOperator(f"task of {name}", "ipms", "Hidupkan. Turn it on."), name)

    @rule(name=requests, by=OFFICERS, agency=AGENCIES, is_another=st.booleans())
    def a_task_is_claimed(self, name, by, agency, is_another):
        said = self.tell(claim(by, agency, "another" if is_another else f"task of {name}"), name)
        if isinstance(said, No) and said.kind is ClaimedByAnother:
            first = self._has_it(name)
            assert first != by
            assert said.extra["decision"]["decided_by"]["subject"] == first.subject
        elif said and not isinstance(said, No):
            assert (agency, is_another) == ("MAMPU", False)

    @rule(name=requests, by=OFFICERS, known=OFFICERS, agency=AGENCIES)
    def a_task_is_taken_over(self, name, by, known, agency):
        had = self._has_it(name)
        command = take_over(by, known.subject, agency, f"task of {name}")
        said = self.tell(command, name)
        if isinstance(said, No):
            assert said.kind is not NotClaimed or had is None
            return
        assert agency == "MAMPU"
        if said:
            assert (said[0].taken_over_from, known, by) == (had, had, self._has_it(name))
            assert by != had

    @rule(name=requests, by=OFFICERS, agency=AGENCIES, is_another=st.booleans())
    def a_task_is_completed(self, name, by, agency, is_another):
        said = self.tell(complete(by, agency, "another" if is_another else f"task of {name}"), name)
        if not isinstance(said, No):
            order = self.state(name).order
            assert (agency, is_another) == ("MAMPU", False)
            assert order.approver_may_configure or by != order.decided_by

    @rule(name=requests, by=st.sampled_from([None, "MAMPU", "JPA"]), overtaken=st.booleans())
    def it_is_retried(self, name, by, overtaken):
        said = self.tell(retry(OPERATOR, by, overtaken=overtaken), name)
        if not isinstance(said, No) and said:
            assert self.events(ConfigurationFailed, stream=name)[-1].retryable
            assert by != "JPA"
            assert not overtaken

    @rule(name=requests, answering=st.sets(st.sampled_from(["ipms", "storage"])))
    def targets_are_compared(self, name, answering):
        """A difference is recorded once; what did not answer is neither found nor cleared."""
        before = self._drift(name)
        shown = {target: getattr(self.targets[name], target) for target in answering}
        said = self.tell(ObserveTargets(shown, NOW), name)
        if isinstance(self.state(name), configuration.Configured):
            silent = [one for one in before if one.target not in answering]
            assert [one for one in self._drift(name) if one.target not in answering] == silent
            wrong = {one for one in self._plan(name) if one.target in answering}
            assert {one for one in self._drift(name) if one.target in answering} == wrong
            assert self.tell(ObserveTargets(shown, NOW), name) == []
        else:
            assert said == []

    @rule(name=requests)
    def a_later_request_is_configured(self, name):
        self.tell(ClearDrift(NOW), name)
        assert not self._drift(name)

    @rule(name=requests, agency=AGENCIES)
    def drift_is_accepted(self, name, agency):
        said = self.tell(AcceptDrift(FAIZ, agency, "Dibenarkan.", NOW), name)
        assert isinstance(said, No) or agency == "MAMPU"

    @rule(name=requests, shown=SHOWN)
    def it_is_configured_changed_and_accepted(self, name, shown):
        """As `it_is_configured_asked_and_answered`."""
        self._is_configured(name)
        self.somebody_sets_the_targets_otherwise(name, shown)
        self.targets_are_compared(name, {"ipms", "storage"})
        self.drift_is_accepted(name, "MAMPU")

    @rule(name=requests)
    def it_is_configured_changed_and_not_corrected(self, name):
        """As `it_is_configured_asked_and_answered`."""
        self._is_configured(name)
        self.somebody_sets_the_targets_otherwise(name, OTHERWISE)
        self.targets_are_compared(name, {"ipms", "storage"})
        self.it_is_corrected(name, "MAMPU", overtaken=False)
        self.work_starts(name)
        self.a_target_refuses(name, retryable=True)

    @rule(name=requests, agency=AGENCIES, overtaken=st.booleans())
    def it_is_corrected(self, name, agency, overtaken):
        said = self.tell(Correct(FAIZ, agency, "Betulkan.", NOW, MAMPU, overtaken), name)
        if not isinstance(said, No) and said:
            assert (agency, overtaken) == ("MAMPU", False)

    @rule(
        name=requests,
        campaign=CAMPAIGNS,
        answer=st.sampled_from([None, *ANSWERS]),
        agency=AGENCIES,
    )
    def the_agency_is_asked(self, name, campaign, answer, agency):
        """The first answer counts, whatever becomes of drift meanwhile."""
        ask = AskConfirmation(campaign, "rule", NOW, NOW)
        if self.tell(ask, name):
            assert self.state(name).order.kind == "application"
            self.tell(RemindOffice(campaign, "reminder", NOW, 1), name)
        assert self.tell(ask, name) == []
        if answer is None:
            return
        next_one = NEXT if answer == "terminate" else None
        answered = AnswerGrant(FAIZ, agency, "Semakan.", NOW, next_one)
        before = self._open(name)
        told = SupersedeConfirmation(NOW) if answer == "superseded" else answered
        said = self.tell(told, name)
        if not isinstance(said, No) and said:
            assert before
            assert not self._open(name)

    @rule(name=requests, campaign=CAMPAIGNS, answer=st.sampled_from(ANSWERS))
    def it_is_configured_asked_and_answered(self, name, campaign, answer):
        """A way that random steps would seldom make."""
        self._is_configured(name)
        if answer == "superseded":
            self.a_later_request_is_configured(name)
        self.the_agency_is_asked(name, campaign, answer, "MAMPU")

    def _open(self, name):
        """What is asked and not answered, by the events alone."""
        events = self.events(*OF_GRANTS, stream=name)
        return bool(events) and isinstance(events[-1], ConfirmationDue)

    def _drift(self, name):
        state = self.state(name)
        known = isinstance(state, configuration.Configured) and state.drift
        return known.differences if known else ()

    @invariant()
    def what_is_corrected_is_what_was_configured(self):
        for name in self.history:
            for corrected in self.events(Corrected, stream=name):
                (configured,) = self.events(Configured, stream=name)
                assert corrected.effective == configured.effective

    @invariant()
    def only_what_may_follow_follows(self):
        for name, events in self.history.items():
            happened = [one for event in events if (one := type(event)) not in ANY_TIME]
            for before, after in zip([None, *happened], happened, strict=False):
                assert after in FOLLOWS.get(before, ()), f"{name}: {after} after {before}"

    @invariant()
    def what_is_configured_is_what_was_approved(self):
        for name in self.history:
            for configured in self.events(Configured, stream=name):
                assert configured.effective == self._goal(name)
                done = self.events(TaskCompleted, stream=name)
                assert configured.configured_by == (done[-1].completed_by if done else ITSELF)

    @invariant()
    def nobody_is_asked_twice(self):
        for name in self.history:
            assert len(self.events(AwaitingOperator, stream=name)) <= 1
            assert len(self.events(TaskCompleted, stream=name)) <= 1

    @invariant()
    def a_round_is_a_retry_or_a_correction(self):
        """A worker's records are told apart by it."""
        for name in self.history:
            retries = len(self.events(RetryRequested, CorrectionRequested, stream=name))
            assert getattr(self.state(name), "round", retries) == retries

    def _has_it(self, name):
        """Who claimed the task, or took it over, last."""
        events = self.events(TaskClaimed, TaskTakenOver, stream=name)
        if not events:
            return None
        last = events[-1]
        return last.claimed_by if isinstance(last, TaskClaimed) else last.taken_over_by

    def _goal(self, name):
        return goal(self.state(name).order)

    def _plan(self, name):
        shown, wanted = self.targets[name], self._goal(name)
        return (
            *changes("storage", shown.storage, wanted.storage),
            *changes("ipms", shown.ipms, wanted.ipms),
        )


def _with(shown, plan):
    """What the targets show once `plan` was carried out."""
    targets = {"ipms": shown.ipms.model_dump(), "storage": shown.storage.model_dump()}
    for change in plan:
        targets[change.target][change.setting] = change.to
    return Effective.model_validate(targets)


def test_a_request_is_configured_once_as_approved_whatever_happens():
    explore(Configurations)
