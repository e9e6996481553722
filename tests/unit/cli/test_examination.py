"""How `bmt doctor` judges what it finds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import api_documents as api
import pytest

from bmt.chassis.runtime.service import ServiceBuilder
from bmt.cli import examination
from bmt.cli.examination import Finding, SeenTopic, document, expected_indexes, lines
from bmt.contracts import topics
from bmt.rights import mongodb_rights
from bmt.rights.kafka_rights import Operation, Topic, rights, table

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def seconds(number):
    return timedelta(seconds=number)


def test_what_is_wrong_is_told_with_what_to_do_about_it():
    found = [
        Finding("disk", "/data", "ok", "80.0 GiB free"),
        Finding("secrets", "/data/key", "wrong", "others may read it", "chmod 600 /data/key"),
    ]
    assert lines(found) == [
        "ok       disk: /data: 80.0 GiB free",
        "WRONG    secrets: /data/key: others may read it",
        "         → chmod 600 /data/key",
        "2 checks: 1 wrong, 0 warnings",
    ]
    assert not document(found)["ok"]
    assert document(found)["checks"][1]["advice"] == "chmod 600 /data/key"
    assert document(found[:1])["ok"]


def test_no_secret_is_shown_whatever_quotes_it():
    quoted = Finding(
        "mongodb", "a", "wrong", "bad address mongodb://x:hunter22@h", "hunter22\x1b[2J"
    )
    shown = examination.without_secrets(quoted, {"hunter22", "", "a"})
    assert (shown.detail, shown.about) == ("bad address mongodb://x:…@h", "a")
    assert shown.advice.startswith("…")
    assert "\x1b" not in shown.advice


@pytest.mark.parametrize(
    ("apart", "state"), [(0, "ok"), (2, "ok"), (-2, "ok"), (3, "warning"), (-3, "warning")]
)
def test_clocks_more_than_two_seconds_apart_are_a_warning(apart, state):
    found = examination.clock("mongodb", seconds(apart))
    assert found.state == state
    if state == "warning":
        assert found.detail == f"3.0 s {'ahead of' if apart > 0 else 'behind'} ours"


@pytest.mark.parametrize(
    ("said", "state"),
    [(0, "ok"), (-2, "ok"), (-4, "ok"), (-5, "warning"), (2, "ok"), (3, "warning")],
)
def test_a_services_date_is_whole_seconds_and_may_be_a_second_old(said, state):
    assert examination.service_clock("intake", NOW + seconds(said), NOW, NOW).state == state


@pytest.mark.parametrize(
    ("newest", "state"),
    [
        ([], "ok"),
        ([(NOW, NOW)], "ok"),
        ([(NOW - seconds(5), NOW - seconds(60))], "ok"),
        ([(NOW + seconds(5), NOW - seconds(60))], "warning"),
        ([(NOW - seconds(65), NOW - seconds(60)), (NOW, NOW - seconds(30))], "warning"),
        ([(NOW - seconds(61), NOW - seconds(60))], "ok"),
    ],
)
def test_kafkas_clock_is_seen_by_the_dates_that_it_gave_records(newest, state):
    assert examination.broker_clock("kafka", newest, NOW).state == state


@pytest.mark.parametrize(
    ("headers", "happened"),
    [
        ([("ce_time", b"2026-11-24T12:00:00Z")], NOW),
        ([], None),
        ([("ce_time", b"yesterday")], None),
        ([("ce_time", b"2026-11-24T12:00:00")], None),
        ([("ce_time", b"\xff")], None),
    ],
)
def test_a_record_is_dated_by_kafka_and_tells_when_its_event_happened(headers, happened):
    assert examination.dated(headers, int(NOW.timestamp() * 1_000)) == (NOW, happened)


@pytest.mark.parametrize(("days", "state"), [(31, "ok"), (29, "warning"), (-1, "wrong")])
def test_a_certificate_is_a_warning_thirty_days_before_its_end(days, state):
    found = examination.certificate("BMT_KAFKA_CA_FILE", NOW + timedelta(days=days), NOW)
    assert found.state == state


@pytest.mark.parametrize(
    ("mode", "owner", "state"),
    [
        (0o100600, 7, "ok"),
        (0o100400, 7, "ok"),
        (0o100644, 7, "wrong"),
        (0o100620, 7, "wrong"),
        (0o100600, 8, "wrong"),
    ],
)
def test_a_secret_is_for_its_owner_alone(mode, owner, state):
    assert examination.secret_file("/data/key", mode, owner, us=7).state == state


@pytest.mark.parametrize(("gibibytes", "state"), [(6, "ok"), (4, "warning"), (0.5, "wrong")])
def test_a_disk_that_fills_is_told_before_it_is_full(gibibytes, state):
    assert examination.disk("/data", int(gibibytes * examination.GIBIBYTE)).state == state


GOOD = Topic()
SEEN = SeenTopic(3, 0, 0, 3, GOOD.config())


@pytest.mark.parametrize(
    ("seen", "state", "detail"),
    [
        (SEEN, "ok", "3 partitions, 3 replicas each"),
        (None, "wrong", "is not there"),
        (replace(SEEN, partitions=6), "ok", "6 partitions"),
        (replace(SEEN, partitions=1), "wrong", "1 partition in the place of 3"),
        (replace(SEEN, without_leader=1), "wrong", "1 partition without a leader"),
        (replace(SEEN, behind=2), "warning", "2 partitions with a replica behind"),
        (replace(SEEN, replicas=1), "warning", "one replica"),
        (replace(SEEN, config={"retention.ms": "1000"}), "warning", "retention.ms is 1000"),
        (
            replace(SEEN, config={"message.timestamp.type": "CreateTime"}),
            *("wrong", "message.timestamp.type is CreateTime"),
        ),
    ],
)
def test_a_topic_is_held_to_the_table(seen, state, detail):
    found = examination.topic("bmt.requests.v1", GOOD, seen, one_machine=False)
    assert (found.state, detail in found.detail) == (state, True), found


def test_dead_letters_must_never_be_forgotten_and_must_fit():
    expected = table().topics[topics.DEAD_LETTERS]
    small = {"max.message.bytes": "1048588", "retention.ms": "1000"}
    seen = replace(SEEN, config=expected.config() | small)
    found = examination.topic(topics.DEAD_LETTERS, expected, seen, one_machine=True)
    assert found.state == "wrong"
    assert "it forgets its records" in found.detail
    assert "max.message.bytes is 1048588" in found.detail


def test_users_of_kafka_have_the_rights_of_the_table_and_no_other():
    wanted = set(rights(table()))
    assert examination.kafka_rights("intake", wanted, wanted).state == "ok"
    mine = next(one for one in wanted if one.principal == "User:intake" and one.operation == 4)
    lacking = examination.kafka_rights("intake", wanted, wanted - {mine})
    assert (lacking.state, lacking.detail) == ("wrong", f"lacks write {mine.name}")
    describing = mine._replace(operation=Operation.DESCRIBE)
    assert examination.kafka_rights("intake", wanted, wanted | {describing}).state == "ok"
    more = mine._replace(name=topics.DECISIONS)
    found = examination.kafka_rights("intake", wanted, wanted | {more})
    assert found.detail == "may do more than it should: write bmt.decisions.v1"
    assert examination.kafka_rights("approval", wanted, wanted | {more}).state == "ok"
    unknown = more._replace(operation=11)
    assert "operation 11" in examination.kafka_rights("intake", wanted, {*wanted, unknown}).detail


@pytest.mark.parametrize("user", mongodb_rights.USERS)
def test_users_of_mongodb_have_the_rights_of_the_table_and_no_other(user):
    wanted = mongodb_rights.rights_of(user)
    assert wanted
    assert examination.mongodb_rights(user, wanted, wanted).state == "ok"
    assert examination.mongodb_rights(user, wanted, None).detail == "there is no such user"
    assert examination.mongodb_rights(user, wanted, set()).detail.startswith("lacks ")
    more = {*wanted, ("bmt_records", "leaves", "remove")}
    assert examination.mongodb_rights(user, wanted, more).detail == (
        "may do more than it should: remove bmt_records.leaves"
    )


@pytest.mark.parametrize("database", examination.VIEWS)
def test_an_index_that_lacks_is_named(database):
    there = expected_indexes(database)
    assert examination.indexes(database, there).state == "ok"
    collection, wanted = next(iter(there.items()))
    found = examination.indexes(database, there | {collection: list(wanted)[1:]})
    assert found.state == "wrong"
    assert f"lacks {collection} (" in found.detail


@pytest.mark.parametrize("service", topics.WRITERS.values())
async def test_the_views_are_those_that_the_service_has(service, monkeypatch):
    built = []
    app = ServiceBuilder.app
    monkeypatch.setattr(
        ServiceBuilder, "app", lambda self, *_, **more: (built.append(self), app(self, **more))[1]
    )
    await api.openapi(service)
    (builder,) = built
    assert {view.name: view.indexes for view in examination.VIEWS[service]} == builder._indexes
    shared = {one.view.name for one in builder.shared._views}
    assert shared <= {view.name for view in examination.VIEWS[examination.DOCUMENTS]}


def test_no_replica_set_is_wrong_and_one_member_is_a_warning_beside_an_evaluation():
    one = {"setName": "bmt", "hosts": ["a:1"]}
    assert examination.replica_set({}, one_machine=True).state == "wrong"
    assert examination.replica_set(one, one_machine=True).state == "ok"
    assert examination.replica_set(one, one_machine=False).state == "warning"
    three = one | {"hosts": ["a:1", "b:1", "c:1"]}
    assert examination.replica_set(three, one_machine=False).state == "ok"
