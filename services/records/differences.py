"""What changed in a file's state between two moments: pure, over the states as the time machine tells them."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from bmt.contracts.http.records import StateChange


def differences(before: BaseModel | None, after: BaseModel) -> Iterator[StateChange]:
    """Each field that differs, by its JSON pointer (RFC 6901); None: there was no file yet."""
    first = {} if before is None else before.model_dump(mode="json")
    yield from _differences("", first, after.model_dump(mode="json"))


def _differences(pointer: str, before: Any, after: Any) -> Iterator[StateChange]:
    """Objects field by field; a list is one value."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys((*before, *after)):
            yield from _differences(f"{pointer}/{name}", before.get(name), after.get(name))
    elif before != after:
        yield StateChange(pointer=pointer, before=before, after=after)
