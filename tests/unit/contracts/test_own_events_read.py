"""What is read fast is read as everything else is."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmt.chassis.eventsourcing.event_store import Commit, EventRecord, envelope_of
from bmt.contracts.envelope import Envelope, MalformedEvent, read_kafka, read_own

WRITTEN = Envelope(
    id="0194c0de-7b6a-7cc2-9b1d-2f5a0a8e1f01",
    source="/bmt/approval",
    type="my.gov.bmt.Approved.v1",
    subject="0194c0de-7b6a-7cc2-9b1d-2f5a0a8e1f00",
    time=datetime(2026, 11, 24, 1, 2, 3, 456789, tzinfo=UTC),
    dataschema="urn:schema:my.gov.bmt.Approved.v1",
    sequence="2",
    correlationid="0194c0de-7b6a-7cc2-9b1d-2f5a0a8e1f00",
    causationid="cmd:1",
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    data={},
)
HEADERS = tuple(WRITTEN.kafka_headers())
NAMES = [name for name, _ in HEADERS]
TEXTS = st.one_of(
    st.sampled_from(
        [
            *(b"", b" ", b"0", b"01", b"1", b"9" * 18, b"9" * 19, b"\xff", b"a\nb", "é".encode()),
            *(
                b"2026-11-24T01:02:03.456789Z",
                b"2026-11-24T01:02:03Z",
                b"2026-13-24T01:02:03.456789Z",
            ),
            *(b"2026-11-24T01:02:03.456789+08:00", b"2026-11-24T24:00:00.000000Z"),
            *(b"0000-11-24T01:02:03.456789Z", b"9999-12-31T23:59:60.000000Z"),
            *(b"1.0", b"0.3", b"application/json", b"application/cloudevents+json", b"x" * 513),
        ]
    ),
    st.binary(max_size=20),
    st.text(max_size=10).map(str.encode),
)
VALUES = st.one_of(
    st.sampled_from([None, b"", b"{}", b"[]", b"null", b'{"a":1', b'{"a":NaN}', b'{"a":1}']),
    st.binary(max_size=8),
)


def attributes(one: Any) -> str:
    """As text: what is not a number equals nothing, and UTC has several classes."""
    return repr(sorted({**vars(one), "time": one.time.isoformat()}.items()))


def test_an_event_as_we_write_it_is_read_fast():
    own = read_own(HEADERS, b'{"a": 1}')
    assert own is not None
    assert attributes(own) == attributes(read_kafka(HEADERS, b'{"a": 1}'))


@pytest.mark.parametrize("traceparent", [None, WRITTEN.traceparent], ids=["no trace", "a trace"])
def test_what_the_relay_publishes_is_read_fast(traceparent):
    record = EventRecord(WRITTEN.id, WRITTEN.type, WRITTEN.time, 2, "{}")
    commit = Commit("cmd:1", f"request-{WRITTEN.subject}", 3, 2, (record,), "", WRITTEN.time)
    commit = replace(commit, traceparent=traceparent)
    assert read_own(envelope_of(commit, record, WRITTEN.source).kafka_headers(), b"{}") is not None


@given(st.dictionaries(st.sampled_from(NAMES), st.none() | TEXTS, max_size=3), VALUES)
def test_what_is_read_fast_is_what_is_read_otherwise(changes, value):
    """A header that is None is not there."""
    given = {**dict(HEADERS), **changes}
    headers = tuple((name, text) for name, text in given.items() if text is not None)
    own = read_own(headers, value)
    if own is not None:
        assert attributes(own) == attributes(read_kafka(headers, value))


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param((*HEADERS, HEADERS[1]), id="twice"),
        pytest.param((*HEADERS, ("ce_partitionkey", b"1")), id="another"),
        pytest.param(tuple((name.upper(), text) for name, text in HEADERS), id="in capitals"),
        pytest.param(HEADERS[1:], id="without a version"),
    ],
)
def test_what_we_do_not_write_so_is_left_to_the_other(headers):
    assert read_own(headers, b"{}") is None


def test_neither_takes_what_is_no_event():
    broken = tuple((name, b"" if name == "ce_id" else text) for name, text in HEADERS)
    assert read_own(broken, b"{}") is None
    with pytest.raises(MalformedEvent):
        read_kafka(broken, b"{}")
