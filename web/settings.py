"""The settings of the pages."""

from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from bmt.chassis.runtime.settings import AGENCY_AND_EVALUATION, OUTSIDE, DatabaseSettings

_ADDRESS = r"^https?://\S+$"


class Settings(DatabaseSettings):
    """The settings of the process that shows all pages."""

    service: ClassVar[str] = "web"

    public_url: Annotated[str, OUTSIDE] = Field(
        pattern=_ADDRESS, max_length=500, description="Where browsers reach the pages."
    )
    session_key: SecretStr = Field(min_length=32, description="Signs the cookies of the pages.")
    session_recheck_seconds: Annotated[int, AGENCY_AND_EVALUATION] = Field(
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
    status_calls_per_second: float = Field(
        default=5.0,
        gt=0,
        le=1000,
        description="How often one client may look a status up a second; behind a gateway all its users are one without BMT_CLIENT_ADDRESS_HEADER.",
    )
    intake_url: str = Field(pattern=_ADDRESS, description="Where intake's API is.")
    approval_url: str = Field(pattern=_ADDRESS, description="Where approval's API is.")
    provisioning_url: str = Field(pattern=_ADDRESS, description="Where provisioning's API is.")
    notification_url: str = Field(pattern=_ADDRESS, description="Where notification's API is.")
    records_url: str = Field(pattern=_ADDRESS, description="Where records' API is.")

    statistics_url: str = Field(
        default="",
        pattern=r"^(https?://\S+)?$",
        description="Where the statistics answer `/metrics`: the operators' page shows whether they do; empty: it does not.",
    )

    @property
    def over_tls(self) -> bool:
        """Whether browsers come by https; then cookies are secure."""
        return urlsplit(self.public_url).scheme == "https"
