"""How many calls a caller may make, a second and at a time; and who the caller is."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bmt.chassis.http.connections import ARRIVAL, Arrival
from bmt.chassis.http.problem_details import problem_response
from bmt.contracts.problems import Refused

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
