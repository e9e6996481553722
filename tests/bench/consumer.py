"""Events a second through decide, append, publish and offset, against a loop of bare libraries."""

from typing import Final

from bench import bare_consumer, hearing
from bench.figures import Figure
from bench.options import Options
from bench.system import running
from bmt.chassis.http.app import collect_garbage_less_often

NAME: Final = "consumer"


async def run(options: Options) -> list[Figure]:
    """Both read the same topic, in turns; a service of its own group and database each time."""
    collect_garbage_less_often()  # as a service does; for both
    count = options.requests * 3
    ours: list[tuple[float, float]] = []
    bare: list[tuple[float, float]] = []
    async with running([]) as bench:
        await hearing.say(bench, range(count))
        for _ in range(options.rounds + 1):  # the first of each warms up
            bare.append(
                await bare_consumer.consume(bench.kafka(), bench.system.mongodb.uri(), count)
            )
            ours.append(await hearing.hear(bench, count))
    return [
        Figure(
            NAME,
            "events heard, decided, stored, said",
            "/s",
            [count / seconds for seconds, _ in ours[1:]],
            [count / seconds for seconds, _ in bare[1:]],
            goal="≥ 0.7 ×",
        ),
        Figure(
            NAME,
            "our CPU an event",
            "µs",
            [cpu * 1e6 / count for _, cpu in ours[1:]],
            [cpu * 1e6 / count for _, cpu in bare[1:]],
            higher_is_better=False,
        ),
    ]
