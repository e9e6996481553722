"""What an operator's command takes from the environment, where it does not serve a data directory."""

from typing import ClassVar

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from bmt.chassis.settings import KafkaSettings


class OperatorKafka(KafkaSettings):
    """How to come into Kafka as somebody who may read every topic."""

    service: ClassVar[str] = "operator"


class OperatorMongodb(BaseSettings):
    """How to come into MongoDB as somebody who may read and change the services' databases."""

    model_config = SettingsConfigDict(
        env_prefix="BMT_", env_ignore_empty=True, frozen=True, hide_input_in_errors=True
    )

    mongodb_uri: SecretStr = Field(description="Of a replica set; holds the operator's password.")
    database_prefix: str = Field(
        default="bmt_", description="A service's database is this and the service's name."
    )
