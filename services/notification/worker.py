"""Composes the messages that are due, and sends the e-mails."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import structlog

from bmt.chassis import crash_points
from bmt.chassis.errors import Unavailable
from bmt.chassis.eventsourcing.decider import Message
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.runtime.background import LruCache, whole
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.runtime.documents import DocumentStore, received_bytes
from bmt.chassis.work import Done, Later, Perform, Settle, WorkItem, WorkOutcome, after, backoff
from bmt.contracts.values import ReplyChannel
from services.notification.channels import Render
from services.notification.domain.correspondence import (
    Command,
    Correspondence,
    RecordPrepared,
    RecordRefused,
    RecordSent,
    stream_of,
)
from services.notification.domain.notice import OutgoingNotice
from services.notification.smtp import MailPutOff, MailRefused, SmtpPost
from services.notification.views import notice_of, sending_of

log = structlog.get_logger(__name__)

GIVEN_UP_AFTER: Final = timedelta(days=5)
"""A message that the server puts off is tried so long, as RFC 5321, 4.5.4.1, advises."""
LONGEST_PUT_OFF_SECONDS: Final = 900.0
UNRECORDED: Final = 1_024
"""Answers of the mail server that are kept until MongoDB can be written again."""
RECORD_EVERY_SECONDS: Final = 0.05
"""How often results are recorded while other messages of a list are still being sent."""
_OUTCOMES: Final[Mapping[type[Command], str]] = {RecordSent: "sent", RecordRefused: "refused"}
BEHIND_ANOTHER: Final = "an earlier message of this request goes first"


def preparing(
    execution: Execution[Any, Any],
    documents: DocumentStore,
    renders: Mapping[ReplyChannel, Render],
) -> Perform:
    """The work of composing and storing a message, in the order of its request."""

    async def perform(item: WorkItem) -> WorkOutcome:
        def is_next(state: Correspondence) -> bool:
            notice = state.outgoing_notices.get(notice_of(item))
            return notice is not None and notice.status == "due" and not _waits(state, notice)

        state = await execution.known_state(stream_of(item.subject), is_next)
        outgoing = state.outgoing_notices[notice_of(item)]
        if outgoing.status != "due":
            return Done()
        if _waits(state, outgoing):
            return Later(backoff(item.attempts), BEHIND_ANOTHER)
        rendered = await renders[outgoing.notice.channel](outgoing)
        received = await received_bytes(rendered.content)
        crash_points.reached("notification.worker.rendered")
        with received.content:
            stored = await documents.put(
                received, filename=rendered.filename, media_type=rendered.media_type
            )
        command = RecordPrepared(notice_of(item), stored.document_id)
        crash_points.reached("notification.worker.stored")
        await execution.execute(from_work(item, "prepared", command))
        crash_points.reached("notification.worker.prepared")
        return Done()

    return perform


def _waits(state: Correspondence, outgoing: OutgoingNotice) -> bool:
    return any(earlier.status == "due" for earlier in state.before(outgoing))


def _is_next(state: Correspondence, item: WorkItem) -> bool:
    """Whether this sending is the present one, and nothing goes before it.

    Of work that was tried before, the store alone knows: another process may have sent the message since.
    """
    outgoing = state.outgoing_notices.get(notice_of(item))
    return (
        item.attempts <= 1
        and outgoing is not None
        and outgoing.sending == sending_of(item)
        and not any(earlier.sending is not None for earlier in state.before(outgoing))
    )


@dataclass(frozen=True)
class Sender:
    """Sends stored messages, in the order of each request.

    Results that arrive while other messages are being sent are recorded in one write.

    Attributes:
        at_hand: the messages kept in memory, by document id.
        at_once: how many messages are sent at the same time.
        unrecorded: what the mail server answered about work that could not be recorded: nothing is sent twice for it.
    """

    execution: Execution[Any, Any]
    documents: DocumentStore
    post: SmtpPost
    clock: Clock
    at_hand: LruCache[str, bytes]
    at_once: int
    unrecorded: LruCache[str, Command] = field(default_factory=lambda: LruCache(UNRECORDED))

    async def perform(self, items: Sequence[WorkItem], settle: Settle) -> None:
        wanted: dict[str, list[WorkItem]] = {}
        for item in items:
            wanted.setdefault(stream_of(item.subject), []).append(item)

        def are_next(stream: str, state: Correspondence) -> bool:
            return all(_is_next(state, item) for item in wanted[stream])

        states = await self.execution.known_states(wanted, are_next)
        ready: list[tuple[WorkItem, OutgoingNotice]] = []
        for item in items:
            state = states[stream_of(item.subject)]
            outgoing = state.outgoing_notices[notice_of(item)]
            if outgoing.sending != sending_of(item):
                settle(item, Done())
            elif any(earlier.sending is not None for earlier in state.before(outgoing)):
                settle(item, Later(backoff(item.attempts), BEHIND_ANOTHER))
            else:
                ready.append((item, outgoing))
        if ready:
            await self._deliver(ready, settle)

    async def _deliver(
        self, ready: Sequence[tuple[WorkItem, OutgoingNotice]], settle: Settle
    ) -> None:
        left = iter(ready)
        answered: list[tuple[WorkItem, Command]] = []

        async def one(item: WorkItem, outgoing: OutgoingNotice) -> None:
            try:
                answer = await self._send(item, outgoing)
            except Exception as error:  # noqa: BLE001  belongs to this message alone
                answer = after(error, item)
            if isinstance(answer, Later):
                settle(item, answer)
            else:
                answered.append((item, answer))

        async def take() -> None:
            for each in left:
                await whole(one(*each))

        try:
            async with asyncio.TaskGroup() as group:
                takers = {group.create_task(take()) for _ in range(min(self.at_once, len(ready)))}
                while takers:
                    _, takers = await asyncio.wait(takers, timeout=RECORD_EVERY_SECONDS)
                    some, answered = answered, []
                    await whole(self._record(some, settle))
        finally:
            # A stop waits for the answers of the mail server: without them, messages would be sent twice.
            await whole(self._record(answered, settle))

    async def _send(self, item: WorkItem, outgoing: OutgoingNotice) -> Command | Later:
        if (answered := self.unrecorded.get(item.id)) is not None:
            return answered
        document_id = str(outgoing.document_id)  # a prepared notice has a document
        content = self.at_hand.get(document_id)
        if content is None:
            content = await self.documents.read(document_id)
        crash_points.reached("notification.worker.sending")
        try:
            await self.post.send(
                content, outgoing.notice.recipient, copy_to=outgoing.notice.copy_to
            )
        except MailRefused as refused:
            return self._refusal(item, str(refused))
        except MailPutOff as put_off:
            if self.clock() - outgoing.wanted_since > GIVEN_UP_AFTER:
                return self._refusal(item, str(put_off))
            return Later(patience(item.attempts), f"the mail server answered {put_off.code}")
        crash_points.reached("notification.worker.sent")
        self.at_hand.forget(document_id)
        return RecordSent(notice_of(item), sending_of(item))

    def _refusal(self, item: WorkItem, reason: str) -> Command:
        log.warning("mail_refused", request_id=item.subject, notification_id=notice_of(item))
        crash_points.reached("notification.worker.refused")
        return RecordRefused(notice_of(item), sending_of(item), reason)

    async def _record(self, answered: Sequence[tuple[WorkItem, Command]], settle: Settle) -> None:
        if not answered:
            return
        messages = [
            from_work(item, _OUTCOMES[type(command)], command) for item, command in answered
        ]
        results: Sequence[object]
        try:
            results = await self.execution.execute_many(messages)
        except Unavailable as error:
            # Raising here would cancel messages that are being sent, and lose the server's answers.
            results = [error] * len(messages)
        for (item, command), result in zip(answered, results, strict=True):
            if isinstance(command, RecordSent):
                crash_points.reached("notification.worker.recorded")
            else:
                crash_points.reached("notification.worker.given_up")
            if isinstance(result, Exception):
                self.unrecorded.put(item.id, command)
                settle(item, after(result, item))
            else:
                self.unrecorded.forget(item.id)
                settle(item, Done())


def patience(attempts: int) -> float:
    """Seconds until a message that was put off is tried again: doubling, at most 15 minutes."""
    ceiling = min(LONGEST_PUT_OFF_SECONDS, 2.0 ** min(attempts - 1, 10))
    return random.uniform(ceiling / 2, ceiling)  # noqa: S311  jitter


def from_work(item: WorkItem, outcome: str, command: Command) -> Message[Command]:
    """The command that records the result of a piece of work, once however often it is performed."""
    causation = f"work:{item.id}:{outcome}"
    return Message(stream_of(item.subject), causation, causation, command, item.traceparent)
