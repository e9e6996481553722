"""Who may do what with Kafka: read from `deploy/kafka/acls.yaml`, checked as a whole, and given to Kafka's users."""

import asyncio
import os
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from enum import IntEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, NamedTuple, Self

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import for_code
from aiokafka.protocol.admin import CreateAclsRequest_v1, DeleteAclsRequest_v1, DescribeAclsRequest
from aiokafka.protocol.api import Request
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
from bmt.rights.scram import set_passwords

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
        retention = -1 if self.retention_days is None else self.retention_days * MILLISECONDS_A_DAY
        largest = self.max_message_bytes
        sizes = {} if largest is None else {"max.message.bytes": str(largest)}
        return {**DATED, "retention.ms": str(retention), **sizes}


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
    """Every topic and every user; anything else is not allowed."""

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
        self._require_private_answers()
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

    def _require_private_answers(self) -> None:
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


ANY: Final = 1
EVERY_OPERATION: Final = 2
"""Kafka's code of a right to do everything. Nobody gets it here."""
SECONDS_BETWEEN_LOOKS: Final = 0.02
MOST_COPIES: Final = 3
"""Replicas of a topic that is made here: as many as there are brokers, and no more than this."""


class Resource(IntEnum):
    """Kafka's codes of what a right is about."""

    TOPIC = 2
    GROUP = 3
    TRANSACTIONAL_ID = 5


class Pattern(IntEnum):
    """Kafka's codes of how a resource is named."""

    LITERAL = 3
    PREFIXED = 4


class Operation(IntEnum):
    """Kafka's codes of the operations."""

    READ = 3
    WRITE = 4
    CREATE = 5
    DELETE = 6
    ALTER = 7
    DESCRIBE = 8
    DESCRIBE_CONFIGS = 10


class Permission(IntEnum):
    """Kafka's codes of the answer. A denial outweighs any allowance."""

    DENY = 2
    ALLOW = 3


class Right(NamedTuple):
    """One ACL, in the order of the protocol's fields."""

    resource: Resource
    name: str
    pattern: Pattern
    principal: str
    host: str
    operation: Operation
    permission: Permission


class CreateAcls(Request[CreateAclsRequest_v1]):  # type: ignore[misc]  # aiokafka has no types
    """Many rights in one request (the class of aiokafka sends one)."""

    API_KEY = CreateAclsRequest_v1.API_KEY

    def __init__(self, rights: Iterable[Right]) -> None:
        self._rights = list(rights)

    def build(self, request_struct_class: type[CreateAclsRequest_v1]) -> CreateAclsRequest_v1:
        return request_struct_class(self._rights)


class DeleteAcls(Request[DeleteAclsRequest_v1]):  # type: ignore[misc]  # aiokafka has no types
    """Many rights removed in one request."""

    API_KEY = DeleteAclsRequest_v1.API_KEY

    def __init__(self, rights: Iterable[Right]) -> None:
        self._rights = list(rights)

    def build(self, request_struct_class: type[DeleteAclsRequest_v1]) -> DeleteAclsRequest_v1:
        return request_struct_class(self._rights)


async def enforce(
    options: Mapping[str, Any],
    wanted: Iterable[Right],
    users: Collection[str],
    passwords: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Give the wanted rights, remove all others of `users`, and wait until it is so; first set the passwords given.

    Rights of other users stay as they are.

    Raises:
        aiokafka.errors.KafkaError: the broker refused one of them.
    """
    rights, principals = set(wanted), {f"User:{user}" for user in users}
    client = AIOKafkaClient(**options)
    await client.bootstrap()
    try:
        await set_passwords(client, passwords)
        given = await _in_force(client)
        await _send(client, CreateAcls, rights - given)
        await _send(client, DeleteAcls, _stale(given, rights, principals))
        while not _settled(await _in_force(client), rights, principals):  # noqa: ASYNC110  learnt late
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    finally:
        await client.close()


def _stale(given: set[Right], rights: set[Right], principals: Collection[str]) -> set[Right]:
    return {right for right in given - rights if right.principal in principals}


def _settled(given: set[Right], rights: set[Right], principals: Collection[str]) -> bool:
    return rights <= given and not _stale(given, rights, principals)


async def _send(client: Any, kind: type[CreateAcls | DeleteAcls], rights: set[Right]) -> None:
    if rights:
        answer = await client.send(client.get_random_node(), kind(rights))
        create = kind is CreateAcls
        for code, message, *_ in answer.creation_responses if create else answer.filter_responses:
            if code:
                raise for_code(code)(message)


async def in_force(options: Mapping[str, Any]) -> set[Right]:
    """Every right that the broker has. Raises `KafkaError` if it has no ACLs, or this user may not read them."""
    client = AIOKafkaClient(**options)
    try:
        await client.bootstrap()
        return await _in_force(client)
    finally:
        await client.close()


async def _in_force(client: Any) -> set[Right]:
    anything = DescribeAclsRequest(ANY, None, ANY, None, None, ANY, ANY)
    answer = await client.send(client.get_random_node(), anything)
    if answer.error_code:
        raise for_code(answer.error_code)(answer.error_message)
    return {
        Right(resource, name, pattern, *rest)
        for resource, name, pattern, acls in answer.resources
        for rest in acls
    }


# A record on a topic proves its origin only because every topic has one writer.

STATISTICS: Final = "statistics"
ANY_GROUP: Final = "*"


async def establish(
    options: Mapping[str, Any], passwords: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Create the missing topics, set the rights and the passwords that are given, as the super user. It may be repeated.

    Raises:
        aiokafka.errors.KafkaError: the broker refused something.
        WrongConfiguration: the table cannot be used.
    """
    rules = table()
    async with _administrator(options) as administrator:
        missing = set(rules.topics) - set(await administrator.list_topics())
        brokers = (await administrator.describe_cluster())["brokers"]
        copies = min(MOST_COPIES, len(brokers))
        answer = await administrator.create_topics(
            [_topic_of(rules, name, copies) for name in missing]
        )
    for name, code, *_ in answer.topic_errors:
        if code:
            raise for_code(code)(name)
    known = {user: password for user, password in passwords.items() if user in rules.principals}
    await enforce(options, rights(rules), rules.principals, known)


def rights(rules: Table) -> Iterator[Right]:
    """Everything that the users besides the super user may do."""
    for user, principal in rules.principals.items():
        for topic in principal.reads:
            yield _right(user, Resource.TOPIC, topic)
        for topic in principal.writes:
            yield _right(user, Resource.TOPIC, topic, Operation.WRITE)
        if principal.kind == "integrator":
            # Ids that begin with the user's own name: with another's it could fence that user off.
            own = Pattern.PREFIXED
            yield _right(user, Resource.TRANSACTIONAL_ID, user, Operation.WRITE, pattern=own)
        yield from _groups(user, principal, rules)


def _groups(user: str, principal: Principal, rules: Table) -> Iterator[Right]:
    """A service has one group. Outsiders use any name, but never that of a service or of another outsider.

    An outsider's own begin with its name and a dot.
    """
    if principal.group is not None:
        yield _right(user, Resource.GROUP, principal.group)
        return
    yield _right(user, Resource.GROUP, ANY_GROUP)
    for group in rules.groups:
        yield _right(user, Resource.GROUP, group, permission=Permission.DENY)
    for other in (*rules.of_kind("integrator"), *rules.of_kind("observer")):
        if other != user:
            prefix, deny = Pattern.PREFIXED, Permission.DENY
            yield _right(user, Resource.GROUP, f"{other}.", permission=deny, pattern=prefix)


def _topic_of(rules: Table, name: str, copies: int) -> Any:
    topic = rules.topics[name]
    return NewTopic(name, topic.partitions, copies, topic_configs=topic.config())


def _right(
    user: str,
    resource: Resource,
    name: str,
    operation: Operation = Operation.READ,
    *,
    permission: Permission = Permission.ALLOW,
    pattern: Pattern = Pattern.LITERAL,
) -> Right:
    return Right(resource, name, pattern, f"User:{user}", "*", operation, permission)


@asynccontextmanager
async def _administrator(options: Mapping[str, Any]) -> AsyncIterator[Any]:
    administrator = AIOKafkaAdminClient(**options)
    await administrator.start()
    try:
        yield administrator
    finally:
        await administrator.close()
