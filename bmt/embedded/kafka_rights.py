"""The topics of the embedded Kafka and who may do what with them.

A record on a topic proves its origin only because nobody else may write there: every topic has
one writer. aiokafka's admin client cannot make ACLs, but its protocol can (`CreateAcls` v1).
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from enum import IntEnum
from typing import Any, Final, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import for_code
from aiokafka.protocol.admin import CreateAclsRequest_v1
from aiokafka.protocol.api import Request

from bmt.contracts import topics

PARTITIONS: Final = 3
INTEGRATORS: Final = ("hrmis",)
STATISTICS: Final = "statistics"
OBSERVER: Final = "observer"
USERS: Final = (*topics.WRITERS.values(), STATISTICS, *INTEGRATORS, OBSERVER)
GROUPS: Final = tuple(f"bmt.{service}" for service in (*topics.WRITERS.values(), STATISTICS))
TOPICS: Final = (
    *topics.WRITERS,
    *(topics.inbound(integrator) for integrator in INTEGRATORS),
    topics.DEAD_LETTERS,
)


class Resource(IntEnum):
    """Kafka's codes of what a right is about."""

    TOPIC = 2
    GROUP = 3


class Pattern(IntEnum):
    """Kafka's codes of how a resource is named."""

    LITERAL = 3
    PREFIXED = 4


class Operation(IntEnum):
    """Kafka's codes of what is done."""

    READ = 3
    WRITE = 4
    CREATE = 5
    DELETE = 6
    DESCRIBE = 8
    DESCRIBE_CONFIGS = 10


class Permission(IntEnum):
    """Kafka's codes of the answer; a denial outweighs any allowance."""

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
        """The request as it goes over the wire."""
        return request_struct_class(self._rights)


async def establish(options: Mapping[str, Any]) -> None:
    """Make the topics that are missing and the rights; may be repeated.

    Args:
        options: of a client that comes in as the super user.
    """
    async with _administrator(options) as administrator:
        missing = set(TOPICS) - set(await administrator.list_topics())
        await administrator.create_topics([NewTopic(name, PARTITIONS, 1) for name in missing])
    await grant(options, rights())


async def grant(options: Mapping[str, Any], wanted: Iterable[Right]) -> None:
    """Add rights; those that exist already stay.

    Raises:
        aiokafka.errors.KafkaError: the broker refused one of them.
    """
    client = AIOKafkaClient(**options)
    await client.bootstrap()
    try:
        answer = await client.send(client.get_random_node(), CreateAcls(wanted))
    finally:
        await client.close()
    for code, message in answer.creation_responses:
        if code:
            raise for_code(code)(message)


def rights() -> Iterator[Right]:
    """Everything that anybody but the super user may do."""
    for topic, service in topics.WRITERS.items():
        yield from _service(service)
        yield from _write(service, topic)
    yield from _service(STATISTICS)
    for operation in Operation:
        yield _topic(STATISTICS, "bmt.statistics", operation, Pattern.PREFIXED)
    for integrator in INTEGRATORS:
        yield from _reader(integrator, (*topics.PUBLIC, topics.RECORDS))
        yield from _write(integrator, topics.inbound(integrator))
    yield from _reader(OBSERVER, (*topics.PUBLIC, topics.RECORDS, topics.DEAD_LETTERS))


def _service(user: str) -> Iterator[Right]:
    """A service hears every topic of the house, and may bury what it cannot read."""
    yield _topic(user, "bmt.", Operation.READ, Pattern.PREFIXED)
    yield _group(user, "bmt.", Pattern.PREFIXED)
    yield from _write(user, topics.DEAD_LETTERS)


def _reader(user: str, heard: Iterable[str]) -> Iterator[Right]:
    """An outsider reads some topics in a group of any name, but never in a service's group."""
    for topic in heard:
        yield _topic(user, topic, Operation.READ)
    yield _group(user, "*")
    for group in GROUPS:
        yield _group(user, group, permission=Permission.DENY)


def _write(user: str, topic: str) -> Iterator[Right]:
    yield _topic(user, topic, Operation.WRITE)


def _topic(user: str, name: str, operation: Operation, pattern: Pattern = Pattern.LITERAL) -> Right:
    resource = Resource.TOPIC
    return Right(resource, name, pattern, f"User:{user}", "*", operation, Permission.ALLOW)


def _group(
    user: str,
    name: str,
    pattern: Pattern = Pattern.LITERAL,
    permission: Permission = Permission.ALLOW,
) -> Right:
    resource = Resource.GROUP
    return Right(resource, name, pattern, f"User:{user}", "*", Operation.READ, permission)


@asynccontextmanager
async def _administrator(options: Mapping[str, Any]) -> Any:
    administrator = AIOKafkaAdminClient(**options)
    await administrator.start()
    try:
        yield administrator
    finally:
        await administrator.close()
