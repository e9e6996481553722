"""What the clients of a run did, and what they were answered: one JSON object a line.

A call is written before it is sent (`status` null) and again when its answer is read, so a line
without an answer is a call whose fate only the audit can tell. The same `key` sent again is the
same intention, tried again.
"""

import json
import os
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
        story: whose story of the workload it belongs to, or what poison it is.
        action: what was tried.
        key: the Idempotency-Key; the `ce_id` of an event; any name of a poison record.
        by: `sub` of the token, or the Kafka principal.
        request_id: which request it is about; null where the answer alone tells.
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
        """Whether it was answered with a yes that must stand."""
        return self.status is not None and self.status in range(200, 300)


class Log:
    """A file that grows; each line is handed to the kernel before `append` returns."""

    def __init__(self, path: Path) -> None:
        """`path` is made, or continued."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)

    def append(self, call: Call) -> None:
        """Write one line, whole."""
        os.write(self._file, json.dumps(asdict(call), ensure_ascii=False).encode() + b"\n")

    def close(self) -> None:
        """Nothing can be written any more."""
        os.close(self._file)


def read(path: Path) -> list[Call]:
    """The calls in the order written; a line that a kill cut short was never promised."""
    lines = path.read_bytes().split(b"\n")[:-1]
    return [Call(**json.loads(line)) for line in lines]


def now() -> str:
    """This moment as `at` says it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
