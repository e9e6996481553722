"""A view from so many stored commits, against reading and decoding the same documents with pymongo."""

import time
from typing import Any, Final

from bench.figures import Figure
from bench.options import Options
from bench.processes import own_peak_mib
from bench.reviews import commit
from bench.system import running
from bmt.chassis.eventsourcing.event_store import MongoEventStore, Vocabulary
from bmt.chassis.http.app import collect_garbage_less_often
from bmt.chassis.readmodels.rebuilding import OwnStreams, Page, rebuild
from bmt.chassis.readmodels.view_store import MongoViewStore
from bmt.chassis.readmodels.views import Remade, ViewProjection
from bmt.chassis.runtime.mongodb import connect
from bmt.contracts import topics
from services.approval.domain.events import PRIVATE
from services.approval.views import REVIEWS

NAME: Final = "rebuild"
AT_A_TIME: Final = 500
VOCABULARY: Final = Vocabulary([*topics.EVENTS[topics.DECISIONS], *PRIVATE])


async def run(options: Options) -> list[Figure]:
    """Each round reads all twice: bare, and into approval's view."""
    collect_garbage_less_often()  # as every service
    ours, bare, memory = [], [], []
    async with running([]) as bench:
        client = connect(bench.system.mongodb.uri())
        database = client["bench_rebuild"]
        await fill(database["commits"], options.commits)
        for _ in range(options.rounds):
            bare.append(options.commits / await _bare(database))
            ours.append(options.commits / await rebuilt(database))
            memory.append(own_peak_mib())
        client.close()
    return [
        Figure(NAME, f"view of {options.commits:,} commits", "/s", ours, bare, goal="≥ 0.5 ×"),
        Figure(NAME, "memory, at most", "MiB", memory, higher_is_better=False),
    ]


async def fill(commits: Any, count: int) -> None:
    """Store so many, with the store's indexes."""
    await MongoEventStore(commits).prepare()
    for start in range(0, count, AT_A_TIME):
        numbers = range(start, min(start + AT_A_TIME, count))
        await commits.insert_many([commit(number) for number in numbers], ordered=False)


async def _bare(database: Any) -> float:
    """Read in the same order and decoded by the same models, and nothing else."""
    began = time.perf_counter()
    async for document in database["commits"].find().sort([("stream", 1), ("version", 1)]):
        for event in document["events"]:
            VOCABULARY.decode_text(event["type"], event["data"])
    return time.perf_counter() - began


async def rebuilt(database: Any) -> float:
    """As `bmt views rebuild` does it, of a view that is lost."""
    view = ViewProjection(REVIEWS, MongoViewStore(database))
    await view.clear()
    began = time.perf_counter()
    await remade(database, view)
    return time.perf_counter() - began


async def remade(database: Any, view: ViewProjection[Any]) -> None:
    """Once through all commits."""
    own = OwnStreams(MongoEventStore(database["commits"]), VOCABULARY, "/bmt/approval")

    async def go_on(page: Page, done: Remade) -> bool:
        del page, done
        return True

    await rebuild(view, own, go_on)
