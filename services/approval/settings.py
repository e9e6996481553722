"""What approval must be told: beyond what every service with pages is, where the others are."""

from typing import ClassVar

from pydantic import Field

from bmt.pages.settings import PagesSettings

_ADDRESS = r"^(https?://\S+)?$"


class Settings(PagesSettings):
    """The settings of approval.

    The addresses are for the console alone, which calls the others as its visitor; without one, the console
    has no pages of what that service does.
    """

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
