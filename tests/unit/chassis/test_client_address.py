"""Whose address a call counts for: what a client writes itself counts for nothing."""

from ipaddress import ip_network

import pytest
from starlette.requests import Request

from bmt.chassis.http.limits import ClientAddress

XFF = "X-Forwarded-For"
OURS = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


def call(peer="10.0.0.1", *forwarded, name=XFF):
    headers = [(name.lower().encode(), one.encode("latin-1")) for one in forwarded]
    return Request({"type": "http", "client": peer and (peer, 1), "headers": headers})


@pytest.mark.parametrize(
    ("peer", "counted"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("testclient", "testclient"),
        (None, ""),
    ],
)
def test_without_a_header_of_a_gateway_the_peer_counts_whatever_it_says(peer, counted):
    assert ClientAddress().of(call(peer, "203.0.113.9")) == counted


@pytest.mark.parametrize(
    ("forwarded", "counted"),
    [
        (["203.0.113.9"], "203.0.113.9"),
        (["192.0.2.1, 203.0.113.9"], "203.0.113.9"),
        (["192.0.2.1", "203.0.113.9"], "203.0.113.9"),
        (["203.0.113.9:4711"], "203.0.113.9"),
        (["[2001:db8::9]:4711"], "2001:db8::/64"),
        (["2001:db8::9"], "2001:db8::/64"),
        (['"[2001:db8::9]"'], "2001:db8::/64"),
        (["::ffff:203.0.113.9"], "203.0.113.9"),
        (["fe80::1%eth0"], "fe80::/64"),
        ([], "10.0.0.1"),
        ([""], "10.0.0.1"),
        (["unknown"], "10.0.0.1"),
        (["203.0.113.9, unknown"], "10.0.0.1"),
        (["203.0.113.9,"], "10.0.0.1"),
        (["<script>"], "10.0.0.1"),
        (["1" * 30_000], "10.0.0.1"),
        (["192.0.2.1," * 3000 + "203.0.113.9"], "203.0.113.9"),
    ],
)
def test_behind_one_gateway_what_it_wrote_itself_counts(forwarded, counted):
    assert ClientAddress(XFF).of(call("10.0.0.1", *forwarded)) == counted


@pytest.mark.parametrize(
    ("forwarded", "counted"),
    [
        ("203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("192.0.2.1, 203.0.113.9, 10.0.0.2, fd00::2", "203.0.113.9"),
        ("10.0.0.9, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.9, 10.0.0.2", "10.0.0.9"),
        ("203.0.113.9, unknown, 10.0.0.2", "10.0.0.2"),
    ],
)
def test_behind_several_gateways_the_rightmost_that_is_none_of_them_counts(forwarded, counted):
    assert ClientAddress(XFF, OURS).of(call("10.0.0.1", forwarded)) == counted


@pytest.mark.parametrize("peer", ["198.51.100.7", "fe80::1", "testclient", None])
def test_who_comes_past_the_gateways_counts_by_their_own_address(peer):
    address = ClientAddress(XFF, OURS)
    assert address.of(call(peer, "203.0.113.9")) == ClientAddress().of(call(peer))


def test_another_header_is_read_where_the_setting_names_it():
    assert ClientAddress("X-Real-IP").of(call("10.0.0.1", "203.0.113.9")) == "10.0.0.1"
    told = call("10.0.0.1", "203.0.113.9", name="X-Real-IP")
    assert ClientAddress("X-Real-IP").of(told) == "203.0.113.9"
