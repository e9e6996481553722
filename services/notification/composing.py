"""Makes the e-mails of a whole wave and stores them in one write, before the wave is decided.

So one commit contains both a notice and the fact that its message is prepared. Papers take too long
to set and are left to a worker. So is an e-mail that cannot be made or does not fit: its notice is
still due, and no other event is held up.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import structlog

from bmt.chassis import crash_points
from bmt.chassis.errors import Unavailable
from bmt.chassis.eventsourcing.decider import Message
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.messaging.dispatch import Complete
from bmt.chassis.runtime.background import LruCache
from bmt.chassis.runtime.documents import CHUNK_BYTES, DocumentStore, SmallDocument
from bmt.contracts.values import immutable
from services.notification.channels import Render
from services.notification.domain import correspondence_rules
from services.notification.domain.correspondence import (
    Acknowledge,
    Command,
    Composed,
    Correspondence,
    Tell,
)
from services.notification.domain.events import NoticeDue
from services.notification.domain.notice import OutgoingNotice
from services.notification.wording.composer import (
    Compose,
    Composer,
    FindOwnWords,
    Kind,
    OwnWords,
)

log = structlog.get_logger(__name__)

AT_HAND: Final = 1_000
"""The number of stored e-mails kept in memory until they are sent."""
AT_HAND_BYTES: Final = 16 * 1024
"""The size of the largest e-mail kept in memory. Most have a few kilobytes."""


@immutable
class _Made:
    """A message and its notice."""

    due: NoticeDue
    document: SmallDocument


def composing(
    execution: Execution[Any, Any],
    documents: DocumentStore,
    composer: Composer,
    find_words: FindOwnWords,
    render: Render,
    at_hand: LruCache[str, bytes],
) -> Complete:
    """Composes the notices of a wave, and adds stored e-mails to the commands they belong to.

    `at_hand` receives the messages by document id.
    """

    async def complete(
        messages: Sequence[Message[Any]],
    ) -> Sequence[Message[Command] | Exception]:
        kinds = {one.command.kind for one in messages if isinstance(one.command, Compose)}
        own = await find_words(kinds) if kinds else {}
        written = [_written(one, composer, own) for one in messages]
        with_notice = [
            one
            for one in written
            if isinstance(one, Message) and isinstance(one.command, Acknowledge | Tell)
        ]
        if not with_notice:
            return written
        states = await execution.known_states({one.stream for one in with_notice})
        made = {one.causation: await _made(one, states, render) for one in with_notice}
        new = [each.document for one in made.values() for each in one]
        if not new or not await _stored(documents, new):
            return written
        crash_points.reached("notification.composing.stored")
        for document in new:
            if len(document.content) <= AT_HAND_BYTES:
                at_hand.put(document.document_id, document.content)
        return [
            _with(one, made.get(one.causation, ())) if isinstance(one, Message) else one
            for one in written
        ]

    return complete


def _written(
    message: Message[Any], composer: Composer, own: Mapping[Kind, OwnWords]
) -> Message[Command] | Exception:
    """The message with its notice composed. An error concerns this event alone, and parks it."""
    compose = message.command
    if not isinstance(compose, Compose):
        return message
    try:
        event = compose.incoming
        notice = composer.notice(
            event.id,
            event.time,
            event.data.request,
            compose.about,
            own.get(compose.kind),
            **compose.details,
        )
        return message.with_command(compose.command(notice))
    except Exception as error:  # noqa: BLE001  its event is parked with its reason
        return error


async def _made(
    message: Message[Command], states: Mapping[str, Correspondence], render: Render
) -> Sequence[_Made]:
    """The e-mails that a command leads to on the known state. Empty if one cannot be made."""
    command = message.command
    if not isinstance(command, Acknowledge | Tell):
        return ()
    try:
        events = correspondence_rules.decide(command, states[message.stream])
        made = [
            _Made(event, await _document(event, render))
            for event in events
            if isinstance(event, NoticeDue) and not event.notice.on_paper
        ]
    except Exception:
        log.exception("email_not_composed", request_id=command.request.request_id)
        return ()
    return [one for one in made if len(one.document.content) <= CHUNK_BYTES]


async def _document(due: NoticeDue, render: Render) -> SmallDocument:
    rendered = await render(OutgoingNotice(due.request, due.notice, due.in_reply_to, due.wanted_at))
    document_id = f"sha256:{hashlib.sha256(rendered.content).hexdigest()}"
    return SmallDocument(document_id, rendered.content, rendered.filename, rendered.media_type)


async def _stored(documents: DocumentStore, new: Sequence[SmallDocument]) -> bool:
    """Whether the e-mails are durable. If not, a worker stores each one.

    Raises:
        Unavailable: a part is down; the wave may be repeated.
    """
    try:
        await documents.put_small(new)
    except Unavailable:
        raise
    except Exception:
        log.exception("emails_not_stored", emails=len(new))
        return False
    return True


def _with(message: Message[Command], made: Sequence[_Made]) -> Message[Command]:
    if not made or not isinstance(message.command, Acknowledge | Tell):
        return message
    composed = tuple(Composed(one.due, one.document.document_id) for one in made)
    return message.with_command(replace(message.command, composed=composed))
