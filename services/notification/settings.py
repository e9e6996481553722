"""The settings of notification: the mail server, and the pages that messages link to."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from bmt.chassis.runtime.settings import ServiceSettings
from bmt.contracts.values import SHORTEST_KEY, EmailAddress

SmtpSecurity = Literal["if-offered", "starttls", "tls", "none"]


class Settings(ServiceSettings):
    """The settings of notification."""

    service = "notification"

    smtp_host: str = Field(description="Mail server that takes our messages over.")
    smtp_port: int = Field(default=25, ge=1, le=65535, description="Its TCP port.")
    smtp_sender: EmailAddress = Field(
        description="Address that users are written from; Message-IDs end in its domain."
    )
    smtp_security: SmtpSecurity = Field(
        default="if-offered",
        description="if-offered and starttls: STARTTLS (RFC 3207); tls: from the first byte.",
    )
    smtp_ca_file: Path | None = Field(
        default=None, description="PEM file of the authorities to trust; default: the system's."
    )
    smtp_username: str | None = Field(default=None, description="Where the server wants a login.")
    smtp_password: SecretStr | None = Field(
        default=None, description="Needed with BMT_SMTP_USERNAME."
    )
    status_code_key: SecretStr | None = Field(
        default=None,
        min_length=SHORTEST_KEY,
        description="Makes the codes of acknowledgements, as intake's: without it, or without BMT_WEB_URL, they have none.",
    )

    webhook_secrets: SecretStr | None = Field(
        default=None,
        description="YAML or JSON: the secrets of agencies.yaml's webhooks by their names, each one, or two while "
        "receivers change over: {payroll: [whsec_...]}.",
    )

    @model_validator(mode="after")
    def _login_whole(self) -> Self:
        if (self.smtp_username is None) != (self.smtp_password is None):
            raise ValueError("BMT_SMTP_USERNAME and BMT_SMTP_PASSWORD are needed together")
        return self

    def not_encrypted(self) -> Sequence[str]:
        """An attacker can remove an offer of STARTTLS, so `if-offered` counts too."""
        in_the_open = self.smtp_security in ("if-offered", "none")
        return [*super().not_encrypted(), *(["BMT_SMTP_SECURITY"] if in_the_open else [])]

    @property
    def mail_domain(self) -> str:
        return self.smtp_sender.rpartition("@")[2]

    @property
    def status_url(self) -> str:
        """Where users see their requests; empty where there are no pages."""
        return self._page("/my")

    @property
    def console_url(self) -> str:
        """Where administrators work."""
        return self._page("/console")

    @property
    def status_page_url(self) -> str:
        """The page that needs no login."""
        return self._page("/status/")

    def _page(self, path: str) -> str:
        return f"{self.web_url.rstrip('/')}{path}" if self.web_url else ""
