"""A bulk call: taken up before any of its items is decided, and answered once and for all."""

from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel

from bmt.chassis.eventsourcing.decider import Decider
from bmt.contracts.events import Event
from bmt.contracts.http.approval import RulingResult
from bmt.contracts.immutable import immutable
from bmt.contracts.problems import FieldError
from bmt.contracts.values import Officer
from services.approval.domain.errors import FieldsWrong
from services.approval.domain.events import BulkAnswered, BulkBegun


@immutable
class BeginBulk:
    """Take up a bulk call, before any of its items is decided."""

    officer: Officer
    request_ids: tuple[str, ...]


@immutable
class AnswerBulk:
    """Keep what a bulk call is answered with."""

    results: tuple[RulingResult, ...]


Command = BeginBulk | AnswerBulk


@immutable
class NotAnswered:
    """The call has no answer yet."""


@immutable
class BulkDone:
    """A bulk call that has its answer."""

    results: tuple[RulingResult, ...]
    version: int = 0


State = NotAnswered | BulkDone


def decide(command: Command, _: State) -> Sequence[Event]:
    """Taken up, or answered.

    Raises:
        FieldsWrong: a request is named twice: two rulings on it in one call would race with each other.
    """
    match command:
        case BeginBulk(officer, request_ids):
            _require_each_once(request_ids)
            return [BulkBegun(begun_by=officer, request_ids=request_ids)]
        case AnswerBulk(results):
            return [BulkAnswered(results=results)]


def _require_each_once(ids: Sequence[str]) -> None:
    twice = [index for index, request_id in enumerate(ids) if request_id in ids[:index]]
    if twice:
        raise FieldsWrong(
            [FieldError.of(f"/items/{index}/request_id", "named_twice") for index in twice]
        )


def evolve(state: State, event: BaseModel) -> State:
    """The state after `event`."""
    return BulkDone(event.results) if isinstance(event, BulkAnswered) else state


DECIDER: Final[Decider[Command, State]] = Decider(NotAnswered(), decide, evolve)
