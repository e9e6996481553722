"""Lists that callers sort: by one of several fields, in both directions, page by page."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Query

from bmt.chassis.http.routes import (
    DEFAULT_LIMIT,
    LARGEST_LIMIT,
    Cursor,
    Page,
    PageRequest,
    Paging,
)
from bmt.contracts.problems import FieldError, Refused

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SortedPage(PageRequest[tuple[Any, str]]):
    """A page of a list that is sorted by `order`, and then by id."""

    order: str
    descending: bool


class Sorting:
    """What a list may be sorted by: each order with the type of its sort key. The first is the list's own.

    `requested` is the dependency that reads the page; a cursor is of its order alone.
    """

    def __init__(self, orders: Mapping[str, Any], *, newest_first: bool = False) -> None:
        own = next(iter(orders))
        paging = {one: Paging[tuple[Any, str]](tuple[key, str]) for one, key in orders.items()}  # type: ignore[valid-type]
        downwards = "the latest, or the last name, first"
        downwards += f"; default: only in the order `{own}`" if newest_first else ""

        async def requested(
            limit: Annotated[int, Query(ge=1, le=LARGEST_LIMIT)] = DEFAULT_LIMIT,
            cursor: Cursor = None,
            order: Literal[tuple(orders)] = own,  # type: ignore[valid-type]
            *,
            descending: Annotated[bool | None, Query(description=downwards)] = None,
        ) -> SortedPage:
            page = await paging[order](limit, cursor)
            is_down = newest_first and order == own if descending is None else descending
            return SortedPage(page.limit, page.after, order, is_down)

        self.requested = requested
        self._own = own
        self._paging = paging

    def require_own(self, page: SortedPage) -> None:
        """Raises `Refused` where another order is asked for than the list's own, the only one that these callers get."""
        if page.order != self._own:
            wrong = FieldError.of("/query/order", "not_one_of", allowed=(self._own,))
            raise Refused(wrong.detail, errors=(wrong,))

    def page(
        self, found: Sequence[T], page: SortedPage, key: Callable[[T], tuple[Any, str]]
    ) -> Page[T]:
        """As `Paging.page`; `key` is the item's place in the order that is asked for."""
        return self._paging[page.order].page(found, page, key)
