"""The register of file numbers: one for each request, without gaps within an agency, never changed."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from bmt.chassis import crash_points
from bmt.chassis.errors import StillContended
from bmt.chassis.runtime import mongodb
from bmt.chassis.runtime.lru_cache import LruCache

COLLECTION: Final = "file_numbers"
CONFLICT_TRIES: Final = 100
REMEMBERED: Final = 20_000
"""The number of requests whose file number is cached. A number never changes."""

INDEXES: Final = (mongodb.IndexModel([("agency", 1), ("number", 1)], unique=True, name="series"),)


class FileNumbers:
    """Gives each request the next number of its agency's series, once.

    A number is a document. It is inserted once its predecessor is durable, and refused if another
    process took it. So no counter can run ahead of the files.
    """

    def __init__(self, collection: mongodb.Collection, series: str) -> None:
        """`collection` needs find and insert. `{agency}` in `series` becomes the agency's code."""
        self._numbers = collection
        self._series = series
        self._given: LruCache[str, str] = LruCache(REMEMBERED)

    async def prepare(self) -> None:
        with mongodb.store_errors():
            await self._numbers.create_indexes(list(INDEXES))

    async def of(self, requests: Mapping[str, str]) -> dict[str, str]:
        """The file number of each request, for example `MAMPU.BMT.600-1/2/17`.

        `requests` maps to agencies.

        Raises:
            StoreUnavailable: the numbers may not be stored. A repetition gives the same ones.
        """
        known = {name: given for name in requests if (given := self._given.get(name)) is not None}
        missing = {name: agency for name, agency in requests.items() if name not in known}
        for name, given in (await self._give(missing) if missing else {}).items():
            self._given.put(name, given)
            known[name] = given
        return known

    async def _give(self, asked: Mapping[str, str]) -> dict[str, str]:
        given = await self._known(asked)
        for _ in range(CONFLICT_TRIES):
            new = {name: agency for name, agency in asked.items() if name not in given}
            if not new:
                return given
            for agency in sorted(set(new.values())):
                wanting = [request_id for request_id in new if new[request_id] == agency]
                await self._insert(agency, wanting)
            given |= await self._known(new)
        raise StillContended("file_numbers")

    async def _insert(self, agency: str, request_ids: Sequence[str]) -> None:
        """Insert the next numbers, in order. A conflict ends the attempt without a gap."""
        with mongodb.store_errors():
            last = await self._numbers.find_one({"agency": agency}, sort=[("number", -1)])
            number = last["number"] if last else 0
            documents = [
                {"_id": request_id, "agency": agency, "number": number + place}
                for place, request_id in enumerate(request_ids, start=1)
            ]
            crash_points.reached("records.file_numbers.inserting")
            try:
                await self._numbers.insert_many(documents, ordered=True)
            except mongodb.BulkWriteError as error:
                mongodb.duplicates(error)
        crash_points.reached("records.file_numbers.inserted")

    async def _known(self, request_ids: Collection[str]) -> dict[str, str]:
        with mongodb.store_errors():
            found = await self._numbers.find({"_id": {"$in": list(request_ids)}}).to_list(None)
        return {given["_id"]: self._named(given["agency"], given["number"]) for given in found}

    def _named(self, agency: str, number: int) -> str:
        return f"{self._series.replace('{agency}', agency)}/{number}"
