"""The examples for integrators, each as its reader runs it, in a sandbox that decides what they submit."""

import asyncio
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from fixtures.outside import application
from fixtures.thoroughness import only_long

from bmt.integrator import Connection, Integrator
from evaluation import machine, sandbox

pytestmark = pytest.mark.e2e

EXAMPLES = Path(__file__).parents[2] / "examples" / "integrator"
STATUSES = ("approved", "configuring", "configured", "notified", "filed")
SECONDS = 120
SECONDS_TO_BUILD = 600


@pytest.fixture
async def connection(ready):
    """The connection of hrmis, while an administrator decides by the rules."""
    deciding = asyncio.create_task(sandbox.run(ready, sandbox.DEFAULT_RULES))
    yield sandbox.write_connection(ready)
    deciding.cancel()


async def run(*command: object, folder: Path = EXAMPLES, seconds: int = SECONDS) -> str:
    """What it prints; it must end by itself."""
    ended = await asyncio.to_thread(
        subprocess.run,
        list(map(str, command)),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        env=os.environ | {"PYTHONPATH": str(EXAMPLES.parents[1])},
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    return ended.stdout


def needs(*tools: str) -> None:
    if missing := [tool for tool in tools if shutil.which(tool) is None]:
        pytest.skip(f"{', '.join(missing)}: not on this machine")


def assert_followed_to_the_file(printed: str) -> None:
    accepted, *progressed = printed.splitlines()
    assert "SubmissionAccepted" in accepted
    assert len(progressed) == len(STATUSES), printed
    for status, line in zip(STATUSES, progressed, strict=True):
        assert status in line


async def test_the_client_in_python(connection):
    assert_followed_to_the_file(await run(sys.executable, "submit.py", connection))


async def test_python_without_our_library(connection):
    assert_followed_to_the_file(await run(sys.executable, "publish.py", connection))


@only_long
async def test_javascript(connection, tmp_path):
    needs("node", "npm")
    folder = shutil.copytree(EXAMPLES / "javascript", tmp_path / "javascript")
    try:
        await run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", folder=folder)
    except (AssertionError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"npm cannot fetch kafkajs: {error}")
    assert_followed_to_the_file(await run("node", "publish.mjs", connection, folder=folder))


@only_long
async def test_java(connection):
    """With the jars of the evaluation's own Kafka."""
    needs("java", "javac")
    printed = await run("java", "-cp", machine.classpath(), "java/Publish.java", connection)
    assert_followed_to_the_file(printed)


@only_long
async def test_go(connection, tmp_path):
    needs("go")
    program, folder = tmp_path / "publish", EXAMPLES / "go"
    try:
        await run("go", "mod", "download", folder=folder, seconds=SECONDS_TO_BUILD)
    except (AssertionError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"go cannot fetch franz-go: {error}")
    await run("go", "build", "-o", program, ".", folder=folder, seconds=SECONDS_TO_BUILD)
    assert_followed_to_the_file(await run(program, connection))


async def test_a_producer_that_shows_every_case_conforms(connection, ready):
    command = (sys.executable, "-m", "bmt.cli.main", "conformance", "hrmis")
    listening = await asyncio.create_subprocess_exec(
        *(*command, "--data", ready["data"], "--wait", str(SECONDS)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert b"listening" in await listening.stdout.readline()
    async with Integrator(Connection.read(connection)) as hrmis:
        for word in ("approve", "reject", "return", "withdraw"):
            await submit(hrmis, justification=f"{word}, please")
        await submit(hrmis, kind="termination", times=2)
    told, _ = await listening.communicate()
    assert listening.returncode == 0, told.decode()
    assert "hrmis conforms: 6 events, 0 wrong" in told.decode()


async def submit(hrmis: Integrator, *, times: int = 1, **changes) -> None:
    submission_id = uuid.uuid4().hex
    body = application(channel=..., source_reference=f"HR/{submission_id[:8]}", **changes)
    for _ in range(times):
        await hrmis.submit(body, submission_id)
