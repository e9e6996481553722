"""An agency's rules: each change is recorded once, whether agencies.yaml makes it or somebody in the console."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final

from pydantic import BaseModel, JsonValue

from bmt.agencies.agency import Agency, AgencyRules, Change, OwnRules, overlaid
from bmt.agencies.charter import day_of
from bmt.chassis.eventsourcing.decider import Decider
from bmt.contracts.events import Event
from bmt.contracts.problems import FieldError
from bmt.contracts.values import Officer, immutable
from services.approval.domain.errors import ChangeWaits, FieldsWrong, NoChangeWaits, RulesChanged
from services.approval.domain.events import RulesCameIntoForce

MOST_DAYS_AHEAD: Final = 366

Rules = Mapping[str, JsonValue]


@immutable
class RecordRules:
    """Approval starts with these rules of an agency in its file.

    Attributes:
        rules: all of them, as JSON.
        change: the last change, if the file names one.
    """

    agency: str
    policy_version: str
    rules: Rules
    change: Change | None
    recorded_at: datetime


@immutable
class ChangeRules:
    """The agency's own rules are these from a day on.

    Attributes:
        number: the last version that the officer had read.
    """

    agency: str
    rules: OwnRules
    in_force_from: date
    why: str
    number: int
    by: Officer
    at: datetime


@immutable
class WithdrawChange:
    """The change that waits for its day is taken back."""

    agency: str
    why: str
    number: int
    by: Officer
    at: datetime


@immutable
class NotRecorded:
    """No rules of this agency were recorded."""


@immutable
class InForce:
    """The agency's rules as recorded.

    Attributes:
        current: the version in force when the last one was recorded.
        waiting: the last one, if it was for a later day.
        changes: the changes that files named so far; each counts once.
    """

    current: RulesCameIntoForce
    waiting: RulesCameIntoForce | None = None
    changes: tuple[Change, ...] = ()

    @property
    def last(self) -> RulesCameIntoForce:
        return self.waiting or self.current

    @property
    def file(self) -> Rules:
        """The rules as agencies.yaml last had them."""
        return {**self.last.rules, **self.last.file}

    def on(self, day: date) -> tuple[RulesCameIntoForce, RulesCameIntoForce | None]:
        """The version in force on a day, and the one that then waits."""
        if self.waiting is None or _begins(self.waiting) <= day:
            return self.last, None
        return self.current, self.waiting


State = NotRecorded | InForce
Command = RecordRules | ChangeRules | WithdrawChange


def decide(command: Command, state: State) -> Sequence[Event]:
    """Record a file that differs from the last one, or what somebody changed.

    Raises:
        FieldsWrong, RulesChanged, ChangeWaits, NoChangeWaits: of a change in the console.
    """
    match command:
        case RecordRules():
            return _record(command, state)
        case ChangeRules():
            return [_change(command, _read(state, command.number))]
        case WithdrawChange():
            return [_withdraw(command, _read(state, command.number))]


def _record(command: RecordRules, state: State) -> Sequence[Event]:
    if isinstance(state, NotRecorded):
        return [_of_file(command, 1, command.rules, command.change)]
    if command.rules == state.file:
        return ()
    current, waiting = state.on(day_of(command.recorded_at))
    change = None if command.change in state.changes else command.change
    number = state.last.number + 1
    rules = overlaid(command.rules, state.file, current.rules)
    recorded = [_of_file(command, number, rules, change)]
    if waiting is not None:
        rules_then = overlaid(command.rules, state.file, waiting.rules)
        again = {
            "number": number + 1,
            "policy_version": _version_of(command.agency, rules_then),
            "rules": rules_then,
            "file": _otherwise(command.rules, rules_then),
            "recorded_at": command.recorded_at,
        }
        recorded.append(waiting.model_copy(update=again))
    return recorded


def _of_file(
    command: RecordRules, number: int, rules: Rules, change: Change | None
) -> RulesCameIntoForce:
    as_written = rules == command.rules
    return RulesCameIntoForce(
        agency=command.agency,
        number=number,
        policy_version=command.policy_version if as_written else _version_of(command.agency, rules),
        rules=rules,
        changed_by=change.by if change else None,
        changed_on=change.on if change else None,
        why=change.why if change else None,
        recorded_at=command.recorded_at,
        file=_otherwise(command.rules, rules),
    )


def _read(state: State, number: int) -> InForce:
    """The state, which the officer must have read."""
    last = state.last.number if isinstance(state, InForce) else 0
    if not isinstance(state, InForce) or last != number:
        raise RulesChanged(last)
    return state


def _change(command: ChangeRules, state: InForce) -> RulesCameIntoForce:
    today = day_of(command.at)
    current, waiting = state.on(today)
    if waiting is not None:
        raise ChangeWaits
    rules = {**current.rules, **command.rules.as_json()}
    if wrong := tuple(_faults(command, current, rules, today)):
        raise FieldsWrong(wrong)
    return RulesCameIntoForce(
        agency=command.agency,
        number=state.last.number + 1,
        policy_version=_version_of(command.agency, rules),
        rules=rules,
        changed_by=command.by.name,
        changed_on=today,
        why=command.why,
        recorded_at=command.at,
        changed_by_account=command.by.subject,
        in_force_from=command.in_force_from,
        file=_otherwise(state.file, rules),
    )


def _faults(
    command: ChangeRules, current: RulesCameIntoForce, rules: Rules, today: date
) -> Iterator[FieldError]:
    if command.in_force_from < today:
        yield FieldError.of("/in_force_from", "day_passed")
    if command.in_force_from > today + timedelta(MOST_DAYS_AHEAD):
        yield FieldError.of("/in_force_from", "day_too_far", maximum=MOST_DAYS_AHEAD)
    if rules == current.rules:
        yield FieldError.of("", "nothing_changes")
    appointed = AgencyRules.model_validate(current.rules).acting
    for index, one in enumerate(command.rules.acting):
        is_own = one.officer.casefold() == command.by.subject.casefold()
        if is_own and one not in appointed:
            yield FieldError.of(f"/rules/acting/{index}/officer", "own_appointment")


def _withdraw(command: WithdrawChange, state: InForce) -> RulesCameIntoForce:
    current, waiting = state.on(day_of(command.at))
    if waiting is None:
        raise NoChangeWaits
    again = {
        "number": state.last.number + 1,
        "changed_by": command.by.name,
        "changed_by_account": command.by.subject,
        "changed_on": day_of(command.at),
        "why": command.why,
        "recorded_at": command.at,
        "in_force_from": day_of(command.at),
        "withdraws": waiting.number,
        "file": _otherwise(state.file, current.rules),
    }
    return current.model_copy(update=again)


def _otherwise(file: Rules, rules: Rules) -> Rules:
    """The settings in which the file differs from the rules in force."""
    return {name: value for name, value in file.items() if rules.get(name) != value}


def _version_of(agency: str, rules: Rules) -> str:
    return Agency(code=agency, rules=AgencyRules.model_validate(rules)).policy_version


def _begins(event: RulesCameIntoForce) -> date:
    return event.in_force_from or day_of(event.recorded_at)


def evolve(state: State, event: BaseModel) -> State:
    """The state after `event`."""
    if not isinstance(event, RulesCameIntoForce):
        return state
    changes = state.changes if isinstance(state, InForce) else ()
    is_of_file = event.changed_by_account is None
    if is_of_file and event.changed_by and event.changed_on and event.why:
        changes = (*changes, Change(by=event.changed_by, on=event.changed_on, why=event.why))
    day = day_of(event.recorded_at)
    if isinstance(state, InForce) and _begins(event) > day:
        current, _ = state.on(day)
        return InForce(current, event, changes)
    return InForce(event, None, changes)


DECIDER: Final[Decider[Command, State]] = Decider(NotRecorded(), decide, evolve)
