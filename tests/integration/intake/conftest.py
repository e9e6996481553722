"""Intake as it runs, beside a real directory (SCIM); the integrator hrmis submits for MAMPU."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from fixtures.holding import HoldingApproval
from fixtures.wire import Wire
from intake_callers import ADMINISTRATOR, INBOUND, OUTBOUND, PDF, asked, submitted_headers

from services.intake import directory as snapshot
from services.intake.main import build
from services.intake.settings import Settings

Call = Callable[..., Awaitable[httpx.Response]]


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
