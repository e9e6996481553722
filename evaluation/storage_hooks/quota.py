"""Refuses exactly what would take a volume beyond its quota.

An upload is checked twice against everything in the volume: before it is written, by its announced size and
ignoring what it would overwrite; and when finished, before it is answered, since others may have arrived
(copyparty removes it if we refuse). A copy is checked before it is made. The working directory is the storage
folder, and `vmaxb` of a volume's file is the quota.
"""

import re
from pathlib import Path
from typing import Any

QUOTA = re.compile(r"^[ \t]+vmaxb:[ \t]*(\d+)b[ \t]*$", re.MULTILINE)


def main(event: dict[str, Any]) -> dict[str, Any]:
    """Copyparty's hook.

    Args:
        event: `ap` is the file's absolute path, `sz` its size in bytes (-1: not known yet), `src` what
            happens to it: `xbu...` before an upload, `xau...` after, `xbc` a copy.
    """
    data = Path("data").absolute()
    account = Path(event["ap"]).relative_to(data).parts[0]
    quota = _quota(Path("volumes") / f"{account}.conf")
    if quota is not None and _used(data / account) + _to_come(event) > quota:
        return {"rc": 1, "rejectmsg": "volume has exceeded max size"}
    return {"rc": 0}


def _quota(volume: Path) -> int | None:
    found = QUOTA.search(volume.read_text())
    return int(found[1]) if found else None


def _to_come(event: dict[str, Any]) -> int:
    """What the volume grows by; a copy has another place and overwrites nothing we know of."""
    if event["src"] == "xbc":
        return int(event["sz"])
    if event["src"].startswith("xbu"):
        return max(0, int(event["sz"])) - _size(Path(event["ap"]))
    return 0


def _used(folder: Path) -> int:
    return sum(_size(file) for file in folder.rglob("*"))


def _size(file: Path) -> int:
    try:
        return file.stat().st_size if file.is_file() else 0
    except FileNotFoundError:  # removed meanwhile
        return 0
