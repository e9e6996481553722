"""The mailboxes of the agencies, and one connection to a mailbox. It blocks, so it needs a thread of its own.

Nothing here deletes or moves a message, marks it as read, or expunges what others marked as deleted, as
IMAP's CLOSE would.
"""

import imaplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Self

from imapclient import IMAPClient
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from bmt.agencies.register import Agencies
from bmt.chassis.errors import Unavailable, WrongConfiguration
from bmt.chassis.runtime import settings
from bmt.contracts.values import AgencyCode

Security = Literal["tls", "starttls", "none"]

AUTHSERV_ID: Final = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,252}$"

_PORTS: Final = {"tls": 993, "starttls": 143, "none": 143}


class Mailbox(BaseModel):
    """How one mailbox is reached (IMAP4rev1, RFC 3501)."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    host: str = Field(pattern=r"^[^\s/:]{1,253}$", description="The server's name.")
    port: int = Field(default=0, ge=0, le=65535, description="0: 993 with tls, 143 otherwise.")
    security: Security = Field(
        default="tls", description="tls: from the first byte; starttls; none: on a safe wire only."
    )
    ca_file: Path | None = Field(
        default=None, description="PEM file of the authorities to trust; default: the system's."
    )
    user: str = Field(min_length=1, max_length=320)
    password: SecretStr | None = None
    password_file: Path | None = Field(default=None, description="In the place of password.")
    folder: str = Field(default="INBOX", min_length=1, max_length=200)
    every_seconds: float = Field(
        default=30.0, ge=0.1, le=3600.0, description="From the end of one look to the next."
    )
    authserv_id: str | None = Field(
        default=None,
        pattern=AUTHSERV_ID,
        description="The mail server whose Authentication-Results (RFC 8601) are trusted: its first word "
        "there. It must take out those that others wrote in its name. Default: none is trusted.",
    )
    timeout_seconds: float = Field(
        default=30.0, ge=1.0, le=600.0, description="How long the server may be silent."
    )

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if (self.password is None) == (self.password_file is None):
            raise ValueError("either password or password_file is needed")
        return self

    @property
    def tcp_port(self) -> int:
        return self.port or _PORTS[self.security]

    def secret(self) -> str:
        """The password, read from its file if it has one.

        Raises:
            OSError: the file cannot be read.
            UnicodeDecodeError: it is not text.
        """
        if self.password_file is not None:
            return self.password_file.read_text(encoding="utf-8").rstrip("\r\n")
        return self.password.get_secret_value() if self.password else ""


_MAILBOXES: Final = TypeAdapter(dict[AgencyCode, Mailbox])


def mailboxes(text: str, agencies: Agencies) -> dict[str, Mailbox]:
    """The mailboxes by agency; `text` is YAML (or JSON).

    Raises:
        WrongConfiguration: names the wrong mailbox and field, and what is allowed; it contains no secret.
    """
    found = _parsed(text)
    for code, mailbox in found.items():
        if code not in agencies:
            known = ", ".join(sorted(agency.code for agency in agencies))
            raise _wrong(f"{code}: there is no such agency; there are {known}")
        if "email" not in agencies.get(code).rules.channels.in_:
            raise _wrong(
                f"{code}: the agency receives no e-mail (channels.in of the agencies' file)"
            )
        try:
            mailbox.secret()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text"
            raise _wrong(f"{code}.password_file: it cannot be read: {why}") from None
    return found


def _parsed(text: str) -> dict[str, Mailbox]:
    try:
        raw: Any = settings.read_yaml(text)
    except settings.KeyTwice as error:
        raise _wrong(str(error)) from None
    except settings.NotYaml as error:  # its text may repeat passwords
        raise _wrong(f"line {error.line}: it is not YAML") from None
    try:
        return _MAILBOXES.validate_python(raw or {})
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        lines = [
            f"{'.'.join(map(str, fault['loc'])) or 'as a whole'}: {fault['msg']}"
            for fault in faults
        ]
        raise _wrong("; ".join(lines)) from None


def _wrong(why: str) -> WrongConfiguration:
    return WrongConfiguration(f"BMT_MAILBOXES is wrong: {why}")


imaplib._MAXLINE = 20 * 1024 * 1024  # type: ignore[attr-defined]  # noqa: SLF001  a SEARCH is answered in one line

TAKEN: Final = "$BmtTaken"
"""The keyword of messages that were taken in (RFC 3501, 2.3.2)."""


class MailboxAway(Unavailable):
    """The mailbox's server is unreachable, or does not answer as it should; its own words may name people."""

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
        return sorted(self._client.search(["UNKEYWORD", TAKEN]))

    @_asking("all")
    def all(self) -> Sequence[int]:
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
