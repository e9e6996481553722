"""What approval must be told: nothing beyond what every service is."""

from bmt.chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """The settings of approval."""

    service = "approval"
