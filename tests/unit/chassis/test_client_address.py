"""Whose address a call counts for: what a client writes itself counts for nothing."""

from ipaddress import ip_network

import pytest
from starlette.requests import Request

from bmt.chassis.http.limits import ClientAddress

XFF = "X-Forwarded-For"
PEERS, ONE = ClientAddress(), ClientAddress(XFF)
SEVERAL = ClientAddress(XFF, [ip_network("10.0.0.0/8"), ip_network("fd00::/8")])


def call(peer="10.0.0.1", *forwarded, name=XFF):
    headers = [(name.lower().encode(), one.encode("latin-1")) for one in forwarded]
    return Request({"type": "http", "client": peer and (peer, 1), "headers": headers})


@pytest.mark.parametrize(
    ("address", "peer", "forwarded", "counted"),
    [
        # Without a header of a gateway the peer counts, whatever it says.
        (PEERS, "198.51.100.7", ["203.0.113.9"], "198.51.100.7"),
        (PEERS, "2001:db8:1:2:3:4:5:6", ["203.0.113.9"], "2001:db8:1:2::/64"),
        (PEERS, "::ffff:198.51.100.7", ["203.0.113.9"], "198.51.100.7"),
        (PEERS, "testclient", ["203.0.113.9"], "testclient"),
        (PEERS, None, ["203.0.113.9"], ""),
        # Behind one gateway, what it wrote itself counts.
        (ONE, "10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        (ONE, "10.0.0.1", ["192.0.2.1, 203.0.113.9"], "203.0.113.9"),
        (ONE, "10.0.0.1", ["192.0.2.1", "203.0.113.9"], "203.0.113.9"),
        (ONE, "10.0.0.1", ["203.0.113.9:4711"], "203.0.113.9"),
        (ONE, "10.0.0.1", ["[2001:db8::9]:4711"], "2001:db8::/64"),
        (ONE, "10.0.0.1", ["2001:db8::9"], "2001:db8::/64"),
        (ONE, "10.0.0.1", ['"[2001:db8::9]"'], "2001:db8::/64"),
        (ONE, "10.0.0.1", ["::ffff:203.0.113.9"], "203.0.113.9"),
        (ONE, "10.0.0.1", ["fe80::1%eth0"], "fe80::/64"),
        (ONE, "10.0.0.1", [], "10.0.0.1"),
        (ONE, "10.0.0.1", [""], "10.0.0.1"),
        (ONE, "10.0.0.1", ["203.0.113.9, unknown"], "10.0.0.1"),
        (ONE, "10.0.0.1", ["203.0.113.9,"], "10.0.0.1"),
        (ONE, "10.0.0.1", ["<script>"], "10.0.0.1"),
        (ONE, "10.0.0.1", ["1" * 30_000], "10.0.0.1"),
        (ONE, "10.0.0.1", ["192.0.2.1," * 3000 + "203.0.113.9"], "203.0.113.9"),
        # Behind several, the rightmost that is none of them.
        (SEVERAL, "10.0.0.1", ["203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        (SEVERAL, "10.0.0.1", ["192.0.2.1, 203.0.113.9, 10.0.0.2, fd00::2"], "203.0.113.9"),
        (SEVERAL, "10.0.0.1", ["10.0.0.9, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        (SEVERAL, "10.0.0.1", ["10.0.0.9, 10.0.0.2"], "10.0.0.9"),
        (SEVERAL, "10.0.0.1", ["203.0.113.9, unknown, 10.0.0.2"], "10.0.0.2"),
        # Who comes past them counts by their own address.
        (SEVERAL, "198.51.100.7", ["203.0.113.9"], "198.51.100.7"),
        (SEVERAL, "fe80::1", ["203.0.113.9"], "fe80::/64"),
        (SEVERAL, None, ["203.0.113.9"], ""),
    ],
)
def test_a_call_counts_for_the_address_that_no_client_wrote(address, peer, forwarded, counted):
    assert address.of(call(peer, *forwarded)) == counted


def test_another_header_is_read_where_the_setting_names_it():
    assert ClientAddress("X-Real-IP").of(call("10.0.0.1", "203.0.113.9")) == "10.0.0.1"
    told = call("10.0.0.1", "203.0.113.9", name="X-Real-IP")
    assert ClientAddress("X-Real-IP").of(told) == "203.0.113.9"
