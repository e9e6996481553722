"""Given these events, when this command, then these events: how deciders are specified."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from pydantic import BaseModel

from bmt.chassis.eventsourcing.decider import Decider
from bmt.contracts.problems import Refused

E = TypeVar("E", bound=BaseModel)


@dataclass(frozen=True)
class Given:
    """A decider and what happened before."""

    decider: Decider[Any, Any]
    events: Sequence[BaseModel]

    def when(self, command: Any) -> "When":
        return When(self, command)


@dataclass(frozen=True)
class When:
    """A command on that state."""

    given: Given
    command: Any

    def _decide(self) -> list[BaseModel]:
        state = self.given.decider.fold(self.given.events)
        return list(self.given.decider.decide(self.command, state))

    def then(self, *events: BaseModel) -> None:
        assert self._decide() == list(events)

    def then_one(self, kind: type[E], **values: Any) -> E:
        """One event of this kind, with these values among others."""
        (event,) = self._decide()
        assert isinstance(event, kind)
        for name, value in values.items():
            assert getattr(event, name) == value
        return event

    def then_nothing(self) -> None:
        assert self._decide() == []

    def then_refused(self, error: type[Refused], **extra: Any) -> Refused:
        with pytest.raises(error) as refused:
            self._decide()
        for name, value in extra.items():
            assert refused.value.extra[name] == value
        return refused.value


def given(decider: Decider[Any, Any], *events: BaseModel) -> Given:
    """Start a specification."""
    return Given(decider, events)
