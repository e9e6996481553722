"""Records the streams of scenarios that have none yet; what is recorded is never recorded again.

PYTHONPATH=tests python tests/contract/record_replays.py
"""

import asyncio
import importlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fixtures.memory_event_store import MemoryEventStore
from streams import TELLERS, Teller, document

from bmt.chassis.eventsourcing.decider import Message
from bmt.chassis.eventsourcing.event_store import Commit, Vocabulary
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.runtime import clock
from bmt.contracts.problems import Refused

REPLAYS = Path(__file__).parent / "replays"
REQUEST = "request-019349f0-1c2a-7b3c-8d4e-5f60718293a4"
OTHERS = {
    "bulk": "bulk-019349f0-1c2a-7b3c-8d4e-5f60718293a4",
    "rules": "agency-MAMPU",
    "disposal-carried-out": "disposal-019ab000-0000-7000-8000-000000000001",
    "disposal-rejected": "disposal-019ab000-0000-7000-8000-000000000002",
    "disposal-stopped": "disposal-019ab000-0000-7000-8000-000000000003",
    "search": "search-019349f0-1c2a-7b3c-8d4e-5f60718293a4",
    "template": "template-MAMPU-rejected",
    "document": "upload-019349f0-1c2a-7b3c-8d4e-5f60718293a4",
    "scan": "scan-019349f0-1c2a-7b3c-8d4e-5f60718293a4",
    "email-delivered": "delivery-019349f0-1c2a-7b3c-8d4e-5f60718293a4",
    "refused-to-an-integrator": "refusal-019349f0-1c2a-7b3c-8d4e-5f60718293a4",
}
"""Scenarios whose stream is not a request's."""


async def recorded(teller: Teller, stream: str, commands: Sequence[Any]) -> dict[str, Any]:
    """What a service stores of these commands."""
    store = MemoryEventStore()
    execution: Execution[Any, Any] = Execution(
        store=store,
        deciders=teller.deciders,
        vocabulary=Vocabulary(teller.models.values()),
        published=[type_ for type_, model in teller.models.items() if model in teller.said],
        deliver=_keep,
        clock=clock.now,
        new_id=clock.new_id,
    )
    for number, command in enumerate(commands):
        try:
            await execution.execute(Message(stream, f"cause-{number}", "", command))
        except Refused as refused:
            print(f"  {type(command).__name__}: {refused.problem}")  # noqa: T201  a command's answer
    await execution.close()
    commits = (await store.load([stream]))[stream]
    return document(commits, await execution.state(stream))


async def _keep(_: Sequence[Commit]) -> None:
    """There is nobody to deliver to."""


async def record() -> None:
    """Every scenario that is not recorded yet."""
    for service, teller in TELLERS.items():
        scenarios = importlib.import_module(f"contract.scenarios.{service}").SCENARIOS
        for name, commands in scenarios.items():
            file = REPLAYS / service / f"{name}.json"
            if file.exists():
                continue
            print(file)  # noqa: T201
            written = await recorded(teller, OTHERS.get(name, REQUEST), commands)
            file.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(written, indent=1, ensure_ascii=False)
            file.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(record())
