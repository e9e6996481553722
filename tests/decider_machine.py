"""What holds of every decider, whatever it is told and in whatever order: the ground of its machine."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from fixtures.thoroughness import LONG
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test
from pydantic import BaseModel

from bmt.chassis.eventsourcing.decider import Decider
from bmt.chassis.eventsourcing.event_store import Vocabulary, type_of
from bmt.contracts.problems import FieldError, Refused

SEQUENCES, COMMANDS = (400, 50) if LONG else (80, 40)
"""How many, and commands in each."""

FEWEST_COMMANDS = 10_000 if LONG else 500
"""What all sequences together come to at least."""


@dataclass(frozen=True)
class No:
    """A refusal, as whoever called is told it."""

    kind: type[Refused]
    problem: str
    detail: str
    extra: dict[str, Any]
    errors: tuple[FieldError, ...]


Said = list[BaseModel] | No
"""What a command led to."""


class DeciderMachine(RuleBasedStateMachine):
    """One decider under random commands; the machine of a service adds its commands and its rules.

    Attributes:
        decider: the real one.
        models: every event that the service stores.
        commands: how many were told, over all sequences.
        met: events by type, over all sequences.
        states: of each stream.
        history: each stream's events.
    """

    decider: ClassVar[Decider[Any, Any]]
    models: ClassVar[Sequence[type[BaseModel]]]
    commands: ClassVar[int]
    met: ClassVar[Counter[str]]

    def __init__(self) -> None:
        super().__init__()
        self.states: dict[str, Any] = {}
        self.history: dict[str, list[BaseModel]] = {}
        self._stored: dict[str, list[BaseModel]] = {}
        self._vocabulary = Vocabulary(self.models)

    def state(self, stream: str = "one") -> Any:
        return self.states.get(stream, self.decider.initial)

    def events(self, *models: type[BaseModel], stream: str = "one") -> list[Any]:
        """Those of these models (all, where none is named), in order."""
        happened = self.history.get(stream, [])
        return [event for event in happened if not models or isinstance(event, models)]

    def tell(self, command: Any, stream: str = "one") -> Said:
        """Decide and evolve, and see that what is promised of every decider holds."""
        state = self.state(stream)
        said = self._decide(command, state)
        assert said == self._decide(command, state), "the same command on the same state differs"
        assert state == self._told_again(stream), "deciding changed the state"
        type(self).commands += 1
        if not isinstance(said, No):
            self._take(said, stream)
        return said

    def _decide(self, command: Any, state: Any) -> Said:
        try:
            return list(self.decider.decide(command, state))
        except Refused as no:
            return No(type(no), no.problem, no.detail, dict(no.extra), tuple(no.errors))

    def _take(self, events: Sequence[BaseModel], stream: str) -> None:
        before = after = self.state(stream)
        for event in events:
            after = self.decider.evolve(after, event)
            self.met[type_of(event)] += 1
        assert before == self._told_again(stream), "evolving changed the state before"
        self.states[stream] = after
        self.history.setdefault(stream, []).extend(events)
        self._stored.setdefault(stream, []).extend(map(self._read_back, events))
        assert after == self._told_again(stream), "what is stored tells another state"

    def _told_again(self, stream: str) -> Any:
        """The state as the service finds it after a restart."""
        return self.decider.fold(self._stored.get(stream, []))

    def _read_back(self, event: BaseModel) -> BaseModel:
        """The event after a visit to the store; none but the service's own can be read there."""
        data = event.model_dump(mode="json", by_alias=True)
        return self._vocabulary.decode(type_of(event), data)


def explore(machine: type[DeciderMachine]) -> None:
    """Run many sequences, and see that together they led to every event that the service knows."""
    machine.commands, machine.met = 0, Counter()
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=SEQUENCES,
            stateful_step_count=COMMANDS,
            derandomize=not LONG,
        ),
    )
    never = sorted(type_of(model) for model in machine.models if not machine.met[type_of(model)])
    assert not never, f"no sequence led to {never}"
    assert machine.commands >= FEWEST_COMMANDS
