"""Printing text or JSON."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import typer

_NOT_SHOWN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)


def show(document: Mapping[str, Any], lines: Sequence[str], *, as_json: bool) -> None:
    """Print one of the two."""
    typer.echo(json.dumps(document, indent=2) if as_json else "\n".join(lines))


def harmless(text: str) -> str:
    """An outsider's text without characters that move the cursor or reverse the text."""
    return _NOT_SHOWN.sub("\N{REPLACEMENT CHARACTER}", text)


def one_line(text: str) -> str:
    """As `harmless`, without line breaks and tabs."""
    return " ".join(harmless(text).split())


def moment(at: datetime) -> str:
    """To the second, UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def counted(number: int, noun: str) -> str:
    """`1 event`, `2 events`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
