"""Keys of 32 random bytes: each made once for a data directory, and kept outside the databases."""

import base64
import os
from pathlib import Path
from typing import Final

KEY_BYTES: Final = 32


def secret_key(file: Path) -> Path:
    """The file of a key; a new one when there is none."""
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = file.with_suffix(".new")
        aside.touch(mode=0o600)
        aside.write_text(f"{new_key()}\n")
        os.replace(aside, file)  # noqa: PTH105 - the name says that it overwrites
    return file


def new_key() -> str:
    """A key in base64, as `BMT_RECORDS_KEY` and `BMT_SESSION_KEY` take it."""
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()
