"""Dead letters as an operator counts them."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from bmt.chassis.messaging.dead_letters import Action, grouped, letter
from bmt.cli.dead_letters import whole_lines

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ID = "bmt.inbound.hrmis.v1:2:7"
ENVELOPE = [
    ("ce_specversion", b"1.0"),
    ("ce_id", b"1"),
    ("ce_source", b"/hrmis"),
    ("ce_type", b"my.gov.bmt.RequestSubmitted.v1"),
]


@dataclass(frozen=True)
class FakeRecord:
    """As aiokafka hands it over."""

    offset: int
    headers: list
    value: bytes | None = b'{"name": "Siti"}'
    key: bytes | None = b"staff-17"
    topic: str = "bmt.dead-letters.v1"
    partition: int = 0
    timestamp: int = int(NOON.timestamp() * 1000)


def why(by="intake", offset=b"7", reason=b"malformed"):
    return [
        ("bmt_reason", reason),
        ("bmt_detail", b"agency: Field required"),
        ("bmt_origin_topic", b"bmt.inbound.hrmis.v1"),
        ("bmt_origin_partition", b"2"),
        ("bmt_origin_offset", offset),
        ("bmt_refused_by", by.encode()),
    ]


def buried(offset=0, by="intake", reason=b"malformed", **changes):
    return letter(FakeRecord(offset, [*ENVELOPE, *why(by, reason=reason)], **changes))


def action(kind, *places, at=NOON):
    return Action(ID, kind, "aida", at, places, "told the agency")


def only(letters, actions=()):
    (found,) = grouped(letters, actions).values()
    return found


def test_a_writers_own_headers_do_not_pass_for_the_services():
    forged = [("bmt_origin_topic", b"bmt.decisions.v1"), ("bmt_refused_by", b"nobody")]
    found = letter(FakeRecord(0, [*forged, *ENVELOPE, *why()]))
    assert found.id == ID
    assert found.refused_by == "intake"


def test_a_letter_that_does_not_say_where_it_came_from_is_called_by_its_own_place():
    assert letter(FakeRecord(9, ENVELOPE)).id == "bmt.dead-letters.v1:0:9"
    assert letter(FakeRecord(9, why(offset=b"many"))).id == "bmt.dead-letters.v1:0:9"


def test_a_structured_event_has_its_type_in_its_value():
    value = b'{"specversion":"1.0","id":"1","source":"/h","type":"t.v1","data":{}}'
    headers = [("content-type", b"application/cloudevents+json"), *why()]
    assert letter(FakeRecord(0, headers, value)).type == "t.v1"


PLACE, GIVEN_UP = buried().place, {"reason": b"discarded"}


@pytest.mark.parametrize(
    ("letters", "actions", "state"),
    [
        ([buried(0), buried(1, "records"), buried(2, "records")], [], "open"),
        ([buried()], [action("retried", PLACE)], "retried"),
        (
            [buried()],
            [action("retried", PLACE, at=NOON + timedelta(minutes=1)), action("discarded", PLACE)],
            "retried",
        ),
        ([buried(0), buried(1, "records")], [action("discarded", PLACE)], "open"),
        ([buried(**GIVEN_UP)], [], "discarded"),
        ([buried(0), buried(1, **GIVEN_UP)], [], "open"),
        ([buried(0), buried(1, **GIVEN_UP)], [action("retried", PLACE)], "discarded"),
        ([buried()], [action("discarded", PLACE, at=NOON - timedelta(hours=1))], "open"),
    ],
    ids=[
        "refused by two services",
        "retried",
        "the last action counts",
        "refused by another since",
        "given up in the parking lot",
        "given up by one of two",
        "retried, then given up",
        "an action before Kafka was made anew",
    ],
)
def test_what_was_done_of_all_its_letters_is_the_state_of_an_event(letters, actions, state):
    assert only(letters, actions).state == state


def test_no_letter_moves_the_operators_cursor():
    headers = [*ENVELOPE[:3], ("ce_type", b"\x1b[2Jcleared\nline"), *why()]
    found = only([replace(letter(FakeRecord(0, headers)), value="\x1b[31m\u202e".encode())])
    told = "\n".join(whole_lines(found))
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert "\ufffd[2Jcleared line" in told


def test_what_was_too_large_is_told_to_be_elsewhere():
    headers = [*why(), ("bmt_left_at_origin", b"9000000")]
    found = only([letter(FakeRecord(0, headers, b"", None))])
    assert "not kept here" in whole_lines(found)[-1]


def test_of_what_cannot_be_decoded_the_bytes_are_shown():
    headers = [*why(), ("bmt_left_at_origin", b"unread")]
    found = only([letter(FakeRecord(0, headers, b"\x00\xff", None))])
    assert whole_lines(found)[-1] == "(base64) AP8="
