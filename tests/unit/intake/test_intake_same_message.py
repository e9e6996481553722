"""Two copies of a message are one, and two messages are two, whatever way they came."""

import io
import time

import pytest

from services.intake.emails import identity_of

TRACE = b"Received: from mx1 by mbox; Thu, 26 Nov 2026 09:12:05 +0800\r\nDelivered-To: a@x.my\r\n"
HEAD = b"From: siti@x.my\r\nMessage-ID: <1.a@klien.my>\r\nSubject: BMT\r\n"
BODY = b"\r\nJenis: permohonan\r\n\r\nSekian.\r\n"
MESSAGE = TRACE + HEAD + BODY


def same(content: bytes) -> bytes | None:
    return identity_of(io.BytesIO(content))


@pytest.mark.parametrize(
    "copy",
    [
        HEAD + BODY,
        TRACE.replace(b"mx1", b"mx2") + HEAD + BODY,
        b"Return-Path: <>\r\nX-Spam-Status: No\r\nDKIM-Signature: v=1;\r\n b=x\r\n" + MESSAGE,
        MESSAGE.replace(b"Subject: BMT", b"Subject: [LUAR] BMT"),
        MESSAGE.replace(b"\r\n", b"\n"),
        MESSAGE + b"\r\n\r\n",
        MESSAGE.rstrip(),
        b"\xef\xbb\xbf\r\n" + MESSAGE,
        MESSAGE.replace(b"Message-ID: ", b"message-id:\r\n "),
    ],
    ids=[
        "no trace",
        "other trace",
        "more",
        "subject",
        "LF",
        "blank lines",
        "no end",
        "BOM",
        "folded",
    ],
)
def test_a_copy_is_the_same_message(copy):
    assert same(copy) == same(MESSAGE) is not None


@pytest.mark.parametrize(
    "other",
    [
        MESSAGE.replace(b"<1.a@", b"<2.a@"),
        MESSAGE.replace(b"Sekian", b"Terima kasih"),
        MESSAGE.replace(b"Jenis: permohonan", b"Jenis:  permohonan"),
        TRACE + HEAD + b"\r\n",
    ],
    ids=["Message-ID", "body", "a blank within", "no body"],
)
def test_another_is_not(other):
    assert same(other) not in (same(MESSAGE), None)


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
