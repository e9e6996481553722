"""A bulk call: recorded before any item is decided, and answered once."""

from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel

from bmt.chassis.eventsourcing.decider import Decider
from bmt.contracts.events import Event
from bmt.contracts.http.approval import RulingResult
from bmt.contracts.problems import FieldError
from bmt.contracts.values import Officer, immutable
from services.approval.domain.errors import FieldsWrong
from services.approval.domain.events import BulkAnswered, BulkBegun


@immutable
class BeginBulk:
    """Record a bulk call before any of its items is decided."""

    officer: Officer
    request_ids: tuple[str, ...]


@immutable
class AnswerBulk:
    """Record the answer of a bulk call."""

    results: tuple[RulingResult, ...]


Command = BeginBulk | AnswerBulk


@immutable
class NotAnswered:
    """The call has no answer yet."""


@immutable
class BulkDone:
    """The call has its answer."""

    results: tuple[RulingResult, ...]
    version: int = 0


State = NotAnswered | BulkDone


def decide(command: Command, _: State) -> Sequence[Event]:
    """Recorded, or answered.

    Raises:
        FieldsWrong: a request is named twice; its two rulings would race.
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
