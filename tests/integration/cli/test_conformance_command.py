"""`bmt conformance` on a real Kafka."""

import json

import pytest
from aiokafka import AIOKafkaProducer

from bmt.contracts import topics

pytestmark = pytest.mark.integration

INBOUND, OUTBOUND = topics.inbound("hrmis"), topics.outbound("hrmis")


async def test_what_was_published_before_is_examined_and_the_verdict_is_an_exit_code(
    bmt, kafka, create_topics, topic_prefix
):
    await create_topics(INBOUND, OUTBOUND)
    headers = [("ce_id", b"HR-1"), ("ce_source", b"/hrmis"), ("ce_specversion", b"1.0")]
    headers.append(("ce_type", b"my.gov.bmt.RequestSubmitted.v1"))
    async with AIOKafkaProducer(**kafka.options) as producer:
        value = json.dumps({"kind": "renewal"}).encode()
        await producer.send_and_wait(topic_prefix + INBOUND, value, headers=headers)

    answer = await bmt(
        "conformance", "hrmis", "--since", "2026-01-01T00:00:00Z", "--wait", "5", "--json"
    )

    assert answer.code == 1, answer.err
    assert answer.err == "bmt: hrmis does not conform yet\n"
    assert (answer.json["wrong"], answer.json["unanswered"]) == (["HR-1"], ["HR-1"])
    (message,) = answer.json["messages"]
    assert "/kind: One of these is needed: application, termination." in message["wrong"][0]


async def test_an_integrator_without_topics_is_none(bmt):
    answer = await bmt("conformance", "payroll")
    assert answer.code == 1
    assert "payroll is no integrator: there is no " in answer.err
    assert "bmt.outbound.payroll.v1" in answer.err


async def test_a_case_that_is_none_is_refused_with_those_that_are(bmt):
    answer = await bmt("conformance", "hrmis", "--case", "resubmission")
    assert answer.code == 2
    assert "resubmission is none of application," in answer.err
