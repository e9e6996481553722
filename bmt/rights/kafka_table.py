"""Who may do what with Kafka, read from `deploy/kafka/acls.yaml` and checked as a whole."""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.runtime import settings
from bmt.contracts import topics

UserName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
TopicName = Annotated[str, StringConstraints(pattern=r"^bmt\.[a-z0-9.-]{1,200}$")]
Kind = Literal["service", "integrator", "observer"]

DATED: Final = {"message.timestamp.type": "LogAppendTime"}
"""The broker dates records. Otherwise it would refuse every record of a service whose clock is an hour ahead."""
MILLISECONDS_A_DAY: Final = 24 * 60 * 60 * 1000

ANSWERING: Final = topics.WRITERS[topics.REQUESTS]
"""The service that answers integrators."""

WRITTEN_BY_MANY: Final = (topics.DEAD_LETTERS,)
"""Every other topic has at most one writer."""


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Topic(_Row):
    """How a topic is created. `max_message_bytes` None: the broker's limit. `retention_days` None: for ever."""

    partitions: int = Field(default=3, ge=1, le=1000)
    max_message_bytes: int | None = Field(default=None, ge=1)
    retention_days: int | None = Field(default=30, ge=1, le=36_500)

    def config(self) -> dict[str, str]:
        kept = -1 if self.retention_days is None else self.retention_days * MILLISECONDS_A_DAY
        largest = self.max_message_bytes
        sizes = {} if largest is None else {"max.message.bytes": str(largest)}
        return {**DATED, "retention.ms": str(kept), **sizes}


class Principal(_Row):
    """What one user may do.

    Attributes:
        kind: one of our services, an outside system that submits, or a user that only reads.
        group: its own consumer group; None: any group that belongs to nobody in the table.
    """

    kind: Kind
    reads: tuple[TopicName, ...] = ()
    writes: tuple[TopicName, ...] = ()
    group: TopicName | None = None

    @model_validator(mode="after")
    def _as_its_kind_may(self) -> Self:
        if (self.kind == "service") != (self.group is not None):
            raise ValueError("a service, and nobody else, has a group of its own")
        if self.kind == "observer" and self.writes:
            raise ValueError("an observer writes nothing")
        return self


class Table(_Row):
    """Every topic and every user. What is not here is not allowed."""

    topics: Mapping[TopicName, Topic]
    principals: Mapping[UserName, Principal]

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        for name, principal in self.principals.items():
            if unknown := {*principal.reads, *principal.writes} - self.topics.keys():
                raise ValueError(f"{name} is to use {min(unknown)}, which is not among the topics")
            if principal.kind == "integrator" and principal.writes != (topics.inbound(name),):
                raise ValueError(f"{name} is to write {topics.inbound(name)} and nothing else")
            if principal.kind == "integrator" and principal.reads != (topics.outbound(name),):
                raise ValueError(f"{name} is to read {topics.outbound(name)} and nothing else")
        self._require_answers_kept_apart()
        for topic in self.topics:
            writers = [name for name, each in self.principals.items() if topic in each.writes]
            if len(writers) > 1 and topic not in WRITTEN_BY_MANY:
                raise ValueError(f"{topic} has several writers: {', '.join(writers)}")
        if len(set(self.groups)) != len(self.groups):
            raise ValueError("two services have the same group")
        self._require_names_apart()
        return self

    def _require_names_apart(self) -> None:
        """An integrator's transactions begin with its name."""
        for one in self.of_kind("integrator"):
            for other in self.principals:
                if other != one and other.startswith(one):
                    raise ValueError(f"{other} begins with {one}, who could end its transactions")

    def _require_answers_kept_apart(self) -> None:
        """Only the integrator and the observers, who read everything, may read its answers."""
        for integrator in self.of_kind("integrator"):
            answers = topics.outbound(integrator)
            for name, each in self.principals.items():
                if answers in each.reads and name != integrator and each.kind != "observer":
                    raise ValueError(f"{name} is to read {answers}, which is {integrator}'s")
            if answers not in self.principals[ANSWERING].writes:
                raise ValueError(f"{ANSWERING} is to write {answers}")

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(each.group for each in self.principals.values() if each.group is not None)

    def of_kind(self, kind: Kind) -> tuple[str, ...]:
        return tuple(name for name, each in self.principals.items() if each.kind == kind)


def acls_file() -> Path:
    """The file of Kafka's rights: BMT_ACLS_FILE, else the repository's."""
    own = os.environ.get("BMT_ACLS_FILE")
    file = Path(own) if own else Path(__file__).parents[2] / "deploy" / "kafka" / "acls.yaml"
    if not file.is_file():
        raise WrongConfiguration(f"{file} is not there: run bmt from a clone of the repository")
    return file.absolute()


@cache
def table() -> Table:
    """The table of `acls_file`. Raises `WrongConfiguration` if it cannot be used."""
    return read(acls_file())


def read(file: Path) -> Table:
    """The table in `file`; raises as `table`."""
    try:
        return Table.model_validate(settings.read_yaml(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, settings.NotYaml) as error:
        raise WrongConfiguration(f"{file} cannot be read: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'the file'}: {fault['msg']}"
            for fault in error.errors(include_url=False)
        )
        raise WrongConfiguration(f"{file} is wrong: {faults}") from None
