"""Pins every package that a lock names with extras without them, too: `python pin_extras.py LOCK...`.

Before 23.3 pip takes `pydantic[email]` and `pydantic` for two packages, and wants the hashes of both.
"""

import re
import sys
from pathlib import Path

PINNED_WITH_EXTRAS = re.compile(r"^([\w.-]+)\[[^\]]+\](==.*(?:\n    --hash=.*)+\n)", re.MULTILINE)


def _with_both(lock: str) -> str:
    return PINNED_WITH_EXTRAS.sub(r"\1\2\g<0>", lock)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        file = Path(name)
        file.write_text(_with_both(file.read_text()))
