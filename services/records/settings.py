"""What records must be told beyond what every service is."""

from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from bmt.chassis.settings import ServiceSettings
from services.records.sealing.master_keys import master_keys
from services.records.tree.notes import Signer


class Settings(ServiceSettings):
    """The settings of records."""

    service = "records"

    file_series: str = Field(
        default="{agency}.BMT.600-1/2",
        pattern=r"\{agency\}",
        description="What a file number begins with; {agency} becomes the agency's code.",
    )
    folios_a_volume: int = Field(
        default=100, ge=1, description="A volume (jilid) is closed once it holds so many folios."
    )
    ledger_origin: str = Field(
        default="bmt.records",
        pattern=r"^[^\s+]+$",
        max_length=200,
        description="The ledger's name in the world, which its checkpoints begin with and its keys bear.",
    )
    public_url: str = Field(
        default="",
        pattern=r"^(https?://\S+)?$",
        max_length=500,
        description="Where records is reached from outside: there its pages are, and a file's QR code leads there.",
    )
    session_key: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="Signs the cookies of the pages; needed with BMT_PUBLIC_URL.",
    )
    login_client_id: str = Field(
        default="bmt", min_length=1, description="The pages' name at the issuer."
    )
    login_client_secret: SecretStr | None = Field(
        default=None, description="The pages' password at the issuer; a public client has none."
    )

    @model_validator(mode="after")
    def _pages_have_a_key(self) -> Self:
        if self.public_url and self.session_key is None:
            raise ValueError(
                "BMT_SESSION_KEY is missing: BMT_PUBLIC_URL needs it. Signs the cookies of the pages."
                " A file may hold it: BMT_SESSION_KEY_FILE names one"
            )
        return self

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

    seal_memory_seconds: float = Field(
        default=60.0,
        gt=0,
        le=3600,
        description="How long a process goes on with a person's key that another one retired; "
        "a disposal waits twice as long.",
    )

    checkpoint_seconds: float = Field(
        default=60.0,
        gt=0,
        le=3600,
        description="A checkpoint is signed at most so long after a leaf, in seconds.",
    )
    checkpoint_leaves: int = Field(
        default=256, ge=1, description="Or once so many leaves came since the last one."
    )
