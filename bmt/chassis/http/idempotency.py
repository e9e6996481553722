"""Commands over HTTP: the same key and body give the first answer again.

The key and the caller make the command's *causation*, the id of the commit it leads to. Method, path and
body make its *fingerprint*. The event store compares them, so nothing is stored here.
"""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final, Protocol, TypeVar

from fastapi import Request
from pydantic import BaseModel

from bmt.chassis.eventsourcing.decider import Message
from bmt.chassis.http.auth import Guard, Principal
from bmt.chassis.http.problem_details import REPLAYED
from bmt.chassis.http.responses import JsonResponse
from bmt.chassis.runtime import tracing
from bmt.contracts.immutable import immutable
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Role

_MOST_CHARACTERS: Final = 255
_KEY: Final = "bmt.idempotency_key"

C = TypeVar("C")


@immutable
class CommandContext:
    """The caller, and the permanent id of this command.

    Attributes:
        causation: `cmd:` and a hash of caller and key. The path is not part of it, so a key used on another
            path counts as used twice.
        fingerprint: hash of method, path and body; empty for a streamed body until `of_body`.
        traceparent: W3C trace context of the call.
    """

    principal: Principal
    causation: str
    fingerprint: str
    traceparent: str

    def to_command(self, stream: str, command: C, *, begins_stream: bool = False) -> Message[C]:
        """The message that carries the call's command, with the identity of its key.

        `begins_stream`: the stream does not exist yet.
        """
        return Message(
            stream,
            self.causation,
            self.fingerprint,
            command,
            self.traceparent,
            begins_stream=begins_stream,
        )

    def of_body(self, method: str, path: str, body_digest: bytes) -> "CommandContext":
        return replace(self, fingerprint=fingerprint_of(method, path, body_digest))


class Command(Guard):
    """A dependency that admits callers with one of `roles` and gives the `CommandContext`.

    With `streamed=True` the body is left for the route to read.
    """

    def __init__(self, *roles: Role, streamed: bool = False) -> None:
        super().__init__(*roles)
        self._streamed = streamed

    async def admit(self, request: Request) -> Principal:
        """The caller, with a valid Idempotency-Key.

        Raises:
            Refused: as `Guard.admit`; `idempotency_key_missing` or, malformed, `validation_failed`.
        """
        caller = await super().admit(request)
        if _KEY not in request.scope:
            request.scope[_KEY] = _read_key(request)
        return caller

    async def __call__(self, request: Request) -> CommandContext:
        caller = await self.admit(request)
        return CommandContext(
            principal=caller,
            causation=causation_of(caller.subject, request.scope[_KEY]),
            fingerprint="" if self._streamed else await _fingerprint(request),
            traceparent=tracing.current.get(),
        )


def command(*roles: Role, streamed: bool = False) -> Command:
    """The dependency of an unsafe call: `Annotated[CommandContext, Depends(command("..."))]`."""
    return Command(*roles, streamed=streamed)


def causation_of(subject: str, key: str) -> str:
    """The causation of a caller's key. Keys of different callers never collide."""
    return "cmd:" + sha256(f"{subject}\0{key}".encode()).hexdigest()[:40]


def fingerprint_of(method: str, path: str, body_digest: bytes) -> str:
    """The fingerprint of a call whose body has this SHA-256."""
    return sha256(f"{method} {path}\0".encode() + body_digest).hexdigest()


class Executed(Protocol):
    """What executing a command gives."""

    @property
    def replayed(self) -> bool:
        """Whether the command was executed before, and this repeats its answer."""
        ...


def answer(
    executed: Executed,
    body: BaseModel | Mapping[str, Any],
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> JsonResponse:
    """The answer to a command, marked if it is a replay."""
    replayed = {REPLAYED: "true"} if executed.replayed else {}
    return JsonResponse(body, status, {**(headers or {}), **replayed})


def _read_key(request: Request) -> str:
    key = request.headers.get("idempotency-key")
    if not key:
        raise Refused(
            "Send the header Idempotency-Key: a name of your choice for this one call.",
            problem="idempotency_key_missing",
        )
    if len(key) > _MOST_CHARACTERS or not all("!" <= character <= "~" for character in key):
        wrong = FieldError.of(
            "/header/idempotency-key", "not_visible_ascii", maximum=_MOST_CHARACTERS
        )
        raise Refused(wrong.detail, errors=(wrong,))
    return key


async def _fingerprint(request: Request) -> str:
    body_digest = sha256(await request.body()).digest()
    return fingerprint_of(request.method, request.scope["path"], body_digest)
