"""The settings of the statistics."""

import socket

from pydantic import Field

from bmt.chassis.runtime.settings import KafkaSettings


class Settings(KafkaSettings):
    """The settings of the statistics."""

    service = "statistics"

    port: int = Field(ge=1, le=65535, description="TCP port of /metrics.")

    @property
    def instance(self) -> str:
        """This process' name in Kafka: unique, and the same after a restart on the same host and port."""
        return f"{self.service}-{socket.gethostname()}-{self.port}"
