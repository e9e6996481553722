"""The log of a run's clients: one JSON object a line.

A call is written before it is sent (`status` null) and again when it is answered. A line without an answer is a
call whose outcome only the audit can find. The same `key` again is a retry of the same intention.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

Action = Literal[
    "submit",
    "submit_event",
    "submit_email",
    "decide",
    "withdraw",
    "correct",
    "complete_task",
    "dispatch",
    "poison",
    "upload",
]

PUBLISHED: Final = 202
"""The status of a record that the broker acknowledged; its answer is the record's place."""


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt of one client.

    Attributes:
        at: when it was sent or answered, RFC 3339 in UTC.
        story: the story of the workload, or what a poison record is.
        key: the Idempotency-Key; the `ce_id` of an event; any name of a poison record.
        by: `sub` of the token, or the Kafka principal.
        request_id: null if only the answer names it.
        sent: the body as JSON; of an e-mail `{"message": text}`; of a record
            `{"topic", "headers": {name: text}, "value": base64 or null}`.
        status: null when sent, else the HTTP status or `PUBLISHED`.
        answer: the body as JSON; of a record `{"topic", "partition", "offset"}`.
        replayed: the answer said `Idempotent-Replayed: true`.
    """

    at: str
    story: str
    action: Action
    key: str
    by: str
    request_id: str | None
    sent: Any
    status: int | None = None
    answer: Any = None
    replayed: bool = False

    @property
    def accepted(self) -> bool:
        """Whether the answer was a yes, which must stand."""
        return self.status is not None and self.status in range(200, 300)


class Log:
    """An append-only file. Each line is with the kernel before `append` returns."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)

    def append(self, call: Call) -> None:
        os.write(self._file, json.dumps(asdict(call), ensure_ascii=False).encode() + b"\n")

    def close(self) -> None:
        os.close(self._file)


def read(path: Path) -> list[Call]:
    """The calls in order, without a last line that a kill cut short."""
    lines = path.read_bytes().split(b"\n")[:-1]
    return [Call(**json.loads(line)) for line in lines]


def now() -> str:
    """The present time, as in `at`."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


REFUSALS: Final = range(400, 500)
"""The HTTP statuses that mean no; 5xx leaves it open."""


@dataclass(frozen=True, slots=True)
class Intention:
    """One client's calls with one key, in order."""

    by: str
    key: str
    calls: tuple[Call, ...]

    @property
    def action(self) -> str:
        return self.calls[0].action

    @property
    def story(self) -> str:
        return self.calls[0].story

    @property
    def answers(self) -> tuple[Call, ...]:
        return tuple(call for call in self.calls if call.status is not None)

    @property
    def accepted(self) -> tuple[Call, ...]:
        """The answers that must stand."""
        return tuple(call for call in self.calls if call.accepted)

    @property
    def settled(self) -> bool:
        """Whether the client was answered yes or no, not `later`."""
        return any(call.accepted or (call.status or 0) in REFUSALS for call in self.calls)

    @property
    def bodies(self) -> tuple[Any, ...]:
        """The different bodies that were accepted under the key."""
        return tuple({_canonical(call.sent): call.sent for call in self.accepted}.values())

    @property
    def request_ids(self) -> frozenset[str]:
        """The requests that the accepted answers name."""
        named = (call.answer.get("request_id") for call in self.accepted if _is_object(call))
        return frozenset(name for name in named if name)


def intentions(calls: Iterable[Call]) -> tuple[Intention, ...]:
    """The calls grouped by caller and key."""
    found: dict[tuple[str, str], list[Call]] = {}
    for call in calls:
        found.setdefault((call.by, call.key), []).append(call)
    return tuple(Intention(by, key, tuple(calls)) for (by, key), calls in found.items())


def _is_object(call: Call) -> bool:
    return isinstance(call.answer, dict)


def _canonical(body: Any) -> str:
    return json.dumps(body, sort_keys=True)
