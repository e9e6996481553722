"""What mail programs write, message by message: what was meant is registered, or waits with one reason."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiokafka import AIOKafkaConsumer
from eventually import eventually
from intake_callers import ADMINISTRATOR

from bmt.contracts import topics
from bmt.contracts.problems import FieldError
from bmt.wording.bilingual import fault_sentence

pytestmark = pytest.mark.integration

FOLDER = Path(__file__).parents[2] / "cases" / "emails"
EXPECTED: Mapping[str, Mapping[str, Any]] = yaml.safe_load((FOLDER / "expected.yaml").read_text())
WAITING = [name for name, told in EXPECTED.items() if "waits" in told]
REGISTERED = [name for name in EXPECTED if name not in WAITING]


@dataclass
class Outcome:
    """What became of a message."""

    status: int
    item: dict[str, Any] = field(default_factory=dict)
    text: dict[str, Any] = field(default_factory=dict)
    event: dict[str, Any] = field(default_factory=dict)


@pytest.fixture(scope="module")
def found() -> dict[str, Outcome]:
    """What became of the messages: they are handed in once."""
    return {}


@pytest.fixture
async def outcomes(found, kafka, shared, intake, as_) -> Mapping[str, Outcome]:
    """By case, once all were handed in: the item that waits, or the event RequestReceived."""
    if found:
        return found
    requests: dict[str, str] = {}
    for name in EXPECTED:
        content = (FOLDER / f"{name}.eml").read_bytes()
        headers = as_(*ADMINISTRATOR) | {"Content-Type": "message/rfc822"}
        answer = await intake.post("/v1/emails", content=content, headers=headers)
        told = answer.json()
        found[name] = Outcome(answer.status_code)
        if answer.status_code == 201:
            requests[name] = told["request_id"]
        elif answer.status_code == 202:
            address = f"/v1/inbox/{told['inbox_item_id']}"
            who = as_(*ADMINISTRATOR)
            found[name].item = (await intake.get(address, headers=who)).json()
            found[name].text = (await intake.get(f"{address}/text", headers=who)).json()
    events = await _received(kafka, f"{shared.name}.{topics.REQUESTS}", set(requests.values()))
    for name, request_id in requests.items():
        found[name].event = events[request_id]
    return found


async def _received(kafka, topic: str, wanted: set[str]) -> Mapping[str, Any]:
    events: dict[str, Any] = {}
    async with AIOKafkaConsumer(topic, auto_offset_reset="earliest", **kafka.options) as consumer:

        async def all_there() -> None:
            for records in (await consumer.getmany(timeout_ms=50)).values():
                for each in records:
                    told = json.loads(each.value)
                    events[told["request"]["request_id"]] = told
            assert not wanted - events.keys()

        await eventually(all_there, 60)
    return events


@pytest.mark.parametrize("name", REGISTERED)
async def test_what_was_meant_is_registered(outcomes, name):
    outcome = outcomes[name]
    assert outcome.status == 201, outcome.item.get("missing")
    facts = outcome.event["request"]
    found = {
        **facts,
        **facts["applicant"],
        "justification": outcome.event["justification"],
        "documents": _names(outcome.event["documents"]),
        "not_shown": _reasons(outcome.event),
    }
    expected = EXPECTED[name]
    assert {key: found[key] for key in expected} == expected


def _names(documents: list[dict[str, Any]]) -> list[str]:
    """Of the attachments; the message itself stands before them."""
    return [each["filename"] for each in documents[1:]]


def _reasons(told: dict[str, Any]) -> dict[str, str]:
    return {each["filename"]: each["reason"] for each in told.get("not_shown", ())}


def _several(told: str | list[str]) -> list[str]:
    return [told] if isinstance(told, str) else told


@pytest.mark.parametrize("name", WAITING)
async def test_what_is_not_clear_waits_with_one_reason_and_its_text(outcomes, name):
    outcome = outcomes[name]
    assert outcome.status == 202, outcome.event
    wanted, detail = EXPECTED[name]["waits"]
    (missing,) = outcome.item["missing"]
    assert missing["field"] == wanted
    assert detail in missing["detail"]
    expected = EXPECTED[name]
    for words in _several(expected.get("text", "")):
        assert words in outcome.text["text"]
    assert expected.get("subject", "") in outcome.item["subject"]
    assert expected.get("documents", _names(outcome.item["documents"])) == _names(
        outcome.item["documents"]
    )
    reason = FieldError(pointer="", **{k: missing[k] for k in missing if k != "field"})
    assert outcome.text["reason"].endswith(fault_sentence(reason, "ms"))


async def test_why_a_message_waits_is_told_in_the_language_that_is_asked_for(outcomes, intake, as_):
    item = outcomes["009-gmail-reply-quoting-a-filled-form"].item
    for asked, word in (
        ("en", "stands"),
        ("en;q=0.5, ms", "Borang"),
        ("fr", "Borang"),
        ("", "Borang"),
    ):
        headers = as_(*ADMINISTRATOR) | {"Accept-Language": asked}
        answer = await intake.get(f"/v1/inbox/{item['inbox_item_id']}/text", headers=headers)
        assert word in answer.json()["reason"]


async def test_every_message_of_the_folder_has_its_expectation():
    assert {file.stem for file in FOLDER.glob("*.eml")} == EXPECTED.keys()
