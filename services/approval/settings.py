"""The settings of approval."""

from typing import ClassVar

from bmt.chassis.runtime.settings import ServiceSettings


class Settings(ServiceSettings):
    """Approval needs none but those that all services have."""

    service: ClassVar[str] = "approval"
