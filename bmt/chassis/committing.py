"""What a decision becomes: one commit, with the message's causation as its id."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from bmt.chassis.clock import Clock, NewId
from bmt.chassis.decider import Message
from bmt.chassis.event_store import Commit, EventRecord, RefusalRecord, Tail
from bmt.chassis.standing import Standing
from bmt.chassis.vocabulary import type_of
from bmt.contracts.immutable import immutable
from bmt.contracts.problems import Refused

S = TypeVar("S")


@immutable
class Decided(Generic[S]):
    """What a message leads to, and what it was decided on."""

    standing: Standing[S]
    commit: Commit
    events: Sequence[BaseModel]


class Committing:
    """Makes commits of one service's decisions."""

    def __init__(
        self,
        *,
        published: Collection[str],
        relayed: Callable[[str], bool],
        clock: Clock,
        new_id: NewId,
    ) -> None:
        """`published` are the types that have a topic, and so a `ce_sequence`; `relayed` tells those that leave."""
        self._published = frozenset(published)
        self._relayed = relayed
        self._clock = clock
        self._new_id = new_id

    def commit(
        self,
        message: Message[Any],
        tail: Tail,
        events: Sequence[BaseModel],
        refused: Refused | None = None,
    ) -> Commit:
        """The commit that comes after `tail`: its events, or the refusal, or nothing to do."""
        now = self._clock()
        sequence = tail.sequence
        records = []
        for event in events:
            type_ = type_of(event)
            published = type_ in self._published
            sequence += published
            text = event.model_dump_json(by_alias=True)
            records.append(
                EventRecord(self._new_id(), type_, now, sequence if published else 0, text, event)
            )
        return Commit(
            id=message.causation,
            stream=message.stream,
            version=tail.version + 1,
            sequence=sequence,
            events=tuple(records),
            fingerprint=message.fingerprint,
            recorded_at=now,
            # What comes again until the views have it, and leaves for no topic, need not be marked.
            outbox=any(not message.comes_again or self._relayed(one.type) for one in records),
            refusal=RefusalRecord.of(refused) if refused else None,
            traceparent=message.traceparent or (tail.last.traceparent if tail.last else None),
        )
