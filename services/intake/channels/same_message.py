"""Telling the same message again, though it came another way: by its Message-ID and its body.

Each server on the way writes trace lines of its own above a message (RFC 5321, 4.4), so two copies of one
message differ in their bytes. RFC 5322, 3.6.4: a Message-ID names one version of one message; not all
programs keep to that, so the body must be the same too.
"""

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import IO, Final

_HEADER_BYTES: Final = 256 * 1024
_CHUNK_BYTES: Final = 1024 * 1024
_BLANK: Final = b" \t\r\n"
_BEFORE: Final = b"\xef\xbb\xbf" + _BLANK
_END: Final = re.compile(rb"\n\r?\n")
_MESSAGE_ID: Final = re.compile(
    rb"^message-id[ \t]*:(?:[ \t]|\r?\n[ \t])*(<[!-;=?-~]{1,250}>)[ \t\r]*$",
    re.IGNORECASE | re.MULTILINE,
)


def identity_of(content: IO[bytes]) -> bytes | None:
    """The same for each copy of a message, and for no other; None: it has no Message-ID.

    The content is read from its start. A second for a gigabyte: not for the event loop.
    """
    content.seek(0)
    head = content.read(_HEADER_BYTES)
    begins = len(head) - len(head.lstrip(_BEFORE))
    end = _END.search(head, begins)
    named = _MESSAGE_ID.search(head, begins, end.start() + 1 if end else len(head))
    if named is None:
        return None
    digest = sha256(named[1] + b"\n")
    content.seek(end.end() if end else len(head))
    for piece in _without_line_ends(content):
        digest.update(piece)
    return digest.digest()


def _without_line_ends(content: IO[bytes]) -> Iterator[bytes]:
    """The body with one kind of line ends, and without the blanks at its end, which servers add and take away."""
    blanks = b""
    while chunk := content.read(_CHUNK_BYTES):
        text = (blanks + chunk).rstrip(_BLANK)
        blanks = (blanks + chunk)[len(text) :]
        yield text.replace(b"\r\n", b"\n")
        if (
            len(blanks) > _CHUNK_BYTES
        ):  # so many are no end; and are not gone through again and again
            yield blanks.replace(b"\r\n", b"\n")
            blanks = b""
