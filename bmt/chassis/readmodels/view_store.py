"""How views are stored: documents by key, each with the positions of the events it holds; and the words that lists are searched by.

A view of the service's own events can be rebuilt, so one node acknowledges its writes. A view of another
service's events cannot: these are not redelivered once their offset is committed.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any, Final, Protocol

from bmt.chassis.runtime import mongodb
from bmt.contracts.values import immutable, read_reference

Body = dict[str, Any]


@immutable
class ViewDocument:
    """One document of a view.

    Attributes:
        body: its fields. Times are aware datetimes, so that they sort.
        applied: for each origin (stream), the position of the last event it holds.
        revision: counts its writes, and guards against two writers.
    """

    key: str
    body: Body
    applied: Mapping[str, int]
    revision: int


@immutable
class Query:
    """What to find. All conditions must hold. Fields may be dotted paths; `_id` is the key.

    Attributes:
        one_of: field → values. none_of: field → values that it must not have.
        at_least: field → lowest value.
        below: field → the first value too high.
        beginning: field (a list of texts) → texts, each of which must begin one of the list.
        order_by: field to sort by, then by key. None comes first; descending, last.
        fields: read of each document these alone; empty: all.
        nullable: `order_by` may be None; it matters only when descending.
        after: the (order_by value, key) of the last document seen before.
    """

    equal: Mapping[str, Any] = field(default_factory=dict)
    one_of: Mapping[str, Collection[Any]] = field(default_factory=dict)
    none_of: Mapping[str, Collection[Any]] = field(default_factory=dict)
    at_least: Mapping[str, Any] = field(default_factory=dict)
    below: Mapping[str, Any] = field(default_factory=dict)
    beginning: Mapping[str, Sequence[str]] = field(default_factory=dict)
    order_by: str | None = None
    descending: bool = False
    nullable: bool = False
    after: tuple[Any, str] | None = None
    limit: int = 50
    fields: Collection[str] = ()


class ViewStore(Protocol):
    """The promises of the memory and the MongoDB view store. One test suite checks both.

    Every method raises `StoreUnavailable` if the store cannot be reached.
    """

    async def load(self, view: str, keys: Collection[str]) -> Mapping[str, ViewDocument]: ...

    async def save(
        self, view: str, documents: Sequence[ViewDocument], *, durable: bool = False
    ) -> Collection[str]:
        """Write each document whose stored revision is one lower. Returns the keys not written.

        `durable`: return when no crash can undo it.
        """
        ...

    async def find(self, view: str, query: Query) -> Sequence[ViewDocument]: ...

    async def count(
        self, view: str, by: Sequence[str], query: Query
    ) -> Mapping[tuple[Any, ...], int]: ...

    async def distinct(self, view: str, field: str, query: Query) -> Collection[Any]:
        """The different values of `field` except None, read from an index that has it."""
        ...

    async def remove(self, view: str, keys: Collection[str]) -> None: ...

    async def clear(self, view: str) -> None: ...


_KEPT = frozenset({"_id", "_applied", "_revision"})


class MongoViewStore:
    """Views as collections of the service's own database."""

    def __init__(self, database: mongodb.Database) -> None:
        self._database = database
        self._rebuildable: dict[str, mongodb.Collection] = {}

    async def prepare(self, indexes: Mapping[str, Sequence[Sequence[str]]]) -> None:
        with mongodb.store_errors():
            for view, fields in indexes.items():
                if fields:
                    await self._database[view].create_indexes(
                        [mongodb.IndexModel([(name, 1) for name in names]) for names in fields]
                    )

    def _collection(self, view: str) -> mongodb.Collection:
        if view not in self._rebuildable:
            self._rebuildable[view] = mongodb.rebuildable(self._database[view])
        return self._rebuildable[view]

    async def load(self, view: str, keys: Collection[str]) -> Mapping[str, ViewDocument]:
        if not keys:
            return {}
        found = await self._read(view, {"_id": {"$in": list(keys)}})
        return {document.key: document for document in found}

    async def save(
        self, view: str, documents: Sequence[ViewDocument], *, durable: bool = False
    ) -> Collection[str]:
        """As `ViewStore.save`: one bulk write. A first revision is inserted, a later one replaced."""
        if not documents:
            return ()
        new = [document for document in documents if document.revision == 1]
        later = [document for document in documents if document.revision > 1]
        writes: list[Any] = [
            *(mongodb.InsertOne(_raw(document)) for document in new),
            *_replacements(later),
        ]
        taken: set[str] = set()
        collection = self._database[view] if durable else self._collection(view)
        with mongodb.store_errors():
            try:
                result = await collection.bulk_write(writes, ordered=False)
                written = result.modified_count + result.inserted_count
            except mongodb.BulkWriteError as error:
                taken = {new[index].key for index in mongodb.duplicates(error)}
                written = error.details["nModified"] + error.details["nInserted"]
        if written == len(documents):
            return ()
        stored = await self.load(view, [document.key for document in documents])
        return [
            document.key
            for document in documents
            if document.key in taken or not _stands(document, stored.get(document.key))
        ]

    async def find(self, view: str, query: Query) -> Sequence[ViewDocument]:
        return await self._read(view, _filter(query), query)

    async def count(
        self, view: str, by: Sequence[str], query: Query
    ) -> Mapping[tuple[Any, ...], int]:
        group = {name.replace(".", "_"): f"${name}" for name in by}
        pipeline = [
            {"$match": _filter(query)},
            {"$group": {"_id": group, "count": {"$sum": 1}}},
        ]
        with mongodb.store_errors():
            rows = await self._collection(view).aggregate(pipeline).to_list(None)
        return {tuple(row["_id"].get(name) for name in group): row["count"] for row in rows}

    async def distinct(self, view: str, field: str, query: Query) -> Collection[Any]:
        with mongodb.store_errors():
            found = await self._collection(view).distinct(field, _filter(query))
        return [value for value in found if value is not None]

    async def remove(self, view: str, keys: Collection[str]) -> None:
        with mongodb.store_errors():
            await self._collection(view).delete_many({"_id": {"$in": list(keys)}})

    async def clear(self, view: str) -> None:
        with mongodb.store_errors():
            await self._collection(view).delete_many({})

    async def _read(
        self, view: str, where: dict[str, Any], query: Query | None = None
    ) -> list[ViewDocument]:
        fields = [*query.fields, "_applied", "_revision"] if query and query.fields else None
        cursor = self._collection(view).find(where, fields)
        if query is not None:
            direction = mongodb.DESCENDING if query.descending else mongodb.ASCENDING
            order = [(query.order_by, direction)] if query.order_by else []
            cursor = cursor.sort([*order, ("_id", direction)]).limit(query.limit)
        with mongodb.store_errors():
            return [_document(raw) for raw in await cursor.to_list(None)]


def _raw(document: ViewDocument) -> Body:
    return {
        **document.body,
        "_id": document.key,
        "_applied": dict(document.applied),
        "_revision": document.revision,
    }


_TOGETHER: Final = 50
_TOGETHER_BYTES: Final = 1_000_000
"""MongoDB takes 16 MB in one update."""


def _replacements(documents: Sequence[ViewDocument]) -> Iterator[mongodb.UpdateMany]:
    """One update for many documents, each guarded by its own revision: half of mongod's cost of one for each.

    The filter is the id alone: a second condition costs mongod more than the guard inside. `UpdateMany` saves it the
    entry for retryable writes. The guard makes a retry harmless.
    """
    together: dict[str, tuple[int, mongodb.Encoded]] = {}
    size = 0
    for document in documents:
        encoded = mongodb.encoded(_raw(document))
        if together and (len(together) == _TOGETHER or size + len(encoded.raw) > _TOGETHER_BYTES):
            yield _replacement(together)
            together, size = {}, 0
        together[document.key] = document.revision - 1, encoded
        size += len(encoded.raw)
    if together:
        yield _replacement(together)


def _replacement(together: Mapping[str, tuple[int, mongodb.Encoded]]) -> mongodb.UpdateMany:
    keys = list(together)
    befores, replacements = zip(*together.values(), strict=True)
    place = {"$indexOfArray": [{"$literal": keys}, "$_id"]}
    before = {"$arrayElemAt": [list(befores), place]}
    replaced = {"$arrayElemAt": [{"$literal": list(replacements)}, place]}
    unchanged = {"$eq": ["$_revision", before]}
    return mongodb.UpdateMany(
        {"_id": {"$in": keys}}, [{"$replaceWith": {"$cond": [unchanged, replaced, "$$ROOT"]}}]
    )


def _document(raw: dict[str, Any]) -> ViewDocument:
    body = {name: value for name, value in raw.items() if name not in _KEPT}
    return ViewDocument(raw["_id"], body, raw["_applied"], raw["_revision"])


def _stands(written: ViewDocument, stored: ViewDocument | None) -> bool:
    """Whether the stored document is ours, or built upon ours."""
    return (
        stored is not None
        and stored.revision >= written.revision
        and all(stored.applied.get(o, 0) >= position for o, position in written.applied.items())
    )


def _filter(query: Query) -> dict[str, Any]:
    clauses: list[dict[str, Any]] = [
        *({name: value} for name, value in query.equal.items()),
        *({name: {"$in": list(values)}} for name, values in query.one_of.items()),
        *({name: {"$nin": list(values)}} for name, values in query.none_of.items()),
        *({name: {"$gte": value}} for name, value in query.at_least.items()),
        *({name: {"$lt": value}} for name, value in query.below.items()),
        *(
            {name: {"$regex": f"^{re.escape(text)}"}}
            for name, texts in query.beginning.items()
            for text in texts
        ),
    ]
    if query.after is not None:
        clauses.append(_beyond(query, *query.after))
    return {"$and": clauses} if clauses else {}


def _beyond(query: Query, value: Any, key: str) -> dict[str, Any]:
    further = "$lt" if query.descending else "$gt"
    if query.order_by is None:
        return {"_id": {further: key}}
    if value is None:
        tied = {query.order_by: None, "_id": {further: key}}
        return tied if query.descending else {"$or": [tied, {query.order_by: {"$ne": None}}]}
    # A comparison with a value leaves None out.
    last = [{query.order_by: None}] if query.descending and query.nullable else []
    return {
        "$or": [
            {query.order_by: {further: value}},
            {query.order_by: value, "_id": {further: key}},
            *last,
        ]
    }


# Words that a list is searched by. Case, accents and surrounding punctuation do not matter.

MOST_WORDS: Final = 4_000
LONGEST_WORD: Final = 64
"""Longer words are found by their beginning."""

_PART: Final = re.compile(r"[^\W_]+")
_AROUND: Final = re.compile(r"^[\W_]+|[\W_]+$")
_ASCII_AROUND: Final = "".join(each for each in map(chr, range(128)) if not each.isalnum())


def words_of(texts: Iterable[str]) -> list[str]:
    """Each word, whole and in parts: `siti.mampu@example.my` is also `siti` and `mampu`."""
    found: dict[str, None] = {}
    for word in _words(" ".join(texts)):
        found[word] = None
        if not word.isalnum():
            found |= dict.fromkeys(_PART.findall(word))
    return list(found)[:MOST_WORDS]


def search_terms(text: str) -> list[str]:
    """The search terms of a query. A document matches if each term begins one of its words.

    A reference counts in its normal form, however it is typed. Any text around it is ignored. Signs alone begin no
    word, so they find nothing.
    """
    if (reference := read_reference(text)) is not None:
        return [reference.casefold()]
    return _words(text) or [signs[:LONGEST_WORD] for signs in text.split()]


def _words(text: str) -> list[str]:
    if text.isascii():
        bare = [word.strip(_ASCII_AROUND) for word in text.lower().split()]
    else:
        bare = [_AROUND.sub("", word) for word in _folded(text).split()]
    return [word[:LONGEST_WORD] for word in bare if word]


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))
