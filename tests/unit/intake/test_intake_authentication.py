"""Whether a sender is authenticated: told by the trusted server alone (RFC 8601)."""

import pytest

from services.intake.channels.message import read
from services.intake.domain.submission import address_in
from services.intake.emails import authenticated

US = "mx.mampu.gov.my"
SENDER = "siti@mampu.gov.my"


@pytest.mark.parametrize(
    "told",
    [
        "dmarc=pass header.from=mampu.gov.my",
        "spf=fail smtp.mailfrom=x.example; dmarc=pass (p=none; dis=none) header.from=mampu.gov.my",
        "spf=pass smtp.mailfrom=bounce@mampu.gov.my",
        "spf = pass smtp.mailfrom = mampu.gov.my",
        "DKIM=Pass header.d=MAMPU.gov.my header.s=x",
        'dkim=pass reason="good; signed" header.i=@mampu.gov.my',
        'spf=pass smtp.mailfrom="siti a"@mampu.gov.my',
        'dkim=pass header.d="mampu.gov.my"',
        "dkim/1=pass header.d=mampu.gov.my",
    ],
)
def test_what_the_trusted_server_found_is_believed(told):
    assert authenticated([f"{US} 1; {told}"], US, SENDER)


@pytest.mark.parametrize(
    "told",
    [
        "none",
        "",
        "dmarc=fail header.from=mampu.gov.my; spf=pass smtp.mailfrom=mampu.gov.my",
        "dmarc=pass header.from=luar.example",
        "spf=pass smtp.mailfrom=siapa@luar.example",
        "dkim=pass header.d=luar.example",
        "dkim=pass header.d=gov.my",
        "dkim=fail header.d=mampu.gov.my",
        "(dkim=pass header.d=mampu.gov.my",
        "iprev=pass policy.iprev=1.2.3.4",
        "auth=pass smtp.auth=siti@mampu.gov.my",
        # A local part may be quoted, and hold anything (RFC 5321, 4.1.2): it is who sends that chooses it.
        'spf=pass smtp.mailfrom="a smtp.mailfrom=siti@mampu.gov.my b"@luar.example',
        'dkim=pass header.d=luar.example header.i="a header.d=mampu.gov.my b"@luar.example',
        'spf=pass smtp.mailfrom="a; dkim=pass header.d=mampu.gov.my; b"@luar.example',
        'spf=pass smtp.mailfrom="a\\" header.d=mampu.gov.my dkim=pass"@luar.example',
        'spf=pass smtp.mailfrom=a"@luar.example; dmarc=fail header.from=x@mampu.gov.my',
        'spf=pass smtp.mailfrom=a"@luar.example; dkim=pass header.d=mampu.gov.my',
    ],
)
def test_anything_else_is_not_authenticated(told):
    assert not authenticated([f"{US}; {told}"], US, SENDER)


def test_what_others_say_counts_for_nothing():
    theirs = "mx.luar.example; dmarc=pass header.from=mampu.gov.my"
    assert not authenticated([theirs, f"(x) {US}.luar.example; dmarc=pass"], US, SENDER)
    assert not authenticated([], US, SENDER)


def test_two_results_that_differ_are_not_authenticated():
    told = [f"{US}; dmarc=fail header.from=mampu.gov.my", f"{US}; dmarc=pass"]
    assert not authenticated(told, US, SENDER)


def test_it_stands_in_the_messages_own_headers():
    message = read(
        f"Authentication-Results: {US};\r\n dmarc=pass\r\n header.from=mampu.gov.my\r\n"
        f"From: Siti <{SENDER}>\r\n\r\nTuan".encode()
    )
    assert authenticated(message.authentication, US, address_in(message.sender))


def test_of_two_senders_none_is_the_sender():
    """Mail servers differ in which they look at (RFC 5322, 3.6: a message has one From)."""
    message = read(f"From: {SENDER}\r\nFrom: penipu@luar.example\r\n\r\nTuan".encode())
    assert message.sender == f"{SENDER}, penipu@luar.example"
    assert address_in(message.sender) == ""


@pytest.mark.parametrize("told", [";" * 4000, "(" * 4000, "a=b " * 1000, '"' * 4000, "\\" * 4000])
def test_whatever_it_holds_is_read_at_once(told):
    assert not authenticated([f"{US}; {told}"] * 20, US, SENDER)


@pytest.mark.parametrize(
    ("sender", "address"),
    [
        ("Siti <siti@mampu.gov.my>", SENDER),
        ("siti@mampu.gov.my", SENDER),
        ('"siti@mampu.gov.my" <penipu@luar.example>', "penipu@luar.example"),
        ("siti@mampu.gov.my, penipu@luar.example", ""),
        ("siti@mampu.gov.my <penipu@luar.example>", ""),
        ("Siti", ""),
        ("", ""),
    ],
)
def test_a_sender_is_one_address_or_none(sender, address):
    assert address_in(sender) == address
