"""How many of our files a reader opens to follow one thing: counted by running it, and held."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from eventually import eventually
from fixtures import web
from fixtures.mail_server import MailServer
from fixtures.samples import facts, received

from bmt.contracts import topics
from bmt.contracts.values import Applicant
from evaluation.ports import any_free_port
from evaluation.services import Ipms
from evaluation.storage import Storage
from evaluation.supervisor import running as part_running
from services.approval import main as approval
from services.approval.settings import Settings as ApprovalSettings
from services.intake import mail_process as reader
from services.intake import main as intake
from services.intake.settings import Settings as IntakeSettings
from services.notification import main as notification
from services.notification.settings import Settings as NotificationSettings
from services.provisioning import main as provisioning
from services.provisioning.settings import Settings as ProvisioningSettings
from services.records import main as records
from services.records.settings import Settings as RecordsSettings

ROOT = Path(__file__).parents[2]
RUNS = 3
FILLED_IN = b"""From: Siti <siti.mampu@mygovuc.gov.my>\r
Subject: Permohonan BMT\r
Message-ID: <%d@mampu.gov.my>\r
\r
Jenis: Permohonan\r
Agensi: MAMPU\r
Nama: Siti Nurhaliza binti Ahmad\r
Akaun: siti.mampu@mygovuc.gov.my\r
E-mel: siti.mampu@mygovuc.gov.my\r
Justifikasi: Fail projek yang besar.\r
Kuota: 5 GB\r
Saiz fail: 1 GB\r
"""
OURS = tuple(f"{ROOT / folder}/" for folder in ("bmt", "services", "web"))


BY_THE_CLOCK = {"bmt/chassis/readmodels/rebuilding.py"}
"""Looks for jobs every second, whatever happens: on a busy machine in each run."""


class Opened:
    """The files of functions that were called, in the order of their first call."""

    def __init__(self) -> None:
        self.files: dict[str, int] = {}

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        name = frame.f_code.co_filename
        if event == "call" and name.startswith(OURS) and frame.f_code.co_name != "<module>":
            file = str(Path(name).relative_to(ROOT))
            self.files[file] = self.files.get(file, 0) + 1


@contextmanager
def opened() -> Iterator[dict[str, int]]:
    """What is called meanwhile, in every thread that begins meanwhile and in this one."""
    seen = Opened()
    threading.setprofile(seen)
    sys.setprofile(seen)
    try:
        yield seen.files
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]


def held(runs: list[dict[str, int]], most: int) -> None:
    """At most so many files in each of three runs; what one run alone opened, a service did beside it."""
    files = [
        file for file in runs[0] if file not in BY_THE_CLOCK and all(file in run for run in runs)
    ]
    print(len(files), *files, sep="\n  ")  # noqa: T201  shown with -s
    assert len(files) <= most, sorted(files)


@pytest.fixture
async def ipms(tmp_path):
    accounts = ROOT / "examples" / "accounts.yaml"
    directory = Ipms(tmp_path / "accounts.jsonl", any_free_port(), "the-token", accounts)
    async with part_running(directory.program(), tmp_path / "logs"):
        yield directory


async def test_a_submission_until_its_event_is_on_kafka(running, wire, as_, ipms):
    variables = {
        "ipms_url": ipms.url,
        "ipms_token": ipms.token,
        "approval_url": "http://127.0.0.1:1",
    }
    request = {
        "kind": "application",
        "agency": "MAMPU",
        "applicant": {
            "account": "ahmad.mampu@mygovuc.gov.my",
            "name": "Ahmad bin Abdullah",
            "email": "ahmad.mampu@mygovuc.gov.my",
        },
        "channel": "form",
        "quota_bytes": 5_000_000_000,
        "max_file_size_bytes": 2_000_000_000,
        "justification": "Fail projek yang besar.",
    }

    async def submit() -> str:
        headers = as_("administrator", "MAMPU")
        answer = await client.post("/v1/requests", json=request, headers=headers)
        assert answer.status_code == 201, answer.text
        request_id: str = answer.json()["request_id"]
        await wire.hear(topics.REQUESTS, request_id, "RequestReceived")
        return request_id

    async with running(intake.build, IntakeSettings, **variables) as client:
        await submit()  # what is done once only, is done
        runs = []
        for _ in range(RUNS):
            with opened() as files:
                await submit()
            runs.append(files)

    held(runs, 38)


async def test_a_decision_until_its_event_is_on_kafka(running, wire, as_):
    async with running(approval.build, ApprovalSettings) as client:
        runs = []
        for _ in range(1 + RUNS):  # what is done once only, is done in the first
            request = facts()
            await wire.say(received(request))
            await wire.hear(topics.DECISIONS, request.request_id, "ReviewOpened")
            address = f"/v1/requests/{request.request_id}/decision"
            with opened() as files:
                headers = as_("administrator", request.agency)
                body = {"decision": "approve"}
                answer = await client.post(address, json=body, headers=headers)
                assert answer.status_code == 201, answer.text
                await wire.hear(topics.DECISIONS, request.request_id, "ReviewOpened", "Approved")
            runs.append(files)

    held(runs[1:], 35)


async def test_an_event_until_it_is_in_its_file_under_a_checkpoint(running, wire, as_):
    async with running(records.build, RecordsSettings) as client:

        async def latest() -> str:
            answer = await client.get("/v1/checkpoints/latest", headers=as_("auditor"))
            return answer.text if answer.status_code == 200 else ""

        async def is_signed_since(before: str) -> None:
            assert await latest() not in ("", before)

        runs = []
        for _ in range(1 + RUNS):
            before = await latest()
            with opened() as files:
                await wire.say(received(facts()))
                await eventually(lambda before=before: is_signed_since(before))
            runs.append(files)

    held(runs[1:], 48)


async def test_a_page_of_the_console_with_what_it_asks_of_approval(
    surroundings, as_, embedded_issuer
):
    issuer = embedded_issuer.url
    request = facts()
    async with (
        surroundings.running(approval.build, ApprovalSettings, issuer=issuer) as service,
        web.pages(surroundings, {"approval": service}, issuer=issuer) as visitor,
    ):
        await surroundings.wire.say(received(request))
        await surroundings.wire.hear(topics.DECISIONS, request.request_id, "ReviewOpened")
        address = f"/console/requests/{request.request_id}"
        browser = await web.signed_in(visitor, "/console/", "siti", "role_administrator")
        await browser.get(address)  # what is done once only, is done
        runs = []
        for _ in range(RUNS):
            with opened() as files:
                answer = await browser.get(address)
            assert answer.status_code == 200, answer.text
            runs.append(files)
        await browser.aclose()

    held(runs, 53)


async def test_an_email_until_its_acknowledgement_is_sent(surroundings, as_, ipms):
    mail = MailServer()
    await mail.start()
    intake_has = {
        "ipms_url": ipms.url,
        "ipms_token": ipms.token,
        "approval_url": "http://127.0.0.1:1",
    }
    notification_has = {
        "smtp_host": "127.0.0.1",
        "smtp_port": mail.port,
        "smtp_sender": "bmt@mygovuc.gov.my",
    }
    async with (
        surroundings.running(intake.build, IntakeSettings, **intake_has) as client,
        surroundings.running(notification.build, NotificationSettings, **notification_has),
    ):
        runs = []
        for number in range(1 + RUNS):  # what is done once only, is done in the first
            message = FILLED_IN % number
            headers = {**as_("administrator", "MAMPU"), "Content-Type": "message/rfc822"}
            with opened() as files:
                asked = reader.Question(kind="mail", agencies={"mampu": "MAMPU"})
                reader.answer(asked, message)  # a process of its own reads it
                answer = await client.post("/v1/emails", content=message, headers=headers)
                assert answer.status_code == 201, answer.text
                request_id = answer.json()["request_id"]
                await surroundings.wire.hear(
                    topics.NOTIFICATIONS, request_id, "NotificationPrepared", "Notified"
                )
            runs.append(files)
    await mail.stop()

    held(runs[1:], 69)


async def test_an_approval_in_the_console_until_it_is_configured(
    surroundings, as_, embedded_issuer, ipms, tmp_path
):
    issuer = embedded_issuer.url
    storage = Storage(tmp_path / "storage", any_free_port(), "the-admins-password")
    targets = {
        "ipms_url": ipms.url,
        "ipms_token": ipms.token,
        "storage_url": storage.url,
        "storage_password": storage.password,
        "storage_volumes": storage.volumes,
    }
    async with (
        part_running(storage.program(), tmp_path / "logs"),
        surroundings.running(approval.build, ApprovalSettings, issuer=issuer) as service,
        surroundings.running(
            provisioning.build, ProvisioningSettings, issuer=issuer, **targets
        ) as second,
        web.pages(
            surroundings, {"approval": service, "provisioning": second}, issuer=issuer
        ) as visitor,
    ):
        browser = await web.signed_in(visitor, "/console/", "faridah", "role_administrator")
        wire = surroundings.wire
        runs = []
        for name in ("aminah", "siti", "ravi", "kamal"):
            account = f"{name}.mampu@mygovuc.gov.my"
            request = facts(applicant=Applicant(account=account, name=name, email=account))
            await wire.say(received(request))
            await wire.hear(topics.DECISIONS, request.request_id, "ReviewOpened")
            address = f"/console/requests/{request.request_id}"
            form = {"key": await web.key_of(browser, address), "decision": "approve"}
            with opened() as files:
                answer = await browser.post(address, data=form)
                assert answer.status_code == 303, answer.text
                await wire.hear(
                    topics.CONFIGURATIONS, request.request_id, "ConfigurationStarted", "Configured"
                )
            runs.append(files)
        await browser.aclose()

    held(runs[1:], 66)
