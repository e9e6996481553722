"""The examples for integrators, each as its reader runs it, in a sandbox that decides what they submit."""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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


async def test_javascript(connection, tmp_path):
    needs("node", "npm")
    folder = shutil.copytree(EXAMPLES / "javascript", tmp_path / "javascript")
    try:
        await run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", folder=folder)
    except (AssertionError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"npm cannot fetch kafkajs: {error}")
    assert_followed_to_the_file(await run("node", "publish.mjs", connection, folder=folder))


async def test_java(connection):
    """With the jars of the evaluation's own Kafka."""
    needs("java", "javac")
    printed = await run("java", "-cp", machine.classpath(), "java/Publish.java", connection)
    assert_followed_to_the_file(printed)


async def test_go(connection, tmp_path):
    needs("go")
    if not os.environ.get("BMT_LONG"):
        pytest.skip("Go compiles its client for minutes: BMT_LONG=1")
    program, folder = tmp_path / "publish", EXAMPLES / "go"
    try:
        await run("go", "mod", "download", folder=folder, seconds=SECONDS_TO_BUILD)
    except (AssertionError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"go cannot fetch franz-go: {error}")
    await run("go", "build", "-o", program, ".", folder=folder, seconds=SECONDS_TO_BUILD)
    assert_followed_to_the_file(await run(program, connection))
