"""What one client may use up: the size of a head, the time of each part, and calls, a second and at a time."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final, Literal

import httptools
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bmt.chassis.http.bodies import problem_response
from bmt.contracts.problems import MEDIA_TYPE, Refused

# The fast parser accepts a head (address and headers) of any size. So the head is counted here while it
# arrives, to bound the memory, and in `app.RequestMiddleware` once it is complete, to answer with a problem.
# Nor does the parser bound chunk sizes and trailers, or the number of pipelined calls.

MOST_HEAD_BYTES: Final = 32 * 1024
"""The largest head that is answered; a token takes 1 to 4 KiB."""

_MOST_OVERHEAD_BYTES: Final = 2 * MOST_HEAD_BYTES
_OVERHEAD_A_BYTE: Final = 8
"""A chunk of one byte has five bytes of framing."""
_MOST_AHEAD: Final = 100
"""Pipelined calls: each takes much more memory here than on the wire."""
_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


def head_bytes(scope: Any) -> int:
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
    _overhead_bytes: int = 0
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
        self._overhead_bytes += len(data)
        super().data_received(data)
        if self._overhead_bytes > _MOST_OVERHEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        self._head_is_open = True
        self._overhead_bytes = 0
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
        accounted = (1 + _OVERHEAD_A_BYTE) * len(body)
        self._overhead_bytes = max(0, self._overhead_bytes - accounted)
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


Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_MOST_HOPS: Final = 16
_REMEMBERED: Final = 4_096
"""Parsed addresses. Parsing costs as much as the rest of the routing."""
_SUBSCRIBER: Final = 64
"""A client with one IPv6 address has its whole /64 (RFC 6177), so the network is counted."""


class ClientAddress:
    """Reads the address from the connection and a configured header (`X-Forwarded-For`, `X-Real-IP`).

    A gateway appends its peer's address on the right. Anybody can write what stands to the left. So the
    right-most address counts that is no gateway of ours. Without a header's name the connection's peer counts.
    """

    def __init__(self, header: str = "", trusted: Sequence[Network] = ()) -> None:
        """`trusted` are our gateways. Empty: there is one gateway, and every peer is it."""
        self._header = header
        self._trusted = trusted

    def of(self, connection: HTTPConnection) -> str:
        """The client's address, or its network; empty if the connection has none."""
        peer = connection.client.host if connection.client else ""
        client = _address(peer)
        if self._header and (not self._trusted or self._is_ours(client)):
            client = self._forwarded(connection, client)
        return _counted(client) if client else peer

    def _forwarded(self, connection: HTTPConnection, peer: Address | None) -> Address | None:
        """The left-most address that our own gateways vouch for."""
        hops = ",".join(connection.headers.getlist(self._header)).split(",")
        client = peer
        for hop in reversed(hops[-_MOST_HOPS:]):
            address = _address(hop)
            if address is None:
                return client
            client = address
            if not self._is_ours(address):
                return client
        return client

    def _is_ours(self, address: Address | None) -> bool:
        return address is not None and any(address in network for network in self._trusted)


@lru_cache(_REMEMBERED)
def _address(text: str) -> Address | None:
    """An address as gateways write it, perhaps with a port; None: it is none."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache(_REMEMBERED)
def _counted(address: Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(ip_network((address, _SUBSCRIBER), strict=False))


_CALLERS: Final = 10_000
"""Buckets kept. Full ones are dropped first."""
_SECONDS_AT_ONCE: Final = 5
"""How long's calls may come at once after a pause: a program that catches up asks in bursts."""


class RateLimit:
    """Lets each caller make `burst` calls at once, and `per_second` from then on.

    A token bucket for each caller, in this process. The bucket is stored as one number, the time at which it
    will be full again (the generic cell rate algorithm), so a call costs a look-up and an addition.
    """

    def __init__(
        self,
        per_second: float,
        burst: int | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        callers: int = _CALLERS,
    ) -> None:
        """`per_second` of 0 lets everything through. `burst`: by default those of five seconds."""
        if burst is None:
            burst = max(1, round(per_second * _SECONDS_AT_ONCE))
        self._seconds_a_call = 1 / per_second if per_second else 0.0
        # Half a call more: sums of fractions are not exact.
        self._seconds_of_burst = (burst + 0.5) * self._seconds_a_call
        self._monotonic = monotonic
        self._most = callers
        self._full_at: dict[str, float] = {}

    def take(self, caller: str) -> None:
        """Count one call. Raises `Refused` (`too_many_requests`) with the whole seconds to wait."""
        if not self._seconds_a_call:
            return
        now = self._monotonic()
        full_at = max(self._full_at.get(caller, now), now) + self._seconds_a_call
        if full_at - now > self._seconds_of_burst:
            seconds = max(1, round(full_at - now - self._seconds_of_burst + 0.5))
            raise Refused(
                f"These are more calls than one caller may make; try again in {seconds} s.",
                problem="too_many_requests",
                extra={"retry_after_seconds": seconds},
            )
        if len(self._full_at) >= self._most and caller not in self._full_at:
            self._make_room(now)
        self._full_at[caller] = full_at

    def give_back(self, caller: str) -> None:
        if caller in self._full_at:
            self._full_at[caller] -= self._seconds_a_call

    def _make_room(self, now: float) -> None:
        self._full_at = {each: at for each, at in self._full_at.items() if at > now}
        while len(self._full_at) >= self._most:
            self._full_at.pop(next(iter(self._full_at)))


UNLIMITED: Final = RateLimit(0)
"""Lets everything through."""

MOST_CALLS: Final = 2_000
"""About what one process can do in two seconds. A larger installation runs more processes."""
MOST_CALLS_EACH: Final = 500
"""A quarter of them, so that it takes four callers at once to keep others out."""

ALWAYS_ANSWERED: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""A busy service must not be taken for a dead one."""

_PLACE: Final = "bmt.place"


@dataclass(frozen=True, slots=True)
class ConcurrencyLimits:
    """How many calls may be under way.

    Attributes:
        most: calls in progress; and as many whose body arrives.
        each: of one caller, or of one address until its caller is known.
        client: reads that address.
    """

    most: int = MOST_CALLS
    each: int = MOST_CALLS_EACH
    client: ClientAddress = field(default_factory=ClientAddress)


class ConcurrencyLimit:
    """Lets so many calls in at a time. The others get `unavailable` (503) with `Retry-After`.

    Beyond its share a caller gets `too_many_requests` (429). Without a bound each new call makes all others
    slower, until clients give up on calls that are still in progress, and repeat them. uvicorn's own
    `limit_concurrency` answers in plain text, and counts idle connections and health checks.

    A call counts once its body has arrived, so a slow sender blocks nobody else. Arriving bodies have a bound
    of their own, and no caller has more than a share of both. Until a call's caller is known, its address
    stands for it.
    """

    def __init__(self, app: ASGIApp, limits: ConcurrencyLimits) -> None:
        self._app = app
        self._limits = limits
        self._worked_on = 0
        self._arriving = 0
        self._of_each: dict[str, int] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in ALWAYS_ANSWERED:
            await self._app(scope, receive, send)
            return
        arrival: Arrival | None = scope.get("extensions", {}).get(ARRIVAL)
        arrives = arrival is not None and not arrival.whole
        most = self._limits.most
        if self._worked_on >= most or (arrives and self._arriving >= most):
            await problem_response(_crowded())(scope, receive, send)
            return
        place = _Place(self, arrives=arrives)
        scope[_PLACE] = place
        try:
            address = self._limits.client.of(HTTPConnection(scope))
            if (refused := place.refused(f"address {address}")) is not None:
                await problem_response(refused)(scope, receive, send)
                return
            await self._app(scope, place.receives(receive) if arrives else receive, send)
        finally:
            place.leave()

    def count(self, by: int, *, arrives: bool) -> None:
        if arrives:
            self._arriving += by
        else:
            self._worked_on += by

    def takes_share(self, holder: str) -> bool:
        """Count a call of `holder`, unless its share is used up."""
        taken = self._of_each.get(holder, 0)
        if taken >= self._limits.each:
            return False
        self._of_each[holder] = taken + 1
        return True

    def give_share_back(self, holder: str) -> None:
        if (taken := self._of_each[holder]) > 1:
            self._of_each[holder] = taken - 1
        else:
            del self._of_each[holder]


class _Place:
    """One call in the counters."""

    def __init__(self, concurrency: ConcurrencyLimit, *, arrives: bool) -> None:
        self._concurrency = concurrency
        self._arrives = arrives
        self._holder = ""
        concurrency.count(1, arrives=arrives)

    def refused(self, holder: str) -> Refused | None:
        """Count the call as `holder`'s. Returns the refusal if its share is used up."""
        if holder == self._holder:
            return None
        if not self._concurrency.takes_share(holder):
            return _share_taken()
        self._give_share_back()
        self._holder = holder
        return None

    def receives(self, receive: Receive) -> Receive:
        async def noticing() -> Message:
            message = await receive()
            is_last = message["type"] == "http.request" and not message.get("more_body", False)
            if self._arrives and is_last:
                self._concurrency.count(-1, arrives=True)
                self._arrives = False
                self._concurrency.count(1, arrives=False)
            return message

        return noticing

    def leave(self) -> None:
        self._give_share_back()
        self._concurrency.count(-1, arrives=self._arrives)

    def _give_share_back(self) -> None:
        if self._holder:
            self._concurrency.give_share_back(self._holder)


def caller_is_known(scope: Any, subject: str) -> None:
    """Count the call as this caller's from here on. Raises `Refused` if the caller's share is used up."""
    place: _Place | None = scope.get(_PLACE)
    if place is not None and (refused := place.refused(f"caller {subject}")) is not None:
        raise refused


def _share_taken() -> Refused:
    return Refused(
        "As many calls of yours are under way as one caller may have; try again when one is done.",
        problem="too_many_requests",
    )


def _crowded() -> Refused:
    return Refused(
        "Too many calls are under way here. Nothing was begun; try again in 1 s.",
        problem="unavailable",
    )
