"""What an event costs with so many requests stored, against a thousand."""

from typing import Any, Final

from bench import hearing
from bench.figures import Figure
from bench.options import Options
from bench.rebuild import fill, rebuilt
from bench.system import running
from bmt.chassis.messaging import consumer
from bmt.chassis.runtime.mongodb import connect
from services.approval.views import REVIEWS

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
        for name, stored in (("bench_many", options.commits), ("bench_few", FEW)):
            await fill(client[name]["commits"], min(stored, options.commits))
            await rebuilt(client[name])
        for _ in range(options.rounds + 1):  # the first of each warms up
            for name, taken in (("bench_few", small), ("bench_many", large)):
                taken.append(await hearing.hear(bench, len(new), name))
                await _forget(client[name], new)
        client.close()
    return [
        Figure(
            NAME,
            f"{what} an event with {options.commits:,} requests, not {FEW:,}",
            "µs",
            [each[place] * 1e6 / len(new) for each in large[1:]],
            [each[place] * 1e6 / len(new) for each in small[1:]],
            goal="≤ 1.1 ×",
            higher_is_better=False,
        )
        for place, what in enumerate(("time", "our CPU"))
    ]


async def _forget(database: Any, numbers: range) -> None:
    """As it was before these were heard."""
    await database[consumer.POSITIONS].delete_many({})
    for number in numbers:
        event = hearing.received(number)
        causation = hearing.enveloped(event, number).id
        await database["commits"].delete_one({"_id": causation})
        await database[REVIEWS.name].delete_one({"_id": event.request.request_id})
