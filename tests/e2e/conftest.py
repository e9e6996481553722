"""A whole system, started as anybody starts it, once for all end-to-end tests."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from fixtures.collector import Collector, collecting
from fixtures.outside import Caller, registered

from evaluation import demonstration
from evaluation.demonstration import Officer
from evaluation.issuer import administrator, holder, mint

UNFORESEEN = ("call_failed", "page_failed")


def unforeseen(logs: Path) -> list[str]:
    """The calls that were answered with `internal`, with their traces."""
    return [
        json.dumps(line, indent=1).replace("\\n", "\n")
        for log in logs.glob("*.log")
        for text in log.read_text(errors="replace").splitlines()
        if any(f'"{event}"' in text for event in UNFORESEEN)
        and (line := json.loads(text))["event"] in UNFORESEEN
    ]


@pytest.fixture(scope="package")
def collector(tmp_path_factory) -> Iterator[Collector | None]:
    """Gets the spans of the whole system; None where it cannot run."""
    with collecting(tmp_path_factory.mktemp("collector")) as collector:
        yield collector


@pytest.fixture(scope="package")
def ready(collector):
    """What the ready file says. Whatever the tests do: no call may meet what nobody foresaw."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (collector.environment if collector else {}).items():
            patch.setenv(name, value)
        with demonstration.running() as document:
            yield document
            assert not unforeseen(Path(document["data"]) / "logs")


@pytest.fixture(scope="package")
async def http(ready) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture(scope="package")
def token(ready):
    """`token(role, agency, subject)`: a bearer token, as `bmt token` prints it."""
    minter = mint(ready["issuer"], Path(ready["data"]) / "issuer" / "key.json")

    def make(role: str, agency: str = "", subject: str | None = None, **options) -> str:
        return minter.token(holder([role], agency, subject), **options)

    return make


@pytest.fixture(scope="package")
def officers(ready, http, token):
    """The administrator of each agency."""
    return {
        agency: Officer(http, ready, token("administrator", agency, administrator(agency).subject))
        for agency in ("MAMPU", "JPA", "KPM")
    }


@pytest.fixture(scope="package")
def caller(ready, http, token):
    """`caller("administrator", "MAMPU")`: calls under a token; `caller()`: without one."""

    def make(role: str = "", agency: str = "MAMPU", subject: str | None = None) -> Caller:
        if role == "administrator" and subject is None:
            subject = administrator(agency).subject
        return Caller(http, ready, token(role, agency, subject) if role else "")

    return make


@pytest.fixture
async def account(ready, http) -> str:
    """A new account of MAMPU, registered and serving."""
    return await registered(http, ready)
