"""The key that the record's people are sealed under: made once for a data directory, kept outside the database."""

import base64
import os
from pathlib import Path
from typing import Final

KEY_BYTES: Final = 32


def records_key(file: Path) -> Path:
    """The file of the key; a new one when there is none."""
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = file.with_suffix(".new")
        aside.touch(mode=0o600)
        aside.write_text(f"{new_key()}\n")
        os.replace(aside, file)  # noqa: PTH105 - the name says that it overwrites
    return file


def new_key() -> str:
    """As `BMT_RECORDS_KEY` takes it: base64."""
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()
