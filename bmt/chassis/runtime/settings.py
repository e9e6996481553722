"""The settings that all processes share, from environment variables that begin with `BMT_`; and the files of operators.

A secret may stand in a file: `BMT_MONGODB_URI_FILE=/run/secrets/uri` in the place of `BMT_MONGODB_URI`. A file can be given to
one process alone, and does not appear in lists of processes or containers.

YAML is read by the rules of YAML 1.2 (core schema): one meaning or none. `on`, `off`, `yes` and `no` are words, `0123` is
123, and `12:30`, `1_000` and `2026-11-28` are text. A caller that needs a day parses it. YAML 1.1 reads each of them
otherwise.
"""

import ssl
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal, Self, TypeVar, get_args
from urllib.parse import parse_qs

import yaml
from pydantic import Field, IPvAnyNetwork, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)
from yamlcore import CoreLoader

from bmt.chassis.errors import WrongConfiguration


@cache
def machines_tls() -> ssl.SSLContext:
    """For HTTPS clients: trusts the machine's authorities. Reading them takes 25 ms, so once a process."""
    return ssl.create_default_context()


def tls_context(
    variables: str, authorities: Path | None, certificate: Path | None
) -> ssl.SSLContext:
    """Trusts `authorities` (by default the machine's), and presents `certificate` with its key.

    Each call makes a new context: an HTTPS client sets its own protocols in the context it gets.

    Raises:
        ValueError: a file cannot be used. The text names its variable, for example `{variables}_CA_FILE`.
    """
    try:
        made = ssl.create_default_context(cafile=authorities)
    except OSError as error:
        raise ValueError(_unusable(f"{variables}_CA_FILE", authorities, error)) from None
    if certificate is not None:
        try:
            made.load_cert_chain(certificate, password="")
        except OSError as error:
            raise ValueError(
                _unusable(f"{variables}_CERTIFICATE_FILE", certificate, error)
            ) from None
    return made


def _unusable(variable: str, file: Path | None, error: OSError) -> str:
    """An `SSLError` is an `OSError`, too."""
    why = getattr(error, "reason", None) or error.strerror
    return f"{variable} is wrong: {file} cannot be used: {why}"


class _Outside: ...


OUTSIDE: Final = _Outside()


@dataclass(frozen=True)
class SetBy:
    """Who sets a variable, where it is not the operator of an agency: marks it for docs/settings.md."""

    whom: str


EVALUATION: Final = SetBy("evaluation")
TESTS: Final = SetBy("tests")
AGENCY_AND_EVALUATION: Final = SetBy("agency, evaluation")
AGENCY_AND_TESTS: Final = SetBy("agency, tests")


def without_tls(settings: BaseSettings) -> Iterator[str]:
    """The variables, among those marked `OUTSIDE`, whose address begins with http://."""
    for name, field in type(settings).model_fields.items():
        if OUTSIDE in field.metadata and str(getattr(settings, name)).startswith("http://"):
            yield f"BMT_{name.upper()}"


LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["json", "logfmt"]
SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]

WRONG_CONFIGURATION = 2
"""The exit code for wrong use or configuration."""


class Settings(BaseSettings):
    """Variables that begin with `BMT_`.

    An empty variable counts as not set. Secrets have no default, are never shown, and may come from a
    file that the variable with `_FILE` at its end names.
    """

    model_config = SettingsConfigDict(
        env_prefix="BMT_", env_ignore_empty=True, frozen=True, hide_input_in_errors=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, SecretFiles(settings_cls), env_settings


class ProcessSettings(Settings):
    """The settings of every process."""

    service: ClassVar[str]
    """The process's name, as its users, its consumer group and its metrics know it."""

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    log_level: LogLevel = Field(default="info", description="From which level on it logs.")
    log_format: LogFormat = Field(
        default="json", description="How a line of the log is written: a JSON object, or key=value."
    )

    def not_encrypted(self) -> Sequence[str]:
        """The variables whose connection is not encrypted."""
        return list(without_tls(self))


class KafkaSettings(ProcessSettings):
    """The settings of every process that consumes Kafka, a service or not."""

    kafka_bootstrap_servers: str = Field(description="host:port of brokers, comma-separated.")
    kafka_security_protocol: SecurityProtocol = Field(
        default="PLAINTEXT",
        description="With SSL at its end: over TLS; SASL_ before it: with a login.",
    )
    kafka_sasl_mechanism: SaslMechanism | None = Field(
        default=None, description="Needed when the protocol begins with SASL_."
    )
    kafka_username: str | None = Field(default=None, description="As BMT_KAFKA_SASL_MECHANISM.")
    kafka_password: SecretStr | None = Field(
        default=None, description="As BMT_KAFKA_SASL_MECHANISM."
    )
    kafka_ca_file: Path | None = Field(
        default=None,
        description="PEM file of the authorities that Kafka's certificate is trusted from; default: the system's.",
    )
    kafka_certificate_file: Path | None = Field(
        default=None,
        description="PEM file of our own certificate and its key, where Kafka asks for one.",
    )
    topic_prefix: Annotated[str, TESTS] = Field(
        default="", description="Put before each topic and group; separates systems on one broker."
    )

    @model_validator(mode="after")
    def _credentials_for_sasl(self) -> Self:
        if self.kafka_security_protocol.startswith("SASL_"):
            for name in ("kafka_sasl_mechanism", "kafka_username", "kafka_password"):
                if getattr(self, name) is None:
                    raise ValueError(
                        f"BMT_{name.upper()} is missing: "
                        f"BMT_KAFKA_SECURITY_PROTOCOL={self.kafka_security_protocol} needs it"
                    )
        return self

    @model_validator(mode="after")
    def _files_for_tls(self) -> Self:
        if self.kafka_security_protocol.endswith("SSL"):
            self._kafka_tls()
        elif self.kafka_ca_file or self.kafka_certificate_file:
            raise ValueError(
                "BMT_KAFKA_CA_FILE and BMT_KAFKA_CERTIFICATE_FILE are for TLS:"
                f" BMT_KAFKA_SECURITY_PROTOCOL={self.kafka_security_protocol} has none"
            )
        return self

    def _kafka_tls(self) -> ssl.SSLContext:
        return tls_context("BMT_KAFKA", self.kafka_ca_file, self.kafka_certificate_file)

    def not_encrypted(self) -> Sequence[str]:
        encrypted = self.kafka_security_protocol.endswith("SSL")
        kafka = [] if encrypted else ["BMT_KAFKA_SECURITY_PROTOCOL"]
        return [*super().not_encrypted(), *kafka]

    def kafka_client_options(self) -> dict[str, Any]:
        options: dict[str, Any] = {
            "bootstrap_servers": self.kafka_bootstrap_servers,
            "client_id": f"bmt-{self.service}",
            "security_protocol": self.kafka_security_protocol,
        }
        if self.kafka_security_protocol.endswith("SSL"):
            options["ssl_context"] = self._kafka_tls()
        if self.kafka_password is not None and self.kafka_sasl_mechanism is not None:
            options |= {
                "sasl_mechanism": self.kafka_sasl_mechanism,
                "sasl_plain_username": self.kafka_username,
                "sasl_plain_password": self.kafka_password.get_secret_value(),
            }
        return options


class MongodbSettings(Settings):
    """How to connect to MongoDB."""

    mongodb_uri: SecretStr = Field(description="Of a replica set; holds the user's password.")
    mongodb_ca_file: Path | None = Field(
        default=None,
        description="PEM file of the authorities that MongoDB's certificate is trusted from; with it, TLS is used.",
    )
    mongodb_certificate_file: Path | None = Field(
        default=None,
        description="PEM file of our own certificate and its key, where MongoDB asks for one; as BMT_MONGODB_CA_FILE.",
    )
    database_prefix: Annotated[str, TESTS] = Field(
        default="bmt_",
        description="Put before the name of each database; separates systems on one MongoDB.",
    )

    @model_validator(mode="after")
    def _mongodb_is_who_it_says(self) -> Self:
        for option in ("tlsInsecure", "tlsAllowInvalidCertificates", "tlsAllowInvalidHostnames"):
            if self._mongodb_options().get(option.lower(), "false") != "false":
                raise ValueError(
                    f"BMT_MONGODB_URI is wrong: with {option} anybody can stand in for MongoDB."
                    " BMT_MONGODB_CA_FILE names the authorities that its certificate is trusted from"
                )
        return self

    @model_validator(mode="after")
    def _mongodb_files_can_be_used(self) -> Self:
        if self.mongodb_ca_file or self.mongodb_certificate_file:
            tls_context("BMT_MONGODB", self.mongodb_ca_file, self.mongodb_certificate_file)
        return self

    def mongodb_tls(self) -> dict[str, Any]:
        """The driver's TLS options beyond the address."""
        files = {
            "tlsCAFile": self.mongodb_ca_file,
            "tlsCertificateKeyFile": self.mongodb_certificate_file,
        }
        given = {option: str(file) for option, file in files.items() if file}
        return {"tls": True, **given} if given else {}

    def mongodb_encrypted(self) -> bool:
        options = self._mongodb_options()
        uri = self.mongodb_uri.get_secret_value()
        by_itself = "true" if uri.startswith("mongodb+srv:") else "false"
        return (
            bool(self.mongodb_tls()) or options.get("tls", options.get("ssl", by_itself)) == "true"
        )

    def _mongodb_options(self) -> dict[str, str]:
        """The address's options, by their names in lower case, as the driver reads them."""
        query = self.mongodb_uri.get_secret_value().partition("?")[2]
        return {name.lower(): values[-1].lower() for name, values in parse_qs(query).items()}


class HttpSettings(ProcessSettings):
    """The settings of every process that answers HTTP calls with tokens of the issuer."""

    port: int = Field(ge=1, le=65535, description="TCP port to listen on.")
    shared_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="A further TCP port, which replicas on one machine listen on together: the kernel gives each new connection to one of them (SO_REUSEPORT).",
    )
    issuer: Annotated[str, OUTSIDE] = Field(
        pattern=r"^https?://\S+$",
        description="URL of the OIDC issuer, exactly as in the tokens' `iss`.",
    )
    allow_http: Annotated[bool, EVALUATION] = Field(
        default=False,
        description="Lets addresses outside begin with http://: for an evaluation on one machine, never in production.",
    )
    audience: str = Field(
        default="bmt-api",
        min_length=1,
        description="What the tokens' `aud` must hold: the API's name at the issuer, and no client's.",
    )
    audience_before: str = Field(
        default="",
        description="What `aud` may hold in its place while an issuer is changed over; empty: nothing.",
    )
    require_at_jwt: bool = Field(
        default=False,
        description="Whether tokens must be of the type at+jwt (RFC 9068), where the issuer says so.",
    )
    calls_per_second: Annotated[float, AGENCY_AND_TESTS] = Field(
        default=1000.0,
        ge=0,
        le=1_000_000,
        description="How many calls one caller may make a second, at each process; 0: any number.",
    )
    client_address_header: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9-]*$",
        max_length=100,
        description="The header that a gateway writes the client's address into, such as X-Forwarded-For; empty: the peer's counts.",
    )
    trusted_proxies: tuple[IPvAnyNetwork, ...] = Field(
        default=(),
        description="JSON list of our gateways' addresses and networks; empty: whoever reaches the process is the one gateway.",
    )
    agencies_file: Path = Field(description="YAML file of the agencies' rules.")
    otlp_endpoint: str = Field(
        default="",
        pattern=r"^(https?://[^\s?#@]+)?$",
        max_length=500,
        description="OpenTelemetry collector that gets spans by OTLP/HTTP, such as http://127.0.0.1:4318; empty: there are no spans.",
    )

    @model_validator(mode="after")
    def _outside_is_encrypted(self) -> Self:
        if not self.allow_http and (names := list(without_tls(self))):
            raise ValueError(
                "\n".join(
                    f"{name} is wrong: http:// is not encrypted. https:// it must be, or"
                    " BMT_ALLOW_HTTP=true where this is an evaluation"
                    for name in names
                )
            )
        return self

    def not_encrypted(self) -> Sequence[str]:
        spans = ["BMT_OTLP_ENDPOINT"] if self.otlp_endpoint.startswith("http://") else []
        return [*super().not_encrypted(), *spans]


class DatabaseSettings(HttpSettings, MongodbSettings):
    """The settings of such a process with a database of its own."""

    @property
    def database(self) -> str:
        return f"{self.database_prefix}{self.service}"

    def not_encrypted(self) -> Sequence[str]:
        mongodb = [] if self.mongodb_encrypted() else ["BMT_MONGODB_URI"]
        return [*super().not_encrypted(), *mongodb]


class ServiceSettings(DatabaseSettings, KafkaSettings):
    """The settings of every service. A subclass names its `service` and adds its own variables."""

    web_url: Annotated[str, OUTSIDE] = Field(
        default="",
        pattern=r"^(https?://\S+)?$",
        max_length=500,
        description="Where browsers reach the pages: notices and reminders link there, and the service's former pages lead there.",
    )

    @property
    def documents_database(self) -> str:
        """Of the documents that all services read."""
        return f"{self.database_prefix}documents"


S = TypeVar("S", bound=BaseSettings)


def load(settings_class: type[S]) -> S:
    """The settings of the environment. If some are missing or wrong, print each with its reason and exit with 2."""
    try:
        return read(settings_class)
    except WrongSettings as error:
        sys.stderr.write("".join(f"{line}\n" for line in error.lines))
        sys.exit(WRONG_CONFIGURATION)


class WrongSettings(WrongConfiguration):
    """Settings are missing or wrong: a line each, which names the variable and never its value's secret."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


def read(settings_class: type[S]) -> S:
    """The settings of the environment. Raises `WrongSettings`."""
    try:
        return settings_class()
    except ValidationError as error:
        lines = [_line(fault, settings_class) for fault in error.errors(include_input=False)]
    except SettingsError as error:
        if isinstance(error.__cause__, SecretFileWrong):
            lines = [str(error.__cause__)]
        else:  # a variable that should hold JSON does not
            field = str(error).partition('"')[2].partition('"')[0]
            lines = [f"BMT_{field.upper()} is wrong: it is not JSON"]
    raise WrongSettings(lines)


def _line(fault: ErrorDetails, settings_class: type[BaseSettings]) -> str:
    message = fault["msg"].removeprefix("Value error, ")
    if not fault["loc"]:
        return message
    field = str(fault["loc"][0])
    about = settings_class.model_fields[field].description or ""
    if is_secret(settings_class.model_fields[field]):
        about += f" A file may hold it: BMT_{field.upper()}{SUFFIX} names one."
    if fault["type"] == "missing":
        return f"BMT_{field.upper()} is missing: {about}"
    return f"BMT_{field.upper()} is wrong: {message}. {about}".rstrip()


SUFFIX: Final = "_FILE"
MOST_BYTES: Final = 64 * 1024


class SecretFileWrong(Exception):  # noqa: N818  named for what is so
    """A variable names a file that cannot be used. The text names the file, never its content."""


class SecretFiles(EnvSettingsSource):
    """A source of settings: for each secret, the file that its variable with `_FILE` names."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The secret of one field, if a file is named for it. Raises `SecretFileWrong` if that fails."""
        if not is_secret(field):
            return None, field_name, False
        name = f"{self.env_prefix}{field_name}".upper()
        path = self._given(name + SUFFIX)
        if not path:
            return None, field_name, False
        if self._given(name):
            raise SecretFileWrong(f"{name} is wrong: {name}{SUFFIX} gives it, too")
        return _read(name + SUFFIX, Path(path)), field_name, False

    def _given(self, name: str) -> str:
        return self.env_vars.get(name.lower()) or ""


def is_secret(field: FieldInfo) -> bool:
    """Whether a field holds a secret, required or not."""
    return SecretStr in (field.annotation, *get_args(field.annotation))


def _read(name: str, path: Path) -> str:
    """The text without the line break that an editor leaves at its end."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        text = content.decode().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SecretFileWrong(f"{name} is wrong: {path} cannot be read: {why}") from None
    if not text or len(content) > MOST_BYTES:
        raise SecretFileWrong(f"{name} is wrong: {path} is empty or too large")
    return text


class NotYaml(ValueError):  # noqa: N818  named for what is so
    """The text is not valid YAML, or has more than one meaning.

    `line` counts from 1; 0 if it is unknown. The message may quote the text.
    """

    def __init__(self, why: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {why}" if line else why)
        self.line = line


class KeyTwice(NotYaml):
    """A key occurs twice in one mapping. The text gives the key and both lines, but no value."""


def read_yaml(text: str) -> Any:
    """The value of a text. Raises `NotYaml`, or `KeyTwice`."""
    try:
        return yaml.load(text, _YamlLoader)  # noqa: S506  it makes plain values alone
    except RecursionError:
        raise NotYaml("it is nested too deeply") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        why = " ".join(str(error.problem or error.context).split())
        raise NotYaml(why, mark.line + 1 if mark else 0) from None
    except yaml.YAMLError as error:
        raise NotYaml(" ".join(str(error).split())) from None


class _YamlLoader(CoreLoader):  # type: ignore[misc]  # yamlcore has no types
    """Names the repeated key, which yamlcore does not."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002  as PyYAML calls it
        seen: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            line = key.start_mark.line + 1
            if key.value in seen:
                raise KeyTwice(
                    f"{key.value} stands there twice, first in line {seen[key.value]}", line
                )
            seen[key.value] = line
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found
