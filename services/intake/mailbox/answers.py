"""Reading a server's answers to FETCH and SELECT (RFC 3501, 7.2 and 7.4), as imaplib gives them."""

import re
from collections.abc import Sequence
from typing import Any, Final

_BODY: Final = re.compile(
    rb"BODY\[\](?:<\d+>)? (?:\{\d+\}$|\"((?:[^\"\\]|\\.)*)\"|(NIL))", re.IGNORECASE
)
_SIZE: Final = re.compile(rb"RFC822\.SIZE (\d+)", re.IGNORECASE)
_UID: Final = re.compile(rb"\bUID (\d{1,10})\b")
_BEGINS: Final = re.compile(rb"\d+ \(")
_ESCAPED: Final = re.compile(rb"\\(.)", re.DOTALL)


def size(answer: Sequence[Any], uid: int) -> int | None:
    """The bytes of the message; None when it is no longer there."""
    for head, _ in _items(answer):
        found = _SIZE.search(head)
        if found is not None and _is_of(head, uid):
            return int(found[1])
    return None


def body(answer: Sequence[Any], uid: int) -> bytes | None:
    """The bytes asked for; None when the message is no longer there.

    Servers may tell of other messages in between, and send little as a string.
    """
    for head, literal in _items(answer):
        found = _BODY.search(head)
        if found is None or not _is_of(head, uid):
            continue
        if literal is not None:
            return literal
        return _ESCAPED.sub(rb"\1", found[1]) if found[1] is not None else b""
    return None


def keeps_keywords(permanent_flags: Sequence[Any], keyword: str) -> bool:
    """Whether the server keeps this keyword for the next session, by its PERMANENTFLAGS."""
    told = b" ".join(flags for flags in permanent_flags if isinstance(flags, bytes))
    flags = told.strip(b"()").lower().split()
    return b"\\*" in flags or keyword.lower().encode() in flags


def _items(answer: Sequence[Any]) -> list[tuple[bytes, bytes | None]]:
    """Each item's line with its literal; what stands behind a literal is part of the line."""
    items: list[tuple[bytes, bytes | None]] = []
    for piece in answer:
        if isinstance(piece, tuple):
            items.append((piece[0], piece[1]))
        elif isinstance(piece, bytes) and items and not _BEGINS.match(piece):
            head, literal = items[-1]
            items[-1] = (piece + b" " + head, literal)
        elif isinstance(piece, bytes):
            items.append((piece, None))
    return items


def _is_of(head: bytes, uid: int) -> bool:
    return any(int(each) == uid for each in _UID.findall(head))
