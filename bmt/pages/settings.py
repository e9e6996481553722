"""The settings of a service with pages."""

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from bmt.chassis.runtime.settings import OUTSIDE, ServiceSettings


class PagesSettings(ServiceSettings):
    """Without a public address there are no pages."""

    public_url: Annotated[str, OUTSIDE] = Field(
        default="",
        pattern=r"^(https?://\S+)?$",
        max_length=500,
        description="Where the service is reached from outside: there its pages are.",
    )
    session_key: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="Signs the cookies of the pages; needed with BMT_PUBLIC_URL.",
    )
    session_recheck_seconds: int = Field(
        default=300,
        ge=1,
        le=3600,
        description="How long the issuer is not asked again whether a session goes on, and with which roles, in seconds.",
    )
    login_client_id: str = Field(
        default="bmt", min_length=1, description="The pages' name at the issuer."
    )
    login_client_secret: SecretStr | None = Field(
        default=None, description="The pages' password at the issuer; a public client has none."
    )

    @property
    def over_tls(self) -> bool:
        """Whether browsers come by https; then cookies are secure."""
        return urlsplit(self.public_url).scheme == "https"

    @model_validator(mode="after")
    def _pages_have_a_key(self) -> Self:
        if self.public_url and self.session_key is None:
            raise ValueError(
                "BMT_SESSION_KEY is missing: BMT_PUBLIC_URL needs it. Signs the cookies of the pages."
                " A file may hold it: BMT_SESSION_KEY_FILE names one"
            )
        return self
