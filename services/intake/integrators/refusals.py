"""Answers to dead letters on integrators' topics, one for each record."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import structlog
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from bmt.chassis.errors import Unavailable
from bmt.chassis.eventsourcing.decider import Message
from bmt.chassis.eventsourcing.execution import Executed, Execution
from bmt.chassis.messaging.dead_letters import DISCARDED
from bmt.chassis.messaging.parking import Record
from bmt.chassis.messaging.subscriptions import DeadLetter
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.answers import FaultyField
from bmt.contracts.envelope import STRUCTURED
from bmt.contracts.values import Name
from services.intake.domain.refusal import RefuseSubmission
from services.intake.domain.submission import Caller, SubmittedEvent

log = structlog.get_logger(__name__)

LONGEST_ATTRIBUTE: Final = 512
"""The envelope's limit, in characters."""
LARGEST_READ: Final = 1024 * 1024
"""The largest value that is parsed, in bytes."""

_Dead = tuple[Record, DeadLetter, Caller]
_REFERENCE: Final = TypeAdapter[str](Name)


@dataclass(frozen=True, slots=True)
class Refusals:
    """Answers records of integrators that intake refused; `integrators` are by topic."""

    execution: Execution[Any, Any]
    integrators: Mapping[str, Caller]
    clock: Clock

    async def answer(self, dead: Sequence[tuple[Record, DeadLetter]]) -> None:
        """Return when each integrator's answer is durable; the same record is answered once.

        Raises:
            Unavailable: not all answers are known to be durable; the call can be repeated.
        """
        of_integrators = [
            (record, letter, caller)
            for record, letter in dead
            if (caller := self.integrators.get(record.topic)) is not None
        ]
        accepted = await self._accepted(of_integrators)
        messages = [self._message(*each) for each in of_integrators if each not in accepted]
        for message, result in zip(
            messages, await self.execution.execute_many(messages), strict=True
        ):
            if isinstance(result, Unavailable):
                raise result
            if not isinstance(result, Executed):
                # It stays a dead letter, and blocks nothing.
                log.error(
                    "refusal_not_answered", stream=message.stream, error=type(result).__name__
                )

    async def _accepted(self, dead: Sequence[_Dead]) -> Sequence[_Dead]:
        """The discarded records that an earlier process had accepted and answered before it died."""
        causations = {
            submitted_event(record).causation(caller.subject): (record, letter, caller)
            for record, letter, caller in dead
            if letter.reason == DISCARDED
        }
        recorded = await self.execution.recorded(causations.keys()) if causations else ()
        return [causations[each] for each in recorded]

    def _message(
        self, record: Record, dead: DeadLetter, caller: Caller
    ) -> Message[RefuseSubmission]:
        """The record with its place is the cause: offsets start again on a topic that was lost."""
        cause = _hash(record)
        return Message(
            stream=f"refusal-{cause}",
            causation=f"refused:{cause}",
            fingerprint=cause,
            command=RefuseSubmission(
                integrator=caller.subject,
                event=submitted_event(record),
                source_reference=source_reference(record),
                reason=dead.reason,
                detail=dead.detail,
                errors=tuple(FaultyField(**error.model_dump()) for error in dead.errors),
                at=self.clock(),
            ),
            begins_stream=True,
        )


def submitted_event(record: Record) -> SubmittedEvent:
    """The event's source and id as far as they can be read; without an id, the record's origin."""
    headers = _headers(record)
    given: Mapping[str, Any] = _object(record.value) if _is_structured(headers) else {}
    read: Callable[[str], object] = given.get if given else lambda name: headers.get(f"ce_{name}")
    origin = f"{record.topic}:{record.partition}:{record.offset}"
    id_, source = _attribute(read("id")), _attribute(read("source"))
    return SubmittedEvent(source, id_) if id_ else SubmittedEvent("", origin)


def source_reference(record: Record) -> str | None:
    """The integrator's own name for the submission, if it can be read and is well formed."""
    data = _object(record.value)
    if _is_structured(_headers(record)):
        data = data["data"] if isinstance(data.get("data"), dict) else {}
    try:
        return _REFERENCE.validate_python(data.get("source_reference"))
    except ValidationError:
        return None


def _is_structured(headers: Mapping[str, str]) -> bool:
    return headers.get("content-type", "").split(";")[0].strip().lower() == STRUCTURED


def _headers(record: Record) -> dict[str, str]:
    """The headers that are text."""
    found = {}
    for name, raw in record.headers:
        try:
            found[name.lower()] = raw.decode()
        except UnicodeDecodeError:
            continue
    return found


def _object(value: bytes | None) -> dict[str, Any]:
    if value is None or len(value) > LARGEST_READ:
        return {}
    try:
        found = from_json(value)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _attribute(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= LONGEST_ATTRIBUTE else ""


def _hash(record: Record) -> str:
    digest = sha256(f"{record.topic}\0{record.partition}\0{record.offset}".encode())
    for part in (record.raw_key, *(part for header in record.headers for part in header)):
        text = part.encode() if isinstance(part, str) else part or b""
        digest.update(b"%d:" % len(text) + text)
    digest.update(record.value or b"")
    return digest.hexdigest()[:40]
