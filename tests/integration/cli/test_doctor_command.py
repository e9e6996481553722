"""`bmt doctor` on the Kafka, the MongoDB and the files of a test."""

import json
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiokafka import AIOKafkaProducer
from fixtures.answering import answering
from fixtures.certificates import Authority

from bmt.chassis.eventsourcing.event_store import MongoEventStore
from bmt.cli.examination import VIEWS, expected_indexes
from bmt.contracts import topics

pytestmark = pytest.mark.integration

NOBODY = {"BMT_KAFKA_BOOTSTRAP_SERVERS": None, "BMT_MONGODB_URI": None}
SECRETS = (
    *("passwords.json", "records/ledger-keys.pem", "records/people.key", "intake/status-code.key"),
    *("web/session.key", "kafka/server.properties", "mongodb/key", "issuer/key.json"),
)


def checks(answer, check):
    """By what was looked at."""
    return {one["about"]: one for one in answer.json["checks"] if one["check"] == check}


@pytest.fixture
def folder(tmp_path):
    """A data directory as `bmt up` leaves it."""
    for name in SECRETS:
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.touch(mode=0o600)
    return tmp_path


@pytest.fixture
def service():
    """`service(503, {...}, date)`: the address of one that answers so."""
    with ExitStack() as stack:

        def start(status=200, body=None, at=None):
            def answer(_):
                date = format_datetime(at or datetime.now(UTC), usegmt=True)
                return status, {"Date": date}, json.dumps(body or {}).encode()

            return stack.enter_context(answering(answer))

        yield start


async def test_kafka_and_mongodb_are_looked_at_with_topics_indexes_and_clocks(
    bmt, kafka, databases, create_topics, topic_prefix
):
    await create_topics(topics.REQUESTS, partitions=3)
    async with AIOKafkaProducer(**kafka.options) as producer:
        happened = [("ce_time", datetime.now(UTC).isoformat().encode())]
        await producer.send_and_wait(topic_prefix + topics.REQUESTS, b"{}", headers=happened)
    await MongoEventStore(databases("intake")["commits"]).prepare()

    began = time.monotonic()
    answer = await bmt("doctor", "--json")
    took = time.monotonic() - began

    assert took < 15, answer.out
    assert answer.code == 1
    assert answer.err.startswith("bmt: ")
    assert checks(answer, "kafka")["reachable"]["state"] == "ok"
    assert checks(answer, "mongodb")["replica set"]["state"] in ("ok", "warning")
    assert checks(answer, "clocks")["mongodb"]["state"] == "ok"
    assert checks(answer, "clocks")["kafka"]["state"] == "ok"
    seen = checks(answer, "topics")
    assert seen[topics.DECISIONS]["detail"].startswith("is not there")
    assert "is not there" not in seen[topics.REQUESTS]["detail"]
    assert checks(answer, "indexes")["intake"]["detail"].startswith("lacks ")
    assert "commits" not in checks(answer, "indexes")["intake"]["detail"]
    assert checks(answer, "configuration")["kafka"]["state"] in ("ok", "warning")


async def test_indexes_that_are_all_there_are_well(bmt, databases):
    for database in VIEWS:
        for collection, wanted in expected_indexes(database).items():
            for index in wanted:
                await databases(database)[collection].create_index(list(index))
    answer = await bmt("doctor", "--json")
    assert {one["state"] for one in checks(answer, "indexes").values()} == {"ok"}


async def test_parts_that_are_away_are_found_soon_and_hide_nothing(bmt):
    away = {
        "BMT_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "BMT_MONGODB_URI": "mongodb://bmt:hunter22@127.0.0.1:1/?replicaSet=bmt",
    }
    began = time.monotonic()
    answer = await bmt("doctor", "--json", **away)
    assert time.monotonic() - began < 15
    assert answer.code == 1
    assert "cannot be reached" in checks(answer, "kafka")["reachable"]["detail"]
    assert "cannot be reached" in checks(answer, "mongodb")["reachable"]["detail"]
    assert "hunter22" not in answer.out + answer.err


async def test_services_that_are_not_ready_or_whose_clock_differs_are_told(bmt, service):
    late = datetime.now(UTC) - timedelta(minutes=1)
    urls = {
        "BMT_INTAKE_URL": service(),
        "BMT_APPROVAL_URL": service(503, {"missing": ["kafka"]}),
        "BMT_RECORDS_URL": service(at=late),
        "BMT_PROVISIONING_URL": "http://127.0.0.1:1",
    }
    answer = await bmt("doctor", "--json", **urls)
    ready = checks(answer, "services")
    assert {name: one["state"] for name, one in ready.items()} == {
        "intake": "ok",
        "approval": "wrong",
        "records": "ok",
        "provisioning": "wrong",
    }
    assert ready["approval"]["detail"] == "not ready: kafka"
    assert "does not answer" in ready["provisioning"]["detail"]
    clocks = checks(answer, "clocks")
    assert (clocks["intake"]["state"], clocks["records"]["state"]) == ("ok", "warning")


async def test_a_secret_that_others_may_read_and_one_that_is_missing_are_wrong(bmt, folder):
    (folder / "records" / "people.key").chmod(0o644)
    (folder / "mongodb" / "key").unlink()
    answer = await bmt("doctor", "--json", "--data", str(folder), **NOBODY)
    assert answer.code == 1
    assert checks(answer, "system")[str(folder)]["detail"] == "no system runs there"
    assert checks(answer, "disk")[str(folder)]["state"] in ("ok", "warning")
    wrong = {
        about.removeprefix(f"{folder}/"): one["detail"]
        for about, one in checks(answer, "secrets").items()
        if one["state"] == "wrong"
    }
    assert wrong == {
        "records/people.key": "others may read or change it",
        "mongodb/key": "is not there, or cannot be read",
    }


async def test_certificates_and_the_agencies_file_are_looked_at(bmt, tmp_path):
    authority = Authority(tmp_path / "tls", "agency")
    agencies = tmp_path / "agencies.yaml"
    agencies.write_text("MAMPU: {name: Unit Pemodenan, hours: never}\n")
    settings = {
        "BMT_MONGODB_CA_FILE": str(authority.file),
        "BMT_AGENCIES_FILE": str(agencies),
    }
    answer = await bmt("doctor", "--json", **settings)
    (certificate,) = checks(answer, "certificates").values()
    assert certificate["about"] == f"BMT_MONGODB_CA_FILE ({authority.file})"
    assert certificate["detail"].startswith(("good until", "ends on"))
    assert checks(answer, "agencies")[str(agencies)]["state"] == "wrong"


async def test_a_setting_that_is_wrong_is_named_and_the_rest_is_looked_at(bmt, service):
    wrong = {"BMT_KAFKA_SECURITY_PROTOCOL": "TLS", "BMT_INTAKE_URL": service()}
    answer = await bmt("doctor", "--json", **wrong)
    assert answer.code == 1
    assert (
        "BMT_KAFKA_SECURITY_PROTOCOL is wrong" in checks(answer, "configuration")["kafka"]["detail"]
    )
    assert checks(answer, "services")["intake"]["state"] == "ok"


async def test_the_settings_of_the_pages_are_looked_at(bmt, service):
    url = service()
    services = ("INTAKE", "APPROVAL", "PROVISIONING", "NOTIFICATION", "RECORDS", "WEB")
    pages = {
        **{f"BMT_{name}_URL": url for name in services},
        "BMT_PORT": "8108",
        "BMT_ISSUER": "https://issuer.example",
        "BMT_AGENCIES_FILE": "a.yaml",
        "BMT_PUBLIC_URL": "https://bmt.example",
        "BMT_SESSION_KEY": "too short",
    }
    answer = await bmt("doctor", "--json", **pages)
    assert "BMT_SESSION_KEY is wrong" in checks(answer, "configuration")["web"]["detail"]
    assert checks(answer, "services")["web"]["state"] == "ok"
    assert "too short" not in answer.out
