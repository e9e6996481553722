"""How views are stored: documents by key, each with the positions of the events it holds.

A view of the service's own events can be rebuilt, so one node acknowledges its writes. A view of another
service's events cannot: these are not redelivered once their offset is committed.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import field
from typing import Any, Protocol

from bmt.contracts.immutable import immutable

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
        one_of: field → values.
        at_least: field → lowest value.
        below: field → the first value too high.
        beginning: field (a list of texts) → texts, each of which must begin one of the list.
        order_by: field to sort by, then by key. If it may be None, only ascending: None comes first.
        after: the (order_by value, key) of the last document seen before.
    """

    equal: Mapping[str, Any] = field(default_factory=dict)
    one_of: Mapping[str, Collection[Any]] = field(default_factory=dict)
    at_least: Mapping[str, Any] = field(default_factory=dict)
    below: Mapping[str, Any] = field(default_factory=dict)
    beginning: Mapping[str, Sequence[str]] = field(default_factory=dict)
    order_by: str | None = None
    descending: bool = False
    after: tuple[Any, str] | None = None
    limit: int = 50


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
