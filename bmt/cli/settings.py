"""What an operator's command takes from the environment, where it does not serve a data directory."""

from typing import ClassVar

from pydantic import Field, SecretStr

from bmt.chassis.runtime.settings import KafkaSettings, MongodbSettings, Settings


class OperatorKafka(KafkaSettings):
    """How to come into Kafka as somebody who may read every topic."""

    service: ClassVar[str] = "operator"


class OperatorMongodb(MongodbSettings):
    """How to come into MongoDB as somebody who may read and change the services' databases."""

    database_prefix: str = Field(
        default="bmt_", description="A service's database is this and the service's name."
    )


class RecordsKey(Settings):
    """How to open what the record has sealed, for who verifies it."""

    records_key: SecretStr | None = Field(
        default=None, description="As records has it: keys in base64, a line each."
    )
