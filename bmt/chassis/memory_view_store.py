"""Views in memory, for fast tests, under the same suite as the real ones."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from bmt.chassis.view_store import Query, ViewDocument


class MemoryViewStore:
    """Documents by view and key; nothing outlives the process."""

    def __init__(self) -> None:
        self._views: dict[str, dict[str, ViewDocument]] = {}

    async def load(self, view: str, keys: Collection[str]) -> Mapping[str, ViewDocument]:
        """As `ViewStore.load`."""
        documents = self._views.get(view, {})
        return {key: documents[key] for key in keys if key in documents}

    async def save(
        self, view: str, documents: Sequence[ViewDocument], *, durable: bool = False
    ) -> Collection[str]:
        """As `ViewStore.save`; nothing here is durable."""
        del durable
        stored = self._views.setdefault(view, {})
        conflicts = []
        for document in documents:
            revision = stored[document.key].revision if document.key in stored else 0
            if document.revision == revision + 1:
                stored[document.key] = document
            else:
                conflicts.append(document.key)
        return conflicts

    async def find(self, view: str, query: Query) -> Sequence[ViewDocument]:
        """As `ViewStore.find`."""
        found = [d for d in self._views.get(view, {}).values() if _matches(d.body, query)]
        found.sort(key=lambda d: _place(d, query), reverse=query.descending)
        if query.after is not None:
            value, key = query.after
            last = (*_sorting(value), key) if query.order_by else (key,)
            found = [
                d
                for d in found
                if (_place(d, query) < last if query.descending else _place(d, query) > last)
            ]
        return found[: query.limit]

    async def count(
        self, view: str, by: Sequence[str], query: Query
    ) -> Mapping[tuple[Any, ...], int]:
        """As `ViewStore.count`."""
        return Counter(
            tuple(_field(document.body, name) for name in by)
            for document in self._views.get(view, {}).values()
            if _matches(document.body, query)
        )

    async def distinct(self, view: str, field: str, query: Query) -> Collection[Any]:
        """As `ViewStore.distinct`."""
        found = (d.body for d in self._views.get(view, {}).values() if _matches(d.body, query))
        return {value for body in found if (value := _field(body, field)) is not None}

    async def remove(self, view: str, keys: Collection[str]) -> None:
        """As `ViewStore.remove`."""
        for key in keys:
            self._views.get(view, {}).pop(key, None)

    async def clear(self, view: str) -> None:
        """As `ViewStore.clear`."""
        self._views.pop(view, None)


def _field(body: Any, path: str) -> Any:
    for name in path.split("."):
        body = body.get(name) if isinstance(body, dict) else None
    return body


def _place(document: ViewDocument, query: Query) -> tuple[Any, ...]:
    if query.order_by is None:
        return (document.key,)
    return (*_sorting(_field(document.body, query.order_by)), document.key)


def _sorting(value: Any) -> tuple[Any, ...]:
    """None before everything else, as MongoDB has it."""
    return (value is not None, value)


def _matches(body: dict[str, Any], query: Query) -> bool:
    return (
        all(_field(body, name) == value for name, value in query.equal.items())
        and all(_field(body, name) in values for name, values in query.one_of.items())
        and all(
            (found := _field(body, name)) is not None and found >= value
            for name, value in query.at_least.items()
        )
        and all(
            (found := _field(body, name)) is not None and found < value
            for name, value in query.below.items()
        )
        and all(
            any(found.startswith(text) for found in _field(body, name) or ())
            for name, texts in query.beginning.items()
            for text in texts
        )
    )
