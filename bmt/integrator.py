"""A client for integrators: it publishes submissions on their own topic, reads what becomes of each, and verifies events.

    async with Integrator(Connection.read("hrmis.json")) as bmt:
        await bmt.submit(request, submission_id="HR-2026-17")
        async for answer in bmt.follow("HR-2026-17"):
            print(answer.event)

`verify_webhook` says whether an event came from bmt; `proven` and `verify_proof` whether it is on record as it is.
It needs `bmt.contracts`, `bmt.verify_record`, aiokafka and cryptography: the extra `integrator`.
"""

import asyncio
import base64
import hmac
import json
import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Final, Literal, Self, TypeAlias
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import IllegalStateError, KafkaError
from aiokafka.helpers import create_ssl_context
from pydantic import BaseModel, ConfigDict, FilePath, SecretStr, StringConstraints, ValidationError

from bmt.contracts import topics, webhooks
from bmt.contracts.envelope import STRUCTURED, Envelope, MalformedEvent, read_kafka, rfc3339
from bmt.contracts.events import RequestSubmission, RequestSubmitted
from bmt.contracts.problems import Refused, faults_in_body, listed
from bmt.contracts.topics import RequestProgressed, SubmissionAccepted, SubmissionRefused
from bmt.verify_record import (
    Key,
    Wrong,
    commitments,
    disclosed,
    leaf_hash,
    proves,
    root_from_proof,
    signed_text,
)

ACKNOWLEDGED_WITHIN_SECONDS: Final = 15.0
STOPPED_WITHIN_SECONDS: Final = 5.0
LONGEST_GROUP: Final = 100
_SOURCE_OF_ANSWERS: Final = f"/bmt/{topics.WRITERS[topics.REQUESTS]}"

Event: TypeAlias = SubmissionAccepted | SubmissionRefused | RequestProgressed
_EVENTS: Final[Mapping[str, type[Event]]] = {
    model.TYPE: model for model in (SubmissionAccepted, SubmissionRefused, RequestProgressed)
}

log = logging.getLogger(__name__)


class Unreachable(Exception):  # noqa: N818  named for what is so
    """Kafka cannot be reached, or refuses this user.

    Of a submission nobody knows whether it arrived: submit the same again, under the same id.
    """


class Connection(BaseModel):
    """How one integrator reaches Kafka; its operator tells all of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    integrator: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    bootstrap_servers: Annotated[str, StringConstraints(min_length=1)]
    security_protocol: Literal["SASL_SSL", "SASL_PLAINTEXT", "PLAINTEXT"] = "SASL_SSL"
    sasl_mechanism: Literal["SCRAM-SHA-512"] = "SCRAM-SHA-512"
    username: str = ""
    password: SecretStr = SecretStr("")
    ca_file: FilePath | None = None

    @classmethod
    def read(cls, file: Path | str) -> Self:
        """The connection in a JSON file. Raises `Refused`, which names the wrong fields and no value."""
        try:
            body = json.loads(Path(file).read_bytes())
        except ValueError:
            raise Refused(f"{file} is not JSON in UTF-8") from None
        try:
            return cls.model_validate(body)
        except ValidationError as error:
            wrong = faults_in_body(error, body)
            raise Refused(f"{file}: {listed(wrong)}", errors=wrong) from None

    @property
    def inbound(self) -> str:
        return topics.inbound(self.integrator)

    @property
    def outbound(self) -> str:
        return topics.outbound(self.integrator)

    def client_options(self) -> dict[str, Any]:
        """The options of any aiokafka client."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap_servers,
            "client_id": self.integrator,
            "security_protocol": self.security_protocol,
        }
        if self.security_protocol != "PLAINTEXT":
            options |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password.get_secret_value(),
            }
        if self.security_protocol == "SASL_SSL":
            cafile = str(self.ca_file) if self.ca_file else None
            options["ssl_context"] = create_ssl_context(cafile=cafile)
        return options


@dataclass(frozen=True, slots=True)
class Answer:
    """One event about a submission.

    Attributes:
        event_id: the same where the answer comes again.
        sequence: the answer's place among those to this submission, from 1.
    """

    event: Event
    event_id: str
    sequence: int
    time: datetime

    @property
    def is_last(self) -> bool:
        """Whether nothing follows: refused, or the request is filed. A returned one waits for its correction."""
        if isinstance(self.event, RequestProgressed):
            return self.event.status == "filed"
        return isinstance(self.event, SubmissionRefused)


class Integrator:
    """Publishes and reads as one integrator, within `async with`."""

    def __init__(self, connection: Connection, source: str | None = None) -> None:
        """`source` is the CloudEvents source, by default `/` and the integrator's name: keep it for ever."""
        self._connection = connection
        self._source = source or f"/{connection.integrator}"
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._consumers: set[AIOKafkaConsumer] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        await self._stop_producer()
        for consumer in tuple(self._consumers):
            await self._stop_consumer(consumer)

    async def submit(
        self, request: RequestSubmission | Mapping[str, Any], submission_id: str
    ) -> None:
        """Return when Kafka has the submission. The same request under the same id is one submission, however often.

        So store `submission_id` before the call, and call again with both after any failure. What is corrected
        after a refusal is another submission, with another id.

        Raises:
            Refused: a field is wrong; nothing was published.
            Unreachable: it may or may not have arrived.
        """
        data = _submission(request).model_dump(mode="json", exclude_none=True)
        headers = self._headers(submission_id, data)
        value = json.dumps(data, ensure_ascii=False).encode()
        producer = None
        try:
            async with asyncio.timeout(ACKNOWLEDGED_WITHIN_SECONDS):
                producer = await self._started_producer()
                await producer.send_and_wait(
                    self._connection.inbound,
                    value,
                    submission_id.encode(),  # a repeated answer follows the first one
                    headers=headers,
                )
        except (KafkaError, OSError, TimeoutError) as error:
            if producer is not None and producer is self._producer:
                await self._stop_producer()  # after some failures it never sends again
            raise self._unreachable(error) from error

    def _headers(self, submission_id: str, data: Mapping[str, Any]) -> list[tuple[str, bytes]]:
        attributes = {"id": submission_id, "source": self._source, "type": RequestSubmitted.TYPE}
        try:
            return Envelope.model_validate({**attributes, "data": data}).kafka_headers()
        except ValidationError as error:
            wrong = faults_in_body(error, attributes)
            raise Refused(listed(wrong), errors=wrong) from None

    async def follow(self, submission_id: str) -> AsyncIterator[Answer]:
        """The answers to one submission, from its first to its last, each once and in order.

        It reads the topic from its beginning, as far as Kafka keeps it: meant for single submissions, and for
        tests. A program that runs for long reads `answers`. Raises `Unreachable`.
        """
        newest = 0
        async for answer in self._read(None):
            if answer.event.submission_id != submission_id or answer.sequence <= newest:
                continue
            newest = answer.sequence
            yield answer
            if answer.is_last:
                return

    async def answers(self, group: str) -> AsyncIterator[Answer]:
        """The answers to all submissions, without end; several processes of one group share them.

        Handle an answer before you ask for the next: after a crash the last ones come again, under the same
        `event_id`. Raises `Unreachable`.
        """
        if not 0 < len(group) <= LONGEST_GROUP:
            raise ValueError(f"group: 1 to {LONGEST_GROUP} characters are needed")
        async for answer in self._read(f"{self._connection.integrator}.{group}"):
            yield answer

    async def _read(self, group: str | None) -> AsyncIterator[Answer]:
        consumer = AIOKafkaConsumer(
            self._connection.outbound,
            **self._connection.client_options(),
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        self._consumers.add(consumer)
        try:
            async with asyncio.timeout(ACKNOWLEDGED_WITHIN_SECONDS):
                await consumer.start()
            while True:
                for place, records in (await consumer.getmany(timeout_ms=1000)).items():
                    for record in records:
                        if (answer := read_answer(record)) is not None:
                            yield answer
                    if group is not None and records:
                        # This partition's alone: those of the others are still to be handled.
                        with suppress(
                            KafkaError, IllegalStateError
                        ):  # the same answer again, as after a crash
                            await consumer.commit({place: records[-1].offset + 1})
        except (KafkaError, OSError, TimeoutError) as error:
            raise self._unreachable(error) from error
        finally:
            await self._stop_consumer(consumer)

    async def _started_producer(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    acks="all", enable_idempotence=True, **self._connection.client_options()
                )
                try:
                    await producer.start()
                except BaseException:
                    await _stopped(producer)
                    raise
                self._producer = producer
            return self._producer

    async def _stop_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await _stopped(producer)

    async def _stop_consumer(self, consumer: AIOKafkaConsumer) -> None:
        if consumer in self._consumers:
            self._consumers.discard(consumer)
            await _stopped(consumer)

    def _unreachable(self, error: Exception) -> Unreachable:
        connection = self._connection
        return Unreachable(
            f"Kafka at {connection.bootstrap_servers}, as {connection.username or 'nobody'}: {type(error).__name__}"
            " (away, or it refuses this user or password)"
        )


async def _stopped(client: AIOKafkaProducer | AIOKafkaConsumer) -> None:
    """The broker notices by itself what is not done in time."""
    with suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(STOPPED_WITHIN_SECONDS):
            await client.stop()


def _submission(request: RequestSubmission | Mapping[str, Any]) -> RequestSubmission:
    if isinstance(request, RequestSubmission):
        return request
    try:
        return RequestSubmission.model_validate(request)
    except ValidationError as error:
        wrong = faults_in_body(error, request)
        raise Refused(listed(wrong), errors=wrong) from None


def read_answer(record: Any) -> Answer | None:
    """The answer in a record of Kafka; None: of a later version, or not published by bmt and not believed."""
    place = f"{record.topic}:{record.partition}:{record.offset}"
    try:
        envelope = read_kafka(record.headers, record.value)
        if (model := _EVENTS.get(envelope.type)) is None:
            return None
        event = model.model_validate(envelope.data)
    except (MalformedEvent, ValidationError) as error:
        log.warning("%s cannot be read: %s", place, type(error).__name__)
        return None
    if envelope.source != _SOURCE_OF_ANSWERS or envelope.sequence is None:
        log.warning("%s is not of %s", place, _SOURCE_OF_ANSWERS)
        return None
    return Answer(event, envelope.id, int(envelope.sequence), envelope.time)


WEBHOOK_AGE_SECONDS: Final = 300


class Unverified(Exception):  # noqa: N818  named for what is so
    """What was received is not known to come from bmt as it is. The text says why, without what it held."""


def verify_webhook(headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> Envelope:
    """The event in a webhook's call. One of our secrets must have signed it, within five minutes.

    The same event may come again, under the same `id`. Answer with 2xx once it is stored. Raises `Unverified`, or
    ValueError for a secret that is none.
    """
    given = {name.lower(): text for name, text in headers.items()}
    event_id, at = given.get(webhooks.ID, ""), given.get(webhooks.TIMESTAMP, "")
    if not (at.isascii() and at.isdigit() and len(at) <= 12):  # noqa: PLR2004
        raise Unverified(f"{webhooks.TIMESTAMP} is missing, or no number of seconds")
    if abs(time.time() - int(at)) > WEBHOOK_AGE_SECONDS:
        raise Unverified(f"{webhooks.TIMESTAMP} is more than {WEBHOOK_AGE_SECONDS} s away")
    signatures = given.get(webhooks.SIGNATURE, "").encode().split()
    due = [webhooks.signature(webhooks.key_of(one), event_id, int(at), body) for one in secrets]
    if not any(hmac.compare_digest(a, b.encode()) for a in signatures for b in due):
        raise Unverified("none of these secrets has signed it")
    try:
        event = read_kafka([("content-type", STRUCTURED.encode())], body)
    except MalformedEvent as error:
        raise Unverified(error.detail) from None
    if event.id != event_id:
        raise Unverified(f"{webhooks.ID} is not the event's id")
    return event


PROVEN_WITHIN_SECONDS: Final = 30.0
LARGEST_PROOF: Final = 16 * 1024 * 1024


class NoProof(Exception):  # noqa: N818  named for what is so
    """Records gave no proof: `status` is its answer; 0: there was none that can be used."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class Proven:
    """An event is in the ledger as it is.

    Attributes:
        recorded_at: when it was recorded, RFC 3339, as the record says.
        sequence: its leaf's place in the tree, from 0.
        size: the number of leaves in the tree that was signed.
        signed_at: RFC 3339, as the signed checkpoint says.
    """

    recorded_at: str
    sequence: int
    size: int
    signed_at: str


def proven(event: Envelope, records_url: str, token: str, keys: Sequence[str]) -> Proven:
    """Ask records for the event's proof, and verify it against these keys, which come from elsewhere.

    `token` is one of your agency's. It waits for the network: in a program with an event loop use
    `asyncio.to_thread`. Raises `NoProof` (503: try again), and as `verify_proof`.
    """
    return verify_proof(event, fetch_proof(event.id, records_url, token), keys)


def fetch_proof(event_id: str, records_url: str, token: str) -> bytes:
    """The proof as records gives it, to keep or to verify. Raises `NoProof`."""
    if urlsplit(records_url).scheme not in ("https", "http"):
        raise ValueError("records_url: must begin with https://")
    url = f"{records_url.rstrip('/')}/v1/events/{quote(event_id, safe='')}/proof"
    request = Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310  looked at above
    try:
        with build_opener(_NoRedirect).open(request, timeout=PROVEN_WITHIN_SECONDS) as answer:
            proof: bytes = answer.read(LARGEST_PROOF)
    except HTTPError as error:
        raise NoProof(error.code, f"records answered {error.code}") from None
    except (OSError, ValueError) as error:
        raise NoProof(0, f"records cannot be reached: {type(error).__name__}") from error
    return proof


class _NoRedirect(HTTPRedirectHandler):
    """Follows no redirect: the token is sent to the given address alone."""

    def redirect_request(self, *_: Any) -> None:
        return None


def verify_proof(event: Envelope, proof: bytes, keys: Sequence[str]) -> Proven:
    """Offline: the event is a leaf of a tree that one of the keys (as in `ledger.vkeys`) signed.

    Raises `Unverified`, which names what differs and no value, or ValueError for a key that is none.
    """
    trusted = [Key.parse(key) for key in keys]
    try:
        given = json.loads(proof)
        note = signed_text(given["checkpoint"], trusted, "checkpoint", "checkpoint_signature")
        origin, size, root, signed_at, _ = note.split("\n")
        if any(key.name != origin for key in trusted):
            raise Unverified("the checkpoint is of another ledger than the keys")
        path = [bytes.fromhex(node) for node in given["hashes"]]
        hashed = leaf_hash(given["leaf"].encode())
        found = root_from_proof(hashed, given["sequence"], int(size), path)
        if not hmac.compare_digest(found, base64.b64decode(root, validate=True)):
            raise Unverified("the leaf is not in the tree that was signed")
        leaf = json.loads(given["leaf"])
        _compare(event, leaf["event"], given["salts"])
        return Proven(
            leaf["recorded_at"], given["sequence"], int(size), signed_at.removeprefix("at ")
        )
    except Wrong as wrong:
        raise Unverified(wrong.finding.detail) from None
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise Unverified(f"the proof cannot be read ({type(error).__name__})") from None


def _compare(event: Envelope, recorded: dict[str, Any], salts: Mapping[str, str] | None) -> None:
    """Raises `Unverified` where the event is another than the recorded one, in whatever field."""
    own = {name: value for name, value in dict(event).items() if value is not None}
    own = {**own, "time": rfc3339(event.time), "data": None}
    for name in own.keys() | recorded.keys() - {"data"}:
        if name != "data" and own.get(name) != recorded.get(name):
            raise Unverified(f"{name} is not what is on record")
    committed = dict(commitments(recorded["data"]))
    if committed and salts is None:
        raise Unverified("its personal values were disposed of: they can no longer be proven")
    values = {place: _at(event.data, place) for place in committed}
    for place, commitment in committed.items():
        jcs = json.dumps(values[place], ensure_ascii=False)
        if not proves({"salt": (salts or {}).get(place, ""), "jcs": jcs}, commitment):
            raise Unverified(f"data{place} is not what is on record")
    if json.dumps(disclosed(recorded["data"], values), sort_keys=True) != json.dumps(
        event.data, sort_keys=True
    ):
        raise Unverified("data is not what is on record")


def _at(data: Any, pointer: str) -> str | int:
    """The value at a place (RFC 6901): text or a whole number, whose JSON is canonical as it is."""
    found = data
    for escaped in pointer.split("/")[1:]:
        step = escaped.replace("~1", "/").replace("~0", "~")
        try:
            found = found[int(step)] if isinstance(found, list) else found[step]
        except (LookupError, TypeError, ValueError):
            raise Unverified(f"data{pointer} is missing") from None
    if not isinstance(found, str | int):
        raise Unverified(f"data{pointer} is not what is on record")
    return found
