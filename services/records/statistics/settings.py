"""What the statistics must be told."""

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
