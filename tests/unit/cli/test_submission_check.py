"""What `bmt conformance` says of an integrator's events, and its verdict."""

import json
from itertools import count

import pytest

from bmt.chassis.eventsourcing.event_store import Vocabulary
from bmt.chassis.messaging.dispatch import RecordReader
from bmt.chassis.messaging.parking import Record
from bmt.cli.conformance import CASES, Check
from bmt.contracts.envelope import Envelope
from bmt.contracts.events import RequestSubmitted
from bmt.contracts.topics import RequestProgressed, SubmissionAccepted, SubmissionRefused

INBOUND, OUTBOUND = "bmt.inbound.hrmis.v1", "bmt.outbound.hrmis.v1"
SITI = {"account": "siti.mampu@mygovuc.gov.my", "name": "Siti Nurhaliza", "email": "siti@agency.gov.my"}  # fmt: skip
DATA = {
    "kind": "application",
    "agency": "MAMPU",
    "applicant": SITI,
    "justification": "Fail besar",
    "source_reference": "HR/1",
}
ABOUT = {
    "source_reference": "HR/1",
    "request_id": "01a22e08-2daf-74e7-88f6-4bf745ab0877",
    "reference": "BMT-MAMPU-2026-7K3QF9ZT",
}
NOW = "2026-11-30T09:00:00Z"


class Listening:
    """A check, and what it told of the records so far."""

    def __init__(self, *wanted: str) -> None:
        self.check = Check("", "hrmis", wanted or tuple(CASES))
        self.told: list[str] = []
        self._reader = RecordReader(
            Vocabulary([RequestSubmitted]), {INBOUND: (RequestSubmitted.TYPE,)}, [INBOUND]
        )
        self._offsets = count()

    def hears(self, id_="HR-1", data=DATA, key=b"HR-1", value=None, **headers: str | None):
        given = {
            "ce_specversion": "1.0",
            "ce_id": id_,
            "ce_source": "/hrmis",
            "ce_type": RequestSubmitted.TYPE,
            "ce_time": NOW,
            "content-type": "application/json",
        } | {name.replace("content_type", "content-type"): text for name, text in headers.items()}
        present = [(name, text.encode()) for name, text in given.items() if text is not None]
        return self._take(
            INBOUND, present, json.dumps(data).encode() if value is None else value, key
        )

    def hears_answer(self, event):
        number = next(self._offsets)
        said = Envelope(
            id=f"answer-{number}", source="/bmt/intake", type=event.TYPE, sequence="1", data={}
        )
        value = event.model_dump_json().encode()
        return self._take(OUTBOUND, said.kafka_headers(), value, event.submission_id.encode())

    def _take(self, topic, headers, value, key):
        record = Record(topic, 0, next(self._offsets), "", tuple(headers), value, raw_key=key)
        self.told += self.check.take(record, self._reader)
        return self

    def accepts(self, id_="HR-1"):
        return self.hears_answer(SubmissionAccepted(submission_id=id_, received_at=NOW, **ABOUT))

    def progresses(self, id_, *statuses):
        for status in statuses:
            self.hears_answer(RequestProgressed(submission_id=id_, status=status, at=NOW, **ABOUT))
        return self

    @property
    def wrong(self) -> str:
        return "\n".join(line for line in self.told if "wrong:" in line)

    @property
    def advice(self) -> str:
        return "\n".join(line for line in self.told if "better:" in line)


@pytest.mark.parametrize(
    ("event", "wrong"),
    [
        ({"data": DATA | {"kind": "renewal"}}, "/kind: One of these is needed: application, term"),
        ({"data": DATA | {"channel": "form"}}, "/channel: There is no such field."),
        ({"data": DATA | {"applicant": SITI | {"email": "siti"}}}, "/applicant/email: An e-mail"),
        ({"ce_type": "my.gov.bmt.Approved.v1"}, "is not for this topic (unknown_type)"),
        ({"ce_source": None}, "/event/source: This is needed."),
        ({"ce_specversion": "0.3"}, "/event/specversion: One of these is needed: 1.0."),
        ({"ce_time": "yesterday"}, "/event/time: A time with its zone is needed"),
        ({"content_type": "application/cloudevents-batch+json"}, "batches and other event formats"),
        ({"value": b'{"kind": 1, "kind": 2}'}, "a name appears twice in one object"),
        ({"value": b"not JSON"}, "the value is not JSON that can be read"),
        ({"value": b"{" + b" " * 1024 * 1024 + b"}"}, "The value may have at most 1048576 bytes."),
    ],
)
def test_what_intake_refuses_is_wrong_in_intakes_words(event, wrong):
    heard = Listening().hears(**event)
    assert wrong in heard.wrong
    assert heard.check.faulty == ["HR-1"]


@pytest.mark.parametrize(
    ("event", "wrong"),
    [
        ({"key": b"SITI.mampu@mygovuc.gov.my"}, "the key holds /applicant/account"),
        ({"ce_subject": "for Siti Nurhaliza"}, "header ce_subject holds /applicant/name"),
        ({"id_": "siti@agency.gov.my/1"}, "header ce_id holds /applicant/email"),
        ({"data": DATA | {"source_reference": "siti nurhaliza"}}, "/source_reference holds"),
    ],
)
def test_personal_data_where_none_belongs_is_wrong_and_not_repeated(event, wrong):
    heard = Listening().hears(**event)
    assert wrong in heard.wrong
    assert not any(value.casefold() in heard.wrong.casefold() for value in SITI.values())


def test_what_may_be_left_out_is_advice_and_not_wrong():
    heard = Listening().hears(key=None, ce_time=None, content_type=None)
    assert heard.wrong == ""
    assert all(word in heard.advice for word in ("no key", "ce_time", "content-type"))
    assert Listening().hears().advice == ""


def test_structured_mode_needs_no_headers():
    event = {"specversion": "1.0", "id": "HR-1", "source": "/hrmis", "type": RequestSubmitted.TYPE}
    names = ("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time")
    heard = Listening().hears(
        value=json.dumps(event | {"data": DATA}).encode(),
        content_type="application/cloudevents+json",
        **dict.fromkeys(names),
    )
    assert (heard.wrong, heard.advice) == ("", "")
    assert heard.check.messages[0].submission_id == "HR-1"


def test_the_same_event_again_is_a_redelivery_and_another_body_under_its_id_is_wrong():
    heard = Listening("redelivery").hears().accepts().hears()
    assert heard.check.missing == []
    heard = Listening("redelivery").hears().accepts().hears(data=DATA | {"agency": "JPA"})
    assert heard.check.missing == ["redelivery"]
    assert "(idempotency_key_reused)" in heard.wrong


def test_the_same_id_of_another_source_is_another_event():
    heard = Listening("redelivery").hears().accepts().hears(ce_source="/payroll")
    assert (heard.check.missing, heard.wrong) == (["redelivery"], "")


def test_a_refusal_by_bmt_is_told_and_counts_as_wrong():
    refused = SubmissionRefused(
        submission_id="HR-1",
        source_reference="HR/1",
        reason="validation_failed",
        detail="/agency: One of these agencies is needed: MAMPU. (unknown_agency)",
    )
    heard = Listening("application").hears().hears_answer(refused)
    assert "bmt refused it: /agency: One of these agencies" in heard.told[-1]
    assert (heard.check.faulty, heard.check.conforms) == (["HR-1"], False)


def test_a_producer_that_shows_every_case_conforms():
    heard = Listening()
    for id_, kind in (("1", "application"), ("2", "termination"), ("3", "application")):
        heard.hears(id_, DATA | {"kind": kind}).accepts(id_)
    assert heard.check.missing == ["redelivery", "filed", "rejected", "returned", "withdrawn"]
    heard.hears("3", DATA).progresses("1", "approved", "configuring", "configured", "filed")
    heard.progresses("2", "rejected", "filed").progresses("3", "returned", "withdrawn")
    assert heard.check.conforms
    assert list(heard.check.verdict())[-1] == "hrmis conforms: 4 events, 0 wrong"


def test_what_is_not_answered_does_not_conform():
    heard = Listening("application").hears().accepts().hears("HR-2")
    assert (heard.check.unanswered, heard.check.conforms) == (["HR-2"], False)


def test_answers_to_what_was_sent_before_are_not_told():
    assert Listening().accepts("older").told == []
