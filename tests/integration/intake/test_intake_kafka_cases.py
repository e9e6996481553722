"""What integrators' programs write, record by record: right CloudEvents are requests, wrong ones are refused."""

import base64
import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from eventually import eventually
from intake_callers import INBOUND

from bmt.contracts import topics

pytestmark = pytest.mark.integration

FILES = sorted((Path(__file__).parents[2] / "cases" / "kafka").glob("*.kafka.json"))
CASES: Mapping[str, Mapping[str, Any]] = {
    file.name.removesuffix(".kafka.json"): json.loads(file.read_text()) for file in FILES
}
ACCEPTED = [name for name, case in CASES.items() if case["expected"] == "request"]
REFUSED = [name for name in CASES if name not in ACCEPTED]

Place = tuple[int, int]


def record(case: Mapping[str, Any]) -> dict[str, Any]:
    """What a producer sends of it."""
    value = case.get("value")
    raw = None if value is None else value.encode().ljust(case.get("padded_to", 0))
    if "value_base64" in case:
        raw = base64.b64decode(case["value_base64"])
    return {
        "key": case["key"] and case["key"].encode(),
        "value": raw,
        "headers": [
            (name, None if text is None else text.encode("latin-1"))
            for name, text in case["headers"]
        ],
    }


@pytest.fixture(scope="module")
async def outcomes(kafka, shared, intake) -> Mapping[str, Any]:
    """By case: the event RequestReceived, or the dead letter, once there is one for each."""
    places = await _publish_all(kafka, f"{shared.name}.{INBOUND}")
    found: dict[str, Any] = {}
    incoming = [f"{shared.name}.{topic}" for topic in (topics.REQUESTS, topics.DEAD_LETTERS)]
    async with AIOKafkaConsumer(
        *incoming, auto_offset_reset="earliest", **kafka.options
    ) as consumer:

        async def all_there() -> None:
            for records in (await consumer.getmany(timeout_ms=50)).values():
                for each in records:
                    if (name := _case_of(each, places)) is not None:
                        found[name] = each
            assert not CASES.keys() - found.keys()

        await eventually(all_there, 60)
    return found


async def _publish_all(kafka, topic: str) -> Mapping[Place, str]:
    """The case at each place of the topic; one producer for each codec."""
    places: dict[Place, str] = {}
    async with AsyncExitStack() as stack:
        producers = {}
        for codec in {case.get("compression") for case in CASES.values()}:
            producer = AIOKafkaProducer(
                compression_type=codec, max_request_size=100_000_000, **kafka.options
            )
            producers[codec] = await stack.enter_async_context(producer)
        for name, case in CASES.items():
            sent = await producers[case.get("compression")].send_and_wait(topic, **record(case))
            places[sent.partition, sent.offset] = name
    return places


def _case_of(found: Any, places: Mapping[Place, str]) -> str | None:
    headers = dict(found.headers)
    if found.topic.endswith(topics.DEAD_LETTERS):
        place = int(headers["bmt_origin_partition"]), int(headers["bmt_origin_offset"])
        return places.get(place)
    reference = json.loads(found.value).get("source_reference") or ""
    return next((name for name in CASES if reference == f"HR/c{name[:3]}"), None)


@pytest.mark.parametrize("name", ACCEPTED)
async def test_a_right_event_is_a_request(outcomes, name):
    found = outcomes[name]
    assert found.topic.endswith(topics.REQUESTS), dict(found.headers)
    told = json.loads(found.value)
    facts = told["request"]
    assert facts["channel"] == "event"
    assert facts["kind"] == "application"
    assert facts["agency"] == "MAMPU"
    assert facts["applicant"]["account"].lower() == f"kc{name[:3]}.mampu@mygovuc.gov.my"
    assert facts["applicant"]["name"] == "Nurul Huda binti Osman"
    assert told["justification"] == "Fail besar"


async def test_a_request_is_received_when_it_is_read_whatever_time_its_event_has(outcomes):
    (name,) = [one for one in CASES if "time-far-future" in one]
    received = datetime.fromisoformat(json.loads(outcomes[name].value)["request"]["received_at"])
    assert abs(datetime.now(UTC) - received) < timedelta(hours=1)


async def test_an_account_stays_as_it_was_given(outcomes):
    (name,) = [one for one in CASES if "account-in-capitals" in one]
    request = json.loads(outcomes[name].value)["request"]
    assert request["applicant"]["account"] == _data(name)["applicant"]["account"]
    assert request["applicant"]["account"].startswith("KC149")


def _data(name: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(record(CASES[name])["value"])
    return value


@pytest.mark.parametrize("name", REFUSED)
async def test_a_wrong_event_is_a_dead_letter_that_says_why(outcomes, name):
    found = outcomes[name]
    assert found.topic.endswith(topics.DEAD_LETTERS)
    headers = {each: raw.decode("latin-1") for each, raw in found.headers}
    reason, detail = CASES[name]["expected"]
    assert headers["bmt_reason"] == reason
    assert detail in headers["bmt_detail"]
    if "bmt_left_at_origin" not in headers:
        assert found.value == (record(CASES[name])["value"])


async def test_the_table_of_cases_is_whole():
    assert len(CASES) > 50
