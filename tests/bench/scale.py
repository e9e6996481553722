"""What a second process of each service changes on this machine: a report for docs/sizing.md."""

from typing import Final

from bench.figures import Figure
from bench.options import Options
from bench.procedures import rounds
from bench.system import running
from evaluation.ports import Scale

NAME: Final = "scale"


async def run(options: Options) -> list[Figure]:
    """The rounds of `procedures` with two processes of each service, beside those with one."""
    rates: dict[int, list[float]] = {}
    used: dict[int, list[float]] = {}
    for replicas in (1, 2):
        async with running(
            accounts=options.requests * (options.rounds + 1), scale=Scale(replicas)
        ) as bench:
            rates[replicas], spent = await rounds(bench, options)
        used[replicas] = [sum(each.values()) - each["client"] for each in spent]
    return [
        Figure(NAME, "whole procedures, two of each service", "/s", rates[2], rates[1]),
        Figure(NAME, "CPU of all processes", "s/1,000", used[2], used[1], higher_is_better=False),
    ]
