"""Integrators' submissions: their handlers, the answers to dead letters on their topics, and the API of their outcomes.

The handlers do no I/O: `completing` collects what the commands of a whole wave need.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Annotated, Any, Final

import orjson
import structlog
from fastapi import Depends, Path, Query
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json
from starlette.convertors import StringConvertor, register_url_convertor

from bmt.chassis.errors import Unavailable
from bmt.chassis.eventsourcing.decider import IncomingEvent, Message
from bmt.chassis.eventsourcing.event_store import Commit, EventRecord
from bmt.chassis.eventsourcing.execution import Executed, Execution
from bmt.chassis.http.auth import Principal, require
from bmt.chassis.http.routes import Page, api_router, problems
from bmt.chassis.messaging.dead_letters import DISCARDED
from bmt.chassis.messaging.dispatch import Complete
from bmt.chassis.messaging.parking import DeadLetter, Record
from bmt.chassis.messaging.relay import Address, AddressOf
from bmt.chassis.readmodels import view_store
from bmt.chassis.runtime import observability
from bmt.chassis.runtime.clock import Clock, NewId
from bmt.contracts import topics
from bmt.contracts.envelope import STRUCTURED
from bmt.contracts.events import (
    Event,
    Progress,
    RequestEvent,
    RequestSubmitted,
    TerminationProposed,
)
from bmt.contracts.http.intake import SubmissionOutcome
from bmt.contracts.topics import FaultyField, SubmissionRefused
from bmt.contracts.values import Name, NamedApplicant
from services.intake.api import BY_RECEPTION, NewestPage
from services.intake.domain.errors import UnknownSubmission
from services.intake.domain.events import SubmissionAnswered
from services.intake.domain.one_event import RefuseSubmission
from services.intake.domain.request import (
    FollowRequest,
    Received,
    ReceiveRequest,
    State,
    request_stream,
)
from services.intake.domain.submission import Caller, SubmittedEvent
from services.intake.handlers import Reception
from services.intake.ports import Here
from services.intake.queries import newest
from services.intake.views import SubmissionDocument


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
    """Receive a submission, once all that the decision needs is known. `event`: None: no integrator's, so nobody is answered."""

    request_id: str
    requested: RequestSubmitted
    caller: Caller
    event: SubmittedEvent | None


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
        traceparent=observability.accepted_traceparent(incoming.envelope.traceparent),
        begins_stream=True,
    )


async def receive_termination(incoming: IncomingEvent[TerminationProposed]) -> Message[Submit]:
    """What provisioning's administrator, or the agency's rule, asks for becomes a request as any other."""
    proposed, request = incoming.data, incoming.data.request
    agencies = frozenset({request.agency})
    asked = RequestSubmitted(
        kind="termination",
        agency=request.agency,
        applicant=NamedApplicant(**vars(request.applicant)),
        justification=proposed.justification,
        source_reference=request.reference,
    )
    by = proposed.proposed_by
    submit = Submit(proposed.termination_id, asked, Caller(by.subject, by.role, agencies), None)
    return incoming.to_command(request_stream(proposed.termination_id), submit)


async def follow_request(incoming: IncomingEvent[RequestEvent]) -> Message[FollowRequest]:
    command = FollowRequest(incoming.data, incoming.position, incoming.time)
    return incoming.to_command(request_stream(incoming.subject), command)


def completing(execution: Execution[Any, Any], reception: Reception) -> Complete:
    """Completes the submissions of a wave, and drops events that no integrator is told of.

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
        followed = {
            one.stream: one.command.event
            for one in messages
            if isinstance(one.command, FollowRequest)
        }
        states = await execution.known_states(
            followed,
            lambda stream, state: _is_answered(state) or not _by_integrator(followed[stream]),
        )
        found: list[Any] = []
        for one in messages:
            if isinstance(one.command, Submit):
                found.append(next(completed))
            else:
                integrators = _is_answered(states[one.stream])
                found.append(one if integrators and _changes_status(one.command) else None)
        return found

    return complete


def _by_integrator(event: Event) -> bool:
    return isinstance(event, RequestEvent) and event.request.channel == "event"


def _is_answered(state: State) -> bool:
    """Whether an integrator submitted the request, and knows what became of that."""
    return isinstance(state, Received) and state.answered is not None


def _changes_status(follow: FollowRequest) -> bool:
    return _NOTHING_KNOWN.after(follow.event, follow.sequence) != _NOTHING_KNOWN


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
        cause, event = _hash(record), submitted_event(record)
        refused = SubmissionRefused(
            submission_id=event.id,
            source_reference=source_reference(record),
            reason=dead.reason,
            detail=dead.detail,
            errors=tuple(FaultyField(**error.model_dump()) for error in dead.errors),
        )
        answered = SubmissionAnswered(
            integrator=caller.subject,
            source=event.source,
            answered_at=self.clock(),
            number=1,
            **vars(refused),
        )
        return Message(
            stream=f"refusal-{cause}",
            causation=f"refused:{cause}",
            fingerprint=cause,
            command=RefuseSubmission([answered, refused]),
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


class _Text(StringConvertor):
    """Any id that an integrator chose, with slashes and line ends (a path's `.` excludes those)."""

    regex = "(?s:.*)"


register_url_convertor("text", _Text())

Reading = Annotated[Principal, Depends(require("integrator"))]
SubmissionId = Annotated[
    str,
    Path(
        max_length=LONGEST_ATTRIBUTE,
        description="`ce_id` of the submission, percent-encoded; or the origin of what is no event",
    ),
]
SourceReference = Annotated[
    str | None,
    Query(min_length=1, max_length=200, description="what the integrator calls it"),
]

_NAMESAKES: Final = 50

router = api_router(tags=["submissions"])
"""A token's `sub` is the integrator's name."""


@router.get("/v1/submissions", summary="The caller's own submissions, the newest first")
async def find(
    here: Here, principal: Reading, page: NewestPage, source_reference: SourceReference = None
) -> Page[SubmissionOutcome]:
    named = {"source_reference": source_reference} if source_reference else {}
    query = newest(page, {"integrator": principal.subject, **named})
    found = await here.submissions.find(query)
    shown = BY_RECEPTION.page(found, page, lambda one: (one.received_at, one.key))
    return Page(items=[_outcome(one) for one in shown.items], next_cursor=shown.next_cursor)


@router.get(
    "/v1/submissions/{submission_id:text}",
    responses=problems("not_found"),
    summary="What became of one of the caller's own submissions",
)
async def look(here: Here, submission_id: SubmissionId, principal: Reading) -> SubmissionOutcome:
    named = {"integrator": principal.subject, "submission_id": submission_id}
    found = await here.submissions.find(view_store.Query(equal=named, limit=_NAMESAKES))
    if not found:
        raise UnknownSubmission
    # If several sources use the id: the accepted or the latest one.
    *_, latest = sorted(found, key=lambda one: (one.refused_at is None, one.received_at))
    return _outcome(latest)


def _outcome(document: SubmissionDocument) -> SubmissionOutcome:
    shown = document.model_dump(include=set(SubmissionOutcome.model_fields))
    outcome = "accepted" if document.refused_at is None else "refused"
    return SubmissionOutcome(outcome=outcome, **shown)
