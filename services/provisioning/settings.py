"""Provisioning's settings, from the environment."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator

from bmt.chassis.runtime.settings import OUTSIDE, ServiceSettings

_URL = r"^https?://\S+$"


class Settings(ServiceSettings):
    """Provisioning's settings."""

    service = "provisioning"

    ipms_url: Annotated[str | None, OUTSIDE] = Field(
        default=None,
        pattern=_URL,
        description="Base of IPMS' SCIM 2.0 interface; needed where an agency's connector is scim.",
    )
    ipms_token: SecretStr | None = Field(
        default=None, description="Bearer token for it; needed with BMT_IPMS_URL."
    )
    storage_url: Annotated[str, OUTSIDE] = Field(
        pattern=_URL, description="Of the transfer storage (copyparty)."
    )
    storage_user: str = Field(default="admin", description="The storage's administrator.")
    storage_password: SecretStr = Field(
        min_length=1, description="The administrator's; the owners' passwords are derived from it."
    )
    storage_volumes: Path = Field(
        description="Folder of volume files, which the storage's configuration includes."
    )
    target_timeout_seconds: float = Field(
        default=2.5, gt=0, le=8, description="How long a target may take to answer one question."
    )
    drift_interval_seconds: float = Field(
        default=86_400,
        ge=1,
        le=31 * 86_400,
        description="How often all accounts are compared with what the targets show; also at each start.",
    )
    drift_most_percent: float = Field(
        default=5,
        ge=0,
        le=100,
        description="If more of an agency's accounts differ anew (and more than 10), they are not recorded.",
    )

    @model_validator(mode="after")
    def _token_with_url(self) -> Self:
        if self.ipms_url is not None and self.ipms_token is None:
            raise ValueError("BMT_IPMS_TOKEN is missing: BMT_IPMS_URL needs it")
        return self
