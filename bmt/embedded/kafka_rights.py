"""The topics and rights of the embedded Kafka, made as the table says (`kafka_table`).

A record on a topic proves its origin only because nobody else may write there: every topic has
one writer.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import for_code

from bmt.embedded.kafka_acls import Operation, Pattern, Permission, Resource, Right, enforce
from bmt.embedded.kafka_table import Principal, Table, table

STATISTICS: Final = "statistics"
ANY_GROUP: Final = "*"


async def establish(options: Mapping[str, Any]) -> None:
    """Make the topics that are missing, and the rights as they are now; may be repeated.

    Args:
        options: of a client that comes in as the super user.

    Raises:
        aiokafka.errors.KafkaError: the broker refused something.
        WrongConfiguration: the table cannot be used.
    """
    rules = table()
    async with _administrator(options) as administrator:
        missing = set(rules.topics) - set(await administrator.list_topics())
        answer = await administrator.create_topics([_topic_of(rules, name) for name in missing])
    for name, code, *_ in answer.topic_errors:
        if code:
            raise for_code(code)(name)
    await enforce(options, rights(rules), rules.principals)


def rights(rules: Table) -> Iterator[Right]:
    """Everything that anybody but the super user may do."""
    for user, principal in rules.principals.items():
        for topic in principal.reads:
            yield _topic(user, topic, Operation.READ)
        for topic in principal.writes:
            yield _topic(user, topic, Operation.WRITE)
        if principal.kind == "integrator":
            yield _transactions(user)
        yield from _groups(user, principal, rules)


def _groups(user: str, principal: Principal, rules: Table) -> Iterator[Right]:
    """A service has a group; outsiders use one of any name, but never that of a service or of another.

    An outsider's own begin with its name and a dot.
    """
    if principal.group is not None:
        yield _group(user, principal.group)
        return
    yield _group(user, ANY_GROUP)
    for group in rules.groups:
        yield _group(user, group, Permission.DENY)
    for other in (*rules.of_kind("integrator"), *rules.of_kind("observer")):
        if other != user:
            yield _group(user, f"{other}.", Permission.DENY, Pattern.PREFIXED)


def _topic_of(rules: Table, name: str) -> Any:
    topic = rules.topics[name]
    return NewTopic(name, topic.partitions, 1, topic_configs=topic.config())


def _topic(user: str, name: str, operation: Operation, pattern: Pattern = Pattern.LITERAL) -> Right:
    resource = Resource.TOPIC
    return Right(resource, name, pattern, f"User:{user}", "*", operation, Permission.ALLOW)


def _group(
    user: str,
    name: str,
    permission: Permission = Permission.ALLOW,
    pattern: Pattern = Pattern.LITERAL,
) -> Right:
    resource = Resource.GROUP
    return Right(resource, name, pattern, f"User:{user}", "*", Operation.READ, permission)


def _transactions(user: str) -> Right:
    """Transactional ids that begin with the user's own name: with another's it could fence that one off."""
    resource, writing = Resource.TRANSACTIONAL_ID, Operation.WRITE
    return Right(resource, user, Pattern.PREFIXED, f"User:{user}", "*", writing, Permission.ALLOW)


@asynccontextmanager
async def _administrator(options: Mapping[str, Any]) -> AsyncIterator[Any]:
    administrator = AIOKafkaAdminClient(**options)
    await administrator.start()
    try:
        yield administrator
    finally:
        await administrator.close()
