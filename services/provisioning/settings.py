"""Provisioning's settings, from the environment."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from bmt.chassis.runtime.settings import OUTSIDE, ServiceSettings

_URL = r"^https?://\S+$"
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]"
_DAILY = rf"^{_TIME}-{_TIME}$"


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
    storage_url: Annotated[str | None, OUTSIDE] = Field(
        default=None,
        pattern=_URL,
        description="Of the transfer storage; needed where an agency's connector is copyparty.",
    )
    storage_user: str = Field(default="admin", description="The storage's administrator.")
    storage_password: SecretStr | None = Field(
        default=None,
        min_length=1,
        description="The administrator's, needed with BMT_STORAGE_URL; the owners' passwords are derived from it.",
    )
    storage_volumes: Path | None = Field(
        default=None,
        description="Folder of volume files, which the storage's configuration includes; needed with BMT_STORAGE_URL.",
    )
    sftpgo_url: Annotated[str | None, OUTSIDE] = Field(
        default=None,
        pattern=_URL,
        description="Of the transfer storage; needed where an agency's connector is sftpgo.",
    )
    sftpgo_key: SecretStr | None = Field(
        default=None,
        min_length=1,
        description="API key of an administrator of SFTPGo; needed with BMT_SFTPGO_URL.",
    )
    nextcloud_url: Annotated[str | None, OUTSIDE] = Field(
        default=None,
        pattern=_URL,
        description="Of the transfer storage; needed where an agency's connector is nextcloud.",
    )
    nextcloud_user: str = Field(default="admin", description="An administrator of Nextcloud.")
    nextcloud_password: SecretStr | None = Field(
        default=None,
        min_length=1,
        description="An app password of the administrator; needed with BMT_NEXTCLOUD_URL.",
    )
    target_timeout_seconds: float = Field(
        default=2.5, gt=0, le=8, description="How long a target may take to answer one question."
    )
    maintenance_of_ipms: str | None = Field(
        default=None,
        pattern=_DAILY,
        description="When IPMS is not called, daily in Malaysia, such as 23:30-01:00; its work waits.",
    )
    maintenance_of_storage: str | None = Field(
        default=None, pattern=_DAILY, description="The same of the transfer storage."
    )
    ipms_calls_a_second: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="Most calls to IPMS by one process; work for it then goes on in lists of as many.",
    )
    storage_calls_a_second: int | None = Field(
        default=None, ge=1, le=1000, description="The same of the transfer storage."
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
    def _whole(self) -> Self:
        needs = {
            "ipms_url": ("ipms_token",),
            "storage_url": ("storage_password", "storage_volumes"),
            "sftpgo_url": ("sftpgo_key",),
            "nextcloud_url": ("nextcloud_password",),
        }
        for url, others in needs.items():
            for name in others:
                if getattr(self, url) is not None and getattr(self, name) is None:
                    raise ValueError(f"BMT_{name.upper()} is missing: BMT_{url.upper()} needs it")
        return self

    @field_validator("maintenance_of_ipms", "maintenance_of_storage")
    @classmethod
    def _ends(cls, daily: str | None) -> str | None:
        if daily and daily[:5] == daily[6:]:
            raise ValueError("must end at another time than it begins")
        return daily
