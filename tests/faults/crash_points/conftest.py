"""The stages of the crash points, and who is around them."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml
from crash_stories import approval, intake, notification, offices, provisioning, records
from fixtures.holding import HoldingApproval
from fixtures.ledger_keys import CHECKPOINT_SECONDS, KEYS, RECORDS_KEY
from fixtures.mail_server import MailServer
from fixtures.service import AGENCIES_FILE
from fixtures.thoroughness import LONG
from mortal import Nursery
from points_in_source import find, where_to_die
from stage import Stage
from stand_ins import Ipms, Storage, Webhooks
from views_rebuilt import differences
from visits import Production

import services.approval.main
import services.intake.main
import services.notification.main
import services.provisioning.main
import services.records.main

TIMES = 20 if LONG else 1
MAINS = {
    "intake": services.intake.main,
    "approval": services.approval.main,
    "provisioning": services.provisioning.main,
    "notification": services.notification.main,
    "records": services.records.main,
}


@pytest.fixture(scope="package")
def times() -> int:
    """How often each point is visited."""
    return TIMES


@pytest.fixture(scope="package")
async def production(kafka, mongodb, local_issuer, tmp_path_factory) -> AsyncIterator[Production]:
    """Every point, visited."""
    folder = tmp_path_factory.mktemp("crash")
    volumes = folder / "volumes"
    volumes.mkdir()
    mail = MailServer()
    await mail.start()
    with (
        Ipms().serving() as ipms,
        Storage(volumes=volumes).serving() as storage,
        HoldingApproval().serving() as holding,
        Webhooks().serving() as webhooks,
    ):
        more = _variables(ipms, storage, volumes, mail, holding, webhooks)
        async with Nursery(folder).open(folder / "nursery.log") as nursery:

            def open_stage(service: str) -> Stage:
                return Stage(
                    service, kafka, mongodb, local_issuer, nursery, folder, more.get(service, {})
                )

            async def rebuilt(stage: Stage) -> list[str]:
                main = MAINS[stage.service]
                return await differences(stage, main, main.Settings)

            stories = {
                "intake": intake.STORIES,
                "approval": approval.STORIES,
                "provisioning": provisioning.stories(ipms, storage),
                "notification": notification.stories(mail, webhooks),
                "records": records.STORIES,
            }
            production = Production(open_stage, stories, rebuilt)
            points = {p.name: p.services for p in where_to_die(find(), everywhere=LONG)}
            with (folder / "diary.txt").open("w", buffering=1) as diary:
                production.diary = diary.write
                await production.run(points, TIMES, seed=int(time.time()), every_story=LONG)
            yield production
    await mail.stop()


def _without_retention(folder: Path) -> Path:
    """The agencies' rules, but for how long files are kept: not at all."""
    rules = yaml.safe_load(AGENCIES_FILE.read_text())
    for agency in rules.values():
        agency["record_retention_years"] = 0
    file = folder / "agencies.yaml"
    file.write_text(yaml.safe_dump(rules))
    return file


def _with_office(folder: Path, webhooks: Webhooks) -> Path:
    """The agencies' rules, but that KPM's office wants to be reminded of the client charter; a webhook of JPA."""
    rules = yaml.safe_load(AGENCIES_FILE.read_text())
    types = [f"my.gov.bmt.{n}.v1" for n in ("RequestReceived", "NotificationPrepared", "Notified")]
    rules["JPA"]["webhooks"] = [
        {"name": "payroll", "url": f"{webhooks.url}/", "events": types, "secret": "payroll"}
    ]
    rules["KPM"] |= {"office_email": offices.OFFICE, "escalation_email": offices.ABOVE}
    file = folder / "agencies-with-office.yaml"
    file.write_text(yaml.safe_dump(rules))
    return file


def _variables(
    ipms: Ipms,
    storage: Storage,
    volumes: Path,
    mail: MailServer,
    holding: HoldingApproval,
    webhooks: Webhooks,
) -> dict[str, dict[str, str]]:
    """What a service is told beyond what all are."""
    directory = {"BMT_IPMS_URL": f"{ipms.url}/v2", "BMT_IPMS_TOKEN": "token"}
    return {
        "intake": {
            **directory,
            "BMT_INTEGRATORS": '{"hrmis": ["MAMPU"]}',
            "BMT_APPROVAL_URL": holding.url,
        },
        "provisioning": {
            **directory,
            "BMT_STORAGE_URL": storage.url,
            "BMT_STORAGE_PASSWORD": "secret",
            "BMT_STORAGE_VOLUMES": str(volumes),
        },
        "notification": {
            "BMT_SMTP_HOST": "127.0.0.1",
            "BMT_SMTP_PORT": str(mail.port),
            "BMT_SMTP_SENDER": "bmt@mygovuc.gov.my",
            "BMT_AGENCIES_FILE": str(_with_office(volumes.parent, webhooks)),
            "BMT_WEBHOOK_SECRETS": f"payroll: [{Webhooks.SECRET}]",
            "BMT_ALLOW_HTTP": "true",
        },
        "records": {
            "BMT_LEDGER_KEYS": KEYS,
            "BMT_RECORDS_KEY": RECORDS_KEY,
            "BMT_SEAL_MEMORY_SECONDS": "0.1",
            "BMT_AGENCIES_FILE": str(_without_retention(volumes.parent)),
            "BMT_CHECKPOINT_SECONDS": str(CHECKPOINT_SECONDS),
        },
    }
