"""What was used last, by key, up to a number: the rest is forgotten."""

from collections import OrderedDict
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class LruCache(Generic[K, V]):
    """A bounded memory; whatever it forgets can be had elsewhere."""

    def __init__(self, limit: int) -> None:
        """Keeps the `limit` entries that were put or got last."""
        self._limit = limit
        self._entries: OrderedDict[K, V] = OrderedDict()

    def __contains__(self, key: K) -> bool:
        """Whether something is kept under `key`."""
        return key in self._entries

    def get(self, key: K) -> V | None:
        """What was put under `key`, unless it is forgotten."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def put(self, key: K, value: V) -> None:
        """Keep `value`, in the place of what was there."""
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._limit:
            self._entries.popitem(last=False)

    def forget(self, key: K) -> None:
        """Keep nothing under `key`."""
        self._entries.pop(key, None)

    def clear(self) -> None:
        """Keep nothing."""
        self._entries.clear()
