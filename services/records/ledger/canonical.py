"""Canonical JSON (RFC 8785): a leaf has the same hash wherever it is computed."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import orjson
import rfc8785

from bmt.contracts.values import LARGEST_EXACT_INTEGER

LEAF_PREFIX: Final = b"\x00"
"""Separates a leaf's hash from that of an inner node (RFC 6962, section 2.1)."""

DEEPEST: Final = 64
"""Levels of nesting. MongoDB allows 100, and a leaf needs some of them itself."""


class NotCanonical(ValueError):  # noqa: N818  named for what is so
    """This value has no canonical JSON. The text has the reason, without the value."""


def storable(value: Any) -> tuple[Any, bool]:
    """A JSON value as the ledger keeps it, and whether it is `plain` as defined by `canonical`.

    Integers beyond 2^53 - 1 become text. Not recursive, because every event passes here.

    Raises:
        NotCanonical: MongoDB would not return it unchanged. It is nested too deeply, or a name begins
            with `$` or contains a NUL character.
    """
    level, depth, plain, exact = [value], 0, True, True
    while level:
        below: list[Any] = []
        for one in level:
            kind = type(one)
            if kind is str or one is None or kind is bool:
                continue
            if kind is dict:
                plain = _names(one).isascii() and plain
                below.extend(one.values())
            elif kind is list or kind is tuple:
                below.extend(one)
            elif kind is int:
                exact = exact and -LARGEST_EXACT_INTEGER <= one <= LARGEST_EXACT_INTEGER
            else:
                plain = False
        level, depth = below, depth + 1
        if depth > DEEPEST and any(type(one) in _NESTED for one in level):
            raise NotCanonical(f"nested deeper than {DEEPEST} levels")
    return value if exact else _with_texts(value), plain


_NESTED: Final = (dict, list, tuple)


def _with_texts(value: Any) -> Any:
    """The value with text instead of integers beyond 2^53 - 1."""
    if isinstance(value, dict):
        return {name: _with_texts(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_with_texts(inner) for inner in value]
    exact = type(value) is not int or -LARGEST_EXACT_INTEGER <= value <= LARGEST_EXACT_INTEGER
    return value if exact else str(value)


def _names(value: Mapping[Any, Any]) -> str:
    try:
        names = "".join(value)
    except TypeError:
        raise NotCanonical("a name is no text") from None
    if "\0" in names or ("$" in names and any(name.startswith("$") for name in value)):
        raise NotCanonical("a name begins with $ or holds a NUL character")
    return names


def canonical(value: Any, *, plain: bool = False) -> bytes:
    """The canonical JSON of a value.

    `plain`: it is known to have no floats, no integers beyond 2^53 - 1, and only ASCII names.

    Raises:
        NotCanonical: JSON cannot represent it: NaN, half a surrogate pair, a big integer.
    """
    try:
        return (
            orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
            if plain or type(value) is str or _plain(value)
            else rfc8785.dumps(value)
        )
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, orjson.JSONEncodeError) as error:
        raise NotCanonical(type(error).__name__) from None


def _plain(value: Any) -> bool:
    """Whether orjson writes it as RFC 8785 requires: no floats, and only ASCII names.

    orjson is ten times as fast. UTF-16 and UTF-8 sort alike below the surrogates. Not recursive,
    because every leaf and every personal value passes here.
    """
    left = [value]
    while left:
        one = left.pop()
        kind = type(one)
        if kind is str or one is None or kind is bool:
            continue
        if kind is dict:
            try:
                if not "".join(one).isascii():
                    return False
            except TypeError:  # a name that is not text
                return False
            left.extend(one.values())
        elif kind is list:
            left.extend(one)
        elif kind is not int or not -LARGEST_EXACT_INTEGER <= one <= LARGEST_EXACT_INTEGER:
            return False
    return True


def leaf_hash(content: Mapping[str, Any], *, plain: bool = False) -> str:
    """SHA-256(0x00 ‖ canonical JSON) of a leaf without its hash, in lower-case hex.

    Raises:
        NotCanonical: as `canonical`.
    """
    return hashlib.sha256(LEAF_PREFIX + canonical(dict(content), plain=plain)).hexdigest()
