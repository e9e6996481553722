"""The procedure from outside: four applications and one termination, from request to filed record."""

import json
import mailbox
import os
import signal
import uuid
from collections import Counter
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from eventually import eventually

from evaluation import demonstration
from evaluation.demonstration import Refusal, Sample, samples

pytestmark = pytest.mark.e2e

PUBLIC = ("bmt.requests.v1", "bmt.decisions.v1", "bmt.configurations.v1", "bmt.notifications.v1")
VICTIMS = ("intake", "approval", "kafka", "provisioning", "mongodb", "notification", "records")


async def said(ready) -> list[dict]:
    """Every event of the four topics, as the observer reads them."""
    kafka = ready["kafka"]
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka["bootstrap_servers"],
        security_protocol=kafka["security_protocol"],
        sasl_mechanism=kafka["sasl_mechanism"],
        sasl_plain_username="observer",
        sasl_plain_password=kafka["principals"]["observer"],
    )
    await consumer.start()
    try:
        places = [TopicPartition(topic, n) for topic in PUBLIC for n in range(3)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        left = sum((await consumer.end_offsets(places)).values())
        found: dict[str, dict] = {}
        while left > 0:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                left -= len(records)
                for record in records:
                    headers = {name: value.decode() for name, value in record.headers}
                    found[headers["ce_id"]] = headers
        return list(found.values())
    finally:
        await consumer.stop()


def names(events: list[dict], request_id: str) -> Counter:
    return Counter(
        event["ce_type"].split(".")[3] for event in events if event["ce_subject"] == request_id
    )


async def test_every_sample_goes_from_request_to_filed_record(ready, officers):
    steps = []
    ids = await demonstration.run_all(samples(), officers, lambda sample, step: steps.append(step))
    assert len(ids) == 5
    events = await said(ready)
    for request_id in ids.values():
        seen = names(events, request_id)
        for once in ("RequestReceived", "ReviewOpened", "Approved", "Configured"):
            assert seen[once] == 1, (once, seen)
        assert seen["Notified"] == 2, seen
    letter = await officers["MAMPU"].record(ids["3-letter"])
    assert letter["state"]["status"] == "filed"
    assert [folio["number"] for folio in letter["folios"]] == [1, 2, 3]


def one_more(account: str) -> Sample:
    body = {
        "kind": "application",
        "agency": "KPM",
        "channel": "form",
        "applicant": {"account": account, "name": "Pegawai Baharu", "email": account},
        "justification": "Menghantar bahan pengajaran.",
    }
    return Sample(name=account, agency="KPM", body=body)


async def registered(ready, http, count: int) -> list[str]:
    """New serving accounts in IPMS."""
    accounts = [f"baharu{uuid.uuid4().hex[:8]}.kpm@mygovuc.gov.my" for _ in range(count)]
    for account in accounts:
        user = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": account}
        answer = await http.post(
            f"{ready['ipms']['url']}/Users",
            json={**user, "active": True},
            headers={"Authorization": f"Bearer {ready['ipms']['token']}"},
        )
        assert answer.status_code == 201, answer.text
    return accounts


async def test_killing_every_part_in_the_middle_loses_and_doubles_nothing(ready, http, officers):
    accounts = await registered(ready, http, 12)
    killed = []

    def kill_one(_sample, step) -> None:
        if len(killed) < len(VICTIMS) and step["step"] in ("received", "approved", "configured"):
            victim = VICTIMS[len(killed)]
            with suppress(ProcessLookupError):  # it is just being started again: at the next step
                os.kill(pid_of(ready, victim), signal.SIGKILL)
                killed.append(victim)

    wanted = [one_more(account) for account in accounts]
    patient = Patient(officers["KPM"])
    ids = await demonstration.run_all(wanted, {"KPM": patient}, kill_one)
    assert killed == list(VICTIMS)
    events = await said(ready)
    for request_id in ids.values():
        seen = names(events, request_id)
        for once in ("RequestReceived", "ReviewOpened", "Approved", "Configured"):
            assert seen[once] == 1, (once, seen)
        assert seen["Notified"] == 2, seen
    messages = mailbox.Maildir(ready["mail"]["maildir"], create=False)
    for account in accounts:
        mine = {m["Message-ID"] for m in messages if m["To"] and account in m["To"]}
        assert len(mine) == 2
    await eventually(lambda: all(pid_of(ready, name) for name in VICTIMS), 20)


def pid_of(ready, part: str) -> int:
    document = json.loads((Path(ready["data"]) / "ready.json").read_text())
    return (document["services"] | document)[part]["pid"]


class Patient:
    """An administrator who tries again while a service is away, with the same key."""

    def __init__(self, officer) -> None:
        self._officer = officer

    def __getattr__(self, name):
        call = getattr(self._officer, name)

        async def again(*arguments):
            async def once() -> dict:
                try:
                    return {"answer": await call(*arguments)}
                except httpx.TransportError as away:
                    raise AssertionError(str(away)) from away
                except Refusal as refusal:
                    if refusal.status != 503:
                        raise
                    raise AssertionError(str(refusal)) from refusal

            return (await eventually(once, 60))["answer"]

        return again
