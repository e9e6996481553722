"""The topics of the embedded Kafka and who may do what with them.

A record on a topic proves its origin only because nobody else may write there: every topic has
one writer.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import for_code

from bmt.contracts import topics
from bmt.embedded.kafka_acls import Operation, Pattern, Permission, Resource, Right, grant

_LARGER: Final = {topics.DEAD_LETTERS: {"max.message.bytes": str(2 * 1024 * 1024)}}
"""A dead letter is a whole record, of the largest that a broker takes, with its reasons added."""
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


async def establish(options: Mapping[str, Any]) -> None:
    """Make the topics that are missing and the rights; may be repeated.

    Args:
        options: of a client that comes in as the super user.

    Raises:
        aiokafka.errors.KafkaError: the broker refused something.
    """
    async with _administrator(options) as administrator:
        missing = set(TOPICS) - set(await administrator.list_topics())
        wanted = [
            NewTopic(name, PARTITIONS, 1, topic_configs=_LARGER.get(name, {})) for name in missing
        ]
        answer = await administrator.create_topics(wanted)
    for name, code, *_ in answer.topic_errors:
        if code:
            raise for_code(code)(name)
    await grant(options, rights())


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
async def _administrator(options: Mapping[str, Any]) -> AsyncIterator[Any]:
    administrator = AIOKafkaAdminClient(**options)
    await administrator.start()
    try:
        yield administrator
    finally:
        await administrator.close()
