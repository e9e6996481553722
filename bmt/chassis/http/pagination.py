"""Lists in pages: `?limit=` and `?cursor=` in, `{items, next_cursor}` out."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, TypeVar

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from bmt.contracts.problems import FieldError, Refused

Id = Annotated[str, Path(max_length=200)]
"""The id or name in a path. No valid one is longer."""


DEFAULT_LIMIT: Final = 50
LARGEST_LIMIT: Final = 200
_LONGEST_CURSOR: Final = 1024

T = TypeVar("T")
Key = TypeVar("Key", bound=tuple[Any, ...])


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    model_config = ConfigDict(frozen=True)

    items: list[T]
    next_cursor: str | None = Field(description="Send it as `?cursor=` for the next page.")


@dataclass(frozen=True, slots=True)
class PageRequest(Generic[Key]):
    """The requested page. `after` is the sort key of the last item before it; None for the first page."""

    limit: int
    after: Key | None

    @property
    def lookahead(self) -> int:
        """How many items to fetch: one more than the page, to know whether another follows."""
        return self.limit + 1


class Paging(Generic[Key]):
    """A list's order, as the types of its sort key: `Paging(tuple[AwareDatetime, str])`.

    It is the dependency that reads the requested page, and builds the answer. A cursor holds the last sort key
    and is opaque to callers. A forged one can only name another place.
    """

    def __init__(self, key: type[Key]) -> None:
        """`key` is a tuple type of plain values (text, numbers, times)."""
        self._key = TypeAdapter(key)

    async def __call__(
        self,
        limit: Annotated[int, Query(ge=1, le=LARGEST_LIMIT)] = DEFAULT_LIMIT,
        cursor: Annotated[
            str | None,
            Query(max_length=_LONGEST_CURSOR, description="`next_cursor` of the page before."),
        ] = None,
    ) -> PageRequest[Key]:
        """The requested page. Raises `Refused` (`validation_failed`) if the cursor is none of ours."""
        return PageRequest(limit=limit, after=None if cursor is None else self._read(cursor))

    def page(self, found: Sequence[T], asked: PageRequest[Key], key: Callable[[T], Key]) -> Page[T]:
        """The page of the found items (`asked.lookahead` at most), in order."""
        items = list(found[: asked.limit])
        more = len(found) > asked.limit
        return Page(items=items, next_cursor=self.cursor(key(items[-1])) if more else None)

    def cursor(self, key: Key) -> str:
        return urlsafe_b64encode(self._key.dump_json(key)).decode().rstrip("=")

    def _read(self, cursor: str) -> Key:
        try:
            padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
            return self._key.validate_json(urlsafe_b64decode(padded))
        except (ValueError, ValidationError):
            wrong = FieldError.of("/query/cursor", "not_a_cursor")
            raise Refused(wrong.detail, errors=(wrong,)) from None
