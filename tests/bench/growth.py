"""What an event costs with so many requests stored, against a thousand."""

from typing import Final

from bench import hearing
from bench.figures import Figure
from bench.options import Options
from bench.rebuild import fill
from bench.system import running
from bmt.chassis.mongodb import connect

NAME: Final = "growth"
FEW: Final = 1000


async def run(options: Options) -> list[Figure]:
    """The same new requests are heard beside many stored ones and beside few, in turns."""
    large: list[tuple[float, float]] = []
    small: list[tuple[float, float]] = []
    new = range(options.commits, options.commits + options.requests)
    async with running([]) as bench:
        await hearing.say(bench, new)
        client = connect(bench.system.mongodb.uri())
        await fill(client["bench_many"]["commits"], options.commits)
        await fill(client["bench_few"]["commits"], min(FEW, options.commits))
        for _ in range(options.rounds):
            for name, taken in (("bench_few", small), ("bench_many", large)):
                taken.append(await hearing.hear(bench, len(new), name))
                ids = [str(hearing.enveloped(hearing.received(each), each).id) for each in new]
                await client[name]["commits"].delete_many({"_id": {"$in": ids}})
                await client[name]["reviews"].delete_many({})
        client.close()
    return [
        Figure(
            NAME,
            f"{what} an event with {options.commits:,} requests, not {FEW:,}",
            "µs",
            [each[place] * 1e6 / len(new) for each in large],
            [each[place] * 1e6 / len(new) for each in small],
            goal="≤ 1.1 ×",
            higher_is_better=False,
        )
        for place, what in enumerate(("time", "our CPU"))
    ]
