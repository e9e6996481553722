"""deploy/kafka/acls.yaml: the one table of who may do what with Kafka, and what is made of it."""

import importlib
import runpy

import pytest
import yaml

from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.eventsourcing.event_store import type_of
from bmt.chassis.http.routes import JSON_BODY_BYTES
from bmt.contracts import topics
from bmt.rights.kafka_rights import (
    Operation,
    Pattern,
    Permission,
    Resource,
    Right,
    read,
    rights,
    table,
)
from evaluation.layout import REPOSITORY
from services.records.statistics.main import READ

FOLDER = REPOSITORY / "deploy" / "kubernetes" / "kafka"
CODES = {
    "allow": Permission.ALLOW,
    "deny": Permission.DENY,
    "topic": Resource.TOPIC,
    "group": Resource.GROUP,
    "transactionalId": Resource.TRANSACTIONAL_ID,
    "literal": Pattern.LITERAL,
    "prefix": Pattern.PREFIXED,
    "Read": Operation.READ,
    "Write": Operation.WRITE,
    "Create": Operation.CREATE,
    "DescribeConfigs": Operation.DESCRIBE_CONFIGS,
}
OUTBOUND = {topics.outbound(name) for name in table().of_kind("integrator")}
INBOUND = {
    topic for name in table().of_kind("integrator") for topic in table().principals[name].writes
}


def heard_by(service):
    """The topics that a service receives to, by its own `main`."""
    main = importlib.import_module(f"services.{service}.main")
    if consumed := getattr(main, "TOPICS", None):
        return {*consumed, *(INBOUND if service == "intake" else ())}
    handled = {type_of(event) for event in main.TABLE}
    return {t for t in topics.PUBLIC if handled & {type_of(event) for event in topics.EVENTS[t]}}


@pytest.mark.parametrize("service", topics.WRITERS.values())
def test_a_service_reads_what_it_subscribes_to_and_writes_its_topic_and_dead_letters(service):
    principal = table().principals[service]
    own = {topic for topic, writer in topics.WRITERS.items() if writer == service}
    assert set(principal.reads) == heard_by(service) | {topics.DEAD_LETTERS}
    answers = OUTBOUND if service == "intake" else set()
    assert set(principal.writes) == own | answers | {topics.DEAD_LETTERS}
    assert principal.group == f"bmt.{service}"


def test_the_largest_value_fits_into_an_inbound_topic_and_what_fits_there_into_a_dead_letter():
    for name in INBOUND:
        assert table().topics[name].max_message_bytes > JSON_BODY_BYTES + 4096
        assert (
            table().topics[name].max_message_bytes + 65536
            < table().topics[topics.DEAD_LETTERS].max_message_bytes
        )


def test_topics_tell_for_30_days_and_dead_letters_for_ever():
    kept = {name: topic.config()["retention.ms"] for name, topic in table().topics.items()}
    assert kept.pop(topics.DEAD_LETTERS) == "-1"
    assert set(kept.values()) == {str(30 * 24 * 60 * 60 * 1000)}


def test_the_statistics_read_the_milestones_and_write_nothing():
    statistics = table().principals["statistics"]
    assert set(statistics.reads) == set(READ)
    assert statistics.writes == ()


def test_every_topic_of_the_contract_is_there_and_no_other():
    assert set(table().topics) == {*topics.WRITERS, topics.DEAD_LETTERS, *INBOUND, *OUTBOUND}


def test_an_integrator_reads_its_answers_and_an_observer_everything():
    assert table().principals["hrmis"].reads == (topics.outbound("hrmis"),)
    assert set(table().principals["observer"].reads) == set(table().topics)


def test_nobody_else_reads_the_answers_to_an_integrator():
    readers = {
        name for name, each in table().principals.items() if topics.outbound("hrmis") in each.reads
    }
    assert readers == {"hrmis", "observer"}


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ("group: bmt.intake", "group: bmt.approval", "same group"),
        ("writes: [bmt.inbound.hrmis.v1]", "writes: [bmt.requests.v1]", "bmt.inbound.hrmis.v1"),
        ("reads: [bmt.outbound.hrmis.v1]", "reads: [bmt.requests.v1]", "bmt.outbound.hrmis.v1"),
        ("bmt.requests.v1, bmt.outbound.hrmis.v1,", "bmt.requests.v1,", "intake is to write"),
        ("reads: [bmt.decisions.v1, b", "reads: [bmt.outbound.hrmis.v1, b", "which is hrmis's"),
        ("writes: [bmt.records.v1,", "writes: [bmt.requests.v1,", "several writers"),
        ("reads: [bmt.requests.v1, b", "reads: [bmt.request.v1, b", "not among the topics"),
        ("kind: observer", "kind: observer\n    writes: [bmt.dead-letters.v1]", "writes nothing"),
        ("kind: observer", "kind: spectator", "kind"),
        ("kind: observer", "kind: observer\n    admin: true", "admin"),
        ("  observer:", "  the observer:", "principals"),
        ("  observer:", "  hrmis-observer:", "could end its transactions"),
        ("topics:", "topics: [", "cannot be read"),
    ],
)
def test_a_table_that_does_not_hang_together_is_refused_with_the_reason(tmp_path, old, new, wrong):
    file = tmp_path / "acls.yaml"
    text = (REPOSITORY / "deploy" / "kafka" / "acls.yaml").read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    with pytest.raises(WrongConfiguration, match=wrong):
        read(file)


def test_the_manifests_for_kubernetes_are_what_the_table_says():
    written = runpy.run_path(str(FOLDER / "manifests.py"))["texts"]()
    stale = [path.name for path, text in written.items() if path.read_text() != text]
    assert stale == [], "run python deploy/kubernetes/kafka/manifests.py"


def manifests(name):
    return list(yaml.safe_load_all((FOLDER / name).read_text()))


def test_strimzi_gives_every_user_the_rights_that_the_embedded_broker_gives():
    given = [
        Right(
            CODES[acl["resource"]["type"]],
            acl["resource"]["name"],
            CODES[acl["resource"]["patternType"]],
            f"User:{user['metadata']['name']}",
            acl["host"],
            CODES[operation],
            CODES[acl["type"]],
        )
        for user in manifests("users.yaml")
        for acl in user["spec"]["authorization"]["acls"]
        for operation in acl["operations"]
    ]
    assert sorted(given) == sorted(rights(table()))


def test_strimzi_makes_the_topics_and_users_of_one_cluster_with_scram():
    users, made = manifests("users.yaml"), manifests("topics.yaml")
    assert [user["metadata"]["name"] for user in users] == list(table().principals)
    assert [topic["metadata"]["name"] for topic in made] == list(table().topics)
    for user in users:
        assert user["kind"] == "KafkaUser"
        assert user["spec"].keys() == {"authentication", "authorization"}
        assert user["spec"]["authentication"]["type"] == "scram-sha-512"
        assert user["spec"]["authorization"]["type"] == "simple"
    for topic in made:
        assert topic["kind"] == "KafkaTopic"
        assert topic["spec"].keys() == {"partitions", "replicas", "config"}
        assert topic["spec"]["replicas"] > topic["spec"]["config"]["min.insync.replicas"] > 1
    for document in users + made:
        assert document["apiVersion"] == "kafka.strimzi.io/v1"
        assert document["metadata"]["labels"]["strimzi.io/cluster"] == "bmt"
