"""The envelope is CloudEvents 1.0, as an independent implementation reads and writes it."""

import json
from datetime import UTC, datetime

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary, to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from bmt.contracts.envelope import Envelope, MalformedEvent, read_kafka

NOON = datetime(2026, 11, 24, 12, 0, 0, 123000, tzinfo=UTC)
ENVELOPE = Envelope(
    id="019349f0-1c2a-7b3c-8d4e-5f60718293a4",
    source="/bmt/intake",
    type="my.gov.bmt.RequestReceived.v1",
    subject="019349f0-1c2a-7b3c-8d4e-5f60718293a5",
    time=NOON,
    dataschema="urn:schema:x",
    sequence="1",
    correlationid="019349f0-1c2a-7b3c-8d4e-5f60718293a5",
    causationid="cmd:1",
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    data={"nama": "Siti — “binti” Ali"},
)


def test_what_we_say_the_cloudevents_library_reads():
    message = KafkaMessage(
        headers=dict(ENVELOPE.kafka_headers()),
        key=b"k",
        value=json.dumps(ENVELOPE.data).encode(),
    )
    event = from_binary(message, JSONFormat(), CloudEvent)
    attributes = event.get_attributes()
    assert attributes["id"] == ENVELOPE.id
    assert attributes["type"] == ENVELOPE.type
    assert attributes["sequence"] == "1"
    assert attributes["time"] == NOON
    assert event.get_data() == ENVELOPE.data


@pytest.mark.parametrize("write", [to_binary, to_structured])
def test_what_the_cloudevents_library_says_we_read(write):
    event = CloudEvent(
        attributes={
            "id": "1",
            "source": "/hrmis",
            "type": "my.gov.bmt.RequestSubmitted.v1",
            "time": NOON,
            "specversion": "1.0",
            "datacontenttype": "application/json",
        },
        data={"kind": "application"},
    )
    message = write(event, JSONFormat())
    read = read_kafka(list(message.headers.items()), message.value)
    assert (read.id, read.source, read.type, read.time) == (
        "1",
        "/hrmis",
        "my.gov.bmt.RequestSubmitted.v1",
        NOON,
    )
    assert read.data == {"kind": "application"}


def test_what_we_say_we_read():
    value = json.dumps(ENVELOPE.data).encode()
    assert read_kafka(ENVELOPE.kafka_headers(), value) == ENVELOPE


@pytest.mark.parametrize(
    ("headers", "value", "says"),
    [
        ({}, None, "no value"),
        ({}, b"{", "not JSON that can be read"),
        ({}, b"[" * 100_000, "not JSON that can be read"),
        ({}, b"[1]", "not a JSON object"),
        ({}, b"\xff", "not JSON that can be read"),
        ({"ce_id": b"\xff"}, b"{}", "header ce_id is not UTF-8"),
        ({"ce_specversion": b"0.3"}, b"{}", "specversion"),
        ({"ce_specversion": None}, b"{}", "specversion"),
        ({"CE_ID": b"2"}, b"{}", "header ce_id is there twice"),
        ({"ce_id": b"1\x00"}, b"{}", "id"),
        ({"ce_time": b"1795871183722"}, b"{}", "time"),
        ({"ce_time": b"2026-11-24T12:00:00"}, b"{}", "time"),
        ({"ce_time": b"9999-12-31T23:59:59-08:00"}, b"{}", "time"),
        ({"content-type": b"application/cloudevents-batch+json"}, b"[{}]", "batches"),
        ({"ce_time": b"yesterday"}, b"{}", "time"),
        ({"ce_id": b""}, b"{}", "id"),
        ({"ce_sequence": b"0"}, b"{}", "sequence"),
        ({"ce_sequence": b"9" * 5000}, b"{}", "sequence"),
        ({"content-type": b"application/cloudevents+json"}, b'{"id": "1"}', "source"),
    ],
)
def test_a_malformed_record_is_refused_with_what_is_wrong(headers, value, says):
    whole = {
        "ce_specversion": b"1.0",
        "ce_id": b"1",
        "ce_source": b"/x",
        "ce_type": b"t",
        "ce_time": b"2026-11-24T12:00:00Z",
    }
    given = [(name, raw) for name, raw in {**whole, **headers}.items() if raw is not None]
    with pytest.raises(MalformedEvent) as malformed:
        read_kafka(given, value)
    assert says in malformed.value.detail


def test_a_time_may_be_left_out():
    headers = {**dict(ENVELOPE.kafka_headers())}
    del headers["ce_time"]
    before = datetime.now(UTC)
    assert before <= read_kafka(list(headers.items()), b"{}").time <= datetime.now(UTC)


def test_what_is_told_of_a_malformed_record_is_short_however_much_is_wrong():
    told = MalformedEvent("x" * 100_000)
    assert len(told.detail) == len(str(told)) == 1000


def test_extensions_of_another_system_are_its_own_whatever_their_form():
    headers = dict(ENVELOPE.kafka_headers())
    headers |= {"ce_sequence": b"\xff", "ce_correlationid": b"", "ce_priority": b"\x00"}
    read = read_kafka(list(headers.items()), b"{}", extensions=())
    assert (read.sequence, read.correlationid, read.causationid) == (None, None, None)


@pytest.mark.parametrize("traceparent", [b"\xff\xfe", b"", b"00-nonsense"])
@pytest.mark.parametrize("header", ["traceparent", "ce_traceparent", "Traceparent"])
def test_a_trace_that_cannot_be_read_refuses_nothing(header, traceparent):
    headers = dict(ENVELOPE.kafka_headers())
    del headers["traceparent"]
    assert read_kafka([*headers.items(), (header, traceparent)], b"{}").id == ENVELOPE.id
