"""`bmt conformance`: listens to one integrator, says what is wrong with each of its events, and gives a verdict."""

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final

import typer
from aiokafka import TopicPartition

from bmt.chassis.eventsourcing.event_store import Vocabulary
from bmt.chassis.messaging.consumer import in_time
from bmt.chassis.messaging.dispatch import RecordReader
from bmt.chassis.messaging.parking import Record
from bmt.cli import connections
from bmt.cli.command_line import (
    DEFAULT_DATA,
    AsJson,
    Data,
    NotSo,
    Since,
    counted,
    one_line,
    show,
)
from bmt.cli.connections import KafkaAddress, kafka_consumer, kafka_topics
from bmt.contracts import topics
from bmt.contracts.events import RequestSubmitted
from bmt.contracts.topics import RequestProgressed, SubmissionAccepted, SubmissionRefused
from bmt.integrator import Answer, read_answer
from services.intake.integrators import submitted_event

CASES: Final[Mapping[str, str]] = {
    "application": "an application that is accepted",
    "termination": "a termination that is accepted",
    "redelivery": "an event that comes again, with the same source, id and data",
    "filed": "a request that is configured, notified and filed",
    "rejected": "a request that is rejected",
    "returned": "a request that is returned for correction",
    "withdrawn": "a request that is withdrawn",
}
"""What a producer must have shown, each by its own events and bmt's answers."""


def _known(cases: list[str] | None) -> list[str]:
    for case in cases or ():
        if case not in CASES:
            raise typer.BadParameter(f"{case} is none of {', '.join(CASES)}")
    return cases or list(CASES)


def conformance(
    integrator: Annotated[str, typer.Argument(help="Its name, for example hrmis.")],
    case: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            callback=_known,
            help=f"To be shown; default: all, {', '.join(CASES)}. Several may be given.",
        ),
    ] = None,
    wait: Annotated[
        int, typer.Option(min=1, max=86_400, metavar="SECONDS", help="For all cases to be shown.")
    ] = 600,
    since: Since = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Listen to an integrator's events and bmt's answers: each fault is told at once, the verdict at the end.

    It ends when each case was shown, after `--wait`, or by Ctrl-C. Exit code 0: all were shown, and nothing was
    wrong. It reads as a user who may read the integrator's topics, and writes nothing.
    """
    echo = _silent if as_json else typer.echo
    address = connections.kafka(data)
    check = Check(address.prefix, integrator, case or list(CASES))
    try:
        asyncio.run(listen(address, check, since, wait, echo))
    except KeyboardInterrupt:
        echo("")
    show(check.document(), list(check.verdict()), as_json=as_json)
    if not check.conforms:
        raise NotSo(f"{integrator} does not conform yet")


def _silent(_: str) -> None:
    """JSON is printed at the end, whole."""


_SHORTEST_TELLTALE: Final = 6
_POLL_MILLISECONDS: Final = 500


@dataclass(frozen=True)
class Message:
    """One event of the integrator.

    Attributes:
        place: in Kafka.
        kind: application or termination; None: it cannot be read.
        wrong: what is refused, or forbidden by the contract; in its words.
        advice: what may be left out, and what follows from that.
    """

    submission_id: str
    place: str
    kind: str | None
    wrong: Sequence[str]
    advice: Sequence[str]
    comes_again: bool = False


@dataclass
class Check:
    """What an integrator sent, what bmt answered, and which of the wanted cases that shows."""

    prefix: str
    integrator: str
    wanted: Sequence[str]
    messages: list[Message] = field(default_factory=list)
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    _hashes: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def inbound(self) -> str:
        return self.prefix + topics.inbound(self.integrator)

    @property
    def outbound(self) -> str:
        return self.prefix + topics.outbound(self.integrator)

    def take(self, record: Record, reader: RecordReader) -> Iterator[str]:
        """Examine a record of either topic; yields the lines to print."""
        if record.topic == self.inbound:
            message = self._examined(record, reader)
            self.messages.append(message)
            yield f"{message.place}  {one_line(message.submission_id)}  {message.kind or 'unreadable'}"
            yield from (f"    wrong: {one_line(each)}" for each in message.wrong)
            yield from (f"    better: {one_line(each)}" for each in message.advice)
        elif (answer := read_answer(record)) is not None:
            known = self.answers.setdefault(answer.event.submission_id, [])
            if answer.event_id not in {one.event_id for one in known}:
                known.append(answer)
                if self._is_ours(answer):
                    yield f"{one_line(answer.event.submission_id)}  {one_line(_sentence_of(answer))}"

    def _examined(self, record: Record, reader: RecordReader) -> Message:
        event = submitted_event(record)
        outcome = reader.read(record)
        place = f"{record.topic}:{record.partition}:{record.offset}"
        if outcome.dead is not None:
            wrong = [f"{outcome.dead.detail} ({outcome.dead.reason})"]
            return Message(event.id, place, None, wrong, [])
        assert outcome.incoming is not None  # noqa: S101 - what is not dead was read
        submitted: Any = outcome.incoming.data
        body = json.dumps(outcome.incoming.envelope.data, sort_keys=True).encode()
        named, digest = (event.source, event.id), hashlib.sha256(body).hexdigest()
        comes_again = named in self._hashes
        before = self._hashes.setdefault(named, digest)
        wrong = list(_personal_data(record, submitted))
        if before != digest:
            wrong.append("this id came with another body (idempotency_key_reused)")
        return Message(
            event.id,
            place,
            submitted.kind,
            wrong,
            list(_advice(record)),
            comes_again=comes_again and before == digest,
        )

    def _is_ours(self, answer: Answer) -> bool:
        return any(one.submission_id == answer.event.submission_id for one in self.messages)

    def _refused(self) -> set[str]:
        sent = {one.submission_id for one in self.messages}
        return {
            each
            for each, answers in self.answers.items()
            if each in sent and any(isinstance(one.event, SubmissionRefused) for one in answers)
        }

    @property
    def faulty(self) -> list[str]:
        """The ids of what is wrong, or was refused."""
        wrong = {one.submission_id for one in self.messages if one.wrong} | self._refused()
        return list(
            dict.fromkeys(one.submission_id for one in self.messages if one.submission_id in wrong)
        )

    @property
    def unanswered(self) -> list[str]:
        sent = dict.fromkeys(one.submission_id for one in self.messages)
        return [each for each in sent if each not in self.answers]

    @property
    def shown(self) -> set[str]:
        found: set[str] = set()
        for message in self.messages:
            events = [one.event for one in self.answers.get(message.submission_id, ())]
            statuses = {one.status for one in events if isinstance(one, RequestProgressed)}
            if message.kind and any(isinstance(one, SubmissionAccepted) for one in events):
                found.add(message.kind)
                found |= {"redelivery"} if message.comes_again else set()
            found |= statuses & {"rejected", "returned", "withdrawn"}
            found |= {"filed"} if {"configured", "filed"} <= statuses else set()
        return found

    @property
    def missing(self) -> list[str]:
        return [case for case in self.wanted if case not in self.shown]

    @property
    def is_over(self) -> bool:
        return not self.missing and not self.unanswered

    @property
    def conforms(self) -> bool:
        return self.is_over and not self.faulty

    def verdict(self) -> Iterator[str]:
        yield ""
        for case in self.wanted:
            yield f"{'shown  ' if case in self.shown else 'missing'}  {case}: {CASES[case]}"
        for name, ids in (("wrong", self.faulty), ("not answered", self.unanswered)):
            if ids:
                yield f"{name}: {', '.join(map(one_line, ids))}"
        verdict = "conforms" if self.conforms else "does not conform yet"
        yield f"{self.integrator} {verdict}: {counted(len(self.messages), 'event')}, {len(self.faulty)} wrong"

    def document(self) -> dict[str, Any]:
        return {
            "integrator": self.integrator,
            "conforms": self.conforms,
            "shown": [case for case in self.wanted if case in self.shown],
            "missing": self.missing,
            "wrong": self.faulty,
            "unanswered": self.unanswered,
            "messages": [
                asdict(one)
                | {
                    "answers": [
                        {"type": answer.event.TYPE, **answer.event.model_dump(mode="json")}
                        for answer in self.answers.get(one.submission_id, ())
                    ]
                }
                for one in self.messages
            ],
        }


def _sentence_of(answer: Answer) -> str:
    match answer.event:
        case SubmissionAccepted(reference=reference):
            return f"bmt accepted it as {reference}"
        case RequestProgressed(status=status, reason=reason):
            return f"bmt: {status}" + (f" ({reason})" if reason else "")
        case refused:
            return f"bmt refused it: {refused.detail} ({refused.reason})"


def _advice(record: Record) -> Iterator[str]:
    names = {name.lower() for name, _ in record.headers}
    if record.raw_key is None:
        yield "no key: Kafka may hand over two of your events in another order than you sent them"
    binary_mode = "ce_id" in names
    if binary_mode and "content-type" not in names:
        yield "content-type is missing: the value is read as application/json"
    if binary_mode and "ce_time" not in names:
        yield "ce_time is missing: the time when it is read stands in its place"


def _personal_data(record: Record, submitted: RequestSubmitted) -> Iterator[str]:
    """What is kept in logs and shown to operators holds no personal data: ids, headers, keys, references."""
    texts = {f"header {name}": raw.decode(errors="replace") for name, raw in record.headers}
    texts["the key"] = (record.raw_key or b"").decode(errors="replace")
    texts["/source_reference"] = submitted.source_reference
    person = {f"/applicant/{name}": value for name, value in submitted.applicant}
    for place, text in texts.items():
        for pointer, value in person.items():
            held = value.casefold() in text.casefold() and len(value) >= _SHORTEST_TELLTALE
            if held or value.casefold() == text.casefold():
                yield f"{place} holds {pointer}: personal data belongs into the data's own fields alone"


async def listen(
    address: KafkaAddress,
    check: Check,
    since: datetime | None,
    seconds: int,
    echo: Callable[[str], None],
) -> None:
    """Examine what comes until the examination is over, or the time is.

    Raises:
        NotSo: there is no such integrator.
        NotRunning: Kafka cannot be reached, or refuses.
    """
    found = await kafka_topics(address)
    if absent := [each for each in (check.inbound, check.outbound) if each not in found]:
        raise NotSo(f"{check.integrator} is no integrator: there is no {' and no '.join(absent)}")
    inbound, types = check.inbound, (RequestSubmitted.TYPE,)
    reader = RecordReader(Vocabulary([RequestSubmitted]), {inbound: types}, [inbound])
    async with kafka_consumer(address) as consumer:
        places = [
            TopicPartition(topic, number)
            for topic in (check.inbound, check.outbound)
            for number in found[topic]
        ]
        consumer.assign(places)
        starts = await consumer.end_offsets(places)
        if since is not None:
            milliseconds = int(since.timestamp() * 1000)
            found_then = await consumer.offsets_for_times(dict.fromkeys(places, milliseconds))
            starts |= {place: first.offset for place, first in found_then.items() if first}
        for place, offset in starts.items():
            consumer.seek(place, offset)
        echo(f"listening to {check.inbound} and {check.outbound}")
        deadline = time.monotonic() + seconds
        while not check.is_over and time.monotonic() < deadline:
            polled = await consumer.getmany(timeout_ms=_POLL_MILLISECONDS)
            for record in in_time(polled):
                for line in check.take(record, reader):
                    echo(line)
