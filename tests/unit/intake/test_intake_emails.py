"""Two copies of a message are one; and whether its sender is authenticated is told by the trusted server alone (RFC 8601)."""

import io
import time

import pytest

from services.intake.channels.message import read
from services.intake.domain.submission import address_in
from services.intake.emails import authenticated, identity_of

TRACE = b"Received: from mx1 by mbox; Thu, 26 Nov 2026 09:12:05 +0800\r\nDelivered-To: a@x.my\r\n"
HEAD = b"From: siti@x.my\r\nMessage-ID: <1.a@klien.my>\r\nSubject: BMT\r\n"
BODY = b"\r\nJenis: permohonan\r\n\r\nSekian.\r\n"
MESSAGE = TRACE + HEAD + BODY


def same(content: bytes) -> bytes | None:
    return identity_of(io.BytesIO(content))


@pytest.mark.parametrize(
    ("other", "is_copy"),
    [
        pytest.param(HEAD + BODY, True, id="no trace"),
        pytest.param(TRACE.replace(b"mx1", b"mx2") + HEAD + BODY, True, id="another trace"),
        pytest.param(
            b"Return-Path: <>\r\nX-Spam-Status: No\r\nDKIM-Signature: v=1;\r\n b=x\r\n" + MESSAGE,
            True,
            id="more of a header",
        ),
        pytest.param(MESSAGE.replace(b"BMT", b"[LUAR] BMT", 1), True, id="a marked subject"),
        pytest.param(MESSAGE.replace(b"\r\n", b"\n"), True, id="LF"),
        pytest.param(MESSAGE + b"\r\n\r\n", True, id="blank lines at its end"),
        pytest.param(MESSAGE.rstrip(), True, id="no end of its last line"),
        pytest.param(b"\xef\xbb\xbf\r\n" + MESSAGE, True, id="a BOM"),
        pytest.param(MESSAGE.replace(b"Message-ID: ", b"message-id:\r\n "), True, id="folded"),
        pytest.param(MESSAGE.replace(b"<1.a@", b"<2.a@"), False, id="another Message-ID"),
        pytest.param(MESSAGE.replace(b"Sekian", b"Terima kasih"), False, id="another body"),
        pytest.param(MESSAGE.replace(b"Jenis: p", b"Jenis:  p"), False, id="a blank within"),
        pytest.param(TRACE + HEAD + b"\r\n", False, id="no body"),
    ],
)
def test_a_copy_is_the_same_message_and_another_is_not(other, is_copy):
    assert same(other) is not None
    assert (same(other) == same(MESSAGE)) is is_copy


@pytest.mark.parametrize(
    "nameless",
    [
        TRACE + BODY,
        MESSAGE.replace(b"<1.a@klien.my>", b""),
        MESSAGE.replace(b"<1.a@klien.my>", b"klien"),
        b"From: a@x.my\r\n\r\nMessage-ID: <1.a@klien.my>\r\n",
        b"",
    ],
    ids=["none", "empty", "no angle brackets", "in the body alone", "nothing"],
)
def test_without_a_message_id_nothing_is_told(nameless):
    assert same(nameless) is None


@pytest.mark.parametrize(
    "long", [b"\n" * 30_000_000, b" " * 30_000_000 + b"x", b"\r\n x" * 5_000_000]
)
def test_a_long_one_takes_no_time(long):
    began = time.process_time()
    assert same(HEAD + b"\r\n" + long) is not None
    assert time.process_time() - began < 2


def test_a_body_is_compared_beyond_what_is_read_at_once():
    body = bytes(range(65, 91)) * 100_000
    one, other = (HEAD + b"\r\n" + body + end for end in (b"a", b"b"))
    assert same(one) == same(one.replace(b"\r\n", b"\n")) != same(other)


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
        # Whatever it holds is read at once.
        *(";" * 4000, "(" * 4000, "a=b " * 1000, '"' * 4000, "\\" * 4000),
    ],
)
def test_anything_else_is_not_authenticated(told):
    assert not authenticated([f"{US}; {told}"] * 20, US, SENDER)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        ["mx.luar.example; dmarc=pass header.from=mampu.gov.my"],
        [f"(x) {US}.luar.example; dmarc=pass"],
        [f"{US}; dmarc=fail header.from=mampu.gov.my", f"{US}; dmarc=pass"],
    ],
    ids=["none", "another server's", "one that is called almost so", "two that differ"],
)
def test_what_others_say_and_two_results_that_differ_count_for_nothing(headers):
    assert not authenticated(headers, US, SENDER)


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
