"""One connection to a mailbox. It blocks, so it needs a thread of its own.

Nothing here deletes or moves a message, marks it as read, or expunges what others marked as deleted.
imap-tools' own `flag` would expunge, and so does IMAP's CLOSE.
"""

import imaplib
import re
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from imap_tools import BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted
from imap_tools.errors import ImapToolsError

from bmt.chassis.errors import Unavailable
from services.intake.mailbox.settings import Mailbox

# Answers to FETCH and SELECT (RFC 3501, 7.2 and 7.4), as imaplib gives them.

_BODY: Final = re.compile(
    rb"BODY\[\](?:<\d+>)? (?:\{\d+\}$|\"((?:[^\"\\]|\\.)*)\"|(NIL))", re.IGNORECASE
)
_SIZE: Final = re.compile(rb"RFC822\.SIZE (\d+)", re.IGNORECASE)
_UID: Final = re.compile(rb"\bUID (\d{1,10})\b")
_BEGINS: Final = re.compile(rb"\d+ \(")
_ESCAPED: Final = re.compile(rb"\\(.)", re.DOTALL)


def size(answer: Sequence[Any], uid: int) -> int | None:
    """The message's bytes, of an answer to FETCH; None if it is no longer there."""
    for head, _ in _items(answer):
        found = _SIZE.search(head)
        if found is not None and _is_of(head, uid):
            return int(found[1])
    return None


def body(answer: Sequence[Any], uid: int) -> bytes | None:
    """The bytes that were asked for; None if the message is no longer there.

    Servers may mention other messages in between, and may send a short body as a string.
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
    """Whether the server keeps this keyword for later sessions, by its PERMANENTFLAGS."""
    told = b" ".join(flags for flags in permanent_flags if isinstance(flags, bytes))
    flags = told.strip(b"()").lower().split()
    return b"\\*" in flags or keyword.lower().encode() in flags


def _items(answer: Sequence[Any]) -> list[tuple[bytes, bytes | None]]:
    """Each item's line with its literal; what follows a literal is part of the line."""
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


TAKEN: Final = "$BmtTaken"
"""The keyword of messages that were taken in (RFC 3501, 2.3.2)."""


class MailboxAway(Unavailable):
    """The mailbox's server is unreachable, or does not answer as it should.

    Attributes:
        why: the step and the error's class; a server's own words may name people.
    """

    def __init__(self, step: str, error: Exception) -> None:
        super().__init__("mailbox")
        self.why = f"{step}: {type(error).__name__}"


@contextmanager
def _asking(step: str) -> Iterator[None]:
    """Turn every error between us and the server into `MailboxAway`."""
    try:
        yield
    except (imaplib.IMAP4.error, ImapToolsError, OSError, EOFError, ValueError) as error:
        raise MailboxAway(step, error) from error


@dataclass(frozen=True, slots=True)
class Folder:
    """The selected folder: its UIDs are valid for one `uid_validity`, and it may keep keywords."""

    uid_validity: str
    keeps_keywords: bool


class Session:
    """A connected mailbox. Every method raises `MailboxAway`."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._box: BaseMailBox | None = None

    @_asking("open")
    def open(self) -> Folder:
        """Connect, log in and select the folder."""
        self._box = box = self._connected()
        user, password = self._mailbox.user, self._mailbox.secret()
        log_in = box.login if (user + password).isascii() else box.login_utf8
        log_in(user, password, initial_folder=None)
        box.folder.set(self._mailbox.folder)
        _, flags = box.client.response("PERMANENTFLAGS")
        _, validity = box.client.response("UIDVALIDITY")
        told = validity[-1] if validity and validity[-1] else b""
        return Folder(bytes(told).decode("ascii"), keeps_keywords(flags or [], TAKEN))

    def _connected(self) -> BaseMailBox:
        of = self._mailbox
        timeout = of.timeout_seconds
        if of.security == "none":
            return MailBoxUnencrypted(of.host, of.tcp_port, timeout=timeout)
        trusted = ssl.create_default_context(cafile=of.ca_file)
        kind = MailBox if of.security == "tls" else MailBoxStartTls
        return kind(of.host, of.tcp_port, timeout=timeout, ssl_context=trusted)

    @_asking("not_marked")
    def not_marked(self) -> Sequence[int]:
        """The UIDs of messages without the keyword, in order."""
        return self._uids(f"UNKEYWORD {TAKEN}")

    @_asking("all")
    def all(self) -> Sequence[int]:
        """The UIDs of all messages, in order."""
        return self._uids("ALL")

    def _uids(self, criteria: str) -> Sequence[int]:
        return sorted(map(int, self._there.uids(criteria, charset=None)))

    @_asking("size")
    def size(self, uid: int) -> int | None:
        """The message's bytes; None if it is no longer there."""
        return size(self._fetched(uid, "RFC822.SIZE"), uid)

    @_asking("read")
    def read(self, uid: int) -> bytes | None:
        """The message, byte for byte as the server gives it; None if it is no longer there."""
        return body(self._fetched(uid, "BODY.PEEK[]"), uid)

    @_asking("read_piece")
    def read_piece(self, uid: int, begin: int, length: int) -> bytes | None:
        """At most `length` bytes of the message from `begin` on; empty at its end."""
        return body(self._fetched(uid, f"BODY.PEEK[]<{begin}.{length}>"), uid)

    def _fetched(self, uid: int, what: str) -> list[object]:
        status, answer = self._there.client.uid("FETCH", str(uid), f"(UID {what})")
        if status != "OK":
            raise imaplib.IMAP4.error("FETCH was refused")
        return answer

    @_asking("mark")
    def mark(self, uid: int) -> None:
        """Add the keyword; the message's other flags stay."""
        status, _ = self._there.client.uid("STORE", str(uid), "+FLAGS.SILENT", f"({TAKEN})")
        if status != "OK":
            raise imaplib.IMAP4.error("STORE was refused")

    @_asking("leave")
    def leave(self) -> None:
        """Log out, which changes nothing in the mailbox."""
        self._there.logout()

    def close(self) -> None:
        """Cut the connection; another thread that waits for an answer gets an error."""
        if self._box is not None:
            with suppress(OSError, imaplib.IMAP4.error):
                self._box.client.shutdown()

    @property
    def _there(self) -> BaseMailBox:
        if self._box is None:
            raise OSError("not connected")
        return self._box
