"""Handlers of integrators' submissions, and of later events about their requests.

The handlers do no I/O: `completing` collects what the commands of a whole wave need.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final

import orjson

from bmt.chassis.errors import Unavailable
from bmt.chassis.eventsourcing.decider import IncomingEvent, Message
from bmt.chassis.eventsourcing.event_store import Commit, EventRecord
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.messaging.dispatch import Complete
from bmt.chassis.messaging.relay import Address, AddressOf
from bmt.chassis.messaging.subscriptions import DeadLetter
from bmt.chassis.runtime import tracing
from bmt.chassis.runtime.clock import NewId
from bmt.contracts import topics
from bmt.contracts.events import RequestEvent, RequestSubmitted
from bmt.contracts.progress import Progress
from services.intake.domain.events import SubmissionAnswered
from services.intake.domain.request import FollowRequest, Received, ReceiveRequest, request_stream
from services.intake.domain.submission import Caller, SubmittedEvent
from services.intake.handlers import Reception


def address_of(topic_prefix: str) -> AddressOf:
    """Finds the address of an answer in the `SubmissionAnswered` of its commit: the integrator's outbound topic."""

    def address(commit: Commit, event: EventRecord) -> Address:
        (answered,) = [one.data for one in commit.events if one.type == SubmissionAnswered.TYPE]
        return Address(
            topic=topic_prefix + topics.outbound(answered["integrator"]),
            key=event.data["submission_id"],
            sequence=answered["number"],
        )

    return address


_NOTHING_KNOWN: Final = Progress()


@dataclass(frozen=True, slots=True)
class Submit:
    """Receive a submission, once all that the decision needs is known."""

    request_id: str
    requested: RequestSubmitted
    caller: Caller
    event: SubmittedEvent


async def receive_submission(
    incoming: IncomingEvent[RequestSubmitted], integrators: Mapping[str, Caller], new_id: NewId
) -> Message[Submit]:
    """The submission, to be checked as any request; the topic alone identifies the integrator.

    `integrators` are by topic. The same source and id is the same submission.

    Raises:
        DeadLetter: nobody may submit on that topic.
    """
    if (caller := integrators.get(incoming.topic)) is None:
        raise DeadLetter("forbidden", "No integrator submits requests on this topic.")
    event = SubmittedEvent(incoming.envelope.source, incoming.id)
    request_id = new_id()
    body = orjson.dumps(incoming.envelope.data, option=orjson.OPT_SORT_KEYS)
    return Message(
        stream=request_stream(request_id),
        causation=event.causation(caller.subject),
        fingerprint=sha256(body).hexdigest(),
        command=Submit(request_id, incoming.data, caller, event),
        traceparent=tracing.accepted(incoming.envelope.traceparent),
        begins_stream=True,
    )


async def follow_request(incoming: IncomingEvent[RequestEvent]) -> Message[FollowRequest] | None:
    """A later event of the request; None if it does not change the status."""
    if _NOTHING_KNOWN.after(incoming.data, incoming.position) == _NOTHING_KNOWN:
        return None
    command = FollowRequest(incoming.data, incoming.position, incoming.time)
    return incoming.to_command(request_stream(incoming.subject), command)


def completing(execution: Execution[Any, Any], reception: Reception) -> Complete:
    """Completes the submissions of a wave, and drops events about requests that no integrator submitted.

    The first commit of a stream tells whether an integrator submitted it, so an old state suffices.
    """

    async def received(message: Message[Submit]) -> Message[ReceiveRequest]:
        submit = message.command
        submission = replace(
            await reception.assemble_submission(submit.requested, "event", submit.caller),
            source_reference=submit.requested.source_reference,
            submitted_event=submit.event,
        )
        return message.with_command(ReceiveRequest(submit.request_id, submission))

    async def complete(
        messages: Sequence[Message[Any]],
    ) -> Sequence[Message[Any] | Exception | None]:
        submitted = [one for one in messages if isinstance(one.command, Submit)]
        answers = await asyncio.gather(*map(received, submitted), return_exceptions=True)
        for answer in answers:
            # Raised only now, so that none is still running when the wave is tried again.
            if isinstance(answer, Unavailable) or not isinstance(answer, Message | Exception):
                raise answer
        completed = iter(answers)
        followed = {one.stream for one in messages if isinstance(one.command, FollowRequest)}
        states = await execution.known_states(followed)
        found: list[Any] = []
        for one in messages:
            if isinstance(one.command, Submit):
                found.append(next(completed))
            else:
                state = states[one.stream]
                integrators = isinstance(state, Received) and state.answered is not None
                found.append(one if integrators else None)
        return found

    return complete
