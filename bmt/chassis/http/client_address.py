"""Whose address a call counts for, behind gateways too: what limits by address are kept by."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from starlette.requests import HTTPConnection

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_MOST_HOPS: Final = 16
_REMEMBERED: Final = 4_096
"""Addresses whose reading costs as much as the rest of a call's way to its route."""
_SUBSCRIBER: Final = 64
"""Whoever has one IPv6 address has all of its /64 (RFC 6177): the network counts, not the address."""


class ClientAddress:
    """Tells it from the connection, and from the header that a setting names (`X-Forwarded-For`, `X-Real-IP`).

    A gateway writes at the right end whom it heard from, and leaves to its left what it was sent: anybody can write that.
    So the right-most address counts that is no gateway of ours. Without a header's name the connection's peer counts.
    """

    def __init__(self, header: str = "", trusted: Sequence[Network] = ()) -> None:
        """`trusted` are our gateways; empty: one gateway, and everybody who reaches this process is it."""
        self._header = header
        self._trusted = trusted

    def of(self, connection: HTTPConnection) -> str:
        """The client's address, or its network; empty where the connection has none."""
        peer = connection.client.host if connection.client else ""
        client = _address(peer)
        if self._header and (not self._trusted or self._is_ours(client)):
            client = self._forwarded(connection, client)
        return _counted(client) if client else peer

    def _forwarded(self, connection: HTTPConnection, peer: Address | None) -> Address | None:
        """As far to the left as our own gateways vouch for it."""
        told = ",".join(connection.headers.getlist(self._header)).split(",")
        client = peer
        for hop in reversed(told[-_MOST_HOPS:]):
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
