"""One connection to a mailbox. It blocks, so it needs a thread of its own.

Nothing here deletes or moves a message, marks it as read, or expunges what others marked as deleted, as
IMAP's CLOSE would.
"""

import imaplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from imapclient import IMAPClient

from bmt.chassis.errors import Unavailable
from services.intake.mailbox.settings import Mailbox

imaplib._MAXLINE = 20 * 1024 * 1024  # type: ignore[attr-defined]  # noqa: SLF001  a SEARCH is answered in one line

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
    except (imaplib.IMAP4.error, OSError, EOFError, ValueError) as error:
        raise MailboxAway(step, error) from error


@dataclass(frozen=True, slots=True)
class Folder:
    """The selected folder: its UIDs are valid for one `uid_validity`, and it may keep keywords."""

    uid_validity: int | None
    keeps_keywords: bool


class Session:
    """A connected mailbox. Every method raises `MailboxAway`."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._client: Any = None  # until `open`

    @_asking("open")
    def open(self) -> Folder:
        """Connect, log in and select the folder."""
        of = self._mailbox
        trusted = ssl.create_default_context(cafile=of.ca_file)
        how = {"ssl": of.security == "tls", "ssl_context": trusted, "timeout": of.timeout_seconds}
        self._client = client = IMAPClient(of.host, of.tcp_port, **how)
        client._imap.debug = 0  # noqa: SLF001  it would format whole messages for its log
        if of.security == "starttls":
            client.starttls(trusted)
        # The library's LOGIN takes neither spaces in a user's name nor letters beyond ASCII.
        plain = client.has_capability("AUTH=PLAIN")
        log_in = client.plain_login if plain else client.login
        log_in(of.user, of.secret())
        selected = client.select_folder(of.folder)
        kept = {flag.lower() for flag in selected.get(b"PERMANENTFLAGS", ())}
        keeps_keywords = not kept.isdisjoint({rb"\*", TAKEN.lower().encode()})
        return Folder(selected.get(b"UIDVALIDITY"), keeps_keywords)

    @_asking("not_marked")
    def not_marked(self) -> Sequence[int]:
        """The UIDs of messages without the keyword, in order."""
        return sorted(self._client.search(["UNKEYWORD", TAKEN]))

    @_asking("all")
    def all(self) -> Sequence[int]:
        """The UIDs of all messages, in order."""
        return sorted(self._client.search())

    @_asking("size")
    def size(self, uid: int) -> int | None:
        """The message's bytes; None if it is no longer there."""
        size: int | None = self._fetched(uid, "RFC822.SIZE").get(b"RFC822.SIZE")
        return size

    @_asking("read")
    def read(self, uid: int) -> bytes | None:
        """The message, byte for byte as the server gives it; None if it is no longer there."""
        return self._body(uid, "BODY.PEEK[]")

    @_asking("read_piece")
    def read_piece(self, uid: int, begin: int, length: int) -> bytes | None:
        """At most `length` bytes of the message from `begin` on; empty at its end."""
        return self._body(uid, f"BODY.PEEK[]<{begin}.{length}>")

    def _body(self, uid: int, what: str) -> bytes | None:
        """An empty body may be NIL, and a message that is gone may still have flags."""
        items = self._fetched(uid, what).items()
        return next((body or b"" for name, body in items if name.startswith(b"BODY[]")), None)

    def _fetched(self, uid: int, what: str) -> dict[bytes, Any]:
        fetched: dict[int, dict[bytes, Any]] = self._client.fetch([uid], [what])
        return fetched.get(uid, {})

    @_asking("mark")
    def mark(self, uid: int) -> None:
        """Add the keyword; the message's other flags stay."""
        self._client.add_flags([uid], [TAKEN], silent=True)

    @_asking("leave")
    def leave(self) -> None:
        """Log out, which changes nothing in the mailbox."""
        self._client.logout()

    def close(self) -> None:
        """Cut the connection; another thread that waits for an answer gets an error."""
        if self._client is not None:
            with suppress(OSError, imaplib.IMAP4.error):
                self._client.shutdown()
