"""The procedure of one sample: receive, approve, configure, notify, file (SOP 4.1.1, 4.2.1, 6.0)."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from bmt.cli.demo.officer import Json, NotHeardYet, Officer
from bmt.cli.demo.samples import Sample

SECONDS_BETWEEN_LOOKS: Final = 0.1
LONGEST_SECONDS: Final = 60.0

Tell = Callable[[Sample, Json], None]
"""Told each step of a request as it happens."""


class Stuck(RuntimeError):  # noqa: N818  named for what is so
    """A request did not come to its end in time."""


async def run(sample: Sample, officer: Officer, tell: Tell) -> str:
    """Take one sample through all four steps; the request's id, once it is filed.

    Raises:
        Stuck: it does not go on.
    """
    request_id = str((await officer.receive(sample))["request_id"])
    told: set[tuple[str, str]] = set()
    deadline = time.monotonic() + LONGEST_SECONDS
    while True:
        now = await officer.status(request_id)
        for step in now["steps"]:
            # A topic may bring an earlier step later: each is told when it is first seen.
            if (seen := (step["step"], step["at"])) not in told:
                told.add(seen)
                tell(sample, {**step, "reference": now["reference"]})
        if now["status"] == "filed":
            return request_id
        if time.monotonic() > deadline:
            raise Stuck(f"{now['reference']} is {now['status']} after {LONGEST_SECONDS:.0f} s")
        with suppress(NotHeardYet):
            await _go_on(sample, officer, request_id, now["status"])
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)


async def _go_on(sample: Sample, officer: Officer, request_id: str, status: str) -> None:
    """Do what the procedure asks of a person now."""
    if status == "received":
        await officer.approve(request_id)
    elif status == "awaiting_operator" and sample.evidence:
        await officer.configure_by_hand(request_id, sample.evidence)
    await officer.hand_over_papers(request_id)


async def run_all(
    samples: list[Sample], officers: dict[str, Officer], tell: Tell
) -> dict[str, str]:
    """All samples side by side, each after the one that it waits for; request ids by name."""
    tasks: dict[str, asyncio.Task[str]] = {}

    async def in_turn(sample: Sample) -> str:
        if sample.after:
            await tasks[sample.after]
        return await run(sample, officers[sample.agency], tell)

    async with asyncio.TaskGroup() as group:
        for sample in samples:
            tasks[sample.name] = group.create_task(in_turn(sample))
    return {name: task.result() for name, task in tasks.items()}
