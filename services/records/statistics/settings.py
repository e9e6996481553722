"""What the statistics must be told."""

import socket
import tempfile
from pathlib import Path

from pydantic import Field

from bmt.chassis.settings import KafkaSettings


class Settings(KafkaSettings):
    """The settings of the statistics."""

    service = "statistics"

    metrics_port: int = Field(ge=1, le=65535, description="TCP port of /metrics.")
    statistics_folder: Path = Field(
        default=Path(tempfile.gettempdir()) / "bmt-statistics",
        description="Where Faust may keep files; nothing of worth is there.",
    )
    statistics_instance: str = Field(
        default="",
        pattern=r"^[a-zA-Z0-9._-]*$",
        max_length=200,
        description="Its name among the processes of the statistics, each has its own; default: host name and port.",
    )
    statistics_partitions: int = Field(
        default=3, ge=1, le=1000, description="How many partitions each topic has that they hear."
    )
    statistics_replication_factor: int = Field(
        default=1,
        ge=1,
        le=100,
        description="On how many brokers the topics are kept that the statistics make for themselves.",
    )

    @property
    def instance(self) -> str:
        """What Kafka knows this process by: the same after a restart, and no other process has it.

        With other partitions it is somebody else: to who comes back Kafka gives what he had.
        """
        own = self.statistics_instance or f"{socket.gethostname()}-{self.metrics_port}"
        return f"{self.service}-{own}-{self.statistics_partitions}"
