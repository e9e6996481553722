"""Each connector with what examining it needs: one suite runs on every bench."""

import importlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import httpx2
from fixtures.alone import Alone
from fixtures.samples import facts

from bmt.chassis.runtime import clock
from bmt.contracts.events import EffectiveIpms, EffectiveStorage
from bmt.contracts.values import Officer
from examples.connector.folder import Folder
from services.provisioning.connectors import nextcloud
from services.provisioning.connectors.connector import OperatorNeeded
from services.provisioning.connectors.copyparty import Copyparty
from services.provisioning.connectors.scim import Scim
from services.provisioning.connectors.sftpgo import Sftpgo
from services.provisioning.connectors.targets import Worklist
from services.provisioning.connectors.volume_files import VolumeFiles
from services.provisioning.domain.events import TaskCompleted
from services.provisioning.domain.order import NOTHING_IN_FORCE

OFFICER = Officer(subject="faridah.jpa@mygovuc.gov.my", name="Faridah", role="administrator")
SCREENSHOT = "sha256:" + "1" * 64
NOWHERE = "http://127.0.0.1:9"
"""The discard port: nobody listens."""


@dataclass
class Bench:
    """A connector to be examined, with what it needs; `connector` is the one of the moment."""

    connector: Alone
    on: Any
    more: Any
    off: Any
    account: str
    by_hand: Callable[[Any], Alone] | None = None
    documents: tuple[str, ...] = ()
    away: Alone | None = None

    async def bring_about(self, desired: Any) -> None:
        """Apply; where a person is needed, do as the person."""
        try:
            await self.connector.apply(self.account, desired)
        except OperatorNeeded:
            self.connector = self.by_hand(desired)
            await self.connector.apply(self.account, desired)


@asynccontextmanager
async def of_scim(ipms) -> AsyncIterator[Bench]:
    account = f"scim-{clock.new_id()}@mygovuc.gov.my"
    await ipms.register(account)
    headers = {"Authorization": f"Bearer {ipms.part.token}"}
    connector = Alone(Scim(httpx2.AsyncClient(base_url=ipms.part.url, headers=headers), clock.now))
    away = Alone(Scim(httpx2.AsyncClient(base_url=NOWHERE), clock.now))
    yield Bench(
        connector,
        on=EffectiveIpms(bmt_enabled=True, max_file_size_bytes=2_000_000_000),
        more=EffectiveIpms(bmt_enabled=True, max_file_size_bytes=2**53 + 1),
        off=NOTHING_IN_FORCE.ipms,
        account=account,
        away=away,
    )
    await connector.close()
    await away.close()


def copyparty_of(storage, url="", password=""):
    return Alone(
        Copyparty(
            httpx.AsyncClient(base_url=url or storage.part.url),
            VolumeFiles(storage.part.volumes),
            "admin",
            password or storage.part.password,
            clock.now,
        )
    )


@asynccontextmanager
async def of_copyparty(storage) -> AsyncIterator[Bench]:
    connector, away = copyparty_of(storage), copyparty_of(storage, NOWHERE)
    yield Bench(
        connector,
        on=EffectiveStorage(enabled=True, quota_bytes=10**10, max_file_size_bytes=2 * 10**9),
        more=EffectiveStorage(enabled=True, quota_bytes=10**14, max_file_size_bytes=2 * 10**9 + 1),
        off=NOTHING_IN_FORCE.storage,
        account=f"copyparty-{clock.new_id()}@mygovuc.gov.my",
        away=away,
    )
    await connector.close()
    await away.close()


def sftpgo_of(server, url="", key=""):
    headers = {"X-SFTPGO-API-KEY": key or server.key}
    http = httpx.AsyncClient(base_url=url or server.url, headers=headers, trust_env=False)
    return Alone(Sftpgo(http, clock.now))


@asynccontextmanager
async def of_sftpgo(server) -> AsyncIterator[Bench]:
    connector, away = sftpgo_of(server), sftpgo_of(server, NOWHERE)
    yield Bench(
        connector,
        on=EffectiveStorage(enabled=True, quota_bytes=10**10, max_file_size_bytes=2 * 10**9),
        more=EffectiveStorage(enabled=True, quota_bytes=2**53 + 1, max_file_size_bytes=2**53 + 1),
        off=NOTHING_IN_FORCE.storage,
        account=f"sftpgo-{clock.new_id()}@mygovuc.gov.my",
        away=away,
    )
    await connector.close()
    await away.close()


NEXTCLOUD = os.environ.get("BMT_TEST_NEXTCLOUD", "")
"""A real one's address with its administrator: no package registry that the tests use has it."""


def nextcloud_of(url=NEXTCLOUD):
    http = httpx.AsyncClient(
        base_url=url,
        headers=nextcloud.HEADERS,
        cookies=nextcloud.no_cookies(),
        timeout=30,
        trust_env=False,
    )
    return Alone(nextcloud.Nextcloud(http, clock.now))


@asynccontextmanager
async def of_nextcloud() -> AsyncIterator[Bench]:
    connector, away = nextcloud_of(), nextcloud_of(NOWHERE)
    yield Bench(
        connector,
        on=EffectiveStorage(enabled=True, quota_bytes=5 * 2**30, max_file_size_bytes=None),
        more=EffectiveStorage(enabled=True, quota_bytes=90 * 2**40, max_file_size_bytes=None),
        off=NOTHING_IN_FORCE.storage,
        account=f"nc-{clock.new_id()}@mygovuc.gov.my",
        away=away,
    )
    await connector.close()
    await away.close()


@asynccontextmanager
async def of_folder() -> AsyncIterator[Bench]:
    """The example of docs/connectors.md."""
    with TemporaryDirectory() as folder:
        yield Bench(
            Alone(Folder(Path(folder), clock.now)),
            on=EffectiveStorage(enabled=True, quota_bytes=10**10, max_file_size_bytes=2 * 10**9),
            more=EffectiveStorage(enabled=True, quota_bytes=10**14, max_file_size_bytes=2**53 + 1),
            off=NOTHING_IN_FORCE.storage,
            account="siti.mampu@mygovuc.gov.my",
            away=Alone(Folder(Path(folder) / "not-mounted", clock.now)),
        )


OWN = os.environ.get("BMT_TEST_CONNECTOR", "")
"""`module:function` of a bench of one's own: an asynchronous context manager without arguments."""


def own() -> AbstractAsyncContextManager[Bench]:
    module, _, name = OWN.partition(":")
    return getattr(importlib.import_module(module), name)()


def of_worklist() -> Bench:
    on = EffectiveIpms(bmt_enabled=True, max_file_size_bytes=2_000_000_000)

    def completed(desired):
        statement = TaskCompleted(
            request=facts(),
            task_id=clock.new_id(),
            completed_by=OFFICER,
            completed_at=clock.now(),
            evidence=(SCREENSHOT,),
        )
        return Alone(Worklist(desired, statement))

    return Bench(
        Alone(Worklist(on, None)),
        on=on,
        more=on,
        off=NOTHING_IN_FORCE.ipms,
        account="lim.jpa@mygovuc.gov.my",
        by_hand=completed,
        documents=(SCREENSHOT,),
    )
