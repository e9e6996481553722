"""Intake's settings, from the environment."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field, SecretStr, StringConstraints

from bmt.chassis.runtime.settings import AGENCY_AND_EVALUATION, OUTSIDE, ServiceSettings
from bmt.contracts.http.intake import DOCUMENT_BYTES
from bmt.contracts.values import SHORTEST_KEY, AgencyCode, EmailAddress
from services.intake.imap import AUTHSERV_ID

IntegratorName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]

MIB = 1024 * 1024


class Settings(ServiceSettings):
    """Intake's settings."""

    service: ClassVar[str] = "intake"

    ipms_url: Annotated[str, OUTSIDE] = Field(
        pattern=r"^https?://\S+$", description="Base URL of the directory (SCIM 2.0)."
    )
    ipms_token: SecretStr = Field(description="Bearer token for the directory.")
    approval_url: str = Field(
        default="",
        pattern=r"^(https?://\S+)?$",
        description="Where approval's API is: it lets nobody decide while a request is corrected that nobody "
        "returned. Without it only what was returned can be corrected.",
    )
    directory_refresh_seconds: Annotated[float, AGENCY_AND_EVALUATION] = Field(
        default=30.0, ge=1.0, le=50.0, description="How often all accounts are read, in seconds."
    )
    integrators: Mapping[IntegratorName, frozenset[AgencyCode]] = Field(
        default_factory=dict,
        description='JSON: integrator → the agencies it submits for, {"hrmis": ["MAMPU"]}.',
    )
    status_code_key: SecretStr | None = Field(
        default=None,
        min_length=SHORTEST_KEY,
        description="Makes the codes of acknowledgements, as notification's: without it nobody finds a request by its code.",
    )
    acknowledgements_per_hour: int = Field(
        default=20,
        ge=1,
        le=100_000,
        description="How many requests of applicants, and how many messages that no officer handed in, may "
        "have one e-mail address written to an hour, at each process; further messages wait in the inbox.",
    )
    emails_authserv_id: str | None = Field(
        default=None,
        pattern=AUTHSERV_ID,
        description="Who is trusted to tell, in the Authentication-Results (RFC 8601) of messages of "
        "POST /v1/emails, whether a sender is authenticated; default: nobody, and nothing is told of it.",
    )
    document_max_bytes: int = Field(
        default=DOCUMENT_BYTES,
        ge=1,
        le=1024 * MIB,
        description="The largest document, in bytes; the pages ask intake for it.",
    )
    email_max_bytes: int = Field(
        default=25 * MIB, ge=1, le=1024 * MIB, description="The largest e-mail message, in bytes."
    )
    mailboxes: SecretStr | None = Field(
        default=None,
        description="YAML or JSON: agency → its mailbox, which is read by IMAP: "
        "{MAMPU: {host: imap.example, user: bmt, password_file: /run/secrets/imap}}.",
    )
    smtp_sender: EmailAddress | None = Field(
        default=None,
        description="As notification's: the address that notices come from. Needed with mailboxes.",
    )
