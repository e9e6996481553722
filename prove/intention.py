"""What a client wanted, however often it had to say so: all calls with one key are one intention."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from prove.client_log import Call

REFUSALS: Final = range(400, 500)
"""HTTP answers that say no; 5xx says nothing."""


@dataclass(frozen=True, slots=True)
class Intention:
    """One client's calls with one key, in order."""

    by: str
    key: str
    calls: tuple[Call, ...]

    @property
    def action(self) -> str:
        """What was tried."""
        return self.calls[0].action

    @property
    def story(self) -> str:
        """Whose story it belongs to."""
        return self.calls[0].story

    @property
    def answers(self) -> tuple[Call, ...]:
        """The calls that were answered at all."""
        return tuple(call for call in self.calls if call.status is not None)

    @property
    def accepted(self) -> tuple[Call, ...]:
        """The answers that must stand."""
        return tuple(call for call in self.calls if call.accepted)

    @property
    def settled(self) -> bool:
        """Whether the client was told what became of it: yes or no, not `later`."""
        return any(call.accepted or (call.status or 0) in REFUSALS for call in self.calls)

    @property
    def bodies(self) -> tuple[Any, ...]:
        """The different bodies that were accepted under the key."""
        return tuple({_canonical(call.sent): call.sent for call in self.accepted}.values())

    @property
    def request_ids(self) -> frozenset[str]:
        """The requests that its accepted answers name."""
        named = (call.answer.get("request_id") for call in self.accepted if _is_object(call))
        return frozenset(name for name in named if name)


def intentions(calls: Iterable[Call]) -> tuple[Intention, ...]:
    """The calls, put together by who called and with which key."""
    found: dict[tuple[str, str], list[Call]] = {}
    for call in calls:
        found.setdefault((call.by, call.key), []).append(call)
    return tuple(Intention(by, key, tuple(calls)) for (by, key), calls in found.items())


def _is_object(call: Call) -> bool:
    return isinstance(call.answer, dict)


def _canonical(body: Any) -> str:
    return json.dumps(body, sort_keys=True)
