"""What each service holds in memory, at rest and at most under load; and how long the start takes."""

from time import monotonic
from typing import Final

from bench import procedures
from bench.figures import Figure
from bench.options import Options
from bench.processes import peak_mib, resident_mib
from bench.system import ALL, running

NAME: Final = "memory"


async def run(options: Options) -> list[Figure]:
    """Each round a new system: started, looked at, loaded with procedures, looked at again."""
    starts: list[float] = []
    rest: dict[str, list[float]] = {name: [] for name in ALL}
    load: dict[str, list[float]] = {name: [] for name in ALL}
    for _ in range(options.rounds):
        began = monotonic()
        async with running(accounts=options.requests) as bench:
            starts.append(monotonic() - began)
            for name in ALL:
                rest[name].append(resident_mib(bench.pids[name]))
            await procedures.one_round(bench, options.requests)
            for name in ALL:
                load[name].append(peak_mib(bench.pids[name]))
    return [
        Figure(NAME, "start, until all is ready", "s", starts, higher_is_better=False),
        *(
            Figure(NAME, f"{name}, {when}", "MiB", held[name], higher_is_better=False)
            for name in ALL
            for when, held in (("at rest", rest), ("at most", load))
        ),
    ]
