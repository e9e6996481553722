"""Prepares the messages that were promised, and sends the e-mails among them."""

import random
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import structlog

from bmt.chassis import crash_points
from bmt.chassis.clock import Clock
from bmt.chassis.decider import Message
from bmt.chassis.documents import DocumentStore, received_bytes
from bmt.chassis.execution import Execution
from bmt.chassis.recent import Recent
from bmt.chassis.work import WorkItem
from bmt.chassis.worker import Done, Later, Perform, WorkOutcome, backoff
from bmt.contracts.values import ReplyChannel
from services.notification.channels.rendered import Render
from services.notification.channels.smtp import MailPutOff, MailRefused, Post
from services.notification.domain.commands import (
    Command,
    RecordPrepared,
    RecordRefused,
    RecordSent,
)
from services.notification.views.work import notice_of, sending_of

log = structlog.get_logger(__name__)

LONGEST_PUT_OFF_SECONDS: Final = 900.0
BEHIND_ANOTHER: Final = "an earlier message of this request goes first"


def preparing(
    execution: Execution[Any, Any],
    documents: DocumentStore,
    renders: Mapping[ReplyChannel, Render],
) -> Perform:
    """The work of composing a message and storing it, a request's in order."""

    async def perform(item: WorkItem) -> WorkOutcome:
        state = await execution.known_state(_stream(item))
        slip = state.slips[notice_of(item)]
        if slip.status != "due":
            return Done()
        if any(earlier.status == "due" for earlier in state.before(slip)):
            return Later(backoff(item.attempts), BEHIND_ANOTHER)
        rendered = await renders[slip.notice.channel](slip)
        received = await received_bytes(rendered.content)
        crash_points.reached("notification.worker.rendered")
        with received.content:
            stored = await documents.put(
                received, filename=rendered.filename, media_type=rendered.media_type
            )
        command = RecordPrepared(notice_of(item), stored.document_id)
        crash_points.reached("notification.worker.stored")
        await execution.execute(_message(item, "prepared", command))
        crash_points.reached("notification.worker.prepared")
        return Done()

    return perform


def sending(
    execution: Execution[Any, Any],
    documents: DocumentStore,
    post: Post,
    give_up_after: timedelta,
    clock: Clock,
    at_hand: Recent[str, bytes],
) -> Perform:
    """The work of sending one stored message, a request's in order; what is not `at_hand` is read."""

    async def perform(item: WorkItem) -> WorkOutcome:
        state = await execution.known_state(_stream(item))
        slip = state.slips[notice_of(item)]
        if slip.sending != sending_of(item):
            return Done()
        if any(earlier.sending is not None for earlier in state.before(slip)):
            return Later(backoff(item.attempts), BEHIND_ANOTHER)
        content = at_hand.get(slip.document_id)
        if content is None:
            content = await documents.read(slip.document_id)
        crash_points.reached("notification.worker.sending")
        try:
            await post.send(content, slip.notice.recipient, copy_to=slip.notice.copy_to)
        except MailRefused as refused:
            return await refuse(item, refused.reason)
        except MailPutOff as put_off:
            if clock() - slip.wanted_since > give_up_after:
                return await refuse(item, put_off.reason)
            return Later(patience(item.attempts), f"the mail server answered {put_off.code}")
        crash_points.reached("notification.worker.sent")
        at_hand.forget(slip.document_id)
        sent = RecordSent(notice_of(item), sending_of(item))
        await execution.execute(_message(item, "sent", sent))
        crash_points.reached("notification.worker.recorded")
        return Done()

    async def refuse(item: WorkItem, reason: str) -> WorkOutcome:
        log.warning("mail_refused", request_id=item.subject, notification_id=notice_of(item))
        refused = RecordRefused(notice_of(item), sending_of(item), reason)
        crash_points.reached("notification.worker.refused")
        await execution.execute(_message(item, "refused", refused))
        crash_points.reached("notification.worker.given_up")
        return Done()

    return perform


def patience(attempts: int) -> float:
    """Seconds before a message that was put off is tried again: doubling, at most 15 minutes."""
    ceiling = min(LONGEST_PUT_OFF_SECONDS, 2.0 ** min(attempts - 1, 10))
    return random.uniform(ceiling / 2, ceiling)  # noqa: S311  jitter


def _message(item: WorkItem, outcome: str, command: Command) -> Message[Command]:
    causation = f"work:{item.id}:{outcome}"
    return Message(_stream(item), causation, causation, command)


def _stream(item: WorkItem) -> str:
    return f"request-{item.subject}"
