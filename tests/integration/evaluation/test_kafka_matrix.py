"""Every user of Kafka, every topic and group, everything that can be done: expected, and seen."""

from contextlib import asynccontextmanager, suppress
from functools import partial

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    KafkaError,
    TopicAuthorizationFailedError,
)
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.transaction import InitProducerIdRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from eventually import eventually

from bmt.rights.kafka_rights import (
    Operation,
    Pattern,
    Permission,
    Resource,
    Right,
    enforce,
    establish,
    in_force,
    rights,
    table,
)

pytestmark = pytest.mark.integration

USERS = tuple(table().principals)
TOPICS = tuple(table().topics)
UNLISTED = "payroll.v1"
EVERY_TOPIC = (*TOPICS, UNLISTED)
OUTSIDERS_GROUP = "a-group-of-an-outsider"
GROUPS = (*table().groups, OUTSIDERS_GROUP, "bmt.operators", "hrmis.follows", "observer.audits")
TOPIC_REFUSED, GROUP_REFUSED, TRANSACTION_REFUSED = 29, 30, 53
COORDINATOR_ON_ITS_WAY = (14, 15, 16)
TRANSACTIONAL_IDS = (*USERS, "hrmis-1", "hrmi", "another")

# Seen from the side of who may, not from the table: what the contract says, written out.
PUBLIC = {"bmt.requests.v1", "bmt.decisions.v1", "bmt.configurations.v1", "bmt.notifications.v1"}
RECORDS, DEAD, INBOUND = "bmt.records.v1", "bmt.dead-letters.v1", "bmt.inbound.hrmis.v1"
OUTBOUND = "bmt.outbound.hrmis.v1"
READS = {
    "intake": PUBLIC - {"bmt.requests.v1"} | {RECORDS, INBOUND, DEAD},
    "approval": {"bmt.requests.v1", DEAD},
    "provisioning": {"bmt.decisions.v1", DEAD},
    "notification": PUBLIC - {"bmt.notifications.v1"} | {DEAD},
    "records": PUBLIC | {DEAD},
    "statistics": PUBLIC - {"bmt.requests.v1"} | {RECORDS},
    "hrmis": {OUTBOUND},
    "observer": PUBLIC | {RECORDS, INBOUND, OUTBOUND, DEAD},
}
WRITES = {
    "intake": {"bmt.requests.v1", OUTBOUND, DEAD},
    "approval": {"bmt.decisions.v1", DEAD},
    "provisioning": {"bmt.configurations.v1", DEAD},
    "notification": {"bmt.notifications.v1", DEAD},
    "records": {RECORDS, DEAD},
    "statistics": set(),
    "hrmis": {INBOUND},
    "observer": set(),
}
JOINS = {user: {f"bmt.{user}"} for user in USERS} | {
    "hrmis": {OUTSIDERS_GROUP, "bmt.operators", "hrmis.follows"},
    "observer": {OUTSIDERS_GROUP, "bmt.operators", "observer.audits"},
}
TRANSACTIONS = {user: set() for user in USERS} | {"hrmis": {"hrmis", "hrmis-1"}}


@pytest.fixture(scope="module")
async def broker(embedded_broker):
    async with administrator(embedded_broker, "admin") as admin:
        made = [NewTopic(UNLISTED, 3, 1)]
        assert not any(error[1] for error in (await admin.create_topics(made)).topic_errors)
        with suppress(GroupCoordinatorNotAvailableError):
            await admin.find_coordinator("the first asks for the topic of offsets")
    return embedded_broker


@asynccontextmanager
async def administrator(broker, user):
    admin = AIOKafkaAdminClient(**broker.options(user))
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


@pytest.fixture
async def ask(broker):
    """`await ask(user, request)`: the answer of the broker itself, without a client's precautions."""
    clients = {}

    async def ask(user, request):
        if user not in clients:
            clients[user] = AIOKafkaClient(**broker.options(user))
            await clients[user].bootstrap()
        return await clients[user].send(clients[user].get_random_node(), request)

    yield ask
    for client in clients.values():
        await client.close()


def batch():
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1000)
    builder.append(0, timestamp=1, key=b"k", value=b"{}", headers=[])
    return bytes(builder.build())


async def test_topics_are_made_as_the_table_says(broker):
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in table().topics]
    async with administrator(broker, "admin") as admin:
        (answer,) = await admin.describe_configs(asked)
    made = {
        name: {config[0]: config[1] for config in configs}
        for _, _, _, name, configs in answer.resources
    }
    for name, topic in table().topics.items():
        assert {key: made[name][key] for key in topic.config()} == topic.config()


@pytest.mark.parametrize("user", USERS)
async def test_who_reads_what(ask, user):
    wanted = [(topic, [(0, 0, 1024)]) for topic in EVERY_TOPIC]
    answer = await ask(user, FetchRequest(0, 0, 1 << 20, 0, wanted))
    seen = {topic: places[0][1] for topic, places in answer.topics}
    assert {topic for topic, code in seen.items() if code == 0} == READS[user]
    assert {code for code in seen.values() if code} == {TOPIC_REFUSED}
    assert len(seen) == len(EVERY_TOPIC)


@pytest.mark.parametrize("user", USERS)
async def test_who_writes_what(ask, user):
    records = [(topic, [(0, batch())]) for topic in EVERY_TOPIC]
    answer = await ask(user, ProduceRequest(None, -1, 10_000, records))
    seen = {topic: places[0][1] for topic, places in answer.topics}
    assert {topic for topic, code in seen.items() if code == 0} == WRITES[user]
    assert {code for code in seen.values() if code} == {TOPIC_REFUSED}
    assert len(seen) == len(EVERY_TOPIC)


@pytest.mark.parametrize("user", USERS)
async def test_who_uses_which_group(ask, user):
    topic = min(READS[user])

    async def commits(group):
        commit = OffsetCommitRequest(group, -1, "", -1, [(topic, [(0, 0, "")])])
        ((_, ((_, code),)),) = (await ask(user, commit)).topics
        assert code not in COORDINATOR_ON_ITS_WAY
        return code

    seen = {group: await eventually(partial(commits, group), 30) for group in GROUPS}
    assert {group for group, code in seen.items() if code == 0} == JOINS[user]
    assert {code for code in seen.values() if code} == {GROUP_REFUSED}


@pytest.mark.parametrize("user", USERS)
async def test_who_begins_a_transaction_of_which_name(ask, user):
    """Who may is sent on to the coordinator, which need not be there."""
    seen = {
        name: (await ask(user, InitProducerIdRequest(name, 1000))).error_code
        for name in TRANSACTIONAL_IDS
    }
    refused = {name for name, code in seen.items() if code == TRANSACTION_REFUSED}
    assert set(TRANSACTIONAL_IDS) - refused == TRANSACTIONS[user]
    assert set(seen.values()) <= {0, TRANSACTION_REFUSED, *COORDINATOR_ON_ITS_WAY}


async def test_an_integrator_writes_in_a_transaction_of_its_own_name(broker):
    options = broker.options("hrmis")
    async with AIOKafkaProducer(**options, transactional_id="hrmis-transactions") as producer:
        async with producer.transaction():
            assert await producer.send_and_wait("bmt.inbound.hrmis.v1", b"{}")

        with pytest.raises(TopicAuthorizationFailedError):
            async with producer.transaction():
                await producer.send_and_wait("bmt.requests.v1", b"{}")


@pytest.mark.parametrize("user", USERS)
async def test_nobody_makes_deletes_or_alters_a_topic(broker, user):
    new = ("bmt.requests.v2", "bmt.statistics-more", "payroll.v2")
    async with administrator(broker, user) as admin:
        topics = [NewTopic(name, 1, 1) for name in new]
        created = await admin.create_topics(topics, validate_only=True)
        deleted = await admin.delete_topics(list(EVERY_TOPIC))
        altered = await admin.alter_configs(
            [
                ConfigResource(ConfigResourceType.TOPIC, topic, {"retention.ms": "1"})
                for topic in EVERY_TOPIC
            ]
        )
        for topic in EVERY_TOPIC:
            with pytest.raises(TopicAuthorizationFailedError):
                await admin.create_partitions({topic: NewPartitions(9)}, validate_only=True)

    assert {code for _, code, *_ in created.topic_errors} == {TOPIC_REFUSED}
    assert {code for _, code in deleted.topic_error_codes} == {TOPIC_REFUSED}
    assert {resource[0] for each in altered for resource in each.resources} == {TOPIC_REFUSED}


@pytest.mark.parametrize("user", USERS)
async def test_nobody_sees_or_changes_the_rights(broker, user):
    everything = Right(
        Resource.TOPIC, "*", Pattern.LITERAL, f"User:{user}", "*", Operation.WRITE, Permission.ALLOW
    )
    with pytest.raises(KafkaError, match="Cluster"):
        await in_force(broker.options(user))
    with pytest.raises(KafkaError, match="Cluster"):
        await enforce(broker.options(user), [everything], [])


async def test_a_right_that_left_the_table_is_taken_away_and_that_of_others_stays(broker):
    former = Right(
        Resource.TOPIC, "bmt.", Pattern.PREFIXED, "User:approval", "*", Operation.READ,
        Permission.ALLOW,
    )  # fmt: skip
    other = former._replace(principal="User:backup")
    given = set(rights(table()))
    await enforce(broker.options(), {*given, former, other}, [])

    await establish(broker.options())

    assert await in_force(broker.options()) == {*given, other}
