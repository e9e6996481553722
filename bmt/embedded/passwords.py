"""The passwords of one data directory: made at random once, kept where only its owner reads."""

import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path


def passwords(file: Path, names: Iterable[str]) -> dict[str, str]:
    """A password for each name, from the file; those that it lacks are made and added to it.

    Hexadecimal, so that one fits a URI, a shell and a configuration file as it is.
    """
    known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    made = {name: secrets.token_hex(16) for name in names if name not in known}
    if made:
        _write(file, known | made)
    return known | made


def _write(file: Path, content: dict[str, str]) -> None:
    """Atomically: a half-written file would lock everybody out of the stored data."""
    aside = file.with_suffix(".new")
    aside.touch(mode=0o600)
    aside.write_text(json.dumps(content, indent=2) + "\n")
    os.replace(aside, file)  # noqa: PTH105 - the name says that it overwrites
