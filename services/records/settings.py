"""The settings of records, beyond those of every service."""

from typing import Annotated

from pydantic import Field, SecretStr, field_validator

from bmt.chassis.runtime.settings import AGENCY_AND_EVALUATION, EVALUATION, ServiceSettings
from services.records.sealing.keys import master_keys
from services.records.tree.checkpoints import Signer


class Settings(ServiceSettings):
    """The settings of records."""

    service = "records"

    file_series: str = Field(
        default="{agency}.BMT.600-1/2",
        pattern=r"\{agency\}",
        description="What a file number begins with; {agency} becomes the agency's code.",
    )
    ledger_origin: str = Field(
        default="bmt.records",
        pattern=r"^[^\s+]+$",
        max_length=200,
        description="The ledger's name in the world, which its checkpoints begin with and its keys bear.",
    )
    ledger_keys: SecretStr = Field(
        description="Ed25519 private keys (PKCS#8, PEM), one after the other: all of them sign."
    )

    @field_validator("ledger_keys")
    @classmethod
    def _keys_can_sign(cls, keys: SecretStr) -> SecretStr:
        Signer.from_pem("", keys.get_secret_value())
        return keys

    records_key: SecretStr = Field(
        description="Keys of 32 bytes in base64, a line each, which the people's keys are kept under; "
        "the first is for what is new."
    )

    @field_validator("records_key")
    @classmethod
    def _keys_can_wrap(cls, keys: SecretStr) -> SecretStr:
        master_keys(keys.get_secret_value())
        return keys

    seal_memory_seconds: Annotated[float, EVALUATION] = Field(
        default=60.0,
        gt=0,
        le=3600,
        description="How long a process goes on with a person's key that another one retired; "
        "a disposal waits twice as long.",
    )

    checkpoint_seconds: Annotated[float, AGENCY_AND_EVALUATION] = Field(
        default=60.0,
        gt=0,
        le=3600,
        description="A checkpoint is signed at most so long after a leaf, and after 256 leaves.",
    )
