"""The search of files among many: how long a page of answers takes, for words that are rare, frequent and absent."""

import random
import time
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bench.figures import Figure, percentile
from bench.options import Options
from bench.system import running
from bmt.chassis.readmodels.view_store import MongoViewStore, Query, search_terms, words_of
from bmt.chassis.runtime.mongodb import connect
from services.records.views import FILES

NAME: Final = "search"
AT_A_TIME: Final = 1_000
TIMES: Final = 15
PAGE: Final = 51
BEGAN: Final = datetime(2020, 1, 1, tzinfo=UTC)
COMMON: Final = [f"kata{number}" for number in range(3_000)]
"""Words of justifications, the first ones far more frequent than the last."""

ASKED: Final = {
    "a reference": "BMT-MAMPU-2026-{rare:08}",
    "an account": "pengguna{rare}",
    "a frequent word": "kata0",
    "a rare word": "kata2999",
    "two words": "kata1 kata2500",
    "the beginning of many": "kata",
    "nothing": "tiadasesiapa",
}


async def run(options: Options) -> list[Figure]:
    """Fill the view, then ask; each figure is the slowest of its kind but for one in twenty."""
    async with running([]) as bench:
        client = connect(bench.system.mongodb.uri())
        database = client["bench_search"]
        store = MongoViewStore(database)
        await store.prepare({FILES.name: FILES.indexes})
        await _fill(database[FILES.name], options.commits)
        figures = [
            Figure(
                NAME,
                f"{kind}, in {options.commits:,} files, p95",
                "ms",
                [percentile(await _asked(store, text, options.commits), 0.95)],
                goal="≤ 200",
                higher_is_better=False,
            )
            for kind, text in ASKED.items()
        ]
        await client.drop_database("bench_search")
        client.close()
    return figures


async def _fill(files: Any, count: int) -> None:
    chance = random.Random(1)
    for start in range(0, count, AT_A_TIME):
        numbers = range(start, min(start + AT_A_TIME, count))
        await files.insert_many([_file(number, chance) for number in numbers], ordered=False)


def _file(number: int, chance: random.Random) -> dict[str, Any]:
    said = [COMMON[int(len(COMMON) * chance.random() ** 3)] for _ in range(12)]
    reference, account = f"BMT-MAMPU-2026-{number:08}", f"pengguna{number}@example.my"
    return {
        "_id": f"request-{number:09}",
        "agency": f"A{number % 40}",
        "status": "filed",
        "received_at": BEGAN + timedelta(minutes=number),
        "document_ids": [],
        "words": words_of([reference, account, f"MAMPU.BMT.600-1/2/{number}", *said]),
        "_applied": {},
        "_revision": 1,
    }


async def _asked(store: MongoViewStore, text: str, count: int) -> list[float]:
    """Milliseconds, with the words and pages that nobody asked for before."""
    times, chance = [], random.Random(2)
    for _ in range(TIMES):
        words = search_terms(text.format(rare=chance.randrange(count)))
        query = Query(
            beginning={"words": words}, order_by="received_at", descending=True, limit=PAGE
        )
        began = time.perf_counter()
        await store.find(FILES.name, query)
        times.append(1000 * (time.perf_counter() - began))
    return times
