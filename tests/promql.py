"""What a PromQL expression asks for: enough of its grammar for the expressions of deploy/."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_WORD = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_SELECTOR = re.compile(rf"(?<![\w:])({_WORD.pattern})(?![\w:]|\s*\()\s*(?:\{{([^}}]*)\}})?")
_MATCHER = re.compile(rf"({_WORD.pattern})\s*(?:=~|!~|!=|=)")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
_DURATION = re.compile(r"\[[^\]]*\]|\boffset\s+\w+")
_WORDS_OF_ITS_OWN = {"and", "or", "unless", "bool", "inf", "nan"}


@dataclass(frozen=True)
class Selector:
    """A metric, and the labels that it is chosen by."""

    metric: str
    labels: frozenset[str]


def selectors(expression: str) -> Iterator[Selector]:
    """Every metric that the expression reads."""
    bare = _GROUPING.sub(" ", _DURATION.sub(" ", _TEXT.sub('""', expression)))
    for name, matchers in _SELECTOR.findall(bare):
        if name.lower() not in _WORDS_OF_ITS_OWN:
            yield Selector(name, frozenset(_MATCHER.findall(matchers)))


def grouping_labels(expression: str) -> set[str]:
    """Every label that series are added up, kept or joined by."""
    bare = _TEXT.sub('""', expression)
    return {label for labels in _GROUPING.findall(bare) for label in _WORD.findall(labels)}
