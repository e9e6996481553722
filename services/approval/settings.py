"""The settings of approval."""

from typing import ClassVar

from pydantic import Field

from web.settings import PagesSettings

_ADDRESS = r"^(https?://\S+)?$"


class Settings(PagesSettings):
    """The addresses are for the console, which calls other services; it has no pages of those without one."""

    service: ClassVar[str] = "approval"

    intake_url: str = Field(
        default="", pattern=_ADDRESS, description="Where intake's API is, for the console."
    )
    provisioning_url: str = Field(
        default="", pattern=_ADDRESS, description="Where provisioning's API is, for the console."
    )
    notification_url: str = Field(
        default="", pattern=_ADDRESS, description="Where notification's API is, for the console."
    )
