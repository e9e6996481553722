"""The mailboxes of the agencies."""

from pathlib import Path
from typing import Any, Final, Literal, Self

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
from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.runtime import strict_yaml
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
        raw: Any = strict_yaml.read(text)
    except strict_yaml.KeyTwice as error:
        raise _wrong(str(error)) from None
    except strict_yaml.NotYaml as error:  # its text may repeat passwords
        raise _wrong(f"line {error.line}: it is not YAML") from None
    try:
        return _MAILBOXES.validate_python(raw or {})
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        told = [
            f"{'.'.join(map(str, fault['loc'])) or 'as a whole'}: {fault['msg']}"
            for fault in faults
        ]
        raise _wrong("; ".join(told)) from None


def _wrong(why: str) -> WrongConfiguration:
    return WrongConfiguration(f"BMT_MAILBOXES is wrong: {why}")
