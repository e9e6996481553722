"""The settings of the statistics."""

import socket

from pydantic import Field

from bmt.chassis.runtime.settings import KafkaSettings


class Settings(KafkaSettings):
    """The settings of the statistics."""

    service = "statistics"

    metrics_port: int = Field(ge=1, le=65535, description="TCP port of /metrics.")
    statistics_instance: str = Field(
        default="",
        pattern=r"^[a-zA-Z0-9._-]*$",
        max_length=200,
        description="Its name among the processes of the statistics, each has its own; default: host name and port.",
    )

    @property
    def instance(self) -> str:
        """This process' name in Kafka: unique, and the same after a restart."""
        return f"{self.service}-{self.statistics_instance or f'{socket.gethostname()}-{self.metrics_port}'}"
