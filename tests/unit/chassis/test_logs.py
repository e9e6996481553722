"""Logs are JSON lines that say what happened, where and when, and nothing about people."""

import io
import json
import logging

import pytest
import structlog
from prometheus_client import CollectorRegistry, generate_latest
from pydantic import BaseModel

from bmt.chassis.runtime import observability
from bmt.chassis.runtime.observability import ServiceMetrics, redact_text, set_up_logs

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Person(BaseModel):
    name: str
    age: int


@pytest.fixture
def written():
    """`text = written("json")`: sets up the logs as a service does; `text()` is what was written since."""
    handlers, level = logging.root.handlers[:], logging.root.level
    before = structlog.get_config()

    def set_up(line_format: str):
        stream = io.StringIO()
        set_up_logs("parcels", "info", stream, line_format)
        return stream.getvalue

    yield set_up
    structlog.configure(**before)
    logging.captureWarnings(capture=False)
    logging.root.handlers[:], logging.root.level = handlers, level


@pytest.fixture
def logged(written):
    """Gives the lines written since."""
    text = written("json")
    return lambda: [json.loads(line) for line in text().splitlines()]


def test_a_line_says_what_happened_where_and_when(logged):
    structlog.get_logger().info("parcel_sent", count=3)
    (line,) = logged()
    assert line["event"] == "parcel_sent"
    assert (line["level"], line["service"], line["count"]) == ("info", "parcels", 3)
    assert line["time"].endswith("Z")


def test_a_line_names_the_trace_and_what_is_bound(logged):
    token = observability.current_trace.set(TRACEPARENT)
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        structlog.get_logger().info("parcel_sent")
    observability.current_trace.reset(token)
    (line,) = logged()
    assert line["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert line["request_id"] == "r-1"


def test_a_line_may_be_written_as_logfmt(written):
    text = written("logfmt")
    structlog.get_logger().warning("parcel sent", count=3, late=True, why="no\r\n stamp \udcff")
    logging.getLogger("aiokafka.consumer").warning("Heartbeat failed")
    ours, theirs = text().splitlines()
    assert ours.startswith("time=20")
    assert ours.endswith(
        r'level=warning service=parcels event="parcel sent" count=3 late=true why="no\r\n stamp \udcff"'
    )
    assert ' event="Heartbeat failed" logger=aiokafka.consumer' in theirs


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
def test_what_is_fetched_from_where_is_not_written(logged, library):
    logging.getLogger(library).info("HTTP Request: GET /Users")
    assert logged() == []


def test_libraries_log_the_same_way(logged):
    logging.getLogger("aiokafka.consumer").warning("Heartbeat of %s failed", "group")
    (line,) = logged()
    assert line["event"] == "Heartbeat of group failed"
    assert (line["logger"], line["level"]) == ("aiokafka.consumer", "warning")
    assert line["service"] == "parcels"


@pytest.mark.parametrize(
    "key", ["email", "name", "account", "applicant", "token", "Authorization", "subject"]
)
def test_personal_keys_are_removed_at_any_depth(logged, key):
    structlog.get_logger().info("seen", **{key: "ali"}, owner={"x": [{key: "ali"}]})
    (line,) = logged()
    assert "ali" not in json.dumps(line)
    assert line["owner"]["x"][0][key] == "[removed]"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("sent to ali.abu@jpa.gov.my today", "sent to [removed] today"),
        ("GET /Users?userName=ali.abu%40jpa.gov.my&x=1", "GET [removed]&x=1"),
        ("at mongodb://parcels:hunter2@db:27017/x", "at mongodb://[removed]db:27017/x"),
        ("with Bearer abc.def-ghi", "with [removed]"),
        ("was eyJhbGciOiJS.eyJzdWIi.c2ln", "was [removed]"),
    ],
)
def test_addresses_and_secrets_in_texts_are_removed(logged, text, left):
    structlog.get_logger().info(text)
    logging.getLogger("library").error("%s", text)
    assert [line["event"] for line in logged()] == [left, left]


def test_a_model_is_not_written_out(logged):
    structlog.get_logger().info("seen", person=Person(name="ali", age=7))
    assert logged()[0]["person"] == "Person"


def test_an_error_shows_its_traceback_without_the_input(logged):
    log, wrong = structlog.get_logger(), {"name": "ali", "age": "siti\x2c binti\n"}
    try:
        Person.model_validate(wrong)
    except ValueError as error:
        log.exception("failed", cause=error)
        logging.getLogger("uvicorn.error").exception("failed")
    ours, theirs = logged()
    for line in (ours, theirs):
        assert "test_logs.py" in line["exception"]
        assert "ValidationError" in line["exception"]
    assert "siti, binti" not in json.dumps([ours, theirs])


def test_a_key_that_a_store_repeats_is_removed(logged):
    structlog.get_logger().warning("e11000 dup key: { account: 'ali' }, details")
    assert "ali" not in logged()[0]["event"]


def test_what_json_cannot_hold_is_still_logged(logged):
    structlog.get_logger().info("bad \udcff", big=2**70, when={"\udcff": object(), 1: {2}})
    assert logged()[0]["when"]


@pytest.mark.parametrize(
    "hostile", ["a", "input_value=", "eyJ-", "bearer ", "a@", "http://", "dup key: {", "a.b@c."]
)
def test_no_text_holds_up_who_logs_it(hostile):
    """A pattern that looks again and again would take minutes for these."""
    assert redact_text(hostile * (200_000 // len(hostile)))


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def metrics(registry):
    return ServiceMetrics("parcels", registry)


@pytest.mark.parametrize(
    "line",
    [
        'bmt_events_handled_total{outcome="applied",service="parcels",type="T"} 2.0',
        'bmt_commands_total{command="Send",outcome="applied",service="parcels"} 1.0',
        "bmt_append_seconds_count 1.0",
        "bmt_append_batch_size_sum 40.0",
        'bmt_outbox_pending{service="parcels"} 5.0',
        'bmt_outbox_oldest_seconds{service="parcels"} 1.5',
        'bmt_parked_events{service="parcels"} 6.0',
        'bmt_consumer_stalled_seconds{service="parcels"} 2.5',
        'kafka_consumergroup_lag{consumergroup="g",partition="0",topic="t"} 7.0',
    ],
)
def test_names_and_labels_are_those_of_the_contract(metrics, registry, line):
    metrics.event_handled("T", "applied", 2)
    metrics.command_executed("Send", "applied")
    metrics.appended(batch_size=40, seconds=0.004)
    metrics.outbox(pending=5, oldest_seconds=1.5)
    metrics.parked_events.set(6)
    metrics.consumer_stalled_seconds.set(2.5)
    metrics.lag("g", {("t", 0): 7})
    assert line in generate_latest(registry).decode().splitlines()


def test_a_partition_that_went_elsewhere_is_forgotten(metrics, registry):
    metrics.lag("g", {("t", 0): 7, ("t", 1): 8})
    metrics.lag("g", {("t", 1): 8})
    lines = generate_latest(registry).decode()
    assert 'partition="1"' in lines
    assert 'partition="0"' not in lines
