"""Intake as it runs, beside a real directory (SCIM); the integrator hrmis submits for MAMPU."""

import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from fixtures import signing_in
from fixtures.holding import HoldingApproval
from fixtures.ledger_keys import RECORDS_KEY, SECRETS
from fixtures.wire import Wire
from intake_callers import ADMINISTRATOR, INBOUND, OUTBOUND, PDF, asked, submitted_headers
from intake_visitors import HERE

from evaluation.ipms import Ipms
from evaluation.ports import any_free_port
from evaluation.supervisor import running as part_running
from services.intake import directory as snapshot
from services.intake.main import build
from services.intake.settings import Settings

ACCOUNTS = Path(__file__).parents[3] / "examples" / "accounts.yaml"

Call = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture(scope="session")
async def ipms(tmp_path_factory) -> AsyncIterator[Ipms]:
    """The directory, with the accounts of examples/."""
    folder = tmp_path_factory.mktemp("intake-ipms")
    ipms = Ipms(folder / "accounts.jsonl", any_free_port(), "the-token", ACCOUNTS)
    async with part_running(ipms.program(), folder / "logs"):
        yield ipms


@pytest.fixture
async def new_account(ipms) -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """`await new_account(active=False)` adds an account to the directory; its userName."""
    headers = {"Authorization": f"Bearer {ipms.token}"}
    async with httpx.AsyncClient(base_url=ipms.url, headers=headers, trust_env=False) as scim:

        async def add(*, active: bool = True, name: str = "", **more: Any) -> str:
            name = name or f"{uuid.uuid4().hex[:12]}.mampu@mygovuc.gov.my"
            answer = await scim.post("/Users", json={"userName": name, "active": active, **more})
            assert answer.status_code == 201, answer.text
            return name

        yield add


@pytest.fixture(scope="session")
def approval() -> Iterator[HoldingApproval]:
    """Approval, which holds what is corrected."""
    with HoldingApproval().serving() as approval:
        yield approval


@pytest.fixture(scope="session")
def variables(ipms, approval) -> dict[str, Any]:
    """Intake's own settings; a long pause between snapshots: only a live look knows news."""
    return {
        "approval_url": approval.url,
        "ipms_url": ipms.url,
        "ipms_token": ipms.token,
        "directory_refresh_seconds": 50,
        "integrators": {"hrmis": ["MAMPU"]},
        "acknowledgements_per_hour": 1000,
        "document_max_bytes": 100_000,
    }


@pytest.fixture(scope="session", autouse=True)
def _a_busy_machine_is_no_outage():
    """A live look at the directory may take long here without being given up."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshot, "LOOK_UP_SECONDS", 15)
        yield


@pytest.fixture(scope="module")
async def intake(shared, variables) -> AsyncIterator[httpx.AsyncClient]:
    """One intake for all tests of a module; each test brings requests of its own."""
    await shared.wire.create(INBOUND, OUTBOUND)
    async with shared.running(build, Settings, **variables) as client:
        yield client


@pytest.fixture
def wire(shared) -> Wire:
    return shared.wire


@pytest.fixture
def submit(intake, as_) -> Call:
    """`await submit(quota_bytes=1)`: an administrator of MAMPU submits an application."""

    async def post(*, who=ADMINISTRATOR, key: str = "", **changes: Any) -> httpx.Response:
        return await intake.post("/v1/requests", json=asked(**changes), headers=as_(*who, key=key))

    return post


@pytest.fixture
def upload(intake, as_) -> Call:
    """`await upload(b"...", "text/plain", filename="x.txt")`."""

    async def post(
        content: bytes = PDF,
        kind: str = "application/pdf",
        *,
        who=ADMINISTRATOR,
        key: str = "",
        filename: str = "memo.pdf",
    ) -> httpx.Response:
        headers = as_(*who, key=key) | {"Content-Type": kind}
        headers["Content-Disposition"] = f'attachment; filename="{filename}"'
        return await intake.post("/v1/documents", content=content, headers=headers)

    return post


@pytest.fixture
def deliver(intake, as_) -> Call:
    """`await deliver(message)`: an e-mail reaches the administrator of MAMPU."""

    async def post(message: bytes, *, who=ADMINISTRATOR, key: str = "") -> httpx.Response:
        headers = as_(*who, key=key) | {"Content-Type": "message/rfc822"}
        return await intake.post("/v1/emails", content=message, headers=headers)

    return post


@pytest.fixture
async def inbound(kafka, shared) -> AsyncIterator[Callable[..., Awaitable[None]]]:
    """`await inbound(value, headers)` publishes as hrmis does."""
    producer = AIOKafkaProducer(**kafka.options)
    await producer.start()

    async def publish(value: bytes, headers: dict[str, str]) -> None:
        raw = [(name, text.encode()) for name, text in headers.items()]
        await producer.send_and_wait(f"{shared.name}.{INBOUND}", value, headers=raw)

    yield publish
    await producer.stop()


@pytest.fixture
def say(intake, inbound) -> Callable[..., Awaitable[None]]:
    """`await say(body, event_id)`: hrmis submits."""

    async def publish(body: dict[str, Any] | bytes, event_id: str = "", **changes: str) -> None:
        value = body if isinstance(body, bytes) else json.dumps(body).encode()
        await inbound(value, submitted_headers(event_id, **changes))

    return publish


@pytest.fixture(scope="module")
async def with_pages(shared, variables, embedded_issuer):
    """Intake with its pages, for all tests of a module."""
    await shared.wire.create(INBOUND, OUTBOUND)
    own = {
        "issuer": embedded_issuer.url,
        "public_url": HERE,
        "session_key": RECORDS_KEY,
        "status_code_key": SECRETS["BMT_STATUS_CODE_KEY"],
        "status_calls_per_second": 1000,
        "client_address_header": "X-Forwarded-For",
    }
    async with shared.running(build, Settings, **{**variables, **own}) as client:
        yield client


@pytest.fixture
async def visitor(with_pages, new_account):
    """`await visitor()`: the browser of an applicant of MAMPU who signed in, with a new account."""
    browsers = []

    async def visitor(account=None, agency="MAMPU", role="role_applicant"):
        browser = httpx.AsyncClient(transport=with_pages._transport, base_url=HERE)
        browsers.append(browser)
        account = account or await new_account()
        person = {"account": account, "name": "Siti binti Ali", "agency": agency, role: "on"}
        await signing_in.sign_in(browser, "/my/", person)
        browser.headers["Origin"] = HERE
        return browser

    yield visitor
    for browser in browsers:
        await browser.aclose()
