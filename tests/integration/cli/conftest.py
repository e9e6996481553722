"""The operator's commands against the Kafka and MongoDB of one test."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import pytest
from typer.testing import CliRunner

from bmt.chassis.runtime.mongodb import connect
from bmt.cli.main import app


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
async def databases(mongodb, topic_prefix):
    """`databases("intake")`: the empty database of a service (or of the operators) of this test."""
    client = connect(mongodb)
    prefix = _database_prefix(topic_prefix)
    yield lambda name: client[prefix + name]
    for name in await client.list_database_names():
        if name.startswith(prefix):
            await client.drop_database(name)
    client.close()


@pytest.fixture
def bmt(kafka, mongodb, topic_prefix, databases):
    """`await bmt("topics", "--json")`: what the command answers, as an operator would run it."""
    environment = {
        **kafka.environment,
        "BMT_TOPIC_PREFIX": topic_prefix,
        "BMT_MONGODB_URI": mongodb,
        "BMT_DATABASE_PREFIX": _database_prefix(topic_prefix),
    }

    async def run(*arguments: str, **changes: str | None) -> Answer:
        runner = CliRunner(env={**environment, **changes})
        result = await asyncio.to_thread(runner.invoke, app, list(arguments))
        return Answer(result.exit_code, result.stdout, result.stderr)

    return run


def _database_prefix(topic_prefix: str) -> str:
    return topic_prefix.replace("-", "_").replace(".", "_")
