"""Where views stand: documents by key, each knowing which events it already holds.

What is made of the service's own events can be made again, so those writes are acknowledged by one
node only. What is made of another service's is not said twice once its offset is committed.
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
        key: its id within the view.
        body: what it says; times are aware datetimes, so that they sort.
        applied: for each origin (stream), the position of the last event it holds.
        revision: counts its writes; guards against two writers.
    """

    key: str
    body: Body
    applied: Mapping[str, int]
    revision: int


@immutable
class Query:
    """What to find. All conditions must hold; fields may be dotted paths.

    Attributes:
        equal: field → value.
        one_of: field → values.
        at_least: field → lowest value.
        below: field → the first value too high.
        beginning: field (a list of texts) → texts, each of which must begin one of the list.
        order_by: field to sort by, then by key; where it may be None, only ascending: None comes first.
        descending: the highest first.
        after: the (order_by value, key) of the last document seen before.
        limit: at most so many.
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
    """What the memory and the MongoDB view store both promise (one suite tests both).

    Every method raises `StoreUnavailable` when the store cannot be reached.
    """

    async def load(self, view: str, keys: Collection[str]) -> Mapping[str, ViewDocument]:
        """The documents there are, by key."""
        ...

    async def save(
        self, view: str, documents: Sequence[ViewDocument], *, durable: bool = False
    ) -> Collection[str]:
        """Write each document whose stored revision is one lower; the keys of those not written.

        `durable`: return when no crash can undo it.
        """
        ...

    async def find(self, view: str, query: Query) -> Sequence[ViewDocument]:
        """The documents that `query` describes, in its order."""
        ...

    async def count(
        self, view: str, by: Sequence[str], query: Query
    ) -> Mapping[tuple[Any, ...], int]:
        """How many documents there are for each combination of the fields `by`."""
        ...

    async def distinct(self, view: str, field: str, query: Query) -> Collection[Any]:
        """The different values of `field`, None not among them; read from an index that has it."""
        ...

    async def remove(self, view: str, keys: Collection[str]) -> None:
        """Remove these documents."""
        ...

    async def clear(self, view: str) -> None:
        """Remove every document of the view."""
        ...
