"""The environment variables of the operator's commands, if they do not use a data directory."""

from typing import ClassVar

from pydantic import Field, SecretStr

from bmt.chassis.runtime.settings import KafkaSettings, MongodbSettings, Settings


class OperatorKafka(KafkaSettings):
    """Access to Kafka for a user who may read every topic."""

    service: ClassVar[str] = "operator"


class OperatorMongodb(MongodbSettings):
    """Access to MongoDB for a user who may change the services' databases."""

    database_prefix: str = Field(
        default="bmt_", description="A service's database is this and the service's name."
    )


class RecordsKey(Settings):
    """The key that opens sealed records, for verification."""

    records_key: SecretStr | None = Field(
        default=None, description="As records has it: keys in base64, a line each."
    )
