"""No personal datum and no secret is told where it does not belong: logs, errors, figures, command lines."""

import json
import uuid
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from eventually import eventually
from fixtures.outside import SECONDS, Observer, application, as_principal, headers_of

from bmt.contracts import topics

pytestmark = pytest.mark.e2e

SERVICES = ("intake", "approval", "provisioning", "notification", "records")
OURS = (*SERVICES, "statistics")


@pytest.fixture(scope="module")
def mark() -> str:
    """A word that stands in everything personal of this test, and nowhere else."""
    return f"rahsia{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="module")
def secrets(ready) -> set[str]:
    known = json.loads((Path(ready["data"]) / "passwords.json").read_text())
    private = json.loads((Path(ready["data"]) / "issuer" / "key.json").read_text())["d"]
    codes = (Path(ready["data"]) / "intake" / "status-code.key").read_text().strip()
    return {*known.values(), private, codes}


@pytest.fixture(scope="module")
async def answers(ready, caller, mark) -> list[str]:
    """A request of this person went through the procedure, and everything that can fail failed."""
    admin = caller("administrator", "MAMPU")
    account = f"{mark}.mampu@mygovuc.gov.my"
    person = {"account": account, "name": f"Puan {mark}", "email": account}
    body = application(account, applicant=person, justification=f"Kerana {mark}.")
    accepted = await admin.post("intake", "/v1/requests", body)
    assert accepted.status_code == 201
    request_id = accepted.json()["request_id"]
    await admin.once_known("approval", f"/v1/requests/{request_id}")
    await admin.decide(request_id, "reject", reason=f"Bukan {mark}")
    await admin.until(request_id, "filed")
    refused = [
        await admin.post(
            "intake", "/v1/requests", {**body, "nickname": mark, "agency": mark.upper()}
        ),
        await admin.post("intake", "/v1/requests", {**body, "applicant": {**person, "name": "\n"}}),
        await admin.post("intake", "/v1/requests", {**body, "channel": mark, "quota_bytes": mark}),
        await admin.post("intake", "/v1/requests", content=f'{{"{mark}": "{mark}'.encode()),
        await admin.post("intake", "/v1/requests", body, key=f"{mark} with a space"),
        await admin.post("intake", "/v1/emails", content=mark.encode()),
        await admin.get("intake", "/v1/requests", params={"status": mark, "cursor": mark}),
        await admin.get("provisioning", f"/v1/entitlements/{account}"),
        await admin.get("records", "/v1/records", params={"from": mark}),
        await caller("applicant", "MAMPU", account).get("approval", "/v1/worklist"),
        await admin.get("intake", f"/{mark}"),
    ]
    assert {400, 403, 404, 415, 422} >= {answer.status_code for answer in refused} >= {403, 422}
    await _poison(ready, mark)
    return [answer.text for answer in refused]


async def _poison(ready, mark: str) -> None:
    """An event that cannot be read, and one that breaks the rules; both are buried."""
    inbound = topics.inbound("hrmis")
    producer = AIOKafkaProducer(**as_principal(ready, "hrmis"), acks="all")
    await producer.start()
    for value in (f'{{"{mark}": ', json.dumps({"applicant": {"name": mark}})):
        await producer.send_and_wait(inbound, value.encode(), key=mark.encode())
    await producer.stop()
    async with Observer(ready, topics.DEAD_LETTERS) as observer:
        await observer.until(
            lambda records: _assert_two([one for one in records if mark.encode() in one.value]),
            SECONDS,
        )

    async with Observer(ready, topics.outbound("hrmis")) as observer:
        await observer.until(_assert_two_answers_that_quote_nothing(mark.encode()), SECONDS)


def _assert_two_answers_that_quote_nothing(mark: bytes):
    def check(records) -> None:
        origin = topics.inbound("hrmis").encode()
        assert len([one for one in records if one.key.startswith(origin)]) >= 2
        assert [one for one in records if mark in one.value.lower()] == []

    return check


def _assert_two(found) -> None:
    assert len(found) == 2
    assert all(headers_of(one)["bmt_reason"] for one in found)


async def test_an_error_does_not_repeat_what_was_sent(answers, mark):
    assert [text for text in answers if mark in text.lower()] == []


async def test_the_logs_of_our_processes_name_nobody(ready, answers, mark):
    for name in OURS:
        log = (Path(ready["data"]) / "logs" / f"{name}.log").read_text()
        assert [line for line in log.splitlines() if mark in line.lower()] == [], name


async def test_no_figure_names_anybody(ready, http, answers, mark, secrets):
    addresses = [f"{ready['services'][name]['url']}/metrics" for name in SERVICES]
    for address in (*addresses, ready["statistics"]["metrics"]):
        figures = (await eventually(lambda: http.get(address))).text  # noqa: B023
        assert "process_cpu_seconds_total" in figures
        assert mark not in figures.lower()
        assert not [secret for secret in secrets if secret in figures]


async def test_no_log_holds_a_secret(ready, answers, secrets, token):
    held = {*secrets, token("administrator", "MAMPU").split(".")[2]}
    for log in (Path(ready["data"]) / "logs").iterdir():
        text = log.read_text(errors="replace")
        assert not [secret for secret in held if secret in text], log.name
        assert "eyJ" not in text, log.name


def test_no_command_line_holds_a_secret(secrets):
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = process.read_text(errors="replace")
        except OSError:  # it ended meanwhile
            continue
        assert not [secret for secret in secrets if secret in line], line[:100]
