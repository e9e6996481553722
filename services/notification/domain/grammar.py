"""What a template's text may hold: words, and variables in braces. Nothing in it is ever run.

`{nama}` is the variable `nama`; `{{` and `}}` are the braces themselves. There is nothing else: no
attributes, no indexes, no formats, no expressions.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

NO_VALUE: Final = "–"
"""What stands where a variable has no value."""

_TOKEN: Final = re.compile(r"\{\{|\}\}|\{(?P<name>[a-z][a-z_]*)\}|[{}]")


@dataclass(frozen=True, slots=True)
class Literal:
    """Words that stand as they are."""

    text: str


@dataclass(frozen=True, slots=True)
class Variable:
    """The place of a value; `position` counts the text's characters from 1."""

    name: str
    position: int


@dataclass(frozen=True, slots=True)
class StrayBrace:
    """A brace that belongs to no variable; `position` counts the text's characters from 1."""

    brace: str
    position: int


Part = Literal | Variable | StrayBrace


@lru_cache(maxsize=2_048)
def parts(text: str) -> Sequence[Part]:
    """All that `text` holds, in order."""
    found: list[Part] = []
    end = 0
    for token in _TOKEN.finditer(text):
        if token.start() > end:
            found.append(Literal(text[end : token.start()]))
        found.append(_part(token))
        end = token.end()
    if end < len(text):
        found.append(Literal(text[end:]))
    return tuple(found)


def _part(token: re.Match[str]) -> Part:
    if token["name"] is not None:
        return Variable(token["name"], token.start() + 1)
    if len(token[0]) == len("{{"):
        return Literal(token[0][0])
    return StrayBrace(token[0], token.start() + 1)


def written(text: str, values: Mapping[str, str | None]) -> str:
    """`text` with its values; what they hold is never looked at again.

    A variable that is unknown, or has no value, is a dash; one whose value is empty (a sentence that is
    not to be said) takes a space with it. This never fails, whatever was stored.
    """
    said = ""
    is_left_out = False
    for part in parts(text):
        match part:
            case Literal(text=words):
                said += words[1:] if is_left_out and words.startswith(" ") else words
                is_left_out = False
            case Variable(name=name):
                value = values.get(name)
                said += NO_VALUE if value is None else value
                is_left_out = value == ""
            case StrayBrace(brace=brace):
                said += brace
    return said.strip()
