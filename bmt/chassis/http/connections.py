"""The limits of a client's connection: the size of a call's head, and the time of each part."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bmt.chassis.http.problem_details import problem_response
from bmt.contracts.problems import MEDIA_TYPE, Refused

# The fast parser accepts a head (address and headers) of any size. So the head is counted here while it
# arrives, to bound the memory, and in `app.RequestMiddleware` once it is complete, to answer with a problem.
# Nor does the parser bound chunk sizes and trailers, or the number of pipelined calls.

MOST_BYTES: Final = 32 * 1024
"""The largest head that is answered; a token takes 1 to 4 KiB."""

_MOST_BESIDE_BODY: Final = 2 * MOST_BYTES
_BESIDE_EACH_BYTE: Final = 8
"""A chunk of one byte has five bytes of framing."""
_MOST_AHEAD: Final = 100
"""Pipelined calls: each takes much more memory here than on the wire."""
_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


def size_of(scope: Any) -> int:
    """The bytes of an ASGI scope's address and headers."""
    size = len(scope["raw_path"] or b"") + len(scope["query_string"])
    for name, value in scope["headers"]:
        size += len(name) + len(value)
    return size


# A body has no total time limit, since slow lines are legitimate. It has a least rate, and a time for which it
# may stall. One deadline covers both: it begins `grace_seconds` after the head, and each byte extends it by its
# time at the least rate, up to `grace_seconds` from now.

ARRIVAL: Final = "bmt.arrival"
"""The extension of an ASGI scope that holds the call's `Arrival`."""

_LINGER_SECONDS: Final = 2.0
"""How long the connection stays open after a 408: a client that still sends would lose the answer."""
_LOOKS_A_DEADLINE: Final = 4
_LONGEST_BETWEEN_LOOKS_SECONDS: Final = 1.0

_Awaits = Literal["head", "body", "answer", "end"]
"""What a connection waits for: the client's head or body, our answer, or the client's close."""


@dataclass(slots=True)
class Arrival:
    """Whether a call's whole body has arrived."""

    whole: bool = False


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long clients may take.

    Attributes:
        head_seconds: until a head is complete, from the connection's beginning or the head's first byte.
        grace_seconds: how long a body, or the client's reading of a response, may stall.
        bytes_per_second: the least rate of both, from then on.
        most_waiting: connections that may wait for a head. Beyond, the one that waits longest is closed.
    """

    head_seconds: float = 10.0  # a head is one packet or few
    grace_seconds: float = 30.0  # longer than a phone is without network between two cells
    bytes_per_second: int = 1024  # slower than any line that people use
    most_waiting: int = 2000  # a quarter of the files that a process needs

    def credited(self, due: float, size: int, now: float) -> float:
        """The deadline after `size` further bytes."""
        return min(due + size / self.bytes_per_second, now + self.grace_seconds)

    @property
    def seconds_between_looks(self) -> float:
        shortest = min(self.head_seconds, self.grace_seconds)
        return min(_LONGEST_BETWEEN_LOOKS_SECONDS, shortest / _LOOKS_A_DEADLINE)


@dataclass(slots=True)
class Waiting:
    """The connections of one server that wait for a head, the longest wait first."""

    connections: OrderedDict["PatientConnection", None] = field(default_factory=OrderedDict)


class PatientConnection(HttpToolsProtocol):
    """uvicorn's protocol. It closes a connection whose head or trailers never end, or whose client is too slow."""

    deadlines = Deadlines()
    waiting = Waiting()

    transport: asyncio.Transport

    _head_is_open: bool = False
    _beside_body_bytes: int = 0
    """The bytes of a call around its body, beyond the usual framing. What came together with a call's first byte is
    not counted, since it may belong to the call before."""
    _awaits: _Awaits = "head"
    _due: float = 0.0
    _look_at: float = 0.0
    _look_timer: asyncio.TimerHandle | None = None
    _answer_due: float | None = None
    """When the client must have read more of the answer; None: nothing is buffered."""
    _answer_size: int = 0
    _arrival: Arrival

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()
        self._look_later()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._look_timer is not None:
            self._look_timer.cancel()
        self.waiting.connections.pop(self, None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._awaits == "end":
            return
        self._beside_body_bytes += len(data)
        super().data_received(data)
        if self._beside_body_bytes > _MOST_BESIDE_BODY and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        self._head_is_open = True
        self._beside_body_bytes = 0
        super().on_message_begin()
        self._arrival = Arrival()
        self.scope["extensions"] = {ARRIVAL: self._arrival}  # type: ignore[dict-item]
        self._await_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Trailers are no headers and are dropped (RFC 9110, 6.5.1): no gateway has checked them."""
        if self._head_is_open:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self.waiting.connections.pop(self, None)
        self._awaits = "body"
        self._due = self.loop.time() + self.deadlines.grace_seconds
        if len(self.pipeline) >= _MOST_AHEAD:
            raise httptools.HttpParserError("too many calls are sent ahead of their answers")
        self._head_is_open = False
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._due = self.deadlines.credited(self._due, len(body), self.loop.time())
        accounted = (1 + _BESIDE_EACH_BYTE) * len(body)
        self._beside_body_bytes = max(0, self._beside_body_bytes - accounted)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._arrival.whole = True
        super().on_message_complete()
        self._awaits = "answer"
        if self.cycle.response_complete:
            self._await_head()

    def on_response_complete(self) -> None:
        if self._awaits == "answer" and self.cycle.response_complete:
            self._await_head()
        super().on_response_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._expect_taking()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._answer_due = None

    def _await_head(self) -> None:
        self._awaits = "head"
        self._due = self.loop.time() + self.deadlines.head_seconds
        if self._is_ours_to_go_on():  # it is pipelined behind an unanswered call
            return
        waiting = self.waiting.connections
        waiting[self] = None
        waiting.move_to_end(self)
        if len(waiting) > self.deadlines.most_waiting:
            oldest, _ = waiting.popitem(last=False)
            oldest.give_up()

    def _look_later(self) -> None:
        self._look_at = self.loop.time() + self.deadlines.seconds_between_looks
        self._look_timer = self.loop.call_at(self._look_at, self._look)

    def _look(self) -> None:
        now = self.loop.time()
        self._excuse(now - self._look_at)
        if self.transport.is_closing() and self._answer_due is None:
            self._expect_taking()
        if self._is_not_taken(now) or (self._awaits == "end" and now >= self._due):
            self.transport.abort()
            return
        if self._is_ours_to_go_on():
            wait = self.deadlines.head_seconds if self._awaits == "head" else 0.0
            self._due = now + (wait or self.deadlines.grace_seconds)
        elif self._awaits in ("head", "body") and now >= self._due:
            self.give_up()
        self._look_later()

    def _excuse(self, seconds: float) -> None:
        """While this process was too busy to check, it was too busy to read."""
        self._due += seconds
        if self._answer_due is not None:
            self._answer_due += seconds

    def _is_ours_to_go_on(self) -> bool:
        """Whether the client cannot or need not send: a response is under way, or nobody reads the body."""
        cycle: Any = self.cycle
        if cycle is None:
            return False
        if self._awaits == "head":
            return not cycle.response_complete
        return self._awaits == "body" and (
            self.flow.read_paused
            or (cycle.waiting_for_100_continue and not cycle.response_complete)
        )

    def _expect_taking(self) -> None:
        self._answer_due = self.loop.time() + self.deadlines.grace_seconds
        self._answer_size = self.transport.get_write_buffer_size()

    def _is_not_taken(self, now: float) -> bool:
        if self._answer_due is None:
            return False
        size = self.transport.get_write_buffer_size()
        taken = max(0, self._answer_size - size)
        self._answer_due = self.deadlines.credited(self._answer_due, taken, now)
        self._answer_size = size
        return now >= self._answer_due

    def give_up(self) -> None:
        """End the connection, with a 408 if part of a call came and nothing was answered yet."""
        if self.transport.is_closing():
            return
        cycle: Any = self.cycle
        reads_body = self._awaits == "body"
        if reads_body and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        if not (self._has_begun_head() or (reads_body and not cycle.response_started)):
            self.transport.close()
            return
        self._unset_keepalive_if_required()
        self._awaits = "end"
        self._due = self.loop.time() + _LINGER_SECONDS
        self.transport.write(_too_slow(self._what_is_expected(reads_body=reads_body)))
        self.transport.write_eof()

    def _has_begun_head(self) -> bool:
        return self._awaits == "head" and self._head_is_open

    def _what_is_expected(self, *, reads_body: bool) -> str:
        if not reads_body:
            return f"Address and headers must arrive within {self.deadlines.head_seconds:g} s."
        return (
            f"The body must arrive at {self.deadlines.bytes_per_second} bytes a second at least, and may "
            f"stand still for {self.deadlines.grace_seconds:g} s at most. Nothing was done; try again."
        )


def patient_connections(deadlines: Deadlines) -> type[PatientConnection]:
    """The protocol class of one server."""
    members = {"deadlines": deadlines, "waiting": Waiting()}
    return type("PatientConnections", (PatientConnection,), members)


def _too_slow(detail: str) -> bytes:
    """A whole response: there is no ASGI call to answer."""
    body = bytes(problem_response(Refused(detail, problem="request_timeout")).body)
    head = (
        "HTTP/1.1 408 Request Timeout\r\n"
        f"content-type: {MEDIA_TYPE}\r\n"
        f"content-length: {len(body)}\r\n"
        "cache-control: no-store\r\n"
        "x-content-type-options: nosniff\r\n"
        "connection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
