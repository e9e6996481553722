"""Requests acknowledged a second at 64 connections, against a bare handler on the same server."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Final

from bench.figures import Figure, percentile
from bench.http_client import Connection, connections
from bench.options import Options
from bench.profiler import profiled
from bench.submissions import submission
from bench.system import PATH, Bench, running
from evaluation.ports import listening
from evaluation.supervisor import Program
from evaluation.supervisor import running as process_running

NAME: Final = "intake"
CLIENTS: Final = 64
BARE: Final = 12
"""Of the system's ports: one that nothing else has."""


async def run(options: Options) -> list[Figure]:
    """Rounds of each, one after the other, in turns."""
    total = options.requests * (options.rounds + 1)
    ours: list[list[float]] = []
    bare: list[list[float]] = []
    async with running(["intake"], accounts=total) as bench, _bare(bench) as port:
        tokens = bench.administrators(CLIENTS)
        for number in range(options.rounds + 1):
            numbers = range(number * options.requests, (number + 1) * options.requests)
            bare.append(await _round(port, tokens, numbers))
            async with profiled(bench.pids, options.profile):
                ours.append(await _round(bench.port("intake"), tokens, numbers))
    return _figures(ours[1:], bare[1:])  # the first ones warmed up


def _figures(ours: list[list[float]], bare: list[list[float]]) -> list[Figure]:
    """Each round is the milliseconds of every call, and last how long all took, in seconds."""
    rates = Figure(
        NAME,
        "POST /v1/requests at 64 connections",
        "/s",
        [_rate(each) for each in ours],
        [_rate(each) for each in bare],
        goal="≥ 1.7 ×",
    )
    spans = [
        Figure(
            NAME,
            f"the same, {name}",
            "ms",
            [percentile(each[:-1], share) for each in ours],
            [percentile(each[:-1], share) for each in bare],
            goal=goal,
            higher_is_better=False,
        )
        for name, share, goal in (("p50", 0.5, ""), ("p99", 0.99, "≤ 1 ×"))
    ]
    return [rates, *spans]


def _rate(calls: list[float]) -> float:
    return (len(calls) - 1) / calls[-1]


async def _round(port: int, tokens: list[str], numbers: range) -> list[float]:
    taken: list[float] = []
    waiting = iter(numbers)
    async with connections(port, len(tokens)) as opened:
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for connection, token in zip(opened, tokens, strict=True):
                group.create_task(_submit(connection, token, waiting, taken))
    return [*taken, time.perf_counter() - began]


async def _submit(
    connection: Connection, token: str, numbers: Iterator[int], taken: list[float]
) -> None:
    for number in numbers:
        request = submission(number, token)
        began = time.perf_counter()
        status, body = await connection.call(request)
        taken.append((time.perf_counter() - began) * 1000)
        if status != 201:
            raise RuntimeError(f"{status}: {body!r}")


@asynccontextmanager
async def _bare(bench: Bench) -> AsyncIterator[int]:
    """The bare server, on the same mongod."""
    port = bench.system.ports.base + BARE

    async def ready() -> bool:
        return await listening(port)

    uri = bench.system.mongodb.uri()
    command = (sys.executable, "-m", "bench.bare_intake", str(port), uri)
    program = Program("bare", command, ready, {"PYTHONPATH": PATH})
    async with process_running(program, bench.system.layout.logs):
        yield port
