"""One record on its way through a service, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pydantic import BaseModel

from bmt.chassis.decider import Heard
from bmt.chassis.errors import CausationReused, Unavailable
from bmt.chassis.event_store import Commit
from bmt.chassis.execution import Executed
from bmt.chassis.parking import Record
from bmt.chassis.subscriptions import DeadLetter
from bmt.contracts.problems import Refused

UNREADABLE: Final = "unreadable"


class Outcome(StrEnum):
    """What became of one event. consumed = applied + duplicate + parked + dead, always."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    RETRIED = "retried"
    PARKED = "parked"
    DEAD = "dead"


@dataclass(slots=True)
class Handling:
    """One record on its way, and what was committed because of it.

    Exactly one of `outcome`, `dead` and `failure` is set in the end.
    """

    record: Record
    heard: Heard[BaseModel] | None = None
    commit: Commit | None = None
    outcome: Outcome | None = None
    dead: DeadLetter | None = None
    failure: Exception | None = None

    @property
    def type(self) -> str:
        """The event's type, as metrics name it."""
        return self.heard.envelope.type if self.heard else UNREADABLE

    @property
    def end(self) -> Outcome:
        """What became of it."""
        if self.failure is not None:
            return Outcome.PARKED
        return Outcome.DEAD if self.dead else self.outcome or Outcome.APPLIED

    def note(self, result: Executed | Exception) -> None:
        """Take in what came of its command.

        Raises:
            Unavailable: a part is away; handle the record again.
        """
        match result:
            case Executed(commit=commit, replayed=replayed):
                self.commit = commit
                self.outcome = Outcome.DUPLICATE if replayed else Outcome.APPLIED
            case Refused():
                self.dead = DeadLetter(result.problem, result.detail, result.errors)
            case CausationReused():
                self.dead = DeadLetter("idempotency_key_reused", "this id came with another body")
            case Unavailable():
                raise result
            case _:
                self.failure = result


def waves(records: Sequence[Record]) -> list[list[Record]]:
    """The first record of every key, then the second of every key, and so on."""
    found: list[list[Record]] = []
    seen: dict[str, int] = {}
    for record in records:
        number = seen[record.key] = seen.get(record.key, -1) + 1
        if number == len(found):
            found.append([])
        found[number].append(record)
    return found
